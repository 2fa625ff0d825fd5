"""Why a version: the fewest facts of the tables, each with its source, that force a pin, or forbid it.

What a pin is judged beside (`Beside`) are the other pins of a stack, its Python, its CUDA build, and the GPU and driver
it is for. A fact says which versions of one package it leaves; the pin is forbidden when one fact leaves it out, forced
when some facts together leave out every other version that the tables know, and free otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

from ..language import N_, _
from ..versions import minor, normalise, numbers, satisfies
from .architectures import has_kernels
from .solve import _fits, capability
from .tables import driver_for, rows

FOLLOWERS = ("torchvision", "torchaudio", "xformers")
"""Made for one torch: they say why it is that one only where nothing else does."""
_MOST = 4  # facts that are tried together


class Beside(NamedTuple):
    """What the pin stands beside. Empty: nothing is said about it."""

    packages: Mapping[str, str]
    python: str = ""
    cuda: str = ""
    gpu: str = ""  # "sm_86"
    driver: str = ""


class Because(NamedTuple):
    """One fact: what it says, where that was read, how sure it is, and which versions it leaves."""

    fact: str
    source: str
    level: str
    checked: str
    leaves: Callable[[str], bool]


class Answer(NamedTuple):
    """`verdict`: "forced", "forbidden" or "free"; `known`: how many versions the tables know."""

    verdict: str
    facts: tuple[Because, ...]
    known: int


def why(package: str, version: str, beside: Beside) -> Answer:
    """The verdict on `package==version` and the smallest set of facts for it."""
    name = normalise(package)
    facts = [*_of_torch(name, beside), *_of_others(name, beside)]
    against = next((fact for fact in facts if not fact.leaves(version)), None)
    candidates = _versions(name)
    if against:
        return Answer("forbidden", (against,), len(candidates))
    others = [one for one in candidates if one != version.partition("+")[0]]
    useful = [fact for fact in facts if any(not fact.leaves(one) for one in others)]
    for size in range(1, min(_MOST, len(useful)) + 1):
        for chosen in combinations(useful, size):
            if others and all(any(not fact.leaves(one) for fact in chosen) for one in others):
                return Answer("forced", chosen, len(candidates))
    return Answer("free", tuple(useful), len(candidates))


def _versions(name: str) -> list[str]:
    """The versions of a package that the tables know; none where no table lists them."""
    if name == "torch":
        return [row["torch"] for row in rows("torch_releases")]
    if name == "xformers":
        return [row["xformers"] for row in rows("xformers_releases")]
    if name in ("torchvision", "torchaudio"):
        return sorted({version for row in rows("torch_releases") for version in row[name]}, key=numbers)
    return [row["python"] for row in rows("python_life")] if name == "python" else []


def _of(row: Mapping[str, Any], fact: str, leaves: Callable[[str], bool]) -> Because:
    return Because(fact, row["source"], row["level"], row["checked"], leaves)


def _plain(version: str) -> str:
    return version.partition("+")[0]


def _of_torch(name: str, beside: Beside) -> list[Because]:
    torch = _plain(beside.packages.get("torch", ""))
    row = next((row for row in rows("torch_releases") if row["torch"] == torch), None)
    found: list[Because] = []
    if name == "xformers":  # what a release says of itself comes first
        found += _of_xformers(torch, beside)
    if name in ("torchvision", "torchaudio", "xformers") and row and row[name]:
        good = ", ".join(row[name])
        words = _("torch {torch} goes with {package} {versions}", torch=torch, package=name, versions=good)
        found.append(_of(row, words, _one_of(row[name])))
    if name == "python" and row:
        pythons = _pythons(row)
        words = _("torch {torch} has wheels for Python {pythons}", torch=torch, pythons=", ".join(pythons))
        found.append(_of(row, words, lambda version: minor(version) in pythons))
    if name == "torch":
        found += _of_torch_itself(beside)
    return found


def _of_xformers(torch: str, beside: Beside) -> list[Because]:
    found = []
    for row in rows("xformers_releases"):
        version, python = row["xformers"], beside.python
        if torch and not satisfies(torch, row["torch"]):
            words = _("xformers {version} asks for torch{needs}", version=version, needs=row["torch"])
        elif python and not any(_fits(tag, python) for tag in row["python"]):
            words = _("xformers {version} has no wheel for Python {python}", version=version, python=python)
        else:
            continue
        found.append(_of(row, words, _none_of((version,))))
    return found


def _of_torch_itself(beside: Beside) -> list[Because]:
    table = {row["torch"]: row for row in rows("torch_releases")}
    found = []
    if beside.python:
        bad = {name: row for name, row in table.items() if minor(beside.python) not in _pythons(row)}
        words = N_("torch {torch} has no wheel for Python {python}")
        found += _group(bad, lambda name: _(words, torch=name, python=beside.python))
    if beside.gpu:
        without = {name: row for name, release in table.items() if (row := _without_code(release, beside))}
        code = N_("no build of torch {torch} has code for {gpu}")
        found += _group(without, lambda name: _(code, torch=name, gpu=beside.gpu))
    if beside.driver:
        old = {name: row for name, release in table.items() if (row := _needs_newer_driver(release, beside))}
        driver = N_("every build of torch {torch} needs a newer driver than {driver}")
        found += _group(old, lambda name: _(driver, torch=name, driver=beside.driver))
    for package, pinned in beside.packages.items():
        found += _of_torchs_companion(package, pinned, table)
    return found


def _kinds(release: Mapping[str, Any], beside: Beside) -> list[str]:
    return [beside.cuda] if beside.cuda else sorted({release["default_cuda"], *release["builds"]})


def _without_code(release: Mapping[str, Any], beside: Beside) -> Mapping[str, Any] | None:
    """A row on that release's builds, where those that the table knows have no code for the GPU."""
    built = {(row["torch"], row["cuda"]): row for row in rows("torch_architectures")}
    keys = [(minor(release["torch"]), kind) for kind in _kinds(release, beside)]
    known = [built[key] for key in keys if key in built]
    runs = any(has_kernels(tuple(row["architectures"]), capability(beside.gpu)) for row in known)
    return known[0] if known and not runs else None


