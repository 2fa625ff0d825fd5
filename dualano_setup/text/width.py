"""Text in columns of a terminal: East Asian characters are two wide, and may be broken between any two of them."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Iterator

# May not begin a line (closing brackets, commas, stops), or not end one (opening brackets).
_NOT_FIRST = frozenset("，。、；：？！）」』】》〉…—·,.;:?!)]}%")
_NOT_LAST = frozenset("（「『【《〈([{")
_READS_WELL, _LEAST = 104, 40  # columns of a text, what stands before it included
_INDENT = 4
_PAINT = r"\x1b\[[0-9;]*m"


def width(text: str) -> int:
    """Columns that the text takes; sequences that colour it take none."""
    bare = re.sub(_PAINT, "", text) if "\x1b" in text else text
    if bare.isascii():
        return len(bare)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in bare)


def wrap(text: str, columns: int) -> list[str]:
    """Lines of at most `columns`, broken at spaces and between wide characters; longer words stay whole.

    Commands and paths must survive copying: nothing is broken inside a word of narrow characters.
    """
    if text.isascii() and "\x1b" not in text:
        return textwrap.wrap(text, columns, break_long_words=False, break_on_hyphens=False)
    lines: list[str] = []
    line = ""
    for piece in _pieces(text):
        if line.strip() and width(line) + width(piece.rstrip()) > columns:
            lines.append(line.rstrip())
            line = piece.lstrip()
        else:
            line += piece
    return [*lines, line.rstrip()] if line.strip() else lines


def _pieces(text: str) -> Iterator[str]:
    """The text cut wherever a line may end; the pieces together are the text, its white space made single spaces."""
    piece = ""
    for char in " ".join(text.split()):
        if piece and _may_break(piece[-1], char):
            yield piece
            piece = ""
        piece += char
    if piece:
        yield piece


def _may_break(left: str, right: str) -> bool:
    if right == " " or right in _NOT_FIRST or left in _NOT_LAST:
        return False
    return left == " " or width(left) == 2 or width(right) == 2


def text_columns() -> int:
    """How wide text may be: the terminal, but no more than reads well, and a screen's width where there is none."""
    said = os.environ.get("COLUMNS", "")
    if said.isdigit() and int(said) > 0:
        columns = int(said)
    else:
        try:
            columns = os.get_terminal_size(1).columns or _READS_WELL
        except OSError:
            columns = _READS_WELL
    return max(_LEAST, min(_READS_WELL, columns) - _INDENT)
