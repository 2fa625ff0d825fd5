#!/usr/bin/env bash
# accelerate 1.15.0: MULTI_GPU with two processes on a machine where no GPU is seen (a login node, a wrong driver)
# starts two processes that do not know each other: each is number 0 of 1 and "main", both write the same output
# folder, exit status 0. Guess before the run: an error, since there is no GPU. Seen: twice "0 of 1, main True".
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python=${PYTHON:-python3}
"$python" -m pip install -q --no-compile --target "$work/lib" accelerate==1.15.0 torch==2.13.0 numpy==2.4.6
export PYTHONPATH=$work/lib
cat > "$work/config.yaml" <<'YAML'
compute_environment: LOCAL_MACHINE
distributed_type: MULTI_GPU
num_machines: 1
num_processes: 2
machine_rank: 0
mixed_precision: 'no'
use_cpu: false
main_training_function: main
YAML
cat > "$work/who.py" <<'PY'
from accelerate import Accelerator

a = Accelerator()
print(f"process {a.process_index} of {a.num_processes}, main {a.is_main_process}\n", end="", flush=True)
PY
export CUDA_VISIBLE_DEVICES= HF_HOME=$work
"$python" -m accelerate.commands.launch --config_file "$work/config.yaml" "$work/who.py" > "$work/seen" 2> "$work/words"
cat "$work/seen"
[ "$(grep -c '^process 0 of 1, main True$' "$work/seen")" = 2 ] || { echo "behaviour has changed" >&2; exit 1; }
