"""`check --sarif` by the structure of SARIF 2.1.0, and by what GitHub's code scanning asks beyond it."""

from __future__ import annotations

import json
import os
from datetime import date
from urllib.parse import unquote_to_bytes

import jsonschema
import pytest

from dualano_setup.check import Report
from dualano_setup.facts.sheet import FactSheet
from dualano_setup.report.sarif import sarif_report
from dualano_setup.rules.choose_profile import choose_profile
from dualano_setup.rules.finding import Finding
from dualano_setup.rules.suppression import Suppressed
from dualano_setup.settings.options import Settings
from dualano_setup.settings.suppressions import Suppression
from tests.places import SARIF_SUBSET

FORM = jsonschema.Draft202012Validator(json.loads(SARIF_SUBSET.read_text(encoding="utf-8")))


@pytest.fixture
def places(tmp_path):
    """The locations of one finding, as (base, URI, line), in a project with a checkout; the document is checked."""
    (tmp_path / "checkout").mkdir()
    settings = Settings(project=tmp_path, checkout=tmp_path / "checkout")

    def of(rule: str, evidence: str = "") -> list[tuple[str, str, int | None]]:
        sheet = FactSheet()
        choice = choose_profile(sheet, settings, trainer="bundled")
        finding = Finding(rule, "fail", "title", "detail", evidence)
        hidden = (Suppressed(finding, Suppression(rule, "it may stay", date(2999, 1, 1))),)
        document = json.loads(sarif_report(Report(settings, sheet, choice.profile, choice, (finding,), 0.1, hidden)))
        FORM.validate(document)
        open_, suppressed = document["runs"][0]["results"]
        assert open_["locations"] == suppressed["locations"]
        found = [location["physicalLocation"] for location in open_["locations"]]
        rows = [(place["artifactLocation"], place.get("region", {}).get("startLine")) for place in found]
        return [(artifact["uriBaseId"], artifact["uri"], line) for artifact, line in rows]

    return of


@pytest.fixture
def both(tmp_path):
    (tmp_path / "dualano.toml").touch()
    (tmp_path / "checkout" / "requirements.txt").touch()


REQUIREMENTS, SETTINGS = ("CHECKOUT", "requirements.txt", 1), ("PROJECT", "dualano.toml", 1)


@pytest.mark.parametrize(("rule", "place"), [("PKG001", REQUIREMENTS), ("PY001", REQUIREMENTS), ("GPU002", SETTINGS)])
def test_a_finding_about_no_file_is_put_where_it_is_answered(places, both, rule, place):
    assert places(rule, "the driver") == [place]


def test_the_other_file_stands_in_where_only_that_one_is_there(places, tmp_path):
    (tmp_path / "checkout" / "requirements.txt").touch()
    assert places("GPU002") == [REQUIREMENTS]
    (tmp_path / "checkout" / "requirements.txt").unlink()
    (tmp_path / "dualano.toml").touch()
    assert places("PKG001") == [SETTINGS]


def test_with_neither_file_there_is_a_place_all_the_same(places):
    assert places("PKG001") == [SETTINGS]


def test_a_file_outside_of_the_project_is_never_named(places, both, tmp_path_factory):
    outside = tmp_path_factory.mktemp("elsewhere") / "default_config.yaml"
    outside.touch()
    assert places("ACC001", f"{outside}:3") == [SETTINGS]
    assert places("ACC001", f"../{outside.name}:3") == [SETTINGS]


@pytest.mark.parametrize("name", ["a b#c?.py", "100%.py", "c:d.py", "影像.png"])
def test_the_files_own_name_is_encoded_and_comes_back(places, tmp_path, name):
    (tmp_path / "checkout" / name).touch()
    ((base, uri, line),) = places("SRC005", f"{tmp_path / 'checkout' / name}:7")
    assert (base, unquote_to_bytes(uri).decode(), line) == ("CHECKOUT", name, 7)


def test_a_name_that_is_not_utf_8_is_encoded_too(places, tmp_path):
    name = os.fsdecode(b"caf\xe9.png")
    try:
        (tmp_path / name).touch()
    except OSError:
        pytest.skip("this file system takes only UTF-8")
    assert places("DATA004", str(tmp_path / name)) == [("PROJECT", "caf%E9.png", None)]


@pytest.mark.parametrize("uri", ["/etc/passwd", "file:///x", "../x", "a/../x", "a b", "a%2", "C:/x", ""])
def test_the_form_refuses_what_is_no_relative_reference(uri):
    place = {"uri": uri, "uriBaseId": "PROJECT"}
    assert not FORM.evolve(schema=FORM.schema["$defs"]["artifactLocation"]).is_valid(place)
