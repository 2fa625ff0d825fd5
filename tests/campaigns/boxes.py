"""Two boxes behind real sshd on this machine: PID and UTS namespaces of their own, one shared folder.

    python -m tests.campaigns.boxes

Twelve jobs over ssh: a supervisor killed, one stopped past its lease, a whole box gone (its sshd and all its
processes), the head killed. Everything must be committed once, with the bytes of an undisturbed run.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dualano_setup.campaigns import claims
from dualano_setup.campaigns.state import DONE, snapshot
from dualano_setup.settings.campaign import CampaignSettings
from tests.campaigns.kills import Battle, battle, faults, weights_of
from tests.campaigns.world import data_set, stub_plan

SSHD = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/key.pub
PermitRootLogin yes
StrictModes no
UsePAM no
PidFile {folder}/sshd-{name}.pid
SetEnv TMPDIR={folder}/tmp-{name}
"""


def missing() -> str:
    """Why there can be no boxes here; "" when there can."""
    if os.geteuid() != 0:
        return "namespaces and sshd are made as root"
    lacking = [name for name in ("/usr/sbin/sshd", "unshare", "ssh") if not shutil.which(name)]
    return f"not installed: {', '.join(lacking)} (Debian: openssh-server)" if lacking else ""


class Boxes:
    """Boxes by name, and the folder that holds an `ssh` which knows them."""

    def __init__(self, folder: Path, names: tuple[str, ...]) -> None:
        self.folder, self.names = folder, names
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        Path("/run/sshd").mkdir(exist_ok=True)
        for name in ("key", "host"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
        base = random.randrange(20000, 50000)
        self.ports = {name: base + number for number, name in enumerate(names)}
        blocks = [f"Host {name}\n  HostName 127.0.0.1\n  Port {port}\n" for name, port in self.ports.items()]
        common = (
            f"  User root\n  IdentityFile {folder}/key\n  StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n"
        )
        (folder / "config").write_text("".join(block + common for block in blocks))
        (folder / "bin").mkdir()
        (folder / "bin/ssh").write_text(f'#!/bin/sh\nexec /usr/bin/ssh -q -F {folder}/config "$@"\n')
        (folder / "bin/ssh").chmod(0o755)
        for name in names:
            self.start(name)

    def start(self, name: str) -> None:
        (self.folder / f"tmp-{name}").mkdir(exist_ok=True)  # where a machine's locks are
        (self.folder / f"sshd-{name}").write_text(SSHD.format(port=self.ports[name], folder=self.folder, name=name))
        line = f"hostname {name}; exec /usr/sbin/sshd -D -f {self.folder}/sshd-{name}"
        command = ["unshare", "--pid", "--uts", "--fork", "--mount-proc", "--kill-child", "sh", "-c", line]
        self.processes[name] = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            if subprocess.run([self.folder / "bin/ssh", name, "true"], check=False).returncode == 0:
                return
            time.sleep(0.1)
        raise TimeoutError(name)

    def crash(self, name: str) -> None:
        """The box goes down: the first process of its namespace, and with it all others."""
        self.processes[name].kill()
        self.processes[name].wait()

    def run(self, name: str, line: str) -> str:
        return subprocess.run([self.folder / "bin/ssh", name, line], check=False, capture_output=True, text=True).stdout


@contextmanager
def boxes(*names: str) -> Iterator[Boxes]:
    """Boxes for the time of a block; `ssh` reaches them inside it."""
    folder = Path(tempfile.mkdtemp(prefix="boxes-"))
    before = os.environ["PATH"]
    made = None
    try:
        made = Boxes(folder, names)
        os.environ["PATH"] = f"{folder}/bin:{before}"
        yield made
    finally:
        os.environ["PATH"] = before
        for name in made.processes if made else ():
            made.crash(name)
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    if why := missing():
        print(f"skipped: {why}")
        return 0
    folder = Path(tempfile.mkdtemp(prefix="shared-"))
    data_set(folder / "data", {f"c{number}": ("a", "b", "c") for number in range(4)})
    (folder / "model").mkdir()
    os.environ |= {"STUB_STEPS": "20", "STUB_SECONDS": "1"}
    draw, began = random.Random(1), time.monotonic()
    calm = battle(folder, "calm", 0, draw, lease=60, workers=4, pause=0.5)
    expected = weights_of(calm.root, calm.plan)
    with boxes("one", "two") as made:
        campaign = CampaignSettings(name="storm", executor="ssh", hosts=("one:0,1", "two:0,1"), lease=8, retries=20)
        root, plan = stub_plan(folder, campaign, variables={"STUB_STEPS": "20", "STUB_SECONDS": "8"})
        fought = Battle(folder, root, plan, draw, 8)
        fought.start_head()
        until(lambda: len(holders(root, plan)) >= 4)
        print(f"{time.monotonic() - began:5.0f} s  running on {sorted(holders(root, plan).values())}", flush=True)
        job, host = next(iter(holders(root, plan).items()))
        pid = claims.newest(root / "jobs" / job).holder().pid
        made.run(host, f"kill -9 {pid}")
        print(f"{time.monotonic() - began:5.0f} s  supervisor of {job} killed on {host}", flush=True)
        time.sleep(3)
        job, host = next((job, host) for job, host in holders(root, plan).items() if host == "one")
        pid = claims.newest(root / "jobs" / job).holder().pid
        made.run(host, f"kill -STOP {pid}")
        print(f"{time.monotonic() - began:5.0f} s  supervisor of {job} stopped on {host}", flush=True)
        time.sleep(14)
        made.run(host, f"kill -CONT {pid}")
        fought.heads[-1].send_signal(signal.SIGKILL)
        fought.heads[-1].wait()
        print(f"{time.monotonic() - began:5.0f} s  head killed, the stopped one awake", flush=True)
        time.sleep(2)
        fought.start_head()
        time.sleep(4)
        made.crash("two")
        print(f"{time.monotonic() - began:5.0f} s  box two down", flush=True)
        time.sleep(20)
        made.start("two")
        print(f"{time.monotonic() - began:5.0f} s  box two back", flush=True)
        until(lambda: all(row.state == DONE for row in snapshot(root, plan)), 400)
        fought.heads[-1].wait(60)
        wrong = faults(root, plan, expected)
        left = [name for name in made.names if "campaigns.supervise" in made.run(name, "ps -eo args")]
        wrong += [f"left on {name}" for name in left]
    print((root / "heads.log").read_text()[-1500:])
    print(f"{time.monotonic() - began:5.0f} s  {'; '.join(wrong) or 'all committed once, weights equal, nothing left'}")
    if not wrong:
        shutil.rmtree(folder)
    return 1 if wrong else 0


def holders(root: Path, plan) -> dict[str, str]:
    """Who works on what: by job, the box."""
    found = {}
    for job in plan.jobs:
        claim = claims.newest(root / "jobs" / job.id)
        if claim and claim.state() == "live" and (holder := claim.holder()):
            found[job.id] = holder.host
    return found


def until(condition, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.5)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
