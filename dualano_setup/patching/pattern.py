"""Python fragments with holes, matched against a syntax tree.

Matching the tree instead of the text makes quotes, redundant parentheses, trailing commas, line wraps,
comments and line endings immaterial: what a formatter changes is exactly what the tree does not keep.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from ..language import _
from .model import PatchError
from .source import Source, UnreadableError, parse

_META = re.compile(r"\$\$\$([A-Z][A-Z0-9_]*)|\$([A-Z][A-Z0-9_]*)")
_ONE, _REST = "__one_", "__rest_"
_IGNORED = {"ctx", "kind", "type_comment", "type_ignores", "type_params"}

Bound = ast.AST | str
Bindings = dict[str, Bound]


class Pattern(NamedTuple):
    """One expression, or one or more statements, with metavariables in it."""

    text: str
    expression: ast.expr | None
    statements: tuple[ast.stmt, ...]

    @property
    def roots(self) -> tuple[ast.stmt | ast.expr, ...]:
        """The expression or the statements."""
        return self.statements if self.expression is None else (self.expression,)


class Match(NamedTuple):
    """Where a pattern fits: the nodes, what the metavariables stand for, and the block they are in."""

    nodes: tuple[ast.AST, ...]
    bindings: Bindings
    block: tuple[ast.stmt, ...] = ()
    place: int = 0
    """Which statement of `block` the first node is."""

    @property
    def line(self) -> int:
        """Line number of the first node, counted from 1."""
        return int(getattr(self.nodes[0], "lineno", 0))


@lru_cache(maxsize=512)
def compile_pattern(text: str, as_statements: bool = False) -> Pattern:
    """Read a fragment. A lone expression matches anywhere unless `as_statements` asks for whole statements.

    Raises PatchError when the fragment is not Python.
    """
    plain = _META.sub(lambda m: f"{_REST}{m[1]}" if m[1] else f"{_ONE}{m[2]}", text.strip("\n"))
    try:
        body = parse(plain).body
    except UnreadableError as error:
        raise PatchError(_("pattern {text!r} {error}", text=text, error=error)) from error
    if len(body) == 1 and isinstance(body[0], ast.Expr) and not as_statements:
        return Pattern(text, body[0].value, ())
    return Pattern(text, None, tuple(body))


def find_matches(pattern: Pattern, source: Source, scope: ast.AST) -> list[Match]:
    """Every place under `scope` that the pattern fits, in the order of the text."""
    if pattern.expression is not None:
        found = list(_expressions(pattern.expression, source, scope))
    else:
        found = list(_statements(pattern.statements, source, scope))
    return sorted(found, key=lambda match: (match.line, getattr(match.nodes[0], "col_offset", 0)))


def fits(pattern: Pattern, node: ast.AST, bindings: Mapping[str, Bound]) -> bool:
    """Whether one expression node is what the pattern says, metavariables standing for `bindings`."""
    return pattern.expression is not None and _same(pattern.expression, node, dict(bindings))


def fits_block(pattern: Pattern, block: Sequence[ast.stmt], index: int, bindings: Mapping[str, Bound]) -> bool:
    """Whether the statements of `block` from `index` on are the pattern's."""
    window = block[index : index + len(pattern.statements)]
    return index >= 0 and _same_list(pattern.statements, window, dict(bindings))


def _expressions(wanted: ast.expr, source: Source, scope: ast.AST) -> Iterator[Match]:
    for node in source.nodes(scope).get(type(wanted), ()):
        bindings: Bindings = {}
        if _same(wanted, node, bindings):
            yield Match((node,), bindings)


def _statements(wanted: tuple[ast.stmt, ...], source: Source, scope: ast.AST) -> Iterator[Match]:
    kind = type(wanted[0])
    for block in source.blocks(scope):
        for index, first in enumerate(block):
            if type(first) is not kind:
                continue
            bindings: Bindings = {}
            window = block[index : index + len(wanted)]
            if _same_list(wanted, window, bindings):
                yield Match(window, bindings, block, index)


