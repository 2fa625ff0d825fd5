"""Ways to spoil the trainer, each of which the quality test must notice. For tests and benchmarks alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch


@contextmanager
def text_dropped() -> Iterator[None]:
    """Training sees the empty prompt in both frames."""
    from trainer.train import assembly

    real = assembly.tokenize
    with patch.object(assembly, "tokenize", lambda tokenizer, prompts: real(tokenizer, [""] * len(prompts))):
        yield


@contextmanager
def background_dropped() -> Iterator[None]:
    """Training and sampling see mid-grey in place of the background."""
    from trainer.data import backgrounds, dataset

    def grey(image: Any, _mask: Any) -> Any:
        return image.point(lambda _: 128)

    with patch.object(dataset, "blacken_object", grey), patch.object(backgrounds, "blacken_object", grey):
        yield


@contextmanager
def frames_swapped() -> Iterator[None]:
    """Training takes the part for the whole image and the other way round."""
    from trainer.train.loop import Loop

    real = Loop.inputs

    def swapped(self: Any, *arguments: Any) -> Any:
        return [replace(inputs, latents=inputs.latents.flip(1)) for inputs in real(self, *arguments)]

    with patch.object(Loop, "inputs", swapped):
        yield


@contextmanager
def layer_zeroed() -> Iterator[None]:
    """The trainer writes zeros for all that one attention layer learnt."""
    from trainer.optim.flat_parameters import AdapterParameters

    real = AdapterParameters.tensors

    def without_one(self: Any) -> Any:
        return zero_a_layer(real(self))

    with patch.object(AdapterParameters, "tensors", without_one):
        yield


def zero_a_layer(tensors: dict[str, Any]) -> dict[str, Any]:
    """The tensors, one attention layer's of the UNet's second half zero."""
    layers = sorted({layer_of(name) for name in tensors if "up_blocks" in name})
    zeroed = layers[len(layers) // 2]
    return {name: value * (layer_of(name) != zeroed) for name, value in tensors.items()}


def layer_of(name: str) -> str:
    """The attention layer that a tensor of a weight file belongs to."""
    return name.partition(".to_")[0].partition(".temporal_")[0]


@contextmanager
def guidance_off() -> Iterator[None]:
    """Sampling without guidance, whatever is asked for."""
    from trainer.method.sampling import Sampler

    real = Sampler.__init__

    def plain(self: Any, *arguments: Any, **named: Any) -> None:
        real(self, *arguments, **{**named, "guidance": 1.0})

    with patch.object(Sampler, "__init__", plain):
        yield


SPOILS = {
    "text dropped": text_dropped,
    "background dropped": background_dropped,
    "frames swapped": frames_swapped,
    "layer zeroed": layer_zeroed,
    "guidance off": guidance_off,
}


@contextmanager
def spoilt(name: str) -> Iterator[None]:
    """The spoil of that name; none where it is empty."""
    with ExitStack() as stack:
        if name:
            stack.enter_context(SPOILS[name]())
        yield
