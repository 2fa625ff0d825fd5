"""A project of which every file that comes from strangers can be replaced by what is none, and the command line on it.

A child with 1 GiB of address space and a deadline: no hang, no crash, no half-read gigabyte, no control character of
theirs on the terminal, and nothing of the tree changed by commands that only look.
"""

from __future__ import annotations

import json
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.forked_doctor import run
from tests.hostile.files import gigabyte, loop, nested, zeros
from tests.places import ROOT
from tests.worlds.checkout import SOURCES
from tests.worlds.project import ACCELERATE, REQUIREMENTS
from tests.worlds.site_packages import lay_environment

Form = Callable[[Path], None]
MEMORY = 1 << 30  # bytes of address space
DEADLINE = 120  # seconds of a busy machine; the doctor's own for all its probes is 15
RUN = ".dualano/runs/20260101-000000-widget"
FIX = ".dualano/fixes/20260101-000000"
SITE = "env/lib/python3.11/site-packages"
ESCAPES = "\x1b]0;owned\x07\x1b[2J\r\n\x9b31m"
GROUPS = {
    "settings": ("dualano.toml",),
    "checkout": ("checkout/requirements.txt", "checkout/constraints.txt", "checkout/.git/HEAD", "checkout/README.md"),
    "sources": tuple(f"checkout/{name}" for name in SOURCES),
    "accelerate": ("hf/accelerate/default_config.yaml",),
    "model": (
        "model/model_index.json", "model/unet/config.json", "model/unet/diffusion_pytorch_model.safetensors",
        "model/vae/config.json", "model/vae/diffusion_pytorch_model.bin", "model/text_encoder/config.json",
        "model/text_encoder/model.safetensors.index.json", "model/tokenizer/vocab.json", "model/tokenizer/merges.txt",
        "model/tokenizer/tokenizer_config.json", "model/scheduler/scheduler_config.json", "model/.git/config",
    ),
    "data": (
        "data/widget/test/scratch/000.png", "data/widget/test/scratch/001.jpg", "data/widget/train/good/000.png",
        "data/widget/ground_truth/scratch/000_mask.png", "foreground/widget/scratch/000.png",
    ),
    "environment": (
        "env/pyvenv.cfg", "env/.dualano-env.json", "env/pip.conf", f"{SITE}/torch/version.py",
        f"{SITE}/torch-2.2.0.dist-info/METADATA", f"{SITE}/torch-2.2.0.dist-info/RECORD",
        f"{SITE}/torch-2.2.0.dist-info/direct_url.json", f"{SITE}/torch-2.2.0.dist-info/top_level.txt",
        f"{SITE}/xformers/cpp_lib.json", f"{SITE}/xformers/_C.so", f"{SITE}/extra.pth",
    ),
    "fixes": (f"{FIX}/journal.jsonl", f"{FIX}/plan.json", ".dualano/lock"),
    "runs": tuple(f"{RUN}/{name}" for name in ("process.json", "stop.json", "exit.json", "log", "metrics.jsonl")),
}  # fmt: skip
EVERY = tuple(name for group in GROUPS.values() for name in group)


def folder(path: Path) -> None:
    path.mkdir()
    (path / f"name{ESCAPES}").touch()


def escapes(path: Path) -> None:
    """Sequences that steer a terminal, and what a message about the file is likely to quote."""
    path.write_text(f'{ESCAPES}: "{ESCAPES}"\n{ESCAPES} = 3\n', encoding="utf-8")


def quoted_escapes(path: Path) -> None:
    """The same, spelled so that a parser lets them through and a message prints the value."""
    value = ESCAPES * 3
    if path.suffix in (".json", ".jsonl"):
        path.write_text(json.dumps(dict.fromkeys((value, *_KEYS), f"{value}\ud800")) + "\n")
    else:
        path.write_text("".join(f"{key}{sign}{json.dumps(value)}\n" for sign in (": ", " = ", "==") for key in _KEYS))


def wrong_kinds(path: Path) -> None:
    """Whole JSON (or a flow mapping of YAML) whose every value is of another kind than expected."""
    path.write_text(json.dumps({key: [{"9" * 400: [None]}] for key in _KEYS}))


def long_lines(path: Path) -> None:
    path.write_text(("[" + "9" * 5000 + ", " + "x" * 100_000 + "\n") * 8)


_KEYS = (
    "_class_name", "unet", "vae", "cross_attention_dim", "weight_map", "metadata", "mixed_precision", "num_processes",
    "distributed_type", "gpu_ids", "torch", "numpy", "home", "version_info", "env", "version", "event", "inodes",
    "step", "seconds", "loss", "supervisor", "launcher", "started", "status", "ended", "cause", "problem", "by", "at",
    "now", "name", "key", "trainer", "argv", "folder", "environment", "output", "steps", "host", "created", "lang",
    "profile", "Name", "Version", "Requires-Dist", "url", "dir_info", "index-url", "__version__", "cuda",
)  # fmt: skip
FORMS = (gigabyte, os.mkfifo, loop, zeros, folder, nested, escapes, quoted_escapes, wrong_kinds, long_lines)


