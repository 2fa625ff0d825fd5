"""Five AdamW steps with a trained text encoder follow upstream's."""

from __future__ import annotations

import pytest
import torch

from tests.trainer.oracle.oracle import VARIANTS, build, needs_oracle, read, step_inputs
from tests.trainer.oracle.test_forward import check_fingerprint
from trainer.method.objective import predict
from trainer.method.text import TextSource, pair_states
from trainer.optim.adamw import AdamWSettings, AdapterOptimizer
from trainer.optim.loss_scale import LossScale
from trainer.train.passes import EagerPass

pytestmark = needs_oracle


@pytest.fixture(scope="module", params=VARIANTS)
def run(request):
    tensors, facts = read(f"{request.param}_train5")
    model, encoder, parameters, schedule = build(request.param, with_text=True)
    tokens = torch.stack([tensors["ids_blend"][0], tensors["ids_fg"][0]])
    text = TextSource(encoder=encoder, tokens=tokens)
    optimizer = AdapterOptimizer(parameters, AdamWSettings())
    forward = EagerPass(model, text, schedule, parameters, LossScale(torch.device("cpu"), enabled=False))
    result = {"tensors": tensors, "facts": facts, "losses": [], "norms": [], "predictions": []}
    start = parameters.tensors()
    for number in range(5):
        inputs = step_inputs(tensors, f"in.step{number}.")
        with torch.no_grad():
            states = pair_states(encoder(tokens), len(inputs.timesteps))
            result["predictions"].append(predict(model, schedule, inputs, states).flatten(0, 1))
        parameters.start_sum(1)
        result["losses"].append(forward(inputs).item())
        if number == 0:
            views = parameters.views(parameters.gradient)
            result["first_gradient"] = {name: view.clone() for name, view in views.items()}
        result["norms"].append(optimizer.step(facts["lr"]).item())
    result["final"] = parameters.tensors()
    result["start"] = start
    return result


def test_losses(run):
    assert run["losses"] == pytest.approx(run["facts"]["loss"], abs=5e-6)


def test_gradient_norms(run):
    assert run["norms"] == pytest.approx(run["facts"]["grad_norm_before_clip"], abs=1e-4)


def test_predictions(run):
    for number, prediction in enumerate(run["predictions"]):
        reference = run["tensors"][f"step{number}.model_pred"]
        torch.testing.assert_close(prediction, reference, atol=1e-4, rtol=0)


def test_first_gradients_of_the_text_encoder(run):
    names = [name for name in run["tensors"] if name.startswith("grad0.")]
    assert len(names) == 4
    for name in names:
        reference = run["tensors"][name]
        got = run["first_gradient"][name.removeprefix("grad0.")]
        assert (got - reference).abs().max() <= 1e-3 * reference.abs().max(), name


def test_final_values(run):
    differences = {}
    for name, reference in run["tensors"].items():
        if name.startswith("final.") and not name.endswith("temporal_k.bias"):
            got = run["final"][name.removeprefix("final.")]
            differences[name] = (got - reference).abs().max().item()
    assert len(differences) >= 30
    assert max(differences.values()) <= 5e-5
    assert sorted(differences.values())[len(differences) // 2] <= 1e-6
    norms = [value for name, value in differences.items() if name.endswith("temporal_n.weight")]
    assert norms
    assert max(norms) <= 5e-6


def test_final_fingerprints(run):
    assert set(run["facts"]["final_fingerprints"]) == set(run["final"])
    for name, expected in run["facts"]["final_fingerprints"].items():
        if not name.endswith("temporal_k.bias"):
            check_fingerprint(name, run["final"][name], expected)


def test_untouched_tensors(run):
    unchanged = {name for name, value in run["final"].items() if torch.equal(value, run["start"][name])}
    assert unchanged == set(run["facts"]["unchanged_after_5_steps"])


def test_names_are_in_the_files_order(run):
    # Upstream's UNet names come first; safetensors sorts, so only the two groups can be compared.
    names = list(run["final"])
    first_text = next(i for i, name in enumerate(names) if name.startswith("text_encoder."))
    assert all(name.startswith("unet.") for name in names[:first_text])
    assert all(name.startswith("text_encoder.") for name in names[first_text:])
