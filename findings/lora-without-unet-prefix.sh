#!/usr/bin/env bash
# diffusers 0.42.1 with peft 0.21.2: a LoRA file of a UNet whose names lack the "unet." prefix loads without an
# error and leaves the network as it was; only a warning in the log tells. The same tensors with the prefix load.
# Guess before the run: a ValueError about the names. Seen: 0 adapters and an unchanged output; with the prefix 1.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python=${PYTHON:-python3}
"$python" -m pip install -q --no-compile --target "$work/lib" diffusers==0.42.1 transformers==5.24.0 peft==0.21.2 torch==2.13.0 numpy==2.4.6
export PYTHONPATH=$work/lib
"$python" - 2> "$work/words" <<'PY' || { cat "$work/words" >&2; exit 1; }
import torch
from diffusers import UNet2DConditionModel
from diffusers.loaders import StableDiffusionLoraLoaderMixin

class Pipeline(StableDiffusionLoraLoaderMixin):
    """No more of a pipeline than the loader of adapters looks at."""
    _lora_loadable_modules = ["unet", "text_encoder"]
    unet_name, text_encoder_name = "unet", "text_encoder"
    hf_device_map, components, text_encoder = None, {}, None

def loaded(prefix):
    torch.manual_seed(0)
    unet = UNet2DConditionModel(sample_size=8, block_out_channels=(32,), layers_per_block=1, norm_num_groups=8,
                                down_block_types=("CrossAttnDownBlock2D",), up_block_types=("CrossAttnUpBlock2D",),
                                cross_attention_dim=16, attention_head_dim=4)
    x = torch.ones(1, 4, 8, 8), 1, torch.ones(1, 3, 16)
    with torch.no_grad():
        before = unet(*x).sample
        layer = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q"
        state = {f"{prefix}{layer}.lora_A.weight": torch.ones(2, 32), f"{prefix}{layer}.lora_B.weight": torch.ones(32, 2)}
        pipeline = Pipeline()
        pipeline.unet = unet
        pipeline.load_lora_weights(state)
        return len(getattr(unet, "peft_config", {})), bool(unet(*x).sample.equal(before))

seen = {prefix: loaded(prefix) for prefix in ("", "unet.")}
print("adapters and whether the output is unchanged, by prefix:", seen)
assert seen == {"": (0, True), "unet.": (1, False)}, "behaviour has changed"
PY
