"""Every rule has its page in each language, with the same sections, the same commands and the same addresses."""

from __future__ import annotations

import re

import pytest

from dualano_setup.language import LANGUAGES
from dualano_setup.rules.pages import page
from dualano_setup.rules.registry import RULES

_CODE = re.compile(r"``(.+?)``|`([^`]+)`", re.DOTALL)
_ADDRESS = re.compile(r"https?://[^\s`、，；。()（）]+[^\s`、，；。()（）.,;]")


def _code(text: str) -> set[str]:
    return {" ".join((double or single).split()) for double, single in _CODE.findall(text)}


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
@pytest.mark.parametrize("rule", [rule.id for rule in RULES])
def test_the_page_says_the_same(rule: str, language: str) -> None:
    english, other = page(rule), page(rule, language)
    assert other.startswith(f"# {rule} ")
    assert other.count("\n## ") == english.count("\n## ")
    assert _code(other) == _code(english)
    assert set(_ADDRESS.findall(other)) == set(_ADDRESS.findall(english))
    assert re.search("[\u4e00-\u9fff]", other)
