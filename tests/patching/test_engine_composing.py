"""Several places, files and patches together: one state, one report, one plan for all of them."""

from __future__ import annotations

import json

import pytest

from dualano_setup.patching import PatchError, inspect, load_patches, plan
from dualano_setup.patching.known import build
from tests.patching.conftest import GIVEN, HEAD, OPEN, PATCH_A, edit, report, write

TWO = HEAD.rstrip() + "\n\n[parameters]\ndata = { kind = 'path' }\nmasks = { kind = 'path' }\n"


def more(operation: str, find: str, put: str = "", file: str = "shop/open.py", **rows: str) -> str:
    """A further edit of a patch."""
    keys = "".join(f"{key} = {value}\n" for key, value in rows.items())
    return f"[[edit]]\nfiles = ['{file}']\nop = '{operation}'\nfind = '''{find}'''\nput = '''{put}'''\n{keys}"


def test_a_patch_that_waits_for_another_goes_into_the_same_plan(checkout, read_patches):
    """The first finds two places until the second has removed one: a second plan must find nothing left."""
    patches = read_patches(a=edit("replace", "go()", "run()"), b=edit("delete", "if old:\n    go()"))
    path = checkout / "shop/open.py"
    path.write_text("go()\nif old:\n    go()\nx = 1\n")
    assert [found.state for found in inspect(checkout, patches, GIVEN)] == ["drifted", "before"]
    write(plan(checkout, patches, GIVEN))
    assert path.read_text() == "run()\nx = 1\n"
    assert plan(checkout, patches, GIVEN) == ()


def test_a_patch_that_another_makes_necessary_goes_into_the_same_plan(checkout, read_patches):
    needed = edit("insert_before", "use()", "till = []", needed_by="till.add($COIN)")
    patches = read_patches(a=needed, b=edit("replace", "pay()", "till.add(1)"))
    path = checkout / "shop/open.py"
    path.write_text("use()\npay()\n")
    assert [found.state for found in inspect(checkout, patches, GIVEN)] == ["superseded", "before"]
    write(plan(checkout, patches, GIVEN))
    assert path.read_text() == "till = []\nuse()\ntill.add(1)\n"


def test_an_edit_that_would_find_itself_again_is_refused(checkout, read_patches):
    """What it puts in is what it looks for, so every application would add one more."""
    patches = read_patches(d=edit("insert_after", "a()", "a()"))
    (checkout / "shop/open.py").write_text("a()\nb()\n")
    with pytest.raises(PatchError, match="would not take"):
        plan(checkout, patches, GIVEN)
    assert (checkout / "shop/open.py").read_text() == "a()\nb()\n"


def test_looking_judges_the_disk_not_what_another_patch_would_leave(checkout, read_patches):
    patches = read_patches(c=edit("delete", "play()"), d=edit("replace", "if night:\n    play()", "rest()"))
    (checkout / "shop/open.py").write_text("if night:\n    play()\n")
    assert [found.state for found in inspect(checkout, patches, GIVEN)] == ["before", "before"]


def test_a_row_of_known_states_that_is_too_short_counts_as_far_as_it_goes(checkout, read_patches, tmp_path):
    text = edit("replace", "a()", "z()") + more("replace", "b()", "y()") + more("replace", "c()", "x()")
    read_patches(d=text)
    (checkout / "shop/open.py").write_text("a()\nb()\nc()\n")
    table = build(tmp_path / "patches", [checkout])
    for row in ([], [None], ["before"], [None, None, "before"]):
        table["d"]["files"] = dict.fromkeys(table["d"]["files"], row)
        (tmp_path / "patches/known.json").write_text(json.dumps(table))
        assert inspect(checkout, load_patches(tmp_path / "patches"), GIVEN)[0].state == "before"


def test_the_reason_of_a_drifted_patch_names_only_what_stops_it(checkout, read_patches):
    patches = read_patches(d=edit("replace", "a()", "z()") + more("replace", "bill.pay(1)", "y()", "shop/other.py"))
    (checkout / "shop/other.py").write_text("bill.pay(2)\n")
    found = report(checkout, patches, "x = 1\na()\n")
    assert found.state == "drifted"
    assert found.files[0].reason == "line 2"
    assert found.reason.startswith("shop/other.py: line 1: expected `bill.pay(1)`, found `bill.pay(2)`")


