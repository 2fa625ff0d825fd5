"""What a pattern fits: holes named twice, rests of lists, keywords, and where whole statements are meant."""

from __future__ import annotations

import pytest

from tests.patching.conftest import applied, edit, report


def fits(checkout, read_patches, find: str, text: str) -> bool:
    return report(checkout, read_patches(d=edit("replace", find, "z()")), f"{text}\nx = 1\n").state == "before"


@pytest.mark.parametrize(
    ("find", "text", "expected"),
    [
        ("f($A, $A)", "f(x.y, x.y)", True),
        ("f($A, $A)", "f(x.y, x.z)", False),
        ("f($A, $A)", "f(x, x.y)", False),
        ("f($$$ALL, 8, 9)", "f(8, 9)", True),
        ("f($$$ALL, 8, 9)", "f(1, 8, 9)", True),
        ("f($$$ALL, 8, 9)", "f(1, 2, 3, 8, 9)", True),
        ("f($$$ALL, 8, 9)", "f(9)", False),
        ("f(5, $$$ALL, 5)", "f(5, 5)", True),
        ("f(5, $$$ALL, 5)", "f(5)", False),
        ("f(5, 5, $$$ALL, 5)", "f(5, 5)", False),
        ("f(5, 5, $$$ALL, 5)", "f(5, 5, 5)", True),
        ("f(5, 5, $$$ALL, 5)", "f(5, 5, 1, 5)", True),
        ("f(1, $$$ALL)", "f(1, key=2)", True),
        ("f($$$ALL, key=2)", "f(1, other=3, key=2)", True),
        ("f($$$ALL, key=2)", "f(1, other=2)", False),
        ("f($$$ALL, key=2)", "f(1, key=3)", False),
        ("f($$$ALL)", "g(1)", False),
        ("f(1)", "f(1, 2)", False),
        ("f(1)", "f(True)", False),
        ("f(1)", "f(1.0)", False),
        ("x.$NAME(1)", "x.close(1)", True),
        ("x.$NAME(1)", "y.close(1)", False),
        ("'a'", "x = u'a'", True),
        ("a[0]", "a[0] = 1", True),
    ],
)
def test_what_fits(checkout, read_patches, find, text, expected):
    assert fits(checkout, read_patches, find, text) is expected


@pytest.mark.parametrize("text", ["a()", "a()\nc()", "b()\na()", "if a:\n    b()"])
def test_two_statements_fit_only_both(checkout, read_patches, text):
    assert not fits(checkout, read_patches, "a()\nb()", text)


def test_two_statements_are_replaced_wherever_in_a_block_they_stand(checkout, read_patches):
    patches = read_patches(d=edit("replace", "a()\nb()", "c()", many=True))
    text = "a()\nb()\nx = 1\nif x:\n    a()\n    b()\nelse:\n    a()\n    y = 2\n    a()\n    b()\n"
    new = "c()\nx = 1\nif x:\n    c()\nelse:\n    a()\n    y = 2\n    c()\n"
    assert applied(checkout, patches, text) == new


@pytest.mark.parametrize(
    "text",
    [
        "try:\n    {0}\nexcept OSError:\n    x()\n",
        "try:\n    x()\nexcept OSError:\n    {0}\n",
        "try:\n    x()\nfinally:\n    {0}\n",
        "for a in b:\n    x()\nelse:\n    {0}\n",
        "while a:\n    {0}\n",
        "with a:\n    {0}\n",
        "match a:\n    case 1:\n        {0}\n",
        "class A:\n    async def f(self):\n        {0}\n",
    ],
)
def test_statements_are_found_in_every_kind_of_block(checkout, read_patches, text):
    patches = read_patches(d=edit("replace", "old = $X", "new = $X"))
    assert applied(checkout, patches, text.format("old = 1")) == text.format("new = 1")


def test_places_are_named_in_the_order_of_the_text(checkout, read_patches):
    patches = read_patches(d=edit("replace", "a($X)", "z($X)"))
    found = report(checkout, patches, "x = 1\nb(a(1))\na(2); a(3)\n")
    assert "3 places fit where one was expected (lines 2, 3, 3)" in found.reason


def test_a_scope_is_found_through_blocks_but_not_inside_other_definitions(checkout, read_patches):
    patches = read_patches(d=edit("delete", "a()", scope="Shelf.load"))
    text = (
        "if new:\n    class Shelf:\n        try:\n            x = 1\n        finally:\n            def load(self):\n"
        "                x()\n                a()\n"
    )
    assert applied(checkout, patches, text) == text.replace("                a()\n", "")
    inner = "def outer():\n    class Shelf:\n        def load(self):\n            x()\n            a()\n"
    assert report(checkout, patches, inner).state == "missing"


def test_a_fragment_that_is_no_python_is_named(checkout, read_patches):
    from dualano_setup.patching import PatchError

    with pytest.raises(PatchError, match=r"pattern 'a\(' does not parse"):
        report(checkout, read_patches(d=edit("replace", "a(", "b()")), "x = 1\n")
