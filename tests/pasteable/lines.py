"""Finds them: in messages of both languages, what the trainer prints, rule pages, tables of failures, docs, README."""

from __future__ import annotations

import ast
import itertools
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dualano_setup.cli.main import COMMANDS
from dualano_setup.system.toml import parse
from tests.places import ROOT

PRODUCT = "dualano-doctor"
BROKEN = " (the line ends here) "
"""Where a page breaks a line that would have to be pasted whole."""
_OTHER_PROGRAMS = ("python", "uv", "pip", "accelerate", "git", "sudo", "conda", "export", "source")
_STARTS = rf"{PRODUCT}(?= (?:-|{'|'.join(COMMANDS)})|$)|python -m trainer"
#: Where a line ends that stands in a sentence without quotation marks.
_STOPS = re.compile(
    r"[`;；，。、（）\n]|, |\. |: |\.$|\.\n|\)| \(| #|  |, or | or (?=\w+ )|，或|或者? ?|[一-鿿]|’|\|(?= )| >|$"
)


@dataclass(frozen=True, order=True)
class Line:
    """One line and where it was found first."""

    text: str
    place: str


def every_line() -> list[Line]:
    """Each once."""
    found: dict[str, str] = {}
    for place, text in texts():
        for line in lines_in(text):
            found.setdefault(line, place)
    return sorted(Line(text, place) for text, place in found.items())


def texts() -> Iterator[tuple[str, str]]:
    """(place, text) of all that people read."""
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        import messages
    finally:
        sys.path.pop(0)
    from babel.messages.pofile import read_po

    for message, file, number in messages.messages():
        yield f"{file}:{number}", message
    with messages.PO.open("rb") as stream:
        for entry in read_po(stream, locale="zh_TW"):
            yield f"zh_TW: {str(entry.id)[:60]}", str(entry.string)
    for file in sorted((ROOT / "trainer").rglob("*.py")):
        nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
        described = {id(node.body[0].value) for node in nodes if _has_docstring(node)}
        for node in nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in described:
                yield f"{file.relative_to(ROOT)}:{node.lineno}", node.value
    pages = [*(ROOT / "dualano_setup" / "rules" / "pages").rglob("*.md"), *(ROOT / "docs").glob("*.md")]
    pages += [ROOT / "README.md", ROOT / "README.zh-TW.md", ROOT / "SECURITY.md"]
    for file in pages:
        if file.name != "architecture.md":  # for people who change the program
            yield file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8")
    for file in (ROOT / "dualano_setup" / "knowledge").glob("*.toml"):
        for text in _strings(parse(file.read_bytes())):
            yield file.relative_to(ROOT).as_posix(), text


def _has_docstring(node: ast.AST) -> bool:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    return isinstance(node, kinds) and ast.get_docstring(node, clean=False) is not None


def _strings(value: object) -> Iterator[str]:
    """All texts in a document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner)


def lines_in(text: str) -> set[str]:
    """The lines of one text, as they stand there."""
    text = re.sub(r"\s*\\\n\s*", " ", text).replace("\\|", "|")
    found = {line.strip() for line in re.findall(rf"^    ((?:{'|'.join(_OTHER_PROGRAMS)}) .*)$", text, re.MULTILINE)}
    for quoted in re.findall(r"`([^`\n]+(?:\n(?!\n)[^`\n]+)?)`", text):
        if re.match(rf"({PRODUCT}|{'|'.join(_OTHER_PROGRAMS)}) ", quoted) or quoted == PRODUCT:
            found.add(quoted.replace("\n", BROKEN))
    bare = re.sub(r"`[^`\n]+`", "`", text)
    for start in re.finditer(rf"(?<![-\w/.])({_STARTS})", bare):
        rest = bare[start.start() :]
        skipped = len(start[0])
        stop = _STOPS.search(rest, skipped)
        found.add(rest[: stop.start() if stop else None].strip().rstrip("."))
    return {" ".join(line.split()) for line in found}


def variants(line: str) -> list[str]:
    """What a line in the notation of usages stands for: `[X]` is there or not, of `A|B` it is one."""
    parts = re.split(r"(\[[^\[\]]*\])", line)
    choices = [("", part[1:-1]) if part.startswith("[") else (part,) for part in parts]
    found = [" ".join("".join(row).split()) for row in itertools.product(*choices)]
    return [one for row in found for one in _alternatives(row)]


def _alternatives(line: str) -> list[str]:
    words = [word.split("|") if "|" in word.strip("|") else [word] for word in line.split()]
    return [" ".join(row) for row in itertools.product(*words)]


def occurrences(folder: Path) -> Iterator[tuple[str, str]]:
    """(place, line of text) wherever the product's sources name a command of it, found without the finder above."""
    for file in sorted(folder.rglob("*")):
        if file.suffix in (".py", ".md", ".toml") and "_bundled" not in file.parts:
            for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
                if re.search(rf"{PRODUCT} ({'|'.join(COMMANDS)})\b", line):
                    yield f"{file.relative_to(ROOT)}:{number}", line
