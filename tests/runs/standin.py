"""A stand-in training program for process tests: steps, metrics, a checkpoint on SIGINT. No torch, starts at once."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

from dualano_setup.runs.folder import RunFolder, create
from dualano_setup.runs.launch.command_line import Launch
from dualano_setup.runs.launch.handoff import Started, start
from dualano_setup.runs.records import RunRecord, write
from dualano_setup.system.processes import boot_id, pid_namespace
from tests.places import PATIENCE, ROOT

#: argv: output folder, steps, seconds a step, then words: "deaf" (ignores SIGINT), "crash" (fails at step 2), "loads"
#: (without end, deaf to the first SIGINT, as Python is inside some callbacks), "weights" (leaves them at the end);
#: SIGUSR1 is a wish for a checkpoint as well
TRAINER = textwrap.dedent(
    """
    import json, os, signal, sys, time
    from pathlib import Path
    output, steps, pause, words = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4:]
    output.mkdir(parents=True, exist_ok=True)
    asked = []
    if "loads" in words:
        class Callback:
            def __del__(self):
                time.sleep(600)
        print("loading", flush=True)
        Callback()
        time.sleep(600)
    signal.signal(signal.SIGINT, signal.SIG_IGN if "deaf" in words else lambda *_: asked.append(1))
    def warned(*_):
        asked.append(2)
        print("SIGUSR1: writing a checkpoint, then ending.", flush=True)
    signal.signal(signal.SIGUSR1, warned)
    if "deafer" in words:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("loading the model")
    for step in range(1, steps + 1):
        time.sleep(pause)
        row = {"step": step, "loss": 1 / step, "lr": 2e-5, "seconds": pause, "gpu_memory_gib": None}
        with (output / "metrics.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\\n")
        print("step", step, "done")
        if "crash" in words and step == 2:
            raise RuntimeError("mat1 and mat2 must have the same dtype")
        if asked:
            (output / f"checkpoint-{step}").mkdir()
            print("checkpoint written")
            sys.exit(138 if asked[0] == 2 else 130)
    if "weights" in words:
        (output / "pytorch_lora_weights.safetensors").touch()
    """
)
#: What accelerate's simple launcher does: a child, a wait, CalledProcessError.
LAUNCHER = textwrap.dedent(
    """
    import subprocess, sys
    child = subprocess.Popen([sys.executable, *sys.argv[1:]])
    child.wait()
    if child.returncode:
        raise subprocess.CalledProcessError(returncode=child.returncode, cmd=sys.argv[1:])
    """
)


def prepare(
    project: Path, *, steps: int = 400, pause: float = 0.05, words: tuple[str, ...] = (), detach: bool = True
) -> tuple[RunFolder, RunRecord, Launch]:
    """A run of the stand-in under the stand-in launcher, not started."""
    run = create(project / ".dualano", "stand-in")
    (run.path / "trainer.py").write_text(TRAINER)
    (run.path / "launcher.py").write_text(LAUNCHER)
    output = run.path / "output"
    scripts = [sys.executable, str(run.path / "launcher.py"), str(run.path / "trainer.py")]
    argv = (*scripts, str(output), str(steps), str(pause), *words)
    record = RunRecord(
        name=run.name,
        key=f"{run.name}-{os.getpid()}-{time.monotonic_ns()}",
        trainer="bundled",
        argv=argv,
        folder=str(project),
        environment={"PYTHONUNBUFFERED": "1"},
        output=str(output),
        steps=steps,
        host=socket.gethostname(),
        created=time.time(),
        detached=detach,
        metrics=str(output / "metrics.jsonl"),
        boot=boot_id(),
        namespace=pid_namespace(),
    )
    write(record, run.run_file)
    launch = Launch(argv, project, record.environment, "", output, record.metrics, steps)
    return run, record, launch


def started(project: Path, **options: object) -> Started:
    """The same, started."""
    return start(*prepare(project, **options))  # type: ignore[arg-type]


def wait_for(condition, seconds: float = PATIENCE) -> None:
    """Waits until `condition()` holds; fails the test when it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def steps_done(record: RunRecord) -> int:
    """Lines in the run's metrics."""
    file = Path(record.metrics)
    return len(file.read_text().splitlines()) if file.exists() else 0


def doctor(project: Path, *arguments: str, **options: object) -> subprocess.Popen[str]:
    """`dualano-doctor ARGUMENTS` as a person would start it in the project folder."""
    return subprocess.Popen(
        [sys.executable, "-m", "dualano_setup", *arguments],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        **options,  # type: ignore[call-overload]
    )


def read_to_the_end(terminal: int) -> str:
    """What a command says on its pseudo-terminal until it ends; closes it."""
    said = b""
    try:
        while piece := os.read(terminal, 4096):
            said += piece
    except OSError:  # the other end is closed
        pass
    os.close(terminal)
    return said.decode(errors="replace")
