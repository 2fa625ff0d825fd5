from dataclasses import replace

import pytest

from dualano_setup.facts.fact import Absent, Unknown
from dualano_setup.facts.sheet import Leak
from tests.rules.hand_made import environment, rows, sheet, statuses

PACKAGES = [f"PKG{number:03}" for number in range(1, 13)]


def env(**changes):
    return sheet(environment=environment(**changes))


def test_healthy_environment_is_silent():
    for rule in ("PY001", "PY002", "PY003", "PY004"):
        assert statuses(rule) == ["ok"]


@pytest.mark.parametrize(
    ("python", "status"), [("3.9.18", "fail"), ("3.10.0", "ok"), ("3.11.7", "ok"), ("3.12.1", "fail")]
)
def test_python_range_of_the_guide(python, status):
    assert statuses("PY001", sheet(environment=_with(python))) == [status]


def _with(python):
    return replace(environment(), python=python)


def test_python_3_13_names_the_guides_error_and_folds_the_packages():
    facts = sheet(environment=_with("3.13.0"))
    (row,) = rows("PY001", facts)
    assert "ImpImporter" in row.detail
    assert row.repairable
    for rule in PACKAGES:
        (package,) = rows(rule, facts)
        assert (package.status, package.caused_by) == ("skip", "PY001")


def test_the_cpu_profile_takes_3_13():
    assert statuses("PY001", sheet(environment=_with("3.13.0")), profile="cpu") == ["ok"]


def test_python_that_nothing_tells_is_unknown():
    assert statuses("PY001", sheet(environment=_with(None))) == ["unknown"]


def test_no_environment_is_one_finding_and_everything_else_waits():
    facts = sheet(environment=Absent("no training environment yet: /project/.dualano/env", "default"))
    (row,) = rows("PY002", facts)
    assert (row.status, row.repairable) == ("fail", True)
    assert "/project/.dualano/env" in row.detail
    for rule in ("PY001", "PY003", "PY004", *PACKAGES):
        (other,) = rows(rule, facts)
        assert (other.status, other.caused_by) == ("skip", "PY002")


def test_environment_that_could_not_be_read_is_unknown():
    facts = sheet(environment=Unknown("permission denied"))
    for rule in ("PY001", "PY002", "PY003", "PY004", "PKG001"):
        assert statuses(rule, facts) == ["unknown"]


@pytest.mark.parametrize("kind", ["user-site", "pythonpath", "pth"])
def test_leaks_that_shadow_block_and_are_the_users_to_close(kind):
    (row,) = rows("PY003", env(leaks=(Leak(kind, "/home/u/x", ("numpy", "torch")),)))
    assert (row.status, row.repairable) == ("fail", False)
    assert "numpy, torch" in row.detail


@pytest.mark.parametrize("kind", ["system-site", "conda-base"])
def test_the_bases_packages_can_be_shut_out(kind):
    (row,) = rows("PY003", env(system_site=True, leaks=(Leak(kind, "/usr/lib/python3/dist-packages", ("numpy",)),)))
    assert (row.status, row.repairable) == ("fail", True)


def test_harmless_leaks_inform_only_but_system_site_warns():
    assert statuses("PY003", env(leaks=(Leak("pythonpath", "/opt/tools"),))) == ["info"]
    assert statuses("PY003", env(system_site=True)) == ["warn"]
    assert statuses("PY003", env(system_site=True, leaks=(Leak("system-site", "/usr/lib"),))) == ["warn"]


def test_broken_environments_fold_everything_inside():
    facts = env(interpreter_ok=False)
    (row,) = rows("PY004", facts)
    assert row.status == "fail"
    assert "/env/bin/python" in row.detail
    assert rows("PKG002", facts)[0].caused_by == "PY004"
    (row,) = rows("PY004", env(problems=("pyvenv.cfg cannot be read",)))
    assert "pyvenv.cfg" in row.detail
