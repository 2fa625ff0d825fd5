"""Edits that the syntax tree cannot carry: lines of shell scripts and templates, and a file that does not parse."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from ..language import _
from .model import Change, Edit, Judgement, PatchError
from .parameters import Values, fill_shell, unfilled
from .placeholders import is_usable_path
from .source import Source, UnreadableError, parse


def judge_line(edit: Edit, source: Source, values: Values) -> Judgement:
    """Compare the group `value` of every line that `find` matches with what `put` says."""
    regions = list(_regions(edit, source))
    if not regions:
        return Judgement("missing", _("no string named {inside}", inside=edit.inside))
    pattern = re.compile(edit.find, re.MULTILINE)
    found = [match for start, end in regions for match in pattern.finditer(source.text, start, end)]
    if not found:
        return Judgement("missing", _("no line like {find!r}", find=edit.find))
    lacking = unfilled(edit, values)
    if lacking:
        if edit.where.get("value") == "path" and all(is_usable_path(match["value"].strip("\"'")) for match in found):
            return Judgement(
                "equivalent", _("set by hand to {value}", value=", ".join(match["value"] for match in found))
            )
        return Judgement("before", _("no value for {lacking}", lacking=", ".join(lacking)))
    try:
        wanted = fill_shell(edit.put, values, in_format=bool(edit.inside))
    except PatchError as error:
        return Judgement("before", str(error))
    todo = [match for match in found if match["value"] != wanted]
    changes = tuple(Change(match.start("value"), match.end("value"), wanted) for match in todo)
    if not todo:
        return Judgement("after")
    return Judgement("before" if len(todo) == len(found) else "partly", "", changes)


def judge_dedent(source: Source) -> Judgement:
    """Whether the first statement's stray indentation is what keeps the file from parsing."""
    try:
        parse(source.text)
    except UnreadableError as error:
        first = re.search(r"^[ \t]+(?=[^\s#])", source.text, re.MULTILINE)
        if first is None or re.search(r"^[^\s#]", source.text[: first.start()], re.MULTILINE):
            return Judgement("drifted", _("{error}, and not because the first statement is indented", error=error))
        change = Change(first.start(), first.end(), "")
        try:
            parse(source.text[: change.start] + source.text[change.end :])
        except UnreadableError as still:
            return Judgement(
                "drifted", _("{error}; without the first line's indentation it still {still}", error=error, still=still)
            )
        return Judgement("before", str(error), (change,))
    return Judgement("after")


def _regions(edit: Edit, source: Source) -> Iterator[tuple[int, int]]:
    if not edit.inside:
        yield 0, len(source.text)
        return
    for node in source.tree.body:
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
            and any(isinstance(target, ast.Name) and target.id == edit.inside for target in node.targets)
        ):
            yield source.span(node.value)
