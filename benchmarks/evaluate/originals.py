"""The metrics beside the projects' own scripts, on the same arrays: a table of both values and their difference.

    python -m benchmarks.evaluate.originals --clones DIR [--fidelity] [--anomalib]

DIR holds clones that the user made, `anomalydiffusion`, `DualAnoDiff`, `SeaS`, `O2MAG`; nothing of them is kept here.
Their functions are cut out of their files and run as they stand; where a file needs its projects' own paths or a GPU,
the names are replaced in memory. Needs scikit-learn and SciPy, which AnomalyDiffusion's scripts import; --fidelity
needs torch-fidelity and lpips, whose networks get random weights, the same in both.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import random
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.evaluate.pro import invented, original
from trainer.evaluate.metrics.features import (
    FIDELITY_SEED,
    frechet_distance,
    ic_lpips,
    inception_score,
    kid,
)
from trainer.evaluate.metrics.overlap import region_overlap
from trainer.evaluate.metrics.ranking import auroc, average_precision, f1_max, f1_steps, rank

Row = tuple[str, float, float]


def localisation(clone: Path, count: int = 24, side: int = 256) -> Iterator[Row]:
    """The middle of `test-localization.py`, from its labels to its last number, on invented maps."""
    maps, masks = invented(count, side, seed=1)
    draws = np.random.default_rng(2)
    labels = np.array([float(mask.any()) for mask in masks])
    scores = np.array([one.max() for one in maps]) + draws.normal(0, 0.3, count)
    text = (clone / "test-localization.py").read_text(encoding="utf-8")
    lines = text[text.index("anomaly_score_prediction = np.array") : text.index("obj_ap_pixel_list.append")]
    import sklearn.metrics

    pro = original(clone)
    space: dict[str, Any] = {
        **{name: getattr(sklearn.metrics, name) for name in ("roc_auc_score", "average_precision_score")},
        "precision_recall_curve": sklearn.metrics.precision_recall_curve,
        "np": np,
        "anomaly_score_prediction": scores,
        "anomaly_score_gt": labels,
        "total_gt_pixel_scores": np.concatenate([mask.ravel() for mask in masks]).astype(np.float64),
        "total_pixel_scores": np.concatenate([one.ravel() for one in maps]).astype(np.float64),
        "gt_masks": masks,
        "predicted_masks": maps,
        "mask_cnt": count,
        "img_dim": side,
        "calculate_au_pro": lambda gt, predicted: (pro(predicted, gt), None),
    }
    exec(re.sub(r"^        ", "", "        " + lines, flags=re.MULTILINE), space)
    images, pixels = rank(labels, scores), rank(np.stack(masks) == 1, np.stack(maps))
    steps = np.arange(0, 1 + 1e-3, 0.05)
    own = {
        "auroc": auroc(images),
        "ap": average_precision(images),
        "f1_max": f1_max(images)[0],
        "auroc_pixel": auroc(pixels),
        "ap_pixel": average_precision(pixels),
        "max_f1_px": f1_steps(np.stack(masks) == 1, np.stack(maps), steps),
        "pro_pixel": region_overlap(maps, masks).area,
    }
    for name, value in own.items():
        yield f"AnomalyDiffusion test-localization.py: {name}", float(space[name]), value


def o2mag_kid(clone: Path) -> Iterator[Row]:
    """`calculate_kid` of O2MAG's eval/compute-kid.py on invented features."""
    text = (clone / "eval" / "compute-kid.py").read_text(encoding="utf-8")
    space: dict[str, Any] = {"np": np}
    exec(text[text.index("def calculate_kid") : text.index("def get_categories")], space)
    draws = np.random.default_rng(0)
    one, other = (np.abs(draws.normal(size=(count, 2048))).astype(np.float32) for count in (25, 120))
    np.random.seed(3)
    theirs = float(space["calculate_kid"](one, other, subsample_size=10, num_subsets=50))
    yield "O2MAG compute-kid.py: KID", theirs, kid(one, other, 10, 50, np.random.RandomState(3))[0]


def fidelity() -> Iterator[Row]:
    """torch-fidelity's IS, FID and KID on invented features; DualAnoDiff's compute-is.py calls its program."""
    import torch
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
    from torch_fidelity.metric_isc import isc_features_to_metric
    from torch_fidelity.metric_kid import kid_features_to_metric

    draws = np.random.default_rng(0)
    logits = 3 * draws.normal(size=(203, 1008)).astype(np.float32)
    theirs = isc_features_to_metric(torch.from_numpy(logits))["inception_score_mean"]
    yield "torch-fidelity (DualAnoDiff compute-is.py): IS", theirs, inception_score(logits)[0]
    one, other = np.abs(draws.normal(size=(120, 2048))), 1.1 * np.abs(draws.normal(size=(60, 2048))) + 0.02
    stats = [fid_features_to_statistics(torch.from_numpy(rows)) for rows in (one, other)]
    value = fid_statistics_to_metric(*stats, False)["frechet_inception_distance"]
    yield "torch-fidelity: FID, fewer pictures than features", value, frechet_distance(one, other)
    theirs = kid_features_to_metric(
        torch.from_numpy(one),
        torch.from_numpy(other),
        kid_subsets=100,
        kid_subset_size=50,
        rng_seed=2020,
        verbose=False,
    )["kernel_inception_distance_mean"]
    yield "torch-fidelity: KID", theirs, kid(one, other, 50, 100, np.random.RandomState(FIDELITY_SEED))[0]


