"""The trainings and measurements of an evaluation, one after another, each kept when it is done."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import TrainerError
from ..files.atomic import write_atomically
from ..files.reading import read_text
from .baselines import FROM_GOOD, WITH_CLASSES, varied
from .networks.pretrained import resnet_state
from .pictures import HeldOut, Pairs, pictures, read_pairs, read_tests
from .protocols import Protocol
from .sources import CategoryData
from .tasks import classify, localise, quality
from .tasks.training import Run
from .telling import Teller

#: Test pictures of a category that the drawn maps show.
SHOWN = 6


@dataclass(frozen=True, slots=True)
class Job:
    """One row of the result."""

    task: str
    training: str
    category: str
    seed: int
    anomaly: str = ""

    @property
    def name(self) -> str:
        """The stem of its files."""
        return "-".join(filter(None, (self.task, self.category, self.anomaly, self.training, f"seed{self.seed}")))


def jobs_of(
    categories: Sequence[CategoryData], protocol: Protocol, trainings: Sequence[str], tasks: Sequence[str]
) -> list[Job]:
    """All jobs, one category after another."""
    found: list[Job] = []
    for category in categories:
        seeds = range(protocol.seeds)
        if "quality" in tasks and "generated" in trainings:
            found += [Job("quality", "generated", category.name, 0, one.name) for one in category.anomalies]
        if "localisation" in tasks:
            found += [Job("localisation", training, category.name, seed) for training in trainings for seed in seeds]
        if "classification" in tasks and len(category.anomalies) > 1:
            named = [training for training in trainings if training in WITH_CLASSES]
            found += [Job("classification", training, category.name, seed) for training in named for seed in seeds]
    return found


@dataclass(slots=True)
class Material:
    """A category's pictures, read when they are first needed and kept for all its jobs."""

    category: CategoryData
    protocol: Protocol
    _good: Tensor | None = None
    _tests: HeldOut | None = None
    _pairs: dict[str, list[Pairs]] = field(default_factory=dict)

    def good(self) -> Tensor:
        """Good training pictures."""
        if self._good is None:
            self._good = pictures(self.category.train_good, self.protocol.pixels)
        return self._good

    def tests(self) -> HeldOut:
        """What is tested on."""
        if self._tests is None:
            anomalous = [pair for anomaly in self.category.anomalies for pair in anomaly.test]
            how = self.protocol.test_resize
            self._tests = read_tests(anomalous, self.category.test_good, self.protocol.pixels, how)
        return self._tests

    def pairs(self, training: str, seed: int, most: int | None) -> list[Pairs]:
        """The anomalies that a training has, one set for each class; none for `none`."""
        key = f"{training} {seed}" if training in (*FROM_GOOD, "augmentation") else training
        if key not in self._pairs:
            self._pairs = {name: kept for name, kept in self._pairs.items() if name in ("generated", "real")}
            self._pairs[key] = self._made(training, seed)
        return [one.first(most) for one in self._pairs[key]]

    def _made(self, training: str, seed: int) -> list[Pairs]:
        anomalies, pixels = self.category.anomalies, self.protocol.pixels
        if training == "none":
            return []
        if training == "generated":
            return [read_pairs(one.generated, pixels) for one in anomalies]
        if training == "real":
            return [read_pairs(one.trained, pixels) for one in anomalies]
        # As many as there are generated ones, so that rows differ in nothing else.
        counts = [len(one.generated) for one in anomalies]
        if training == "augmentation":
            reals = self.pairs("real", seed, None)
            return [varied(real, count, seed) for real, count in zip(reals, counts, strict=True)]
        return [FROM_GOOD[training](self.good(), min(sum(counts), self.protocol.draws), seed)]


