"""Proof that an edit changed what it meant to and nothing else."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from dualano_setup.patching.model import Change, PatchError
from dualano_setup.patching.source import Source

from ..language import _

Spans = list[tuple[int, int]]


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
    old_spans: Spans = [(change.start, change.end) for change in changes]
    new_spans: Spans = []
    shift = 0
    for change in sorted(changes, key=lambda change: change.start):
        start = change.start + shift
        new_spans.append((start, start + len(change.text)))
        shift += len(change.text) - (change.end - change.start)
    if _outline(before, old_spans) != _outline(after, new_spans):
        raise PatchError(_("{path}: the edit would change more than its place; nothing was edited", path=before.path))


def _outline(source: Source, spans: Spans) -> list[object]:
    """The tree as a flat list, without the nodes that lie inside `spans`.

    Without recursion, so that no depth of nesting can end it.
    """
    outline: list[object] = []
    stack: list[object] = [source.tree]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            outline.append("[")
            stack += ["]", *reversed([entry for entry in item if not _inside(entry, source, spans)])]
        elif isinstance(item, ast.AST):
            if _inside(item, source, spans):
                continue
            outline.append(type(item).__name__)
            if isinstance(item, ast.Constant) and _touched(item, source, spans):
                continue  # a line inside a long string was changed
            stack += reversed([getattr(item, name, None) for name in item._fields])
        else:
            outline.append(repr(item))
    return outline


def _inside(item: object, source: Source, spans: Spans) -> bool:
    if not isinstance(item, ast.AST) or not hasattr(item, "end_lineno"):
        return False
    start, end = source.span(item)
    return any(first <= start and end <= last for first, last in spans)


def _touched(item: ast.AST, source: Source, spans: Spans) -> bool:
    start, end = source.span(item)
    return any(first < end and start < last for first, last in spans)
