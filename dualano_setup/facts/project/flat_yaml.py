"""The YAML that nearly every accelerate config is: one flat mapping of plain words.

Reading it here saves the import of a YAML library, a third of the whole check's time. Anything beyond the subset is
left to the library: `read_flat` then answers None. Within the subset the values are exactly those of YAML 1.1 as
PyYAML reads it, which is what accelerate uses (`no` is False, `'no'` is text).
"""

from __future__ import annotations

import re

_VALUE = r"'[^'\\\n\t]*'|\"[^\"\\\n\t]*\"|\{\}|\[\]|[A-Za-z_][A-Za-z0-9_./-]*|~|0|-?[1-9][0-9]*"
_LINE = re.compile(rf"(?P<key>[a-z_][a-z0-9_]*):(?:[ ]+(?P<value>{_VALUE}))?[ ]*(?:(?<=[ ])#[^\t]*)?")
_BLANK = re.compile(r"[ ]*(?:#[^\t]*)?")
_WORDS: dict[str, object] = {"null": None, "~": None}
_WORDS |= dict.fromkeys(("yes", "true", "on"), True)
_WORDS |= dict.fromkeys(("no", "false", "off"), False)


def read_flat(text: str) -> dict[str, object] | None:
    """The mapping, or None where the text is more than a flat mapping of plain values."""
    if not text.isascii() or not text.replace("\n", "").isprintable():
        return None
    values: dict[str, object] = {}
    for line in text.split("\n"):
        if _BLANK.fullmatch(line):
            continue
        match = _LINE.fullmatch(line)
        if match is None or match["key"] in values or match["key"] in _WORDS or match["key"] in ("y", "n"):
            return None
        values[match["key"]] = _value(match["value"] or "~")
    return values or None


def _value(word: str) -> object:
    if word in ("{}", "[]"):
        return {} if word == "{}" else []
    if word[0] in "'\"":
        return word[1:-1]
    if word.lstrip("-").isdigit():
        return int(word)
    lower = word.lower()
    if lower in _WORDS and word in (lower, lower.upper(), lower.capitalize()):
        return _WORDS[lower]
    return word
