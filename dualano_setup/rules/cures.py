"""The commands a person would type to put packages right."""

from __future__ import annotations

import shlex

from ..facts.sheet import Environment
from ..knowledge.profile import Profile


def pins(profile: Profile, python: str | None = None) -> dict[str, str]:
    """The profile's exact versions for that Python, local parts included; the preferred Python's where it has none."""
    try:
        return profile.locked(python)
    except KeyError:
        return profile.locked()


def install_command(environment: Environment, profile: Profile, *names: str) -> str:
    """One uv command that installs the profile's pins of these packages into that environment."""
    exact = pins(profile, environment.python)
    versions = {**profile.packages, **profile.optional, **exact}
    pages = [index.url for index in profile.indexes if index.kind == "find-links" and set(index.packages) & set(names)]
    wanted = [f"{name}=={versions[name]}" if name in versions else name for name in names]
    words = ["uv", "pip", "install", "--python", environment.interpreter]
    words += [word for page in pages for word in ("--find-links", page)]
    return shlex.join([*words, *wanted])


def uninstall_command(environment: Environment, *names: str) -> str:
    """One uv command that removes these packages from that environment."""
    return shlex.join(["uv", "pip", "uninstall", "--python", environment.interpreter, *names])
