"""What each project measures and how, as one table of constants, each read in that project's own files.

The sources are the repositories' newest commits of 2026-11: sjtuplayer/anomalydiffusion 7687f91,
zhiqing0205/DualAnoDiff
a635f92, HUST-SLOW/SeaS 4645d3b, echrao/O2MAG ff4d678. Where a project has no script for a number of its paper, the row
takes AnomalyDiffusion's, on which all of them build, and its source says so.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from ..errors import TrainerError


@dataclass(frozen=True, slots=True)
class Protocol:
    """The constants of one protocol.

    Attributes:
        name: of the protocol.
        sources: where the constants were read, by the field's name or a group of them.
        trained_share: which real anomalies count as trained on: the first floor(n/3) by number, or the first ceil(n/3)
            by name as this trainer takes them.
        reported: the epoch whose numbers are the protocol's own; the other one stands beside it.
        seeds: how many trainings each row is the mean of.
        pixels: side of the pictures that the networks see.
        batch, rate, epochs, draws: of the localisation: pictures a step, Adam's rate, epochs, pictures an epoch.
        good_share, real_share: of the draws; the rest are generated.
        most_pairs: generated pairs used for each anomaly, the first by name; None = all.
        augmented: whether pairs are cropped, rotated and shifted (O2MAG's augmentation).
        test_every: epochs between tests, from which the best epoch is taken.
        test_resize: how test pictures and masks are resized: OpenCV's linear, which skips pixels, or Pillow's,
        which does
            not.
        pixel_truth, region_truth: least value of a mask, 0 to 255 after resizing, that counts in pixel metrics and PRO.
        f1_steps: thresholds of the pixels' F1, evenly from 0 to 1; 0 = all thresholds.
        class_batch, class_epochs, class_passes, class_most: of the classification, ResNet-34.
        is_splits: of the inception score. is_pixels: pictures are resized to that first; 0 = not.
        kid: `fidelity`: FID's Inception, subsets of at most 1000, 100 of them. `torchvision`: torchvision's Inception
            with ImageNet's normalisation, small subsets.
        kid_subset, kid_subsets: pictures a subset, and how many subsets.
        lpips_images: generated pictures of an anomaly that are clustered; None = all.
        lpips_most: pictures of a cluster that are compared; lpips_chosen: at random or the first.
        lpips_empty: a cluster of fewer than two pictures is dropped or counts 0.
    """

    name: str
    sources: dict[str, str] = field(default_factory=dict)
    trained_share: Literal["floor", "ceil"] = "floor"
    reported: Literal["best-on-test", "last"] = "best-on-test"
    seeds: int = 1
    pixels: int = 256
    width: int = 64
    batch: int = 8
    rate: float = 1e-4
    epochs: int = 200
    draws: int = 500
    good_share: float = 0.5
    real_share: float = 0.0
    most_pairs: int | None = 500
    augmented: bool = False
    test_every: int = 1
    test_resize: Literal["opencv", "pillow"] = "opencv"
    pixel_truth: int = 255
    region_truth: int = 1
    f1_steps: int = 21
    class_batch: int = 8
    class_epochs: int = 30
    class_passes: int = 5
    class_most: int | None = 500
    is_splits: int = 10
    is_pixels: int = 0
    kid: Literal["fidelity", "torchvision"] = "fidelity"
    kid_subset: int = 1000
    kid_subsets: int = 100
    lpips_images: int | None = None
    lpips_most: int = 50
    lpips_chosen: Literal["random", "first"] = "random"
    lpips_empty: Literal["dropped", "zero"] = "dropped"


_ANOMALYDIFFUSION = {
    "localisation": "train-localization.py, unet_utils/data_loader.py, unet_utils/loss.py: U-Net from scratch, focal "
    "loss, "
    "Adam 1e-4, batch 8, 200 epochs of 500 draws, a fifth of the rate after 80 and 90 %, tested after every epoch, the "
    "epoch with the largest sum of AUROC image, AUROC, AP and PRO kept",
    "test": "test-localization.py, unet_utils/data_loader.py: first n // 3 by number train, the rest and all of good "
    "are "
    "tested; image score = largest mean of 21 x 21; F1 of pixels over 0, 0.05, ..., 1",
    "truth": "test-localization.py casts resized masks to integers, so only 255 counts in pixel metrics; "
    "au_pro_util.py "
    "labels what is not 0, so any grey counts in PRO; false positive rates up to 0.3, 100 thresholds",
    "classification": "train-classification.py: ImageNet ResNet-34, Adam 1e-4, batch 8, 30 epochs of 5 passes, first "
    "500 "
    "pairs an anomaly, best epoch on test",
    "quality": "no script in its repository: IC-LPIPS and IS as DualAnoDiff's eval/compute-ic-lpipis.py and "
    "compute-is.py "
    "have them; KID and FID are torch-fidelity's",
}
_DUALANODIFF = {
    **_ANOMALYDIFFUSION,
    "localisation": "eval/train-localization.py: batch 16; eval/unet_utils/data_loader.py lists all pairs, of which "
    "500 "
    "draws an epoch reach the first 500; else as AnomalyDiffusion",
    "classification": "no script in its repository; AnomalyDiffusion's",
    "quality": "eval/compute-ic-lpipis.py: LPIPS-VGG at 256 px, all images, nearest of the first n // 3 reals, 50 at "
    "random "
    "a cluster, clusters without a pair dropped; eval/compute-is.py: torch-fidelity --isc; KID and FID are "
    "torch-fidelity's",
}
_SEAS = {
    **_ANOMALYDIFFUSION,
    "localisation": "its downstream networks are DRAEM, GLASS, BiSeNetV2, UPerNet and LFD, each with scripts of its "
    "own; "
    "this row is AnomalyDiffusion's U-Net",
    "quality": "utils/metrics/metrics_lpips.py: LPIPS-VGG at 256 px, exactly 1000 images, the first 140 a cluster, a "
    "cluster "
    "of fewer than two counts 0 (the figure without zeros stands beside it); README.md: IS after resizing to 256",
}
_O2MAG = {
    **_ANOMALYDIFFUSION,
    "localisation": "eval/unet_utils/data_loader.py: half good, a tenth of the first third of real anomalies, the rest "
    "generated, at most 1000 a type, half of both cropped, rotated by up to 30 degrees and shifted by up to 16 pixels",
    "quality": "eval/compute-kid.py: torchvision's Inception, ImageNet normalisation, 50 subsets of 10 (fewer reals: "
    "all of "
    "them), times 1000, all real anomalies; IC-LPIPS and IS as DualAnoDiff's",
}
_STRICT = {
    "localisation": "AnomalyDiffusion's network, loss and steps; the last epoch is the result, three seeds, tested "
    "every "
    "tenth epoch so that the best on test can stand beside it",
    "test": "first ceil(n / 3) by name train, as this trainer takes them (or what --trained_on names), the rest is "
    "tested; "
    "training images among the test images, images twice and inverted masks stop the evaluation",
    "truth": "a mask's pixel counts from 128 on in all metrics; F1 over all thresholds",
    "classification": "AnomalyDiffusion's, the last epoch",
    "quality": "IC-LPIPS as DualAnoDiff's; IS, KID and FID are torch-fidelity's",
}
PROTOCOLS: dict[str, Protocol] = {
    one.name: one
    for one in (
        Protocol(
            "strict",
            _STRICT,
            trained_share="ceil",
            reported="last",
            seeds=3,
            test_every=10,
            test_resize="pillow",
            pixel_truth=128,
            region_truth=128,
            f1_steps=0,
        ),
        Protocol("anomalydiffusion", _ANOMALYDIFFUSION),
        Protocol("dualanodiff", _DUALANODIFF, batch=16, most_pairs=None),
        Protocol(
            "seas",
            _SEAS,
            is_pixels=256,
            lpips_images=1000,
            lpips_most=140,
            lpips_chosen="first",
            lpips_empty="zero",
        ),
        Protocol(
            "o2mag",
            _O2MAG,
            real_share=0.1,
            most_pairs=1000,
            augmented=True,
            kid="torchvision",
            kid_subset=10,
            kid_subsets=50,
        ),
    )
}
#: What a user may change; every change is named in the result, which is then not the protocol's.
CHANGEABLE = ("seeds", "pixels", "width", "batch", "epochs", "draws", "test_every", "class_epochs")


def protocol_with(name: str, changes: dict[str, int]) -> tuple[Protocol, dict[str, list[int]]]:
    """A protocol with constants changed, and what was changed: name to [the protocol's, the user's].

    Raises:
        TrainerError: there is no such protocol, or a size that the network cannot take.
    """
    if name not in PROTOCOLS:
        raise TrainerError(f"There is no protocol {name!r}; there are {', '.join(PROTOCOLS)}.")
    own = PROTOCOLS[name]
    departures = {key: [getattr(own, key), value] for key, value in changes.items() if getattr(own, key) != value}
    changed = replace(own, **{key: value for key, (_, value) in departures.items()})
    if changed.pixels < 64 or changed.pixels % 32:
        raise TrainerError(f"--pixels is {changed.pixels}; expected a multiple of 32 from 64 on (five halvings).")
    return changed, departures


def constants(protocol: Protocol) -> dict[str, Any]:
    """The table's row, without its sources, as JSON."""
    return {key: value for key, value in asdict(protocol).items() if key not in ("name", "sources")}


def constant_names() -> tuple[str, ...]:
    """The names of all constants, in the table's order."""
    return tuple(one.name for one in fields(Protocol) if one.name not in ("name", "sources"))