def lay_project(top: Path) -> None:
    """A whole project: checkout, model, data, environment, a fix and a run. Nothing in it needs to be healthy."""
    lay_environment(
        top / "env",
        {"torch": "2.2.0", "xformers": "0.0.24", "numpy": "1.26.4"},
        python="3.11.7",
        builds={"torch": "2.2.0+cu118", "cuda": "11.8"},
    )
    for name in EVERY:
        file = top / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            file.write_text(_ordinary(name.removeprefix("checkout/"), file.name), encoding="utf-8")
    lay_run(top)


def _ordinary(name: str, last: str) -> str:
    if name in SOURCES:
        return SOURCES[name]
    texts = {"requirements.txt": REQUIREMENTS, "default_config.yaml": ACCELERATE, "dualano.toml": 'lang = "en"\n',
             "HEAD": "ref: refs/heads/main\n", "journal.jsonl": '{"event": "begun", "inodes": [1, 2]}\n'}  # fmt: skip
    return texts.get(last, "{}\n" if last.endswith(".json") else "")


def lay_run(top: Path, **changes: object) -> None:
    """The record of a run that was lost, with `changes`."""
    record = {
        "name": Path(RUN).name, "key": "none", "trainer": "bundled", "argv": ["train"], "folder": str(top),
        "environment": {}, "output": str(top / "output"), "steps": 9, "host": socket.gethostname(), "created": 1.0,
        "detached": False, "metrics": str(top / RUN / "metrics.jsonl"), "schema": 1,
    }  # fmt: skip
    (top / RUN / "run.json").write_text(json.dumps(record | changes))


def replaced(project: Path, names: tuple[str, ...], form: Form) -> None:
    """Puts what is no such file in the place of each."""
    for name in names:
        (project / name).unlink()
        form(project / name)


PLAN = ("fix", "--plan", "--only", "REQ,SRC,ACC,MODEL,DATA")  # environments are for installers, and take seconds
COMMANDS = (
    ("check", "--json"), ("check", "-vv"), ("check", "--markdown"), ("check", "--sarif"), (*PLAN, "--json"), PLAN,
    ("patch", "status"), ("status",), ("status", "--json"), ("runs",), ("logs",),
)  # fmt: skip
SETTINGS = ("--category", "widget", "--anomaly", "scratch")


def doctor(project: Path, *line: str, before: tuple[str, ...] = ()) -> tuple[int, str, str]:
    """Status, output and complaints of a command line in a child that has little memory and little time."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DUALANO_", "ACCELERATE_", "HF_", "CONDA", "PIP_", "UV_", "VIRTUAL_ENV"))
    }
    places = [part for name in ("checkout", "model", "data", "foreground", "env") for part in (f"--{name}", name)]
    arguments = [*line, "--offline", *places, *SETTINGS]
    variables = kept | {"HF_HOME": str(project / "hf"), "PYTHONPATH": str(ROOT), "HOME": str(project.parent / "home"),
                        "NO_COLOR": "1", "MALLOC_ARENA_MAX": "2"}  # fmt: skip
    if before:
        done = subprocess.run(
            [*before, sys.executable, "-m", "dualano_setup", *arguments],
            capture_output=True, encoding="utf-8", errors="replace", stdin=subprocess.DEVNULL, cwd=project, check=False,
            timeout=DEADLINE, env=variables,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
        )  # fmt: skip
    else:
        done = run(arguments, cwd=project, variables=variables, seconds=DEADLINE, memory=MEMORY)
    return done.returncode, done.stdout, done.stderr


def tree(project: Path) -> dict[str, tuple[object, ...]]:
    """Everything below by name: kind and mode, inode, size, time of change, where a link leads."""
    seen: dict[str, tuple[object, ...]] = {}
    for place, folders, files in os.walk(project):
        for path in (Path(place, name) for name in (*folders, *files)):
            status = path.lstat()
            link = path.readlink() if path.is_symlink() else ""
            seen[str(path)] = (status.st_mode, status.st_ino, status.st_size, status.st_mtime_ns, link)
    return seen


def held(project: Path, *line: str, before: tuple[str, ...] = (), statuses: tuple[int, ...] = (0, 1, 2, 3)) -> str:
    """Runs one command that only looks, and says what was wrong with how it ended; "" when nothing was."""
    as_it_was = tree(project)
    try:
        status, output, complaints = doctor(project, *line, before=before)
    except subprocess.TimeoutExpired:
        return f"{line}: not over in {DEADLINE} s"
    said = output + complaints
    wrong = [word for word in ("Traceback", "itself failed", "Fatal Python") if word in complaints]
    wrong += [f"{char!r} printed" for char in said if not char.isprintable() and char != "\n"][:1]
    if status not in statuses:
        wrong.append(f"status {status}")
    if line[-1] in ("--json", "--sarif") and (output or not complaints):
        wrong += [] if isinstance(json.loads(output or "0"), dict) else ["no JSON"]
    if tree(project) != as_it_was:
        wrong.append("something was changed")
    return f"{line}: {', '.join(wrong)}\n{output[-300:]}\n{complaints[-1500:]}" if wrong else ""
