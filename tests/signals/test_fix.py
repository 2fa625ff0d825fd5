"""`fix --yes` ended by a signal: real uv, at its resolve, its install and a later download. As if it had never begun.

The index and the model hub are folders served on loopback, with one answer kept back where the signal is to arrive.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dualano_setup.knowledge.catalogue import load
from tests.places import PATIENCE, ROOT
from tests.processes import MARK, running
from tests.repairs.snapshot import snapshot
from tests.stub_index import Gate, serve, write_index
from tests.worlds.bench import stub
from tests.worlds.breaks.model import HUB

PROFILE = "cpu"
#: Where the answer is kept back: the request's path holds this, and it is the so-manieth such request.
MOMENTS = {
    "resolve": ("/simple/tqdm/", 1),
    "install": ("/files/torch-", 2),  # the first one is for the metadata
    "download": ("/tokenizer/vocab.json", 1),  # accelerate's file, the environment and three files are done by then
}
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: What a model folder needs for the doctor to take it for Stable Diffusion 1.5.
CONFIGS = {
    "unet/config.json": {"_class_name": "UNet2DConditionModel", "cross_attention_dim": 768, "in_channels": 4},
    "vae/config.json": {"_class_name": "AutoencoderKL"},
    "text_encoder/config.json": {"hidden_size": 768},
    "scheduler/scheduler_config.json": {"_class_name": "DDPMScheduler"},
}
TOKENIZER = ("merges.txt", "special_tokens_map.json", "tokenizer_config.json", "vocab.json")


@dataclass
class World:
    """A project with no environment and no tokenizer, and where both come from."""

    root: Path
    variables: dict[str, str]
    gate: Gate

    @property
    def project(self) -> Path:
        return self.root / "project"

    def start(self, *arguments: str, **options: object) -> subprocess.Popen[str]:
        """`dualano-doctor ARGUMENTS` in a session of its own, as a terminal would have it."""
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(
            [sys.executable, "-m", "dualano_setup", *arguments],
            cwd=self.project,
            env=self.variables,
            start_new_session=True,
            **(pipes | options),  # type: ignore[call-overload]
        )

    def running(self) -> list[str]:
        """The names of all living processes that descend from a doctor of this world."""
        return running(self.variables[MARK])

    def theirs(self) -> dict[str, tuple[object, ...]]:
        """All that is the user's, byte for byte: without what the doctor keeps for itself and uv's cache."""
        rows = snapshot(self.root)
        own = ("project/.dualano", "uv-cache")
        return {name: row for name, row in rows.items() if not name.startswith(own)}

    def kept(self) -> set[str]:
        """What the doctor keeps in the project."""
        return {path.name for path in (self.project / ".dualano").iterdir()}


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Path:
    """An index with the whole profile as stub wheels, and a hub with a tokenizer."""
    folder = tmp_path_factory.mktemp("served")
    minor = f"{sys.version_info.major}.{sys.version_info.minor}"
    write_index(folder, [stub(name, version, None, minor) for name, version in load(PROFILE).locked(minor).items()])
    rows = []
    for name in TOKENIZER:
        data = f'{{"{name}": 1}}'.encode()
        file = folder / HUB / "resolve" / "main" / "tokenizer" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        rows.append({"type": "file", "path": f"tokenizer/{name}", "size": len(data)})
    tree = folder / "api" / "models" / HUB / "tree"
    tree.mkdir(parents=True)
    (tree / "main").write_text(json.dumps(rows))
    return folder


@pytest.fixture
def world(tmp_path, served) -> Iterator[World]:
    for name in ("project", "home", "tmp"):
        (tmp_path / name).mkdir()
    _lay_model(tmp_path / "project" / "model")
    (tmp_path / "project" / "dualano.toml").write_text(f'profile = "{PROFILE}"\nmodel = "model"\n')
    gate = Gate()
    with serve(served, gate=gate) as url:
        variables = {name: os.environ[name] for name in ("PATH", "LANG", "LANGUAGE") if name in os.environ}
        variables |= {
            "PYTHONPATH": str(ROOT),
            "HOME": str(tmp_path / "home"),
            "TMPDIR": str(tmp_path / "tmp"),
            "UV_DEFAULT_INDEX": f"{url}simple/",
            "UV_CACHE_DIR": str(tmp_path / "uv-cache"),
            "PIP_CONFIG_FILE": os.devnull,
            "HF_ENDPOINT": url.rstrip("/"),
            "NO_PROXY": "127.0.0.1",
            "HTTPS_PROXY": "http://127.0.0.1:9",  # nothing of a test leaves this machine
            MARK: f"{tmp_path}-{os.getpid()}",
        }
        yield World(tmp_path, variables, gate)


def _lay_model(model: Path) -> None:
    """A clone of the hub's repository without its tokenizer; weights are empty tensors files."""
    for name, content in CONFIGS.items():
        (model / name).parent.mkdir(parents=True)
        (model / name).write_text(json.dumps(content))
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    weights = len(header).to_bytes(8, "little") + header + b"\0\0\0\0"
    for name in ("unet/diffusion_pytorch_model", "vae/diffusion_pytorch_model", "text_encoder/model"):
        (model / f"{name}.safetensors").write_bytes(weights)
    parts = {"unet": "UNet2DConditionModel", "vae": "AutoencoderKL", "scheduler": "DDPMScheduler"}
    index = {name: ["diffusers", kind] for name, kind in parts.items()}
    index |= {"text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"]}
    (model / "model_index.json").write_text(json.dumps({"_class_name": "StableDiffusionPipeline"} | index))
    (model / ".git").mkdir()
    (model / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (model / ".git" / "config").write_text(f'[remote "origin"]\n\turl = https://huggingface.co/{HUB}\n')


def _status(how: signal.Signals) -> int:
    """What a doctor ended by that signal returns: 130 for Ctrl-C, else it dies of the signal as programs do."""
    return 130 if how == signal.SIGINT else -how


def _at(world: World, moment: str, **options: object) -> subprocess.Popen[str]:
    """A `fix --yes` that has come to that moment and waits there."""
    world.gate.close(*MOMENTS[moment])
    fix = world.start("fix", "--yes", **options)
    assert world.gate.reached.wait(PATIENCE), "the fix never came there"
    if moment != "download":
        assert "uv" in world.running()
    return fix


def _as_if_never_begun(world: World, before: dict[str, tuple[object, ...]]) -> None:
    assert world.running() == []
    assert world.theirs() == before
    assert world.kept() <= {"lock", "fixes", "downloads"}
    with (world.project / ".dualano" / "lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.parametrize("how", SIGNALS, ids=lambda how: how.name)
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_signal_leaves_everything_as_it_was(world, moment, how):
    before = world.theirs()
    fix = _at(world, moment)
    os.killpg(fix.pid, how)
    _, said = fix.communicate()
    assert (fix.returncode, "Traceback" in said) == (_status(how), False), said
    _as_if_never_begun(world, before)
    world.gate.open()
    again = world.start("fix", "--yes")
    told, said = again.communicate()
    assert (again.returncode, said) == (0, "")
    assert "Ready to train" in told
    assert not any(word in told for word in ("cut off", "taken back", "waiting"))


def test_the_whole_group_gets_ctrl_c_twice_and_once_more(world):
    """A person who presses Ctrl-C until the prompt is back gets everything back as well."""
    before = world.theirs()
    fix = _at(world, "download")
    for _press in range(20):
        if fix.poll() is None:
            os.killpg(fix.pid, signal.SIGINT)
            time.sleep(0.01)
    assert fix.wait() == 130
    _as_if_never_begun(world, before)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_closed_terminal_leaves_everything_as_it_was(world, moment):
    """Besides the signal, every write to the terminal now fails."""
    before = world.theirs()
    far_end, terminal = os.openpty()
    ended = world.root / "tmp" / "status"
    # The shell's part: a session with that terminal, of which the doctor is the foreground.
    shell = (
        "import fcntl, os, sys, termios; os.setsid();"
        "fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    )
    world.gate.close(*MOMENTS[moment])
    fix = subprocess.Popen(
        [sys.executable, "-c", shell, "-m", "dualano_setup", "fix", "--yes"],
        cwd=world.project,
        env=world.variables,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    assert world.gate.reached.wait(PATIENCE)
    os.close(far_end)
    assert fix.wait() == -signal.SIGHUP
    assert not ended.exists()
    _as_if_never_begun(world, before)


def test_a_fix_under_nohup_outlives_its_terminal(world):
    fix = _at(world, "install", preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    os.killpg(fix.pid, signal.SIGHUP)
    time.sleep(0.3)
    world.gate.open()
    told, said = fix.communicate()
    assert (fix.returncode, said) == (0, "")
    assert "Ready to train" in told


def test_a_reader_that_goes_away_does_not_stop_a_fix_half_way(world):
    """`fix --yes | head -3`."""
    fix = _at(world, "install")
    assert fix.stdout is not None
    fix.stdout.close()
    world.gate.open()
    assert fix.wait() == 0
    assert "env" in world.kept()
    look = world.start("check")
    assert "Ready to train" in look.communicate()[0]


def test_who_interrupts_the_repair_does_not_want_the_training_either(world):
    before = world.theirs()
    world.gate.close(*MOMENTS["install"])
    train = world.start("train", "--fix", "--yes", "--force", "--", "--instance_data_dir", "images")
    assert world.gate.reached.wait(PATIENCE)
    os.killpg(train.pid, signal.SIGINT)
    _, said = train.communicate()
    assert train.returncode == 130
    assert said.endswith("dualano-doctor: interrupted\n")
    _as_if_never_begun(world, before)
