"""Times `dualano-doctor check` and `--help` as whole processes beside the tools people use today.

    python benchmarks/doctor/run.py --env /path/to/training/env [--runs 15]

Every command is run in turn, round after round, so that a machine whose speed drifts slows them all alike; the table
gives medians and how many times slower each peer is. cuda-doctor and env-doctor (PyPI) import torch in their own
process, so they are installed into a folder beside the environment's packages and run with its Python.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

PEERS_FROM_INDEX = ("cuda-doctor", "env-doctor")


def commands(env: Path, project: Path, peers: Path | None) -> dict[str, list[str]]:
    """Name -> argument list of everything that is timed."""
    doctor = str(Path(sysconfig.get_path("scripts")) / "dualano-doctor")
    python = str(env / "bin" / "python")
    rows = {
        "dualano-doctor check": [doctor, "check", "--env", str(env), "--offline"],
        "dualano-doctor check --json": [doctor, "check", "--json", "--env", str(env), "--offline"],
        "dualano-doctor --help": [doctor, "--help"],
        "python -c pass": [sys.executable, "-c", "pass"],
        "torch.utils.collect_env": [python, "-m", "torch.utils.collect_env"],
        "accelerate env": [python, "-m", "accelerate.commands.accelerate_cli", "env"],
    }
    if peers:
        rows["cuda-doctor"] = [python, "-c", "import sys; from cuda_doctor.cli import main; sys.exit(main())"]
        rows["env-doctor check --json"] = [
            python,
            "-c",
            "import sys; sys.argv=['env-doctor','check','--json']; from env_doctor.cli import main; sys.exit(main())",
        ]
    return rows


def install_peers(folder: Path, python: Path) -> Path | None:
    """The two index peers in one folder, or None when they cannot be had; says so."""
    call = ["uv", "pip", "install", "-q", "--python", str(python), "--target", str(folder), *PEERS_FROM_INDEX]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"without {' and '.join(PEERS_FROM_INDEX)}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    return folder


def once(argv: list[str], variables: dict[str, str], cwd: Path) -> float:
    """Wall seconds of one whole process."""
    began = time.perf_counter()
    done = subprocess.run(argv, capture_output=True, env=variables, cwd=cwd, check=False)
    seconds = time.perf_counter() - began
    # A crashed tool is no measurement: collect_env dies half way, and sooner, in an environment without pip.
    if done.returncode not in (0, 1, 3) or b"Traceback (most recent call last)" in done.stderr:
        raise SystemExit(f"{' '.join(argv)} ended with {done.returncode}: {done.stderr[-600:].decode()}")
    return seconds


def main() -> None:
    """Runs the rounds and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--env", type=Path, required=True, help="a training environment with torch and accelerate")
    parser.add_argument("--runs", type=int, default=15, help="rounds for the doctor; peers run a third of them")
    options = parser.parse_args()
    # Bytecode on, as on a user's machine; the first round warms every cache and is not counted.
    variables = {k: v for k, v in os.environ.items() if k not in ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")}
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        peers = install_peers(project / "peers", options.env / "bin" / "python")
        variables["PYTHONPATH"] = ""
        rows = commands(options.env, project, peers)
        seconds: dict[str, list[float]] = {name: [] for name in rows}
        for turn in range(options.runs + 1):
            for name, argv in rows.items():
                own = argv[0].endswith("dualano-doctor") or "pass" in argv
                if own or turn % 3 == 0:
                    extra = {"PYTHONPATH": str(peers)} if name.startswith(("cuda-", "env-")) else {}
                    spent = once(argv, {**variables, **extra}, project)
                    if turn:
                        seconds[name].append(spent)
    packages = len(list(options.env.glob("lib/python*/site-packages/*.dist-info")))
    base = statistics.median(seconds["dualano-doctor check"])
    print(f"environment with {packages} distributions, {options.runs} rounds, Python {sys.version.split()[0]}\n")
    print(f"{'command':30}{'median ms':>10}{'min':>8}{'max':>8}{'times check':>13}")
    for name, spent in seconds.items():
        median = statistics.median(spent)
        print(f"{name:30}{median * 1e3:10.0f}{min(spent) * 1e3:8.0f}{max(spent) * 1e3:8.0f}{median / base:13.1f}")


if __name__ == "__main__":
    main()
