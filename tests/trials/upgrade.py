"""What the version before has left is found and used by this one: in one environment, by its own wheel.

    python -m tests.trials.upgrade WHEEL            # of the version before; this version's is built here

Needs uv. A project with settings, a fix, and a run of the stub, all made by the old wheel; then this wheel in its
place. Prints one line a thing; status 1 where one does not hold.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.places import ROOT
from tests.trials.stub_environment import make_stub_environment

SETTINGS = 'model = "m"\ndata = "d"\ncategory = "c"\nanomaly = "a"\nforeground = "f"\n[train]\nsteps = 30\n'


def main() -> int:
    """Runs the trial. Returns 1 where something of the old version is not found or does not work."""
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("wheel", type=Path)
    old = reader.parse_args().wheel.absolute()
    with tempfile.TemporaryDirectory(prefix="upgrade-") as top:
        return _trial(Path(top), old)


def _trial(top: Path, old: Path) -> int:
    project, config = top / "project", top / "hf" / "accelerate" / "default_config.yaml"
    project.mkdir()
    (project / "dualano.toml").write_text(SETTINGS)
    make_stub_environment(project / ".dualano" / "env")
    uv = (
        shutil.which("uv", path=os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))) or "uv"
    )
    python = top / "venv" / "bin" / "python"
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("DUALANO_", "PYTHON", "VIRTUAL"))}
    clean |= {"HF_HOME": str(top / "hf"), "LANGUAGE": "en", "NO_COLOR": "1"}
    wrong = 0

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(words, cwd=project, env=clean, capture_output=True, text=True, check=False)

    def doctor(*words: str) -> subprocess.CompletedProcess[str]:
        return call(str(python.with_name("dualano-doctor")), *words)

    def expect(what: str, done: subprocess.CompletedProcess[str], *, true: bool) -> None:
        nonlocal wrong
        true = true and "Traceback" not in done.stderr and "itself failed" not in done.stderr
        wrong += not true
        print(f"{'well ' if true else 'WRONG'} {what}", "" if true else f"\n{done.stdout}{done.stderr}", flush=True)

    def install(wheel: Path) -> None:
        done = call(
            uv, "pip", "install", "-q", "--reinstall-package", "dualano-setup", "--python", str(python), str(wheel)
        )
        expect(f"install {wheel.parent.name}/{wheel.name}", done, true=done.returncode == 0)

    call(uv, "venv", "-q", "--python", sys.executable, str(top / "venv"))
    install(old)
    done = doctor("fix", "--yes", "--only", "ACC001", "--offline")
    expect("old: fix", done, true=config.exists())
    done = doctor("train", "--force", "--detach", "--offline", "--env", str(project / ".dualano" / "env"))
    expect("old: train", done, true=done.returncode == 0)
    end = time.monotonic() + 60
    while '"finished"' not in (listed := doctor("runs", "--json")).stdout and time.monotonic() < end:
        time.sleep(0.2)
    expect("old: its run is finished", listed, true='"finished"' in listed.stdout)

    subprocess.run([uv, "build", "--wheel", "-q", "-o", str(top / "new"), str(ROOT)], check=True)
    install(next((top / "new").glob("*.whl")))
    done = doctor("uninstall", "--help")
    expect("new: installed", done, true=done.returncode == 0)
    done = doctor("check", "--json", "--offline")
    facts = json.dumps(json.loads(done.stdout)["facts"]) if done.stdout.startswith("{") else ""
    expect("settings are read and the environment is found", done, true=str(project / ".dualano" / "env") in facts)
    done = doctor("runs", "--json")
    runs = json.loads(done.stdout or "[]")
    expect("its run is listed, finished, 30 of 30 steps", done,
           true=[(row["state"], row["step"], row["steps"]) for row in runs] == [("finished", 30, 30)])  # fmt: skip
    done = doctor("status")
    expect("status", done, true=done.returncode == 0)
    done = doctor("logs")
    expect("logs", done, true="Steps: 30/30" in done.stdout)
    done = doctor("resume", "--force", "--offline", "--detach")
    expect("resume says that it has all its steps", done, true="has taken all its steps" in done.stderr)
    done = doctor("undo")
    expect("undo takes the old fix back", done, true=done.returncode == 0 and not config.exists())
    weights = list(project.glob(".dualano/runs/*/output/*.safetensors")) or list(
        project.glob("outputs/*/*.safetensors")
    )
    expect("its weights are there", done, true=len(weights) == 1)
    done = doctor("uninstall", "--yes")
    left = sorted(path.name for path in project.rglob("*.safetensors"))
    expect("uninstall leaves weights and settings alone", done, true=done.returncode == 0
           and not (project / ".dualano").exists() and len(left) == 1)  # fmt: skip
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
