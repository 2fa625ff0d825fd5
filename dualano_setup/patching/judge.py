"""What one edit finds in one file: the state of its place, and the changes that are left to make."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Sequence

from ..language import _
from .model import Change, Edit, Judgement, PatchError
from .parameters import Values, fill_python, unfilled
from .pattern import Match, Pattern, compile_pattern, find_matches, fits, fits_block, may_occur, readable
from .placeholders import is_usable_path
from .rewrite import change_for
from .source import Source, UnreadableError
from .textual import judge_dedent, judge_line

_ALIKE = 0.7
"""Least likeness at which a place counts as the patch's own, changed, instead of another one."""
_SHOWN = 160
"""Characters of source in a message."""


def judge(edit: Edit, source: Source, values: Values) -> Judgement:
    """Where one file stands against one edit. Never raises for anything that is in the file."""
    try:
        if edit.operation == "dedent":
            return judge_dedent(source)
        if edit.operation == "line":
            return judge_line(edit, source, values)
        return _judge_tree(edit, source, values)
    except UnreadableError as error:
        return Judgement("drifted", str(error))
    except RecursionError:
        return Judgement("drifted", _("nested too deeply to be compared"))


def find_scope(source: Source, dotted: str) -> ast.AST | None:
    """The class or function of that qualified name, or the module for an empty one."""
    scope: ast.AST = source.tree
    for name in filter(None, dotted.split(".")):
        inner = [
            node
            for block in _own_blocks(scope)
            for node in block
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name
        ]
        if not inner:
            return None
        scope = inner[-1]  # the last definition is the one that counts
    return scope


def _judge_tree(edit: Edit, source: Source, values: Values) -> Judgement:
    wanted = compile_pattern(edit.find, _is_statement(edit))
    if edit.operation == "delete" and not may_occur(wanted, source.text):
        return Judgement("after", note="nothing")
    scope = find_scope(source, edit.scope)
    if scope is None:
        if _is_superseded(edit, source):
            return Judgement("superseded", _("nothing in the file needs it any more"))
        return Judgement("missing", _("there is no {scope} in it", scope=edit.scope))
    lacking = unfilled(edit, values)
    put = "" if lacking else fill_python(edit.put, values)
    matches = find_matches(wanted, source, scope)
    allowed = [match for match in matches if _allowed(edit, match)]
    if lacking:
        return _judge_without_value(edit, wanted, allowed, source, scope, lacking)
    done = _done(edit, put, wanted, matches, source, scope)
    todo = _outside(allowed, done, source)
    if not done and _is_superseded(edit, source):
        return Judgement("superseded", _("nothing in the file needs it any more"))
    if not done and _matches_any(edit.also, source, scope):
        return Judgement("equivalent", _("something else that does the same is there"))
    if not todo and not done:
        if edit.operation == "delete":
            return Judgement("after", note="nothing")
        return _describe_difference(wanted, source, scope, edit.scope)
    return _weigh(edit, put, todo, len(done), source)


def _weigh(edit: Edit, put: str, todo: list[Match], done: int, source: Source) -> Judgement:
    if not todo:
        return Judgement("after")
    if len(todo) + done > 1 and not edit.many:
        lines = ", ".join(str(match.line) for match in todo)
        return Judgement(
            "drifted",
            _(
                "{todo_count} places fit where one was expected (lines {lines})",
                todo_count=len(todo) + done,
                lines=lines,
            ),
        )
    changes: list[Change] = []
    for match in todo:
        try:
            changes.append(change_for(edit, put, match, source))
        except PatchError as error:
            return Judgement("drifted", _("line {line}: {error}", line=match.line, error=error))
    first = _("line {line}", line=todo[0].line)
    return Judgement("partly" if done else "before", first, tuple(dict.fromkeys(changes)))


