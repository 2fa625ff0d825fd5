"""A checkout of our own invention with the same kinds of places as the real one, and a writer for plans."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import pytest

from dualano_setup.patching import FileEdit, Patch, PatchReport, inspect, load_patches, plan

PATCH_A = """
title = "Reads boxes from your folder"
why = "Its folder is an example."
rules = ["SRC001"]
alters_results = "no"
default = true

[parameters]
data = { kind = "path" }

[[edit]]
files = ["shop/open.py"]
op = "replace"
scope = "Shelf.load"
find = '''Box.open(os.path.join($ROOT, name, "box"))'''
target = "ROOT"
put = '''<<data/boxes>>'''
where = { ROOT = "path" }
"""
PATCH_B = """
title = "Counts before it divides, and pays under a roof"
why = "It would divide by nothing."
rules = ["SRC006"]
alters_results = "no"
default = true

[[edit]]
files = ["shop/open.py"]
op = "insert_after"
scope = "main"
find = '''shelf = Shelf($$$REST)'''
put = '''
if not shelf.count:
    raise SystemExit(1)
'''

[[edit]]
files = ["shop/open.py", "shop/other.py"]
op = "replace"
scope = "main"
find = '''bill = pay($$$ARGUMENTS).total'''
put = '''
with roof():
    bill = pay($$$ARGUMENTS).total
'''
"""
PATCH_C = """
title = "No toy is imported"
why = "It is never used."
rules = ["SRC005"]
alters_results = "no"
default = true

[[edit]]
files = ["shop/*.py"]
op = "delete"
find = '''toy.play()'''
many = true

[[edit]]
files = ["shop/*.py"]
op = "delete"
find = '''import toy'''
many = true
"""
OPEN = '''"""A shop."""
import os
import toy

TEMPLATE = """
cd /path/to/shop
open --door {door}
"""


class Shelf:
    def load(self, name):  # first come
        return Box.open(os.path.join('/path/to/boxes', name, 'box'))


def main(args):
    shelf = Shelf(
        args.size,  # wide
        deep=True,
    )
    if args.night:
        toy.play()
    bill = pay(
        shelf, tip = 1,
        text="""two
lines""",
    ).total
    return bill
'''
OTHER = "def main(args):\n\tfor x in args:\n\t\tbill = pay(x,\n\t\t\t3).total\n\treturn bill\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Two files with one place for every edit of the three patches."""
    root = tmp_path / "checkout"
    (root / "shop").mkdir(parents=True)
    (root / "shop/open.py").write_text(OPEN, encoding="utf-8")
    (root / "shop/other.py").write_text(OTHER, encoding="utf-8")
    return root


@pytest.fixture
def read_patches(tmp_path: Path) -> Callable[..., tuple[Patch, ...]]:
    """Writes patches as files and loads them, so that every test goes through the real format."""

    def read(**texts: str) -> tuple[Patch, ...]:
        folder = tmp_path / "patches"
        folder.mkdir(exist_ok=True)
        for name, text in texts.items():
            (folder / f"{name}.toml").write_text(text, encoding="utf-8")
        return load_patches(folder)

    return read


@pytest.fixture
def patches(read_patches: Callable[..., tuple[Patch, ...]]) -> tuple[Patch, ...]:
    """The three patches of the invented shop."""
    return read_patches(a=PATCH_A, b=PATCH_B, c=PATCH_C)


def write(edits: Iterable[FileEdit]) -> None:
    """Carry a plan out, after checking that it speaks of the files as they are."""
    for edit in edits:
        assert edit.path.read_bytes() == edit.before
        edit.path.write_bytes(edit.after)


GIVEN = {"data": "/tmp/somewhere"}
HEAD = PATCH_C.split("[[edit]]")[0]


def edit(operation: str, find: str, put: str = "", **more: object) -> str:
    """A patch with one edit of shop/open.py."""
    rows = "".join(
        f"{key} = {str(value).lower() if isinstance(value, bool) else repr(value)}\n" for key, value in more.items()
    )
    files = "" if "files" in more else "files = ['shop/open.py']\n"
    return f"{HEAD}[[edit]]\n{files}op = '{operation}'\nfind = '''{find}'''\nput = '''{put}'''\n{rows}"


def applied(checkout: Path, patches: Sequence[Patch], text: str) -> str:
    """What the patches make of a text; a second application must find nothing left."""
    path = checkout / "shop/open.py"
    path.write_text(text)
    write(plan(checkout, patches, GIVEN))
    assert plan(checkout, patches, GIVEN) == ()
    return path.read_text()


def report(checkout: Path, patches: Sequence[Patch], text: str, given: Mapping[str, str] = GIVEN) -> PatchReport:
    """Where the first patch stands when shop/open.py has that text."""
    (checkout / "shop/open.py").write_text(text)
    return inspect(checkout, patches, given)[0]
