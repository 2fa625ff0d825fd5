"""Edges of the patch engine that mutation testing found unwatched: neighbours, odd lines, limits, the way back."""

from __future__ import annotations

import pytest

from dualano_setup.patching import PatchError, plan, plan_revert
from dualano_setup.patching.source import MAX_BYTES
from tests.patching.conftest import GIVEN, HEAD, OPEN, PATCH_A, PATCH_B, PATCH_C, applied, edit, report, write


def test_a_file_that_is_not_there_does_not_stop_the_next(checkout, read_patches):
    patches = read_patches(d=edit("delete", "return bill", files=["shop/gone.py", "shop/other.py"]))
    assert [item.path.name for item in plan(checkout, patches, GIVEN)] == ["other.py"]


def test_after_beside_equivalent_is_equivalent(checkout, read_patches):
    second = "[[edit]]\nfiles = ['shop/open.py']\nop = 'insert_before'\nfind = 'b()'\nput = 'c()'\nalso = ['d()']\n"
    patches = read_patches(d=edit("replace", "a()", "z()") + second)
    assert report(checkout, patches, "z()\nd()\nb()\n").state == "equivalent"
    assert report(checkout, patches, "a()\nd()\nb()\n").state == "partly"


def test_the_last_of_two_functions_counts(checkout, read_patches):
    patches = read_patches(d=edit("delete", "a()", scope="main"))
    two = "def main():\n    a()\n    b()\n\n\ndef main():\n    c()\n    a()\n"
    assert applied(checkout, patches, two) == "def main():\n    a()\n    b()\n\n\ndef main():\n    c()\n"


@pytest.mark.parametrize("before", range(6))
@pytest.mark.parametrize("operation", ["insert_before", "insert_after"])
def test_insertion_beside_any_number_of_statements(checkout, read_patches, operation, before):
    patches = read_patches(d=edit(operation, "anchor()", "new()\nnewer()"))
    lead = "".join(f"x{n}()\n" for n in range(before))
    new = "new()\nnewer()\nanchor()\n" if operation == "insert_before" else "anchor()\nnew()\nnewer()\n"
    assert applied(checkout, patches, f"{lead}anchor()\nend()\n") == f"{lead}{new}end()\n"


@pytest.mark.parametrize("pad", range(9))
def test_one_of_two_statements_on_a_line_goes_whatever_its_offset(checkout, read_patches, pad):
    patches = read_patches(d=edit("delete", "import toy"))
    lead = f"x = {'1' * (pad + 1)}\n"
    assert applied(checkout, patches, f"{lead}import toy ;  y = 2\n") == f"{lead}y = 2\n"
    assert applied(checkout, patches, f"{lead}y = 2;  import toy\n") == f"{lead}y = 2\n"


def test_two_statements_go_together(checkout, read_patches):
    patches = read_patches(d=edit("delete", "a()\nb()"))
    assert applied(checkout, patches, "x()\na()\nb()\ny()\n") == "x()\ny()\n"
    assert applied(checkout, patches, "def f():\n    a()\n    b()\n") == "def f():\n    pass\n"


def test_a_statement_continued_by_a_backslash_is_left(checkout, read_patches):
    patches = read_patches(d=edit("delete", "import toy"))
    found = report(checkout, patches, "import toy\\\n\n\nx = 1\n")
    assert (found.state, plan(checkout, patches, GIVEN)) == ("drifted", ())
    assert "same line" in found.reason


def test_many_places_of_other_lengths_are_proved_together(checkout, read_patches):
    patches = read_patches(d=edit("replace", "old($X)", "a_longer_name($X, 1)", many=True))
    text = "a = old(1)\nb = 2\nc = old(\n    22)\nd = [old(3), b, old(44)]\n"
    new = (
        "a = a_longer_name(1, 1)\nb = 2\nc = a_longer_name(22, 1)\nd = [a_longer_name(3, 1), b, a_longer_name(44, 1)]\n"
    )
    assert report(checkout, patches, text).reason.endswith("line 1")
    assert applied(checkout, patches, text) == new


def test_places_beside_a_finished_one_are_still_to_do(checkout, read_patches):
    patches = read_patches(d=edit("replace", "go($X)", "with roof():\n    go($X)", many=True))
    text = "go(1)\nwith roof():\n    go(2)\ngo(3)\n"
    new = "with roof():\n    go(1)\nwith roof():\n    go(2)\nwith roof():\n    go(3)\n"
    assert report(checkout, patches, text).state == "partly"
    assert applied(checkout, patches, text) == new


