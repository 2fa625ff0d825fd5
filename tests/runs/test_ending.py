"""Real processes: how runs end, and what is said of them afterwards."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace

import pytest

from dualano_setup.runs.ending import ask_to_end, end_run, wait_for_record
from dualano_setup.runs.launch.handoff import LaunchError, start
from dualano_setup.runs.look import look_at
from dualano_setup.runs.records import write
from dualano_setup.system.processes import members
from tests.places import ROOT
from tests.runs.standin import doctor, prepare, started, steps_done, wait_for


def test_a_run_that_finishes(tmp_path):
    run = started(tmp_path, steps=3)
    assert look_at(run.run, run.record).verdict.alive
    wait_for(lambda: run.run.exit() is not None)
    view = look_at(run.run, run.record)
    assert (view.verdict.state, view.progress.step, view.exit.status) == ("finished", 3, 0)
    assert members(run.record.key) == []


def test_the_log_fills_while_it_runs(tmp_path):
    run = started(tmp_path, pause=0.1)
    wait_for(lambda: "step 2 done" in run.run.log.read_text())
    assert look_at(run.run, run.record).verdict.state == "running"
    end_run(run.run, run.record, patience=5)


def test_a_crash_is_told_by_its_cause_not_by_the_launchers_lament(tmp_path):
    run = started(tmp_path, words=("crash",))
    wait_for(lambda: run.run.exit() is not None)
    view = look_at(run.run, run.record)
    assert (view.verdict.state, view.verdict.detail) == ("failed", "exit status 1")
    assert view.cause[-1] == "RuntimeError: mat1 and mat2 must have the same dtype"
    assert "trainer.py" in view.cause[0]


def test_stop_lets_a_checkpoint_be_written(tmp_path):
    run = started(tmp_path)
    wait_for(lambda: steps_done(run.record) >= 2)
    stop = doctor(tmp_path, "stop")
    said, _ = stop.communicate()
    assert stop.returncode == 0
    assert "ended after SIGINT" in said
    assert "wrote checkpoint-" in said
    view = look_at(run.run, run.record)
    assert (view.verdict.state, view.exit.trainer) == ("stopped", 130)
    assert view.checkpoint.startswith("checkpoint-")


@pytest.mark.parametrize(("word", "worked"), [("deaf", "SIGTERM"), ("deafer", "SIGKILL")])
def test_a_deaf_trainer_is_ended_all_the_same(tmp_path, word, worked, monkeypatch):
    monkeypatch.setattr("dualano_setup.runs.ending.INSIST_SECONDS", 0.5)
    run = started(tmp_path, words=(word,))
    wait_for(lambda: steps_done(run.record) >= 1)
    ask_to_end(run.run, "stop")
    ending = end_run(run.run, run.record, patience=0.3)
    wait_for_record(run.run)
    assert ending.how == worked
    assert ending.checkpoint == ""
    assert look_at(run.run, run.record).verdict.state == "stopped"
    assert members(run.record.key) == []


def test_a_killed_trainer_is_a_failure_with_its_signal(tmp_path):
    run = started(tmp_path)
    wait_for(lambda: steps_done(run.record) >= 1)
    launcher = run.run.processes().launcher
    trainer = next(m for m in members(run.record.key) if m != launcher)
    os.kill(trainer.pid, signal.SIGKILL)
    wait_for(lambda: run.run.exit() is not None)
    verdict = look_at(run.run, run.record).verdict
    assert verdict.state == "failed"
    assert verdict.detail.startswith("killed by SIGKILL")


def test_a_killed_supervisor_leaves_a_run_that_is_running_and_can_be_stopped(tmp_path):
    run = started(tmp_path)
    wait_for(lambda: steps_done(run.record) >= 1)
    os.kill(run.run.processes().supervisor.pid, signal.SIGKILL)
    wait_for(lambda: "supervisor was killed" in look_at(run.run, run.record).verdict.detail)
    assert look_at(run.run, run.record).verdict.state == "running"
    stop = doctor(tmp_path, "stop")
    assert "wrote checkpoint-" in stop.communicate()[0]
    assert look_at(run.run, run.record).verdict.state == "lost"


def test_everything_killed_is_lost_not_running_for_ever(tmp_path):
    run = started(tmp_path)
    wait_for(lambda: steps_done(run.record) >= 1)
    for identity in (run.run.processes().supervisor, *members(run.record.key)):
        os.kill(identity.pid, signal.SIGKILL)
    wait_for(lambda: look_at(run.run, run.record).verdict.state == "lost")


def test_a_recycled_pid_and_a_restart_are_not_taken_for_the_run(tmp_path):
    run = started(tmp_path, steps=1)
    wait_for(lambda: run.run.exit() is not None)
    run.run.exit_file.unlink()
    processes = run.run.processes()
    own = replace(processes.supervisor, pid=os.getpid())  # this very process, but not its start
    write(replace(processes, supervisor=own), run.run.process_file)
    assert look_at(run.run, run.record).verdict.state == "lost"
    write(replace(processes, supervisor=replace(own, boot="another boot")), run.run.process_file)
    assert look_at(run.run, run.record).verdict.detail == "the machine was restarted while it ran"


def test_closing_the_lifeline_interrupts_a_run_in_the_foreground(tmp_path):
    run = started(tmp_path, detach=False)
    wait_for(lambda: steps_done(run.record) >= 1)
    run.release()
    wait_for(lambda: run.run.exit() is not None)
    view = look_at(run.run, run.record)
    assert view.verdict.state == "interrupted"
    assert "terminal" in view.verdict.detail
    assert view.checkpoint


def test_a_launcher_killed_alone_leaves_no_orphans(tmp_path, monkeypatch):
    run = started(tmp_path, steps=3, pause=0.3)
    wait_for(lambda: steps_done(run.record) >= 1)
    os.kill(run.run.processes().launcher.pid, signal.SIGKILL)
    time.sleep(0.2)
    assert run.run.exit() is None, "the trainer still runs: it is not over"
    wait_for(lambda: run.run.exit() is not None)
    assert members(run.record.key) == []


def test_a_program_that_is_not_there_is_said_at_once(tmp_path):
    run, record, launch = prepare(tmp_path)
    record = replace(record, argv=("/no/such/python",))
    write(record, run.run_file)
    with pytest.raises(LaunchError, match="/no/such/python cannot be started"):
        start(run, record, launch)
    assert look_at(run, record).verdict.state == "failed"


def test_logs_follows_to_the_end_and_says_how_it_was(tmp_path):
    started(tmp_path, steps=5, pause=0.2)
    logs = doctor(tmp_path, "logs", "-f", "-n", "1")
    out, err = logs.communicate()
    assert out.splitlines()[-1] == "step 5 done"
    assert "finished" in err


def test_a_closed_terminal_does_not_end_a_detached_run(tmp_path):
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\nfrom tests.runs.standin import started\n"
        "run = started(Path(sys.argv[2])); print(run.run.name, flush=True); import time; time.sleep(60)"
    )
    pid, terminal = os.forkpty()
    if pid == 0:
        import sys

        os.execv(sys.executable, [sys.executable, "-c", program, str(ROOT), str(tmp_path)])
    name = b""
    while not name.endswith(b"\n"):
        name += os.read(terminal, 100)
    os.close(terminal)  # the kernel sends SIGHUP to the session
    os.waitpid(pid, 0)
    from dualano_setup.runs.folder import find

    run = find(tmp_path / ".dualano", name.decode().strip())
    record = run.record()
    before = steps_done(record)
    wait_for(lambda: steps_done(record) > before + 1)
    assert look_at(run, record).verdict.state == "running"
    end_run(run, record, patience=5)
