"""Predicts the GPU memory of a training run from the model's dimensions and the flags.

Standard library only: the doctor runs it with an interpreter that has no torch. The activations are counted
tensor by tensor as autograd keeps them (tests/trainer/memory/test_estimate.py compares with what it really keeps); the
margin for CUDA itself and for workspaces is an estimate. What changes there has to change here:

| here | mirrors |
| --- | --- |
| `attention_adapter`, `trained_parameters` | the parts of method/adapters.py: `attention_parts`, `text_parts` |
| `attention_saved` | what method/lora.py, method/frames.py and kernels/attention.py save for the backward pass |
| `saved_by`, `last_norm_bytes` | what base_model/frozen_layers.py and base_model/feed_forward.py save |
| `differentiated_alone` | their way under gradient checkpointing: `FrozenTransformer` and the lean feed-forward |
| `text_activations`, `text_parameters` | transformers' CLIP text encoder with the hooks of method/text.py |
| `estimate`: adapters, optimizer | the buffers of optim/flat_parameters.py and the moments of optim/adamw.py |
| memory/unet_layers.py | diffusers' `UNet2DConditionModel` of Stable Diffusion 1.x |
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from ..variant import CONDITION_WIDTH, FEED_FORWARD_PORTION, PICTURES, TOKENS
from .unet_layers import Attention, Conv, Resnet, UNetShape, unet_layers

GIB = 2**30
#: CUDA context, cuBLAS and cuDNN workspaces, and the allocator's fragments, roughly.
CONTEXT_BYTES = 1.1 * GIB


@dataclass(frozen=True, slots=True)
class MemorySettings:
    """What decides the memory of a run; the flags of the same names.

    Attributes:
        unet: widths of the UNet.
        text_width, text_layers, vocabulary: the text encoder's dimensions.
        vae_parameters: of the whole VAE, which is in memory only while latents are cached.
        images: training images whose latents are cached; 0 where their number is not known.
        flips: states of each that are cached: 4 with both flips.
        types: anomaly types that train together, each with so many images.
    """

    train_batch_size: int = 2
    resolution: int = 512
    mixed_precision: str = "no"
    variant: str = "bcm"
    rank: int = 32
    train_text_encoder: bool = False
    gradient_checkpointing: bool = False
    use_8bit_adam: bool = False
    cache_latents: bool = True
    unet: UNetShape = field(default_factory=UNetShape)
    text_width: int = 768
    text_layers: int = 12
    vocabulary: int = 49408
    vae_parameters: int = 83_653_863
    images: int = 0
    flips: int = 4
    types: int = 1

    @property
    def streams(self) -> int:
        """Rows of the UNet's batch per sample: two frames, and the condition."""
        return 3 if self.variant == "bcm" else 2

    @property
    def element(self) -> int:
        """Bytes of a number in the network."""
        return 4 if self.mixed_precision == "no" else 2


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """Bytes, by what needs them; `peak` adds them up.

    Attributes:
        frozen: weights of UNet, trained text encoder and (uncached) VAE.
        adapters: float32 master copy, gradient sum, and a copy in low precision.
        optimizer: AdamW's two moments.
        activations: what autograd keeps from the forward pass.
        backward: gradients of activations and of adapters that live at the end of the backward pass.
        context: CUDA itself.
        latents: mean and deviation of every cached picture.
    """

    frozen: int
    adapters: int
    optimizer: int
    activations: int
    backward: int
    context: int
    latents: int = 0

    @property
    def tensors(self) -> int:
        """Peak of PyTorch's own tensors (`torch.cuda.max_memory_allocated`)."""
        return self.frozen + self.adapters + self.optimizer + self.activations + self.backward + self.latents

    @property
    def peak(self) -> int:
        """What the GPU must have free."""
        return self.tensors + self.context


