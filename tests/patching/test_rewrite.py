"""How a change is written: indentation, line endings, brackets, quotation marks, and what would go too far."""

from __future__ import annotations

import pytest

from dualano_setup.patching import PatchError, plan
from tests.patching.conftest import GIVEN, HEAD, applied, edit, report


def test_an_insertion_after_a_last_line_without_an_ending(checkout, read_patches):
    patches = read_patches(d=edit("insert_after", "a()", "b()\nc()"))
    assert applied(checkout, patches, "x = 1\na()") == "x = 1\na()\nb()\nc()"
    assert applied(checkout, patches, "def f():\n    a()  # last") == "def f():\n    a()  # last\n    b()\n    c()"


def test_an_insertion_after_a_statement_of_several_lines(checkout, read_patches):
    patches = read_patches(d=edit("insert_after", "a($$$ALL)", "b()"))
    assert applied(checkout, patches, "a(1,\n  2)  # two\nx = 1\n") == "a(1,\n  2)  # two\nb()\nx = 1\n"


def test_an_insertion_before_something_decorated(checkout, read_patches):
    patches = read_patches(d=edit("insert_before", "@one\n@two(3)\ndef f():\n    $$$BODY", "a()"))
    assert applied(checkout, patches, "x = 1\n@one\n@ two(3)\ndef f():\n    pass\n") == (
        "x = 1\na()\n@one\n@ two(3)\ndef f():\n    pass\n"
    )


@pytest.mark.parametrize("lead", ["", "    ", "\t", "        ", "\t\t"])
def test_further_lines_of_an_argument_list_move_by_as_much_as_the_call(checkout, read_patches, lead):
    unit = "\t" if "\t" in lead else "    "
    patches = read_patches(d=edit("replace", "pay($$$ALL)", "with roof():\n    pay($$$ALL)"))
    frame = {"": "", "    ": "if a:\n", "\t": "if a:\n"}.get(lead, f"if a:\n{unit}if b:\n")
    assert applied(checkout, patches, f"{frame}{lead}pay(1,\n{lead}  2)\n") == (
        f"{frame}{lead}with roof():\n{lead}{unit}pay(1,\n{lead}{unit}  2)\n"
    )


@pytest.mark.parametrize("string", ["'''a\n b'''", "f'''a\n {b}'''"])
def test_a_string_of_several_lines_among_the_arguments_stays(checkout, read_patches, string):
    patches = read_patches(d=edit("replace", "pay($$$ALL)", "with roof():\n    pay($$$ALL)"))
    assert applied(checkout, patches, f"pay({string},\n  2)\n") == f"with roof():\n    pay({string},\n  2)\n"


@pytest.mark.parametrize(
    ("text", "new"),
    [
        ("x = (1 +\n  2)\n", "y = f((1 +\n  2))\n"),
        ("x = [1,\n  2]\n", "y = f([1,\n  2])\n"),
        ("x = {1,\n  2}\n", "y = f({1,\n  2})\n"),
        ("x = (a\n  .b)\n", "y = f((a\n  .b))\n"),
        ("x = (1, 2)\n", "y = f((1, 2))\n"),
        ("x = a\n", "y = f(a)\n"),
    ],
)
def test_what_a_hole_took_is_put_back_as_it_was_written(checkout, read_patches, text, new):
    assert applied(checkout, read_patches(d=edit("replace", "x = $V", "y = f($V)")), text) == new


@pytest.mark.parametrize(
    ("old", "new"),
    [('"/path/to"', '"/tmp/somewhere"'), ("'/path/to'", "'/tmp/somewhere'"), ('r"/path/to"', "'/tmp/somewhere'")],
)
def test_a_literal_keeps_its_quotation_marks(checkout, read_patches, old, new):
    text = HEAD.rstrip() + "\n\n[parameters]\ndata = { kind = 'path' }\n[[edit]]\nfiles = ['shop/open.py']\n"
    patches = read_patches(d=text + "op = 'replace'\nfind = 'load($R)'\ntarget = 'R'\nput = '<<data>>'\n")
    assert applied(checkout, patches, f"load({old})\n") == f"load({new})\n"


def test_a_comment_before_the_arguments_is_in_the_way(checkout, read_patches):
    patches = read_patches(d=edit("replace", "pay($$$ALL)", "give($$$ALL)"))
    found = report(checkout, patches, "x = (pay  # how much\n  (1))\n")
    assert (found.state, plan(checkout, patches, GIVEN)) == ("drifted", ())
    assert "line 1: a comment stands between a function and its arguments" in found.reason


@pytest.mark.parametrize("text", ["x = 1; a()\n", "if x: a()\n"])
def test_nothing_is_inserted_beside_another_statement_of_the_line(checkout, read_patches, text):
    patches = read_patches(d=edit("insert_before", "a()", "b()"))
    found = report(checkout, patches, text)
    assert (found.state, plan(checkout, patches, GIVEN)) == ("drifted", ())
    assert f"another statement stands on the same line: '{text[:-5].strip()}'" in found.reason


def test_an_emptied_block_gets_pass(checkout, read_patches):
    patches = read_patches(d=edit("delete", "a()", many=True))
    assert applied(checkout, patches, "if x:\n    a()  # one\nelse: a()\n") == "if x:\n    pass  # one\nelse: pass\n"


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_of_mixed_line_endings_the_commonest_is_written(checkout, read_patches, ending):
    other = "\n" if ending == "\r\n" else "\r\n"
    text = f"x = 1{ending}y = 2{other}z = 3{ending}a(){ending}b()"
    path = checkout / "shop/open.py"
    path.write_bytes(text.encode())
    (found,) = plan(checkout, read_patches(d=edit("insert_after", "a()", "c()")), GIVEN)
    assert found.after.decode() == text.replace("b()", f"c(){ending}b()")


def test_text_beyond_ascii_before_the_place_does_not_move_it(checkout, read_patches):
    patches = read_patches(d=edit("replace", "a($X)", "b($X)"))
    assert (
        applied(checkout, patches, "x = ['盒', 'é', a('𝄞'), '子']  # 好\n") == "x = ['盒', 'é', b('𝄞'), '子']  # 好\n"
    )


def test_an_elif_is_not_turned_into_an_if(checkout, read_patches):
    """It parses, and its own place is as it should be; but the branch would be taken beside the first one, too."""
    patches = read_patches(d=edit("replace", "if old:\n    a()", "if new:\n    b()"))
    (checkout / "shop/open.py").write_text("if first:\n    x()\nelif old:\n    a()\n")
    with pytest.raises(PatchError, match="more than its place"):
        plan(checkout, patches, GIVEN)
