"""Values that patches write: which are accepted, how they are spelt, and what of them a fingerprint forgets."""

from __future__ import annotations

import pytest

from dualano_setup.patching import inspect, plan
from dualano_setup.patching.parameters import fingerprint
from tests.patching.conftest import HEAD, applied, write

EDIT = "[[edit]]\nfiles = ['shop/open.py']\nop = 'replace'\nfind = 'door($X)'\nput = 'gate(<<value>>, $X)'\n"


def patch(kind: str, default: str = "") -> str:
    row = f"value = {{ kind = '{kind}'{default} }}\n"
    return f"{HEAD.rstrip()}\n\n[parameters]\n{row}{EDIT}"


@pytest.mark.parametrize(
    ("kind", "value", "written"),
    [
        ("integer", "0", "0"),
        ("integer", "512", "512"),
        ("integer", "999999999", "999999999"),
        ("integer", "007", "'007'"),
        ("word", "bottle", "'bottle'"),
        ("word", "metal_nut-2.1+x", "'metal_nut-2.1+x'"),
        ("path", "/", "'/'"),
        ("path", "/data/my boxes", "'/data/my boxes'"),
    ],
)
def test_a_value_of_its_kind_is_written(checkout, read_patches, kind, value, written):
    (checkout / "shop/open.py").write_text("door(1)\n")
    patches = read_patches(d=patch(kind))
    write(plan(checkout, patches, {"value": value}))
    assert (checkout / "shop/open.py").read_text() == f"gate({written}, 1)\n"


@pytest.mark.parametrize(
    ("kind", "value", "problem"),
    [
        ("integer", "", "value must be a whole number, not ''"),
        ("integer", "1.5", "value must be a whole number, not '1.5'"),
        ("integer", "-1", "value must be a whole number, not '-1'"),
        ("integer", "1000000000", "value must be a whole number, not '1000000000'"),
        ("integer", "bottle", "value must be a whole number, not 'bottle'"),
        ("word", "two words", "value must be one word of letters, digits and ._+-, not 'two words'"),
        ("word", "", "value must be one word of letters, digits and ._+-, not ''"),
        ("word", "/data", "value must be one word of letters, digits and ._+-, not '/data'"),
        ("path", "data", "value must be an absolute path, not 'data'"),
        ("path", "/da\tta", "value must be an absolute path, not '/da\\tta'"),
    ],
)
def test_a_value_of_another_kind_is_refused_in_words(checkout, read_patches, kind, value, problem):
    (checkout / "shop/open.py").write_text("door(1)\n")
    patches = read_patches(d=patch(kind))
    found = inspect(checkout, patches, {"value": value})[0]
    assert (found.state, found.reason, found.lacks) == ("before", problem, ("value",))
    assert plan(checkout, patches, {"value": value}) == ()


def test_a_default_stands_in_for_a_value(checkout, read_patches):
    patches = read_patches(d=patch("word", ", default = 'bottle'"))
    assert applied(checkout, patches, "door(1)\n") == "gate('bottle', 1)\n"


def test_only_paths_are_taken_out_of_a_fingerprint(checkout):
    text = "a = '/d/x/fg'\nb = 'bottle'\n"
    assert fingerprint(text, {"category": "bottle", "resolution": "5"}) == fingerprint(text, {})
    assert fingerprint(text, {"data": "/", "model": "//"}) == fingerprint(text, {})
    assert fingerprint(text, {"data": "/d/"}) == fingerprint(text.replace("/d", "/elsewhere"), {"data": "/elsewhere"})
    assert fingerprint(text, {"data": "/d"}) != fingerprint(text, {})


def test_the_longer_path_is_taken_out_first_whatever_its_name():
    one = fingerprint("a = '/d/x/fg'\nb = '/d'\n", {"masks": "/d", "fg": "/d/x/fg"})
    assert one == fingerprint("a = '/m/y'\nb = '/e/e'\n", {"masks": "/e/e", "fg": "/m/y"})
