"""Real processes: how runs end, and what is said of them afterwards."""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from dualano_setup.runs.ending import (
    CHECKPOINT_SECONDS,
    HEARD,
    _ended_when_asked,
    ask_to_end,
    end_run,
    wait_for_record,
)
from dualano_setup.runs.launch.handoff import LaunchError, start
from dualano_setup.runs.look import look_at
from dualano_setup.runs.records import write
from dualano_setup.runs.watch.attend import attend
from dualano_setup.system.batch_warnings import warnings_heeded
from dualano_setup.system.processes import members, send
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
    assert look_at(run.run, run.record).verdict.state == "stopped"


def test_a_killed_supervisor_does_not_make_a_finished_run_a_lost_one(tmp_path):
    run = started(tmp_path, steps=12, pause=0.1, words=("weights",))
    wait_for(lambda: steps_done(run.record) >= 1)
    os.kill(run.run.processes().supervisor.pid, signal.SIGKILL)
    wait_for(lambda: members(run.record.key) == [])
    assert look_at(run.run, run.record).verdict.state == "finished"


def test_what_loads_is_ended_in_seconds(tmp_path):
    run = started(tmp_path, words=("loads",))
    wait_for(lambda: run.run.log.read_text().endswith("loading\n"))
    began = time.monotonic()
    said, _ = doctor(tmp_path, "stop").communicate()
    assert time.monotonic() - began < CHECKPOINT_SECONDS / 4
    assert "no step yet, so there is nothing to save" in said
    assert "ended after SIGINT" in said
    assert look_at(run.run, run.record).verdict.state == "stopped"


def test_what_starts_the_trainer_does_not_make_it_deaf(tmp_path):
    run = started(tmp_path, words=("loads",))
    wait_for(lambda: run.run.log.read_text().endswith("loading\n"))
    for identity in members(run.record.key):
        status = Path(f"/proc/{identity.pid}/status").read_text()
        ignored = int(status.partition("SigIgn:")[2].split()[0], 16)
        assert not ignored & (1 << (signal.SIGINT - 1) | 1 << (signal.SIGTERM - 1) | 1 << (signal.SIGHUP - 1))
    end_run(run.run, run.record, patience=30)


def test_a_trainer_that_has_heard_is_not_asked_again(tmp_path, monkeypatch):
    """The bundled trainer ends at once when it is asked again after some seconds: its checkpoint would be lost."""
    sent = []
    monkeypatch.setattr("dualano_setup.runs.ending.REPEAT_SECONDS", 0.1)
    monkeypatch.setattr("dualano_setup.runs.ending.send", lambda _targets, number: sent.append(number))
    run = started(tmp_path)
    with run.run.log.open("a") as log:
        log.write(f"SIGINT: {HEARD}.\n")
    assert not _ended_when_asked(run.run, run.record, 0.45)
    assert len(sent) >= 3, "said before the request: not an answer to it"
    sent.clear()
    answer = threading.Timer(0.15, lambda: run.run.log.open("a").write(f"SIGINT: {HEARD}.\n"))
    answer.start()
    assert not _ended_when_asked(run.run, run.record, 1.0)
    assert len(sent) <= 3
    monkeypatch.undo()
    end_run(run.run, run.record, patience=5)


def test_the_trainer_says_that_it_has_heard_in_the_words_that_are_waited_for():
    assert HEARD in (ROOT / "trainer" / "cli" / "interrupt.py").read_text()


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
    record = replace(run.record, boot="another boot")
    write(replace(processes, supervisor=replace(own, boot="another boot")), run.run.process_file)
    assert look_at(run.run, record).verdict.state == "elsewhere"
    for file in (run.run.run_file, run.run.process_file, run.run.log, Path(run.record.metrics)):
        os.utime(file, (time.time() - 1000,) * 2)
    assert look_at(run.run, record).verdict.detail == "the machine was restarted while it ran"


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


@pytest.mark.parametrize("before", ["run.json", ".process.json."], ids=["at once", "with a launcher"])
def test_a_supervisor_that_is_killed_while_it_comes_up_leaves_nothing(tmp_path, monkeypatch, before):
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\n"
        "def hook(event, arguments):\n"
        "    name = os.path.basename(str(arguments[0])) if event == 'open' else ''\n"
        f"    if name.startswith({before!r}): os.kill(os.getpid(), 9)\n"
        "if 'dualano_setup.runs.launch.supervisor' in sys.orig_argv: sys.addaudithook(hook)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    run, record, launch = prepare(tmp_path)
    with pytest.raises(LaunchError, match="did not come up"):
        start(run, record, launch)
    assert members(record.key) == []
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


@pytest.mark.parametrize("reached", ["all", "supervisor"])
def test_a_batch_systems_warning_ends_no_process_before_the_checkpoint(tmp_path, reached):
    run = started(tmp_path)
    wait_for(lambda: steps_done(run.record) >= 1)
    processes = run.run.processes()
    everybody = [processes.supervisor, *members(run.record.key)]
    assert processes.launcher in everybody
    send(everybody if reached == "all" else everybody[:1], signal.SIGUSR1)
    wait_for(lambda: run.run.exit() is not None)
    view = look_at(run.run, run.record)
    assert (view.verdict.state, view.exit.trainer) == ("interrupted", 138)
    assert view.checkpoint.startswith("checkpoint-")
    assert members(run.record.key) == []


def test_the_command_that_watches_a_run_outlives_the_warning_and_passes_it_on(tmp_path):
    run = started(tmp_path)
    wait_for(lambda: steps_done(run.record) >= 1)
    watching = threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGUSR1))
    watching.start()
    assert attend(run, "never") == 1  # cut short, as after `stop`
    assert look_at(run.run, run.record).exit.trainer == 138
    assert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL


def test_a_warning_during_the_check_is_passed_on_once_there_is_a_run():
    passed = []
    with warnings_heeded():
        os.kill(os.getpid(), signal.SIGUSR2)
        with warnings_heeded(passed.append):
            assert passed == [signal.SIGUSR2]
            os.kill(os.getpid(), signal.SIGUSR1)
    assert passed == [signal.SIGUSR2, signal.SIGUSR1]
