"""The checkout's requirements.txt as a fact: its text, its lines, and what files beside it say."""

from __future__ import annotations

import codecs
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from ...language import _
from ...light_dataclasses import replace
from ...system.files import NotRegularError, list_folder, plain_error, read_whole, text_at
from ...versions import normalise
from ..fact import Absent, Fact, Known, Unknown
from ..sheet import RequirementLine, RequirementsFile
from .requirement_lines import parse_lines

if TYPE_CHECKING:
    from ...settings.options import Settings

FILE_NAME = "requirements.txt"
MAX_BYTES = 1 << 20
_MAX_SIBLING = 1 << 18
_MAX_SIBLINGS = 20
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""pip and uv read all of these; the order matters, as one mark begins with another."""
_CONFLICT = re.compile(r"^(<{7}|={7}|>{7}|\|{7})(?: |$)", re.MULTILINE)
_PAGE = re.compile(r"\ufeff?\s*<(?:!doctype\s+html|html\b)", re.IGNORECASE)
_PIN = re.compile(r"(?<![\w.-])([A-Za-z][\w.-]*)==(\d[\w.]*(?:\+[\w.]+)?)(?![\w.*])", re.ASCII)
_SIBLING = re.compile(
    r"(?:constraints?|requirements?|readme|install|environment|setup)[\w.-]*\.(?:txt|in|md|rst|sh)", re.I
)


def probe(settings: Settings) -> Fact[RequirementsFile]:
    """Read the requirements file of the checkout. Absent with a `source` means: looked for, and not there."""
    if settings.checkout is None:
        return Absent(_("no checkout is named (--checkout, or `checkout` in dualano.toml)"))
    path = settings.checkout / FILE_NAME
    try:
        data = read_whole(path, MAX_BYTES)
    except FileNotFoundError:
        return Absent(_("{path} is not there", path=path), str(path))
    except NotRegularError as error:
        return Known(RequirementsFile(str(path), "", (), problem=str(error), problem_kind="unreadable"), str(path))
    except (OSError, ValueError) as error:
        return Unknown(plain_error(error), str(path))
    return Known(read_requirements(str(path), data, _siblings(settings.checkout)), str(path))


def read_requirements(path: str, data: bytes, siblings: tuple[tuple[str, str], ...] = ()) -> RequirementsFile:
    """The file taken apart. Never raises: what cannot be read as text is named in `problem`."""
    text, encoding, problem, kind = decode(data)
    if kind in ("binary", "encoding"):
        return RequirementsFile(path, text, (), encoding, problem, kind, siblings)
    if _PAGE.match(text):
        problem = _("a web page, not a list of packages")
        return RequirementsFile(path, text, (), encoding, problem, "web-page", siblings)
    conflict = _CONFLICT.search(text)
    if conflict:
        line = text.count("\n", 0, conflict.start()) + 1
        problem, kind = (
            _("merge markers, first on line {line} (`{conflict}`)", line=line, conflict=conflict[1]),
            "merge-markers",
        )
    lines = tuple(_with_its_file(line) for line in parse_lines(text.removeprefix("\ufeff")))
    if not lines and not kind:
        problem, kind = _("it names no package"), "empty"
    return RequirementsFile(path, text, lines, encoding, problem, kind, siblings)


def _with_its_file(line: RequirementLine) -> RequirementLine:
    """The line, `gone` where it refers to an absolute path at which nothing is."""
    if not line.url.startswith(("file:///", "/")):
        return line
    path = unquote(line.url.removeprefix("file://").partition("#")[0])
    return line if os.path.lexists(path) else replace(line, gone=True)


def decode(data: bytes) -> tuple[str, str, str, str]:
    """(text, encoding, problem, kind of problem) of a requirements file's bytes; `encode` is the way back.

    A byte order mark stays in the text as its first character. Text that is neither UTF-8 nor marked otherwise is
    given as Latin-1, byte for byte, so that it can be shown.
    """
    encoding = next((name for mark, name in _BOMS if data.startswith(mark)), "utf-8")
    if encoding == "utf-8" and b"\0" in data:
        return data.decode("latin-1"), "latin-1", _("binary: it holds zero bytes"), "binary"
    try:
        return data.decode(encoding), encoding, "", ""
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        seen = _(
            "not {encoding} (byte {data:#04x} on line {line})",
            encoding=encoding.upper(),
            data=data[error.start],
            line=line,
        )
        return data.decode("latin-1"), "latin-1", seen, "encoding"


def encode(text: str, encoding: str) -> bytes:
    """The bytes that `decode` made `text` from."""
    return text.encode(encoding)


def _siblings(checkout: Path) -> tuple[tuple[str, str], ...]:
    """Pins in the files around it: constraints, other requirements files, the README's list, install scripts."""
    try:
        names = [name for name in list_folder(checkout).files if name != FILE_NAME and _SIBLING.fullmatch(name)]
    except OSError:
        return ()
    pins: dict[tuple[str, str], None] = {}
    for name in names[:_MAX_SIBLINGS]:
        text = text_at(checkout / name, _MAX_SIBLING)
        pins.update({(normalise(found[1]), f"=={found[2].rstrip('.')}"): None for found in _PIN.finditer(text)})
    return tuple(pins)
