#!/usr/bin/env bash
# submitit 1.5.4, local executor: with nothing said about GPUs the job gets an EMPTY CUDA_VISIBLE_DEVICES, over the
# value that the user exported; a training then runs on the CPU. gpus_per_node=1 gives a number, but again not the
# user's own choice of card. Guess before the run: the variable is inherited.
# Seen: exported 3; the job has '' by default and '0' with gpus_per_node=1.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python=${PYTHON:-python3}
"$python" -m pip install -q --no-compile --target "$work/lib" submitit==1.5.4
export PYTHONPATH=$work/lib
cd "$work"
cat > job.py <<'PY'
import os

def visible():
    return os.environ.get("CUDA_VISIBLE_DEVICES")
PY
CUDA_VISIBLE_DEVICES=3 PYTHONPATH=$work/lib:$work "$python" - <<'PY'
import submitit
from job import visible

executor = submitit.LocalExecutor(folder="logs")
executor.update_parameters(timeout_min=2)
seen = [executor.submit(visible).result()]
executor.update_parameters(gpus_per_node=1)
seen.append(executor.submit(visible).result())
print("exported '3'; by default, then with gpus_per_node=1:", seen)
assert seen == ["", "0"], "behaviour has changed"
PY
