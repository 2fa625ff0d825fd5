"""States, plans and all-or-nothing, on sources of our own invention."""

from __future__ import annotations

import ast
import re

import pytest

from dualano_setup.patching import PatchError, inspect, plan, plan_revert
from tests.patching.conftest import OPEN, PATCH_A, PATCH_B, PATCH_C, write

GIVEN = {"data": "/tmp/somewhere"}


def states(checkout, patches, given=GIVEN):
    return [report.state for report in inspect(checkout, patches, given)]


def snapshot(checkout):
    return {path: path.read_bytes() for path in checkout.rglob("*") if path.is_file()}


def test_untouched_checkout_is_before_and_looking_changes_nothing(checkout, patches):
    old = snapshot(checkout)
    assert states(checkout, patches) == ["before"] * 3
    plan(checkout, patches, GIVEN)
    assert snapshot(checkout) == old


def test_applied_is_after_and_applying_again_is_nothing(checkout, patches):
    write(plan(checkout, patches, GIVEN))
    assert states(checkout, patches) == ["after"] * 3
    assert plan(checkout, patches, GIVEN) == ()


def test_several_patches_to_one_file_compose_in_order(checkout, patches):
    edits = {edit.path.name: edit for edit in plan(checkout, patches, GIVEN)}
    assert edits["open.py"].patches == ("a", "b", "c")
    assert edits["other.py"].patches == ("b",)


def test_only_the_places_change(checkout, patches):
    write(plan(checkout, patches, GIVEN))
    text = (checkout / "shop/open.py").read_text()
    expected = (
        OPEN.replace("import toy\n", "")
        .replace("'/path/to/boxes'", "'/tmp/somewhere/boxes'")
        .replace("        toy.play()\n", "        pass\n")
        .replace(
            "        deep=True,\n    )\n",
            "        deep=True,\n    )\n    if not shelf.count:\n        raise SystemExit(1)\n",
        )
        .replace("    bill = pay(", "    with roof():\n        bill = pay(")
    )
    assert text == expected
    other = (checkout / "shop/other.py").read_text()
    assert "\t\twith roof():\n\t\t\tbill = pay(x,\n\t\t\t\t3).total\n" in other


