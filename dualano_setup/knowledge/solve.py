"""The newest stack that can work on a GPU, solved from the tables; or why there is none.

Nothing here looks at the machine. A stack can work when a published torch build has wheels for that Python, carries
code that the GPU runs, and needs no newer driver; torchvision and xformers are the releases made for that very build.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ..language import _
from ..versions import minor, numbers, satisfies
from .architectures import has_kernels
from .tables import driver_for, rows

PYTORCH_INDEX = "https://download.pytorch.org/whl/"
_LEVELS = ("inspected", "reproduced", "source", "derived")  # the surest first; anything else is not built upon


class Stack(NamedTuple):
    """Releases that go together. `xformers` is None where none is published for this build, `why_no_xformers` says it.

    `index_url` is "" for the user's own default index, else PyTorch's index for that CUDA. `level` is the weakest
    evidence that the stack rests on; `caveats` are sentences for people.
    """

    torch: str
    cuda: str
    torchvision: str
    xformers: str | None
    why_no_xformers: str
    index_url: str
    driver_min: str
    driver_recommended: str
    architectures: tuple[str, ...]
    python: tuple[str, ...]  # every Python ("3.11") that this torch has wheels for
    level: str
    tier: str  # "expected": the wheel itself was looked into; "unknown": known from documents only
    caveats: tuple[str, ...]
    sources: tuple[str, ...]

    @property
    def local(self) -> str:
        """The build's name in versions and addresses: "cu126"."""
        return cuda_name(self.cuda)


class Refusal(NamedTuple):
    """No stack can work; `reason` is a sentence that names what stands in the way, and what would help."""

    reason: str


def solve(
    architecture: str | Sequence[str], driver: str, python: str, *, libraries: str = "current"
) -> Stack | Refusal:
    """The newest stack for GPUs of these architectures ("sm_86"), under that driver and Python, on Linux x86_64.

    Among builds of one torch the default index's own goes first, then the newest CUDA. `libraries` is a row of the
    table of that name. Raises ValueError for a driver or Python that does not begin with a number, and for libraries
    that are in no row.
    """
    wanted = (architecture,) if isinstance(architecture, str) else tuple(architecture)
    demands = library_row(libraries)
    refusal = _machine_refusal(wanted, driver) or _python_refusal(python, demands)
    if refusal:
        return Refusal(refusal)
    obstacles: list[str] = []
    for release, cuda in _builds(demands["torch"]):
        obstacle = _obstacle(release, cuda, wanted, driver, python)
        if not obstacle:
            return _stack(release, cuda, wanted, driver, python)
        obstacles.append(obstacle)
    return Refusal(_all_in_words(obstacles, wanted, driver, python))


def library_row(libraries: str) -> dict[str, Any]:
    """The row of the table of libraries. Raises ValueError naming the known ones."""
    for row in rows("libraries"):
        if row["libraries"] == libraries:
            return row
    raise ValueError(
        _(
            "no libraries {libraries!r}; known: {rows}",
            libraries=libraries,
            rows=", ".join(row["libraries"] for row in rows("libraries")),
        )
    )


def cuda_name(cuda: str) -> str:
    """ "12.6" as PyTorch writes it in versions and addresses: "cu126"."""
    return "cu" + cuda.replace(".", "")


def capability(architecture: str) -> tuple[int, int]:
    """(major, minor) of "sm_86". Raises ValueError for anything else."""
    digits = architecture.removeprefix("sm_")
    if not digits.isdigit() or len(digits) < 2:
        raise ValueError(
            _("{architecture!r} is no GPU architecture; expected something like sm_86", architecture=architecture)
        )
    return int(digits[:-1]), int(digits[-1])


def stack_for(torch: str, cuda: str) -> Stack:
    """The stack of one named build, for whatever GPUs it has code for. Raises KeyError when it is not in the tables."""
    drivers = driver_for(cuda)
    for release, built in _builds(">=0"):
        if drivers and (release["torch"], built) == (torch, cuda) and _architecture_row(release, cuda):
            return _stack(release, cuda, (), drivers[1], max(_pythons(release), key=numbers))
    raise KeyError(_("torch {torch} for CUDA {cuda} is in no table", torch=torch, cuda=cuda))


def _machine_refusal(architectures: Sequence[str], driver: str) -> str:
    """Why this driver drives no such GPU, or empty."""
    known = {row["architecture"]: row for row in rows("gpus")}
    for name in architectures:
        row = known.get(name)
        if row is None:
            return _("{architecture} is no GPU architecture that the tables know", architecture=name)
        if row["last_driver"] and numbers(driver)[0] > int(row["last_driver"]):
            return _(
                "driver {driver} no longer drives {family} GPUs ({architecture}); the last that does is release {last}",
                driver=driver,
                family=row["family"],
                architecture=name,
                last=row["last_driver"],
            )
        first = driver_for(row["first_cuda"]) if row["first_cuda"] else None
        if first and numbers(driver) < numbers(first[1]):
            return _(
                "driver {driver} is older than the first that knows {architecture}, {first}; update the driver",
                driver=driver,
                architecture=name,
                first=first[1],
            )
    return ""


def _python_refusal(python: str, demands: dict[str, Any]) -> str:
    if satisfies(python, demands["python"]):
        return ""
    return _(
        "the libraries run on Python {range}, this is {python}; make the environment with another Python",
        range=demands["python"],
        python=python,
    )


def _builds(torch: str) -> Iterator[tuple[dict[str, Any], str]]:
    """Every published (release, CUDA) of at least that torch, the newest first; of one release the default's first."""
    for release in sorted(rows("torch_releases"), key=lambda row: numbers(row["torch"]), reverse=True):
        if satisfies(release["torch"], torch):
            cudas = {release["default_cuda"], *release["builds"]}
            for cuda in sorted(cudas, key=lambda cuda: (cuda == release["default_cuda"], numbers(cuda)), reverse=True):
                yield release, cuda


