"""Every file that comes from strangers replaced by what is none, and the real command line set on it."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.project import (
    COMMANDS,
    ESCAPES,
    EVERY,
    FORMS,
    GROUPS,
    PLAN,
    RUN,
    SITE,
    doctor,
    gigabyte,
    held,
    lay_project,
    lay_run,
    replaced,
)


@pytest.fixture(scope="module")
def pattern(tmp_path_factory) -> Path:
    """What every test gets a copy of."""
    top = tmp_path_factory.mktemp("pattern")
    lay_project(top)
    return top


@pytest.fixture
def project(pattern, tmp_path) -> Iterator[Path]:
    """A copy to break, removed at once."""
    top = tmp_path / "project"
    shutil.copytree(pattern, top, symlinks=True)
    lay_run(top)
    yield top
    shutil.rmtree(top)


@pytest.mark.parametrize("form", FORMS)
def test_every_file_at_once(project, form):
    replaced(project, tuple(name for name in EVERY if name not in GROUPS["settings"]), form)
    assert [told for line in COMMANDS if (told := held(project, *line))] == []


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("group", [name for name in GROUPS if name not in ("fixes", "runs")])
def test_one_kind_of_file(project, group, form):
    """Alone, since what is broken elsewhere can keep a file from being reached."""
    replaced(project, GROUPS[group], form)
    line = ("check", "--json") if group in ("data", "environment") else PLAN
    assert held(project, *line) == ""


@pytest.mark.parametrize("form", FORMS)
def test_each_file_of_a_run(project, form):
    """One at a time: without its run.json a run is none, and with an exit.json nothing else of it is asked."""
    for name in ("run.json", "process.json", "stop.json", "exit.json", "log", "metrics.jsonl"):
        path = project / RUN / name
        before = path.read_bytes()
        replaced(project, (f"{RUN}/{name}",), form)
        assert held(project, "status") == "", name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        path.write_bytes(before)
    assert "never came up" in doctor(project, "status")[1]


@pytest.mark.parametrize("form", FORMS)
def test_a_log_to_explain(project, form):
    log = project / RUN / "log"
    replaced(project, (f"{RUN}/log",), form)
    if form is gigabyte:
        os.truncate(log, 1 << 26)  # read to its end, a second for each 50 MB
    began = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert held(project, "explain", f"{RUN}/log", "--json") == ""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert ended.ru_utime - began.ru_utime < 20


@pytest.mark.parametrize("line", [*COMMANDS, ("explain", f"{RUN}/log")])
def test_names_and_values_that_steer_a_terminal(project, line):
    """In names of files and folders, also bytes that are no UTF-8, and in values that every reader lets through."""
    evil = ESCAPES.replace("/", "")
    for place in ("data/widget/test/scratch/x.png", "data/widget/test/x", "data/x/test/y", "checkout/x.md", "model/x",
                  "model/unet/x", "foreground/widget/scratch/x.png", "checkout/bcm-dual-interrelated_diff/x.py",
                  ".dualano/runs/x/run.json", ".dualano/fixes/x/journal.jsonl", "env/conda-meta/python-3.11-x.json",
                  f"{SITE}/x-1.0.dist-info/METADATA", f"{SITE}/~x/y"):  # fmt: skip
        for part in (os.fsencode(evil), b"\xff\xfe"):
            path = Path(os.fsdecode(os.fsencode(project / place).replace(b"/x", b"/x" + part)))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"Name: {evil}\nVersion: {evil}\n")
    index = {"_class_name": evil, "unet": [evil, evil], f"safety{evil}": ["a", "b"]}
    (project / "model/model_index.json").write_text(json.dumps(index))
    (project / "model/unet/diffusion_pytorch_model.safetensors").write_text(f"12345678{{{evil}")
    (project / "hf/accelerate/default_config.yaml").write_text(
        f"mixed_precision: {json.dumps(evil)}\ngpu_ids: [{{}}]\n"
    )
    (project / "checkout/requirements.txt").write_text(f"torch=={evil}\n{evil}==1\n-e {evil}\n--index-url {evil}\n")
    (project / "dualano.toml").write_text(f"[train]\noutput = {json.dumps(evil)}\n")
    log = f"Traceback (most recent call last):\n  File {evil}\nRuntimeError: CUDA out of memory{evil}\n"
    (project / RUN / "log").write_text(log)
    lay_run(project, output=evil, host=evil, metrics=f"{evil}\0", trainer=evil)
    assert held(project, *line, statuses=(0, 1, 3)) == ""


def test_a_header_that_would_be_a_gigabyte_of_objects(project):
    """100 MB of JSON is what the format allows; as Python's objects it would be ten times that."""
    tensors = b'"%d":{"data_offsets":[0,0]},'
    with (project / "model/unet/diffusion_pytorch_model.safetensors").open("wb") as file:
        rows = b"".join(tensors % number for number in range(1_200_000))
        header = b"{" + rows + b'"a":{"data_offsets":[0,0]}}'
        file.write(len(header).to_bytes(8, "little") + header)
    assert held(project, "check", "--json") == ""
    assert "which no model's has" in doctor(project, "check", "--json", "--only", "MODEL")[1]


def test_an_image_that_claims_four_gigapixels(project):
    image = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (65_000).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0" + bytes(60)
    for name in GROUPS["data"]:
        (project / name).write_bytes(image)
    assert held(project, "check", "--json") == ""


def _without_root() -> tuple[str, ...] | None:
    """What keeps a child from reading everything: nothing for a person, a lesser set of capabilities for root."""
    if os.geteuid() != 0:
        return ()
    before = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")
    works = (
        shutil.which("setpriv") and subprocess.run([*before, "true"], capture_output=True, check=False).returncode == 0
    )
    return before if works else None


@pytest.mark.skipif(_without_root() is None, reason="root reads everything, and setpriv is not here")
@pytest.mark.parametrize("what", ["files", "folders"])
def test_files_and_folders_that_may_not_be_read(project, what):
    names = {project / name for name in EVERY}
    closed = names if what == "files" else {path.parent for path in names} - {project / "env" / "bin", project}
    for path in sorted(closed, reverse=True):
        path.chmod(0)
    try:
        told = [held(project, *line, before=_without_root() or ()) for line in COMMANDS]
        assert list(filter(None, told)) == []
    finally:
        for path in sorted(closed):
            path.chmod(0o700)
