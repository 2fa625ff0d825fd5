"""One requirements file taken apart line by line, without an installer.

The form is pip's (its "Requirements File Format" page): comments, continuations, options, markers, hashes, direct
references. A pattern recognises the lines nearly everyone writes; `packaging` is imported only for the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...language import _
from ...versions import normalise
from ..sheet import RequirementLine

_VERSION = r"v?\d+(?:\.\d+)*(?:[-_.]?(?:a|b|rc|alpha|beta|c|pre)[-_.]?\d*)?(?:\.post\d+)?(?:\.dev\d+)?"
_CLAUSE = (
    rf"(?:(?:==|!=)\s*{_VERSION}(?:\.\*|\+[a-z0-9]+(?:[-_.][a-z0-9]+)*)?"
    rf"|~=\s*\d+(?:\.\d+)+(?:(?:a|b|rc)\d+)?|(?:<=|>=|<|>)\s*{_VERSION})"
)
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_PLAIN = re.compile(rf"({_NAME})\s*(?:\[[\w\s,.-]*\])?\s*((?:{_CLAUSE})(?:\s*,\s*{_CLAUSE})*)?", re.ASCII)
_COMMENT = re.compile(r"(^|\s+)#.*$")  # pip's own
_HASHES = re.compile(r"\s+--(?:hash|config-settings?|global-option|install-option)\b.*$")
_VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")
_DIRECT = re.compile(r"(?:[a-z][a-z0-9+.-]*:|\.{0,2}/|[A-Za-z]:\\|~)", re.IGNORECASE)
_ARCHIVE = (".whl", ".tar.gz", ".zip", ".tar.bz2", ".tgz")

OPTIONS_WITH_VALUE = {
    "-r": "--requirement", "-c": "--constraint", "-e": "--editable", "-f": "--find-links", "-i": "--index-url",
    "--pypi-url": "--index-url",
}  # fmt: skip
_LONG_WITH_VALUE = {
    "--requirement", "--constraint", "--editable", "--find-links", "--index-url", "--extra-index-url", "--no-binary",
    "--only-binary", "--trusted-host", "--use-feature",
}  # fmt: skip
_SWITCHES = {"--no-index", "--pre", "--prefer-binary", "--require-hashes"}


def parse_lines(text: str) -> tuple[RequirementLine, ...]:
    """Every line that says something: requirements and options, not blank lines nor comments."""
    return tuple(row for number, span, raw in logical_lines(text) for row in parse_line(number, raw, span))


def logical_lines(text: str) -> Iterator[tuple[int, int, str]]:
    """(first line, number of lines, text) with continuations joined as pip joins them."""
    held: list[str] = []
    start = 1
    for number, raw in enumerate(re.split(r"\r\n|\n|\r", text), 1):
        if not held:
            start = number
        if raw.endswith("\\") and not re.match(r"\s*#", raw):
            held.append(raw.rstrip("\\"))
            continue
        if held and re.match(r"\s*#", raw):
            raw = " " + raw
        yield start, number - start + 1, "".join([*held, raw])
        held = []
    if held:
        yield start, len(held), "".join(held)


def parse_line(number: int, raw: str, span: int = 1) -> tuple[RequirementLine, ...]:
    """What one logical line says: nothing, one requirement, or one or more options."""
    body = _COMMENT.sub("", raw).strip()
    if not body:
        return ()
    if body.startswith("-"):
        return _options(number, raw, body, span)
    requirement = _HASHES.sub("", body)
    if _VARIABLE.search(requirement):
        return (RequirementLine(number, raw, url=requirement, span=span),)  # only the installer knows the value
    return (_requirement(number, raw, requirement, span),)


def _requirement(number: int, raw: str, body: str, span: int) -> RequirementLine:
    head, __, marker = body.partition(";")
    match = _PLAIN.fullmatch(head.strip())
    if match and not marker:
        return RequirementLine(number, raw, normalise(match[1]), _tidy(match[2]), span=span)
    if _DIRECT.match(body) or (body.endswith(_ARCHIVE) and "@" not in body):
        return RequirementLine(number, raw, url=body, span=span)
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        parsed = Requirement(body)
    except InvalidRequirement as error:
        return RequirementLine(number, raw, error=_first_line(error), span=span)
    return RequirementLine(
        number,
        raw,
        normalise(parsed.name),
        _tidy(match[2]) if match else str(parsed.specifier),
        marker=str(parsed.marker or ""),
        url=parsed.url or "",
        span=span,
    )


def _options(number: int, raw: str, body: str, span: int) -> tuple[RequirementLine, ...]:
    words = body.split()
    rows: list[RequirementLine] = []
    while words:
        word = words.pop(0)
        name, equals, value = word.partition("=")
        if not name.startswith("--") and len(name) > 2:  # -rfile
            name, equals, value = word[:2], "=", word[2:]
        name = OPTIONS_WITH_VALUE.get(name, name)
        if name in _LONG_WITH_VALUE:
            value = value if equals else words.pop(0) if words else ""
            error = "" if value else _("option {name} without a value", name=name)
            rows.append(RequirementLine(number, raw, option=name, value=value, error=error, span=span))
        elif name in _SWITCHES:
            rows.append(RequirementLine(number, raw, option=name, span=span))
        else:
            rows.append(
                RequirementLine(number, raw, option=name, error=_("no such option: {word}", word=word), span=span)
            )
            break  # as pip does; else a line of 100 000 words would be that many rows, each looked at in turn
    return tuple(rows)


def _tidy(specifier: str | None) -> str:
    return re.sub(r"\s+", "", specifier or "")


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].strip()
