"""The collector: everything at once, nothing fatal, and an end in time whatever hangs."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import pytest

from dualano_setup.facts.collect import collect
from dualano_setup.facts.fact import Absent, Known, Unknown
from dualano_setup.facts.probing import Patience, run_probes
from dualano_setup.settings.options import Settings
from tests.places import PATIENCE, ROOT
from tests.worlds.site_packages import lay, lay_environment


def run(probes, deadline=PATIENCE):
    began = time.monotonic()
    return run_probes(probes, began + deadline, deadline), time.monotonic() - began


def test_probes_run_side_by_side():
    together = threading.Barrier(8)

    def meet():
        together.wait(PATIENCE)  # ends only when all eight are in it
        return Known(1)

    facts, _ = run({str(number): meet for number in range(8)})
    assert all(fact == Known(1) for fact in facts.values())


def test_a_crash_costs_one_fact():
    def crash():
        raise ZeroDivisionError("inside")

    facts, _ = run({"good": lambda: Known(1), "bad": crash})
    assert facts["good"] == Known(1)
    assert isinstance(facts["bad"], Unknown)
    assert "ZeroDivisionError: inside" in facts["bad"].reason


def test_a_hang_is_abandoned_at_the_deadline_and_stays_abandoned():
    released, ended = threading.Event(), []

    def hang():
        released.wait()
        ended.append(1)
        return Known("too late")

    facts, seconds = run({"good": lambda: Known(1), "hang": hang, "other": hang}, deadline=0.4)
    assert seconds < PATIENCE
    assert facts["hang"] == Unknown("no answer within 0.4 s")
    released.set()
    while len(ended) < 2:
        time.sleep(0.01)
    time.sleep(0.05)
    assert facts["hang"] == Unknown("no answer within 0.4 s")


def test_a_slow_disk_that_still_answers_is_waited_for():
    count = [0]

    def slow():
        for _ in range(6):
            time.sleep(0.1)
            count[0] += 1
        return Known("at last")

    def hang():
        time.sleep(5)

    began = time.monotonic()
    patience = Patience(lambda: count[0], 0.3, began + 4)
    facts = run_probes({"slow": slow, "hang": hang}, began + 0.2, 0.2, patience)
    assert facts["slow"] == Known("at last")
    assert isinstance(facts["hang"], Unknown)
    assert time.monotonic() - began < 2, "once nothing moves any more, it ends"


def test_patience_has_an_end():
    count = [0]

    def endless():
        for _ in range(40):
            time.sleep(0.1)
            count[0] += 1
        return Known("too late")

    began = time.monotonic()
    facts = run_probes({"endless": endless}, began + 0.1, 0.1, Patience(lambda: count[0], 0.3, began + 0.8))
    assert isinstance(facts["endless"], Unknown)
    assert time.monotonic() - began < 2


def test_everything_is_looked_at(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    site = lay_environment(tmp_path / "env", {}, python="3.10.13", builds={})
    source = b"class BaseConfig:\n    mixed_precision: str\n"
    lay(site, "accelerate", "0.24.1", files={"accelerate/commands/config/config_args.py": source})
    sheet = collect(Settings(project=tmp_path, env=tmp_path / "env", data=tmp_path, model=tmp_path / "model"))
    for name in ("machine", "gpus", "environment", "installers", "accelerate", "dataset", "model"):
        fact = getattr(sheet, name)
        assert isinstance(fact, Known), f"{name}: {fact}"
    assert isinstance(sheet.accelerate, Known)
    assert sheet.accelerate.value.version == "0.24.1", "accelerate is looked for in the training environment"
    assert isinstance(sheet.checkout, Absent)
    assert isinstance(sheet.network, Absent)


@pytest.fixture
def hanging_driver(tmp_path, monkeypatch):
    """An nvidia-smi that ignores every polite request and never answers."""
    tool = tmp_path / "bin/nvidia-smi"
    tool.parent.mkdir()
    tool.write_text(
        f"#!{sys.executable} -IS\nimport signal, time\nsignal.signal(15, signal.SIG_IGN)\ntime.sleep(120)\n"
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")


def test_a_hanging_driver_is_unknown_within_the_deadline(tmp_path, hanging_driver):
    began = time.monotonic()
    sheet = collect(Settings(project=tmp_path), deadline=1.5)
    assert time.monotonic() - began < 60  # the driver sleeps twice as long
    assert isinstance(sheet.gpus, Unknown)
    assert "nvidia-smi gave no answer within" in sheet.gpus.reason
    assert isinstance(sheet.machine, Known)


def test_the_process_ends_although_a_probe_never_does(tmp_path):
    program = (
        "import time, sys\n"
        "from dualano_setup.facts.probing import Patience, run_probes\n"
        "run_probes({'stuck': lambda: time.sleep(120)}, time.monotonic() + 0.2, 0.2)\n"
    )
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", program], check=True)
    assert time.monotonic() - began < 60


def test_looking_imports_none_of_the_slow_modules(tmp_path):
    """Each of these costs more than looking itself; the torch stack costs seconds."""
    lay_environment(tmp_path / "env", {"torch": "2.2.0"}, python="3.10.13", builds={})
    slow = ("torch", "importlib.metadata", "email.parser", "concurrent.futures", "psutil", "requests", "rich", "yaml")
    program = (
        "import sys\nfrom pathlib import Path\n"
        "from dualano_setup.settings.options import Settings\nfrom dualano_setup.facts.collect import collect\n"
        f"collect(Settings(project=Path({str(tmp_path)!r}), env=Path({str(tmp_path / 'env')!r})))\n"
        f"print([name for name in {slow!r} if name in sys.modules])"
    )
    root = str(ROOT)
    variables = {"PATH": "", "HOME": str(tmp_path), "PYTHONPATH": root}
    told = subprocess.run(
        [sys.executable, "-S", "-c", program], env=variables, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "[]"
