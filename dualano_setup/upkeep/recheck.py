"""Whether what is known still holds at the package index: `dualano-doctor profile --recheck`.

Compared are releases and their withdrawal, the Python tags of their wheels, Requires-Python, the pins of every lock,
and by the resolver which torchvision and xformers go with which torch, and who refuses NumPy 2. Only metadata is
read. What an index cannot tell (drivers, GPU architectures, run sizes) is not part of it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

from ..facts.fact import value
from ..facts.machine.network import index_settings
from ..facts.sheet import Installers
from ..installers.user_configuration import user_configuration
from ..installers.uv import ResolutionError, Source, resolve
from ..knowledge.catalogue import load
from ..knowledge.shipped import names
from ..knowledge.solve import PYTORCH_INDEX, cuda_name
from ..knowledge.tables import rows
from ..language import _
from ..versions import numbers
from .index_pages import File, Page, default_index, page, pages

if TYPE_CHECKING:
    from ..settings.options import Settings

SAME, DRIFTED, UNSEEN, NEWER = "same", "drifted", "could not look", "newer"
_PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")


class Row(NamedTuple):
    """The verdict on one row of one table."""

    table: str
    row: str
    verdict: str  # SAME, DRIFTED, UNSEEN, NEWER
    detail: str = ""


def recheck(settings: Settings) -> list[Row]:
    """Every row that an index can confirm, with its verdict. Asks the network; nothing is installed."""
    from ..facts.installers import probe as probing

    installers = value(probing.probe(settings)) or Installers()
    config, given = index_settings(installers), user_configuration(installers)
    source = Source((), given.variables, given.no_index, settings.offline)
    locks = {(name, python): _locked(name, python) for name in names() for python in _PYTHONS}
    wanted = {row["name"] for row in rows("requirements/wheels")} | {"torch", "xformers"}
    wanted |= {package for pins in locks.values() for package in pins}
    found = {} if settings.offline else pages(default_index(config, source), wanted, config)
    ask = _Ask(found, source)
    done = [*_releases(ask), *_wheels(ask), *_lock_rows(ask, locks), *_news(ask)]
    done += _pytorch_index(lambda url: Page((), "--offline") if settings.offline else page(url, config))
    return done + _resolved(ask)


class _Ask(NamedTuple):
    pages: Mapping[str, Page]
    source: Source

    def page(self, name: str) -> Page:
        return self.pages.get(name, Page((), "--offline"))


def _locked(profile: str, python: str) -> dict[str, str]:
    try:
        return load(profile).locked(python)
    except KeyError:
        return {}


def _releases(ask: _Ask) -> Iterator[Row]:
    for table, name in (("torch_releases", "torch"), ("xformers_releases", "xformers")):
        for row in rows(table):
            yield _compare(table, name, row[name], ask.page(name), set(row["python"]), "x86_64", row)


def _wheels(ask: _Ask) -> Iterator[Row]:
    for row in rows("requirements/wheels"):
        for machine in ("x86_64", "aarch64"):
            tags = {*row[machine], *row["any"]}
            yield _compare("wheels", row["name"], row["version"], ask.page(row["name"]), tags, machine, row)


def _compare(
    table: str, name: str, version: str, seen: Page, tags: set[str], machine: str, row: Mapping[str, Any]
) -> Row:
    title = f"{name} {version} {machine}"
    if seen.failure:
        return Row(table, title, UNSEEN, seen.failure)
    files = seen.release(_canonical(version))
    if not files:
        return Row(table, title, DRIFTED, _("the index no longer has it"))
    if all(file.yanked for file in files):
        return Row(table, title, DRIFTED, _("it was yanked"))
    now = tags_of(files, machine)
    if now != tags:
        return Row(table, title, DRIFTED, _tags_in_words(tags, now))
    ranges = {file.requires_python or None for file in files}
    if "requires_python" in row and row["requires_python"] not in ranges:
        said = _(
            "it asks for Python {now}, known was {then}", now=sorted(map(str, ranges)), then=row["requires_python"]
        )
        return Row(table, title, DRIFTED, said)
    return Row(table, title, SAME)


def tags_of(files: tuple[File, ...], machine: str) -> set[str]:
    """The Python tags of the Linux wheels for that machine, as the tables write them: "cp313t", "cp39-abi3", "py3"."""
    tags: set[str] = set()
    for file in files:
        for interpreter, abi, platform in file.tags:
            if platform == "any" or (platform.startswith(("manylinux", "linux")) and platform.endswith(f"_{machine}")):
                plain = abi if abi.startswith("cp") else interpreter
                tags.add(f"{interpreter}-abi3" if abi == "abi3" else plain)
    return tags


def _tags_in_words(then: set[str], now: set[str]) -> str:
    return _(
        "wheels gone for {gone}; new ones for {new}",
        gone=", ".join(sorted(then - now)) or "-",
        new=", ".join(sorted(now - then)) or "-",
    )


def _lock_rows(ask: _Ask, locks: Mapping[tuple[str, str], Mapping[str, str]]) -> Iterator[Row]:
    for (profile, python), pins in locks.items():
        for name, version in pins.items():
            title = f"{profile} {python} {name}=={version}"
            seen = ask.page(name)
            if "+" in version:
                yield Row("locks", title, UNSEEN, _("only PyTorch's own index has it"))
            elif seen.failure:
                yield Row("locks", title, UNSEEN, seen.failure)
            else:
                problem = _pin_problem(seen.release(_canonical(version)), python)
                yield Row("locks", title, DRIFTED if problem else SAME, problem)


def _pin_problem(files: tuple[File, ...], python: str) -> str:
    if not files:
        return _("the index no longer has it")
    if all(file.yanked for file in files):
        return _("it was yanked")
    if any(not file.tags for file in files):
        return ""
    tag = "cp" + python.replace(".", "")
    fitting = any(
        interpreter in (tag, "py3") or abi == "abi3" or (interpreter.startswith("py3") and abi == "none")
        for file in files
        for interpreter, abi, __ in file.tags
    )
    return "" if fitting else _("no file for Python {python}", python=python)


def _news(ask: _Ask) -> Iterator[Row]:
    for table, name in (("torch_releases", "torch"), ("xformers_releases", "xformers")):
        known = max(numbers(row[name]) for row in rows(table))
        finals = {
            file.version for file in ask.page(name).files if file.tags and file.version.replace(".", "").isdigit()
        }
        for version in sorted((v for v in finals if numbers(v) > known), key=numbers):
            yield Row(table, f"{name} {version}", NEWER, _("released since; the table does not know it"))


def _pytorch_index(look: Callable[[str], Page]) -> list[Row]:
    """The builds that only PyTorch's own index has, one page for each CUDA."""
    wanted = [(row, cuda) for row in rows("torch_releases") for cuda in row["builds"] if cuda != row["default_cuda"]]
    seen = {cuda: look(f"{PYTORCH_INDEX}{cuda_name(cuda)}/torch/") for cuda in sorted({cuda for __, cuda in wanted})}
    done = []
    for row, cuda in wanted:
        version = f"{row['torch']}+{cuda_name(cuda)}"
        if seen[cuda].failure:
            done.append(Row("torch_releases", version, UNSEEN, f"{PYTORCH_INDEX}: {seen[cuda].failure}"))
            continue
        now = tags_of(seen[cuda].release(version), "x86_64")
        gone = set(row["python"]) - now
        done.append(
            Row("torch_releases", version, DRIFTED if gone else SAME, _tags_in_words(gone, set()) if gone else "")
        )
    return done


