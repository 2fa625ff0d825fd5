"""Tools that can change environments, and how the user set them up."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...system.files import first_executable
from ..environment.probe import choose
from ..fact import Absent, Fact, Known
from ..sheet import Installers
from .pip_config import read_pip
from .pythons import find_conda, find_pythons
from .uv_config import read_uv

if TYPE_CHECKING:
    from ...settings.options import Settings


def probe(
    settings: Settings, variables: Mapping[str, str] | None = None, *, etc: str = "/etc", root: str = "/"
) -> Fact[Installers]:
    """Look for uv, conda and Pythons, and read pip's and uv's settings. Starts none of them."""
    variables = os.environ if variables is None else variables
    chosen = choose(settings, variables)
    return Known(
        Installers(
            pip=read_pip(variables, None if isinstance(chosen, Absent) else chosen[0], etc),
            uv=read_uv(variables, settings.project, etc),
            uv_path=find_uv(variables),
            conda_path=find_conda(variables),
            pythons=find_pythons(variables, root),
        )
    )


def find_uv(variables: Mapping[str, str]) -> str | None:
    """The uv that came with us, else the user's own.

    By the places that an installer puts programs in: beside our interpreter, in the user's own bin folder, on PATH.
    (The `uv` package would say it too, after importing sysconfig and itself.)
    """
    name = "uv.exe" if os.name == "nt" else "uv"
    home = variables.get("HOME") or os.path.expanduser("~")
    folders = [os.path.dirname(sys.executable), os.path.join(sys.prefix, "bin"), os.path.join(home, ".local", "bin")]
    folders += variables.get("PATH", os.defpath).split(os.pathsep)
    return first_executable(os.path.join(folder, name) for folder in folders if folder)
