"""The GPU probe against fabricated kernel files and stand-in programs on PATH: present, absent, odd, hanging."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from dualano_setup.facts.fact import Known, Unknown
from dualano_setup.facts.machine import gpus, kernel_gpus
from dualano_setup.facts.machine.gpus import probe
from dualano_setup.facts.machine.nvidia_smi import ask_nvidia_smi
from dualano_setup.facts.sheet import Gpus
from dualano_setup.settings.options import Settings

MIB = 1 << 20
A4500 = "0, NVIDIA RTX A4500, GPU-aa, 535.183.01, 20470, 512, 8.6"
SECOND = "1, NVIDIA GeForce GTX 1080 Ti, GPU-bb, 535.183.01, 11264, [N/A], 6.1"

SMI = """#!{python} -IS
import sys, time
query = " ".join(sys.argv[1:])
{body}
"""


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


class Machine:
    """A root folder and a PATH of its own; nothing of the real machine shows through."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.bin = folder / "bin"
        self.root.mkdir()
        self.bin.mkdir()
        self.settings = Settings(project=folder)

    def write(self, path: str, text: str) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def smi(self, body: str, folder: Path | None = None) -> None:
        script = (folder or self.bin) / "nvidia-smi"
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(SMI.format(python=sys.executable, body=body))
        script.chmod(0o755)

    def answer(self, gpu_rows: str, process_rows: str = "", cuda: str = "12.2") -> None:
        self.smi(
            f"if 'query-gpu' in query: sys.stdout.buffer.write({gpu_rows!r}.encode('latin-1') + b'\\n')\n"
            f"elif 'query-compute' in query: print({process_rows!r})\n"
            f"else: print('CUDA Version  : {cuda}')"
        )

    def driver(self, version: str = "535.183.01", model: str = "NVIDIA RTX A4500") -> None:
        self.write("sys/module/nvidia/version", version + "\n")
        self.write("proc/driver/nvidia/gpus/0000:01:00.0/information", f"Model: \t\t {model}\nGPU UUID: \t GPU-aa\n")

    def look(self, deadline: float = 10.0, **variables: str):
        variables = {"PATH": str(self.bin), **variables}
        return probe(self.settings, root=self.root, variables=variables, deadline=deadline)


def known(fact) -> Gpus:
    assert isinstance(fact, Known), fact
    return fact.value


def test_no_driver_and_no_tool_is_no_gpu_at_once(machine):
    began = time.process_time()
    seen = known(machine.look())
    assert time.process_time() - began < 0.1
    assert (seen.driver, seen.devices, seen.via, seen.note) == (None, (), "kernel files", "")


def test_a_card_without_driver_is_noted(machine):
    for address, vendor, kind in (
        ("01", "0x10de", "0x030000"),
        ("02", "0x10de", "0x040300"),
        ("03", "0x8086", "0x030000"),
    ):
        machine.write(f"sys/bus/pci/devices/0000:{address}:00.0/vendor", vendor + "\n")
        machine.write(f"sys/bus/pci/devices/0000:{address}:00.0/class", kind + "\n")
    seen = known(machine.look())
    assert seen.devices == ()
    assert seen.note == "a GPU without its driver: 0000:01:00.0"


def test_two_gpus_with_everything_nvidia_smi_knows(machine):
    machine.answer(f"{A4500}\n{SECOND}", "GPU-bb, 4242, /usr/bin/python, 1024\nGPU-bb, 7, odd, name, [N/A]")
    seen = known(machine.look())
    assert (seen.driver, seen.cuda, seen.via) == ("535.183.01", "12.2", "nvidia-smi")
    first, second = seen.devices
    assert (first.name, first.memory_total, first.memory_used) == ("NVIDIA RTX A4500", 20470 * MIB, 512 * MIB)
    assert first.compute_capability == (8, 6)
    assert (second.index, second.memory_used, second.compute_capability) == (1, None, (6, 1))
    assert [(p.pid, p.name, p.memory) for p in second.processes] == [
        (4242, "/usr/bin/python", 1024 * MIB),
        (7, "odd, name", None),
    ]


def test_missing_values_are_none_not_zero(machine):
    machine.answer("0, NVIDIA Thor, [Unknown Error], 580.00, [N/A], [Not Supported], [N/A]")
    (device,) = known(machine.look()).devices
    assert (device.memory_total, device.memory_used, device.compute_capability, device.uuid) == (None, None, None, "")


def test_bytes_that_are_not_utf8_do_not_hurt(machine):
    machine.answer("0, NVIDIA \xe9\xff RTX, GPU-aa, 535.1, 20470, 5, 8.6")
    (device,) = known(machine.look()).devices
    assert device.name.startswith("NVIDIA ")


