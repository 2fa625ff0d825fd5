"""`dualano-doctor import`: show what would be brought in, ask, bring it in under the journal, say how to go on."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import RepairError
from ..facts.project.layouts.survey import Source, survey
from ..language import _
from ..repairs.action import Plan
from ..repairs.journal.apply import apply_plan
from ..repairs.journal.journal import new_id
from ..repairs.journal.serial import fingerprint
from ..repairs.planners.imports import Intake, actions_of, plan_intake, training_number
from ..report.intake import render_intake
from ..text.printable import printable
from ..text.say import complain, tell
from .fix import agreed
from .settle import hold, session, settle

if TYPE_CHECKING:
    from ..settings.options import Settings

_MANIFEST = "import.json"


@dataclass(frozen=True, slots=True)
class Wanted:
    """How the data are to be brought in: where (None for the default), squares of how many pixels (0 for none)."""

    into: str | None = None
    crop: int = 0
    copies: bool = False
    plan_only: bool = False
    yes: bool = False


def bring(settings: Settings, source: Source, wanted: Wanted) -> int:
    """Brings the source in. Returns 0, or 1 when the user declines or the work failed and was taken back.

    Raises UsageError where the source is not there or of no known layout, RepairError when it failed.
    """
    intake = plan_intake(settings, survey(source), wanted.into, wanted.crop, copies=wanted.copies)
    sys.stdout.write(printable(render_intake(intake, settings.project)))
    if wanted.plan_only:
        return 0
    if not wanted.yes and not agreed():
        return 1
    with hold(settings):
        settle(settings)
        actions = actions_of(intake, settings)
        outcome = apply_plan(plan := Plan(new_id(settings.project), actions, fingerprint(actions)), session(settings))
        outcome.end_as_asked()
        if outcome.status:
            raise RepairError("\n".join((outcome.problem, *outcome.left)))
    _tell_what_is_there(intake)
    tell(_("Done. `dualano-doctor undo {plan}` takes it back byte for byte.", plan=plan.id))
    return 0


def _tell_what_is_there(intake: Intake) -> None:
    """What the manifests say: masks were read only now, so there may be less, or with squares more, than planned."""
    planned = {(one.path, one.why) for one in intake.left}
    for category in intake.rows:
        manifest = json.loads((intake.folder / category / _MANIFEST).read_text(encoding="utf-8"))
        counts: dict[str, int] = {}
        for row in manifest["files"]:
            if row["mask"]:
                anomaly = row["image"].split("/")[1]
                counts[anomaly] = counts.get(anomaly, 0) + 1
        for anomaly, number in counts.items():
            tell(
                _(
                    "{category}/test/{anomaly}: {number} images, of which {trained} train; next: dualano-doctor "
                    "train --fix --category {category} --anomaly {anomaly}",
                    category=category,
                    anomaly=anomaly,
                    number=number,
                    trained=training_number(number),
                )
            )
        for row in manifest["left_out"]:
            if (row["path"], row["why"]) not in planned:
                complain(_("left out {name}: {why}", name=Path(row["path"]).name, why=row["why"]))
