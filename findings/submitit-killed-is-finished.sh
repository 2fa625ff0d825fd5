#!/usr/bin/env bash
# submitit 1.5.4, local executor: a job whose worker process is killed (as the kernel does when memory runs out) is
# reported with state FINISHED; that it failed shows only when its result is asked for (UncompletedJobError).
# Guess before the run: FAILED. Seen: state FINISHED, UncompletedJobError.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python=${PYTHON:-python3}
"$python" -m pip install -q --no-compile --target "$work/lib" submitit==1.5.4
export PYTHONPATH=$work/lib
cd "$work"
cat > killed.py <<'PY'
import os, signal

def train():
    os.kill(os.getpid(), signal.SIGKILL)
PY
PYTHONPATH=$work/lib:$work "$python" - <<'PY'
import submitit
from killed import train

executor = submitit.LocalExecutor(folder="logs")
executor.update_parameters(timeout_min=2)
job = executor.submit(train)
job.wait()
try:
    job.result()
except Exception as problem:
    seen = (job.state, type(problem).__name__)
else:
    raise SystemExit("behaviour has changed: it has a result")
print("state and result:", *seen)
assert seen == ("FINISHED", "UncompletedJobError"), "behaviour has changed"
PY
