"""What a campaign is to do: its jobs, their digests, and how two plans differ. Pure, but for listing the data."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..facts.project.dataset import is_image_name
from ..language import _
from ..runs.launch.arguments import value_of
from ..settings.campaign import CampaignSettings
from ..settings.options import Settings

SCHEMA = 1
OF_ANOMALY = ("train", "generate", "masks")
"""Steps of one anomaly; the others are of a category with all its anomalies."""
_RESULTS = ("variant", "resolution", "batch_size", "gradient_accumulation_steps", "gradient_checkpointing",
            "mixed_precision", "steps", "rank", "learning_rate", "model", "data", "foreground")  # fmt: skip
"""Settings that the results depend on; the others say where and how it runs."""


_OF_STEP: dict[str, tuple[str, ...]] = {
    "train": ("train_arguments",),
    "generate": ("accepted", "limit", "generate_arguments"),
    "export": ("format",),
    "evaluate": ("protocol",),
}


@dataclass(frozen=True, slots=True)
class Job:
    """One folder of a campaign: an anomaly's training and pairs, or (no `anomaly`) a category's export.

    `problems`: why it cannot work, seen before anything was started; it is then left out.
    """

    id: str
    category: str
    anomaly: str
    steps: tuple[str, ...]
    needs: tuple[str, ...] = ()
    images: int = 0
    data: str = ""  # digest of the names and sizes of its files
    digest: str = ""
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole campaign. `wanted` is what the results depend on, `how` what may change between two starts."""

    name: str
    wanted: dict[str, Any]
    jobs: tuple[Job, ...]
    how: dict[str, Any] = field(default_factory=dict)
    schema: int = SCHEMA

    @property
    def digest(self) -> str:
        """Of everything that the results depend on."""
        return _digest([self.wanted, [asdict(job) | {"problems": ()} for job in self.jobs]])

    @property
    def train_steps(self) -> int:
        """Steps of each training: what `train_arguments` say, else the settings."""
        said = value_of("--max_train_steps", self.wanted["train_arguments"])
        return int(said) if said and said.isdigit() else int(self.wanted["settings"]["steps"])

    @property
    def working(self) -> tuple[Job, ...]:
        """The jobs that can work."""
        return tuple(job for job in self.jobs if not job.problems)

    def document(self) -> dict[str, Any]:
        """For plan.json."""
        return {"schema": self.schema, "name": self.name, "digest": self.digest, "wanted": self.wanted,
                "how": self.how, "jobs": [asdict(job) for job in self.jobs]}  # fmt: skip


def from_document(document: Mapping[str, Any]) -> Plan:
    """The plan in a plan.json. Raises ValueError when it is none of this version's."""
    try:
        if document["schema"] != SCHEMA:
            raise ValueError
        return Plan(document["name"], dict(document["wanted"]), tuple(map(_job_of, document["jobs"])),
                    dict(document["how"]))  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(_("it is no plan of this version")) from error


def _job_of(row: Mapping[str, Any]) -> Job:
    lists = {key: tuple(row[key]) for key in ("steps", "needs", "problems")}
    return Job(**{**row, **lists})


def make_plan(settings: Settings, campaign: CampaignSettings, how: Mapping[str, Any]) -> Plan:
    """The plan for what the settings say, its data listed, not looked into. Raises UsageError for what is not there."""
    if settings.data is None:
        raise UsageError(_("no data set is named: --data PATH (the MVTec AD root), or `data` in dualano.toml"))
    if settings.model is None and {"train", "generate"} & {*campaign.steps}:
        raise UsageError(_("no base model is named: --model PATH, or `model` in dualano.toml"))
    wanted = {
        "steps": list(campaign.steps),
        "accepted": campaign.accepted,
        "limit": campaign.limit,
        "format": campaign.format,
        "protocol": campaign.protocol,
        "train_arguments": list(campaign.train_arguments),
        "generate_arguments": list(campaign.generate_arguments),
        "settings": {key: _plain(getattr(settings, key)) for key in _RESULTS},
    }
    kinds = list(chosen(settings.data, campaign.categories, campaign.anomalies))
    return Plan(campaign.name, wanted, tuple(jobs_of(kinds, settings, campaign.steps, wanted)), dict(how))