def test_an_old_driver_is_asked_again_without_compute_cap(machine):
    machine.smi(
        "if 'compute_cap' in query:\n"
        "    print('Field \"compute_cap\" is not a valid field to query.'); sys.exit(2)\n"
        "if 'query-gpu' in query: print('0, Tesla K80, GPU-aa, 450.80.02, 11441, 0')"
    )
    seen = known(machine.look())
    assert (seen.driver, seen.devices[0].compute_capability, seen.cuda) == ("450.80.02", None, None)


def test_a_tool_without_driver_is_no_gpu_and_says_why(machine):
    machine.smi('print("NVIDIA-SMI has failed because it couldn\'t communicate with the NVIDIA driver."); sys.exit(9)')
    seen = known(machine.look())
    assert seen.devices == ()
    assert "couldn't communicate" in seen.note


def test_a_tool_that_cannot_be_started_falls_back_to_the_kernel(machine):
    machine.driver()
    (machine.bin / "nvidia-smi").write_bytes(b"\x7fELF not really")
    (machine.bin / "nvidia-smi").chmod(0o755)
    seen = known(machine.look())
    assert (seen.driver, seen.via) == ("535.183.01", "kernel files")
    assert [device.name for device in seen.devices] == ["NVIDIA RTX A4500"]
    assert "cannot be started" in seen.note


def test_the_driver_version_of_proc_is_read_too(machine):
    machine.write(
        "proc/driver/nvidia/version",
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  535.183.01  Release Build\nGCC version: 12.2.0\n",
    )
    assert known(machine.look()).driver == "535.183.01"


@pytest.mark.parametrize("driver", [False, True])
def test_a_hang_is_unknown_and_ends_within_the_deadline(machine, driver):
    machine.smi("time.sleep(60)")
    if driver:
        machine.driver()
    began = time.perf_counter()
    fact = machine.look(deadline=1.0)
    assert time.perf_counter() - began < 45  # the tool sleeps for a minute
    assert isinstance(fact, Unknown)
    assert "no answer within" in fact.reason
    assert ("NVIDIA RTX A4500" in fact.reason) is driver


def test_a_hung_tool_is_ended_with_everything_it_started(machine, tmp_path):
    machine.smi(
        "import subprocess\n"
        f"child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(child.pid)); time.sleep(60)"
    )
    assert isinstance(machine.look(deadline=1.5), Unknown)
    pid = int((tmp_path / "pid").read_text())
    end = time.monotonic() + 5
    while _runs(pid) and time.monotonic() < end:
        time.sleep(0.05)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("text", "expected"), [("", ()), ("0", ("0",)), ("1, GPU-aa", ("1", "GPU-aa")), ("-1", ("-1",))]
)
def test_cuda_visible_devices_is_split(machine, text, expected):
    assert known(machine.look(CUDA_VISIBLE_DEVICES=text)).visible == expected
    assert known(machine.look()).visible is None


def test_wsl_keeps_its_tool_off_the_path(machine):
    machine.smi("print('0, NVIDIA RTX A4500, GPU-aa, 535.183.01, 20470, 512, 8.6')", machine.root / "usr/lib/wsl/lib")
    assert [device.name for device in known(machine.look()).devices] == ["NVIDIA RTX A4500"]


def test_a_driver_without_the_tool_is_told_by_the_kernel_alone(machine):
    machine.driver()
    seen = known(machine.look())
    assert (seen.driver, seen.via, seen.devices[0].memory_total) == ("535.183.01", "kernel files", None)
    assert "nvidia-smi" in seen.note


def test_nonsense_from_the_tool_is_not_taken_for_no_gpu(machine):
    machine.smi("print('Segmentation-like words')")
    outcome = ask_nvidia_smi(str(machine.bin / "nvidia-smi"), time.monotonic() + 5, {})
    assert not isinstance(outcome, Gpus)
    assert "do not know" in outcome.error


@pytest.mark.skipif(not Path("/sys/module/nvidia").exists(), reason="needs a real NVIDIA driver")
def test_the_real_driver_tells_the_same_by_the_kernel_and_by_nvidia_smi(tmp_path):
    seen = known(gpus.probe(Settings(project=tmp_path)))
    by_kernel = kernel_gpus.read(Path("/"))
    assert seen.via == "nvidia-smi"
    assert seen.driver == by_kernel.driver
    assert [(d.name, d.uuid) for d in seen.devices] == [(d.name, d.uuid) for d in by_kernel.devices]
    assert all(d.memory_total and d.compute_capability for d in seen.devices)
