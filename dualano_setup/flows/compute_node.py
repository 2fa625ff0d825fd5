"""`check` from a cluster's login node: the machine and GPUs that are judged are those of a compute node."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..check import Report, look
from ..errors import UsageError, WorkError
from ..facts.machine.slurm import Partition, look_there, partition, tool
from ..facts.node import sight_from, sight_of
from ..language import _
from ..text.say import complain

if TYPE_CHECKING:
    from ..facts.sheet import FactSheet
    from ..settings.options import Settings

SAVED = "gpu-node.json"
"""In the project's state folder: what the last node said."""
WAIT_SECONDS, SHORT_SECONDS = 60.0, 10.0
"""For a node that was asked for in so many words, and for one that was not."""
FRESH_SECONDS = 7 * 86400.0
"""A saved report older than this is not taken unasked: clusters are upgraded."""


def look_at_node(settings: Settings, arguments: Sequence[str]) -> Report:
    """Judges a compute node, through Slurm or by the report that is saved there.

    Raises UsageError where neither is to be had; it says how to make a report by hand.
    """
    where = partition(os.environ)
    saved = settings.state / SAVED
    if where is None:
        if saved.is_file():
            return look(settings, _from_saved(saved))
        problem = _("no cluster answers here (`sinfo`), and {file} is not there", file=saved)
        raise UsageError(f"{problem}. {_by_hand()}")
    complain(_("asking Slurm for a node of partition {name} (at most {seconds:.0f} s) ...",
               name=where.name, seconds=WAIT_SECONDS))  # fmt: skip
    try:
        return look(settings, _through_slurm(settings, where, arguments, WAIT_SECONDS))
    except WorkError as error:
        if not saved.is_file():
            raise UsageError(f"{error}. {_by_hand()}") from error
        complain(str(error))
        return look(settings, _from_saved(saved))


def look_unasked(settings: Settings, here: Report, arguments: Sequence[str]) -> Report:
    """`here`, which has no GPU; on a login node the judgement on a compute node, where one is to be had at once."""
    if os.environ.get("SLURM_JOB_ID") or tool("srun", os.environ) is None:
        return here
    where = partition(os.environ)
    if where is None or not where.gpus:
        return here
    saved = settings.state / SAVED
    try:
        if saved.is_file() and time.time() - saved.stat().st_mtime < FRESH_SECONDS:
            return look(settings, _from_saved(saved))
        complain(_("a login node: asking Slurm for a node of partition {name} ... (--for here judges this machine)",
                   name=where.name))  # fmt: skip
        return look(settings, _through_slurm(settings, where, arguments, SHORT_SECONDS))
    except (WorkError, UsageError) as error:
        complain(
            _("this login node is judged, not a compute node: {error}. {by_hand}", error=error, by_hand=_by_hand())
        )
        return here


def _through_slurm(
    settings: Settings, where: Partition, arguments: Sequence[str], wait: float
) -> Callable[[Settings], FactSheet]:
    text = look_there(where, arguments, wait, os.environ)
    try:
        sight = sight_from(text)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise WorkError(_("what the node said is no report: {error}", error=error)) from error
    _save(settings.state / SAVED, text)
    complain(_("judged for a node of partition {name}; files are looked at here", name=where.name))
    return sight


def _from_saved(saved: Path) -> Callable[[Settings], FactSheet]:
    sight = sight_of(str(saved))
    day = time.strftime("%Y-%m-%d %H:%M", time.localtime(saved.stat().st_mtime))
    complain(_("judged by {file}, which a compute node wrote on {day}; `--for gpu-node` asks again",
               file=saved, day=day))  # fmt: skip
    return sight


def _save(file: Path, text: str) -> None:
    """Keeps the report where the project has a state folder; a disk that refuses costs the next look a job."""
    aside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        if file.parent.is_dir():
            aside.write_text(text, encoding="utf-8")
            aside.replace(file)
    except OSError:
        aside.unlink(missing_ok=True)


def _by_hand() -> str:
    return _(
        "By hand: run `dualano-doctor check --json > node.json` in a job on a compute node (`sbatch --gres=gpu:1 "
        "--wrap 'dualano-doctor check --json > node.json'`), then `dualano-doctor check --sheet node.json`"
    )
