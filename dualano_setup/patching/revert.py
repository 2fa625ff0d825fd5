"""The way back: the kept original when the file is as we left it, else the same changes undone around later ones."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from pathlib import Path

from ..language import _
from .model import FileEdit, Refusal
from .source import UnreadableError, read_bounded

_LINES = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")


def plan_revert(checkout: Path, applied: Sequence[FileEdit]) -> tuple[tuple[FileEdit, ...], tuple[Refusal, ...]]:
    """The files that would be written to undo `applied`, and those that cannot be, with the reason.

    A file whose bytes are still those that were written gets its original back, byte for byte. In one that
    was edited since, our lines go back and the other edits stay, where the two do not meet. When any file is
    refused nothing is returned to write: a patch is on all of its files or on none.
    """
    edits: list[FileEdit] = []
    refusals: list[Refusal] = []
    for edit in applied:
        relative = edit.path.relative_to(checkout).as_posix()
        try:
            current = read_bounded(checkout, relative)
            if current is None:
                raise UnreadableError(_("it is gone; its original is kept"))
            restored = edit.before if current == edit.after else _undo_lines(edit, current)
        except UnreadableError as error:
            refusals.append(Refusal(relative, str(error)))
            continue
        if restored != current:
            edits.append(FileEdit(edit.path, current, restored, edit.patches))
    return (() if refusals else tuple(edits)), tuple(refusals)


def _undo_lines(edit: FileEdit, current: bytes) -> bytes:
    """Put our changed lines back into a file that was edited since.

    Raises UnreadableError, naming the first line concerned, where somebody changed those lines too.
    """
    if current == edit.before:
        return current
    written, before, now = _LINES.findall(edit.after), _LINES.findall(edit.before), _LINES.findall(current)
    kept = [
        block
        for block in difflib.SequenceMatcher(None, written, now, autojunk=False).get_matching_blocks()
        if block.size
    ]
    ours = difflib.SequenceMatcher(None, written, before, autojunk=False).get_opcodes()
    for tag, start, end, old_start, old_end in reversed(ours):
        if tag == "equal":
            continue
        # The lines around the change must stand too, else an insertion point would be a guess.
        first, last = max(start - 1, 0), min(end + 1, len(written))
        home = next((b for b in kept if b.a <= first and last <= b.a + b.size), None)
        if home is None:
            raise UnreadableError(
                _(
                    "its line {start} was changed since it was patched ({patches}); take it back by hand",
                    start=start + 1,
                    patches=", ".join(edit.patches),
                )
            )
        shift = home.b - home.a
        now[start + shift : end + shift] = before[old_start:old_end]
    return b"".join(now)
