"""Paths in the checkout that are nobody's, or somebody else's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, NamedTuple

from .source import UnreadableError, read_bounded

Kind = Literal["placeholder", "foreign", "empty", "optional"]
"""An example; in a home folder that is not here; the empty string where a folder belongs; or any of them where
the authors' scripts call U-2-Net, which is needed only to cut generated images out."""

_PLACEHOLDER = re.compile(r"""/?path/to(?:/[^\s"'\\;]*)?|/?your[_/-]path[^\s"'\\;]*""")
_HOME = re.compile(r"""(?<![\w.~-])/(?:home|Users)/[^\s/"'\\;{}$]+(?:/[^\s"'\\;{}$]*)?""")
_EMPTY = re.compile(r"""\b(?:condition_dir|mask_dir|model_path|data_root)\s*=\s*(?P<text>''|"")""")
_U2NET = re.compile(r"u-?2-?net", re.IGNORECASE)
_COMMENT = re.compile(r"^\s*#")
_QUOTED = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"")


class Placeholder(NamedTuple):
    """A path literal that no machine, or only another one, has; `line` counts from 1."""

    file: str
    line: int
    text: str
    kind: Kind


def is_placeholder(text: str) -> bool:
    """Whether a path is the kind of example that documentation leaves behind."""
    return not text or _PLACEHOLDER.match(text) is not None


def is_usable_path(text: str) -> bool:
    """Whether a literal names something on this machine by its absolute path."""
    if is_placeholder(text) or not text.startswith("/"):
        return False
    try:
        return Path(text.split("{", 1)[0]).exists()
    except (OSError, ValueError):
        return False


def placeholder_paths(checkout: Path) -> tuple[Placeholder, ...]:
    """Every such literal in the scripts that a run starts: those at the top of each folder of the checkout.

    Comments do not count, nor do home folders that exist here. Files that cannot be read safely are passed
    over; `inspect` names those that matter.
    """
    found: list[Placeholder] = []
    for folder in ("bcm-dual-interrelated_diff", "dual-interrelated_diff"):
        for path in sorted((checkout / folder).glob("*")):
            if path.suffix in (".py", ".sh"):
                found += _in_file(checkout, f"{folder}/{path.name}")
    return tuple(found)


def _in_file(checkout: Path, relative: str) -> list[Placeholder]:
    try:
        data = read_bounded(checkout, relative)
    except UnreadableError:
        return []
    found: list[Placeholder] = []
    for number, line in enumerate((data or b"").decode("utf-8", "replace").splitlines(), 1):
        if not _COMMENT.match(line):
            found += [Placeholder(relative, number, text, kind) for text, kind in _in_line(_code(line))]
    return found


def _code(line: str) -> str:
    """A line without its trailing comment; a `#` inside quotation marks is none."""
    masked = _QUOTED.sub(lambda match: "_" * len(match[0]), line)
    return line[: masked.index("#")] if "#" in masked else line


def _in_line(line: str) -> list[tuple[str, Kind]]:
    found: list[tuple[str, Kind]] = [(match[0], "placeholder") for match in _PLACEHOLDER.finditer(line)]
    found += [(match[0], "foreign") for match in _HOME.finditer(line) if not is_usable_path(match[0])]
    found += [(match["text"], "empty") for match in _EMPTY.finditer(line)]
    return [(text, "optional") for text, _ in found] if _U2NET.search(line) else found
