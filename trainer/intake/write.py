"""Writes one category of a job: its pictures, its masks, and the manifest."""

from __future__ import annotations

import json
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..errors import TrainerError
from ..files.folders import made_aside
from .job import Job, Row
from .record import MANIFEST, Record, place, record


def write_category(job: Job, category: str, folder: Path) -> dict[str, Any]:
    """Make the category's folder, whole or not at all, and return its manifest.

    Raises:
        TrainerError: no anomalous image of it can be used, or the folder is there.
    """
    rows = job.categories[category]
    left = [dict(one) for one in job.left_out]
    with made_aside(folder) as aside:
        records = _write(job, rows, aside, left)
        if not any(record["mask"] for record in records):
            reasons = "; ".join(f"{Path(one['path']).name}: {one['why']}" for one in left[:5])
            raise TrainerError(f"No anomalous image of {category} can be used ({reasons}). Nothing was written.")
        manifest = {"schema": 1, "layout": job.layout, "source": job.source, "category": category, "crop": job.crop}
        manifest |= {"files": records, "left_out": left}
        if _has_pillow():
            _write_sheet(aside, records)
        (aside / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    return manifest


def _write(job: Job, rows: tuple[Row, ...], aside: Path, left: list[dict[str, str]]) -> list[Record]:
    """Every row that can be used; the others are added to `left`."""
    if not _looks_at_pixels(job):
        return [_as_they_are(row, aside, copies=job.copies) for row in rows]
    from .pixels import PixelWriter

    writer = PixelWriter(aside, job.crop, copies=job.copies)
    records: list[Record] = []
    # Anomalous images first: good ones are cut where those were.
    for number, row in enumerate(sorted(rows, key=lambda one: not one.mask), 1):
        try:
            records += writer.write(row)
        except TrainerError as error:
            left.append({"path": str(row.image), "why": str(error)})
        if number % 200 == 0:
            print(f"{number}/{len(rows)} images", flush=True)
    return records


def _looks_at_pixels(job: Job) -> bool:
    """Whether masks are looked at and mended: wherever Pillow and NumPy are.

    Raises:
        TrainerError: they are not, and there is more to do than to link.
    """
    if _has_pillow():
        return True
    if not job.plain:
        raise TrainerError("Joining and drawing masks needs Pillow and NumPy: use the training environment.")
    return False


def _has_pillow() -> bool:
    return find_spec("PIL") is not None and find_spec("numpy") is not None


def _write_sheet(aside: Path, records: list[Record]) -> None:
    """A sheet of anomalous images and their masks; one that cannot be made is no reason to bring nothing."""
    from ..masks.contact_sheet import FILE, defect_sheet

    pairs = [(aside / one["image"], aside / one["mask"]) for one in records if one["mask"]]
    with suppress(TrainerError, OSError):
        sheet = defect_sheet(pairs)
        (aside / FILE.parent).mkdir()
        sheet.save(aside / FILE, quality=90)


def _as_they_are(row: Row, aside: Path, *, copies: bool) -> Record:
    place(row.image, aside / row.to, copies=copies)
    for mask in row.masks:
        place(mask, aside / row.mask, copies=copies)
    return record(row)
