#!/usr/bin/env bash
# diffusers 0.42.1: a network saved in shards and then saved whole into the same folder loses its shards but keeps
# their index, and can no longer be loaded (FileNotFoundError or OSError), although its whole file is there.
# Guess before the run: the index goes with the shards. Seen: config, the whole file and the stale index; no load.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python=${PYTHON:-python3}
"$python" -m pip install -q --no-compile --target "$work/lib" diffusers==0.42.1 torch==2.13.0 numpy==2.4.6
export PYTHONPATH=$work/lib
"$python" - "$work/unet" 2> "$work/words" <<'PY'
import os, sys
from diffusers import UNet2DConditionModel

unet = UNet2DConditionModel(sample_size=8, block_out_channels=(32,), layers_per_block=1, norm_num_groups=8,
                            down_block_types=("CrossAttnDownBlock2D",), up_block_types=("CrossAttnUpBlock2D",),
                            cross_attention_dim=16, attention_head_dim=4)
unet.save_pretrained(sys.argv[1], max_shard_size="100KB")
assert len(os.listdir(sys.argv[1])) > 3
UNet2DConditionModel.from_pretrained(sys.argv[1])
unet.save_pretrained(sys.argv[1])
names = sorted(os.listdir(sys.argv[1]))
print("after saving whole:", *names)
assert names == ["config.json", "diffusion_pytorch_model.safetensors",
                 "diffusion_pytorch_model.safetensors.index.json"], "behaviour has changed"
try:
    UNet2DConditionModel.from_pretrained(sys.argv[1])
except OSError as problem:
    print("loading:", type(problem).__name__)
else:
    raise SystemExit("behaviour has changed: it loads")
PY
