"""Proof that an edit changed what it meant to and nothing else."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from ..language import _
from .model import Change, PatchError
from .source import Source

_PLACE = object()
Spans = list[tuple[int, int, bool]]
"""Start and end of what was changed, and whether something stands there both before and after."""


def apply_changes(text: str, changes: Sequence[Change]) -> str:
    """The text with all changes made. Raises PatchError when two of them touch the same characters."""
    done = len(text)
    for change in sorted(changes, key=lambda change: change.start, reverse=True):
        if change.end > done:
            raise PatchError(_("two changes of one edit overlap"))
        text = text[: change.start] + change.text + text[change.end :]
        done = change.start
    return text


def verify_outside(before: Source, after: Source, changes: Sequence[Change]) -> None:
    """Compare both syntax trees outside the changed characters.

    Raises PatchError when they differ, UnreadableError when the new text does not parse.
    """
    old_spans: Spans = []
    new_spans: Spans = []
    shift = 0
    for change in sorted(changes, key=lambda change: change.start):
        start = change.start + shift
        lasting = change.start < change.end and bool(change.text.strip())
        old_spans.append((change.start, change.end, lasting))
        new_spans.append((start, start + len(change.text), lasting))
        shift += len(change.text) - (change.end - change.start)
    if _outline(before, old_spans) != _outline(after, new_spans):
        raise PatchError(_("{path}: the edit would change more than its place; nothing was edited", path=before.path))


def _outline(source: Source, spans: Spans) -> list[object]:
    """The tree as a flat list, with no more than a mark of where the nodes inside `spans` are.

    The mark tells an `elif` from an `if` behind the other one. Without recursion, so that no depth of nesting can
    end it.
    """
    outline: list[object] = []
    stack: list[object] = [source.tree]
    while stack:
        item = stack.pop()
        place = _place(item, source, spans)
        if place is not None:
            if place and outline[-1] is not _PLACE:
                outline.append(_PLACE)
        elif isinstance(item, list):
            outline.append("[")
            stack += ["]", *reversed(item)]
        elif isinstance(item, ast.AST):
            outline.append(type(item).__name__)
            # Of a long string in which a line was changed the text is not compared.
            if not (isinstance(item, ast.Constant) and _is_touched(item, source, spans)):
                stack += reversed([getattr(item, name, None) for name in item._fields])
        else:
            outline.append(repr(item))
    return outline


def _place(item: object, source: Source, spans: Spans) -> bool | None:
    """For what lies inside one of `spans`: whether something stands there before and after; None for all else."""
    if not isinstance(item, ast.AST) or not hasattr(item, "end_lineno"):
        return None
    start, end = source.span(item)
    return next((lasting for first, last, lasting in spans if first <= start and end <= last), None)


def _is_touched(item: ast.AST, source: Source, spans: Spans) -> bool:
    start, end = source.span(item)
    return any(first < end and start < last for first, last, __ in spans)
