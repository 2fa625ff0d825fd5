"""Redaction goes by kind of thing, never by substring."""

import pytest

from dualano_setup.report.redact import Redactor

REDACTOR = Redactor(home="/home/mei", host="lab-gpu-3")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/home/mei/data/x.png", "~/data/x.png"),
        ("/home/mei", "~"),
        ("/home/meilin/data", "/home/***/data"),
        ("see /home/other/sd15, please", "see /home/***/sd15, please"),
        ("https://user:secret@index.example/simple", "https://***@index.example/simple"),
        ("https://index.example/simple?token=abc&x=1", "https://index.example/simple?token=***&x=1"),
        ("token hf_abcdefghijklmnopqrstuvwxyz", "token ***"),
        ("ssh lab-gpu-3:22", "ssh <host>:22"),
        ("lab-gpu-30 is another", "lab-gpu-30 is another"),
        ("mei is not a path", "mei is not a path"),
    ],
)
def test_text(text, expected):
    assert REDACTOR.text(text) == expected


@pytest.mark.parametrize("home", ["/root", "/home/a", "/home/user"])
def test_short_user_names_rewrite_nothing_else(home):
    redactor = Redactor(home=home)
    text = "canonical_root, a user, root cause, /rooted/path"
    assert redactor.text(text) == text
    assert redactor.text(f"{home}/x") == "~/x"


def test_mapping_keys_are_never_touched():
    tree = {"/home/mei/key": ["/home/mei/value", {"n": 1}]}
    assert REDACTOR.tree(tree) == {"/home/mei/key": ["~/value", {"n": 1}]}
