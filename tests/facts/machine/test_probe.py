"""The machine probe on fabricated /proc, /sys and /etc trees, and once on the real one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dualano_setup.facts.fact import Known, Unknown
from dualano_setup.facts.machine.probe import disks, probe
from dualano_setup.settings.options import Settings

GIB = 1 << 30
MEMINFO = f"MemTotal: {64 << 20} kB\nMemFree: 100 kB\nMemAvailable: {40 << 20} kB\n"


@pytest.fixture
def root(tmp_path):
    write(tmp_path / "root", "proc/meminfo", MEMINFO)
    return tmp_path / "root"


def write(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def look(root: Path, **variables: str):
    fact = probe(Settings(project=root), root=root, variables={"HOME": str(root), **variables})
    assert isinstance(fact, Known), fact
    return fact.value


def test_memory_without_any_limit(root):
    seen = look(root)
    assert (seen.ram_total, seen.ram_available) == (64 * GIB, 40 * GIB)


def test_an_old_kernel_without_memavailable(root):
    write(root, "proc/meminfo", "MemTotal: 2048 kB\nMemFree: 100 kB\nCached: 50 kB\nodd line\n")
    assert look(root).ram_available == 150 * 1024


def test_a_cgroup2_limit_of_a_parent_group_counts_and_cache_is_free(root):
    write(root, "proc/self/cgroup", "0::/kubepods/pod1/main\n")
    write(root, "sys/fs/cgroup/kubepods/pod1/main/memory.max", "max\n")
    write(root, "sys/fs/cgroup/kubepods/pod1/memory.max", str(8 * GIB))
    write(root, "sys/fs/cgroup/kubepods/pod1/memory.current", str(3 * GIB))
    write(root, "sys/fs/cgroup/kubepods/pod1/memory.stat", f"anon 5\ninactive_file {GIB}\n")
    seen = look(root)
    assert (seen.ram_total, seen.ram_available) == (8 * GIB, 6 * GIB)


def test_a_cgroup1_limit_and_its_way_of_saying_none(root):
    write(root, "proc/self/cgroup", "5:cpu,cpuacct:/x\n9:memory:/docker/abc\n")
    write(root, "sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", str(9223372036854771712))
    assert look(root).ram_total == 64 * GIB
    write(root, "sys/fs/cgroup/memory/memory.limit_in_bytes", str(16 * GIB))
    write(root, "sys/fs/cgroup/memory/memory.usage_in_bytes", str(20 * GIB))
    seen = look(root)
    assert (seen.ram_total, seen.ram_available) == (16 * GIB, 0)


def test_no_meminfo_is_unknown_not_zero(tmp_path):
    assert isinstance(probe(Settings(project=tmp_path), root=tmp_path, variables={"HOME": "/"}), Unknown)


def test_the_distribution_is_read_from_os_release(root):
    write(root, "etc/os-release", 'NAME="Ubuntu"\nPRETTY_NAME="Ubuntu 22.04.5 LTS"\n')
    assert look(root).distribution == "Ubuntu 22.04.5 LTS"


def test_musl_is_recognised(root):
    write(root, "lib/ld-musl-x86_64.so.1", "")
    assert look(root).libc == "musl"


@pytest.mark.parametrize("sign", [".dockerenv", "run/.containerenv", "proc/1/cgroup"])
def test_containers_are_recognised(root, sign):
    assert not look(root).container
    write(root, sign, "0::/kubepods/burstable/pod1\n")
    assert look(root).container


def test_containers_and_wsl_by_variables(root):
    assert look(root, KUBERNETES_SERVICE_HOST="10.0.0.1").container
    assert look(root, WSL_DISTRO_NAME="Ubuntu").wsl


def test_disks_are_measured_at_the_nearest_folder_that_exists(tmp_path):
    settings = Settings(project=tmp_path, model=tmp_path / "not/yet/here", data=tmp_path)
    found = {disk.purpose: disk for disk in disks(settings, {"HOME": str(tmp_path), "TMPDIR": "/dev/shm"})}
    assert set(found) == {"environment", "checkpoints", "model", "data", "temporary", "cache"}
    assert found["model"].path == str(tmp_path / "not/yet/here")
    assert found["model"].total == found["data"].total > 0
    assert found["model"].mount == found["data"].mount
    assert os.path.ismount(found["model"].mount)
    assert found["temporary"].mount == "/dev/shm"


def test_data_without_a_place_has_no_disk(tmp_path):
    assert "data" not in {disk.purpose for disk in disks(Settings(project=tmp_path), {"HOME": str(tmp_path)})}


def test_this_machine(tmp_path):
    fact = probe(Settings(project=tmp_path))
    assert isinstance(fact, Known)
    assert fact.value.system == os.uname().sysname
    assert fact.value.cpus >= 1
    assert 0 < fact.value.ram_available <= fact.value.ram_total
    assert fact.value.root == (os.geteuid() == 0)
