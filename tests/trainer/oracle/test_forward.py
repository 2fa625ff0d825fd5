"""One forward and backward pass equals upstream's: prediction, inner states, every gradient."""

from __future__ import annotations

import math

import pytest
import torch

from tests.trainer.oracle.oracle import VARIANTS, build, needs_oracle, read, step_inputs
from trainer.method.objective import loss, predict

pytestmark = needs_oracle


@pytest.fixture(scope="module", params=VARIANTS)
def run(request):
    """One training pass with probes on every attention layer."""
    tensors, facts = read(f"{request.param}_forward")
    model, _, parameters, schedule = build(request.param, with_text=False)
    seen = {}

    def probe(name):
        def keep(_module, args, kwargs, output):
            source = kwargs.get("encoder_hidden_states")
            seen[name] = {"in": args[0], "out": output, "text": source}

        return keep

    for name, layer in model.unet.named_modules():
        if name.endswith((".attn1", ".attn2")):
            layer.register_forward_hook(probe(name.replace(".stock", "")), with_kwargs=True)
    model.unet.register_forward_hook(
        lambda _m, args, kwargs, _o: seen.update(
            unet={"sample": args[0], "timestep": args[1], "text": kwargs["encoder_hidden_states"]}
        ),
        with_kwargs=True,
    )
    inputs = step_inputs(tensors, "in.")
    text = torch.stack([tensors["in.emb_blend"], tensors["in.emb_fg"]], dim=1)
    prediction = predict(model, schedule, inputs, text)
    value = loss(prediction, inputs.noise)
    value.backward()
    no_gradient = {name for name, adapter, part in parameters._named_parts() if not part.attribute}
    return {
        "variant": request.param,
        "tensors": tensors,
        "facts": facts,
        "prediction": prediction.detach(),
        "noise": inputs.noise,
        "loss": value.item(),
        "seen": seen,
        "parameters": parameters,
        "no_gradient": no_gradient,
    }


def rows(stacked, batch, branch):
    """Stream-major rows as the rows of upstream's condition pass (`w`) or main pass (`r`)."""
    streams = stacked.unflatten(0, (-1, batch))
    return streams[0] if branch == "w" else streams[-2:].transpose(0, 1).flatten(0, 1)


def test_prediction_and_target(run):
    torch.testing.assert_close(run["prediction"].flatten(0, 1), run["tensors"]["model_pred"], atol=1e-4, rtol=0)
    assert torch.equal(run["noise"].flatten(0, 1), run["tensors"]["target"])


def test_loss(run):
    assert run["loss"] == pytest.approx(run["facts"]["loss"], abs=5e-6)


def test_probes(run):
    names = [name for name in run["tensors"] if name.startswith(("probe.", "unet."))]
    assert names
    batch = len(run["tensors"]["in.timesteps"])
    for name in names:
        *path, branch, what = name.split(".")
        key = ".".join(path[1:]) if path[0] == "probe" else "unet"
        stacked = run["seen"][key][what]
        if branch == "w" and len(stacked) == 2 * batch:
            # Upstream computes the condition's rows to the end and throws them away.
            assert key.startswith("up_blocks.")
            assert (key.split(".")[-1], what) != ("attn1", "in")
            continue
        got = rows(stacked, batch, branch)
        torch.testing.assert_close(
            got, run["tensors"][name].to(got.dtype), atol=1e-4, rtol=0, msg=lambda m, n=name: f"{n}: {m}"
        )


def test_saved_gradients(run):
    got = run["parameters"].views(run["parameters"].gradient)
    names = [name.removeprefix("grad.") for name in run["tensors"] if name.startswith("grad.")]
    assert len(names) >= 30
    for name in names:
        if name.endswith("temporal_k.bias"):
            continue  # zero by mathematics; upstream's file holds rounding noise
        reference = run["tensors"][f"grad.{name}"]
        assert (got[name] - reference).abs().max() <= 1e-3 * reference.abs().max(), name


def test_gradient_norm(run):
    norm = run["parameters"].gradient.norm().item()
    assert norm == pytest.approx(run["facts"]["grad_norm_total"], abs=1e-4)


def test_gradient_fingerprints(run):
    got = run["parameters"].views(run["parameters"].gradient)
    prints = run["facts"]["grad_fingerprints"]
    assert set(prints) == set(got)
    for name, expected in prints.items():
        if name.endswith("temporal_k.bias"):
            continue
        check_fingerprint(name, got[name], expected)


def check_fingerprint(name, tensor, expected):
    """l2 within the tolerance; the others within the same fraction of the tensor's l2."""
    flat = tensor.flatten().double()
    scale = expected["l2"]
    weights = torch.cos(0.7071 * torch.arange(len(flat), dtype=torch.float64) + 0.3)
    assert flat.norm().item() == pytest.approx(scale, rel=1e-3), name
    assert flat.abs().max().item() == pytest.approx(expected["max"], abs=1e-3 * scale), name
    slack = 1e-3 * scale * math.sqrt(len(flat))
    assert flat.sum().item() == pytest.approx(expected["sum"], abs=slack), name
    assert (flat * weights).sum().item() == pytest.approx(expected["dot"], abs=slack), name


def test_tensors_without_gradient(run):
    assert run["no_gradient"] - {n for n in run["no_gradient"] if n.endswith("temporal_k.bias")} == set(
        run["facts"]["grads_none"]
    )
    assert set(run["parameters"].untrained) == set(run["facts"]["grads_none"])
