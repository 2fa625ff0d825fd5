"""The evaluation as a whole: look, refuse, plan, do what is left, report."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..data.images import write_png
from ..errors import TrainerError
from ..files.atomic import write_atomically
from ..files.reading import read_text
from ..run_folder.folder import claimed
from . import leaks
from .estimate import estimate
from .jobs import Job, Material, Work, jobs_of
from .protocols import Protocol, constants, protocol_with
from .report import document as documents
from .report.drawings import maps_sheet, sheets
from .report.table import markdown
from .settings import EvaluationSettings
from .sources import CategoryData, gather, named
from .tasks.quality import Networks
from .telling import clock

DOCUMENT, TABLE, SETTINGS, PICTURES = "evaluation.json", "evaluation.md", "settings.json", "pictures"


def evaluate(settings: EvaluationSettings) -> None:
    """Evaluate, or go on with an evaluation that was interrupted.

    Raises:
        TrainerError: nothing to evaluate, a leak, or a folder with another evaluation.
    """
    protocol, departures = protocol_with(settings.protocol, dict(settings.changes))
    rows = named(settings.generated, settings.category, settings.anomaly, settings.trained_on)
    categories = gather(rows, settings.dataset, protocol)
    checks = look(categories, allow=settings.allow_leakage)
    device = _device(settings.device)
    networks, left = _networks(settings, protocol, device)
    jobs = [
        job for job in jobs_of(categories, protocol, settings.trainings, settings.tasks) if _possible(job, networks)
    ]
    if not jobs:
        needs = "; ".join(f"{row['what']}: {row['needs']}" for row in left) or "two anomalies of one category"
        raise TrainerError(f"Nothing can be evaluated by {', '.join(settings.tasks)} here; it needs {needs}.")
    head = {
        "format": documents.FORMAT,
        "protocol": protocol.name,
        "sources": protocol.sources,
        "constants": constants(protocol),
        "departures": departures,
        "mixed_precision": settings.mixed_precision,
        "trainings": list(settings.trainings),
        "tasks": list(settings.tasks),
        "categories": {one.name: _described(one, found) for one, found in zip(categories, checks, strict=True)},
        "left_out": left,
        "versions": documents.versions(_name(device)),
    }
    materials = {one.name: Material(one, protocol) for one in categories}
    work = Work(settings.output, protocol, materials, networks, device, settings.mixed_precision == "bf16")
    tell_before(jobs, work, head)
    if settings.plan:
        return
    with claimed(settings.output):
        _settle(settings.output, {**head, "left_out": [], "versions": {}, "inputs": _fingerprint(categories)})
        done = [_done(job, work, f"[{number}/{len(jobs)}] ") for number, job in enumerate(jobs, 1)]
        _write(settings, {**head, "rows": done, "summary": documents.summarised(done)}, work, jobs)


def look(categories: Sequence[CategoryData], *, allow: bool) -> list[leaks.Checks]:
    """Look for leaks, doubles and inverted masks.

    Raises:
        TrainerError: there are some, and they are not allowed.
    """
    found = []
    for category in categories:
        print(f"{category.name}: looking for leaks, doubles and inverted masks", file=sys.stderr, flush=True)
        checks = leaks.check(category)
        if not allow:
            leaks.refuse(category.name, checks)
        found.append(checks)
    return found


def tell_before(jobs: Sequence[Job], work: Work, head: dict[str, Any]) -> None:
    """Say what will be done, how long it takes and how much memory, and what is left out."""
    for note in documents.notes_of({**head, "rows": []}):
        print(f"note: {note}", file=sys.stderr)
    ready = sum(work.row(job) is not None for job in jobs)
    print(f"{len(jobs)} jobs, {ready} of them done before; trying a few steps", file=sys.stderr, flush=True)
    took = estimate(jobs, work)
    print(
        f"about {clock(took.seconds)} of training and testing on {head['versions']['device']}, "
        f"{took.memory / 2**30:.1f} GiB of memory at batch {work.protocol.batch} of {work.protocol.pixels} px",
        file=sys.stderr,
        flush=True,
    )


def _networks(
    settings: EvaluationSettings, protocol: Protocol, device: torch.device
) -> tuple[Networks, list[dict[str, str]]]:
    wanted = "quality" in settings.tasks and "generated" in settings.trainings
    return Networks.found(device, protocol) if wanted else (Networks(device), [])


def _possible(job: Job, networks: Networks) -> bool:
    return job.task != "quality" or any((networks.fid, networks.inception, networks.lpips))


def _device(name: str) -> torch.device:
    """The device of that name.

    Raises:
        TrainerError: it is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.zeros(1, device=name)
        return torch.device(name)
    except (RuntimeError, AssertionError) as error:
        raise TrainerError(
            f"--device {name} cannot be used: {str(error).splitlines()[0]}. Give cpu, cuda or auto."
        ) from error


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "the CPU"


