"""Every message is in the catalogue, translated, with the same fields, and the compiled file is that catalogue."""

from __future__ import annotations

import importlib.util
import re
import string
import sys

import pytest

from tests.places import ROOT

pytest.importorskip("babel")


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("messages", ROOT / "tools" / "messages.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["messages"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def stored(tool):
    return {message.id: message for message in tool.stored() if message.id}


def fields(text: str) -> list[str]:
    named = [f"{name}!{conversion}:{spec}" for _, name, spec, conversion in string.Formatter().parse(text) if name]
    return sorted(set(named))


def test_every_message_is_there_and_nothing_stale(tool, stored):
    assert {text for text, _file, _line in tool.messages()} == set(stored)
    assert len(stored) > 1000


def test_every_message_is_translated(stored):
    assert [message.id for message in stored.values() if not message.string or message.fuzzy] == []


def test_fields_are_the_same(stored):
    for message in stored.values():
        if "{" in message.id:
            try:
                wanted = fields(message.id)
            except ValueError:  # braces that are no fields: shown without values
                continue
            assert fields(message.string) == wanted, message.id
        assert sorted(re.findall(r"%(?:\(\w+\))?[sr]", message.id)) == sorted(
            re.findall(r"%(?:\(\w+\))?[sr]", message.string)
        ), message.id


def test_what_is_typed_is_not_translated(stored):
    """Commands and keys between backticks stand in the translation as they are."""
    for message in stored.values():
        quoted = set(re.findall(r"`[^`]+`", message.id))
        assert quoted <= set(re.findall(r"`[^`]+`", message.string)), message.id


def test_edges_are_the_same(stored):
    """A message that ends its line, or begins a new one, does so in Chinese too."""
    for message in stored.values():
        for end in (str.startswith, str.endswith):
            assert end(message.id, "\n") == end(message.string, "\n"), message.id


def test_the_compiled_file_is_the_catalogue(tool):
    assert tool.compiled(tool.stored()) == tool.MO.read_bytes()
