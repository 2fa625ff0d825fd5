"""What one edit finds in one file: whose place it is, how many there are, and what is said of them."""

from __future__ import annotations

import pytest

from dualano_setup.patching import plan
from tests.patching.conftest import GIVEN, HEAD, PATCH_A, applied, edit, report

WITH_DATA = HEAD.rstrip() + "\n\n[parameters]\ndata = { kind = 'path' }\n"


def with_data(find: str, put: str, **rows: str) -> str:
    """A replacement that needs the parameter `data`."""
    keys = "".join(f"{key} = {value}\n" for key, value in rows.items())
    return (
        f"{WITH_DATA}[[edit]]\nfiles = ['shop/open.py']\nop = 'replace'\nfind = '''{find}'''\nput = '''{put}'''\n{keys}"
    )


# Whose place it is ---------------------------------------------------------------------------------------------------


def test_a_function_with_another_name_is_not_taken_for_the_named_one(checkout, read_patches):
    patches = read_patches(d=edit("delete", "a()", scope="main"))
    text = "def main():\n    b()\n    a()\n\n\ndef helper():\n    b()\n    a()\n"
    assert applied(checkout, patches, text) == text.replace("    a()\n", "", 1)


@pytest.mark.parametrize(("kind", "literal"), [("path", "7"), ("path", "root"), ("str", "7"), ("int", "'7'")])
def test_a_place_that_holds_something_else_than_a_literal_of_that_kind_stays(checkout, read_patches, kind, literal):
    patches = read_patches(d=with_data("shelf.open($ROOT)", "shelf.open(<<data>>)", where=f"{{ ROOT = '{kind}' }}"))
    found = report(checkout, patches, f"shelf.open({literal})\n")
    assert (found.state, plan(checkout, patches, GIVEN)) == ("drifted", ())
    fitting = "7" if kind == "int" else "'7'"
    assert report(checkout, patches, f"shelf.open({fitting})\n").state == "before"


def test_a_deletion_finds_nothing_to_do_where_its_names_do_not_occur(checkout, read_patches):
    """Even where the file does not parse: it cannot hold what would be deleted."""
    patches = read_patches(d=edit("delete", "import toy"))
    assert report(checkout, patches, "x = (\n").state == "after"
    assert report(checkout, patches, "import toy\nx = (\n").state == "drifted"


def test_a_value_elsewhere_is_not_the_place_of_the_patch(checkout, read_patches):
    text = "x = '/tmp/somewhere'\nshelf.open('/path/to/boxes', 1)\n"
    patches = read_patches(d=with_data("shelf.open($ROOT, 1)", "<<data>>", target="'ROOT'"))
    assert applied(checkout, patches, text) == text.replace("/path/to/boxes", "/tmp/somewhere")


def test_the_value_of_an_assignment_is_replaced_once(checkout, read_patches):
    patches = read_patches(d=with_data("boxes = $ROOT", "<<data>>", target="'ROOT'"))
    assert applied(checkout, patches, "boxes = '/path/to'\n") == "boxes = '/tmp/somewhere'\n"


def test_a_call_within_another_statement_is_not_the_statement_put_in(checkout, read_patches):
    patches = read_patches(d=edit("replace", "x = $VALUE", "store($VALUE)"))
    assert applied(checkout, patches, "x = 1\ny = store(1)\n") == "store(1)\ny = store(1)\n"


def test_a_fragment_that_tells_of_need_may_stand_inside_an_expression(checkout, read_patches):
    patches = read_patches(d=edit("insert_before", "use()", "till = []", needed_by="till.add($COIN)"))
    assert report(checkout, patches, "use()\nx = 1 + till.add(2)\n").state == "before"
    assert report(checkout, patches, "use()\nx = 1 + till.take(2)\n").state == "superseded"


# How many places -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("done", "todo"), [(1, 1), (2, 1), (1, 2), (3, 1), (0, 2)])
def test_places_done_and_to_do_are_counted_together(checkout, read_patches, done, todo):
    patches = read_patches(d=edit("replace", "old($X)", "new($X)"))
    found = report(checkout, patches, "new(1)\n" * done + "old(1)\n" * todo)
    lines = ", ".join(str(done + 1 + n) for n in range(todo))
    assert found.state == "drifted"
    assert f"{done + todo} places fit where one was expected (lines {lines})" in found.reason


