"""Every mutant of some modules, tried against some tests: what the tests would not notice.

    python tools/mutants.py --tests tests/rules dualano_setup/rules/*.py > survivors.txt

Needs cosmic-ray, whose mutants these are; those of `|` in annotations are left out, since nothing runs them. Each is
written into a copy of the checkout and tried in a forked child, which finds pytest loaded already: about a second a
mutant. Files whose tests killed a mutant of the same module before come first. A child that takes longer than
`--seconds` counts as killed. The survivors go to stdout, progress and the share of the killed to stderr.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from cosmic_ray.commands.init import init
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator
from cosmic_ray.work_db import WorkDB
from cosmic_ray.work_item import MutationSpec

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("dualano_setup", "patches", "trainer", "tests", "docs", "pyproject.toml", "README.md", "README.zh-TW.md")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="+", type=Path, help="files to mutate, relative to the checkout")
    parser.add_argument("--tests", nargs="+", required=True, help="folders or files of tests, relative to the checkout")
    parser.add_argument("--seconds", type=int, default=40, help="longest time a mutant is given")
    parser.add_argument("--sample", type=int, help="try only so many, chosen by --seed")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    mutants = list(_mutants(arguments.modules))
    if arguments.sample is not None:
        mutants = random.Random(arguments.seed).sample(mutants, min(arguments.sample, len(mutants)))
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "checkout"
        for name in COPIED:
            here = ROOT / name
            if here.is_dir():
                shutil.copytree(here, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(here, copy / name)
        Trial(copy, _test_files(arguments.tests), arguments.seconds).run(mutants)


def _mutants(modules: Sequence[Path]) -> Iterator[MutationSpec]:
    """All that cosmic-ray would make of `modules`, without those of `|`."""
    database = WorkDB(":memory:", WorkDB.Mode.create)
    init([path.resolve().relative_to(ROOT) for path in modules], database, {})
    for item in database.work_items:
        for mutation in item.mutations:
            if "BitOr" not in mutation.operator_name:
                yield mutation


def _test_files(tests: Sequence[str]) -> list[str]:
    found: list[str] = []
    for test in tests:
        path = ROOT / test
        found += [str(file.relative_to(ROOT)) for file in sorted(path.rglob("test_*.py"))] if path.is_dir() else [test]
    return found


class Trial:
    """Mutants one after another in one copy of the checkout."""

    def __init__(self, copy: Path, tests: list[str], seconds: int) -> None:
        self.copy = copy
        self.tests = tests
        self.seconds = seconds
        self.killers: dict[str, Counter[str]] = {}

    def run(self, mutants: list[MutationSpec]) -> None:
        """Try each and tell what survived; ends when the tests fail without a mutant."""
        if not self._pass(self.tests):
            raise SystemExit("the tests fail without any mutant")
        killed, begun = 0, time.monotonic()
        for count, mutation in enumerate(mutants, 1):
            module = self.copy / mutation.module_path
            original = module.read_text("utf-8")
            text = mutate_code(
                original, get_operator(mutation.operator_name)(**mutation.operator_args), mutation.occurrence
            )
            if text is None or text == original:
                raise SystemExit(f"no mutant: {mutation}")
            module.write_text(text, "utf-8")
            try:
                if self._killed(str(mutation.module_path)):
                    killed += 1
                else:
                    _show(mutation, original, text)
            finally:
                module.write_text(original, "utf-8")
            if count % 20 == 0 or count == len(mutants):
                minutes = (time.monotonic() - begun) / 60
                print(f"{count}/{len(mutants)}: {killed / count:.1%} killed, {minutes:.1f} min", file=sys.stderr)

    def _killed(self, module: str) -> bool:
        """Whether a test fails; the files that often do for this module are asked first."""
        killers = self.killers.setdefault(module, Counter())
        likely = [name for name, _ in killers.most_common(3)]
        rest = [name for name in self.tests if name not in likely]
        for tests in (likely, rest):
            if tests and not self._pass(tests):
                killers.update([(self.copy.parent / "failed").read_text("utf-8") or tests[0]])
                return True
        return False

    def _pass(self, tests: list[str]) -> bool:
        """Run `tests` in a child; the file of the first failure is left in `failed`."""
        (self.copy.parent / "failed").write_text("", "utf-8")
        child = os.fork()
        if child == 0:
            os.setsid()
            os._exit(self._child(tests))
        deadline = time.monotonic() + self.seconds
        while os.waitpid(child, os.WNOHANG) == (0, 0):
            if time.monotonic() > deadline:
                os.killpg(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return False
            time.sleep(0.01)
        return (self.copy.parent / "failed").read_text("utf-8") == "none"

    def _child(self, tests: list[str]) -> int:
        os.chdir(self.copy)
        # Written and mutated within a second and of one length: a cached module could be the last mutant's.
        sys.dont_write_bytecode = True
        os.environ.update(PYTHONPATH=str(self.copy), PYTHONDONTWRITEBYTECODE="1")
        sys.path.insert(0, str(self.copy))
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        watch = _FirstFailure()
        code = pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-p", "no:faulthandler", *tests], plugins=[watch])
        (self.copy.parent / "failed").write_text("none" if code == 0 else watch.file, "utf-8")
        return 0


class _FirstFailure:
    """A pytest plugin that keeps the file of the first test that failed."""

    def __init__(self) -> None:
        self.file = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.file:
            self.file = report.location[0]


def _show(mutation: MutationSpec, original: str, text: str) -> None:
    row, column = mutation.start_pos
    place = f"{mutation.module_path}:{row}:{column}"
    operator = mutation.operator_name.removeprefix("core/")
    before, after = original.splitlines(), text.splitlines()
    changed = next((n for n, (old, new) in enumerate(zip(before, after, strict=False)) if old != new), row - 1)
    print(f"{place} {operator}\n  - {before[changed].strip()}\n  + {after[changed].strip()}", flush=True)


if __name__ == "__main__":
    main()