@pytest.mark.parametrize("ending", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_line_endings_and_bom_stay(checkout, patches, ending, bom):
    for path in (checkout / "shop").glob("*.py"):
        path.write_bytes(bom + path.read_text().replace("\n", ending).encode())
    old = snapshot(checkout)
    edits = plan(checkout, patches, GIVEN)
    write(edits)
    assert states(checkout, patches) == ["after"] * 3
    for path in (checkout / "shop").glob("*.py"):
        data = path.read_bytes()
        assert data.startswith(bom)
        assert set(re.findall(rb"\r\n|\r|\n", data)) == {ending.encode()}
    back, refused = plan_revert(checkout, edits)
    write(back)
    assert not refused
    assert snapshot(checkout) == old


def test_other_encodings_stay(checkout, patches):
    path = checkout / "shop/open.py"
    path.write_bytes(
        b"# -*- coding: latin-1 -*-\n# caf\xe9\n" + OPEN.replace("first come", "à la carte").encode("latin-1")
    )
    write(plan(checkout, patches, GIVEN))
    assert b"# caf\xe9\n" in path.read_bytes()
    assert "à la carte".encode("latin-1") in path.read_bytes()
    assert states(checkout, patches) == ["after"] * 3


def test_a_value_that_the_encoding_cannot_hold_is_refused(checkout, patches):
    (checkout / "shop/open.py").write_bytes(b"# -*- coding: latin-1 -*-\n" + OPEN.encode())
    with pytest.raises(PatchError, match="cannot hold"):
        plan(checkout, patches, {"data": "/tmp/資料"})


REWRITTEN = """
class Shelf:
    def load(self, name):
        return Box.open((os.path.join(("/path/to/boxes"), name, "box",)),)
def main(args):
    shelf = (Shelf(args.size, deep=(True)))
    bill = (pay)(shelf).total
"""


def test_quotes_parentheses_commas_and_wraps_do_not_matter(checkout, patches):
    (checkout / "shop/open.py").write_text(REWRITTEN)
    assert states(checkout, patches)[:2] == ["before", "before"]
    write(plan(checkout, patches, GIVEN))
    assert states(checkout, patches) == ["after"] * 3
    assert '("/tmp/somewhere/boxes")' in (checkout / "shop/open.py").read_text()


def test_drifted_names_what_differs_and_edits_no_file_of_the_patch(checkout, patches):
    path = checkout / "shop/open.py"
    path.write_text(OPEN.replace(").total", ").total + 1"))
    report = inspect(checkout, patches, GIVEN)[1]
    assert report.state == "drifted"
    assert "bill = pay(…).total" in report.reason
    assert ".total + 1" in report.reason
    assert "line 23" in report.reason
    assert all("b" not in edit.patches for edit in plan(checkout, patches, GIVEN))


def test_two_places_where_one_was_expected_is_drifted(checkout, patches):
    path = checkout / "shop/open.py"
    path.write_text(OPEN + "    shelf = Shelf(2)\n")
    report = inspect(checkout, patches, GIVEN)[1]
    assert report.state == "drifted"
    assert "2 places" in report.reason


def test_partly_applied_gets_the_rest(checkout, patches):
    path = checkout / "shop/other.py"
    path.write_text("def main(args):\n    with roof():\n        bill = pay(1).total\n")
    assert states(checkout, patches)[1] == "partly"
    write(plan(checkout, patches, GIVEN))
    assert states(checkout, patches)[1] == "after"
    assert path.read_text().count("roof") == 1


def test_missing_function_and_missing_file(checkout, patches):
    (checkout / "shop/open.py").write_text("x = 1\n")
    (checkout / "shop/other.py").unlink()
    first, second, third = inspect(checkout, patches, GIVEN)
    assert first.state == "missing"
    assert "no Shelf.load" in first.reason
    assert second.state == "missing"
    assert third.state == "after"  # nothing to delete


def test_a_missing_parameter_is_named_and_the_patch_waits(checkout, patches):
    report = inspect(checkout, patches, {})[0]
    assert (report.state, report.lacks) == ("before", ("data",))
    assert "no value for data" in report.reason
    assert all("a" not in edit.patches for edit in plan(checkout, patches, {}))


@pytest.mark.parametrize("value", ["relative/path", "/with\nbreak", ""])
def test_a_parameter_that_is_no_absolute_path_is_refused(checkout, patches, value):
    report = inspect(checkout, patches, {"data": value})[0]
    assert "must be an absolute path" in report.reason
    assert all("a" not in edit.patches for edit in plan(checkout, patches, {"data": value}))


def test_a_value_cannot_break_out_of_its_literal(checkout, patches):
    value = '/tmp/it\'s\\here") + evil("'
    write(plan(checkout, patches, {"data": value}))
    tree = ast.parse((checkout / "shop/open.py").read_text())
    constants = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert f"{value}/boxes" in constants
    assert not any(isinstance(node, ast.Name) and node.id == "evil" for node in ast.walk(tree))


def test_an_existing_path_set_by_hand_is_equivalent_until_another_is_wanted(checkout, patches):
    path = checkout / "shop/open.py"
    path.write_text(OPEN.replace("/path/to/boxes", checkout.as_posix()))
    assert states(checkout, patches, {})[0] == "equivalent"
    assert states(checkout, patches, GIVEN)[0] == "before"


def test_hand_made_variants_and_superseded(checkout, read_patches):
    text = PATCH_B.split("[[edit]]")[0] + (
        "[[edit]]\nfiles = ['shop/open.py']\nop = 'insert_before'\nscope = 'main'\n"
        "find = '''bill = $ANY'''\nput = '''till = []'''\n"
        "also = ['''till = list()''']\nneeded_by = '''till.add($COIN)'''\n"
    )
    patches = read_patches(d=text)
    assert states(checkout, patches) == ["superseded"]
    path = checkout / "shop/open.py"
    path.write_text(OPEN + "    till.add(bill)\n")
    assert states(checkout, patches) == ["before"]
    path.write_text(OPEN.replace("    if args.night", "    till = list()\n    if args.night") + "    till.add(bill)\n")
    assert states(checkout, patches) == ["equivalent"]


def test_deletion_from_a_line_with_two_statements(checkout, patches):
    path = checkout / "shop/other.py"
    path.write_text(
        "def main(args):\n    import toy;toy.play()  # stop\n    a = 1; import toy\n    bill = pay(1).total\n"
    )
    write(plan(checkout, patches, GIVEN))
    assert path.read_text() == "def main(args):\n    a = 1\n    with roof():\n        bill = pay(1).total\n"


def test_shell_lines_in_a_template(checkout, read_patches):
    line = PATCH_A.split("[[edit]]")[0] + (
        "[[edit]]\nfiles = ['shop/open.py']\nop = 'line'\ninside = 'TEMPLATE'\n"
        "find = '''^cd (?P<value>[^\\r\\n]*)'''\nput = '''<<data/{door}>>'''\n"
    )
    patches = read_patches(e=line)
    stuck = inspect(checkout, patches, {"data": "/a b"})[0]
    assert stuck.state == "before"
    assert "do not survive spaces" in stuck.reason
    assert plan(checkout, patches, {"data": "/a b"}) == ()
    write(plan(checkout, patches, {"data": "/a{b"}))
    text = (checkout / "shop/open.py").read_text()
    assert "cd /a{{b/{door}\n" in text
    template = ast.literal_eval(text[text.index('"""\ncd') : text.index('{door}\n"""') + 10])
    assert template.format(door=3).splitlines()[1] == "cd /a{b/3"


def test_a_file_that_does_not_parse_is_set_right_first(checkout, read_patches):
    dedent = PATCH_C.split("[[edit]]")[0] + "[[edit]]\nfiles = ['shop/open.py']\nop = 'dedent'\n"
    path = checkout / "shop/open.py"
    path.write_text("# note\n  import os\n" + OPEN)
    with_dedent = read_patches(a=PATCH_A, z=dedent)
    assert states(checkout, with_dedent) == ["before", "before"]
    only_a = with_dedent[:1]
    assert "does not parse" in inspect(checkout, only_a, GIVEN)[0].reason
    assert plan(checkout, only_a, GIVEN) == ()
    write(plan(checkout, with_dedent, GIVEN))
    assert path.read_text().startswith("# note\nimport os\n")
    assert states(checkout, with_dedent) == ["after", "after"]
    path.write_text("  import os\n  import\n")
    assert states(checkout, with_dedent) == ["drifted", "drifted"]


def test_an_edit_that_would_change_more_than_its_place_is_refused(checkout, read_patches):
    # A template that swallows the following line's meaning: the comment hides the rest of the expression.
    text = PATCH_C.split("[[edit]]")[0] + (
        "[[edit]]\nfiles = ['shop/open.py']\nop = 'replace'\n"
        "find = '''Box.open($PATH)'''\nput = '''Box.open($PATH) or 1 #'''\n"
    )
    path = checkout / "shop/open.py"
    path.write_text("value = (Box.open(1) + rest)\n")
    with pytest.raises(PatchError, match="nothing was edited"):
        plan(checkout, read_patches(f=text), {})
    assert path.read_text() == "value = (Box.open(1) + rest)\n"