@pytest.mark.parametrize("put", ["a()\ngo($X)", "go($X)\na()", "a()\ngo($X)\nb()"])
def test_what_was_there_inside_what_was_put_in_is_done(checkout, read_patches, put):
    patches = read_patches(d=edit("replace", "go($X)", put, many=True))
    new = put.replace("$X", "1") + "\n"
    assert applied(checkout, patches, "go(1)\nx = 1\n") == f"{new}x = 1\n"


@pytest.mark.parametrize(("put", "text"), [("c()\na()", "c()\na()\nb()\n"), ("b()\nc()", "a()\nb()\nc()\n")])
def test_a_place_that_only_overlaps_a_finished_one_is_still_to_do(checkout, read_patches, put, text):
    assert report(checkout, read_patches(d=edit("replace", "a()\nb()", put)), text).state == "drifted"


def test_the_line_that_cannot_be_edited_is_named(checkout, read_patches):
    patches = read_patches(d=edit("replace", "go()", "with roof():\n    go()", many=True))
    found = report(checkout, patches, "go()\nx = 1; go()\ngo()\n")
    assert found.state == "drifted"
    assert "line 2: another statement stands on the same line" in found.reason


# Without a value -----------------------------------------------------------------------------------------------------


def test_an_edit_without_a_target_waits_for_its_value(checkout, read_patches):
    patches = read_patches(d=with_data("shelf.open($NAME)", "shelf.open(<<data>>, $NAME)"))
    found = report(checkout, patches, "x = 1\nshelf.open(name)\n", {})
    assert (found.state, found.lacks) == ("before", ("data",))
    assert found.files[0].reason == "line 2: no value for data"


def test_the_first_of_many_places_without_a_value_is_named(checkout, read_patches):
    patches = read_patches(d=with_data("open($ROOT)", "<<data>>", target="'ROOT'", many="true"))
    found = report(checkout, patches, "x = 1\nopen('/a')\nopen('/b')\nopen('/c')\n", {})
    assert found.files[0].reason == "line 2: no value for data"


def test_all_paths_set_by_hand_are_named(checkout, read_patches, tmp_path):
    """One that is not here is enough for the patch to be wanted."""
    place = {"target": "'ROOT'", "where": "{ ROOT = 'path' }", "many": "true"}
    patches = read_patches(d=with_data("open($ROOT)", "<<data>>", **place))
    found = report(checkout, patches, f"open('{tmp_path}')\nopen('/tmp')\n", {})
    assert (found.state, found.files[0].reason) == ("equivalent", f"set by hand to {tmp_path}, /tmp")
    assert report(checkout, patches, "open('/tmp')\nopen('/nowhere/at/all')\n", {}).state == "before"


def test_all_paths_of_a_shell_script_set_by_hand_are_named(checkout, read_patches, tmp_path):
    line = PATCH_A.split("[[edit]]")[0] + (
        "[[edit]]\nfiles = ['shop/open.py']\nop = 'line'\nfind = '''^cd (?P<value>.*)'''\nput = '''<<data>>'''\n"
        "where = { value = 'path' }\n"
    )
    found = report(checkout, read_patches(d=line), f"cd {tmp_path}\ncd '/tmp'\n", {})
    assert (found.state, found.files[0].reason) == ("equivalent", f"set by hand to {tmp_path}, '/tmp'")


# What is said of a place that differs --------------------------------------------------------------------------------


def differs(checkout, read_patches, find: str, text: str, **more: object) -> tuple[str, str]:
    found = report(checkout, read_patches(d=edit("replace", find, "z()", **more)), text)
    return found.state, found.files[0].reason


