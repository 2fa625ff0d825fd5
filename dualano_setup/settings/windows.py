"""What editors and habits of Windows leave in dualano.toml, in words."""

from __future__ import annotations

import codecs
import re
from typing import Any

from ..language import _

_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_QUOTED = re.compile(rb'=\s*"([^"\n]*\\[^"\n]*)"')
_DRIVE = re.compile(r"[A-Za-z]:[^\\/]*[\x00-\x1f]")


def from_windows(data: bytes) -> str:
    """Why a file that is no TOML is none, where Windows is the reason; else nothing."""
    if data.startswith(_MARKS):
        return _(
            "it begins with a byte order mark, as editors on Windows write it. Save it as UTF-8 without one "
            '("UTF-8", not "UTF-8 with BOM" nor "Unicode").'
        )
    for number, line in enumerate(data.splitlines(), 1):
        if found := _QUOTED.search(line):
            return _("line {number}: {advice}", number=number, advice=_advice(found[1].decode("utf-8", "replace")))
    return ""


def eaten_backslash(document: object) -> str:
    """The same for a path that was read as something else: in "C:\\new" the `\\n` is a line's end."""
    if isinstance(document, str):
        return _advice(document.encode("unicode_escape").decode()) if _DRIVE.match(document) else ""
    inner: list[Any] = list(document.values()) if isinstance(document, dict) else []
    inner = document if isinstance(document, list) else inner
    return next(filter(None, map(eaten_backslash, inner)), "")


def _advice(path: str) -> str:
    return _(
        "in double quotes a backslash begins an escape. Write a Windows path in single quotes ('{path}') or with "
        'forward slashes ("{forward}").',
        path=path,
        forward=path.replace("\\", "/"),
    )
