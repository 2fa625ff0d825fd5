"""A real Slurm of this machine's own for the time of a test."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def missing(*, accounting: bool = False) -> str:
    """Why there can be no Slurm here; "" when there can."""
    if os.geteuid() != 0:
        return "Slurm's daemons are started as root"
    wanted = ["slurmctld", "slurmd", "munged", "sbatch", *(["slurmdbd", "mariadbd"] if accounting else [])]
    lacking = [name for name in wanted if not shutil.which(name)]
    return f"not installed: {', '.join(lacking)} (Debian: slurm-wlm munge)" if lacking else ""


@contextmanager
def cluster(*, accounting: bool = False, nodes: int = 2) -> Iterator[Path]:
    """The folder of a cluster that runs; SLURM_CONF leads to it inside the block."""
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    folder.chmod(0o755)
    before = os.environ.get("SLURM_CONF")
    os.environ["SLURM_CONF"] = str(folder / "slurm.conf")
    try:
        kind = "accounting" if accounting else "no"
        # Its daemons keep this pipe: nothing may wait for its end.
        try:
            subprocess.run(["bash", HERE / "up.sh", folder, kind, str(nodes)], check=True, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, timeout=120)  # fmt: skip
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            pytest.skip(f"Slurm is installed, and its daemons do not come up here: {error}")
        yield folder
    finally:
        subprocess.run(["bash", HERE / "down.sh", folder], check=False, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=120)  # fmt: skip
        shutil.rmtree(folder, ignore_errors=True)
        if before is None:
            del os.environ["SLURM_CONF"]
        else:
            os.environ["SLURM_CONF"] = before