def chosen(data: Path, categories: Iterable[str], anomalies: Iterable[str]) -> Iterable[tuple[str, str]]:
    """The (category, anomaly) pairs that the patterns choose, in order.

    A pattern for anomalies may name its category: "bottle/broken_*". Raises UsageError for one that chooses nothing.
    """
    there = [(folder.name, test.name) for folder in _folders(data) for test in _folders(folder / "test")
             if test.name != "good"]  # fmt: skip
    if not there:
        raise UsageError(_("{data} holds no <category>/test/<anomaly> folders; `dualano-doctor import` makes them of "
                           "other layouts", data=data))  # fmt: skip
    for pattern in categories:
        if not any(fnmatchcase(category, pattern) for category, __ in there):
            names = ", ".join(dict.fromkeys(category for category, __ in there))
            raise UsageError(_("no category is called {pattern!r}; there are: {names}", pattern=pattern, names=names))
    some = [pair for pair in there if any(fnmatchcase(pair[0], pattern) for pattern in categories)]
    for pattern in anomalies:
        if not any(_fits(pair, pattern) for pair in some):
            names = ", ".join(f"{category}/{anomaly}" for category, anomaly in some)
            raise UsageError(_("no anomaly is called {pattern!r}; there are: {names}", pattern=pattern, names=names))
    return [pair for pair in some if any(_fits(pair, pattern) for pattern in anomalies)]


def _fits(pair: tuple[str, str], pattern: str) -> bool:
    return fnmatchcase("/".join(pair) if "/" in pattern else pair[1], pattern)


def jobs_of(
    kinds: Iterable[tuple[str, str]], settings: Settings, steps: Iterable[str], wanted: Mapping[str, Any]
) -> list[Job]:
    """The jobs, each with its digest: anomalies first, then the categories made of them."""
    assert settings.data is not None
    steps = tuple(steps)
    own, later = (tuple(step for step in steps if (step in OF_ANOMALY) is mine) for mine in (True, False))
    names: set[str] = set()
    jobs, members = [], dict[str, list[Job]]()
    for category, anomaly in kinds:
        images, data = _files_of(settings, category, anomaly)
        job = Job(_id(f"{category}-{anomaly}", names), category, anomaly, own, images=images, data=data)
        jobs.append(_with_digest(job, wanted, ()))
        members.setdefault(category, []).append(jobs[-1])
    if later:
        for category, parts in members.items():
            job = Job(_id(category, names), category, "", later, tuple(part.id for part in parts))
            jobs.append(_with_digest(job, wanted, tuple(part.digest for part in parts)))
    return jobs


def without_bad(plan: Plan, problems: Mapping[str, tuple[str, ...]]) -> Plan:
    """The plan with what was found wrong with jobs, by their ids; categories are made of the anomalies left."""
    bad = {job.id for job in plan.jobs if problems.get(job.id)}
    jobs, kept = [], dict[str, Job]()
    for job in plan.jobs:
        if job.id in bad:
            job = _replace(job, problems=problems[job.id])
        elif job.needs:
            needs = tuple(need for need in job.needs if need not in bad)
            why = () if needs else (_("none of its anomalies can work"),)
            digests = tuple(kept[need].digest for need in needs)
            job = _with_digest(_replace(job, needs=needs, problems=why), plan.wanted, digests)
        kept[job.id] = job
        jobs.append(job)
    return Plan(plan.name, plan.wanted, tuple(jobs), plan.how)


