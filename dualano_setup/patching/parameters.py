"""Values that patches write into source: which are there, and how they are spelt where they go."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from ..language import _
from .model import Edit, Parameter, Patch, PatchError

_HOLE = re.compile(r"<<(\w+)(/[^<>]*)?>>")
_SHELL_SAFE = re.compile(r"[\w./+,:@%=~{}-]+")
_WORD = re.compile(r"[\w.+-]+")

Values = Mapping[str, str]


def resolve(patch: Patch, given: Values, checkout: Path) -> tuple[dict[str, str], dict[str, str]]:
    """The usable values of a patch's parameters, and for each of the others why it cannot be used.

    `checkout` is always known: it is the folder that is being patched.
    """
    values = {"checkout": checkout.resolve().as_posix()}
    lacks: dict[str, str] = {}
    for name, parameter in patch.parameters.items():
        value = given.get(name, parameter.default)
        problem = _("no value for {name}", name=name) if value is None else _problem(parameter, value)
        if problem:
            lacks[name] = problem
        elif value is not None:
            values[name] = value
    return values, lacks


def fingerprint(text: str, values: Values) -> str:
    """Hash of a file's text that does not depend on line endings nor on where this machine keeps things.

    Every path value is replaced by its name between NULs, which no source contains, the longest first.
    """
    if "\0" in text:
        return ""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    paths = {value.rstrip("/"): name for name, value in values.items() if value.startswith("/") and value.strip("/")}
    for path in sorted(paths, key=len, reverse=True):
        text = text.replace(path, f"\0{paths[path]}\0")
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def unfilled(edit: Edit, values: Values) -> list[str]:
    """The parameters that this edit would write and that have no value."""
    return sorted({match[1] for match in _HOLE.finditer(edit.put)} - set(values))


def fill_python(template: str, patch_values: Values) -> str:
    """Put values in as Python literals; `<<data/x>>` is the value of `data` with `/x` behind it."""
    return _HOLE.sub(lambda m: _literal(_joined(patch_values[m[1]], m[2])), template)


def fill_shell(template: str, patch_values: Values, *, in_format: bool) -> str:
    """Put values in as bare words of a shell line; `in_format` when str.format will see the line first.

    Raises PatchError for a value that would have to be quoted: the checkout's scripts expand unquoted.
    """

    def word(match: re.Match[str]) -> str:
        value = _joined(patch_values[match[1]], match[2])
        if not _SHELL_SAFE.fullmatch(value):
            raise PatchError(
                _(
                    "{match} is {value!r}; the checkout's shell scripts do not survive spaces and special "
                    "characters in a path: use another folder, or a link without them",
                    match=match[1],
                    value=value,
                )
            )
        return value.replace("{", "{{").replace("}", "}}") if in_format else value

    # The suffix is the patch's own text and may hold fields of str.format, so it is added unescaped.
    return re.sub(r"<<(\w+)()>>", word, re.sub(r"<<(\w+)(/[^<>]*)>>", r"<<\1>>\2", template))


def _problem(parameter: Parameter, value: str) -> str:
    if parameter.kind == "path":
        if not value.startswith("/") or not value.isprintable():
            return _("{parameter} must be an absolute path, not {value!r}", parameter=parameter.name, value=value)
    elif parameter.kind == "integer":
        if not re.fullmatch(r"[0-9]{1,9}", value):
            return _("{parameter} must be a whole number, not {value!r}", parameter=parameter.name, value=value)
    elif not _WORD.fullmatch(value):
        return _(
            "{parameter} must be one word of letters, digits and ._+-, not {value!r}",
            parameter=parameter.name,
            value=value,
        )
    return ""


def _joined(value: str, suffix: str | None) -> str:
    return value.rstrip("/") + suffix if suffix else value


def _literal(value: str) -> str:
    return value if re.fullmatch(r"0|[1-9][0-9]{0,8}", value) else repr(value)