@dataclass(slots=True)
class Work:
    """What jobs are done with."""

    folder: Path
    protocol: Protocol
    materials: dict[str, Material]
    networks: quality.Networks
    device: torch.device
    bf16: bool

    def result_file(self, job: Job) -> Path:
        """Where a job's row is kept."""
        return self.folder / "jobs" / f"{job.name}.json"

    def shown_file(self, job: Job) -> Path:
        """Where the maps that are drawn are kept."""
        return self.folder / "jobs" / f"{job.name}.npz"

    def row(self, job: Job) -> dict[str, Any] | None:
        """A finished job's row, or None."""
        file = self.result_file(job)
        try:
            return dict(json.loads(read_text(file))) if file.is_file() else None
        except (OSError, ValueError, TypeError, RecursionError) as error:
            raise TrainerError(f"{file} cannot be read ({error}). Remove it; its job is then done again.") from error

    def do(self, job: Job, heading: str) -> dict[str, Any]:
        """Do one job and keep its row."""
        began = time.monotonic()
        run = Run(self.device, self.bf16, self.result_file(job).with_suffix(".pt"))
        say = Teller(heading, began)
        material = self.materials[job.category]
        row: dict[str, Any] = {"training": job.training, "task": job.task, "category": job.category, "seed": job.seed}
        if job.task == "quality":
            say.line("")
            anomaly = next(one for one in material.category.anomalies if one.name == job.anomaly)
            row |= {"anomaly": job.anomaly, **quality.measure(anomaly, self.protocol, self.networks, job.seed)}
        elif job.task == "localisation":
            row |= self._localised(job, material, run, say)
        else:
            row |= self._classified(job, material, run, say)
        row["seconds"] = round(time.monotonic() - began, 1)
        text = json.dumps(row)
        write_atomically(self.result_file(job), lambda path: path.write_text(text, encoding="utf-8"))
        run.done()
        return row

    def _localised(self, job: Job, material: Material, run: Run, say: Teller) -> dict[str, Any]:
        protocol, most = self.protocol, self.protocol.most_pairs
        pairs = material.pairs(job.training, job.seed, most)
        real = material.pairs("real", job.seed, None) if protocol.real_share else []
        tests = material.tests()
        data = localise.TrainingSet(material.good(), pairs, real)
        results, found = localise.localise(data, tests, protocol, job.seed, run, say.progress)
        shown = _shown(tests)
        values = {"maps": (found.maps[shown] * 255).round().astype(np.uint8), "places": shown}
        write_atomically(self.shown_file(job), lambda path: _save(path, values))
        return {
            **_by_epoch(results, protocol.reported),
            "pairs": sum(map(len, pairs)),
            "curves": localise.curves(found, tests, protocol),
        }

    def _classified(self, job: Job, material: Material, run: Run, say: Teller) -> dict[str, Any]:
        train = [one.images for one in material.pairs(job.training, job.seed, self.protocol.class_most)]
        tests, first = [], 0
        for anomaly in material.category.anomalies:
            tests.append(material.tests().pairs.images[first : first + len(anomaly.test)])
            first += len(anomaly.test)
        state = resnet_state()
        results = classify.classify(train, tests, self.protocol, job.seed, run, state, say.progress)
        start = "ImageNet" if state else "from scratch: ImageNet's weights are not in torch's cache"
        return {**_by_epoch(results, self.protocol.reported), "pairs": sum(map(len, train)), "start": start}


def _by_epoch(results: dict[str, dict[str, Any]], reported: str) -> dict[str, Any]:
    """The reported epoch's numbers, and both epochs' beside them."""
    own = {name: value for name, value in results[reported].items() if name != "epoch"}
    return {"reported": reported, "metrics": own, "last": results["last"], "best_on_test": results["best-on-test"]}


def _shown(tests: HeldOut) -> Any:
    """Places of the test pictures that are drawn: evenly over the anomalous ones."""
    anomalous = int(tests.labels.sum())
    return np.unique(np.linspace(0, anomalous - 1, min(SHOWN, anomalous)).astype(int))


def _save(path: Path, values: dict[str, Any]) -> None:
    with path.open("wb") as stream:
        np.savez_compressed(stream, **values)
