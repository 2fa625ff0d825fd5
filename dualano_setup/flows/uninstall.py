"""`dualano-doctor uninstall`: what fixes changed elsewhere is put back, then the state folder goes."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from importlib.util import find_spec
from pathlib import Path

from ..campaigns.claims import newest
from ..campaigns.store import campaigns_root
from ..errors import WorkError
from ..language import _
from ..repairs.actions.before_image import remove_tree
from ..repairs.journal.journal import foreign_fixes
from ..repairs.journal.outside import Change, changes_outside, take_back_for_good
from ..runs.folder import every, results_of, runs_root
from ..runs.look import look_at
from ..settings.options import SETTINGS_FILE, Settings
from ..system.files import bytes_below, plain_error
from ..system.first_signal import without_interruption
from ..system.processes import living_runs
from ..text.say import complain, tell
from .settle import hold, session, settle

_LAST = ("lock-holder", "lock")  # held to the end


def uninstall(settings: Settings, *, everything: bool, yes: bool) -> int:
    """Shows what would go and what stays, or does it. Returns 1 where something had to stay that was to go.

    Raises WorkError, having changed nothing, while a run or campaign goes on or another doctor works here.
    """
    _refuse_while_alive(settings)
    if not yes:
        return _show(settings, everything=everything)
    if not settings.state.is_dir():
        left = _remove([*_parts(settings, set()), *_rest(settings, everything=everything)])
    else:
        with hold(settings), without_interruption(tell):
            _refuse_while_alive(settings)
            settle(settings)
            kept, left = _take_all_back(settings, everything=everything)
            left += _remove_state(settings, kept)
            left += _remove(_rest(settings, everything=everything))
    for line in left:
        complain(line)
    _say_what_stays(settings, everything=everything)
    tell(_("the program itself: `{line}`", line=removal_line()))
    return int(bool(left))


def removal_line() -> str:
    """The line that removes the wheel, for the way in which it was installed."""
    parts = Path(sys.prefix).parts
    if "uv" in parts and "tools" in parts:
        return "uv tool uninstall dualano-setup"
    if "pipx" in parts:
        return "pipx uninstall dualano-setup"
    python = shlex.quote(sys.executable)
    return (
        f"{python} -m pip uninstall dualano-setup"
        if find_spec("pip")
        else f"uv pip uninstall --python {python} dualano-setup"
    )


def _refuse_while_alive(settings: Settings) -> None:
    living = living_runs()
    for run in every(settings.state):
        record = run.record()
        verdict = look_at(run, record, living).verdict if record else None
        if verdict and (verdict.alive or verdict.state == "elsewhere"):
            raise WorkError(
                _("run {run} goes on; nothing was changed. First: `dualano-doctor stop --all`", run=run.name)
            )
    for root in sorted(campaigns_root(settings.project).glob("*")):
        claims = [newest(folder) for folder in (root, *root.glob("jobs/*"))]
        if any(claim and claim.state() == "live" for claim in claims):
            raise WorkError(
                _("campaign {name} goes on; nothing was changed. First: `dualano-doctor campaign stop {name}`",
                  name=root.name)
            )  # fmt: skip


def _show(settings: Settings, *, everything: bool) -> int:
    changes = _changes(settings, everything=everything)
    for change in changes:
        tell(_as_before(change) if not change.obstacle else _stays(change, change.obstacle))
    moves = _old_results(settings)
    for source, target in moves:
        tell(_("{source} moves to {target}", source=source, target=target))
    kept = {change.journal.folder for change in changes if change.obstacle} | _foreign(settings)
    going = [*_parts(settings, kept), *_rest(settings, everything=everything)]
    total = 0
    for place in going:
        size = bytes_below(place)
        total += size
        tell(_("remove {path}  {size:.1f} MiB", path=place, size=size / 2**20))
    _say_what_stays(settings, everything=everything)
    if not going and not changes:
        tell(_("nothing of dualano-doctor is in {project}", project=settings.project))
        tell(_("the program itself: `{line}`", line=removal_line()))
    else:
        tell(_("{size:.1f} MiB would go; nothing was changed. To do it: the same with --yes", size=total / 2**20))
    return 0


def _changes(settings: Settings, *, everything: bool) -> list[Change]:
    spared = frozenset({(settings.project / SETTINGS_FILE).resolve()})
    workshop = session(settings).workshop
    return changes_outside(settings.project, settings.state, workshop, spared, made_too=everything)


def _take_all_back(settings: Settings, *, everything: bool) -> tuple[set[Path], list[str]]:
    """The folders of fixes that have to be kept, because what was before is nowhere else, and why in words."""
    kept, left = _foreign(settings), []
    for folder in sorted(kept):
        left.append(
            _("{folder} stays: that fix was not made here, so nobody knows whose files it keeps. Look, then remove it",
              folder=folder)
        )  # fmt: skip
    for change in _changes(settings, everything=everything):
        problem = change.obstacle or take_back_for_good(
            change, session(settings).workshop(change.journal, change.number)
        )
        if problem:
            kept.add(change.journal.folder)
            left.append(_stays(change, problem))
        else:
            tell(_as_before(change))
    return kept, left


def _foreign(settings: Settings) -> set[Path]:
    return {journal.folder for journal in foreign_fixes(settings.project)}


def _remove_state(settings: Settings, kept: set[Path]) -> list[str]:
    left = []
    for source, target in _old_results(settings):
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            source.rename(target)
        except OSError as error:
            return [_("{path} could not be moved to {target}: {reason}", path=source, target=target,
                      reason=plain_error(error))]  # fmt: skip
        tell(_("{source} moves to {target}", source=source, target=target))
    left += _remove(_parts(settings, kept))
    if not left and not kept:
        left += _remove_last(settings.state)
    return left


def _remove_last(state: Path) -> list[str]:
    """The locks and the folder itself; where it is a link, both the folder and the link."""
    try:
        for name in _LAST:
            (state / name).unlink(missing_ok=True)
        real = state.resolve()
        real.rmdir()
        if state.is_symlink():
            state.unlink()
    except OSError as error:
        return [_("{path} could not be removed: {reason}", path=state, reason=plain_error(error))]
    return []


def _remove(places: list[Path]) -> list[str]:
    left = []
    for place in places:
        size = bytes_below(place)
        try:
            remove_tree(place)
        except OSError as first:
            try:  # a folder that its owner made read-only
                _make_writable(place)
                remove_tree(place)
            except OSError:
                left.append(_("{path} could not be removed: {reason}", path=place, reason=plain_error(first)))
                continue
        tell(_("removed {path}  {size:.1f} MiB", path=place, size=size / 2**20))
    return left


def _make_writable(place: Path) -> None:
    dying = place.with_name(f".{place.name[:80]}.dualano-removing")
    for top in (place, dying):
        for folder, _folders, _files in os.walk(top):
            with contextlib.suppress(OSError):
                os.chmod(folder, 0o700)  # noqa: PTH101


def _parts(settings: Settings, kept: set[Path]) -> list[Path]:
    """What lies in the state folder, without the locks and what is kept."""
    state = settings.state
    if not state.is_dir():
        return [state] if os.path.lexists(state) else []
    names = sorted(entry for entry in state.iterdir() if entry.name not in _LAST)
    holders = {folder.parent for folder in kept}
    inner = [path for holder in sorted(holders) for path in sorted(holder.iterdir()) if path not in kept]
    # Journals last: cut off before, what they keep is still known.
    return sorted([name for name in names if name not in holders] + inner, key=lambda path: "fixes" in path.parts)


def _rest(settings: Settings, *, everything: bool) -> list[Path]:
    """What only goes with `everything`, unless it holds what the user named as theirs."""
    return [place for place in _results(settings) if not _theirs(settings, place)] if everything else []


def _results(settings: Settings) -> list[Path]:
    places = (settings.project / "outputs", settings.project / SETTINGS_FILE)
    return [place for place in places if os.path.lexists(place)]


def _theirs(settings: Settings, place: Path) -> Path | None:
    own = (settings.data, settings.model, settings.foreground, settings.checkout)
    return next((path for path in own if path and path.resolve().is_relative_to(place.resolve())), None)


def _old_results(settings: Settings) -> list[tuple[Path, Path]]:
    """Weights and pairs that runs of the first version have in their own folders, and where they go."""
    found = []
    for run in every(settings.state):
        source = runs_root(settings.state) / run.name / "output"
        target = results_of(settings.project, run.name)
        number = 1
        while os.path.lexists(target):
            number += 1
            target = results_of(settings.project, f"{run.name}-{number}")
        if source.is_dir() and any(source.iterdir()):
            found.append((source, target))
    return found


def _say_what_stays(settings: Settings, *, everything: bool) -> None:
    going = _rest(settings, everything=everything)
    for place in [place for place in _results(settings) if place not in going]:
        own = _theirs(settings, place)
        tell(_("stays: {path}, which holds {own}", path=place, own=own) if everything and own else
             _("stays: {path}  {size:.1f} MiB", path=place, size=bytes_below(place) / 2**20))  # fmt: skip
    if settings.output and settings.output.exists() and not settings.output.is_relative_to(settings.project):
        tell(_("stays: {path}  {size:.1f} MiB", path=settings.output, size=bytes_below(settings.output) / 2**20))


def _as_before(change: Change) -> str:
    return _("as before fix {fix}: {paths}", fix=change.journal.id, paths=", ".join(map(str, change.targets)))


def _stays(change: Change, reason: str) -> str:
    return _(
        "{paths} stays as it is: {reason}\nWhat was there before is kept in {folder}; remove that when you like",
        paths=", ".join(map(str, change.targets)), reason=reason, folder=change.journal.folder,
    )  # fmt: skip
