#!/usr/bin/env bash
# safetensors 0.8.0 with NumPy 2.4.6: save_file of safetensors.numpy writes a transposed or Fortran-ordered array with
# its shape but in its memory's order, so another matrix is loaded. No error, no warning (the torch writer raises
# ValueError for the same). Guess before the run: the values survive.
# Seen: saved [[0, 3], [1, 4], [2, 5]], loaded [[0, 1], [2, 3], [4, 5]].
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/env"
"$work/env/bin/pip" install -q safetensors==0.8.0 numpy==2.4.6
"$work/env/bin/python" - "$work" <<'PY'
import sys, warnings
import numpy as np
from safetensors.numpy import load_file, save_file

warnings.simplefilter("error")
file = sys.argv[1] + "/x.safetensors"
kernel = np.arange(6.0).reshape(2, 3).T
save_file({"kernel": kernel}, file)
loaded = load_file(file)["kernel"]
print("saved ", kernel.tolist())
print("loaded", loaded.tolist())
assert loaded.shape == kernel.shape
assert loaded.tolist() == [[0, 1], [2, 3], [4, 5]], "behaviour has changed"
save_file({"kernel": np.ascontiguousarray(kernel)}, file)
assert np.array_equal(load_file(file)["kernel"], kernel)
PY
