"""Plans copies of masks in black and white where the user's own say in another way what they mark."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ...errors import UsageError
from ...facts.fact import value
from ...facts.sheet import Dataset
from ...language import _
from ...rules.finding import Finding
from ...rules.rule import Context
from ...settings.options import SETTINGS_FILE, Settings
from ...settings.resolve import resolve
from ..action import Action, Planned
from ..actions.tool import RunTrainerTool
from .train_settings import write_settings_file

RULES = ("DATA009", "DATA010")
TOOL = "trainer.intake.mend"
FOLDERS = {"data": "mended-data", "foreground": "mended-foreground"}
"""Setting -> folder of the project's state that a root with mended masks lies in."""


def plan(context: Context, findings: Sequence[Finding]) -> Planned:
    """A root in the project's state for anomaly masks and one for object masks, and the settings that name them."""
    data = value(context.sheet.dataset)
    if data is None or data.category is None or data.anomaly is None:
        return Planned()
    settings = context.settings
    actions: list[Action] = []
    notes: list[str] = []
    named: dict[tuple[str, str], object] = {}
    file = str(settings.project / SETTINGS_FILE)
    for rule, setting in (("DATA009", "data"), ("DATA010", "foreground")):
        kinds = [finding.subject for finding in findings if finding.rule == rule]
        source = Path(data.root if setting == "data" else data.foreground_root or "")
        if not kinds:
            continue
        if beaten := _copy_that_is_beaten(settings, setting, source):
            notes.append(_beaten(settings, setting, beaten))
            continue
        target = _free_place(settings.state / FOLDERS[setting])
        why = _("masks in which what is marked is white (255) and the rest black; yours stay as they are")
        arguments = ("--source", str(source), "--output", str(target), *_which(data, setting, kinds))
        actions.append(RunTrainerTool(TOOL, arguments, (target,), (rule,), why))
        named["", setting] = target.relative_to(settings.project).as_posix()
        notes.append(_("Look at a few of the mended masks in {folder} before training.", folder=target))
        if settings.said_by.get(setting, file) != file:
            notes.append(_beaten(settings, setting, target))
    if named:
        rules = tuple(rule for action in actions for rule in action.rules)
        actions.append(write_settings_file(settings.project, named, rules, _("where the mended masks are")))
    return Planned(tuple(actions), tuple(notes))


def _which(data: Dataset, setting: str, kinds: Sequence[str]) -> tuple[str, ...]:
    """The tool's arguments that say which masks, and how they are to be read."""
    if setting == "data":
        folder = f"{data.category}/ground_truth/{data.anomaly}"
        return ("--kind", "mask", "--folder", folder, *(["--invert"] if "inverted" in kinds else []))
    good = ["--folder", f"{data.category}/good"] if data.foreground_good else []
    return ("--kind", "object", "--folder", f"{data.category}/{data.anomaly}", *good)


def _copy_that_is_beaten(settings: Settings, setting: str, source: Path) -> Path | None:
    """The copy that dualano.toml names already, where a flag or a variable names another root."""
    try:
        named = getattr(resolve({}, {}, settings.project), setting)
    except UsageError:
        return None
    ours = named is not None and named.parent == settings.state and named.name.startswith(FOLDERS[setting])
    return named if ours and named.is_dir() and named != source else None


def _beaten(settings: Settings, setting: str, copy: Path) -> str:
    return _(
        "{said_by} names the masks as they were and beats {file}; drop it, or name {copy}",
        said_by=settings.said_by.get(setting, f"--{setting}"),
        file=SETTINGS_FILE,
        copy=copy,
    )


def _free_place(place: Path) -> Path:
    number, free = 1, place
    while os.path.lexists(free):
        number += 1
        free = place.with_name(f"{place.name}-{number}")
    return free
