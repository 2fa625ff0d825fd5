"""Targets with one small random edit: every patch is applied right, or refused; never wrong.

    DUALANO_UPSTREAM=/path/to/clone DUALANO_MUTATIONS=1000 pytest tests/patches/test_mutated_targets.py

Without a clone the invented shop is mutated. What "wrong" would be is judged without the engine: the result must
parse wherever its source did, every line it takes away or brings must be one that the patches take from or bring to the
untouched file (or a line of the mutated file itself, moved or indented anew), and reverting must give the bytes back.
"""

from __future__ import annotations

import ast
import difflib
import os
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dualano_setup.patching import FileEdit, Patch, PatchError, plan, plan_revert
from tests.patches.test_upstream import CLONE, DEFAULT, GIVEN
from tests.patching.conftest import write

MUTATIONS = int(os.environ.get("DUALANO_MUTATIONS", "60"))
SHOP_GIVEN = {"data": "/tmp/somewhere"}


def _a_line(change: Callable[[random.Random, str], str]) -> Callable[[random.Random, str], str]:
    def mutate(chance: random.Random, text: str) -> str:
        lines = text.splitlines(keepends=True)
        filled = [n for n, line in enumerate(lines) if line.strip()]
        n = chance.choice(filled)
        lines[n] = change(chance, lines[n])
        return "".join(lines)

    return mutate


def _rename(chance: random.Random, line: str) -> str:
    names = list(re.finditer(r"[A-Za-z_]\w*", line))
    if not names:
        return line + "\n"
    found = chance.choice(names)
    return f"{line[: found.end()]}_other{line[found.end() :]}"


def _number(chance: random.Random, line: str) -> str:
    return re.sub(r"\d+", lambda _: str(chance.randrange(100)), line, count=1)


def _drop_character(chance: random.Random, line: str) -> str:
    at = chance.randrange(len(line))
    return line[:at] + line[at + 1 :]


def _add_character(chance: random.Random, line: str) -> str:
    at = chance.randrange(len(line))
    return line[:at] + chance.choice("()[]{}'\"#:,.= x\\\t") + line[at:]


def _indent(chance: random.Random, line: str) -> str:
    return chance.choice((" ", "    ", "\t")) + line if chance.random() < 0.5 else line.lstrip(" \t")


def _swap(chance: random.Random, text: str) -> str:
    lines = text.splitlines(keepends=True)
    n = chance.randrange(len(lines) - 1)
    lines[n], lines[n + 1] = lines[n + 1], lines[n]
    return "".join(lines)


MUTATIONS_BY_NAME: dict[str, Callable[[random.Random, str], str]] = {
    "rename": _a_line(_rename),
    "number": _a_line(_number),
    "drop-character": _a_line(_drop_character),
    "add-character": _a_line(_add_character),
    "indent": _a_line(_indent),
    "drop-line": _a_line(lambda _, line: ""),
    "double-line": _a_line(lambda _, line: line + line),
    "comment": _a_line(lambda _, line: line.rstrip("\r\n") + "  # new\n"),
    "blank": _a_line(lambda _, line: "\n" + line),
    "quotes": _a_line(lambda _, line: line.replace("'", '"')),
    "spaces": _a_line(lambda _, line: re.sub(r"(?<=\S) ?= ?(?=\S)", "  =  ", line)),
    "swap": _swap,
}


def _squeezed(line: str) -> str:
    return re.sub(r"\s+", "", line)


def _changed(before: str, after: str) -> tuple[set[str], set[str]]:
    """The lines that are gone and the lines that came, white space left out."""
    old, new = before.splitlines(), after.splitlines()
    gone: set[str] = set()
    came: set[str] = set()
    for kind, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            gone |= {_squeezed(line) for line in old[a:b]}
            came |= {_squeezed(line) for line in new[c:d]}
    return gone, came


def _parses(data: bytes) -> bool:
    try:
        ast.parse(data)
    except (SyntaxError, ValueError):
        return False
    return True