def clustered(clones: Path) -> Iterator[Row]:
    """DualAnoDiff's and SeaS' IC-LPIPS on drawn pictures, with one random VGG in both."""
    import lpips
    import torch
    from PIL import Image

    from trainer.evaluate.networks.pretrained import Lpips
    from trainer.miniature.world.categories import draw_category

    torch.manual_seed(0)
    network = lpips.LPIPS(net="vgg", pnet_rand=True, verbose=False)
    own = Lpips(torch.device("cpu"), network)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for part, count in (("mvtec_anomaly_detection/bottle/test/hole", 6), ("generate_data/bottle/hole/image", 7)):
            (root / part).mkdir(parents=True)
            for index in range(count):
                picture = draw_category("bottle", "hole", len(part), index)
                Image.fromarray(picture.image).resize((256, 256)).save(root / part / f"{index:03d}.png")
        made = sorted((root / "generate_data/bottle/hole/image").iterdir())
        reals = sorted((root / "mvtec_anomaly_detection/bottle/test/hole").iterdir())[:2]
        pictures, centres = ([_picture(path) for path in paths] for paths in (made, reals))
        distances = own.distances(centres, pictures).T
        text = (clones / "DualAnoDiff/eval/compute-ic-lpipis.py").read_text(encoding="utf-8")
        text = text.replace(".cuda()", "").replace("'/generate_data", f"'{root}/generate_data")
        text = text.replace("'/mvtec_anomaly", f"'{root}/mvtec_anomaly").partition("if __name__")[0]
        text = text.replace("lpips.LPIPS(net='vgg')", "network")
        space: dict[str, Any] = {"__name__": "original", "device": "cpu", "network": network}
        exec(text, space)
        theirs = float(space["ic_lpips"]("bottle", "hole"))
        found = ic_lpips(distances, lambda places: own.between([pictures[place] for place in places]))
        yield "DualAnoDiff compute-ic-lpipis.py: IC-LPIPS", theirs, found.value
        text = (clones / "SeaS/utils/metrics/metrics_lpips.py").read_text(encoding="utf-8")
        body = text[text.index("        cluster_lpips = []") : text.index("def parse_args")]
        sizes = [
            [pictures[place][None] * 2 - 1 for place in np.flatnonzero(distances.argmin(1) == k)] for k in range(2)
        ]
        lines = [f"def rest(cluster, loss_fn_alex, device, torch, tqdm):\n    with torch.no_grad():\n{body}"]
        space = {}
        exec("\n".join(lines), space)
        with contextlib.redirect_stdout(io.StringIO()):
            value, without = space["rest"](sizes, network, "cpu", torch, lambda rows, desc="": rows)
        found = ic_lpips(
            distances,
            lambda places: own.between([pictures[place] for place in places]),
            most=140,
            chosen="first",
            empty="zero",
        )
        yield "SeaS metrics_lpips.py: IC-LPIPS", float(value), found.value
        yield "SeaS metrics_lpips.py: IC-LPIPS without zeros", float(without), found.without_empty


def _picture(path: Path) -> Any:
    import torch
    from PIL import Image

    return torch.from_numpy(np.asarray(Image.open(path).convert("RGB")).copy()).permute(2, 0, 1).float() / 255


def hostile() -> Iterator[Row]:
    """scikit-learn on ties, one class, a constant map and 16-bit maps; NaN where it warns and gives one."""
    import warnings

    from sklearn.metrics import average_precision_score, roc_auc_score

    draws = np.random.default_rng(0)
    labels = draws.random(3000) < 0.1
    cases = {
        "ties (10 levels)": (labels, draws.integers(0, 10, 3000) / 10),
        "a constant map": (labels, np.zeros(3000)),
        "16-bit maps": (labels, draws.integers(0, 65536, 3000).astype(np.uint16)),
        "one class": (np.zeros(3000, bool), draws.random(3000)),
    }
    for name, (truth, scores) in cases.items():
        functions: dict[str, tuple[Callable[..., float], Callable[..., float]]] = {
            "AUROC": (roc_auc_score, auroc),
            "AP": (average_precision_score, average_precision),
        }
        for metric, (theirs, ours) in functions.items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield f"scikit-learn, {name}: {metric}", float(theirs(truth, scores)), ours(rank(truth, scores))


def anomalib() -> Iterator[Row]:
    """anomalib's AUPRO, which takes every threshold, so beside ours with as many as there are normal pixels."""
    import torch
    from anomalib.metrics.aupro import _AUPRO

    for name, levels in (("distinct", 0), ("ties (10 levels)", 10)):
        maps, masks = invented(8, 64, seed=3)
        if levels:
            maps = [np.floor(one * levels).astype(np.float32) / levels for one in maps]
        metric = _AUPRO()
        metric.update(torch.from_numpy(np.stack(maps)), torch.from_numpy(np.stack(masks)).long())
        normal = sum(int((mask == 0).sum()) for mask in masks)
        yield f"anomalib AUPRO, {name}", float(metric.compute()), region_overlap(maps, masks, 0.3, normal).area


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evaluate.originals", description=__doc__)
    parser.add_argument("--clones", type=Path)
    parser.add_argument("--fidelity", action="store_true")
    parser.add_argument("--anomalib", action="store_true")
    options = parser.parse_args()
    random.seed(0)
    rows: list[Row] = [*hostile()]
    if options.clones:
        rows += [*localisation(options.clones / "anomalydiffusion"), *o2mag_kid(options.clones / "O2MAG")]
    if options.fidelity:
        rows += fidelity()
        rows += clustered(options.clones) if options.clones else []
    rows += anomalib() if options.anomalib else []
    print("| what | theirs | here | difference |\n| --- | ---: | ---: | ---: |")
    for what, theirs, here in rows:
        print(f"| {what} | {theirs:.9f} | {here:.9f} | {abs(theirs - here):.1e} |")


if __name__ == "__main__":
    main()
