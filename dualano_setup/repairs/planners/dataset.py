"""Plans what the data needs: foreground masks, and strangers out of the image folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...facts.fact import value
from ...facts.sheet import Dataset
from ...language import _
from ...rules.finding import Finding
from ...rules.rule import Context
from ...settings.options import Settings
from ..action import Action, Planned
from ..actions.files import MoveAside, WriteFile
from ..actions.tool import RunTrainerTool
from .train_settings import write_settings_file

RULES = ("DATA005", "DATA008")
_TOOL = "trainer.foreground"
_FOLDER = "foreground"
TEXTURES = frozenset(("carpet", "grid", "leather", "tile", "wood"))
"""MVTec AD's categories without an object (Bergmann et al., IJCV 2021, table 1: "textures")."""


def plan(context: Context, findings: Sequence[Finding]) -> Planned:
    """Strangers first: the mask tool reads the folder that they are in."""
    data = value(context.sheet.dataset)
    planned = Planned()
    if data is None:
        return planned
    rules = {finding.rule for finding in findings}
    if "DATA008" in rules:
        why = _("not an image, and counted as one")
        planned += Planned(tuple(MoveAside(Path(data.anomaly_dir, name), ("DATA008",), why) for name in data.strangers))
    if "DATA005" in rules:
        planned += plan_masks(data, context.settings)
    return planned


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
    if data.category in TEXTURES:
        note = _(
            '{category} is a texture, which has no object: set `variant = "dual"` in [train] of dualano.toml, or make '
            "masks of the whole images with `dualano-doctor foreground -- --method whole`.",
            category=data.category,
        )
        return Planned(notes=(note,))
    actions: list[Action] = [_make(data.anomaly_dir, root / data.category / data.anomaly)]
    if data.good and not data.foreground_good:
        good = Path(data.root) / data.category / "train" / "good"
        actions.append(_make(str(good), root / data.category / "good"))
    if settings.foreground is None:
        actions.append(name_foreground(settings, root))
    look = _("Before training, look at look/contact-sheet.jpg beside the foreground masks: objects must be black.")
    return Planned(tuple(actions), (look,))


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
    inside = root.is_relative_to(settings.project)
    folder = root.relative_to(settings.project).as_posix() if inside else str(root)
    values = {("", "foreground"): folder}
    return write_settings_file(settings.project, values, ("DATA005",), _("where the foreground masks are"))
