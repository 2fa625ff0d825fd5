"""`campaign run` and `campaign resume`: the loop in the foreground, what is shown, and how it ends."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...campaigns import claims
from ...campaigns.claims import LostError, TakenError
from ...campaigns.executors.orders import Executor
from ...campaigns.head import TICK, Head
from ...campaigns.leftovers import end_job, found_here
from ...campaigns.plan import Plan
from ...campaigns.state import ASIDE, DONE, LEFT_OUT, counts, snapshot
from ...campaigns.store import HEAD, STOP_FILE, find, forgive, save_plan
from ...errors import UsageError, WorkError
from ...language import _
from ...report.terminal import Style
from .display import display, width_of
from .planning import Asked, accepted, look_once, looked_into, planned
from .words import plan_text, summary_line, table

if TYPE_CHECKING:
    from ...settings.options import Settings

_NOTICE_SECONDS, _STOP_SECONDS = 60.0, 180.0
_QUICK = 0.01


def make(settings: Settings, asked: Asked, *, as_json: bool) -> int:
    """`campaign plan`: makes it, looks into the data, writes plan.json. 1 where jobs are left out or it is refused."""
    found = planned(settings, asked)
    plan, words = accepted(found, asked)
    for line in words:
        print(line, file=sys.stderr)
    if plan is None:
        return 1
    plan = looked_into(settings, plan, look_once(settings, plan))
    save_plan(found.root, plan)
    if as_json:
        from ...text.json_text import json_text

        print(json_text(plan.document()))
    else:
        sys.stdout.write(plan_text(plan, found.root, Style.for_stream(settings.color, sys.stdout)))
    return 1 if any(job.problems for job in plan.jobs) else 0


def run(settings: Settings, asked: Asked, *, resume: bool, again: tuple[str, ...] | None = None) -> int:
    """Runs a campaign to its end. 0 when all jobs are done, 1 when some are set aside, 130 when it was stopped.

    `again`: jobs that were set aside and are to be tried anew, all of them where it is empty.
    Raises UsageError when it is run elsewhere, or there is none to resume.
    """
    found = planned(settings, asked)
    if resume:
        find(settings.project, found.campaign.name)
    plan, words = accepted(found, asked)
    for line in words:
        print(line, file=sys.stderr)
    if plan is None:
        return 1
    if found.stored is None or found.differences:
        report = look_once(settings, plan)
        plan = looked_into(settings, plan, report)
        if not _is_clear(settings, plan, report, asked):
            return 1
        sys.stdout.write(plan_text(plan, found.root, Style.for_stream(settings.color, sys.stdout)))
        sys.stdout.flush()
    if again is not None:
        _try_again(found.root, plan, again)
    return conduct(settings, found.root, plan)


def conduct(settings: Settings, root: Path, plan: Plan, executor: Executor | None = None) -> int:
    """The loop itself. Returns as `run` does. Raises UsageError when another head has the campaign."""
    root.mkdir(parents=True, exist_ok=True)
    try:
        held = claims.take(root / HEAD, lease=float(plan.how["lease"]))
    except TakenError as taken:
        raise UsageError(_already(taken)) from taken
    try:
        (root / STOP_FILE).unlink(missing_ok=True)
        save_plan(root, plan)
        _name_leftovers(root)
        executor = executor or executor_of(settings, root, plan)
        status = _loop(settings, root, plan, executor, held)
    except LostError:
        print(_("another process runs this campaign now; this one steps back"), file=sys.stderr)
        return 1
    finally:
        with contextlib.suppress(OSError):
            held.end({"kind": "head", "ended": time.time()})
    _notify(plan, root, status)
    return status


def executor_of(settings: Settings, root: Path, plan: Plan) -> Executor:
    """The executor that the plan names. Raises UsageError where something is missing for it."""
    kind = plan.how["executor"]
    if kind == "slurm":
        from ...campaigns.executors.slurm import Slurm

        return Slurm(root, plan.how)
    if kind == "ssh":
        from ...campaigns.executors.ssh import Ssh

        if not plan.how["hosts"]:
            raise UsageError(_('the executor ssh needs boxes: hosts = ["user@box:0,1"] in [campaign], or --hosts'))
        return Ssh(root, plan.how)
    from ...campaigns.executors.local import Local

    return Local(root, plan, plan.how["gpus"] or _gpus_here(settings), plan.how["workers"] or 1)


def _gpus_here(settings: Settings) -> list[str]:
    """The GPUs that jobs may use here: CUDA_VISIBLE_DEVICES as it stands, else all that the driver names."""
    from ...facts.fact import Known
    from ...facts.machine.gpus import probe

    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [part.strip() for part in visible.split(",") if part.strip() not in ("", "-1")]
    seen = probe(settings, deadline=10.0)
    return [str(device.index) for device in seen.value.devices] if isinstance(seen, Known) else []


def _loop(settings: Settings, root: Path, plan: Plan, executor: Executor, held: claims.Held) -> int:
    style = Style.for_stream(settings.color, sys.stderr)
    interrupted = False
    with display(root, plan, executor, style) as (tell, show):
        head = Head(root, plan, executor, held, tell)
        pause = TICK
        try:
            while not head.over and not head.stop_asked():
                before = len(head.out)
                head.tick()
                show(head)
                pause = _QUICK if len(head.out) != before else min(TICK, pause * 1.5)
                time.sleep(pause)
        except KeyboardInterrupt:
            interrupted = True
            _ask_to_stop(root, "ctrl-c")
            print(
                _("\nCtrl-C: the jobs at hand write what they have and end; `campaign resume` goes on"), file=sys.stderr
            )
        if head.stop_asked():
            interrupted = True
            _wait_for_the_end(head, held)
    rows = snapshot(root, plan)
    sys.stderr.write(table(rows, style, whole=False, places=width_of(executor)))
    if interrupted:
        return 130
    return 0 if all(row.state in (DONE, LEFT_OUT) for row in rows) else 1


def _wait_for_the_end(head: Head, held: claims.Held) -> None:
    """Waits until nothing runs; a second Ctrl-C ends it at once."""
    end = time.monotonic() + _STOP_SECONDS
    try:
        head.executor.cancel([name for name in head.out if head.executor.places is None])
        while head.out and time.monotonic() < end:
            held.renew()
            head.reap_all()
            time.sleep(TICK)
    except KeyboardInterrupt:
        pass
    except WorkError as error:
        print(str(error), file=sys.stderr)
    for name in head.out:
        end_job(head.root / "jobs" / name)
        head.executor.cancel([name])


def _ask_to_stop(root: Path, by: str) -> None:
    claims.write_json(root / STOP_FILE, {"by": by, "at": time.time()})


def stop(settings: Settings, name: str, seconds: float = _STOP_SECONDS) -> int:
    """`campaign stop`: every job writes what it has and ends. 0 when nothing runs any more, 1 when something does."""
    from ...campaigns.store import load_plan

    root = find(settings.project, name)
    plan = load_plan(root)
    _ask_to_stop(root, "stop")
    executor = executor_of(settings, root, plan)
    executor.cancel(executor.poll() if executor.places is None else ())
    print(_("asked to end; each job writes a checkpoint first ..."), flush=True)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        alive = [job.id for job in plan.jobs if _lives(root, job.id)]
        if not alive and not (executor.places is None and executor.poll()):
            print(summary_line(snapshot(root, plan), 1))
            return 0
        time.sleep(0.3)
    print(_("still running: {jobs}", jobs=", ".join(alive)), file=sys.stderr)
    return 1


def _lives(root: Path, job: str) -> bool:
    claim = claims.newest(root / "jobs" / job)
    return claim is not None and claim.state() == "live"


def _try_again(root: Path, plan: Plan, jobs: tuple[str, ...]) -> None:
    aside = [row.job.id for row in snapshot(root, plan) if row.state == ASIDE]
    if strange := [name for name in jobs if name not in aside]:
        raise UsageError(_("{job} was not set aside; these were: {jobs}", job=strange[0],
                           jobs=", ".join(aside) or _("none")))  # fmt: skip
    for name in jobs or aside:
        forgive(root, name)


def _is_clear(settings: Settings, plan: Plan, report: Any, asked: Asked) -> bool:
    """Whether jobs may start here; says what blocks. Elsewhere than on this machine, findings are only told."""
    from ...report.terminal import render_report
    from ...rules.finding import Finding

    rows: tuple[Finding, ...] = report.blocking("bundled")
    blocking = tuple(finding for finding in rows if not finding.rule.startswith("DATA"))
    if not plan.working:
        sys.stderr.write(plan_text(plan, Path(), Style(False)))
        print(_("no job can work; nothing is started"), file=sys.stderr)
        return False
    if not blocking or "train" not in plan.wanted["steps"]:
        return True
    from dataclasses import replace

    sys.stderr.write(
        render_report(replace(report, findings=blocking), Style.for_stream(settings.color, sys.stderr), -1)
    )
    if plan.how["executor"] != "local":
        print(_("this is about the machine here; the jobs look at theirs before they train"), file=sys.stderr)
        return True
    if not asked.force:
        print(_("nothing is started: `dualano-doctor fix` repairs what it can; --force starts all the same"),
              file=sys.stderr)  # fmt: skip
    return asked.force


def _name_leftovers(root: Path) -> None:
    """Ends what this campaign's dead supervisors have left here, and names what other campaigns run."""
    for left in found_here():
        pids = ", ".join(map(str, left.pids))
        if left.campaign != root:
            print(_("note: {job} of the campaign {campaign} runs here as well (processes {pids})", job=left.job.name,
                    campaign=left.campaign, pids=pids), file=sys.stderr)  # fmt: skip
        elif not left.held:
            print(_("ending what an earlier start has left of {job} (processes {pids})", job=left.job.name, pids=pids),
                  file=sys.stderr)  # fmt: skip
            end_job(left.job)


def _already(taken: TakenError) -> str:
    holder = taken.claim.holder()
    return _(
        "this campaign is being run by process {pid} on {host}; `dualano-doctor campaign status` shows it, `campaign "
        "stop` ends it",
        pid=holder.pid if holder else "?",
        host=holder.host if holder else "?",
    )


def _notify(plan: Plan, root: Path, status: int) -> None:
    """Runs the user's own command at the end, with what happened in its environment."""
    if not plan.how.get("notify"):
        return
    found = counts(snapshot(root, plan))
    variables = {f"CAMPAIGN_{state.upper().replace('-', '_')}": str(number) for state, number in found.items()}
    variables |= {"CAMPAIGN": plan.name, "CAMPAIGN_FOLDER": str(root), "CAMPAIGN_STATUS": str(status)}
    try:
        subprocess.run(["/bin/sh", "-c", plan.how["notify"]], env=os.environ | variables, check=False,
                       timeout=_NOTICE_SECONDS, stdin=subprocess.DEVNULL)  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        print(_("the notice could not be given: {error}", error=error), file=sys.stderr)