def _resolved(ask: _Ask) -> list[Row]:
    """What requirements say of each other, asked of the resolver: pairs that must go together, pairs that must not."""
    questions: list[tuple[str, dict[str, str], str, bool]] = []
    for row in rows("torch_releases"):
        python = "3.10" if "cp310" in row["python"] else "3.11"
        for name in ("torchvision", "torchaudio"):
            questions += [("torch_releases", {"torch": row["torch"], name: v}, python, True) for v in row[name]]
        for version in row["xformers"]:
            questions.append(("torch_releases", {"torch": row["torch"], "xformers": version}, python, True))
    for row in rows("numpy2"):
        if row["refuses"]:
            questions.append(("numpy2", {row["package"]: row["refuses"], "numpy": "2.0.2"}, "3.11", False))
            questions.append(("numpy2", {row["package"]: row["first"], "numpy": "2.0.2"}, "3.11", True))
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda question: _answer(ask, *question), questions))


def _answer(ask: _Ask, table: str, pins: dict[str, str], python: str, together: bool) -> Row:
    title = " with ".join(f"{name} {version}" for name, version in pins.items())
    if failure := next((ask.page(name).failure for name in pins if ask.page(name).failure), ""):
        return Row(table, title, UNSEEN, failure)
    try:
        resolve(pins, title, python, ask.source)
    except ResolutionError as error:
        said = str(error).partition("\n")[2] or str(error)
        if "(NET001)" in said:
            return Row(table, title, UNSEEN, said)
        return Row(table, title, DRIFTED if together else SAME, said if together else "")
    return Row(table, title, SAME if together else DRIFTED, "" if together else _("the index accepts the pair now"))


def _canonical(version: str) -> str:
    from packaging.version import Version

    return str(Version(version))


def report(done: list[Row], *, as_json: bool) -> int:
    """Prints what was found; returns 1 when a row drifted, 0 otherwise."""
    drifted = [row for row in done if row.verdict == DRIFTED]
    if as_json:
        sys.stdout.write(json.dumps({"schema": 1, "rows": [row._asdict() for row in done]}, indent=1) + "\n")
        return 1 if drifted else 0
    for verdict in (DRIFTED, NEWER):
        for row in done:
            if row.verdict == verdict:
                sys.stdout.write(f"{verdict}  {row.table}: {row.row}: {row.detail}\n")
    unseen: dict[str, int] = {}
    for row in done:
        if row.verdict == UNSEEN:
            unseen[row.detail] = unseen.get(row.detail, 0) + 1
    for reason, count in unseen.items():
        sys.stdout.write(_("could not look  {count} rows: {reason}\n", count=count, reason=reason))
    same = sum(row.verdict == SAME for row in done)
    sys.stdout.write(_("{same} rows hold, {drifted} drifted.\n", same=same, drifted=len(drifted)))
    return 1 if drifted else 0
