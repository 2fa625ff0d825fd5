"""How findings name files, lists, sizes and strangers' text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePath

from ..language import N_, _

_MAX_NAME = 160
GIB = 1024**3


def shown(text: object) -> str:
    """Text from outside, safe on a terminal and in JSON: control characters and broken bytes spelt out, bounded."""
    plain = str(text).encode("utf-8", "backslashreplace").decode("utf-8")
    plain = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in plain)
    return plain if len(plain) <= _MAX_NAME else plain[: _MAX_NAME - 1] + "…"


def name_of(path: str) -> str:
    """The last component of a path, safe to show."""
    return shown(PurePath(path).name)


def listing(names: Iterable[object], limit: int = 6) -> str:
    """`a, b, c and 12 more`."""
    items = [shown(name) for name in names]
    named = ", ".join(items[:limit])
    return _("{names} and {number} more", names=named, number=len(items) - limit) if len(items) > limit else named


def nearest(name: str, names: Sequence[str]) -> str:
    """`; did you mean X?` where one of the names is close, else nothing."""
    import difflib  # 1.5 ms, and few files hold a name that nobody knows

    lower = {known.lower(): known for known in names}
    found = difflib.get_close_matches(name.lower(), lower, 1, 0.6)
    return _("; did you mean `{name}`?", name=shown(lower[found[0]])) if found else ""


def gib(size: float) -> str:
    """Bytes for people: "19.6 GiB"."""
    return f"{size / GIB:.1f} GiB"


IMAGES = N_("{number} image"), N_("{number} images")
MASKS = N_("{number} mask"), N_("{number} masks")
FOREGROUND_MASKS = N_("{number} foreground mask"), N_("{number} foreground masks")
GOOD_IMAGES = N_("{number} good training image"), N_("{number} good training images")
FILES = N_("{number} file"), N_("{number} files")
ENTRIES = N_("{number} entry"), N_("{number} entries")


def count(number: int, of: tuple[str, str]) -> str:
    """`1 image`, `3 images`: one of the pairs above, with its number."""
    return _(of[number != 1], number=number)
