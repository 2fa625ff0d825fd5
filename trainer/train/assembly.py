"""Puts a run together: latents, frozen model, adapters, optimiser."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import torch

from ..data.batches import Planner
from ..data.latents import CachedLatents, LatentSource, LiveLatents, State, states_of
from ..errors import TrainerError
from ..kernels.attention import fused_or_sdpa
from ..kernels.availability import why_not
from ..method.adapters import Part, initial_values
from ..method.attention import xformers_kernel
from ..method.objective import NoiseSchedule, load_noise_schedule
from ..method.text import TextEncoder, TextSource, encode_prompts, tokenize
from ..method.unet import DualUNet
from ..optim.adamw import AdamWSettings, AdapterOptimizer
from ..optim.flat_parameters import AdapterParameters, Leaves
from ..optim.learning_rate import LearningRate
from ..optim.loss_scale import LossScale
from ..variant import PICTURES, Variant
from ..weights.adapter_file import read_weights
from .config import TrainingConfig
from .environment import Run
from .passes import EagerPass, GraphPass, Pass


@dataclass(frozen=True, slots=True)
class Training:
    """Everything the loop needs.

    Attributes:
        latents: of each step's samples.
        scaling: factor on the latents of whole image and part.
        pictures: pictures per sample, 3 with a condition.
        model: the network.
        text: the states of the prompts trained on.
        parameters: what is trained.
        optimizer: how.
        rate: its learning rate.
        run_pass: forward and backward of one pass.
        schedule: the forward process.
        notices: what the person should know.
    """

    latents: LatentSource
    scaling: float
    pictures: int
    model: DualUNet
    text: TextSource
    parameters: AdapterParameters
    optimizer: AdapterOptimizer
    rate: LearningRate
    run_pass: Pass
    schedule: NoiseSchedule
    notices: tuple[str, ...]


Weights = dict[str, torch.Tensor]


def assemble(run: Run, start: int, weights: Weights | None) -> Training:
    """`assemble_all` of one run."""
    return assemble_all([run], [start], [weights])[0]


def assemble_all(runs: Sequence[Run], starts: Sequence[int], weights: Sequence[Weights | None]) -> list[Training]:
    """Load, encode, free what is no longer needed, and build the rest: one model for all runs.

    Args:
        runs: of one anomaly type each, whose flags differ in their images, output and seed alone.
        starts: steps done already.
        weights: the resumed adapters, or None to start anew or from `--initial_weights`.

    Raises:
        TrainerError: something given cannot be used.
    """
    run = runs[0]
    config, loader = run.config, run.loader
    latents, scaling, notices = prepare_latents(runs, starts)
    unet = prepare_unet(run)
    encoder = TextEncoder(loader.text_encoder(), rank=config.rank if config.train_text_encoder else None)
    layers = {**unet.adapters, **encoder.adapters}
    parts = {prefix: layer.parts for prefix, layer in layers.items()}
    values = [_start_values(own, found, parts) for own, found in zip(runs, weights, strict=True)]
    schedule = load_noise_schedule(loader.scheduler(), run.device)
    stack = Leaves(layers, len(runs), device=run.device, dtype=run.dtype)
    text = prepare_text(run, encoder, (config.prompt_blend, config.prompt_fg))
    scales = [LossScale(run.device, enabled=run.dtype == torch.float16) for _ in runs]
    run_pass = choose_pass(run, EagerPass(unet, text, schedule, stack, scales, config.gradient_accumulation_steps))
    trainings = []
    for row, (own, scale) in enumerate(zip(runs, scales, strict=True)):
        parameters = AdapterParameters(layers, values[row], device=run.device, stack=stack, row=row)
        trainings.append(
            Training(
                latents[row],
                scaling,
                len(PICTURES[run.data.variant]),
                unet,
                text,
                parameters,
                AdapterOptimizer(parameters, AdamWSettings.from_flags(own.config), scale),
                LearningRate.from_flags(own.config),
                run_pass,
                schedule,
                (*notices[row], *kernel_notices(run.device)),
            )
        )
    return trainings


def fewer(runs: Sequence[Run], trainings: list[Training]) -> list[Training]:
    """The trainings that go on, without the others that shared their network until now; the list given is emptied.

    Their numbers wait outside the GPU meanwhile, so that it never holds them twice.
    """
    run, first = runs[0], trainings[0]
    layers, layout = first.parameters.adapters, first.parameters.stack.layout
    saved = [
        (t.parameters.tensors(), {name: value.to("cpu", copy=True) for name, value in t.optimizer.tensors().items()})
        for t in trainings
    ]
    scales = [training.optimizer.scale for training in trainings]
    bare = [replace(t, parameters=None, optimizer=None, run_pass=None) for t in trainings]  # type: ignore[arg-type]
    trainings.clear()
    del first
    for adapter in layers.values():
        adapter.forget()
    if run.on_gpu:
        torch.cuda.empty_cache()
    stack = Leaves(layers, len(runs), device=run.device, dtype=run.dtype, layout=layout)
    eager = EagerPass(
        bare[0].model, bare[0].text, bare[0].schedule, stack, scales, run.config.gradient_accumulation_steps
    )
    run_pass = choose_pass(run, eager)
    result = []
    for row, (own, training, (weights, state)) in enumerate(zip(runs, bare, saved, strict=True)):
        parameters = AdapterParameters(layers, weights, device=run.device, stack=stack, row=row)
        optimizer = AdapterOptimizer(parameters, AdamWSettings.from_flags(own.config), scales[row])
        optimizer.load(state)
        result.append(replace(training, parameters=parameters, optimizer=optimizer, run_pass=run_pass))
    return result


def _start_values(run: Run, found: Weights | None, parts: Mapping[str, tuple[Part, ...]]) -> Weights:
    """What a run's adapters start from: what it resumes, another run's weights, or fresh ones of its seed."""
    if found is None and run.config.initial_weights is not None:
        return read_initial_weights(run.config)
    return initial_values(parts, run.config.seed) if found is None else found


def choose_pass(run: Run, eager: EagerPass) -> Pass:
    """A CUDA graph wherever one can be, unless the flags say otherwise."""
    wanted = run.config.cuda_graph
    if wanted is None:
        wanted = run.on_gpu and not run.config.faithful
    if not wanted:
        return eager
    return GraphPass(eager, required=bool(run.config.cuda_graph), tell=lambda text: print(text, file=sys.stderr))


def kernel_notices(device: torch.device) -> list[str]:
    """Says when the fused kernels cannot be used."""
    reason = why_not() if device.type == "cuda" else None
    return [f"steps use PyTorch's own operations only, which is slower: {reason}"] if reason else []


def prepare_latents(runs: Sequence[Run], starts: Sequence[int]) -> tuple[list[LatentSource], float, list[list[str]]]:
    """Encode the images now and forget the VAE, or keep it where pictures are cut at random.

    Returns:
        Each run's latents, the VAE's factor on them, and each run's notices.
    """
    vae = runs[0].loader.vae().to(runs[0].device)
    scaling = float(getattr(vae.config, "scaling_factor", 0.18215))
    pairs = [_latents_of(run, start, vae) for run, start in zip(runs, starts, strict=True)]
    del vae
    if runs[0].on_gpu:
        torch.cuda.empty_cache()
    return [latents for latents, _ in pairs], scaling, [notices for _, notices in pairs]


def _latents_of(run: Run, start: int, vae: Any) -> tuple[LatentSource, list[str]]:
    """One run's latents, and notices."""
    data, device = run.data, run.device
    cut_at_random = [i for i in range(len(data)) if data.crop_range(i) != (0, 0)]
    if not run.config.cache_latents or cut_at_random:
        notice = (
            f"{len(cut_at_random)} of {len(data)} images are not square and are cut at random around their defects, so "
            "they are encoded in every step, which is slower; --center_crop cuts each at one place, as near to the "
            "centre as its defect allows"
        )
        return LiveLatents(data, vae, device), [notice] if cut_at_random else []
    return CachedLatents(data, vae, needed_states(run.planner, start, run.config), device), []