def _architecture_row(release: dict[str, Any], cuda: str) -> dict[str, Any] | None:
    for row in rows("torch_architectures"):
        if (row["torch"], row["cuda"]) == (minor(release["torch"]), cuda) and row["level"] in _LEVELS:
            return row
    return None


def _obstacle(release: dict[str, Any], cuda: str, architectures: Sequence[str], driver: str, python: str) -> str:
    """The kind of thing that keeps this build from working: "python", "code", "driver", "unseen", or empty."""
    row = _architecture_row(release, cuda)
    drivers = driver_for(cuda)
    if row is None or drivers is None or not release["torchvision"]:
        return "unseen"
    if minor(python) not in _pythons(release):
        return "python"
    built = tuple(row["architectures"])
    if not all(has_kernels(built, capability(name)) for name in architectures):
        return "code"
    jit = any(not has_kernels(_machine_code(built), capability(name)) for name in architectures)
    # PTX is compiled by the driver, which must know the PTX of that toolkit: minor-version compatibility ends here.
    return "driver" if numbers(driver) < numbers(drivers[1 if jit else 0]) else ""


def _machine_code(architectures: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name.partition("+")[0] for name in architectures)


def _pythons(release: dict[str, Any]) -> tuple[str, ...]:
    """The Pythons ("3.11") with ordinary wheels; free-threaded builds ("cp313t") are another ABI."""
    return tuple(f"3.{tag[3:]}" for tag in release["python"] if tag.startswith("cp3") and tag[3:].isdigit())


def _stack(release: dict[str, Any], cuda: str, architectures: Sequence[str], driver: str, python: str) -> Stack:
    row, drivers = _architecture_row(release, cuda), driver_for(cuda)
    assert row is not None
    assert drivers is not None
    default = cuda == release["default_cuda"]
    xformers, why = _xformers(release, cuda, architectures, driver, python)
    levels = [row["level"], release["level"]] + ([] if default else [release["builds_level"]])
    caveats = []
    if numbers(driver) < numbers(drivers[1]):
        caveats.append(
            _(
                "driver {driver} runs CUDA {cuda} by minor-version compatibility; {own} came with that CUDA",
                driver=driver,
                cuda=cuda,
                own=drivers[1],
            )
        )
    if not default:
        caveats.append(_("its wheels come from PyTorch's own index, which this table's makers could not open"))
    return Stack(
        torch=release["torch"],
        cuda=cuda,
        torchvision=release["torchvision"][-1],
        xformers=xformers,
        why_no_xformers=why,
        index_url="" if default else f"{PYTORCH_INDEX}{cuda_name(cuda)}/",
        driver_min=drivers[0],
        driver_recommended=drivers[1],
        architectures=tuple(row["architectures"]),
        python=_pythons(release),
        level=max(levels, key=_LEVELS.index),
        tier="expected" if default and row["level"] == "inspected" else "unknown",
        caveats=tuple(caveats),
        sources=(release["source"], row["source"]),
    )


def _xformers(
    release: dict[str, Any], cuda: str, architectures: Sequence[str], driver: str, python: str
) -> tuple[str | None, str]:
    """The newest xformers published for this build, or None and why. The trainer does not need it."""
    table = {row["xformers"]: row for row in rows("xformers_releases")}
    why = _("none was released for torch {torch}", torch=release["torch"])
    drivers = driver_for(cuda)
    for name in reversed(release["xformers"]):
        row = table[name]
        if cuda not in (row["builds"] if cuda != release["default_cuda"] else [row["cuda"], *row["builds"]]):
            why = _("{xformers} has no build for CUDA {cuda}", xformers=name, cuda=cuda)
            continue
        if not any(_fits(tag, python) for tag in row["python"]):
            why = _("{xformers} has no wheel for Python {python}", xformers=name, python=minor(python))
            continue
        built = tuple(row["architectures"])
        if drivers and numbers(driver) < numbers(drivers[1]):
            built = _machine_code(built)
        if not all(has_kernels(built, capability(wanted)) for wanted in architectures):
            why = _("{xformers} has no code for {gpu}", xformers=name, gpu=", ".join(architectures))
            continue
        return name, ""
    return None, why


def _fits(tag: str, python: str) -> bool:
    """Whether a wheel with that Python tag installs: "cp311" on 3.11 alone, "cp39-abi3" and "py39" from 3.9 on."""
    interpreter, _dash, abi = tag.partition("-")
    number = interpreter.lstrip("cpy")
    if not number.isdigit():
        return False
    least = (int(number[0]), int(number[1:] or 0))
    have = numbers(python)[:2]
    return have >= least if abi == "abi3" or interpreter.startswith("py") else have == least


def _all_in_words(obstacles: Sequence[str], architectures: Sequence[str], driver: str, python: str) -> str:
    """The refusal, from what stopped the builds that came furthest: the driver, then the code, then the Python."""
    gpus = ", ".join(architectures)
    if "driver" in obstacles:
        return _(
            "every torch with code for {gpus} and wheels for Python {python} needs a newer driver than {driver}",
            gpus=gpus,
            python=python,
            driver=driver,
        )
    if "code" in obstacles and "python" in obstacles:
        return _(
            "no torch has both code for {gpus} and wheels for Python {python}; an older Python may do",
            gpus=gpus,
            python=python,
        )
    if "code" in obstacles:
        return _("no torch of the tables has code for {gpus}", gpus=gpus)
    return _("no torch of the tables has wheels for Python {python}", python=python)
