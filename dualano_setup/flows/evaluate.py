"""`dualano-doctor evaluate`: which pairs, of which images, and where the result goes; the trainer does the rest."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError
from ..language import _
from ..runs.ending import newest_checkpoint
from ..runs.folder import RunFolder, every, find, results_of
from ..runs.launch.arguments import value_of
from ..runs.launch.command_line import STARTER
from ..runs.launch.resume import as_the_run_had_them
from ..settings.options import Settings
from .tool import MANIFEST, environment_python, newest_generated


@dataclass(frozen=True, slots=True)
class Wish:
    """What a command line asks for: runs or folders, a protocol, a place, and the form on stdout."""

    targets: tuple[str, ...] = ()
    protocol: str | None = None
    into: str | None = None
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class Pairs:
    """Generated pairs, and of what they are. Without category and anomaly the folder tells both by its own folders."""

    folder: Path
    category: str | None = None
    anomaly: str | None = None
    data: Path | None = None
    trained_on: Path | None = None


def evaluate(settings: Settings, wish: Wish, extra: Sequence[str]) -> int:
    """Evaluates in the training environment; the exit status is the trainer's.

    Raises UsageError for what is neither said nor known, LaunchError without a training environment.
    """
    from ..runs.launch.tools import refuse_unknown_flags, run_tool

    if extra:
        refuse_unknown_flags("trainer.evaluate", extra)
    line = tool_arguments(settings, wish, extra)
    status = run_tool(environment_python(settings), "trainer.evaluate", line, offline=settings.offline)
    return 128 - status if status < 0 else status


def tool_arguments(settings: Settings, wish: Wish, extra: Sequence[str]) -> list[str]:
    """The argument list of `trainer.evaluate`; what stands in ARGS is not said twice. Raises UsageError."""
    protocol = value_of("--protocol", extra) or wish.protocol or "strict"
    found = [] if value_of("--generated", extra) else [pairs_of(settings, target) for target in wish.targets or (None,)]
    data = value_of("--dataset", extra) or next((one.data for one in found if one.data), None) or settings.data
    if data is None:
        raise UsageError(_("which images is not known yet: --data PATH, --category NAME and --anomaly NAME"))
    line = [*_named(found), "--dataset", str(data), "--protocol", protocol]
    line += ["--output", wish.into or str(_place(settings, found, protocol))]
    line += ["--json"] if wish.as_json and "--json" not in extra else []
    said = {flag for flag in ("--dataset", "--protocol", "--output") if value_of(flag, extra) is not None}
    kept = [text for flag, text in _with_flags(line) if flag not in said]
    return [*kept, *extra]


def pairs_of(settings: Settings, target: str | None) -> Pairs:
    """The pairs of a run, or of a folder; without either the newest. Raises UsageError when there are none."""
    if target is None:
        return _of_folder(settings, newest_generated(settings))
    folder = Path(target).absolute()
    if folder.is_dir():
        return _of_folder(settings, folder)
    if "/" in target:
        raise UsageError(_("there is no folder {folder}", folder=folder))
    run = find(settings.state, target)
    folder = results_of(settings.project, run.name) / "generated"
    if not (folder / MANIFEST).is_file():
        raise UsageError(
            _(
                "run {run} has no generated pairs in {folder}: `dualano-doctor generate` makes some",
                run=run.name,
                folder=folder,
            )
        )
    return _of_run(settings, folder, run)


def _of_folder(settings: Settings, folder: Path) -> Pairs:
    """The pairs in a folder: a run's where it lies in a run's results, else of the settings' images."""
    holds_pairs = (folder / MANIFEST).is_file() or ((folder / "image").is_dir() and (folder / "mask").is_dir())
    if not holds_pairs and (folder / "generated" / MANIFEST).is_file():
        return _of_folder(settings, folder / "generated")
    if not holds_pairs:
        return Pairs(folder, data=settings.data)
    for run in reversed(every(settings.state)):
        if results_of(settings.project, run.name).resolve() == folder.parent.resolve():
            return _of_run(settings, folder, run)
    if settings.category is None or settings.anomaly is None:
        raise UsageError(
            _("of what the pairs in {folder} are is not known: --category NAME and --anomaly NAME", folder=folder)
        )
    return Pairs(folder, settings.category, settings.anomaly, settings.data)


def _of_run(settings: Settings, folder: Path, run: RunFolder) -> Pairs:
    """A run's pairs, with the images that it trained on, as its newest checkpoint lists them."""
    record = run.record()
    if record is None or STARTER not in (Path(word).name for word in record.argv):
        return Pairs(folder, settings.category, settings.anomaly, settings.data)
    own = as_the_run_had_them(settings, run, record)
    newest = newest_checkpoint(Path(record.output))
    listed = Path(record.output, newest, "trainer_state.json") if newest else None
    return Pairs(folder, own.category, own.anomaly, own.data, listed if listed and listed.is_file() else None)


def _named(found: Sequence[Pairs]) -> list[str]:
    """The flags that name pairs. Raises UsageError where folders of both kinds are mixed."""
    whole = [one for one in found if one.category is None or one.anomaly is None]
    if whole and len(whole) < len(found):
        raise UsageError(
            _(
                "{folder} holds categories, the others pairs of one anomaly: evaluate them one after the other",
                folder=whole[0].folder,
            )
        )
    line = [text for one in found for text in ("--generated", str(one.folder))]
    if not whole:
        line += [text for one in found for text in ("--category", str(one.category), "--anomaly", str(one.anomaly))]
        lists = [one.trained_on for one in found]
        if lists and all(lists):
            line += [text for one in lists for text in ("--trained_on", str(one))]
        elif any(lists):
            print(_("not all runs have a checkpoint that lists what trained; by name then"), file=sys.stderr)
    return line


def _place(settings: Settings, found: Sequence[Pairs], protocol: str) -> Path:
    """Where the result goes when nobody says: beside the pairs, or in `outputs` for several."""
    name = "-".join(("evaluation", protocol)) if protocol != "strict" else "evaluation"
    if len(found) == 1:
        return found[0].folder.parent / name
    return settings.project / "outputs" / name


def _with_flags(line: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each word with the flag that it belongs to."""
    flag = ""
    for word in line:
        flag = word if word.startswith("--") else flag
        yield flag, word
