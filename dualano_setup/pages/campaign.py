"""A campaign as a grid of anomalies, with what needs a person's attention first. Reads its files, and nothing else."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..language import N_, _
from ..settings.options import Settings
from ..system.files import list_folder
from ..text.redact import Redactor
from .evaluation import Evaluation, read_evaluation
from .metrics import MetricsFile, smoothed
from .pairs import ShownPair, chosen, read_pairs, shown, summary
from .pictures import THUMBNAILS, Album, Picture
from .source import PLAN, json_at

SILENT_SECONDS = 600.0
"""Without a sign of life, after which a job that holds its claim is said to be silent."""
LEAST_ACCEPTED = 0.5
"""Share of accepted pairs below which an anomaly needs a look."""
_COSTS_NOTHING = ("done", "stopped", "busy", "limit")  # ends of a try after which it simply goes on
_MINDING = ("failed", "left out", "silent", "doubtful", "running", "waiting", "done")
WORDS = {
    "failed": (N_("failed"), "bad"),
    "left out": (N_("left out"), "bad"),
    "silent": (N_("silent"), "doubtful"),
    "doubtful": (N_("needs a look"), "doubtful"),
    "running": (N_("running"), "busy"),
    "waiting": (N_("waiting"), ""),
    "done": (N_("done"), "good"),
}


@dataclass(frozen=True, slots=True)
class JobCard:
    """One anomaly (or category): its state, why it needs attention, numbers, pictures."""

    id: str
    name: str
    state: str
    why: str
    step: str
    numbers: Sequence[tuple[str, str]]
    real: Picture | None
    pair: ShownPair | None
    order: tuple[float, ...]

    @property
    def word(self) -> str:
        """The state for people."""
        return _(WORDS[self.state][0])

    @property
    def tone(self) -> str:
        """How it looks."""
        return WORDS[self.state][1]


@dataclass(frozen=True, slots=True)
class CampaignPage:
    """All of one campaign."""

    name: str
    tone: str
    sentence: str
    made: str
    numbers: Sequence[tuple[str, str]]
    cards: Sequence[JobCard]
    evaluations: Sequence[tuple[str, Evaluation]]
    settings: Sequence[tuple[str, str]]
    left_out: int


def campaign_html(settings: Settings, folder: Path) -> str:
    """The page of the campaign in `folder`."""
    from .render import page

    return page("campaign.html", campaign=read_campaign(settings, folder))


def read_campaign(settings: Settings, folder: Path, redactor: Redactor | None = None) -> CampaignPage:
    """Everything that the page shows. A plan that cannot be read gives a page that says so."""
    album, clean = Album(), (redactor or Redactor.for_this_user()).text
    plan = json_at(folder / PLAN)
    plan = plan if isinstance(plan, dict) else {}
    rows = plan.get("jobs")
    jobs = [
        job for job in (rows if isinstance(rows, list) else ()) if isinstance(job, dict) and _is_name(job.get("id"))
    ]
    cards = sorted((_card(folder, job, album, clean) for job in jobs), key=lambda card: card.order)
    states = Counter(card.state for card in cards)
    evaluations = [
        (str(job["id"]), found) for job in jobs for found in _evaluations(folder / "jobs" / str(job["id"]), album)
    ]
    wanted = plan.get("wanted")
    told = _flat(wanted) if isinstance(wanted, dict) else []
    return CampaignPage(
        name=str(plan.get("name") or folder.name),
        tone="bad" if states["failed"] else "doubtful" if states["doubtful"] or states["left out"] else
        "good" if states["done"] == len(cards) and cards else "busy",
        sentence=_sentence(states, len(cards)),
        made=time.strftime("%Y-%m-%d %H:%M"),
        numbers=[(_(WORDS[state][0]), str(states[state])) for state in _MINDING if states[state]],
        cards=cards,
        evaluations=evaluations,
        settings=[(name, clean(value)) for name, value in told],
        left_out=album.left_out,
    )  # fmt: skip


def _sentence(states: Counter[str], total: int) -> str:
    if not total:
        return _("Its plan names no job, or cannot be read.")
    attention = states["failed"] + states["left out"] + states["silent"] + states["doubtful"]
    words = {"done": states["done"], "total": total, "attention": attention}
    if attention:
        return _("{done} of {total} are done; {attention} need attention and come first.", **words)
    return _("{done} of {total} are done; none needs attention.", **words)


def _card(folder: Path, job: dict[str, Any], album: Album, clean: Callable[[str], str]) -> JobCard:
    name = "/".join(str(job.get(key) or "") for key in ("category", "anomaly")).strip("/") or str(job["id"])
    place = folder / "jobs" / str(job["id"])
    if not place.is_dir() and (folder / str(job["id"])).is_dir():
        place = folder / str(job["id"])
    steps = _words(job.get("steps"))
    done = {
        step: commit for step in steps if isinstance(commit := json_at(place / "done" / step / "commit.json"), dict)
    }
    at = next((step for step in steps if step not in done), "")
    state, why = _state(place, job, at)
    train, pairs_in = _result(place, "train", done), _result(place, "generate", done)
    numbers, share = _numbers(train, pairs_in)
    if state == "done" and share is not None and share < LEAST_ACCEPTED:
        state, why = "doubtful", _("less than half of its pairs were accepted")
    real = _first_real(train, album)
    pair = None
    if pairs_in is not None:
        every = read_pairs(pairs_in)
        good, bad = chosen(every, 1, 0)
        pair = next(iter(shown(pairs_in, good or bad, album)), None)
    rank = float(_MINDING.index(state))
    return JobCard(str(job["id"]), name, state, clean(why), at, numbers, real, pair,
                   (rank, share if share is not None else 2.0))  # fmt: skip


def _state(place: Path, job: dict[str, Any], at: str) -> tuple[str, str]:
    """The state, and why where there is something to say."""
    problems = _words(job.get("problems"))
    if problems:
        return "left out", "; ".join(problems)
    if not at:
        return "done", ""
    try:
        claims = sorted(int(name) for name in list_folder(place / "claims").folders if name.isdecimal())
    except OSError:
        return "waiting", ""
    if not claims:
        return "waiting", ""
    claim = place / "claims" / str(claims[-1])
    if (claim / "open").is_dir():
        silence = time.time() - _changed(claim / "open" / "beat")
        if silence > SILENT_SECONDS:
            return "silent", _("no sign of life for {minutes:.0f} minutes", minutes=silence / 60)
        return "running", ""
    end = json_at(claim / "end.json")
    end = end if isinstance(end, dict) else {}
    words = next((str(end[key]) for key in ("words", "name", "kind") if end.get(key)), "")
    return ("waiting" if end.get("kind") in _COSTS_NOTHING or not words else "failed"), words


def _result(place: Path, step: str, done: dict[str, dict[str, Any]]) -> Path | None:
    """The folder of a step: the committed one, else the newest try's."""
    said = done.get(step, {}).get("folder")
    if isinstance(said, str) and _is_name(said) and (place / said).is_dir():
        return place / said
    try:
        tries = [name for name in list_folder(place).folders if name.split(".")[0] == step]
    except OSError:
        return None
    numbered = sorted(
        tries, key=lambda name: int(name.rpartition(".")[2]) if name.rpartition(".")[2].isdecimal() else 0
    )
    return place / numbered[-1] if numbered else None


