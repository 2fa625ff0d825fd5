"""From a match to the changes of text that carry an edit out."""

from __future__ import annotations

import ast
import re

from ..language import _
from .model import Change, Edit, PatchError
from .pattern import Match, call_of, substitute
from .source import Source

_OPEN_PARENTHESIS = re.compile(r"[)\s\\]*\(")
_NOTHING_MORE = re.compile(r"[ \t;]*(#[^\r\n]*)?(\r\n|\r|\n)?\Z")


def change_for(edit: Edit, put: str, match: Match, source: Source) -> Change:
    """The change that one match needs. Raises PatchError when the place is written so that none is safe."""
    if edit.operation == "delete":
        return _delete(match, source)
    if edit.operation == "replace":
        return _replace(edit, put, match, source)
    return _insert(edit, put, match, source)


def indentation(source: Source, start: int) -> str:
    """The white space before `start` on its line. Raises PatchError when something else stands there."""
    head, __ = source.line_bounds(start, start)
    lead = source.text[head:start]
    if lead.strip():
        raise PatchError(_("another statement stands on the same line: {lead!r}", lead=lead.strip()))
    return lead


def _replace(edit: Edit, put: str, match: Match, source: Source) -> Change:
    if edit.target:
        node = match.bindings[edit.target]
        assert isinstance(node, ast.AST)
        start, end = source.span(node)
        return Change(start, end, _same_quotes(source.text[start:end], _render(put, "", match, source)))
    start, end = source.span(match.nodes[0], match.nodes[-1])
    lead = indentation(source, start) if "\n" in put.strip("\n") else ""
    return Change(start, end, _render(put, lead, match, source))


def _insert(edit: Edit, put: str, match: Match, source: Source) -> Change:
    start, end = source.span(match.nodes[0], match.nodes[-1])
    lead = indentation(source, start)
    head, tail = source.line_bounds(start, end)
    body = lead + _render(put, lead, match, source)
    if edit.operation == "insert_before":
        return Change(head, head, body + source.newline)
    if source.text[:tail].endswith(("\n", "\r")):
        return Change(tail, tail, body + source.newline)
    return Change(tail, tail, source.newline + body)  # the anchor is the last line, without an ending


def _delete(match: Match, source: Source) -> Change:
    """Take statements out, with their line when nothing else is on it; an emptied block gets `pass`."""
    start, end = source.span(match.nodes[0], match.nodes[-1])
    if len(match.nodes) == len(match.block):
        return Change(start, end, "pass")
    head, tail = source.line_bounds(start, end)
    if not source.text[head:start].strip() and _NOTHING_MORE.match(source.text[end:tail]):
        return Change(head, tail, "")
    following = re.match(r"[ \t]*;[ \t]*", source.text[end:tail])
    if following:
        return Change(start, end + following.end(), "")
    separator = source.text.rfind(";", head, start)
    if separator < 0:  # a line continued by a backslash, of which no part can go alone
        around = (source.text[head:start] + source.text[end:tail]).strip()
        raise PatchError(_("another statement stands on the same line: {lead!r}", lead=around))
    return Change(separator, end, "")


def _render(put: str, lead: str, match: Match, source: Source) -> str:
    """The replacement, indented like the place, with the file's line endings and the matched text put in."""
    unit = "\t" if "\t" in lead else "    "
    lines = put.strip("\n").split("\n")
    indented = [_indent(line, lead if index else "", unit) for index, line in enumerate(lines)]
    template = source.newline.join(indented)
    deepest = max(len(line) - len(line.lstrip()) for line in indented)
    deeper = unit * ((deepest - len(lead)) // len(unit))
    return substitute(template, lambda name, rest: _captured(name, rest, match, source, deeper))


def _indent(line: str, lead: str, unit: str) -> str:
    depth = len(line) - len(line.lstrip(" "))
    return lead + unit * (depth // 4) + line.lstrip(" ") if line.strip() else ""


def _captured(name: str, rest: bool, match: Match, source: Source, deeper: str) -> str:
    if rest:
        return _arguments(match.bindings[call_of(name)], source, deeper)
    bound = match.bindings[name]
    if isinstance(bound, str):
        return bound
    assert isinstance(bound, ast.AST)
    start, end = source.span(bound)
    text = source.text[start:end]
    # Outside its old brackets a wrapped expression would end at its first line break.
    return f"({text})" if re.search(r"[\r\n]", text) and text[0] not in "([{" else text


def _arguments(call: object, source: Source, deeper: str) -> str:
    """Everything between a call's parentheses as it is written, comments and line breaks included.

    Where the call moves into a block its further lines move with it, unless one of them belongs to a string.
    """
    assert isinstance(call, ast.Call)
    __, after_function = source.span(call.func)
    __, end = source.span(call)
    opening = _OPEN_PARENTHESIS.match(source.text, after_function)
    if opening is None:
        raise PatchError(_("a comment stands between a function and its arguments"))
    text = source.text[opening.end() : end - 1]
    if any(
        isinstance(node, ast.Constant | ast.JoinedStr) and node.end_lineno != node.lineno for node in ast.walk(call)
    ):
        return text
    return re.sub(r"(\r\n|\r|\n)(?=[^\r\n])", rf"\g<1>{deeper}", text)


def _same_quotes(old: str, new: str) -> str:
    """A plain literal keeps the quotation marks of the one that it replaces."""
    plain = re.fullmatch(r"'([^'\"\\]*)'", new)
    return f'"{plain[1]}"' if plain and re.fullmatch(r'"[^"]*"', old) else new
