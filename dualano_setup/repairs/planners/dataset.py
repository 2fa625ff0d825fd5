"""Plans what the data needs: foreground masks, and strangers out of the image folder."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from ...facts.fact import Known
from ...facts.sheet import Dataset
from ...language import _
from ...rules.finding import Finding
from ...rules.rule import Context
from ...settings.options import SETTINGS_FILE, Settings
from ...system.files import read_whole
from ..action import Action, Planned
from ..actions.files import MoveAside, WriteFile
from ..actions.tool import RunTrainerTool

RULES = ("DATA005", "DATA008")
_TOOL = "trainer.foreground"
_FOLDER = "foreground"
_MAX_SETTINGS = 1 << 20


def plan(context: Context, findings: Sequence[Finding]) -> Planned:
    """Strangers first: the mask tool reads the folder that they are in."""
    fact = context.sheet.dataset
    if not isinstance(fact, Known):
        return Planned()
    rules = {finding.rule for finding in findings}
    actions: tuple[Action, ...] = ()
    notes: tuple[str, ...] = ()
    if "DATA008" in rules:
        actions = tuple(
            MoveAside(Path(fact.value.anomaly_dir, name), ("DATA008",), _("not an image, and counted as one"))
            for name in fact.value.strangers
        )
    if "DATA005" in rules:
        masks = plan_masks(fact.value, context.settings)
        actions, notes = (*actions, *masks.actions), masks.notes
    return Planned(actions, notes)


def plan_masks(data: Dataset, settings: Settings) -> Planned:
    """Object masks for the anomalous and the good images; masks that somebody made are not replaced."""
    assert data.category is not None
    assert data.anomaly is not None
    root = settings.foreground or settings.state / _FOLDER
    if data.foreground:
        folder = root / data.category / data.anomaly
        note = _(
            "{folder} has masks for some of the images; it is left as it is. Add the others, or move it away "
            "and run `fix` again for a complete new set.",
            folder=folder,
        )
        return Planned(notes=(note,))
    actions: list[Action] = [_make(data.anomaly_dir, root / data.category / data.anomaly)]
    if data.good and not data.foreground_good:
        good = Path(data.root) / data.category / "train" / "good"
        actions.append(_make(str(good), root / data.category / "good"))
    if settings.foreground is None:
        actions.append(name_foreground(settings, root))
    return Planned(tuple(actions), (_("Look at a few of the foreground masks before training on them: object white."),))


def _make(images: str, output: Path) -> RunTrainerTool:
    return RunTrainerTool(
        module=_TOOL,
        arguments=("--images", images, "--output", str(output)),
        outputs=(output,),
        rules=("DATA005",),
        why=_("object masks for the background module"),
    )


def name_foreground(settings: Settings, root: Path) -> WriteFile:
    """`foreground` in dualano.toml, so that later commands find the masks; comments and order stay."""
    import tomlkit

    path = settings.project / SETTINGS_FILE
    try:
        before = read_whole(path, _MAX_SETTINGS)
    except FileNotFoundError:
        before = b""
    document = tomlkit.parse(before.decode("utf-8"))
    inside = root.is_relative_to(settings.project)
    document["foreground"] = root.relative_to(settings.project).as_posix() if inside else str(root)
    return WriteFile(
        path,
        tomlkit.dumps(document).encode("utf-8"),
        hashlib.sha256(before).hexdigest() if path.exists() else "",
        ("DATA005",),
        _("where the foreground masks are"),
    )
