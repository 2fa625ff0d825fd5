"""Every profile by its name: the shipped ones, and those that the tables give."""

from __future__ import annotations

from ..errors import UsageError
from . import shipped
from .profile import Profile


def load(name: str) -> Profile:
    """The profile of that name, a shipped or a solved one. Raises KeyError with the known names when there is none."""
    if name.startswith("solved-"):
        from .solved import load_solved  # most machines need no solved one, and read no tables

        return load_solved(name)
    return shipped.load(name)


def load_named(name: str) -> Profile:
    """The profile that a user named. Raises UsageError with the known names when there is none."""
    try:
        return load(name)
    except KeyError as error:
        raise UsageError(str(error.args[0])) from error