def difference(old: Plan, new: Plan) -> list[str]:
    """In words, what differs between two plans; empty when the results would be the same."""
    lines = [
        _("{key} was {old}, now {new}", key=key, old=json.dumps(before), new=json.dumps(after))
        for key, before, after in _changed(_flat(old.wanted), _flat(new.wanted))
    ]
    before, after = ({job.id: job for job in plan.working} for plan in (old, new))
    lines += [_("{job} is new", job=name) for name in after if name not in before]
    lines += [_("{job} is not in it any more", job=name) for name in before if name not in after]
    for name in before.keys() & after.keys():
        if before[name].data != after[name].data:
            counts = (before[name].images, after[name].images)
            lines.append(_("{job}: other files ({before} images, now {after})", job=name, before=counts[0],
                           after=counts[1]))  # fmt: skip
        elif before[name].needs != after[name].needs:
            lines.append(_("{job}: made of {new}, before of {old}", job=name, new=", ".join(after[name].needs),
                           old=", ".join(before[name].needs)))  # fmt: skip
    return lines


def overturned(old: Plan, new: Plan, begun: Mapping[str, Iterable[str]]) -> list[str]:
    """Jobs of whose committed steps (in `begun`) the new plan would do one otherwise, or not at all."""
    before, after = ({job.id: job for job in plan.jobs} for plan in (old, new))
    return [
        name
        for name, steps in begun.items()
        if any(
            name not in after or step_digest(new, after[name], step) != step_digest(old, before[name], step)
            for step in steps
        )
    ]


def step_digest(plan: Plan, job: Job, step: str) -> str:
    """Of what the result of one step depends on: more pairs overturn no training, another format no pairs."""
    by_id = {one.id: one for one in plan.jobs}
    upto = OF_ANOMALY[: OF_ANOMALY.index(step) + 1] if step in OF_ANOMALY else (step,)
    keys = [key for one in upto for key in _OF_STEP.get(one, ())]
    parts = [step_digest(plan, by_id[need], "generate") for need in job.needs]
    settings = plan.wanted["settings"] if job.anomaly else {}
    said = {key: plan.wanted[key] for key in keys}
    return _digest([job.category, job.anomaly, job.data, said, settings, parts])


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    keys = dict.fromkeys((*old, *new))
    return [(key, old.get(key), new.get(key)) for key in keys if old.get(key) != new.get(key)]


def _flat(wanted: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in wanted.items() if key != "settings"} | dict(wanted.get("settings", {}))


def _with_digest(job: Job, wanted: Mapping[str, Any], parts: tuple[str, ...]) -> Job:
    """With the digest of what its own steps depend on: another export format changes no training."""
    keys = [key for step in job.steps for key in _OF_STEP.get(step, ())]
    settings = wanted["settings"] if job.anomaly else {}
    parts_of_it = [job.category, job.anomaly, job.steps, job.data, {key: wanted[key] for key in keys}, settings, parts]
    return _replace(job, digest=_digest(parts_of_it))


def _replace(job: Job, **changes: Any) -> Job:
    from dataclasses import replace

    return replace(job, **changes)


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=list).encode()).hexdigest()[:32]


def _id(wanted: str, taken: set[str]) -> str:
    """A folder's name for a job, none twice: what is no plain letter becomes a hyphen."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", wanted).strip("-.") or "job"
    name, number = stem, 1
    while name.casefold() in taken:
        number += 1
        name = f"{stem}-{number}"
    taken.add(name.casefold())
    return name


def _files_of(settings: Settings, category: str, anomaly: str) -> tuple[int, str]:
    """The number of images, and a digest of the names and sizes of what this anomaly is trained on."""
    assert settings.data is not None
    folder = settings.data / category
    places = [folder / "test" / anomaly, folder / "ground_truth" / anomaly]
    if settings.foreground and settings.variant == "bcm":
        places += [settings.foreground / category / anomaly, settings.foreground / category / "good"]
    rows = [[(entry.name, entry.stat().st_size) for entry in _entries(place)] for place in places]
    return sum(is_image_name(name) for name, __ in rows[0]), _digest(rows)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return sorted((entry for entry in found if entry.is_file()), key=lambda entry: entry.name)
    except OSError:
        return []


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:
        return []


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value
