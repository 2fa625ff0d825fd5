"""Gives the broken worlds of tests/worlds to other tools, and counts the root causes that each names.

    python benchmarks/competitors/run.py [--only PART_OF_A_NAME] [--jobs 2]

Needs the extra `test`, a package index for the peers, and a Python 3.10 on the machine (the worlds' own). Writes
RESULTS.md beside this file, unless --only narrows the run.

A world counts when a folder can hold all of it: files, variables, and an nvidia-smi that tells its GPUs. Every tool is
a process started in that folder, in the world's environment where it runs in one. It has named the root cause when a
line that it does not print about the same machine in health matches the world's `named_by`, a regular expression
written with the world for the output of any tool. That is generous: a bare listing counts where the regular
expression is satisfied with the version in it.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))

from benchmarks.competitors.tools import (  # noqa: E402
    Bench,
    prepare,
)
from tests.miniature import miniature as make_miniature  # noqa: E402
from tests.worlds.build import build  # noqa: E402
from tests.worlds.catalogue import WORLDS  # noqa: E402
from tests.worlds.world import (  # noqa: E402
    FineWorld,
    World,
)

TOOLS = (
    "dualano-doctor", "env-doctor", "cuda-doctor", "rigsolve", "torch-preflight", "uv pip check", "pip check",
    "collect_env",
)  # fmt: skip
FAMILIES = {
    "SYS": "machine", "PY": "Python, environment", "GPU": "GPU, driver", "PKG": "packages", "REQ": "requirements.txt",
    "ACC": "accelerate config", "DATA": "data set", "MODEL": "base model", "SEC": "security", "SRC": "sources",
    "NET": "network",
}  # fmt: skip
_MOMENT = re.compile(r"\d+(\.\d+)? ?ms\b|\d{4}-\d\d-\d\d[T ][\d:+.]+")


def lines_of(said: str, root: Path) -> set[str]:
    """The lines of an output, with the world's place and the time taken out."""
    return {_MOMENT.sub("", line.replace(str(root), "WORLD")).strip() for line in said.splitlines()} - {""}


def judge(world: World, bench: Bench, well: dict[tuple[str, bool], set[str]], miniature: Path) -> set[str] | None:
    """The tools that name the world's root cause; None when no folder can hold the world."""
    with tempfile.TemporaryDirectory(prefix="dualano-world-") as folder:
        laid = build(world, Path(folder) / "project", miniature)
        if laid.unseen:
            return None
        prepare(laid)
        named = set()
        for tool in TOOLS:
            new = lines_of(bench.said(tool, laid), laid.root) - well[tool, world.checkout]
            if any(re.search(world.named_by, line, re.IGNORECASE) for line in new):
                named.add(tool)
        return named


def in_health(bench: Bench, miniature: Path) -> dict[tuple[str, bool], set[str]]:
    """What each tool says of the machine before anything breaks, without a checkout and with one."""
    found = {}
    for checkout in (False, True):
        with tempfile.TemporaryDirectory(prefix="dualano-world-") as folder:
            laid = build(FineWorld("healthy", lambda project: None, "", checkout), Path(folder) / "project", miniature)
            prepare(laid)
            for tool in TOOLS:
                said = bench.said(tool, laid)
                if not said.strip() or "Traceback" in said:
                    raise SystemExit(f"{tool} does not work on the healthy machine:\n{said}")
                found[tool, checkout] = lines_of(said, laid.root)
    return found


def table(rows: dict[str, set[str]], worlds: Sequence[World]) -> str:
    """Root causes named, by kind of breakage and in all, as a Markdown table."""
    kinds = {world.name: FAMILIES[world.rule.rstrip("0123456789")] for world in worlds}
    counts = Counter(kinds[name] for name in rows)
    lines = ["| | worlds | " + " | ".join(TOOLS) + " |", "| --- | ---: |" + " ---: |" * len(TOOLS)]
    for kind, number in counts.items():
        named = [sum(tool in said for name, said in rows.items() if kinds[name] == kind) for tool in TOOLS]
        lines.append(f"| {kind} | {number} | " + " | ".join(map(str, named)) + " |")
    totals = [sum(tool in said for said in rows.values()) for tool in TOOLS]
    lines.append(f"| **all** | **{len(rows)}** | " + " | ".join(f"**{total}**" for total in totals) + " |")
    return "\n".join(lines)


def results(rows: dict[str, set[str]], unseen: Iterable[str], bench: Bench) -> str:
    """RESULTS.md."""
    silent = [name for name, said in rows.items() if "dualano-doctor" not in said]
    others = "\n".join(
        f"| {name} | {', '.join(tool for tool in TOOLS[1:] if tool in said) or '-'} |" for name, said in rows.items()
    )
    return f"""\
# Root causes named by each tool

`python benchmarks/competitors/run.py` made this file; its head says how it counts. Read the first column as a
regression test, not as a comparison of quality: dualano-doctor was developed against these very worlds, and what
counts as naming a cause was written beside them. Most kinds (data set, base model, accelerate config, requirements,
sources) are also nothing that the other tools set out to look at; "packages", "Python, environment" and
"GPU, driver" are. False alarms are not counted here. {len(tuple(unseen))} further worlds
that no folder can hold (another kernel, another disk, a dead network) are left out.

{table(rows, WORLDS)}

Versions: {bench.versions()}. env-doctor ran as `check`, cuda-doctor as `diagnose --verbose`, rigsolve
as `check`, torch-preflight as `check` on the checkout's sources (on the project where there is none). torch is
a stand-in that answers what the world's build and driver imply. collect_env judges nothing: what counts for it is a
version in its listing. A cause counts only when one line names it, for every tool alike.

Not named by dualano-doctor: {", ".join(silent) or "none"}.

## World by world

| world | named by the others |
| --- | --- |
{others}
"""


def main() -> int:
    """Runs all worlds and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="only worlds whose id has this in it; prints, writes nothing")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    chosen = [world for world in WORLDS if options.only in world.id]
    with tempfile.TemporaryDirectory() as scratch:
        bench, miniature = Bench(Path(scratch) / "tools"), make_miniature()
        well = in_health(bench, miniature)
        with ThreadPoolExecutor(options.jobs) as pool:
            answers = list(pool.map(lambda world: judge(world, bench, well, miniature), chosen))
        judged = dict(zip([world.name for world in chosen], answers, strict=True))
        rows = {name: said for name, said in judged.items() if said is not None}
        text = results(rows, [name for name, said in judged.items() if said is None], bench)
    print(text)
    if not options.only:
        (HERE / "RESULTS.md").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
