"""The images of a run, looked at before anything heavy is loaded: what training would learn nothing from is refused."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from ..content.verdict import Verdict, judge_anomaly_mask, judge_object_mask, judge_photograph, nothing_is_left
from ..data.dataset import TrainingItem, TrainingSet
from ..data.measure import hidden_share, measure_mask, refuse_cut_short
from ..errors import TrainerError
from .config import TrainingConfig

_NAMED = 5


def make_data(config: TrainingConfig) -> TrainingSet:
    """The run's images."""
    return TrainingSet(
        config.instance_data_dir,
        condition_dir=config.condition_dir if config.variant == "bcm" else None,
        resolution=config.resolution,
        variant="bcm" if config.variant == "bcm" else "dual",
        center_crop=config.center_crop,
        selection=config.selection,
        faithful=config.faithful,
        mask_dir=config.mask_dir,
    )


def look_at(data: TrainingSet) -> list[str]:
    """What the person should know of the images and masks that train; every one of them is opened.

    Raises:
        TrainerError: a file is cut short or cannot be read, or there is nothing to learn from a mask.
    """
    found: dict[Verdict, list[str]] = {}
    anomalies: list[Verdict | None] = []
    for item in data.items:
        for path, judge in _judged(item):
            refuse_cut_short(path)
            verdict = judge(path, data.resolution)
            if path == item.mask:
                anomalies.append(verdict)
            if verdict:
                found.setdefault(verdict, []).append(path.name)
    refused = {verdict: names for verdict, names in found.items() if verdict.refused}
    if refused or nothing_is_left(anomalies):
        raise TrainerError(" ".join(_in_words(refused or found)))
    return list(_in_words(found))


def announce(data: TrainingSet, folder: Path) -> None:
    """The first word of a run, of its first process: what is being looked at."""
    if int(os.environ.get("RANK", "0")) == 0:
        print(f"{len(data)} images of {folder} train; looking at them and their masks", file=sys.stderr, flush=True)


def _judged(item: TrainingItem) -> Iterator[tuple[Path, Callable[[Path, int], Verdict | None]]]:
    yield item.image, lambda path, _: judge_photograph(hidden_share(path))
    yield item.mask, lambda path, side: judge_anomaly_mask(measure_mask(path, side))
    if item.object_mask is not None:
        yield item.object_mask, lambda path, _: judge_object_mask(measure_mask(path))


def _in_words(found: dict[Verdict, list[str]]) -> Iterator[str]:
    for verdict, names in found.items():
        yield f"{_named(names)}: {verdict.seen}. {verdict.cure}"


def _named(names: Iterable[str]) -> str:
    every = list(names)
    more = f" and {len(every) - _NAMED} more" if len(every) > _NAMED else ""
    return ", ".join(every[:_NAMED]) + more
