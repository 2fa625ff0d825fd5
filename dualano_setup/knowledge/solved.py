"""Profiles that no one listed: a solved stack with the libraries of a shipped profile's locks.

Their names say all there is to know ("solved-2.14.1-cu126", "solved-2.14.1-cu126-checkout"), so that any of them can
be loaded again from its name alone.
"""

from __future__ import annotations

import re

from ..language import _
from ..versions import minor, satisfies
from .profile import Index, Profile
from .shipped import load
from .solve import Refusal, Stack, library_row, solve, stack_for

PREFIX = "solved-"
_NAME = re.compile(r"solved-(\d+(?:\.\d+)*)-cu(\d+)(\d)(?:-([a-z]+))?")
# The Pythons a new environment may get, the one that most people have tried first.
_PYTHONS = ("3.11", "3.12", "3.10", "3.13", "3.14")


def solved_profile(
    architectures: tuple[str, ...], driver: str, pythons: tuple[str, ...] = (), *, trainer: str = "bundled"
) -> Profile | Refusal:
    """The profile of the newest stack for these GPUs, over all of `pythons` (empty: any that can be downloaded)."""
    libraries = "current" if trainer == "bundled" else "checkout"
    answers = [solve(architectures, driver, python, libraries=libraries) for python in pythons or _PYTHONS]
    stacks = [answer for answer in answers if isinstance(answer, Stack)]
    if not stacks:
        return next(answer for answer in answers if isinstance(answer, Refusal))
    return profile_of(max(stacks, key=lambda stack: tuple(map(int, stack.torch.split(".")))), libraries)


def load_solved(name: str) -> Profile:
    """The profile of that name. Raises KeyError when the tables have no such build or libraries."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise KeyError(_("no profile {name!r}; a solved one looks like solved-2.14.1-cu126", name=name))
    try:
        library_row(match[4] or "current")
    except ValueError as error:
        raise KeyError(str(error)) from error
    return profile_of(stack_for(match[1], f"{match[2]}.{match[3]}"), match[4] or "current")


def profile_of(stack: Stack, libraries: str) -> Profile:
    """The stack with those libraries, as a profile to check against and to install."""
    row = library_row(libraries)
    base = load(row["locks"])
    pythons = [python for python in stack.python if satisfies(python, row["python"])]
    preferred = next(python for python in _PYTHONS if python in pythons)
    suffix = "" if libraries == "current" else f"-{libraries}"
    built = ("torch", "torchvision") if row["with_torchvision"] else ("torch",)
    versions = {"torch": stack.torch, "torchvision": stack.torchvision}
    return Profile(
        name=f"{PREFIX}{stack.torch}-{stack.local}{suffix}",
        title=_("Solved from the tables: torch {torch}, CUDA {cuda}", torch=stack.torch, cuda=stack.cuda),
        summary=_(
            "torch {torch} for CUDA {cuda} with the libraries of profile {base}; nobody has tried it yet.",
            torch=stack.torch,
            cuda=stack.cuda,
            base=base.name,
        ),
        python=f">={pythons[0]},<3.{int(minor(pythons[-1]).partition('.')[2]) + 1}",
        python_preferred=preferred,
        packages={**base.packages, **{name: versions[name] for name in built}},
        optional={name: version for name, version in base.optional.items() if name not in versions},
        bounds={name: bound for name, bound in base.bounds.items() if name not in versions},
        cuda=stack.cuda,
        driver_min=stack.driver_min,
        driver_recommended=stack.driver_recommended,
        architectures=stack.architectures,
        indexes=(Index("default", ""), *_indexes(stack, built)),
        lock=f"{base.name}.py{preferred.replace('.', '')}.txt",
        tier=stack.tier,
        risks=(*stack.caveats, *_about_xformers(stack)),
        download_bytes=_SIZE if base.cuda else _SIZE + base.download_bytes,
        disk_bytes=2 * _SIZE if base.cuda else 2 * _SIZE + base.disk_bytes,
        machines=("x86_64",),
        trainers=tuple(row["trainers"]),
        checked=row["checked"],
        sources=(*stack.sources, row["source"]),
        borrowed=base.name,
        follows_torch=tuple(row["follows_torch"]),
        built=dict.fromkeys(built, f"+{stack.local}" if stack.index_url else ""),
    )


_SIZE = 4_300_000_000  # bytes: the largest of the shipped CUDA profiles; unpacked they take less than twice that


def _indexes(stack: Stack, built: tuple[str, ...]) -> tuple[Index, ...]:
    if not stack.index_url:
        return ()
    return tuple(
        Index(f"pytorch-{stack.local}-{name}", f"{stack.index_url}{name}/", "find-links", (name,)) for name in built
    )


def _about_xformers(stack: Stack) -> tuple[str, ...]:
    if stack.xformers:
        return (_("xformers, if you want it: {version} (not needed)", version=stack.xformers),)
    return (_("no xformers goes with it ({why}); it is not needed", why=stack.why_no_xformers),)