def test_the_reason_of_a_patch_begun_names_what_is_left(checkout, read_patches):
    patches = read_patches(d=edit("replace", "a()", "z()") + more("replace", "b()", "y()", "shop/other.py"))
    (checkout / "shop/other.py").write_text("x = 1\nb()\n")
    found = report(checkout, patches, "z()\n")
    assert (found.state, found.reason) == ("partly", "shop/other.py: line 2")


def test_a_missing_patch_says_of_which_file(checkout, read_patches):
    found = report(checkout, read_patches(d=edit("replace", "a()", "z()", scope="Till.add")), "x = 1\n")
    assert (found.state, found.reason) == ("missing", "shop/open.py: there is no Till.add in it")


def test_only_the_parameters_without_a_value_are_lacking(checkout, read_patches):
    text = TWO + more("replace", "one($X)", "one(<<data>>, $X)") + more("replace", "two($X)", "two(<<masks>>, $X)")
    found = report(checkout, read_patches(d=text), "one(1)\ntwo(2)\n")
    assert (found.state, found.lacks) == ("before", ("masks",))
    assert found.reason == "no value for masks"
    settled = report(checkout, read_patches(d=text), "one('/tmp/somewhere', 1)\nx = 1\n")
    assert (settled.state, settled.lacks) == ("drifted", ())


def test_a_value_that_cannot_go_where_it_would_have_to_is_lacking(checkout, read_patches):
    line = PATCH_A.split("[[edit]]")[0] + more("line", "^cd (?P<value>[^\\r\\n]*)", "<<data>>", inside="'TEMPLATE'")
    patches = read_patches(e=line)
    stuck = report(checkout, patches, OPEN, {"data": "/a b"})
    assert (stuck.state, stuck.lacks) == ("before", ("data",))
    assert "data is '/a b'" in stuck.reason
    assert report(checkout, patches, OPEN, GIVEN).lacks == ()


@pytest.mark.parametrize(
    ("other", "state"), [("y()\n", "partly"), ("w()\nb()\n", "partly"), ("b()\n", "before"), ("x = 1\n", "before")]
)
def test_a_file_with_nothing_left_to_do_does_not_stop_the_other(checkout, read_patches, other, state):
    """After, made by hand, still to do or not needed: whatever the one file is, the other gets its change."""
    second = {
        "y()\n": more("replace", "b()", "y()", "shop/other.py"),
        "w()\nb()\n": more("replace", "b()", "y()", "shop/other.py", also="['w()']"),
        "b()\n": more("replace", "b()", "y()", "shop/other.py"),
        "x = 1\n": more("insert_before", "b()", "y()", "shop/other.py", needed_by="'y.use()'"),
    }[other]
    patches = read_patches(d=TWO.replace("masks", "other") + more("replace", "one($X)", "one(<<data>>)") + second)
    (checkout / "shop/other.py").write_text(other)
    found = report(checkout, patches, "one(1)\n", {**GIVEN, "other": "/tmp"})
    assert (found.state, found.lacks) == (state, ())
    assert "open.py" in [item.path.name for item in plan(checkout, patches, {**GIVEN, "other": "/tmp"})]


def test_states_of_three_places_become_one(checkout, read_patches):
    places = "".join(
        more("replace", f"{name}()", f"{name}_new()", also=f"['{name}_own()']", needed_by=f"'{name}_use()'")
        for name in "abc"
    )
    patches = read_patches(d=HEAD + places)
    state = {
        "before": "{0}()\n{0}_use()\n",
        "after": "{0}_new()\n{0}_use()\n",
        "equivalent": "{0}_own()\n{0}_use()\n",
        "superseded": "",
        "drifted": "{0}(1)\n{0}_use()\n",
    }
    expected = {
        "before before before": "before",
        "before superseded superseded": "before",
        "before superseded after": "partly",
        "before superseded equivalent": "partly",
        "before after equivalent": "partly",
        "after superseded superseded": "after",
        "after superseded equivalent": "equivalent",
        "after equivalent equivalent": "equivalent",
        "equivalent superseded superseded": "equivalent",
        "superseded superseded superseded": "superseded",
        "drifted superseded superseded": "drifted",
        "drifted after before": "drifted",
    }
    for names, together in expected.items():
        text = "x = 1\n" + "".join(state[name].format(place) for name, place in zip(names.split(), "abc", strict=True))
        assert report(checkout, patches, text).state == together, names
