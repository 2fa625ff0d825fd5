from dataclasses import replace

from dualano_setup.facts.fact import Absent, Unknown
from dualano_setup.facts.sheet import BaseModel, Disk
from tests.rules.hand_made import GIB, MACHINE, SETTINGS, rows, sheet, statuses


def machine(**changes):
    return sheet(machine=replace(MACHINE, **changes))


def test_healthy_machine_is_silent():
    for rule in ("SYS001", "SYS002", "SYS003", "SYS004", "SYS005"):
        assert statuses(rule) == ["ok"]


def test_unknown_machine_is_unknown_and_unasked_is_skipped():
    for rule in ("SYS001", "SYS002", "SYS003", "SYS004", "SYS005"):
        assert statuses(rule, sheet(machine=Unknown("timed out"))) == ["unknown"]
        assert statuses(rule, sheet(machine=Absent("not asked"))) == ["skip"]


def test_windows_is_told_about_wsl2_and_wsl2_is_linux():
    (row,) = rows("SYS001", machine(system="Windows", distribution="Windows 11"))
    assert (row.status, "WSL2" in row.cure, row.repairable) == ("fail", True, False)
    assert statuses("SYS001", machine(wsl=True)) == ["ok"]


def test_ram_below_the_need_fails_and_below_the_guide_informs():
    assert statuses("SYS002", machine(ram_total=8 * GIB)) == ["fail"]
    assert statuses("SYS002", machine(ram_total=16 * GIB)) == ["info"]
    assert statuses("SYS002", machine(ram_total=31 * GIB)) == ["ok"]  # what "32 GB" shows as
    assert statuses("SYS002", machine(ram_total=4 * GIB), profile="cpu") == ["ok"]
    assert statuses("SYS002", machine(ram_total=2 * GIB), profile="cpu") == ["fail"]


def disks(*free, mounts=("/srv", "/srv", "/srv")):
    parts = zip(MACHINE.disks, free, mounts, strict=True)
    return replace(MACHINE, disks=tuple(replace(disk, free=f, mount=m) for disk, f, m in parts))


def test_disk_needs_add_up_on_one_file_system():
    missing = Absent("no environment")
    # 5.8 GB environment + 10 checkpoints of 1.83 GB = 24.1 GB = 22.4 GiB
    assert statuses("SYS003", sheet(machine=disks(23 * GIB, 23 * GIB, 23 * GIB), environment=missing)) == ["ok"]
    (row,) = rows("SYS003", sheet(machine=disks(20 * GIB, 20 * GIB, 20 * GIB), environment=missing))
    assert row.status == "fail"
    assert row.subject == "/srv"
    assert "the environment" in row.detail
    assert "10 checkpoints" in row.detail


def test_each_file_system_is_judged_for_itself():
    absent_model = BaseModel("/srv/model", exists=False)
    mounts = ("/env", "/out", "/model")
    facts = sheet(machine=disks(GIB, 30 * GIB, 2 * GIB, mounts=mounts), model=absent_model, environment=Absent("none"))
    assert {row.subject for row in rows("SYS003", facts)} == {"/env", "/model"}


def test_an_environment_that_is_there_needs_no_more_room():
    assert statuses("SYS003", sheet(machine=disks(GIB, 30 * GIB, GIB, mounts=("/env", "/out", "/model")))) == ["ok"]


def test_fewer_steps_need_less_disk():
    small = sheet(machine=disks(4 * GIB, 4 * GIB, 4 * GIB))
    assert statuses("SYS003", small) == ["fail"]
    assert statuses("SYS003", small, settings=replace(SETTINGS, steps=1000)) == ["ok"]


def test_small_shm_warns():
    (row,) = rows("SYS004", machine(shm_total=64 * 1024**2, container=True))
    assert row.status == "warn"
    assert "64 MiB" in row.title
    assert "--shm-size" in row.cure
    assert statuses("SYS004", machine(shm_total=None)) == ["ok"]


def test_a_c_library_that_the_packages_were_not_built_for():
    assert statuses("SYS001", machine(libc="glibc 2.17")) == ["ok"]  # torch 2.2 asks for no more
    (row,) = rows("SYS001", machine(libc="glibc 2.17"), profile="modern")
    assert "2.28" in row.detail
    assert statuses("SYS001", machine(libc="glibc 2.28"), profile="modern") == ["ok"]
    assert statuses("SYS001", machine(libc=""), profile="modern") == ["ok"]
    assert statuses("SYS001", machine(libc="musl")) == ["fail"]


def test_folders_that_cannot_be_written():
    def without(purpose):
        names = ("cache", "checkpoints", "data")
        return machine(disks=tuple(Disk(name, "/x", "/x", 99 * GIB, 99 * GIB, name != purpose) for name in names))

    assert statuses("SYS005", without("checkpoints")) == ["fail"]
    assert statuses("SYS005", without("cache")) == ["warn"]
    assert statuses("SYS005", without("data")) == ["ok"]