def test_a_hole_named_twice_takes_one_thing(checkout, read_patches):
    patches = read_patches(d=edit("delete", "import $A as $A"))
    assert applied(checkout, patches, "import b as b\nx = 1\n") == "x = 1\n"
    assert report(checkout, patches, "import b as a\n").state != "before"
    assert report(checkout, patches, "import a as b\n").state != "before"


@pytest.mark.parametrize(
    ("call", "fits"), [("f(9)", True), ("f(1, 9)", True), ("f(1, 2, 3, 9)", True), ("f()", False), ("f(9, 1)", False)]
)
def test_a_rest_before_a_last_argument(checkout, read_patches, call, fits):
    patches = read_patches(d=edit("delete", "f($$$ALL, 9)"))
    assert (report(checkout, patches, f"{call}\nx = 1\n").state == "before") is fits


@pytest.mark.parametrize(
    ("call", "fits"), [("f(0, 9)", True), ("f(0, 1, 2, 9)", True), ("f(0)", False), ("f(9, 0)", False)]
)
def test_a_rest_between_two_arguments(checkout, read_patches, call, fits):
    patches = read_patches(d=edit("delete", "f(0, $$$ALL, 9)"))
    assert (report(checkout, patches, f"{call}\nx = 1\n").state == "before") is fits


def test_a_literal_that_is_no_path_waits_for_its_value(checkout, read_patches, tmp_path):
    """Only where the patch says that a place holds a path may one that exists here stay."""
    here = OPEN.replace("/path/to/boxes", str(tmp_path))
    assert report(checkout, read_patches(a=PATCH_A), here, {}).state == "equivalent"
    plain = read_patches(a=PATCH_A.replace('where = { ROOT = "path" }\n', ""))
    assert report(checkout, plain, here, {}).state == "before"
    braces = OPEN.replace("/path/to/boxes", f"{tmp_path}{{0}}")
    assert report(checkout, read_patches(a=PATCH_A), braces, {}).state == "equivalent"


def test_a_shell_line_with_a_path_of_this_machine_is_equivalent(checkout, read_patches, tmp_path):
    line = PATCH_A.split("[[edit]]")[0] + (
        "[[edit]]\nfiles = ['shop/open.py']\nop = 'line'\ninside = 'TEMPLATE'\n"
        "find = '''^cd (?P<value>[^\\r\\n]*)'''\nput = '''<<data>>'''\nwhere = { value = 'path' }\n"
    )
    patches = read_patches(e=line)
    own = OPEN.replace("cd /path/to/shop\n", f"cd {tmp_path}\ncd /tmp\n")
    found = report(checkout, patches, own, {})
    assert (found.state, str(tmp_path) in found.files[0].reason) == ("equivalent", True)
    assert report(checkout, patches, OPEN, {}).state == "before"


def test_a_file_that_does_not_parse_for_another_reason_stays(checkout, read_patches):
    patches = read_patches(z=HEAD + "[[edit]]\nfiles = ['shop/open.py']\nop = 'dedent'\n")
    assert report(checkout, patches, "x = (\n").state == "drifted"
    assert report(checkout, patches, "x = 1\n  y = 2\n").state == "drifted"