def _akin(line: str, mutated: set[str], usual: tuple[set[str], set[str]]) -> bool:
    """Whether a line is a mutated one with the very words exchanged that the patches exchange in the untouched file."""
    for one in mutated:
        head = len(os.path.commonprefix((line, one)))  # noqa: RUF071 - of characters
        tail = len(os.path.commonprefix((line[head:][::-1], one[head:][::-1])))  # noqa: RUF071
        out, put = one[head : len(one) - tail], line[head : len(line) - tail]
        if any(out in gone for gone in usual[0]) and any(put in came for came in usual[1]):
            return True
    return False


def _check(
    root: Path,
    patches: tuple[Patch, ...],
    given: dict[str, str],
    usual: dict[str, tuple[set[str], set[str]]],
    mutated: set[str],
) -> bool:
    """Whether anything was applied; a refusal in words is right too."""
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    try:
        edits: tuple[FileEdit, ...] = plan(root, patches, given)
    except PatchError as refusal:
        if "nothing was edited" not in str(refusal):
            raise
        return False
    for edit in edits:
        name = edit.path.relative_to(root).as_posix()
        source, result = edit.before.decode("utf-8"), edit.after.decode("utf-8")
        if name.endswith(".py") and _parses(edit.before):
            assert _parses(edit.after), f"{name} parsed before"
        gone, came = _changed(source, result)
        own = {_squeezed(line) for line in source.splitlines()}
        still = {_squeezed(line) for line in result.splitlines()}
        usual_gone, usual_came = usual.get(name, (set(), set()))
        strange = {line for line in came - usual_came - own if not _akin(line, mutated, (usual_gone, usual_came))}
        assert not strange, f"{name}: lines that no patch brings: {strange}"
        strange = gone - usual_gone - still - mutated
        assert not strange, f"{name}: lines that no patch takes: {strange}"
    write(edits)
    back, refused = plan_revert(root, edits)
    assert not refused
    write(back)
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before
    return bool(edits)


def _try_all(
    root: Path, patches: tuple[Patch, ...], given: dict[str, str], files: list[Path], names: list[str], seeds: int
) -> None:
    usual = {
        edit.path.relative_to(root).as_posix(): _changed(edit.before.decode(), edit.after.decode())
        for edit in plan(root, patches, given)
    }
    assert usual
    applied = 0
    for seed in range(seeds):
        chance = random.Random(seed)
        path, name = chance.choice(files), chance.choice(names)
        original = path.read_bytes()
        mutated = MUTATIONS_BY_NAME[name](chance, original.decode("utf-8"))
        path.write_bytes(mutated.encode("utf-8"))
        try:
            applied += _check(root, patches, given, usual, _changed(original.decode("utf-8"), mutated)[1])
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, {name} in {path.name}: {error}") from error
        path.write_bytes(original)
    assert applied > seeds // 2


@pytest.mark.parametrize("name", MUTATIONS_BY_NAME)
def test_the_invented_shop(name: str, checkout: Path, patches: tuple[Patch, ...]) -> None:
    files = sorted((checkout / "shop").iterdir())
    _try_all(checkout, patches, SHOP_GIVEN, files, [name], max(MUTATIONS // 2, 30))


@pytest.mark.upstream
@pytest.mark.timeout(3600)
@pytest.mark.skipif(not CLONE, reason="DUALANO_UPSTREAM names no clone of the authors' repository")
def test_the_real_targets(tmp_path: Path) -> None:
    root = tmp_path / "clone"
    named = sorted({path for patch in DEFAULT for edit in patch.edits for path in edit.files})
    files = []
    for relative in named:
        if (Path(CLONE) / relative).exists():
            (root / relative).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(Path(CLONE) / relative, root / relative)
            files.append(root / relative)
    _try_all(root, DEFAULT, GIVEN, files, list(MUTATIONS_BY_NAME), MUTATIONS)


def test_the_mutations_mutate() -> None:
    text = "if a == 1:\n    b = call('x', 20)\n\n\nc = 3\n"
    for name, mutate in MUTATIONS_BY_NAME.items():
        changed = [mutate(random.Random(seed), text) for seed in range(40)]
        assert any(one != text for one in changed), name
