"""Runs the ten-action fix on disks of every fullness: `unshare -rm python -m tests.kills.full_disk_worker DIR URL`.

DIR becomes a small tmpfs that only this process sees. Prints one JSON line for each trial.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from dualano_setup.repairs.action import Plan
from dualano_setup.repairs.journal.apply import Session, apply_plan
from dualano_setup.repairs.journal.journal import all_fixes, new_id
from dualano_setup.repairs.journal.lock import locked
from dualano_setup.repairs.journal.undo import find_fix, recover, undo_fix
from tests.repairs.snapshot import contents, make_user_tree, snapshot, ten_actions

PAGE = 4096
SIZE = 1 << 20


def mount(place: Path, options: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(place)], check=True)


def unmount(place: Path) -> None:
    subprocess.run(["umount", str(place)], check=True)


def trial(root: Path, url: str, leave: int | None) -> dict[str, object]:
    """One fix with `leave` bytes free (None: whatever is), then room again and the next start, and an undo."""
    project, user, ballast = root / "project", root / "user", root / "ballast"
    project.mkdir()
    user.mkdir()
    make_user_tree(user)
    before = snapshot(user)
    if leave is not None:
        with ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(PAGE, shutil.disk_usage(root).free - leave))
    session = Session(project, say=lambda _line: None)
    row: dict[str, object] = {"leave": leave}
    try:
        with locked(project):
            outcome = apply_plan(Plan(new_id(project), ten_actions(user, url), ""), session)
        row |= {"status": outcome.status, "problem": outcome.problem, "left": list(outcome.left)}
    except OSError as error:
        row |= {"status": "not begun", "problem": str(error), "left": []}
    full = contents(snapshot(user))
    ballast.unlink(missing_ok=True)
    subprocess.run(["mount", "-o", f"remount,size={SIZE},nr_inodes=400", str(root)], check=True)
    with locked(project):
        row["told"] = recover(project, session.workshop)
        row["finished"] = "finished" in [journal.state() for journal in all_fixes(project)]
        row["cut short"] = not row["finished"] and full != contents(before)
        if row["finished"]:
            journal = find_fix(project, None)
            undo_fix(journal, lambda number: session.workshop(journal, number))
    row["as before"] = snapshot(user) == before
    return row


def trials(root: Path, url: str) -> Iterator[dict[str, object]]:
    for pages in range(26):
        mount(root, f"size={SIZE}")
        yield trial(root, url, pages * PAGE)
        unmount(root)
    for inodes in range(20, 62):  # the user's tree takes some twenty
        mount(root, f"size={SIZE},nr_inodes={inodes}")
        try:
            yield {"inodes": inodes, **trial(root, url, None)}
        except OSError as error:  # not even the user's tree fits
            yield {"inodes": inodes, "too small": str(error)}
        unmount(root)


if __name__ == "__main__":
    os.environ["NO_PROXY"] = "127.0.0.1"
    for result in trials(Path(sys.argv[1]), sys.argv[2]):
        print(json.dumps(result), flush=True)
