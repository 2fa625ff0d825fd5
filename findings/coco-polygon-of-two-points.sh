#!/usr/bin/env bash
# A COCO polygon of two points (a scratch one pixel wide gives it): pycocotools 2.0.11 raises TypeError, but only
# where it is the annotation's first polygon (behind another it silently adds nothing); faster-coco-eval 1.8.0, said
# to be a drop-in, takes the four numbers for a box x, y, w, h. It also scores annotations that lack "area", which
# are a KeyError in pycocotools. Guess before the run: both read a box; both raise KeyError.
# Seen for [2, 3, 8, 9]: TypeError / 16 of 16 pixels of the other polygon / 72 pixels (8 x 9).
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python=${PYTHON:-python3}
"$python" -m pip install -q --no-compile --target "$work/lib" pycocotools==2.0.11 faster-coco-eval==1.8.0 numpy==2.4.6
export PYTHONPATH=$work/lib
"$python" - <<'PY'
import contextlib, io
import faster_coco_eval
from pycocotools import mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

SQUARE, LINE = [2, 2, 6, 2, 6, 6, 2, 6], [2, 3, 8, 9]

def opened(reader, *polygons, **more):
    annotation = {"id": 1, "image_id": 1, "category_id": 1, "segmentation": list(polygons), "bbox": [2, 2, 4, 4],
                  "iscrowd": 0}
    data = reader()
    data.dataset = {"images": [{"id": 1, "width": 20, "height": 20, "file_name": "000.png"}],
                    "categories": [{"id": 1, "name": "scratch"}], "annotations": [annotation | more]}
    data.createIndex()
    return data

def pixels(reader, *polygons):
    try:
        data = opened(reader, *polygons)
        return int(data.annToMask(data.dataset["annotations"][0]).sum())
    except Exception as problem:
        return type(problem).__name__

def precision(reader, evaluator):
    try:
        truth = opened(reader, SQUARE)
        lengths = mask.frPyObjects([SQUARE], 20, 20)[0]
        found = truth.loadRes([{"image_id": 1, "category_id": 1, "segmentation": lengths, "score": 0.9}])
        evaluation = evaluator(truth, found, "segm")
        evaluation.evaluate(); evaluation.accumulate(); evaluation.summarize()
        return round(float(evaluation.stats[0]), 3)
    except Exception as problem:
        return type(problem).__name__

with contextlib.redirect_stdout(io.StringIO()):
    seen = {
        "pycocotools": (pixels(COCO, LINE), pixels(COCO, SQUARE, LINE), precision(COCO, COCOeval)),
        "faster-coco-eval": (pixels(faster_coco_eval.COCO, LINE), pixels(faster_coco_eval.COCO, SQUARE, LINE),
                             precision(faster_coco_eval.COCO, faster_coco_eval.COCOeval_faster)),
    }
print("line alone, line behind a square, AP without area:", seen)
assert seen["pycocotools"] == ("TypeError", 16, "KeyError"), "behaviour has changed"
assert seen["faster-coco-eval"][0] == 72 and seen["faster-coco-eval"][2] == 1.0, "behaviour has changed"
PY