def _needs_newer_driver(release: Mapping[str, Any], beside: Beside) -> Mapping[str, Any] | None:
    """The row on the driver of that release's undemanding build, where even that needs a newer one."""
    kinds = [(least[0], kind) for kind in _kinds(release, beside) if (least := driver_for(kind))]
    if not kinds or any(numbers(beside.driver) >= numbers(least) for least, __ in kinds):
        return None
    major = kinds[0][1].partition(".")[0]
    return next(row for row in rows("drivers") if row["cuda"].partition(".")[0] == major)


def _of_torchs_companion(package: str, pinned: str, table: Mapping[str, Any]) -> list[Because]:
    if package in ("torchvision", "torchaudio"):
        good = [name for name, row in table.items() if _plain(pinned) in row[package]]
        words = _(
            "{package} {version} goes with torch {versions}", package=package, version=pinned, versions=", ".join(good)
        )
        return [_of(table[good[0]], words, _one_of(good))] if good else []
    if package == "xformers":
        row = next((row for row in rows("xformers_releases") if row["xformers"] == _plain(pinned)), None)
        if row is None:
            return []
        needs = row["torch"]
        words = _("xformers {version} asks for torch{needs}", version=pinned, needs=needs)
        return [_of(row, words, lambda version: satisfies(_plain(version), needs))]
    if package == "numpy" and numbers(pinned)[0] >= 2:
        return [_numpy(row, pinned) for row in rows("numpy2") if row["package"] == "torch"]
    return []


def _group(bad: Mapping[str, Mapping[str, Any]], say: Callable[[str], str]) -> list[Because]:
    """One fact for each version left out, and one for all of them together."""
    single = [_of(row, say(name), _none_of((name,))) for name, row in bad.items()]
    if len(bad) < 2:
        return single
    last = [*bad][-1]
    words = _("{first}; so it is with {count} versions in all", first=say(last), count=len(bad))
    return [*single, _of(bad[last], words, _none_of(tuple(bad)))]


def _one_of(good: Sequence[str]) -> Callable[[str], bool]:
    return lambda version: _plain(version) in good


def _none_of(bad: Sequence[str]) -> Callable[[str], bool]:
    return lambda version: _plain(version) not in bad


def _of_others(name: str, beside: Beside) -> list[Because]:
    numpy, hub = (beside.packages.get(package, "") for package in ("numpy", "huggingface-hub"))
    found: list[Because] = []
    if name == "numpy":
        found += _of_numpy(beside)
    elif numpy and numbers(numpy)[0] >= 2 and name != "torch":
        found += [_numpy(row, numpy) for row in rows("numpy2") if row["package"] == name]
    for row in rows("hub_names"):
        first, gone = row["gone_in"], row["name"]
        for package, spread in row["imported_by"].items():
            pinned = beside.packages.get(package, "")
            if name == "huggingface-hub" and pinned and satisfies(_plain(pinned), spread):
                words = N_("{package} {version} imports `{gone}`, which is gone from {first} on")
                said = _(words, package=package, version=pinned, gone=gone, first=first)
                found.append(_of(row, said, _below(first)))
            if name == package and hub and numbers(hub) >= numbers(first):
                words = N_("huggingface-hub {version} has no `{gone}`, which {package}{spread} imports")
                said = _(words, version=hub, gone=gone, package=package, spread=spread)
                found.append(_of(row, said, _outside(spread)))
    return found


def _of_numpy(beside: Beside) -> list[Because]:
    found = []
    for row in rows("numpy2"):
        package, first = row["package"], row["first"]
        pinned = beside.packages.get(package)
        if pinned and numbers(pinned) < numbers(first):
            words = N_("{package} {version} was built for NumPy 1; {first} is its first for NumPy 2")
            said = _(words, package=package, version=pinned, first=first)
            found.append(_of(row, said, lambda version: numbers(version)[0] < 2))
    return found


def _below(first: str) -> Callable[[str], bool]:
    return lambda version: numbers(version) < numbers(first)


def _outside(spread: str) -> Callable[[str], bool]:
    return lambda version: not satisfies(_plain(version), spread)


def _numpy(row: Mapping[str, Any], numpy: str) -> Because:
    words = _(
        "numpy is {numpy}; {first} is the first {package} for NumPy 2",
        numpy=numpy,
        first=row["first"],
        package=row["package"],
    )
    return _of(row, words, lambda version: numbers(version) >= numbers(row["first"]))


def _pythons(release: Mapping[str, Any]) -> list[str]:
    return [f"3.{tag[3:]}" for tag in release["python"] if tag.startswith("cp3") and tag[3:].isdigit()]
