"""A source file read safely: bounded, never followed out of the checkout, never executed.

Positions of the syntax tree are turned into character offsets of the text as it stands on disk, so that an
edit touches nothing else: line endings, byte order mark and encoding stay.
"""

from __future__ import annotations

import ast
import io
import re
import stat
import tokenize
import warnings
from functools import cached_property
from pathlib import Path

from ..language import _
from ..system.files import read_part

MAX_BYTES = 2_000_000
"""Ten times the largest file of the checkout; more is not source that anyone wrote."""
MAX_LINE = 20_000
"""Characters; keeps the parser's own recursion far from the end of its stack."""

_BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(r"\r\n|\r|\n")  # what the tokenizer takes for one; str.splitlines knows more


class UnreadableError(Exception):
    """The file cannot be looked at as source; the message says why."""


def read_bounded(checkout: Path, relative: str) -> bytes | None:
    """The bytes of a regular file inside `checkout`, or None when there is none.

    Raises UnreadableError for a link that leaves the checkout, for what is not a regular file, and for what is too
    large to be source.
    """
    path = checkout / relative
    try:
        if not path.resolve().is_relative_to(checkout.resolve()):
            raise UnreadableError(_("leads out of the checkout through a link; not followed"))
        if not stat.S_ISREG(path.stat().st_mode):
            raise UnreadableError(_("not a regular file"))
        data = read_part(path, MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, RuntimeError) as error:
        raise UnreadableError(_("cannot be read: {error}", error=error)) from error
    if len(data) > MAX_BYTES:
        raise UnreadableError(_("larger than {max_bytes} MB", max_bytes=MAX_BYTES // 1000000))
    if max(map(len, re.split(rb"[\r\n]", data))) > MAX_LINE:
        raise UnreadableError(_("has a line longer than {max_line} bytes", max_line=MAX_LINE))
    return data


class Source:
    """The text of one file, with its tree and its offsets made when first asked for."""

    def __init__(self, path: str, text: str, encoding: str, bom: bool) -> None:
        self.path = path
        self.text = text
        self.encoding = encoding
        self.bom = bom
        self._index: dict[int, dict[type[ast.AST], list[ast.AST]]] = {}
        self._blocks: dict[int, list[tuple[ast.stmt, ...]]] = {}

    @classmethod
    def of(cls, path: str, data: bytes) -> Source:
        """Decode `data` as Python would. Raises UnreadableError when it would not come back byte for byte."""
        bom = data.startswith(_BOM)
        try:
            encoding, __ = tokenize.detect_encoding(io.BytesIO(data).readline)
            encoding = "utf-8" if encoding == "utf-8-sig" else encoding
            body = data.removeprefix(_BOM)
            text = body.decode(encoding)
            if text.encode(encoding) != body:
                raise UnreadableError(_("does not survive being read as {encoding}", encoding=encoding))
        except (SyntaxError, UnicodeError, LookupError) as error:
            raise UnreadableError(_("not readable as text: {error}", error=error)) from error
        return cls(path, text, encoding, bom)

    def with_text(self, text: str) -> Source:
        """The same file with other text."""
        return Source(self.path, text, self.encoding, self.bom)

    def to_bytes(self) -> bytes:
        """What belongs on disk. Raises UnreadableError when a value does not exist in the file's encoding."""
        try:
            return (_BOM if self.bom else b"") + self.text.encode(self.encoding)
        except UnicodeEncodeError as error:
            raise UnreadableError(
                _(
                    "the file is {encoding}, which cannot hold the new text: {error}",
                    encoding=self.encoding,
                    error=error,
                )
            ) from error

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree. Raises UnreadableError when there is none."""
        return parse(self.text)

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(match.end() for match in _LINE_END.finditer(self.text))]

    @cached_property
    def newline(self) -> str:
        """The line ending that most lines have; LF when there is none yet."""
        ends: list[str] = _LINE_END.findall(self.text)
        return max(("\n", "\r\n", "\r"), key=ends.count)

    def offset(self, line: int, column: int) -> int:
        """Character offset of a position that counts lines from 1 and columns in UTF-8 bytes, as `ast` does."""
        start = self._starts[line - 1]
        lead = self.text[start : start + column]  # at least as much: a character has one byte or more
        if lead.isascii():
            return start + column
        return start + len(lead.encode("utf-8", "surrogatepass")[:column].decode("utf-8", "surrogatepass"))

    def span(self, first: ast.AST, last: ast.AST | None = None) -> tuple[int, int]:
        """Start and end offset of a node, or of the run from `first` to `last`; decorators included."""
        last = last or first
        decorators = getattr(first, "decorator_list", None)
        top: ast.AST = decorators[0] if decorators else first
        start = self.offset(top.lineno, top.col_offset)  # type: ignore[attr-defined]
        if decorators:
            start = self.text.rindex("@", 0, start)
        return start, self.offset(last.end_lineno, last.end_col_offset)  # type: ignore[attr-defined]

    def line_bounds(self, start: int, end: int) -> tuple[int, int]:
        """The offsets of the whole lines that hold `start` to `end`, with the last line's ending."""
        head = max(self.text.rfind("\n", 0, start), self.text.rfind("\r", 0, start)) + 1
        tail = _LINE_END.search(self.text, end)
        return head, tail.end() if tail else len(self.text)

    def nodes(self, scope: ast.AST) -> dict[type[ast.AST], list[ast.AST]]:
        """Every node under `scope` by its type; made once per scope."""
        index = self._index.get(id(scope))
        if index is None:
            index = self._index[id(scope)] = {}
            for node in ast.walk(scope):
                index.setdefault(type(node), []).append(node)
        return index

    def blocks(self, scope: ast.AST) -> list[tuple[ast.stmt, ...]]:
        """Every list of statements under `scope`; expressions, nine nodes in ten, are not entered."""
        found = self._blocks.get(id(scope))
        if found is None:
            found = self._blocks[id(scope)] = []
            stack = [scope]
            while stack:
                node = stack.pop()
                for name in ("body", "orelse", "finalbody", "handlers", "cases"):
                    block = getattr(node, name, None)
                    if isinstance(block, list) and block:
                        stack += block
                        if isinstance(block[0], ast.stmt):
                            found.append(tuple(block))
        return found


def parse(text: str) -> ast.Module:
    """Parse without running. Raises UnreadableError, naming the line, when the text is not Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        raise UnreadableError(_("does not parse: {msg} (line {lineno})", msg=error.msg, lineno=error.lineno)) from error
    except ValueError as error:
        raise UnreadableError(_("does not parse: {error}", error=error)) from error
    except (RecursionError, MemoryError) as error:
        raise UnreadableError(_("nested too deeply to be read")) from error