def _judge_without_value(
    edit: Edit, wanted: Pattern, matches: list[Match], source: Source, scope: ast.AST, lacking: list[str]
) -> Judgement:
    """A literal that names something on this machine may stay; any other waits for its parameter."""
    literals = [match.bindings.get(edit.target) for match in matches]
    texts = [node.value for node in literals if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    if matches and edit.where.get(edit.target) == "path" and all(is_usable_path(text) for text in texts):
        return Judgement("equivalent", _("set by hand to {texts}", texts=", ".join(texts)))
    if not matches:
        return _describe_difference(wanted, source, scope, edit.scope)
    return Judgement(
        "before", _("line {line}: no value for {lacking}", line=matches[0].line, lacking=", ".join(lacking))
    )


def _done(edit: Edit, put: str, wanted: Pattern, matches: list[Match], source: Source, scope: ast.AST) -> list[Match]:
    """The places that already are as the patch would make them."""
    if edit.operation == "delete":
        return []
    target = compile_pattern(put, _is_statement(edit) or (wanted.expression is None and not edit.target))
    if edit.operation == "replace" and edit.target:
        return [match for match in matches if _target_fits(edit, target, match)]
    if edit.operation == "replace":
        return find_matches(target, source, scope)
    size = len(target.statements)
    return [
        match
        for match in matches
        if fits_block(
            target,
            match.block,
            match.place + len(match.nodes) if edit.operation == "insert_after" else match.place - size,
            match.bindings,
        )
    ]


def _target_fits(edit: Edit, wanted: Pattern, match: Match) -> bool:
    node = match.bindings[edit.target]
    return isinstance(node, ast.AST) and fits(wanted, node, match.bindings)


def _outside(matches: list[Match], done: list[Match], source: Source) -> list[Match]:
    """The matches that are no part of a place that is done; what was put in may contain what was there."""
    spans = [source.span(match.nodes[0], match.nodes[-1]) for match in done]

    def covered(match: Match) -> bool:
        start, end = source.span(match.nodes[0], match.nodes[-1])
        return any(first <= start and end <= last for first, last in spans)

    return [match for match in matches if not covered(match)]


def _allowed(edit: Edit, match: Match) -> bool:
    kinds = {"path": str, "str": str, "int": int}
    for name, kind in edit.where.items():
        node = match.bindings.get(name)
        if not isinstance(node, ast.Constant) or not isinstance(node.value, kinds[kind]):
            return False
    return True


def _is_statement(edit: Edit) -> bool:
    return edit.operation in ("insert_before", "insert_after", "delete")


def _is_superseded(edit: Edit, source: Source) -> bool:
    return bool(edit.needed_by) and not _matches_any((edit.needed_by,), source, source.tree)


def _matches_any(fragments: Sequence[str], source: Source, scope: ast.AST) -> bool:
    return any(find_matches(compile_pattern(fragment), source, scope) for fragment in fragments)


def _own_blocks(scope: ast.AST) -> list[list[ast.stmt]]:
    """The statement lists of a scope, through `if`, `try` and `with`, but not into inner definitions."""
    found: list[list[ast.stmt]] = []
    stack = [scope]
    while stack:
        node = stack.pop()
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list):
                found.append(block)
                stack += [child for child in block if isinstance(child, ast.If | ast.Try | ast.With | ast.For)]
    return found


def _describe_difference(wanted: Pattern, source: Source, scope: ast.AST, name: str) -> Judgement:
    """Name the nearest thing to the pattern, or say that there is none."""
    expected = "; ".join(map(readable, wanted.roots))
    candidates = source.nodes(scope).get(type(wanted.roots[0]), [])
    head = readable(wanted.roots[0]).partition("\n")[0]
    likeness = [_likeness(head, ast.unparse(node).partition("\n")[0]) for node in candidates]
    best = max(likeness, default=0.0)
    where = _(" in {name}", name=name) if name else ""
    if best < _ALIKE:
        return Judgement("missing", _("nothing like `{head}`{where}", head=_short(head), where=where))
    nearest = candidates[likeness.index(best)]
    found = _short(ast.unparse(nearest))
    line: int = nearest.lineno  # type: ignore[attr-defined]
    return Judgement(
        "drifted",
        _(
            "line {line}{where}: expected `{expected}`, found `{found}`",
            line=line,
            where=where,
            expected=_short(expected),
            found=found,
        ),
    )


def _likeness(pattern: str, text: str) -> float:
    """The share of a pattern that stands in a text in the same order, in runs of three characters or more.

    What fills the pattern's holes does not count against it, up to four times the pattern's length.
    """
    matcher = difflib.SequenceMatcher(None, pattern, text[: 4 * len(pattern)], autojunk=False)
    return sum(block.size for block in matcher.get_matching_blocks() if block.size > 2) / len(pattern)


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _SHOWN else flat[: _SHOWN - 1] + "…"
