"""A training environment whose launcher and trainer start at once and whose steps take nothing.

It keeps what matters for what a run's processes do: a launcher that waits for a child, loading, steps with metrics and
a progress line, checkpoints that are whole or absent, one more when asked to end, and going on from the newest.
"""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

TRAINER = textwrap.dedent(
    """
    import json, os, signal, sys, time
    from pathlib import Path

    def said(flag, default):
        found = [sys.argv[n + 1] for n, word in enumerate(sys.argv[:-1]) if word == flag]
        return found[-1] if found else default

    print("loading", flush=True)
    time.sleep(float(os.environ.get("STUB_LOADING", "0.3")))
    asked = []
    signal.signal(signal.SIGINT, lambda *_: asked.append(1))
    output, steps = Path(said("--output_dir", "")), int(said("--max_train_steps", "100"))
    output.mkdir(parents=True, exist_ok=True)
    metrics = output / "metrics.jsonl"

    def whole(target, text):
        draft = target.with_name(f"{target.name}.draft-{os.getpid()}")
        draft.write_text(text)
        draft.replace(target)

    def checkpoint(step):
        draft = output / f".draft-{os.getpid()}"
        draft.mkdir()
        draft.rename(output / f"checkpoint-{step}") if not (output / f"checkpoint-{step}").exists() else draft.rmdir()

    at = 0
    if said("--resume_from_checkpoint", "") == "latest":
        at = max((int(path.name[11:]) for path in output.glob("checkpoint-*")), default=0)
        rows = metrics.read_text().splitlines(keepends=True) if metrics.exists() else []
        whole(metrics, "".join(rows[:at]))
    for step in range(at + 1, steps + 1):
        time.sleep(float(os.environ.get("STUB_STEP", "0.005")))
        row = {"step": step, "loss": 1 / step, "lr": 2e-5, "seconds": 0.005, "gpu_memory_gib": None}
        with metrics.open("a") as file:
            file.write(json.dumps(row) + "\\n")
        print(f"Steps: {step}/{steps} [00:01<00:02, 50.0it/s, loss={1 / step:.4f}]", flush=True)
        if asked:
            print("writing a checkpoint, then ending", flush=True)
            checkpoint(step)
            sys.exit(130)
        if step % 10 == 0:
            checkpoint(step)
    whole(output / "pytorch_lora_weights.safetensors", "weights")
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
#: In the place of a tool of the trainer's: the real program up to the point where it has understood its arguments.
PARSER = textwrap.dedent(
    """
    import argparse, importlib.util, pathlib, runpy, sys
    understood = argparse.ArgumentParser.parse_args
    def parse_args(self, *arguments, **options):
        understood(self, *arguments, **options)
        raise SystemExit(0)
    argparse.ArgumentParser.parse_args = parse_args
    folder, module = pathlib.Path(sys.argv.pop(1)), sys.argv.pop(1)
    spec = importlib.util.spec_from_file_location(
        "trainer", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    package = sys.modules["trainer"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(package)
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    """
)


def make_stub_environment(folder: Path) -> Path:
    """Lays it out in `folder` and returns that."""
    (folder / "bin").mkdir(parents=True)
    (folder / "lib" / "python3.11" / "site-packages").mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text("home = /usr/bin\nversion_info = 3.11.0\n")
    trainer, launcher, parser = (folder / f"stub_{name}.py" for name in ("trainer", "launcher", "parser"))
    trainer.write_text(TRAINER)
    launcher.write_text(LAUNCHER)
    parser.write_text(PARSER)
    python = folder / "bin" / "python"
    python.write_text(
        "#!/bin/sh\n"
        f'[ "$2" = -c ] && shift 3 && exec {sys.executable} -S {parser} "$@"\n'
        'while [ $# -gt 0 ]; do case "$1" in */train.py | train_dreambooth*.py) break ;; esac; shift; done\n'
        "[ $# -gt 0 ] || exit 1\n"
        f'exec {sys.executable} -S {launcher} -S {trainer} "$@"\n'
    )
    python.chmod(0o755)
    return folder
