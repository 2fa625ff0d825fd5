"""REQ003's lines of another platform: what `pip freeze` on another machine wrote down, and no installer here finds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ...facts.fact import value
from ...language import _
from ...light_dataclasses import dataclass
from ..rule import Context
from .pin_knowledge import elsewhere, is_built_elsewhere

if TYPE_CHECKING:
    from ...facts.sheet import RequirementLine

_WINDOWS_PATH = re.compile(r"(?:file:/{0,3})?[A-Za-z]:[\\/]")
_WHEEL = re.compile(r"-([A-Za-z0-9_.]+)\.whl(?:#|$)")
_EVERYWHERE = ("any", "linux", "manylinux", "musllinux")


@dataclass(frozen=True, slots=True)
class Foreign:
    """Why a line is nothing for this machine, and whether it stops an installer."""

    because: str
    stops: bool = True
    source: str = ""


def foreign(context: Context, line: RequirementLine) -> Foreign | None:
    """What makes the line one of another platform or machine; None for all others, and where a marker decides."""
    if line.marker or line.error or line.option or is_built_elsewhere(line.url):
        return None
    if not line.url:
        row = next((row for row in elsewhere() if row.name == line.name), None)
        return Foreign(_(row.because), not row.installs, row.source) if row else None
    wheel = _WHEEL.search(line.url)
    if wheel and not _suits(context, wheel[1]):
        return Foreign(_("it is a file for {platform}", platform=wheel[1]))
    if _WINDOWS_PATH.match(line.url):
        return Foreign(_("it names a folder of a Windows machine"))
    return Foreign(_("it names a file that is not on this machine")) if line.gone else None


def _suits(context: Context, tag: str) -> bool:
    """Whether this Linux takes a wheel of that platform tag ("win_amd64", "manylinux2014_x86_64")."""
    machine = value(context.sheet.machine)
    architecture = machine.architecture if machine else "x86_64"
    return any(
        one == "any" or (one.startswith(_EVERYWHERE) and one.endswith(architecture)) for one in tag.lower().split(".")
    )
