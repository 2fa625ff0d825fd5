"""Every promised id has a rule in its place, a page with every section, and a test."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from dualano_setup.facts.sheet import FactSheet
from dualano_setup.light_dataclasses import replace
from dualano_setup.rules import registry
from dualano_setup.rules.finding import fail, skip
from dualano_setup.rules.judge import judge
from dualano_setup.rules.registry import RULES
from tests.places import TESTS
from tests.rules.project_sheets import context

# The ids that were promised. An id never changes its meaning and is never reused, so this list only grows.
PROMISED = {
    "SYS": 4,
    "PY": 4,
    "GPU": 5,
    "PKG": 12,
    "REQ": 6,
    "ACC": 4,
    "DATA": 11,
    "MODEL": 6,
    "SRC": 7,
    "SEC": 1,
    "NET": 2,
}
PAGES = Path(registry.__file__).parent / "pages" / "en"
NAMES_FIRST = {"SYS004", "GPU004", "PKG003", "PKG004", "PKG005", "PKG006", "PKG009", "PKG012", "REQ006", "ACC002"}
"""Titles of what is well that begin with the name of a package, a file or a key."""
SECTIONS = ["## What it means", "## Why it matters", "## How to confirm", "## Cure by hand", "## Sources"]


def test_every_promised_id_has_a_rule_in_order():
    for family, count in PROMISED.items():
        ids = [rule.id for rule in RULES if re.fullmatch(rf"{family}\d{{3}}", rule.id)]
        assert ids[:count] == [f"{family}{number:03}" for number in range(1, count + 1)]
        assert ids == sorted(ids)
    assert list(dict.fromkeys(re.sub(r"\d+", "", rule.id) for rule in RULES)) == list(PROMISED)


def test_ids_are_unique():
    assert len({rule.id for rule in RULES}) == len(RULES)


def test_causes_and_needs_exist():
    ids = {rule.id for rule in RULES}
    facts = {field.name for field in fields(FactSheet)}
    for rule in RULES:
        assert set(rule.after) <= ids
        assert rule.id not in rule.after
        assert set(rule.needs) <= facts


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_page(rule):
    text = (PAGES / f"{rule.id}.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {rule.id} ")
    sections = [line for line in text.splitlines() if line.startswith("## ")]
    wanted = [*SECTIONS[:4], *(["## What fix does"] if rule.repairable else []), SECTIONS[4]]
    assert sections == wanted
    bodies = re.split(r"^## .*$", text, flags=re.MULTILINE)[1:]
    assert all(len(body.strip()) > 10 for body in bodies)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_rule_is_tested_by_name(rule):
    tests = "".join(file.read_text(encoding="utf-8") for file in TESTS.rglob("*.py"))
    family = re.sub(r"\d+", "", rule.id)
    assert rule.id in tests or f'f"{family}{{number:03}}"' in tests


def test_no_page_without_a_rule():
    assert {file.stem for file in PAGES.glob("*.md")} <= {rule.id for rule in RULES}


def test_what_passes_never_wears_the_title_of_its_fault():
    """A title that names a fault begins small; each of those rules has another for when all is well."""
    for rule in RULES:
        begins = (rule.fine or rule.title)[0]
        assert begins.isupper() or rule.id in NAMES_FIRST, rule.id
        assert rule.fine != rule.title


def test_the_title_follows_the_verdict():
    rule = next(rule for rule in RULES if rule.id == "DATA001")
    for verdicts, title in (((), rule.fine), ((fail("x"),), rule.title), ((skip("x"),), rule.fine)):
        (row,) = judge(context(), [replace(rule, evaluate=lambda _context, said=verdicts: said, needs=())])
        assert row.title == title
