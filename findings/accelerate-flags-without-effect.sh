#!/usr/bin/env bash
# accelerate 1.15.0, two settings that are taken and do nothing:
# 1. `accelerate launch --gradient_accumulation_steps 4` is ignored without DeepSpeed (the script sees 1), while the
#    environment variable ACCELERATE_GRADIENT_ACCUMULATION_STEPS=4 beats what the script itself asked for (2).
# 2. Accelerator(mixed_precision="fp16") on a CPU says "fp16" of itself, but computes in float32 and has no scaler;
#    no error, no warning. Guesses before the run: the flag reaches the script; a ValueError.
# Seen: flag 1, variable 4; mixed_precision fp16, output torch.float32, scaler None.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python=${PYTHON:-python3}
"$python" -m pip install -q --no-compile --target "$work/lib" accelerate==1.15.0 torch==2.13.0 numpy==2.4.6
export PYTHONPATH=$work/lib
cat > "$work/one.py" <<'PY'
from accelerate import Accelerator
print("steps", Accelerator().gradient_accumulation_steps)
PY
sed 's/Accelerator()/Accelerator(gradient_accumulation_steps=2)/' "$work/one.py" > "$work/two.py"
export CUDA_VISIBLE_DEVICES= HF_HOME=$work
flag=$("$python" -m accelerate.commands.launch --cpu --num_processes 1 --gradient_accumulation_steps 4 "$work/one.py" 2> "$work/words")
variable=$(ACCELERATE_GRADIENT_ACCUMULATION_STEPS=4 "$python" "$work/two.py" 2> "$work/words")
echo "flag 4: $flag; script 2, variable 4: $variable"
[ "$flag, $variable" = "steps 1, steps 4" ] || { echo "behaviour has changed" >&2; exit 1; }
"$python" -W error::UserWarning - <<'PY'
import torch
from accelerate import Accelerator

accelerator = Accelerator(mixed_precision="fp16")
model = accelerator.prepare(torch.nn.Linear(4, 4))
seen = (accelerator.mixed_precision, str(model(torch.ones(1, 4)).dtype), accelerator.scaler)
print("on the CPU:", *seen)
assert seen == ("fp16", "torch.float32", None), "behaviour has changed"
PY