def _done(job: Job, work: Work, heading: str) -> dict[str, Any]:
    row = work.row(job)
    if row is not None:
        return row
    what = f"{job.category} {job.anomaly}".strip()
    try:
        return work.do(job, f"{heading}{what}: {job.task}, {job.training}, seed {job.seed}")
    except torch.cuda.OutOfMemoryError as error:
        raise TrainerError(
            "The GPU's memory is full. --batch 4 or --mixed_precision bf16 need less (the result says so), or "
            "--device cpu."
        ) from error


def _described(category: CategoryData, checks: leaks.Checks) -> dict[str, Any]:
    return {
        "anomalies": [
            {
                "name": one.name,
                "generated": len(one.generated),
                "trained": len(one.trained),
                "test": len(one.test),
                "trained_on": [pair.image.name for pair in one.trained],
            }
            for one in category.anomalies
        ],
        "train_good": len(category.train_good),
        "test_good": len(category.test_good),
        "untested": list(category.untested),
        "checks": json.loads(json.dumps(asdict(checks))),
    }


def _fingerprint(categories: Sequence[CategoryData]) -> str:
    """Changes when a file that is evaluated is another one, by name and size."""
    files = [path for one in categories for path in (*one.train_good, *one.test_good)]
    for one in categories:
        for anomaly in one.anomalies:
            files += [path for pair in (*anomaly.generated, *anomaly.real) for path in (pair.image, pair.mask)]
    rows = sorted(f"{path.name} {path.stat().st_size}" for path in files)
    return hashlib.sha256("\n".join(rows).encode("utf-8", "surrogateescape")).hexdigest()


def _settle(folder: Path, depends: dict[str, Any]) -> None:
    """Note what the results depend on, or fail where the folder's depend on something else.

    Raises:
        TrainerError: says what differs.
    """
    file = folder / SETTINGS
    if file.is_file():
        try:
            before = dict(json.loads(read_text(file)))
        except (OSError, ValueError, TypeError, RecursionError) as error:
            raise TrainerError(f"{file} cannot be read ({error}). Give another --output.") from error
        now = json.loads(json.dumps(depends))
        differing = [key for key in sorted({*before, *now}) if before.get(key) != now.get(key)]
        if differing:
            raise TrainerError(
                f"{folder} holds an evaluation of something else ({', '.join(differing)} differ). Go on with the same "
                "settings and files, or give another --output."
            )
        return
    others = [path.name for path in folder.iterdir() if not path.name.startswith(".")]
    if others:
        raise TrainerError(f"{folder} holds {others[0]}, which is no evaluation's. Give another --output.")
    write_atomically(file, lambda path: path.write_text(json.dumps(depends, indent=1), encoding="utf-8"))


def _write(settings: EvaluationSettings, document: dict[str, Any], work: Work, jobs: Sequence[Job]) -> None:
    """The document, the table and the pictures."""
    folder = settings.output
    (folder / PICTURES).mkdir(exist_ok=True)
    for category in document["categories"]:
        for name, image in sheets(category, document["rows"]).items():
            write_png(image, folder / PICTURES / name)
        own = [job for job in jobs if job.category == category and job.task == "localisation" and job.seed == 0]
        if own:
            _draw_maps(category, own, work, folder / PICTURES / f"{category}-maps.png")
    text, table = documents.text_of(document), markdown(document)
    write_atomically(folder / TABLE, lambda path: path.write_text(table, encoding="utf-8"))
    write_atomically(folder / DOCUMENT, lambda path: path.write_text(text, encoding="utf-8"))
    sys.stdout.write(text if settings.json else table)
    print(f"{folder / DOCUMENT}, {TABLE}, {PICTURES}/", file=sys.stderr)


def _draw_maps(category: str, jobs: Sequence[Job], work: Work, path: Path) -> None:
    tests, maps, places = work.materials[category].tests(), {}, np.zeros(0, int)
    for job in jobs:
        with np.load(work.shown_file(job)) as stored:
            maps[job.training], places = stored["maps"], stored["places"]
    images = tests.pairs.images[places].permute(0, 2, 3, 1).numpy()
    names = [tests.names[int(place)] for place in places]
    write_png(maps_sheet(images, tests.pairs.masks[places].numpy(), maps, names), path)
