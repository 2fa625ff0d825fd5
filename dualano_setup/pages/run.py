"""A run's page as data: everything that the templates show, collected from the files that the run left."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..explain.order import Explanation
from ..language import N_, _
from ..runs.look import RunView
from ..runs.watch.explained import explained
from ..system.files import bytes_at, list_folder
from ..text.redact import Redactor
from .evaluation import Evaluation, read_evaluations
from .metrics import Metrics, MetricsFile, smoothed
from .pairs import Pair, ShownPair, Summary, chosen, read_pairs, shown, summary
from .pictures import THUMBNAILS, Album, Picture
from .plot import Plot, plot
from .settings import differing, repeating
from .source import Source, json_at
from .story import numbers, sentence, tone

EMBEDDED = 60
"""Pairs in one page."""
REJECTED_SHOWN = 15
SHEETS, REAL = 8, 12
_SHEET_BYTES = 400_000
_LOG_HEAD = 1 << 16
_CHECKPOINT = re.compile(r"checkpoint-(\d{1,12})")
_BEGAN = re.compile(rb"\d+ steps from step (\d{1,12})\b")
_DEVICE = re.compile(r"^ {2}on (.{1,200}), (\w{3,20}); output in ", re.MULTILINE)
_DATA = re.compile(r"^Training (\w+), rank (\d+), on (\d+) images of (.{1,400})$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sample sheet of a step; the picture is None where it is too large to be put in."""

    step: int
    file: str
    picture: Picture | None


@dataclass(frozen=True, slots=True)
class Real:
    """A real training image, with its mask where one is known."""

    name: str
    image: Picture
    mask: Picture | None


@dataclass(frozen=True, slots=True)
class Problem:
    """What `explain` says of a run that failed."""

    name: str
    text: str
    cause: str
    cures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunPage:
    """All of one run."""

    name: str
    tone: str
    sentence: str
    detail: str
    made: str
    state: str
    numbers: Sequence[tuple[str, str]]
    metrics: Metrics
    plots: Sequence[Plot]
    restarts: Sequence[int]
    checkpoints: Sequence[int]
    problem: Problem | None
    cause: Sequence[str]
    sheets: Sequence[Sheet]
    real: Sequence[Real]
    pairs: Summary
    accepted: Sequence[ShownPair]
    rejected: Sequence[ShownPair]
    evaluations: Sequence[Evaluation]
    settings: Sequence[tuple[str, str, str]]
    commands: Sequence[str]
    facts: Sequence[tuple[str, str]]
    machine: Sequence[tuple[str, str]]
    left_out: int = 0
    others: Sequence[str] = field(default_factory=list)  # further pages beside this one: (file name)

    @property
    def shown(self) -> int:
        """How many pairs are in the page."""
        return len(self.accepted) + len(self.rejected)


def read_run(
    source: Source,
    *,
    album: Album | None = None,
    metrics: MetricsFile | None = None,
    machine: Sequence[tuple[str, str]] = (),
    redactor: Redactor | None = None,
    pairs: Sequence[Pair] | None = None,
) -> RunPage:
    """The page of a run as it is now. Texts are redacted: a page is made to be sent to somebody."""
    album, redactor = album or Album(), redactor or Redactor.for_this_user()
    view = source.view()
    values = (metrics or MetricsFile(source.metrics)).read()
    generated = source.generated
    every_pair = read_pairs(generated) if generated and pairs is None else list(pairs or ())
    told = summary(every_pair)
    checkpoints, restarts = checkpoints_of(source.output), restarts_of(source, values)
    real, sheets = real_images(source.output, album), sheets_of(source.output, album)
    good, bad = chosen(every_pair, EMBEDDED, REJECTED_SHOWN)
    accepted = list(shown(generated, good, album)) if generated else []
    rejected = list(shown(generated, bad, album)) if generated else []
    clean = redactor.text
    return RunPage(
        name=source.name,
        tone=tone(view, told),
        sentence=sentence(view, values, told),
        detail=clean(view.verdict.detail) if view else "",
        made=time.strftime("%Y-%m-%d %H:%M"),
        state=view.verdict.state if view else "",
        numbers=numbers(view, values, told),
        metrics=values,
        plots=plots_of(values, total_of(view, values), checkpoints, restarts),
        restarts=restarts,
        checkpoints=checkpoints,
        problem=_problem(view, redactor),
        cause=[clean(line) for line in view.cause] if view else [],
        sheets=sheets,
        real=real,
        pairs=told,
        accepted=accepted,
        rejected=rejected,
        evaluations=read_evaluations(source.output, album),
        settings=[(flag, clean(a), clean(b)) for flag, a, b in differing(source.record)] if source.record else [],
        commands=[clean(line) for line in repeating(source.record)] if source.record else [],
        facts=[(name, clean(value)) for name, value in facts_of(source, view)],
        machine=[(name, clean(value)) for name, value in machine],
        left_out=album.left_out,
    )


def total_of(view: RunView | None, metrics: Metrics) -> int:
    """The last step of the axis: the run's goal, or what was reached."""
    reached = metrics.steps[-1] if metrics.steps else 1
    return max(view.record.steps, reached) if view else reached