def estimate(settings: MemorySettings) -> MemoryEstimate:
    """The memory of a run with these settings."""
    layers = list(unet_layers(settings.unet, settings.resolution // 8))
    trained = trained_parameters(settings, layers)
    low = 0 if settings.element == 4 else settings.element
    frozen = unet_parameters(settings, layers) * settings.element
    if settings.train_text_encoder:
        frozen += text_parameters(settings) * settings.element
    if not settings.cache_latents:
        frozen += settings.vae_parameters * 4
    types = settings.types
    # The frozen network sees the samples of all types as one batch; adapters, moments and texts are each type's own.
    kept, transient = activation_bytes(replace(settings, train_batch_size=types * settings.train_batch_size), layers)
    kept += (types - 1) * text_activations(settings)
    return MemoryEstimate(
        frozen=frozen,
        # Gradients in low precision come when activations have gone.
        adapters=types * trained * (4 + 4 + low),
        optimizer=types * trained * (2 if settings.use_8bit_adam else 8),
        activations=kept,
        backward=transient,
        context=int(CONTEXT_BYTES),
        latents=types * latent_bytes(settings),
    )


def latent_bytes(settings: MemorySettings) -> int:
    """Bytes of the cached latents: mean and deviation, float32, of each picture of each image and flip."""
    if not settings.cache_latents:
        return 0
    pictures = len(PICTURES["bcm" if settings.variant == "bcm" else "dual"])
    one = settings.unet.channels * (settings.resolution // 8) ** 2 * 2 * 4
    return settings.images * settings.flips * pictures * one


Layer = Resnet | Attention | Conv


def attention_adapter(width: int, source: int, settings: MemorySettings, *, own: bool) -> int:
    """Trained numbers of one attention layer."""
    lora = 2 * settings.rank * (2 * width + 2 * (source + width) + 2 * width)
    temporal = 5 * (width * width + width) + 2 * width
    maps = 1 + 2 * CONDITION_WIDTH * width + CONDITION_WIDTH + width
    return lora + temporal + (maps if own and settings.variant == "bcm" else 0)


def trained_parameters(settings: MemorySettings, layers: Sequence[Layer]) -> int:
    """Trained numbers of the whole run."""
    total = 0
    for layer in layers:
        if isinstance(layer, Attention):
            total += attention_adapter(layer.width, layer.width, settings, own=True)
            total += attention_adapter(layer.width, layer.text_width, settings, own=False)
    if settings.train_text_encoder:
        total += settings.text_layers * 4 * 2 * settings.rank * settings.text_width
    return total


def unet_parameters(settings: MemorySettings, layers: Sequence[Layer]) -> int:
    """Frozen numbers of the UNet."""
    first = settings.unet.widths[0]
    time = 4 * first
    total = first * time + time + time * time + time
    total += 2 * settings.unet.widths[0]
    for layer in layers:
        total += layer.parameters(time)
    return total


def text_parameters(settings: MemorySettings) -> int:
    """Frozen numbers of the CLIP text encoder (feed-forward four times as wide)."""
    width = settings.text_width
    layer = 4 * (width * width + width) + 8 * width * width + 5 * width + 4 * width
    return (settings.vocabulary + TOKENS) * width + settings.text_layers * layer + 2 * width


def activation_bytes(settings: MemorySettings, layers: Sequence[Layer]) -> tuple[int, int]:
    """Bytes kept for the backward pass, and bytes that live on top while it runs."""
    rows = settings.train_batch_size * settings.streams
    ends = text_activations(settings) + last_norm_bytes(settings, layers)
    if settings.gradient_checkpointing:
        # What surrounds each checkpoint is kept, and one layer at a time is computed again and differentiated.
        boundaries = sum(rows * layer.boundary_numbers * settings.element for layer in layers)
        return boundaries + ends, max(differentiated_alone(layer, settings) for layer in layers)
    kept = sum(sum(saved_by(layer, settings)) for layer in layers)
    # While the largest layer is differentiated, the gradients of its widest tensors are there besides.
    return kept + ends, 2 * max(rows * layer.widest_numbers * settings.element for layer in layers)


def last_norm_bytes(settings: MemorySettings, layers: Sequence[Layer]) -> int:
    """What the norm before the last convolution keeps: its input, of the two frames."""
    return 2 * settings.train_batch_size * settings.unet.widths[0] * layers[-1].tokens * settings.element


def differentiated_alone(layer: Layer, settings: MemorySettings) -> int:
    """Bytes that a checkpoint needs while its layer is computed again and differentiated."""
    rows, size = settings.train_batch_size * settings.streams, settings.element
    if not isinstance(layer, Attention):
        return sum(saved_by(layer, settings)) + 2 * rows * layer.widest_numbers * size
    kept = sum(attention_saved(layer, settings, own=True)) + sum(attention_saved(layer, settings, own=False))
    # The third layer norm's input and result; the gradients of input and result.
    kept += 4 * rows * layer.tokens * layer.width * size
    # A portion of the feed-forward: both halves of the gate's input and their gradients, the gated values' gradient.
    portion = min(rows * layer.tokens, FEED_FORWARD_PORTION)
    return kept + portion * (8 + 8 + 4) * layer.width * size


def text_activations(settings: MemorySettings) -> int:
    """What the text encoder keeps: two prompts, about 22 tensors of its width in each layer."""
    if not settings.train_text_encoder:
        return 0
    return 2 * TOKENS * settings.text_width * settings.text_layers * 22 * settings.element


def saved_by(layer: Layer, settings: MemorySettings) -> Iterator[int]:
    """Bytes of the tensors that one layer keeps for the backward pass."""
    rows, size = settings.train_batch_size * settings.streams, settings.element
    if isinstance(layer, Conv):
        return  # a frozen convolution keeps nothing; its neighbours keep what they need
    if isinstance(layer, Resnet):
        # The inputs of both norms.
        yield rows * layer.tokens * (layer.width_in + layer.width_out) * size
    else:
        # Group norm's input.
        yield rows * layer.tokens * layer.width * size
        yield from attention_saved(layer, settings, own=True)
        yield from attention_saved(layer, settings, own=False)
        # Third layer norm's input; both halves of the gated feed-forward, 4 c each.
        yield rows * layer.tokens * layer.width * (1 + 8) * size


def attention_saved(layer: Attention, settings: MemorySettings, *, own: bool) -> Iterator[int]:
    """Bytes that one attention layer with its layer norm and adapters keeps."""
    streams, size, rank = settings.streams, settings.element, settings.rank
    batch, tokens, width = settings.train_batch_size, layer.tokens, layer.width
    stream = batch * tokens * width * size
    source_tokens = tokens if own else TOKENS
    # Layer norm's input and output, queries, attended values, output (which the two-frame norm keeps).
    yield stream * streams * 5
    # Keys and values.
    yield 2 * batch * streams * source_tokens * width * size
    # Inner LoRA activations: 2r for queries and output, 4r for keys and values.
    yield batch * streams * rank * (2 * 2 * tokens + 4 * source_tokens) * size
    # Log-sum-exp of the attention, float32.
    yield batch * streams * settings.unet.heads * tokens * 4
    # Two-frame block: first map, queries and values of two frames; keys of one.
    yield stream * (2 * 3 + 1)
    if own and settings.variant == "bcm":
        # Blended source of all streams; condition map's result and its inner activations.
        yield stream * (streams + 1) + batch * tokens * CONDITION_WIDTH * size
