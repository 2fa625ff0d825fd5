"""What turns an index into a pair: base model, trained weights, prompts and backgrounds, loaded once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..base_model.loading import ModelLoader, quieten_libraries
from ..base_model.precision import choose_dtype
from ..data.backgrounds import BackgroundFile, Backgrounds
from ..errors import TrainerError
from ..kernels.cuda_graph import Replayed
from ..method.conditions import Conditions, OwnConditions, SharedConditions
from ..method.merged import merge_adapters
from ..method.objective import load_noise_schedule
from ..method.reuse import InnerReuse
from ..method.sampling import Fast, Noise, Sampler, decode, make_scheduler, to_pixels
from ..method.text import TextEncoder, encode_prompts
from ..method.unet import DualUNet
from ..optim.flat_parameters import AdapterParameters
from ..variant import FRAMES
from ..weights.adapter_file import AdapterWeights
from .manifest import SHARED
from .settings import GenerationSettings

#: Third numbers of the keys of noise, so that no background's noise is an image's.
BACKGROUND, GREY = 1, 2


@dataclass(frozen=True, slots=True)
class Preset:
    """What `--fast` saves beside steps; by measurement (benchmarks/trainer/RESULTS.md), and noted beside the pairs.

    Attributes:
        guided_from, guided_to: fractions of the walk between which there is guidance.
        layers: of the last block that every call computes.
        whole_call_every: calls from one of all layers to the next.
    """

    guided_from: float
    guided_to: float
    layers: int
    whole_call_every: int


def replayed(model: DualUNet, preset: Preset | None) -> tuple[Replayed, Fast]:
    """The network as CUDA graphs where they can be, and where work is saved."""
    if preset is None:
        return Replayed(model), Fast()
    reuse = InnerReuse(model, preset.layers)
    # Each has memory of its own: what the one leaves, the other reads.
    return Replayed(reuse.whole), Fast(
        (preset.guided_from, preset.guided_to), Replayed(reuse.outer), preset.whole_call_every
    )


PRESET = Preset(0.0, 1.0, 3, 2)


@dataclass(frozen=True, slots=True)
class Generator:
    """Everything that turns an index into a pair.

    Attributes:
        sampler: denoises.
        vae: decodes; float32.
        scaling: the VAE's factor on latents.
        shape: of one latent, (4, h, w).
        backgrounds: of the conditions, or None without background module.
        device: where it runs.
        seed: of the run.
        shared: whether pairs on one background share its VAE sample and its noise.
    """

    sampler: Sampler
    vae: Any
    scaling: float
    shape: tuple[int, int, int]
    backgrounds: Backgrounds | None
    device: torch.device
    seed: int
    shared: bool

    def pairs(self, indexes: Sequence[int]) -> npt.NDArray[np.uint8]:
        """The pairs of these indexes, 8-bit (B, 2, H, W, 3): whole image, part."""
        noises = [Noise((self.seed, index), self.shape) for index in indexes]

        def draw() -> Tensor:
            return self._sent(torch.stack([noise.draw(FRAMES) for noise in noises]))

        start, conditions = draw(), None
        if self.backgrounds is not None:
            numbers = [self.backgrounds.number(index) for index in indexes]
            if self.shared:
                conditions = self._shared(self.backgrounds, numbers)
            else:
                sources = zip(numbers, noises, strict=True)
                own = [self.backgrounds.latents([number], noise.draw(2)) for number, noise in sources]
                conditions = OwnConditions(torch.stack(own), draw)
        latents = self.sampler.sample(start, conditions)
        return to_pixels(decode(self.vae, latents, self.scaling)).numpy()

    def _shared(self, backgrounds: Backgrounds, numbers: Sequence[int]) -> Conditions:
        """Conditions keyed by seed, background and call: the same in every batch."""
        distinct = list(dict.fromkeys(numbers))
        noises = [Noise((self.seed, 0, GREY), self.shape)]
        noises += [Noise((self.seed, number, BACKGROUND), self.shape) for number in distinct]

        def draw() -> Tensor:
            return self._sent(torch.cat([noise.draw(1) for noise in noises]))

        seen_by = torch.tensor([distinct.index(number) for number in numbers])
        return SharedConditions(backgrounds.latents(distinct, draw()), seen_by, draw)

    def _sent(self, noise: Tensor) -> Tensor:
        """`noise` on the device; pinned memory is copied while the device computes and the CPU draws on."""
        return noise.pin_memory().to(self.device, non_blocking=True) if self.device.type == "cuda" else noise

    @property
    def side(self) -> int:
        """Of the pairs, in pixels."""
        return 8 * self.shape[1]

    def background(self, index: int) -> BackgroundFile | None:
        """The background of this pair."""
        if self.backgrounds is None:
            return None
        return self.backgrounds.files[self.backgrounds.number(index)]


def load_generator(
    settings: GenerationSettings,
    facts: Mapping[str, Any],
    weights: AdapterWeights,
    files: Sequence[BackgroundFile],
) -> Generator:
    """Load the base model, put the weights in, encode the prompts.

    Raises:
        TrainerError: a part cannot be loaded, or the weights do not fit.
    """
    quieten_libraries()
    device = choose_device(settings.device)
    dtype = choose_dtype(settings.mixed_precision, device)
    loader = ModelLoader(settings.pretrained_model_name_or_path, settings.revision)
    unet = loader.unet().float().eval()
    torch.backends.cuda.matmul.allow_tf32 = settings.allow_tf32
    side = check_side(settings.resolution or int(unet.config.sample_size) * 8)
    model = DualUNet(unet, variant=weights.variant, rank=weights.rank)
    encoder = TextEncoder(loader.text_encoder(), rank=weights.rank if weights.text_encoder else None)
    AdapterParameters({**model.adapters, **encoder.adapters}, weights.tensors, device=torch.device("cpu"))
    merge_adapters(model)
    model.to(device, dtype)
    if device.type == "cuda":
        unet.to(memory_format=torch.channels_last)
    prompts = ["", "", settings.prompt_blend, settings.prompt_fg]
    text = encode_prompts(encoder.to(device, dtype), loader.tokenizer(), prompts).unflatten(0, (2, 2))
    vae = loader.vae().to(device)
    ddpm = loader.scheduler()
    network, fast = replayed(model, PRESET if settings.fast else None)
    sampler = Sampler(
        network,
        make_scheduler(facts["scheduler"], ddpm.config),
        load_noise_schedule(ddpm, device),
        text,
        steps=facts["num_inference_steps"],
        guidance=facts["guidance_scale"],
        fast=fast,
    )
    backgrounds = None
    if files:
        per = settings.images_per_background
        backgrounds = Backgrounds(files, vae, side=side, per_background=per, device=device)
    shape = (int(unet.config.in_channels), side // 8, side // 8)
    scaling = float(getattr(vae.config, "scaling_factor", 0.18215))
    shared = facts.get("conditions") == SHARED
    return Generator(sampler, vae, scaling, shape, backgrounds, device, settings.seed, shared)


def choose_device(name: str | None) -> torch.device:
    """The named device, or the GPU where there is one.

    Raises:
        TrainerError: there is no such device.
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        if device.type == "meta":
            raise RuntimeError("it has no memory")
        torch.empty(1, device=device)
        if device.type == "cuda":
            # Streams, graphs and kernels go by the current device, whatever a tensor's is.
            torch.cuda.set_device(device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().splitlines()[0]
        raise TrainerError(f"--device {name} cannot be used: {reason}") from error
    return device


def check_side(side: int) -> int:
    """`side`, if the network can halve its latents three times.

    Raises:
        TrainerError: it cannot.
    """
    if side % 64:
        raise TrainerError(f"--resolution is {side}; expected a multiple of 64.")
    return side
