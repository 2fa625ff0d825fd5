#!/usr/bin/env bash
# Halving a mask with "nearest": OpenCV 5.0.0's INTER_NEAREST takes pixels 0 2 4 6 of 8, Pillow 13.0.0's NEAREST takes
# 1 3 5 7. A mask made small by one and an image's mask by the other lie a pixel apart, and a line that is one pixel
# wide is in the one and not in the other. (torch 2.14.1's interpolate goes with OpenCV, its "nearest-exact" with
# Pillow, and torchvision 0.29.1's resize with either, for a tensor or a picture; seen, not run here.)
# Guess before the run: Pillow and OpenCV agree. Seen: they do not; INTER_NEAREST_EXACT is Pillow's.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python=${PYTHON:-python3}
"$python" -m pip install -q --no-compile --target "$work/lib" pillow==13.0.0 opencv-python-headless==5.0.0.93 numpy==2.4.6
export PYTHONPATH=$work/lib
"$python" - <<'PY'
import cv2, numpy as np
from PIL import Image

pixels = np.arange(8, dtype=np.uint8)[None]
seen = {
    "Pillow NEAREST": np.asarray(Image.fromarray(pixels).resize((4, 1), Image.Resampling.NEAREST))[0].tolist(),
    "OpenCV INTER_NEAREST": cv2.resize(pixels, (4, 1), interpolation=cv2.INTER_NEAREST)[0].tolist(),
    "OpenCV INTER_NEAREST_EXACT": cv2.resize(pixels, (4, 1), interpolation=cv2.INTER_NEAREST_EXACT)[0].tolist(),
}
for name, taken in seen.items():
    print(name, "takes pixels", *taken)
assert list(seen.values()) == [[1, 3, 5, 7], [0, 2, 4, 6], [1, 3, 5, 7]], "behaviour has changed"
PY
