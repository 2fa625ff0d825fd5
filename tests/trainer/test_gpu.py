"""On a GPU: a second stream and a CUDA graph change when something is computed, never what. Skipped without one."""

from __future__ import annotations

import pytest
import torch

from benchmarks.trainer.random_model import RandomModel, Size
from tests.trainer import runs
from trainer.adapters import initial_values
from trainer.beside import Beside
from trainer.model import DualUNet
from trainer.objective import NoiseSchedule, StepInputs
from trainer.parameters import AdapterParameters
from trainer.precision import LossScale
from trainer.stepper import EagerPass, GraphPass, TextSource

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
#: Stable Diffusion 1.5's widths: kernels long enough for two streams to overtake each other.
SIZE = Size(resolution=256)


@pytest.fixture(autouse=True)
def same_kernels():
    """Kernels that give the same bits twice."""
    torch.use_deterministic_algorithms(True, warn_only=True)
    yield
    torch.use_deterministic_algorithms(False)


def make_pass(beside, dtype=torch.bfloat16):
    """A pass of the full-size network with values in which everything has a gradient."""
    device = torch.device("cuda")
    unet = RandomModel(SIZE, device).unet().to(dtype).to(memory_format=torch.channels_last)
    model = DualUNet(unet, variant="bcm", rank=8, beside=beside)
    values = initial_values({prefix: adapter.parts for prefix, adapter in model.adapters.items()}, 0)
    generator = torch.Generator().manual_seed(1)
    values = {name: value + 0.01 * torch.randn(value.shape, generator=generator) for name, value in values.items()}
    parameters = AdapterParameters(model.adapters, values, device=device, dtype=dtype, beside=beside)
    states = torch.randn(2, 77, SIZE.text, device=device, dtype=dtype, generator=torch.Generator(device).manual_seed(2))
    schedule = NoiseSchedule(torch.linspace(0.999, 0.005, 1000, device=device))
    return EagerPass(model, TextSource(states=states), schedule, parameters, LossScale(device, enabled=False))


def inputs(seed):
    device, side = torch.device("cuda"), SIZE.resolution // 8
    generator = torch.Generator(device).manual_seed(seed)

    def normal(*shape):
        return torch.randn(shape, device=device, generator=generator)

    times = torch.randint(1000, (2,), device=device, generator=generator)
    frames = normal(2, 2, 4, side, side), normal(2, 2, 4, side, side)
    return StepInputs(*frames, times, normal(2, 4, side, side), normal(2, 4, side, side))


def results(run, parameters, rounds=6):
    """Loss and gradient of some passes."""
    pairs = []
    for seed in range(rounds):
        loss = run(inputs(seed))
        pairs.append((loss.item(), parameters.gradient.clone()))
    return pairs


@pytest.mark.parametrize("graph", [False, True])
def test_a_second_stream_changes_no_bit(graph):
    plain = make_pass(Beside())
    expected = results(plain, plain.parameters)
    del plain
    eager = make_pass(Beside(torch.device("cuda")))
    found = results(GraphPass(eager) if graph else eager, eager.parameters)
    for (loss, gradient), (own_loss, own_gradient) in zip(expected, found, strict=True):
        assert loss == own_loss
        assert torch.equal(gradient, own_gradient)


@pytest.mark.parametrize("precision", ["no", "bf16", "fp16"])
def test_a_graph_takes_the_steps_that_are_taken_without(tmp_path, precision):
    same = ("--max_train_steps", "20", "--mixed_precision", precision, "--deterministic", "--train_text_encoder")
    assert runs.train(tmp_path / "eager", *same, "--no-cuda_graph") == 0
    assert runs.train(tmp_path / "graph", *same, "--cuda_graph") == 0
    assert runs.losses(tmp_path / "eager") == runs.losses(tmp_path / "graph")


def test_accumulated_passes_through_a_graph_add_up(tmp_path):
    same = ("--max_train_steps", "6", "--mixed_precision", "bf16", "--deterministic")
    parts = ("--train_batch_size", "1", "--gradient_accumulation_steps", "2")
    assert runs.train(tmp_path / "eager", *same, *parts, "--no-cuda_graph") == 0
    assert runs.train(tmp_path / "graph", *same, *parts, "--cuda_graph") == 0
    assert runs.losses(tmp_path / "eager") == runs.losses(tmp_path / "graph")
