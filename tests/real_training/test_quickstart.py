"""`quickstart` and `generate` as commands on the miniature: interrupted, gone on with, and finished."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from dualano_setup.runs.folder import every
from dualano_setup.runs.look import look_at
from tests.places import ROOT
from tests.processes import MARK, running
from tests.runs.standin import read_to_the_end, wait_for

pytest.importorskip("accelerate", reason="needs a training environment: the tests' own")
pytestmark = pytest.mark.slow

STEPS = 12
WEIGHTS = Path("output") / "pytorch_lora_weights.safetensors"
FEW = ("--", "--num_inference_steps", "2", "--no_masks", "--batch_size", "1", "--num_images")


class Demo:
    """The folder that quickstart works in, and commands run beside or in it."""

    def __init__(self, parent: Path) -> None:
        self.folder = parent / "demo"
        self.parent = parent
        variables = {name: value for name, value in os.environ.items() if not name.startswith(("DUALANO_", "HF_"))}
        self.variables = variables | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "HOME": str(parent),
                                      MARK: str(parent)}  # fmt: skip

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Quickstart beside the folder, any other command in it; a session of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "dualano_setup", *arguments],
            cwd=self.parent if arguments[0] == "quickstart" else self.folder,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def quickstart(self) -> subprocess.Popen[str]:
        return self.start("quickstart", "demo", "--fast", "--steps", str(STEPS), "--env", sys.prefix, "--offline")

    def steps(self) -> list[int]:
        """The steps trained so far, in order, over all runs."""
        file = self.folder / "output" / "metrics.jsonl"
        rows = file.read_text().splitlines() if file.exists() else []
        return [json.loads(row)["step"] for row in rows]

    def running(self) -> list[str]:
        return running(str(self.parent))


def interrupt(folder: Path) -> tuple[Demo, int, str, list[int]]:
    """A quickstart that got a Ctrl-C during its training: folder, exit status, stderr, the steps it had done."""
    demo = Demo(folder)
    quickstart = demo.quickstart()
    wait_for(lambda: len(demo.steps()) >= 2)
    os.killpg(quickstart.pid, signal.SIGINT)
    _, said = quickstart.communicate()
    return demo, quickstart.returncode, said, demo.steps()


def finish(demo: Demo) -> tuple[Demo, int, str, str]:
    """The same command once more: folder, exit status, stdout, stderr."""
    quickstart = demo.quickstart()
    told, said = quickstart.communicate()
    return demo, quickstart.returncode, told, said


def test_interrupted_gone_on_with_and_generated_from(tmp_path):
    """One test, so that one worker makes the demo: making it takes a minute and a half."""
    interrupted = interrupt(tmp_path)
    _ctrl_c_during_its_training_ends_clean(interrupted)
    finished = finish(interrupted[0])
    _the_same_command_goes_on_from_there(interrupted, finished)
    _generate_takes_the_newest_weights_and_goes_on_after_a_ctrl_c(finished)
    for how, status in ((signal.SIGTERM, -15), (signal.SIGHUP, -1)):
        _generate_ends_with_the_doctor(finished, how, status)


def _ctrl_c_during_its_training_ends_clean(interrupted):
    demo, status, said, steps = interrupted
    assert (status, "Traceback" in said) == (130, False), said
    assert said.endswith("interrupted; the same command goes on from here\n")
    assert "go on from" not in said
    assert 2 <= len(steps) < STEPS
    (run,) = every(demo.folder / ".dualano")
    view = look_at(run, run.record())
    assert (view.verdict.state, view.checkpoint) == ("stopped", f"checkpoint-{steps[-1]}")
    assert not (demo.folder / WEIGHTS).exists()


def _the_same_command_goes_on_from_there(interrupted, finished):
    demo, status, told, said = finished
    assert status == 0, told + said
    assert f"checkpoint-{interrupted[3][-1]}" in said
    assert demo.steps() == list(range(1, STEPS + 1))
    assert (demo.folder / WEIGHTS).stat().st_size > 10_000
    assert len(_pairs(demo.folder / "samples")) == 2
    assert "All of it works" in told
    assert str(demo.folder / "sheet.png") in told
    assert Image.open(demo.folder / "sheet.png").width == 4 * (128 + 8) + 8
    assert demo.running() == []


def _generate_takes_the_newest_weights_and_goes_on_after_a_ctrl_c(finished):
    """At a terminal, where the Ctrl-C reaches doctor and sampler at once."""
    demo = finished[0]
    samples = demo.folder / "outputs" / every(demo.folder / ".dualano")[-1].name / "generated"
    pid, terminal = os.forkpty()
    if pid == 0:
        os.chdir(demo.folder)
        os.execve(sys.executable, [sys.executable, "-m", "dualano_setup", "generate", *FEW, "500"], demo.variables)
    wait_for(lambda: len(_pairs(samples)) >= 1)
    os.write(terminal, b"\x03")
    said = read_to_the_end(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 130
    assert "interrupted; what is finished stays" in said
    assert "Traceback" not in said
    assert demo.running() == []
    done = len(_pairs(samples))
    assert 1 <= done < 500
    again = demo.start("generate", *FEW, str(done + 1))
    told, said = again.communicate()
    assert (again.returncode, "Traceback" in said) == (0, False), said
    assert f"{done} of {done + 1} pairs are there already" in told
    assert len(_pairs(samples)) == done + 1


def _generate_ends_with_the_doctor(finished, how, status):
    demo = finished[0]
    generate = demo.start("generate", "--output", "more", *FEW, "500")
    wait_for(lambda: len(demo.running()) == 2)
    os.killpg(generate.pid, how)
    assert generate.wait() == status
    generate.communicate()
    assert demo.running() == []


def _pairs(folder: Path) -> list[str]:
    manifest = folder / "manifest.jsonl"
    return manifest.read_text().splitlines() if manifest.exists() else []
