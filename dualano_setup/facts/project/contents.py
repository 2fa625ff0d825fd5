"""The pixels of images and masks as a fact: Pillow reads them, in a child with the training environment's Python.

Nothing here decodes: this program has no image library. The child is the bundled trainer's own reader, so that the
numbers are those that the trainer sees at its start. What it said of a file is remembered until the file changes.
Without a training environment only masks that are one value throughout are told, from the bytes of the file.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from ...language import _
from ...system.bundle import bundle_root, bundled
from ...system.files import read_part, size_of, stem_of
from ...system.probe_command import run
from ..fact import Absent, Fact, Known, Unknown
from ..sheet import Contents, Dataset, Environment, ImageFile, MaskContent
from .dataset import MOST_OPENED
from .remembered import Memory

if TYPE_CHECKING:
    from ...settings.options import Settings

SECONDS = 8.0
"""For all files together. A mask of 1,024 x 1,024 pixels takes 8 ms; photographs are decoded where they have alpha."""
_GRACE = 4.0  # for the start of a Python on a slow disk, and for the file at which the time is up
_PLAIN_SECONDS = 0.5
"""For all masks together where only even ones are told; one of 1,024 x 1,024 pixels takes 4 ms."""
_MANY, _SAMPLE = 250, 120
"""All images that train are opened, up to `_MANY`; of more, an even sample. The trainer opens them all."""
_REST = 16  # images opened of those that do not train
_START = "import sys; sys.path.insert(0, sys.argv.pop(1)); from trainer.data.__main__ import main; sys.exit(main())"

File = tuple[str, str]  # kind, path
Answers = Mapping[int, Any]  # number of the file -> its numbers, or what its reader says


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
    seen = data.value
    if isinstance(environment, Absent) or not environment.value.interpreter_ok:
        return _without(
            settings,
            seen,
            _(
                "no training environment yet, whose Python reads pixels: headers, ends, and whether a mask is one "
                "value throughout were looked at"
            ),
        )
    pillow = environment.value.find("pillow")
    if pillow is None:
        return _without(
            settings,
            seen,
            _(
                "no Pillow in the training environment, which reads pixels: headers, ends, and whether a mask is one "
                "value throughout were looked at"
            ),
        )
    memory = Memory(settings.state, f"{pillow.version} {settings.resolution}")
    return read(settings, seen, environment.value.interpreter, os.environ, seconds, memory)


def read(
    settings: Settings,
    data: Dataset,
    interpreter: str,
    variables: Mapping[str, str],
    seconds: float = SECONDS,
    memory: Memory | None = None,
) -> Fact[Contents]:
    """The contents, read by that Python within about `seconds`; what it did not come to is not among them."""
    train, others = shares(data)
    groups = _with_masks([*train, *others], data, with_objects=settings.variant == "bcm")
    files = [file for group in groups for file in group]
    answers: dict[int, Any] = memory.known(files) if memory else {}
    if asked := [number for number in range(len(files)) if number not in answers]:
        command = [interpreter, "-I", "-B", "-c", _START, str(bundle_root()), "--resolution", str(settings.resolution)]
        command += ["--seconds", f"{seconds:.1f}", *(word for number in asked for word in files[number])]
        outcome = run(command, deadline=seconds + _GRACE, variables=variables)
        if outcome.status != 0:
            last = outcome.error.strip().rpartition("\n")[2]
            return Unknown(_("{interpreter} could not read them: {error}", interpreter=interpreter, error=last))
        lines = map(json.loads, outcome.output.splitlines())
        fresh = {asked[number]: row for number, row in lines}
        answers |= fresh
        if memory:
            memory.keep(files, fresh)
    ends = list(accumulate(map(len, groups)))
    opened = [all(number in answers for number in range(end - len(group), end))
              for end, group in zip(ends, groups, strict=True)]  # fmt: skip
    mine = len(train)
    return Known(_contents(settings, data, files, answers, sum(opened[:mine]), sum(opened)), interpreter)


def _without(settings: Settings, data: Dataset, why: str) -> Fact[Contents]:
    """The masks that are one value throughout, told without a reader of images."""
    train, others = shares(data)
    groups = _with_masks([*train, *others], data, with_objects=settings.variant == "bcm")
    files = [file for group in groups for file in group]
    uniform_grey = bundled("content.uniform").uniform_grey
    answers: dict[int, Any] = {}
    end = time.monotonic() + _PLAIN_SECONDS
    for number, (kind, path) in enumerate(files):
        if kind == "photograph" or not path.lower().endswith(".png"):
            continue
        if time.monotonic() > end:
            break
        try:
            grey = uniform_grey(size_of(path) or 0, lambda length, at, path=path: read_part(path, length, at))
        except (OSError, ValueError):
            continue
        if grey is not None:
            white = float(grey >= bundled("content.verdict").MARKED)
            answers[number] = [grey, white, white]
    return Known(_contents(settings, data, files, answers, 0, 0, why))


def _contents(
    settings: Settings, data: Dataset, files: Sequence[File], answers: Answers, trained: int, opened: int, why: str = ""
) -> Contents:
    """The fact, of what was answered."""
    return Contents(
        settings.resolution,
        bundled("content.share").training_count(data.number, "sorted", "bcm"),
        trained,
        data.number,
        opened,
        tuple(MaskContent(path, *row) for row, path in _of("mask", files, answers)),
        tuple(MaskContent(path, *row) for row, path in _of("object", files, answers)),
        tuple((path, row[0]) for row, path in _of("photograph", files, answers) if row[0]),
        tuple((files[number][1], row) for number, row in sorted(answers.items()) if isinstance(row, str)),
        why,
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


def _of(kind: str, files: Sequence[File], answers: Answers) -> Iterator[tuple[Any, str]]:
    """The numbers of the files of one kind, in the files' order."""
    for number, (own, path) in enumerate(files):
        if own == kind and isinstance(answers.get(number), list):
            yield answers[number], path
