"""What all worlds share: the miniature model and data, made once."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.miniature import miniature as make_miniature
from tests.shared import shared_folder
from tests.worlds.bench import open_bench
from tests.worlds.project import healthy


def sizes(folder: Path) -> dict[Path, tuple[int, int]]:
    """Bytes and time of change of every file."""
    return {p: (p.stat().st_size, p.stat().st_mtime_ns) for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="session")
def miniature() -> Iterator[Path]:
    """Model, data and foreground of the bundled miniature, in one folder."""
    folder = make_miniature()
    before = sizes(folder)
    yield folder
    assert sizes(folder) == before, "a world changed in place what all worlds share"


@pytest.fixture
def project(miniature, monkeypatch):
    """A healthy project, away from the tester's own variables, in a folder whose path does not say `test`."""
    for name in list(os.environ):
        if name.startswith(("ACCELERATE_", "DUALANO_", "HF_", "CONDA_", "CUDA_")) or name in (
            "VIRTUAL_ENV",
            "PYTHONPATH",
            "PYTHONUSERBASE",
            "LD_LIBRARY_PATH",
            "PMI_SIZE",
            "OMPI_COMM_WORLD_SIZE",
            "MV2_COMM_WORLD_SIZE",
            "WORLD_SIZE",
            "LOCAL_RANK",
            "XDG_CACHE_HOME",
        ):
            monkeypatch.delenv(name)
    with tempfile.TemporaryDirectory(prefix="world-", dir=shared_folder()) as folder:
        yield healthy(Path(folder) / "project", miniature, monkeypatch.setenv)


@pytest.fixture(scope="session")
def bench(tmp_path_factory, miniature):
    """Where packages and models come from, on this machine."""
    with (
        pytest.MonkeyPatch.context() as patch,
        open_bench(tmp_path_factory.mktemp("bench"), miniature, patch.setenv) as opened,
    ):
        yield opened


@pytest.fixture
def repairable(project, bench):
    """A healthy project that may use the bench."""
    bench.equip(project)
    return project
