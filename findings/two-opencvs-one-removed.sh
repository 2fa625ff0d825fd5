#!/usr/bin/env bash
# opencv-python 5.0.0.93 and opencv-python-headless 5.0.0.93 share the folder cv2/. Two requirements of one project
# often bring both; removing one takes cv2 away altogether, and the one that is left still counts as installed.
# Guess before the run: some of cv2 stays, as with OpenCV 4. Seen: ModuleNotFoundError, while pip lists the other.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/env"
bin=$work/env/bin
"$bin/pip" install -q --no-deps opencv-python==5.0.0.93 opencv-python-headless==5.0.0.93 numpy==2.4.6
"$bin/python" -c 'import cv2; print("both:", cv2.__version__)'
"$bin/pip" uninstall -q -y opencv-python
"$bin/pip" list 2> /dev/null | grep opencv
"$bin/python" -c 'import cv2' 2> "$work/error" && { echo "behaviour has changed: it imports" >&2; exit 1; }
tail -n 1 "$work/error"
grep -q "^ModuleNotFoundError: No module named 'cv2'" "$work/error" || { echo "behaviour has changed" >&2; exit 1; }
"$bin/pip" check
