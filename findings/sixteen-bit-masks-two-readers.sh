#!/usr/bin/env bash
# A 16-bit image or mask (industrial cameras write them; 12 bits used) becomes 8 bits in two ways: Pillow 13.0.0's
# convert("L") clips at 255, OpenCV 5.0.0's imread divides by 256. A data set read by one trainer is another one.
# Guess before the run: both divide. Seen for 0, 255, 300, 4095, 65535: Pillow 0 255 255 255 255; OpenCV 0 0 1 15 255.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python=${PYTHON:-python3}
"$python" -m pip install -q --no-compile --target "$work/lib" pillow==13.0.0 opencv-python-headless==5.0.0.93 numpy==2.4.6
export PYTHONPATH=$work/lib
"$python" - "$work/deep.png" <<'PY'
import sys
import cv2, numpy as np
from PIL import Image

values = np.array([[0, 255, 300, 4095, 65535]], np.uint16)
assert cv2.imwrite(sys.argv[1], values)
pillow = np.asarray(Image.open(sys.argv[1]).convert("L"))[0].tolist()
opencv = cv2.imread(sys.argv[1], cv2.IMREAD_GRAYSCALE)[0].tolist()
print("Pillow", pillow, "OpenCV", opencv)
assert (pillow, opencv) == ([0, 255, 255, 255, 255], [0, 0, 1, 15, 255]), "behaviour has changed"
PY