def needed_states(planner: Planner, start: int, config: TrainingConfig) -> set[State]:
    """The images and flips that the remaining steps use, or one more where none remain; stops when all were seen."""
    flips = {"both": 4, "horizontal": 2, "vertical": 2, "none": 1}[config.flips]
    states: set[State] = set()
    for step in range(start, max(config.max_train_steps, start + 1)):
        states.update(states_of(planner.step(step)))
        if len(states) == planner.items * flips:
            break
    return states


def prepare_unet(run: Run) -> DualUNet:
    """The frozen UNet in the computing precision, with its adapters' places."""
    config = run.config
    kernel = xformers_kernel() if config.attention == "xformers" else fused_or_sdpa
    unet = run.loader.unet().to(run.device, run.dtype)
    if run.on_gpu if config.channels_last is None else config.channels_last:
        unet = unet.to(memory_format=torch.channels_last)
    if config.gradient_checkpointing:
        unet.enable_gradient_checkpointing()
    # diffusers checkpoints in training mode only; the network has no dropout that this would switch on.
    unet.train()
    return DualUNet(unet, variant=cast("Variant", config.variant), rank=config.rank, kernel=kernel)


def prepare_text(run: Run, encoder: TextEncoder, prompts: Sequence[str]) -> TextSource:
    """Prompts: encoded at each use if the encoder is trained, else once, and the encoder is freed."""
    tokenizer = run.loader.tokenizer()
    if run.config.train_text_encoder:
        tokens = tokenize(tokenizer, prompts).to(run.device)
        return TextSource(encoder=encoder.to(run.device, run.dtype), tokens=tokens)
    return TextSource(states=encode_prompts(encoder, tokenizer, prompts).to(run.device, run.dtype))


def read_initial_weights(config: TrainingConfig) -> dict[str, torch.Tensor]:
    """The adapters of `--initial_weights`, checked against the flags.

    Raises:
        TrainerError: unreadable, or of another kind of run.
    """
    assert config.initial_weights is not None
    found = read_weights(config.initial_weights)
    for flag, seen, wanted in (
        ("--variant", found.variant, config.variant),
        ("--rank", found.rank, config.rank),
        ("--train_text_encoder", found.text_encoder, config.train_text_encoder),
    ):
        if seen != wanted:
            raise TrainerError(
                f"{config.initial_weights} does not fit: {flag} is {wanted}, the file says {seen}. "
                f"Change {flag} or take another file."
            )
    return found.tensors
