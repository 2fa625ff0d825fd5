"""The proof that an edit touched its place only, and the reading that its places are counted on."""

from __future__ import annotations

import pytest

from dualano_setup.patching import PatchError, inspect, plan
from dualano_setup.patching.model import Change
from dualano_setup.patching.source import MAX_LINE, Source
from dualano_setup.patching.verify import apply_changes, verify_outside
from tests.patching.conftest import GIVEN, PATCH_A, applied, edit, report


def prove(before: str, after: str, *places: tuple[str, str]) -> None:
    """Verify that `after` differs from `before` only in these (old, new) places, named by their first occurrence."""
    changes = [Change(before.index(old), before.index(old) + len(old), new) for old, new in places]
    verify_outside(Source("x.py", before, "utf-8", False), Source("x.py", after, "utf-8", False), changes)


@pytest.mark.parametrize(
    ("before", "after", "places"),
    [
        ("x = 'a'+b\n", "x = 'z'+c\n", [("+b", "+c")]),  # the string ends where the change begins
        ("x = b+'a'\n", "x = c+'z'\n", [("b+", "c+")]),  # and begins where the change ends
        ("x = old\ny = 1\n", "x = new\ny = 2\n", [("old", "new")]),
        ("y = 2\nx = old\n", "y = 1\nx = new\n", [("old", "new")]),
        ("x = 'long old text'\ny = 1\n", "x = 'long new text'\ny = 2\n", [("old", "new")]),
        ("f(old, a, b)\n", "f(new, a)\n", [("old", "new")]),
        ("f(a, old)\n", "f(a, new, c)\n", [("old", "new")]),
        ("a()\nold()\n", "a()\n", [("old()", "new()")]),
        ("if a:\n    x\nold\n", "if a:\n    x\n    new\n", [("old", "    new")]),
        ("if a:\n    x()\nelif old:\n    y()\n", "if a:\n    x()\nelif old:\n    z()\n", [("old", "old")]),
    ],
)
def test_a_difference_elsewhere_is_refused(before, after, places):
    with pytest.raises(PatchError, match="more than its place"):
        prove(before, after, *places)


@pytest.mark.parametrize(
    ("before", "places"),
    [
        ("x = old\ny = 1\n", [("old", "new")]),
        ("x = 'long old text'\ny = 1\n", [("old", "a longer new")]),
        ("old()\ny = 1\nelder()\n", [("elder()", "z()"), ("old()", "a()\nb()")]),
        ("f(old, elder, 3)\n", [("old", "1"), ("elder", "2")]),
        ("a()\nold()\nb()\n", [("old()\n", "")]),
    ],
)
def test_a_difference_in_the_places_alone_is_proved(before, places):
    changes = [Change(before.index(old), before.index(old) + len(old), new) for old, new in places]
    prove(before, apply_changes(before, changes), *places)


def test_changes_that_overlap_are_refused_and_neighbours_are_not():
    assert apply_changes("abcd", [Change(2, 4, "y"), Change(0, 2, "x")]) == "xy"
    with pytest.raises(PatchError, match="overlap"):
        apply_changes("abcd", [Change(0, 3, "x"), Change(2, 4, "y")])


@pytest.mark.parametrize(("length", "state"), [(MAX_LINE, "before"), (MAX_LINE + 1, "drifted")])
def test_the_longest_line_looked_at(checkout, read_patches, length, state):
    found = report(checkout, read_patches(d=edit("replace", "a()", "b()")), f"a()\n#{'x' * (length - 1)}\n")
    assert found.state == state
    assert state == "before" or "has a line longer than 20000 bytes" in found.reason


@pytest.mark.parametrize("letter", ["+AGE-", "+ACE-"])
def test_a_file_that_would_not_come_back_byte_for_byte_is_left(checkout, read_patches, letter):
    """One letter of it has two spellings in its encoding, whichever sorts first."""
    (checkout / "shop/open.py").write_bytes(f"# coding: utf-7\n# {letter}\na()\n".encode())
    patches = read_patches(d=edit("replace", "a()", "b()"))
    assert "does not survive being read as utf-7" in inspect(checkout, patches, GIVEN)[0].reason
    assert plan(checkout, patches, GIVEN) == ()


@pytest.mark.parametrize("text", ["\na()\n", "\n\na()\n", "\r\na()\r\n", "a()\n", "a()"])
def test_a_place_at_the_very_top_of_a_file(checkout, read_patches, text):
    path = checkout / "shop/open.py"
    path.write_bytes(text.encode())
    patches = read_patches(d=edit("insert_before", "a()", "b()"))
    (found,) = plan(checkout, patches, GIVEN)
    ending = "\r\n" if "\r" in text else "\n"
    assert found.after.decode() == text.replace("a()", f"b(){ending}a()")


def test_an_old_mac_file_whose_first_line_is_empty(checkout, read_patches):
    path = checkout / "shop/open.py"
    path.write_bytes(b"\ra()\r")
    (found,) = plan(checkout, read_patches(d=edit("insert_before", "a()", "b()")), GIVEN)
    assert found.after == b"\rb()\ra()\r"


def test_a_decorator_on_the_first_line_belongs_to_its_function(checkout, read_patches):
    patches = read_patches(d=edit("delete", "@one\n@two\ndef f():\n    $$$BODY"))
    assert applied(checkout, patches, "@one\n@ two\ndef f():\n    pass\nx = 1\n") == "x = 1\n"


LINE = PATCH_A.split("[[edit]]")[0] + (
    "[[edit]]\nfiles = ['shop/open.py']\nop = 'line'\nfind = '''^cd (?P<value>.*)'''\nput = '''<<data>>'''\n"
)


def test_only_lines_of_the_named_string_change(checkout, read_patches):
    text = "A = '''\ncd /a\n'''\nself.TEMPLATE = '''\ncd /b\n'''\nM = N = '''\ncd /c\n'''\nZ = '''\ncd /d\n'''\n"
    patches = read_patches(e=LINE + "inside = 'N'\n")
    assert applied(checkout, patches, text) == text.replace("/c", "/tmp/somewhere")
    missing = report(checkout, patches, "A = '''\ncd /a\n'''\nself.TEMPLATE = 'x'\n")
    assert (missing.state, missing.files[0].reason) == ("missing", "no string named N")


def test_a_line_that_is_no_path_by_the_patchs_word_waits_for_its_value(checkout, read_patches):
    patches = read_patches(e=LINE)
    assert report(checkout, patches, "cd /tmp\n", {}).state == "before"
    assert report(checkout, patches, "ls /tmp\n", {}).state == "missing"


def test_the_first_and_the_last_line_of_a_script_change(checkout, read_patches):
    patches = read_patches(e=LINE.replace("open.py", "run.sh"))
    (checkout / "shop/run.sh").write_text("cd /a\nls\ncd /b")
    (found,) = plan(checkout, patches, GIVEN)
    assert found.after == b"cd /tmp/somewhere\nls\ncd /tmp/somewhere"
