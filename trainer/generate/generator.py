"""What turns an index into a pair: base model, trained weights, prompts and backgrounds, loaded once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..base_model.loading import ModelLoader, quieten_libraries
from ..base_model.precision import choose_dtype
from ..data.backgrounds import BackgroundFile, Backgrounds
from ..errors import TrainerError
from ..kernels.cuda_graph import Replayed
from ..method.merged import merge_adapters
from ..method.objective import load_noise_schedule
from ..method.sampling import ImageNoise, Sampler, SchedulerName, decode, make_scheduler, to_pixels
from ..method.text import TextEncoder, encode_prompts
from ..method.unet import DualUNet
from ..optim.flat_parameters import AdapterParameters
from ..weights.adapter_file import AdapterWeights
from .settings import GenerationSettings


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
    """

    sampler: Sampler
    vae: Any
    scaling: float
    shape: tuple[int, int, int]
    backgrounds: Backgrounds | None
    device: torch.device
    seed: int

    def pairs(self, indexes: Sequence[int]) -> npt.NDArray[np.uint8]:
        """The pairs of these indexes, 8-bit (B, 2, H, W, 3): whole image, part."""
        noises = [ImageNoise(self.seed, index, self.shape) for index in indexes]

        def draw() -> Tensor:
            pairs = torch.stack([noise.pair() for noise in noises])
            if self.device.type == "cuda":
                # Pinned memory is copied while the device computes and the CPU draws on.
                return pairs.pin_memory().to(self.device, non_blocking=True)
            return pairs.to(self.device)

        start, condition = draw(), None
        if self.backgrounds is not None:
            sources = zip(indexes, noises, strict=True)
            condition = torch.stack([self.backgrounds.latents(i, noise.pair()) for i, noise in sources])
        latents = self.sampler.sample(start, condition, draw)
        return to_pixels(decode(self.vae, latents, self.scaling)).numpy()

    def background_name(self, index: int) -> str | None:
        """File name of the background of this pair."""
        if self.backgrounds is None:
            return None
        return self.backgrounds.files[self.backgrounds.number(index)].image.name


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
    sampler = Sampler(
        Replayed(model),
        make_scheduler(cast("SchedulerName", settings.scheduler), ddpm.config),
        load_noise_schedule(ddpm, device),
        text,
        steps=facts["num_inference_steps"],
        guidance=facts["guidance_scale"],
    )
    backgrounds = None
    if files:
        per = settings.images_per_background
        backgrounds = Backgrounds(files, vae, side=side, per_background=per, device=device)
    shape = (int(unet.config.in_channels), side // 8, side // 8)
    scaling = float(getattr(vae.config, "scaling_factor", 0.18215))
    return Generator(sampler, vae, scaling, shape, backgrounds, device, settings.seed)


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