@pytest.mark.parametrize(("size", "state"), [(MAX_BYTES, "before"), (MAX_BYTES + 1, "drifted")])
def test_the_largest_file_looked_at(checkout, read_patches, size, state):
    patches = read_patches(d=edit("delete", "a()"))
    text = "a()\nb()\n"
    found = report(
        checkout, patches, text + ("#" * 99 + "\n") * ((size - len(text)) // 100) + "#" * ((size - len(text)) % 100)
    )
    assert found.state == state
    assert state == "before" or "larger than 2 MB" in found.reason


def test_an_encoding_that_sorts_after_utf_8_stays(checkout, read_patches):
    path = checkout / "shop/open.py"
    text = "# coding: windows-1252\nname = 'caf\xe9'\na()\nb()\n"
    path.write_bytes(text.encode("windows-1252"))
    (found,) = plan(checkout, read_patches(d=edit("delete", "a()")), GIVEN)
    assert found.after == text.replace("a()\n", "").encode("windows-1252")


def test_a_long_difference_is_shortened(checkout, patches):
    text = OPEN.replace(
        "'/path/to/boxes', name, 'box'",
        "'/path/to/boxes', name, 'box', " + ", ".join("abcdefgh"[n % 8] * 9 for n in range(40)),
    )
    found = report(checkout, patches, text)
    assert found.state == "drifted"
    assert "…`" in found.reason
    assert len(found.reason) < 400
    assert "Box.open(os.path.join(" in found.reason.partition("found")[2]


def test_an_argument_list_moves_two_blocks_deeper(checkout, read_patches):
    patches = read_patches(d=edit("replace", "pay($$$ALL)", "with roof():\n    if open:\n        pay($$$ALL)"))
    assert applied(checkout, patches, "def f():\n    pay(1,\n        2)\n") == (
        "def f():\n    with roof():\n        if open:\n            pay(1,\n                2)\n"
    )


def test_every_line_edited_since_is_kept_or_refused_by_its_number(checkout, read_patches):
    """One line after the other is changed by hand: the way back keeps that change, or names the line it cannot tell."""
    patches = read_patches(a=PATCH_A, b=PATCH_B, c=PATCH_C)
    (edits,) = [item for item in plan(checkout, patches, GIVEN) if item.path.name == "open.py"]
    after, before = edits.after.splitlines(keepends=True), edits.before.splitlines(keepends=True)
    kept = refused = 0
    for number, line in enumerate(after):
        now = [*after[:number], b"# mine\n", line, *after[number + 1 :]]
        edits.path.write_bytes(b"".join(now))
        back, refusals = plan_revert(checkout, (edits,))
        if refusals:
            refused += 1
            said = int(refusals[0].reason.split("line ")[1].split()[0])
            assert after[said - 1] not in before or abs(said - 1 - number) <= 2
            continue
        kept += 1
        result = back[0].after.splitlines(keepends=True)
        assert result.count(b"# mine\n") == 1
        at = result.index(b"# mine\n")
        assert result[:at] + result[at + 1 :] == before
        assert result[at + 1] == line or line not in before
    assert kept > refused > 0


def test_the_way_back_in_a_long_file_of_equal_lines(checkout, read_patches):
    patches = read_patches(d=edit("replace", "old(1)", "new(1)"))
    text = "x = 1\n" * 300 + "old(1)\n" + "x = 1\n" * 300
    path = checkout / "shop/open.py"
    path.write_text(text)
    edits = plan(checkout, patches, GIVEN)
    write(edits)
    path.write_text("# mine\n" + path.read_text())
    back, refused = plan_revert(checkout, edits)
    assert not refused
    assert back[0].after.decode() == "# mine\n" + text


def test_a_change_that_swallows_what_follows_on_its_line_is_refused(checkout, read_patches):
    """It parses, and its own place is as it should be: only the comparison of everything else can see it."""
    patches = read_patches(d=edit("replace", "a($X)", "b($X) #"))
    (checkout / "shop/open.py").write_text("x = a(1) + 2\n")
    with pytest.raises(PatchError, match="more than its place"):
        plan(checkout, patches, GIVEN)


@pytest.mark.parametrize("length", [1, 20, 60])
def test_a_short_difference_is_shown_whole(checkout, read_patches, length):
    name = "n" * length
    patches = read_patches(d=edit("replace", "Box.open(os.path)", "b()"))
    assert f"found `Box.open(os.path, {name})`" in report(checkout, patches, f"Box.open(os.path, {name})\n").reason


def test_lines_of_a_template_are_before_then_after(checkout, read_patches):
    line = (
        "[[edit]]\nfiles = ['shop/open.py']\nop = 'line'\ninside = 'TEMPLATE'\n"
        "find = '''^cd (?P<value>[^\\r\\n]*)'''\nput = '''<<data>>'''\n"
    )
    patches = read_patches(e=PATCH_A.split("[[edit]]")[0] + line)
    twice = OPEN.replace("cd /path/to/shop\n", "cd /path/to/shop\ncd /path/to/shop\n")
    assert report(checkout, patches, twice).state == "before"
    assert report(checkout, patches, twice.replace("/path/to/shop", "/tmp/somewhere", 1)).state == "partly"
    assert report(checkout, patches, twice.replace("/path/to/shop", "/tmp/somewhere")).state == "after"


def test_before_beside_superseded_is_before(checkout, read_patches):
    second = (
        "[[edit]]\nfiles = ['shop/open.py']\nop = 'insert_before'\nfind = 'b()'\nput = 'c()'\nneeded_by = 'c.use()'\n"
    )
    patches = read_patches(d=edit("replace", "a()", "z()") + second)
    assert report(checkout, patches, "a()\nb()\n").state == "before"
    assert report(checkout, patches, "z()\nb()\n").state == "after"
