"""The pixels of images and masks as a fact: Pillow reads them, in a child with the training environment's Python.

Nothing here decodes: this program has no image library. The child is the bundled trainer's own reader, so that the
numbers are those that the trainer sees at its start.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from ...language import _
from ...system.bundle import bundle_root, bundled
from ...system.files import stem_of
from ...system.probe_command import run
from ..fact import Absent, Fact, Known, Unknown
from ..sheet import Contents, Dataset, Environment, ImageFile, MaskContent
from .dataset import MOST_OPENED

if TYPE_CHECKING:
    from ...settings.options import Settings

SECONDS = 8.0
"""For all files together. A mask of 1,024 x 1,024 pixels takes 8 ms; photographs are decoded where they have alpha."""
_GRACE = 4.0  # for the start of a Python on a slow disk, and for the file at which the time is up
_MANY, _SAMPLE = 250, 120
"""All images that train are opened, up to `_MANY`; of more, an even sample. The trainer opens them all."""
_REST = 16  # images opened of those that do not train
_START = "import sys; sys.path.insert(0, sys.argv.pop(1)); from trainer.data.__main__ import main; sys.exit(main())"

File = tuple[str, str]  # kind, path


def probe(
    settings: Settings, data: Fact[Dataset], environment: Fact[Environment], seconds: float = SECONDS
) -> Fact[Contents]:
    """What the images that train hold, and a sample of the others, with their masks."""
    if not isinstance(data, Known):
        return data
    if not any(image.width for image in data.value.images):
        return Absent(_("no image could be opened"))
    if isinstance(environment, Unknown):
        return Unknown(_("the training environment, whose Python reads them, could not be looked at"))
    if isinstance(environment, Absent) or not environment.value.interpreter_ok:
        return Absent(_("no training environment yet, whose Python reads them: only headers and ends were looked at"))
    if environment.value.find("pillow") is None:
        return Absent(
            _("no Pillow in the training environment, which reads them: only headers and ends were looked at")
        )
    return read(settings, data.value, environment.value.interpreter, os.environ, seconds)


def read(
    settings: Settings, data: Dataset, interpreter: str, variables: Mapping[str, str], seconds: float = SECONDS
) -> Fact[Contents]:
    """The contents, read by that Python within about `seconds`; what it did not come to is not among them."""
    train, others = shares(data)
    groups = _with_masks([*train, *others], data, with_objects=settings.variant == "bcm")
    files = [file for group in groups for file in group]
    command = [interpreter, "-I", "-B", "-c", _START, str(bundle_root()), "--resolution", str(settings.resolution)]
    command += ["--seconds", f"{seconds:.1f}", *(word for file in files for word in file)]
    outcome = run(command, deadline=seconds + _GRACE, variables=variables)
    if outcome.status != 0:
        last = outcome.error.strip().rpartition("\n")[2]
        return Unknown(_("{interpreter} could not read them: {error}", interpreter=interpreter, error=last))
    answers = [json.loads(line)[1] for line in outcome.output.splitlines()]
    ends = list(accumulate(map(len, groups)))
    opened = [end <= len(answers) for end in ends]
    mine = len(train)
    return Known(
        Contents(
            settings.resolution,
            bundled("content.share").training_count(data.number, "sorted", "bcm"),
            sum(opened[:mine]),
            data.number,
            sum(opened),
            tuple(MaskContent(path, *row) for row, path in _of("mask", files, answers)),
            tuple(MaskContent(path, *row) for row, path in _of("object", files, answers)),
            tuple((path, row[0]) for row, path in _of("photograph", files, answers) if row[0]),
            tuple((path, row) for (__, path), row in zip(files, answers, strict=False) if isinstance(row, str)),
        ),
        interpreter,
    )


def shares(data: Dataset) -> tuple[list[ImageFile], list[ImageFile]]:
    """The readable images that train by the usual rule, as far as they were opened, and a sample of the others."""
    share = bundled("content.share")
    touched = [image for image in data.images if image.width or image.error]
    train = share.training_count(data.number, "sorted", "bcm")
    if len(touched) < data.number:
        train = min(train, MOST_OPENED - MOST_OPENED // 4)
    several = train if train <= _MANY else _SAMPLE
    readable = [[image for image in part if image.width] for part in (touched[:train], touched[train:])]
    return share.spread(readable[0], several), share.spread(readable[1], _REST)


def _with_masks(images: Iterable[ImageFile], data: Dataset, *, with_objects: bool) -> list[list[File]]:
    """Each image with the masks that belong to it, as far as they can be read."""
    masks = {stem_of(mask.path): mask for mask in data.masks if mask.width}
    objects = {stem_of(mask.path).removesuffix("_mask"): mask for mask in data.foreground if mask.width}
    groups = []
    for image in images:
        stem = stem_of(image.path)
        mask, thing = masks.get(f"{stem}_mask") or masks.get(stem), objects.get(stem) if with_objects else None
        pairs = (("photograph", image), ("mask", mask), ("object", thing))
        groups.append([(kind, file.path) for kind, file in pairs if file])
    return groups


def _of(kind: str, files: Sequence[File], answers: Sequence[Any]) -> Iterator[tuple[Any, str]]:
    """The numbers of the files of one kind."""
    for (own, path), row in zip(files, answers, strict=False):
        if own == kind and not isinstance(row, str):
            yield row, path
