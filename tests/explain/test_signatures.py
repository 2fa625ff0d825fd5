"""The data file holds what its format promises, in both languages."""

from __future__ import annotations

import re

import pytest

from dualano_setup import language
from dualano_setup.explain.read import explain_bytes
from dualano_setup.explain.signatures import ANYTHING_FATAL, FILE, load
from dualano_setup.report.explain import render_explanation
from dualano_setup.report.terminal import Style
from dualano_setup.rules.registry import RULES

KNOWN = load().signatures


def test_rules_and_causes_that_are_named_exist():
    ids, rules = {s.id for s in KNOWN}, {rule.id for rule in RULES}
    for s in KNOWN:
        assert not s.rule or s.rule in rules, s.id
        assert set(s.consequence_of) <= ids | {ANYTHING_FATAL}, s.id


@pytest.mark.parametrize("signature", KNOWN, ids=[s.id for s in KNOWN])
def test_both_languages_source_and_date(signature):
    assert set(signature.cause) == set(signature.cure) == set(language.LANGUAGES)
    assert re.search("[\u4e00-\u9fff]", signature.cause["zh-TW"])
    assert not re.search("[\u4e00-\u9fff]", signature.cause["en"] + "".join(signature.cure["en"]))
    assert len(signature.cure["en"]) == len(signature.cure["zh-TW"])
    assert not any(text.endswith(("http:", "https:")) for cures in signature.cure.values() for text in cures)
    assert signature.sources
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", signature.date)


def test_a_damaged_row_is_named(tmp_path):
    file = tmp_path / "failures.toml"
    text = FILE.read_text(encoding="utf-8")
    file.write_text(re.sub(r"cause\.zh-TW = .*\n", "", text, count=1), encoding="utf-8")
    with pytest.raises(ValueError, match="cause"):
        load(file)


def test_the_explanation_speaks_chinese():
    log = b"Traceback (most recent call last):\nValueError: Attempting to unscale FP16 gradients.\n"
    language.speak("zh-TW")
    try:
        text = render_explanation(explain_bytes(log), Style(False))
    finally:
        language.speak("en")
    assert "可訓練的參數保持 fp32" in text
