"""Plans for `dualano-doctor patch`: chosen patches onto a checkout, or everything ever patched there back out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from ..errors import RepairError, UsageError
from ..facts.project.checkout import patch_parameters
from ..language import _
from ..patching import FileEdit, Patch, PatchError, inspect, load_patches, plan_revert
from ..patching import plan as plan_patches
from ..repairs.action import Plan
from ..repairs.actions import before_image as images
from ..repairs.actions.files import WriteFile
from ..repairs.journal.apply import apply_plan
from ..repairs.journal.journal import all_fixes, new_id
from ..repairs.journal.lock import locked
from ..repairs.journal.serial import fingerprint
from ..repairs.journal.undo import recover
from ..settings.options import Settings
from ..system.bundle import bundle_root
from ..text.say import tell
from .settle import session

_NOT_IN_PLACE = ("before", "partly", "drifted", "missing")
"""After applying: one that is still `before` lacks a value."""


def choose_patches(names: Sequence[str]) -> tuple[Patch, ...]:
    """The named patches, or the default ones. Raises UsageError for a name that is no patch's."""
    patches = load_patches(bundle_root() / "patches")
    known = {patch.id for patch in patches}
    if unknown := [name for name in names if name not in known]:
        raise UsageError(
            _("no patch is called {unknown}; `dualano-doctor patch status` lists them", unknown=", ".join(unknown))
        )
    return tuple(patch for patch in patches if (patch.id in names if names else patch.default))


def plan_apply(settings: Settings, checkout: Path, patches: Sequence[Patch]) -> Plan:
    """One edit a file for the patches that are not in place. Raises RepairError when one cannot be proved safe."""
    try:
        edits = plan_patches(checkout, tuple(patches), patch_parameters(settings))
    except PatchError as error:
        raise RepairError(str(error)) from error
    return _plan(settings, edits)


def plan_back(settings: Settings, checkout: Path) -> Plan:
    """The edits that take every patch of this project out of the checkout, later work of the user's left in.

    Raises RepairError, naming file and line, where the user changed the very lines that were patched.
    """
    edits, refusals = plan_revert(checkout, _applied(settings.project, checkout))
    if refusals:
        reasons = "\n".join(f"{refusal.path}: {refusal.reason}" for refusal in refusals)
        raise RepairError(_("nothing was reverted:\n{reasons}", reasons=reasons))
    return _plan(settings, edits)


def change(settings: Settings, checkout: Path, names: Sequence[str], what: str) -> int:
    """Applies the chosen patches ("apply") or takes all back ("revert"), under lock and journal.

    Returns 1 when a chosen patch found no place or lacks a value, which is said.

    Raises UsageError for a name that is no patch's, RepairError when it failed and was taken back.
    """
    work = session(settings)
    with locked(settings.project, [checkout], say=tell):
        for told in recover(settings.project, work.workshop):
            tell(told)
        applying = what == "apply"
        plan = plan_apply(settings, checkout, choose_patches(names)) if applying else plan_back(settings, checkout)
        if not plan.actions:
            tell(_("Nothing to apply.") if applying else _("Nothing to revert: no patch of this project is there."))
            return _say_what_is_left_out(settings, checkout, names) if applying else 0
        outcome = apply_plan(plan, work)
        outcome.end_as_asked()
        if outcome.status:
            raise RepairError(outcome.problem)
    tell(_("Done. `dualano-doctor undo {plan}` takes it back byte for byte.", plan=plan.id))
    return _say_what_is_left_out(settings, checkout, names) if applying else 0


def _say_what_is_left_out(settings: Settings, checkout: Path, names: Sequence[str]) -> int:
    """1 when a chosen patch is not wholly in place now; says which, where it looked and what that means."""
    chosen = choose_patches(names)
    by_id = {patch.id: patch for patch in chosen}
    reports = inspect(checkout, chosen, patch_parameters(settings))
    here = {report.id for report in reports if any((checkout / file.path).exists() for file in report.files)}
    if not here:
        tell(
            _(
                "{checkout} has none of the files that these patches are for: name the root of a checkout of the "
                "authors' repository",
                checkout=checkout,
            )
        )
        return 1
    not_in_place = [report for report in reports if report.state in _NOT_IN_PLACE and report.id in here]
    waiting = {report.id: report.lacks for report in not_in_place if report.lacks}
    left_out = [report for report in not_in_place if report.id not in waiting]
    if waiting:
        lacking = sorted({name for names in waiting.values() for name in names})
        tell(
            _(
                "not in place for want of {lacking}: {patches}. Say it (in dualano.toml: `dualano-doctor init` tells "
                "how) and run this again.",
                lacking=", ".join(f"`{name}`" for name in lacking),
                patches=", ".join(waiting),
            )
        )
    for report in left_out:
        patch = by_id[report.id]
        tell(
            _(
                "not in place: {patch} ({title}). {reason}. What it repairs ({rules}) stays as it is there; "
                "`dualano-doctor rule {rule}` says what that means and how to do it by hand.",
                patch=report.id,
                title=_(patch.title),
                reason=report.reason.rstrip("."),
                rules=", ".join(patch.rules) or "-",
                rule=patch.rules[0] if patch.rules else "",
            )
        )
    return int(bool(not_in_place))


def _plan(settings: Settings, edits: Sequence[FileEdit]) -> Plan:
    actions = tuple(
        WriteFile(
            path=edit.path,
            content=edit.after,
            before_sha256=hashlib.sha256(edit.before).hexdigest(),
            rules=(),
            why=", ".join(edit.patches),
        )
        for edit in edits
    )
    return Plan(new_id(settings.project), actions, fingerprint(actions))


def _applied(project: Path, checkout: Path) -> tuple[FileEdit, ...]:
    """What the journal says was patched in this checkout: one edit a file, from its first bytes to its last."""
    known = {patch.id for patch in load_patches(bundle_root() / "patches")}
    joined: dict[Path, FileEdit] = {}
    for journal in all_fixes(project):
        if journal.state() != "finished":
            continue
        for number, action in enumerate(journal.plan().actions):
            if not isinstance(action, WriteFile) or not action.path.is_relative_to(checkout):
                continue
            names = tuple(action.why.split(", "))
            record = images.load(journal.folder / f"{number:02d}")
            if record is None or record.kind != "file" or not known.issuperset(names):
                continue
            before = Path(record.image).read_bytes()
            earlier = joined.get(action.path)
            if earlier is not None and earlier.after == before:
                before, names = earlier.before, tuple(dict.fromkeys((*earlier.patches, *names)))
            joined[action.path] = FileEdit(action.path, before, action.content, names)
    return tuple(edit for edit in joined.values() if edit.before != edit.after)
