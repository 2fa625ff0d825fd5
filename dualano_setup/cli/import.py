"""`dualano-doctor import SOURCE`: bring a data set of any known layout into one that training takes."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from ..language import N_, _
from .parser import Command, argument, settings_of

LAYOUTS = (
    "mvtec", "mvtec-ad-2", "mvtec-loco", "visa", "btad", "mpdd", "real-iad", "coco", "yolo", "labelme", "cvat", "flat"
)  # fmt: skip


COMMAND = Command(
    help=N_("bring a data set into the layout that training takes"),
    description=N_(
        "Reads MVTec AD, MVTec AD 2, MVTec LOCO, VisA, BTAD, MPDD, Real-IAD, COCO and YOLO segmentations, LabelMe "
        "and CVAT exports, or flat folders of images and masks paired by their names. Makes data/<category>/ of "
        "them, with train/good, test/<anomaly> and ground_truth/<anomaly>/<image>_mask.png, as links, with a "
        "manifest import.json. Shows what it will do and asks; the source is never written to, and `undo` takes "
        "everything back. --category and --anomaly choose among several, or name a single one."
    ),
    arguments=(
        argument("source", nargs="?", metavar="SOURCE", help=N_("folder of the data set, or its annotation file")),
        argument("--layout", choices=LAYOUTS, help=N_("take the source for this layout (default: recognised)")),
        argument("--good", metavar="DIR", help=N_("flat folders: the good images")),
        argument("--images", metavar="DIR", help=N_("flat folders: the anomalous images")),
        argument("--masks", metavar="DIR", help=N_("flat folders: their masks, white = anomaly")),
        argument("--into", metavar="FOLDER", help=N_("folder of the project for the categories (default: data)")),
        argument(
            "--crop",
            metavar="PX",
            nargs="?",
            const="",
            help=N_("cut squares of PX pixels (default: the training size) around the defects of larger images"),
        ),
        argument("--copy", action="store_true", help=N_("copies instead of links")),
        argument("--plan", action="store_true", help=N_("stop after showing what would be done")),
        argument("--yes", "-y", action="store_true", help=N_("do not ask")),
    ),
)


def run(arguments: argparse.Namespace) -> int:
    """Returns 0 when it is done. Raises UsageError where the source cannot be used."""
    from ..facts.project.layouts.survey import Source
    from ..flows.bring import Wanted, bring

    settings = settings_of(arguments)
    source = Source(
        _folder(arguments.source),
        arguments.layout or "",
        arguments.category or "",
        _one_of(arguments.anomaly),
        _folder(arguments.good),
        _folder(arguments.images),
        _folder(arguments.masks),
    )
    crop = _pixels(arguments.crop, settings.resolution)
    wanted = Wanted(arguments.into, crop, arguments.copy, arguments.plan, arguments.yes)
    return bring(settings, source, wanted)


def _one_of(anomalies: list[str] | None) -> str:
    """The anomaly to bring, "" for all. Raises UsageError for several."""
    from ..errors import UsageError

    if anomalies and len(anomalies) > 1:
        raise UsageError(_("import takes one --anomaly, or none for all of them"))
    return anomalies[0] if anomalies else ""


def _folder(text: str | None) -> Path | None:
    """What is meant from here: the tool that reads the pictures runs in another folder."""
    return Path(os.path.abspath(Path(text).expanduser())) if text else None  # noqa: PTH100 - links stay as they are


def _pixels(text: str | None, resolution: int) -> int:
    """The side of the squares, 0 for none. Raises UsageError for what is no number of pixels."""
    from ..errors import UsageError

    if text is None:
        return 0
    if text and not (text.isdecimal() and 16 <= int(text) <= 1 << 16):
        raise UsageError(_("--crop {text}: expected a number of pixels from 16 on", text=text))
    return int(text) if text else resolution
