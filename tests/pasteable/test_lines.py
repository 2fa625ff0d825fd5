"""Every pasteable line is complete, and does what it says in a project of its own.

Run are all lines of `dualano-doctor`: the trainings with a trainer whose steps take nothing, the tools of the training
environment with the real ones up to the point where they have understood their arguments, `campaign` on one whose jobs
are finished, `fix` and `import` with `--plan`, `uninstall` without `--yes`. Only parsed are those of ONLY_PARSED and
the trainer's own `python -m trainer...`. Lines of other programs must be whole; those that only look are run.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import struct
import subprocess
import sys
import zlib
from argparse import Namespace
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from dualano_setup.cli.line import with_command
from dualano_setup.cli.main import COMMANDS, _parsed
from dualano_setup.flows.campaign.planning import Asked, planned
from dualano_setup.flows.campaign.running import conduct
from dualano_setup.runs.folder import every
from dualano_setup.settings.resolve import resolve
from dualano_setup.settings.stored import read_stored
from tests import forked_doctor
from tests.campaigns.world import STUB
from tests.pasteable.lines import BROKEN, every_line, lines_in, occurrences, variants
from tests.places import ROOT
from tests.runs.standin import wait_for
from tests.trials.stub_environment import make_stub_environment
from tests.worlds.checkout import lay_checkout

LINES = every_line()
OURS = [line for line in LINES if line.text.startswith("dualano-doctor")]
TRAINERS = [line for line in LINES if line.text.startswith("python -m trainer")]
OTHERS = [line for line in LINES if line not in OURS and line not in TRAINERS]
#: Commands whose lines are not run, and why.
ONLY_PARSED = {
    "quickstart": "installs and trains for minutes",
    "prove": "trains for minutes",
    "review": "serves pages until Ctrl-C",
    "watch": "serves pages until Ctrl-C",
}
LIMIT = 60.0
"""Seconds that a line may take; all of them take a few at the most."""
#: What `check` and `fix` find in the project is not well, on purpose; the others must work.
MAY_BLOCK = ("check", "fix", "patch", "explain")
#: What stands for something in a line: by the word before it, or by itself.
MEANT = {
    "DIR": "{project}/images", "PATH": "{project}/env", "FILE": "{project}/log.txt", "FILE.bin": "{project}/w.bin",
    "SOURCE": "{project}/source", "CHECKOUT": "{project}/checkout", "NAME": "cpu", "ID": "SRC001", "N": "110",
    "F": "coco", "A": "a", "B": "hole", "RUN": "{run}", "SHELL": "bash", "{folder}": "{run}", "{run}": "{run}",
    "{plan}": "{fix}", "{rule}": "SRC001", "{profile}": "cpu", "{name}": "cpu", "{command}": "fix",
    "{form}": "pip", "PIN": "torch", "run NAME": "night", "report NAME": "night", "run {name}": "night",
    "status {name}": "night", "resume {name}": "night", "stop {name}": "night",
    "{category}": "c", "{anomaly}": "a", "--good DIR": "{project}/ok", "--images DIR": "{project}/scratched",
    "--masks DIR": "{project}/masks",
}  # fmt: skip


def _png(value: int) -> bytes:
    """A grey picture of 64 pixels squared."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(b"".join(b"\0" + bytes([value]) * 64 for _ in range(64)))
    header = struct.pack(">IIBBBBB", 64, 64, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


class Desk:
    """A project with a run that finished, one that was stopped, a campaign, pairs, weights, a checkout and a fix."""

    def __init__(self, root: Path) -> None:
        self.project, self.home = root / "project", root / "home"
        self.project.mkdir()
        self.home.mkdir()
        make_stub_environment(self.project / "env")
        lay_checkout(self.project / "checkout", {}, ("debugger-import",))
        for folder in ("c/train/good", "c/test/good", "c/test/a", "c/ground_truth/a", "c/test/hole"):
            for base in ("data", "source"):
                mask = "ground_truth" in folder
                self.pictures(base, folder, "_mask" if mask else "", value=255 if mask else 90)
        for folder in ("images", "ok", "scratched"):
            self.pictures(folder)
        self.pictures("masks", value=255)
        self.pictures("parts", "c/a", value=255)
        (self.project / "w.bin").touch()
        (self.project / "log.txt").write_text("RuntimeError: mat1 and mat2 must have the same dtype\n")
        (self.project / "model").mkdir()
        (self.project / "dualano.toml").write_text(
            'env = "env"\nmodel = "model"\ndata = "data"\ncategory = "c"\nanomaly = "a"\nforeground = "parts"\n'
            'checkout = "checkout"\noffline = true\n[train]\nsteps = 12\n'
            '[campaign]\nname = "night"\nanomalies = ["a"]\nsteps = ["train", "generate"]\naccepted = 2\n'
        )
        for name, target in (("VisA", "source"), ("DualAnoDiff", "checkout"), ("foreground", "parts")):
            (self.home / name).symlink_to(self.project / target)
        self.done("train", "--force")
        self.stopped = self.started_and_stopped()
        outputs = self.project / "outputs"
        for folder in outputs.iterdir():
            (folder / "generated").mkdir()
            (folder / "generated" / "manifest.jsonl").touch()
            for name in ("pytorch_lora_weights.safetensors", "pytorch_lora_weights.bin"):
                (folder / name).touch()
        self.finished_campaign()
        (self.project / "node.json").write_text(self.run("check", "--json").stdout)

    def pictures(self, *parts: str, ending: str = "", value: int = 90) -> None:
        folder = self.project.joinpath(*parts[:2])
        ending = parts[2] if len(parts) > 2 else ending
        folder.mkdir(parents=True)
        for number in range(4):
            (folder / f"{number:03}{ending}.png").write_bytes(_png(value))

    def variables(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DUALANO_", "HF_", "UV_"))}
        return kept | {
            "HOME": str(self.home),
            "PYTHONPATH": str(ROOT),
            "STUB_LOADING": "0",
            "STUB_STEP": "0",
            "NO_COLOR": "1",
        }

    def run(self, *words: str, folder: Path | None = None, **more: str) -> subprocess.CompletedProcess[str]:
        variables = self.variables() | more
        return forked_doctor.run(words, cwd=folder or self.project, variables=variables, seconds=LIMIT)

    def done(self, *words: str, **more: str) -> str:
        done = self.run(*words, **more)
        assert done.returncode == 0, done
        return done.stdout

    def started_and_stopped(self) -> str:
        self.done("train", "--force", "--detach", "--", "--max_train_steps", "100", STUB_STEP="0.05")
        run = every(self.project / ".dualano")[-1]
        record = run.record()
        wait_for(lambda: Path(record.output, "metrics.jsonl").exists())
        self.done("stop", "--wait", "20")
        return run.name

    def finished_campaign(self) -> None:
        """The project's own, as it is planned from dualano.toml, carried out by the stub."""
        settings = resolve({}, {}, self.project)
        found = planned(settings, Asked({}, accepts=True, evaluates=True))
        stub = {"doctor": [sys.executable, "-S", str(STUB)], "pause": 0.05}
        assert conduct(settings, found.root, replace(found.plan, how={**found.plan.how, **stub})) == 0

    def a_fix(self) -> str:
        """The name of a fix that can be undone."""
        self.run("patch", "apply", "--only", "debugger-import")
        done = sorted((self.project / ".dualano" / "fixes").glob("*"))
        return done[-1].name if done else ""


@pytest.fixture(scope="module")
def desk(tmp_path_factory) -> Desk:
    return Desk(tmp_path_factory.mktemp("desk"))


def filled(text: str, desk: Desk) -> list[str]:
    """The words of a line, with something that is there for every word that stands for something."""
    text = re.split(r" > | \| | 2>", text)[0]
    names = {"project": str(desk.project), "run": desk.stopped, "fix": "FIX"}
    words = shlex.split(text)
    meant = [MEANT.get(f"{before} {word}") or MEANT.get(word) for before, word in pairwise(words)]
    words = [found.format(**names) if found else word for found, word in zip(meant, words[1:], strict=True)]
    return [word.replace("~", str(desk.home), 1) if word.startswith("~") else word for word in words]


@pytest.mark.parametrize("line", OURS, ids=lambda line: line.text)
def test_a_line_of_the_product_works(desk, line):
    assert BROKEN not in line.text
    assert not re.search(r"\.\.\.|…", line.text), f"{line.place}: a line that is not whole: {line.text}"
    for number, variant in enumerate(variants(line.text)):
        words = filled(variant, desk)
        line_of = with_command(words, COMMANDS)
        if line_of[0] in ONLY_PARSED:
            assert _parsed(line_of, Namespace(stored=read_stored(desk.project))).command == line_of[0]
            continue
        _run(desk, line_of, f"{line.place}: {variant}", number)


def _run(desk: Desk, words: list[str], what: str, number: int) -> None:
    command, rest = words[0], words[1:]
    folder = desk.project
    if command == "undo":
        rest = [desk.a_fix()] if rest else (desk.a_fix() and [])
    elif command == "fix" and "--plan" not in rest and "--help" not in rest:
        rest = [*(word for word in rest if word != "--yes"), "--plan"]
    elif command == "uninstall":
        rest = [word for word in rest if word != "--yes"]
    elif command in ("train", "resume") and "--help" not in rest:
        if command == "resume" and len(rest) == 1:  # one with steps left; others' lines may have taken them
            rest = [desk.started_and_stopped()]
        rest = ["--force", *(word for word in rest if word != "--fix")]
        if "--max_train_steps" not in rest:
            rest = (
                [*rest, *(() if "--" in rest else ("--",)), "--max_train_steps", "12"] if command == "train" else rest
            )
    elif command in ("init", "import"):
        folder = desk.project.parent / f"new-{abs(hash(what))}"
        folder.mkdir()
        for name in ("ok", "scratched", "masks"):
            (folder / name).symlink_to(desk.project / name)
        if command == "import":
            rest = _whole_import(desk, rest)
    if command == "train" and "--output_dir" in rest:  # DIR: the folder of a run of that trainer
        place = rest.index("--output_dir") + 1
        rest[place] = str(folder.parent / "authors")
    if command in ("masks", "foreground", "export") and "--output" in rest:
        rest[rest.index("--output") + 1] = str(folder / f"new-{number}")
    done = desk.run(command, *rest, folder=folder)
    said = done.stdout + done.stderr
    assert "Traceback" not in said or command == "logs", (what, said)
    assert "itself failed" not in said, (what, said)
    assert done.returncode in ((0, 1, 3) if command in MAY_BLOCK else (0,)), (what, rest, done.returncode, said)
    if "--detach" in rest:
        desk.done("stop", "--wait", "20")


def _whole_import(desk: Desk, rest: list[str]) -> list[str]:
    """Shown, not done; `import` by itself names the command, and what it takes is its help."""
    if not any(not word.startswith("-") for word in rest):
        return ["--help"]
    flat = "--good" in rest
    names = [
        word for flag, name in (("--category", "c"), ("--anomaly", "a")) if flag not in rest for word in (flag, name)
    ]
    return [*rest, *(names if flat else ()), "--plan"]


@pytest.mark.parametrize("line", TRAINERS, ids=lambda line: line.text)
def test_a_line_of_the_trainer_is_understood(desk, line):
    for variant in variants(line.text.split(" 2>")[0].removesuffix(" ...")):
        module, *words = shlex.split(variant)[2:]
        if module != "trainer" and not words:
            continue  # the program's name
        words = [{"N": "3", "JOB.json": "job.json"}.get(word, word) for word in words]
        program = desk.project / "env" / "stub_parser.py"
        command = [sys.executable, "-S", str(program), str(ROOT / "trainer"), module, *words]
        done = subprocess.run(command, capture_output=True, text=True)
        needs = re.search(r"required: |Nothing to train|is needed", done.stderr) if module == "trainer" else None
        assert done.returncode == 0 or needs, (line.place, variant, done.stderr)


@pytest.mark.parametrize("line", OTHERS, ids=lambda line: line.text)
def test_a_line_of_another_program_is_whole(line):
    assert BROKEN not in line.text, f"{line.place}: {line.text}"
    words = shlex.split(re.sub(r"\{\w+\}", "x", line.text))
    if words[:2] == ["uv", "pip"] and words[2] in ("install", "uninstall", "list", "show") and "rules" in line.place:
        assert "--python" in words, f"{line.place}: which environment? {line.text}"
    looks = words[:2] == ["uv", "pip"] and words[2] in ("list", "show", "check") and "--python" in words
    if looks and (uv := shutil.which("uv")):
        words = words[2 : words.index("|")] if "|" in words else words[2:]
        command = [uv, "pip", *(sys.executable if word == "ENV/bin/python" else word for word in words)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode in (0, 1), done.stderr


def test_the_finder_passes_nothing_over():
    """Every line of the sources that names a command has one that was found, by a search of another kind."""
    found = {line.text for line in LINES}
    passed = [
        (place, text)
        for folder in ("dualano_setup", "docs")
        for place, text in occurrences(ROOT / folder)
        if not any(one in text or one.split(" {")[0] in text for one in found if " " in one) and not lines_in(text)
    ]
    assert passed == []


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            "Say `dualano-doctor fix --yes`, or dualano-doctor undo. Then stop.",
            {"dualano-doctor fix --yes", "dualano-doctor undo"},
        ),
        ("end it: dualano-doctor stop {run}", {"dualano-doctor stop {run}"}),
        ("dualano-doctor itself failed", set()),
        ("    uv pip install --python ENV x\n", {"uv pip install --python ENV x"}),
        ("`uv pip install\n--python ENV x`", {f"uv pip install{BROKEN}--python ENV x"}),
        ("請用 dualano-doctor check，再看", {"dualano-doctor check"}),
    ],
)
def test_what_is_found(text, lines):
    assert lines_in(text) == lines


def test_what_a_notation_stands_for():
    assert variants("x [FILE|-]") == ["x", "x FILE", "x -"]
