"""What `nvidia-smi` would print on a machine with these GPUs: `python fake_smi.py FACTS.json ARGUMENTS...`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def answer(facts: dict[str, Any], arguments: list[str]) -> tuple[str, int]:
    """(what is printed, the exit status) for one command line."""
    if facts["says"]:
        return facts["says"] + "\n", 18
    for argument in arguments:
        name, _, fields = argument.partition("=")
        if name in ("--query-gpu", "--query-compute-apps"):
            rows = facts["gpus"] if name == "--query-gpu" else facts["processes"]
            return _table(rows, fields.split(","), "".join(arguments)), 0
    if "-L" in arguments:
        return "".join(f"GPU {gpu['index']}: {gpu['name']} (UUID: {gpu['uuid']})\n" for gpu in facts["gpus"]), 0
    return f"NVIDIA-SMI {facts['driver']}  Driver Version: {facts['driver']}  CUDA Version: {facts['cuda']}\n", 0


def _table(rows: list[dict[str, Any]], fields: list[str], arguments: str) -> str:
    units = "" if "nounits" in arguments else " MiB"
    lines = [] if "noheader" in arguments else [", ".join(fields)]
    for row in rows:
        values = ((field, row.get(field, "[N/A]")) for field in fields)
        lines.append(", ".join(f"{value}{units}" if "memory" in field else str(value) for field, value in values))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    text, status = answer(json.loads(Path(sys.argv[1]).read_text()), sys.argv[2:])
    sys.stdout.write(text)
    sys.exit(status)