def _numbers(train: Path | None, generated: Path | None) -> tuple[list[tuple[str, str]], float | None]:
    """The card's numbers, and the share of accepted pairs."""
    rows: list[tuple[str, str]] = []
    metrics = MetricsFile(train / "metrics.jsonl").read() if train else None
    if metrics and metrics.steps:
        rows.append((_("steps"), f"{metrics.steps[-1]:,}"))
        end = smoothed(metrics.of("loss"))[-1]
        rows += [(_("loss, smoothed"), f"{end:.3g}")] if end is not None else []
    told = summary(read_pairs(generated)) if generated else None
    if told and told.total:
        rows.append((_("pairs accepted"), f"{told.accepted} / {told.total}"))
        rows += [(_("median quality"), f"{told.middle:.2f}")] if told.middle is not None else []
        return rows, told.accepted / told.total
    return rows, None


def _first_real(train: Path | None, album: Album) -> Picture | None:
    folder = train / THUMBNAILS / "real" if train else None
    try:
        names = list_folder(folder).files if folder else ()
    except OSError:
        return None
    return album.picture(folder / names[0]) if folder and names else None


def _evaluations(place: Path, album: Album) -> list[Evaluation]:
    try:
        names = [name for name in list_folder(place).folders if name.startswith("evaluat")]
    except OSError:
        return []
    found = (read_evaluation(place / name, album) for name in names)
    return [one for one in found if one is not None]


def _flat(wanted: dict[str, Any]) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for key, value in wanted.items():
        if isinstance(value, dict):
            rows += [(str(name), str(inner)) for name, inner in value.items() if inner is not None]
        elif value not in (None, [], ""):
            rows.append((str(key), " ".join(map(str, value)) if isinstance(value, list) else str(value)))
    return rows


def _words(value: object) -> list[str]:
    return [str(word) for word in value] if isinstance(value, list) else []


def _is_name(value: object) -> bool:
    return isinstance(value, str) and os.path.basename(value) == value and value not in ("", ".", "..")  # noqa: PTH119


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
