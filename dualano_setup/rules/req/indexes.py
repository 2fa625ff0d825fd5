"""Whether the CUDA builds that a requirements file pins come from an index that somebody named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...language import _
from ..wording import listing, shown

if TYPE_CHECKING:
    from ...facts.sheet import Installers, RequirementLine, RequirementsFile

_LOCAL = re.compile(r"==[^,+]+\+(cu\d{2,3}|cpu|rocm[\d.]+)$")
_PYTORCH = re.compile(r"https?://download\.pytorch\.org/whl(?:/([\w.]+))?", re.IGNORECASE)
SERVED = ("torch", "torchvision", "torchaudio", "xformers")
"""Packages with a page of their own below https://download.pytorch.org/whl/<build>/."""

_ADDRESSES = ("--index-url", "--extra-index-url", "--find-links")


def check_indexes(file: RequirementsFile, installers: Installers | None) -> Iterator[tuple[str, str, int]]:
    """(what was seen, cure, line number) of every pin without its index, and of an index that hides the others."""
    configured = _configured(installers)
    served = served_builds(file)
    for build, lines in local_builds(file).items():
        if build not in served and not any(_serves(url, build) for url in configured):
            names = listing(line.text.strip() for line in lines)
            yield (
                _(
                    "{names}: builds for `{build}` are not on the default index, and the file names no other",
                    names=names,
                    build=build,
                ),
                _(
                    "Add `--find-links https://download.pytorch.org/whl/{build}/{name}/` (one line a package).",
                    build=build,
                    name=lines[0].name,
                ),
                lines[0].number,
            )
    for line in hiding_indexes(file):
        others = [other.name for other in file.lines if other.name and other.name not in SERVED]
        yield (
            _(
                "`--index-url {line}` replaces the default index, and {others} is not there",
                line=shown(line.value),
                others=others[0],
            ),
            _("Name it with `--find-links`, one page a package, and leave the default index in place."),
            line.number,
        )


def hiding_indexes(file: RequirementsFile) -> list[RequirementLine]:
    """`--index-url` lines that put PyTorch's index in the place of the default one, for packages it does not have."""
    others = any(line.name and line.name not in SERVED for line in file.lines)
    if not others or any(line.option == "--extra-index-url" for line in file.lines):
        return []
    return [line for line in file.lines if line.option == "--index-url" and _PYTORCH.match(line.value)]


def served_builds(file: RequirementsFile) -> set[str]:
    """The builds that an address in the file can have."""
    given = [line.value for line in file.lines if line.option in _ADDRESSES]
    return {build for build in local_builds(file) if any(_serves(url, build) for url in given)}


def local_builds(file: RequirementsFile) -> dict[str, list[RequirementLine]]:
    """Pins with a local build part, by build: "cu118" -> [torch==2.0.1+cu118, ...]."""
    builds: dict[str, list[RequirementLine]] = {}
    for line in file.lines:
        found = _LOCAL.search(line.specifier)
        if found and not line.error:
            builds.setdefault(found[1], []).append(line)
    return builds


def _serves(url: str, build: str) -> bool:
    """Whether an address can have that build: PyTorch's page for it, or a mirror that we know nothing about."""
    found = _PYTORCH.match(url)
    return found is None or found[1] in (build, "torch_stable.html")


def _configured(installers: Installers | None) -> list[str]:
    if installers is None:
        return []
    both = (installers.pip, installers.uv)
    return [url for config in both for url in (*config.find_links, *config.extra_index_urls) if _PYTORCH.match(url)]
