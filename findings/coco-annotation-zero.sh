#!/usr/bin/env bash
# pycocotools 2.0.11: an annotation whose id is 0 can never be matched, so a perfect mask scores AP 0.0; with id 1
# it scores 1.0. The evaluator keeps the id of the match and takes 0 for "none".
# Guess before the run: ids are names and 0 is as good as any. Seen: id 1 -> 1.0, id 0 -> 0.0.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python=${PYTHON:-python3}
"$python" -m pip install -q --no-compile --target "$work/lib" pycocotools==2.0.11 numpy==2.4.6
export PYTHONPATH=$work/lib
"$python" - <<'PY'
import contextlib, io
from pycocotools import mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

def average_precision(number):
    square = [[2, 2, 12, 2, 12, 12, 2, 12]]
    truth = COCO()
    truth.dataset = {
        "images": [{"id": 1, "width": 20, "height": 20, "file_name": "000.png"}],
        "categories": [{"id": 1, "name": "scratch"}],
        "annotations": [{"id": number, "image_id": 1, "category_id": 1, "segmentation": square, "area": 100.0,
                         "bbox": [2, 2, 10, 10], "iscrowd": 0}],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        lengths = mask.frPyObjects(square, 20, 20)[0]
        found = truth.loadRes([{"image_id": 1, "category_id": 1, "segmentation": lengths, "score": 0.9}])
        evaluation = COCOeval(truth, found, "segm")
        evaluation.evaluate(); evaluation.accumulate(); evaluation.summarize()
    return float(evaluation.stats[0])

seen = {number: round(average_precision(number), 3) for number in (1, 0)}
print("AP of a perfect mask by annotation id:", seen)
assert seen == {1: 1.0, 0: 0.0}, "behaviour has changed"
PY
