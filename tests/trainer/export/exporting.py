"""Exports of the worlds of conftest, and what is in them."""

import numpy as np
from PIL import Image

from trainer.export.__main__ import main

SIDE = 64


def run(world, kind, *extra, anomaly="scratch"):
    return main([
        "--generated", str(world / "generated"), "--dataset", str(world / "data"), "--category", "widget",
        "--anomaly", anomaly, "--format", kind, "--output", str(world / "out"), *extra,
    ])  # fmt: skip


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def mask_of(path):
    return np.asarray(Image.open(path)) > 0


def three(world, kind, output, anomalies=("stain", "dent", "scratch")):
    flags = ["--dataset", str(world / "data"), "--category", "widget", "--format", kind, "--output", str(output)]
    for anomaly in anomalies:
        flags += ["--generated", str(world / "generated"), "--anomaly", anomaly]
    return main(flags)
