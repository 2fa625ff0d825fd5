"""What surrounds a CUDA graph, with a stand-in for the graph itself (tests/trainer/gpu/test_gpu.py has real ones)."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from types import SimpleNamespace

import pytest
import torch

from trainer.errors import TrainerError
from trainer.kernels import cuda_graph
from trainer.method.objective import StepInputs
from trainer.train.passes import GraphPass

REASON = "operation not permitted when stream is capturing"


class Eager:
    """Stands for `EagerPass`: its loss is the sum of what it is given, its gradient counts its calls."""

    passes = 2

    def __init__(self):
        self.gradient = 0
        self.parameters = SimpleNamespace(start_sum=self.start_sum)

    def __call__(self, inputs):
        self.gradient += 1
        return inputs.latents.sum() + inputs.timesteps.sum()

    def start_sum(self, passes):
        assert passes == self.passes
        self.gradient = 0


def inputs(value):
    return StepInputs(torch.full((2,), float(value)), torch.zeros(2), torch.tensor([value, value]))


@pytest.fixture
def eager(monkeypatch):
    """A pass, and streams and graphs that record nothing."""
    stream = SimpleNamespace(wait_stream=lambda _: None)
    monkeypatch.setattr(cuda_graph, "_free_unused", lambda: None)
    monkeypatch.setattr(torch.cuda, "Stream", lambda: stream)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: stream)
    monkeypatch.setattr(torch.cuda, "stream", lambda _: nullcontext())
    monkeypatch.setattr(torch.cuda, "CUDAGraph", object)
    return Eager()


def fail(monkeypatch, error):
    """Let recording end in an error."""

    @contextmanager
    def recording(_graph, pool=None):
        yield
        raise error

    monkeypatch.setattr(torch.cuda, "graph", recording)


def test_a_replay_reads_the_new_inputs(eager, monkeypatch):
    run = GraphPass(eager)
    replayed = []

    class Graph:
        def replay(self):
            replayed.append(1)
            recording = run._recording
            recording.result.copy_(eager(StepInputs(*recording.places)))

    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "graph", lambda _, pool=None: nullcontext())
    assert [run(inputs(value)).item() for value in (1, 5, 2)] == [4.0, 20.0, 8.0]
    assert len(replayed) == 3
    assert eager.gradient == 3  # what warming up and recording added is gone


def test_where_it_cannot_be_recorded_it_is_told_once_and_goes_on_without(eager, monkeypatch):
    fail(monkeypatch, RuntimeError(f"{REASON}\nwith a second line"))
    said = []
    run = GraphPass(eager, required=False, tell=said.append)
    assert [run(inputs(value)).item() for value in (1, 5)] == [4.0, 20.0]
    assert len(said) == 1
    assert REASON in said[0]
    assert "second line" not in said[0]
    assert eager.gradient == 2


def test_where_it_was_asked_for_that_is_an_error(eager, monkeypatch):
    fail(monkeypatch, RuntimeError(REASON))
    with pytest.raises(TrainerError, match=f"--cuda_graph.*{REASON}.*Leave the flag out"):
        GraphPass(eager)(inputs(1))


def test_full_memory_is_no_reason_to_go_on_without(eager, monkeypatch):
    fail(monkeypatch, torch.cuda.OutOfMemoryError("CUDA out of memory"))
    with pytest.raises(torch.cuda.OutOfMemoryError):
        GraphPass(eager, required=False)(inputs(1))


def test_an_error_of_the_pass_itself_is_not_put_down_to_recording(eager, monkeypatch):
    monkeypatch.setattr(torch.cuda, "graph", lambda _, pool=None: nullcontext())
    monkeypatch.setattr(Eager, "__call__", lambda *_: (_ for _ in ()).throw(RuntimeError("mat1 and mat2")))
    said = []
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        GraphPass(eager, required=False, tell=said.append)(inputs(1))
    assert said == []