@pytest.mark.parametrize(
    ("find", "text", "state"),
    [
        ("a.bcdefg()", "a.bcdef_()\n", "drifted"),  # 7 characters of 10 in one run
        ("a.bcdefg()", "a.bcde__()\n", "missing"),  # 6 of 10; the two brackets are too short a run
        ("abcd.efg()", "abcd(efg, 1)\n", "drifted"),  # 4 and 3 of 10
        ("abcd.efg()", "zyxw(vut, 1)\n", "missing"),
        ("abcd.efg()", "x = 1\n", "missing"),  # no call at all
    ],
)
def test_a_place_is_the_patchs_own_from_seven_tenths_of_likeness_on(checkout, read_patches, find, text, state):
    assert differs(checkout, read_patches, find, text)[0] == state


def test_the_likest_place_is_shown(checkout, read_patches):
    text = "shelf.close(1)\nshelf.load(name, 'bin')\nshelf.load(name, 'box', 2)\nshelf.load(other)\n"
    assert differs(checkout, read_patches, "shelf.load(name, 'box')", text) == (
        "drifted",
        "line 3: expected `shelf.load(name, 'box')`, found `shelf.load(name, 'box', 2)`",
    )


def test_the_named_function_is_named_where_it_differs(checkout, read_patches):
    text = "def main():\n    shelf.load(name, 2)\n"
    state, reason = differs(checkout, read_patches, "shelf.load(name, 1)", text, scope="main")
    assert (state, reason) == ("drifted", "line 2 in main: expected `shelf.load(name, 1)`, found `shelf.load(name, 2)`")
    state, reason = differs(checkout, read_patches, "bill.pay(everything)", text, scope="main")
    assert (state, reason) == ("missing", "nothing like `bill.pay(everything)` in main")


def test_of_a_block_its_first_line_tells(checkout, read_patches):
    find = "if shelf.is_open:\n    sell(everything, at='once')\n    close(the_shop, for_ever=True)"
    state, reason = differs(checkout, read_patches, find, "if shelf.is_open:\n    x = 1\n")
    assert state == "drifted"
    assert reason.endswith("found `if shelf.is_open: x = 1`")
    state, reason = differs(checkout, read_patches, find, "while True:\n    x = 1\n")
    assert (state, reason) == ("missing", "nothing like `if shelf.is_open:`")


def test_of_several_statements_the_first_tells(checkout, read_patches):
    find = "bill = pay(everything)\nclose(bill)\nx += 1"
    assert differs(checkout, read_patches, find, "bill = pay(everything, 2)\ny = 2\n") == (
        "drifted",
        "line 1: expected `bill = pay(everything); close(bill); x += 1`, found `bill = pay(everything, 2)`",
    )
    assert differs(checkout, read_patches, find, "close(bill)\n") == (
        "missing",
        "nothing like `bill = pay(everything)`",
    )


@pytest.mark.parametrize(("length", "state"), [(240, "drifted"), (241, "missing")])
def test_what_fills_a_hole_does_not_count_up_to_four_times_the_patterns_length(checkout, read_patches, length, state):
    """Also in a line so long that its commonest characters would be left out of a quick comparison."""
    find = "opening(boxes, $X, " + "z" * 25 + ", " + "q" * 14 + ")"
    assert len(find.replace("$X", "…")) == 60
    # 42 characters of 60 are needed: those after the filler suffice only where the last of them is within reach.
    bare = f"opening(boxes, , {'z' * 25})"
    text = bare.replace(", ,", f", {'1' * (length + 1 - len(bare))},")
    assert differs(checkout, read_patches, find, text + "\n")[0] == state


@pytest.mark.parametrize(("length", "shown"), [(160, 160), (161, 160), (400, 160)])
def test_at_most_160_characters_of_source_are_shown(checkout, read_patches, length, shown):
    call = f"shelf.open(name, {'n' * (length - 18)})"
    assert len(call) == length
    reason = differs(checkout, read_patches, "shelf.open(name)", call + "\n")[1]
    found = reason.partition("found `")[2].removesuffix("`")
    assert len(found) == shown
    assert found == call if length == shown else found == call[:159] + "…"


def test_an_expression_nested_too_deeply_to_compare_is_said_so(checkout, read_patches):
    deep = "1" + "+1" * 700
    found = report(checkout, read_patches(d=edit("replace", "f($A, $A)", "z()")), f"f({deep}, {deep})\n")
    assert found.state == "drifted"
    assert "nested too deeply" in found.reason