def _same(wanted: ast.AST, node: ast.AST, bindings: Bindings) -> bool:
    if isinstance(wanted, ast.Name) and wanted.id.startswith(_ONE):
        return _bind(wanted.id[len(_ONE) :], node, bindings)
    if type(wanted) is not type(node):
        return False
    if isinstance(wanted, ast.Call) and any(_rest_name(argument) for argument in wanted.args):
        assert isinstance(node, ast.Call)
        return _same_open_call(wanted, node, bindings)
    return all(
        _same_value(getattr(wanted, name, None), getattr(node, name, None), bindings)
        for name in wanted._fields
        if name not in _IGNORED
    )


def _same_value(wanted: object, value: object, bindings: Bindings) -> bool:
    if isinstance(wanted, ast.AST):
        return isinstance(value, ast.AST) and _same(wanted, value, bindings)
    if isinstance(wanted, list):
        return isinstance(value, list) and _same_list(wanted, value, bindings)
    if isinstance(wanted, str) and wanted.startswith(_ONE) and isinstance(value, str):
        return _bind(wanted[len(_ONE) :], value, bindings)
    return type(wanted) is type(value) and wanted == value


def _same_list(wanted: Sequence[ast.AST], values: Sequence[ast.AST], bindings: Bindings) -> bool:
    for index, item in enumerate(wanted):
        if _rest_name(item) is None:
            continue
        lead, tail = wanted[:index], wanted[index + 1 :]
        end = len(values) - len(tail)
        return end >= index and _same_list(lead, values[:index], bindings) and _same_list(tail, values[end:], bindings)
    return len(wanted) == len(values) and all(
        _same(item, value, bindings) for item, value in zip(wanted, values, strict=True)
    )


def _same_open_call(wanted: ast.Call, node: ast.Call, bindings: Bindings) -> bool:
    """A call whose pattern ends in `$$$REST`: keywords may come in any order, and more of them."""
    given = {keyword.arg: keyword.value for keyword in node.keywords}
    for name in filter(None, map(_rest_name, wanted.args)):
        bindings[call_of(name)] = node
    return (
        _same(wanted.func, node.func, bindings)
        and _same_list(wanted.args, node.args, bindings)
        and all(
            keyword.arg in given and _same(keyword.value, given[keyword.arg], bindings) for keyword in wanted.keywords
        )
    )


def _bind(name: str, value: ast.AST | str, bindings: Bindings) -> bool:
    if name not in bindings:
        bindings[name] = value
        return True
    earlier = bindings[name]
    if isinstance(earlier, ast.AST) and isinstance(value, ast.AST):
        return _same(earlier, value, {})
    return earlier == value


def _rest_name(item: ast.AST) -> str | None:
    """The name of a `$$$` metavariable standing as an argument or as a statement."""
    node = item.value if isinstance(item, ast.Expr) else item
    if isinstance(node, ast.Name) and node.id.startswith(_REST):
        return node.id[len(_REST) :]
    return None


def may_occur(pattern: Pattern, text: str) -> bool:
    """Whether a text holds every name of the pattern: False spares parsing it."""
    names = {
        value
        for root in pattern.roots
        for node in ast.walk(root)
        for value in (getattr(node, "id", None), getattr(node, "attr", None), getattr(node, "name", None))
        if isinstance(value, str) and not value.startswith((_ONE, _REST))
    }
    return all(name in text for name in names)


def call_of(name: str) -> str:
    """The binding that holds the call whose arguments the metavariable `$$$name` took."""
    return f"{name}@call"


def substitute(template: str, text_of: Callable[[str, bool], str]) -> str:
    """Replace every metavariable of `template` by `text_of(name, is_rest)`."""
    return _META.sub(lambda m: text_of(m[1], True) if m[1] else text_of(m[2], False), template)


def readable(node: ast.AST) -> str:
    """A fragment for a message, metavariables as dots."""
    return re.sub(rf"{_ONE}[A-Z0-9_]+|{_REST}[A-Z0-9_]+", "…", ast.unparse(node))