def plots_of(metrics: Metrics, last: int, checkpoints: Sequence[int], restarts: Sequence[int]) -> list[Plot]:
    """The drawings: loss raw and smoothed, then learning rate, gradient norm, seconds a step, memory."""
    marks = [(step, "checkpoint") for step in checkpoints] + [(step, "restart") for step in restarts]
    marks += [(step, "broken") for step in metrics.broken()[:50]]
    loss = metrics.of("loss")
    drawn = [plot(N_("Loss"), metrics.steps, (("raw", loss), ("smooth", smoothed(loss))), last=last, marks=marks)]
    others = (
        (N_("Learning rate"), "lr"),
        (N_("Gradient norm"), "grad_norm"),
        (N_("Seconds a step"), "seconds"),
        (N_("GPU memory, GiB"), "gpu_memory_gib"),
    )
    for name, column in others:
        values = metrics.of(column)
        lines = (("raw", values), ("smooth", smoothed(values))) if column in ("grad_norm", "seconds") else (
            ("smooth", values),)  # fmt: skip
        drawn.append(plot(name, metrics.steps, lines, last=last))
    return [one for one in drawn if one is not None]


def checkpoints_of(output: Path) -> list[int]:
    """The steps of the checkpoints that are there."""
    try:
        names = list_folder(output).folders
    except OSError:
        return []
    return sorted(int(found[1]) for name in names if (found := _CHECKPOINT.fullmatch(name)))


def restarts_of(source: Source, metrics: Metrics) -> list[int]:
    """The steps after which a run went on where another had ended, as the runs' logs say."""
    logs = [run.log for run, __ in source.together]
    found = {int(match[1]) for log in logs for match in _BEGAN.finditer(bytes_at(log, _LOG_HEAD))}
    return sorted(step for step in found if 0 < step <= (metrics.steps[-1] if metrics.steps else 0))


def sheets_of(output: Path, album: Album) -> list[Sheet]:
    """Sample sheets, evenly over the training, the last among them."""
    folder = output / "samples"
    try:
        names = [name for name in list_folder(folder).files if re.fullmatch(r"step-\d{1,12}\.png", name)]
    except OSError:
        return []
    names.sort(key=lambda name: int(name[5:-4]))
    count = min(SHEETS, len(names))
    picked = [names[(number + 1) * len(names) // count - 1] for number in range(count)]
    return [Sheet(int(name[5:-4]), name, album.small(folder / name, _SHEET_BYTES)) for name in picked]


def real_images(output: Path, album: Album) -> list[Real]:
    """The small copies of real training images, which the trainer made."""
    folder = output / THUMBNAILS / "real"
    try:
        names = list_folder(folder).files
    except OSError:
        return []
    found = []
    for name in names[:REAL]:
        if (image := album.picture(folder / name)) is not None:
            mask = album.picture(folder.with_name("real-mask") / f"{Path(name).stem}.png")
            found.append(Real(Path(name).stem, image, mask))
    return found


def _problem(view: RunView | None, redactor: Redactor) -> Problem | None:
    explanation: Explanation | None = explained(view) if view else None
    root = explanation.root if explanation else None
    if root is None or root.seen.signature.says_little:
        return None
    from ..explain.signatures import in_language
    from ..language import spoken
    from ..report.explain import cures

    signature = root.seen.signature
    text = redactor.text(root.seen.text[:300])
    return Problem(signature.id, text, str(in_language(signature.cause, spoken())), tuple(cures(signature)))


def facts_of(source: Source, view: RunView | None) -> list[tuple[str, str]]:
    """What the run says of its data and its machine, (name, value), not redacted yet."""
    rows: list[tuple[str, str]] = []
    if view:
        started = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(view.record.created))
        rows += [(_("started"), started), (_("trainer"), view.record.trainer)]
    head = bytes_at(source.run.log, _LOG_HEAD).decode("utf-8", "replace") if source.run else ""
    if found := _DATA.search(head):
        rows.append((_("variant"), f"{found[1]}, rank {found[2]}"))
        rows.append((_("images"), _("{number} of {folder}", number=found[3], folder=found[4])))
    if found := _DEVICE.search(head):
        rows += [(_("trained on"), found[1]), (_("precision"), found[2])]
    steps = checkpoints_of(source.output)
    state = json_at(source.output / f"checkpoint-{steps[-1]}" / "trainer_state.json") if steps else None
    run = state.get("run") if isinstance(state, dict) else None
    if isinstance(run, dict):
        names = {"model": _("base model"), "samples_per_step": _("samples a step"), "seed": _("seed")}
        rows += [(words, str(run[key])) for key, words in names.items() if key in run]
        files = run.get("files")
        if isinstance(files, list):
            rows.append((_("training images"), ", ".join(Path(str(name)).name for name in files[:24])))
    if view and view.record.argv:
        rows.append((_("interpreter"), view.record.argv[0]))
    rows.append((_("results in"), str(source.output)))
    return rows
