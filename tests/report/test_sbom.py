"""The bill of materials: CycloneDX's shape, every distribution once, licences as they are stated."""

from __future__ import annotations

import json

import pytest

from dualano_setup.facts.environment.probe import read_environment
from dualano_setup.report.sbom import bill_of_materials


@pytest.fixture
def environment(tmp_path):
    site = tmp_path / "lib" / "python3.10" / "site-packages"
    (tmp_path / "pyvenv.cfg").write_text("version = 3.10.13\n")
    stated = {
        "spdx-1.0": "License-Expression: MIT OR Apache-2.0\n",
        "classed-2.0+cu118": "Classifier: License :: OSI Approved :: BSD License\nLicense: BSD 3-Clause\n",
        "named-3.0": "License: Its own licence\n        with more lines\n",
        "silent-4.0": "",
    }
    for name, rows in stated.items():
        folder = site / f"{name}.dist-info"
        folder.mkdir(parents=True)
        project, _dash, version = name.partition("-")
        (folder / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {project}\nVersion: {version}\n{rows}\n")
    return read_environment(str(tmp_path), frozenset(), {})


def test_the_document(environment):
    document = json.loads(bill_of_materials(environment))
    assert (document["bomFormat"], document["specVersion"], document["version"]) == ("CycloneDX", "1.5", 1)
    components = {row["name"]: row for row in document["components"]}
    assert sorted(components) == ["classed", "named", "silent", "spdx"]
    assert all(row["type"] == "library" and row["bom-ref"] == row["purl"] for row in components.values())
    assert components["classed"]["purl"] == "pkg:pypi/classed@2.0%2Bcu118"
    assert components["spdx"]["licenses"] == [{"expression": "MIT OR Apache-2.0"}]
    assert components["classed"]["licenses"] == [{"license": {"name": "BSD License"}}]
    assert components["named"]["licenses"] == [{"license": {"name": "Its own licence"}}]
    assert "licenses" not in components["silent"]


def test_the_same_environment_gives_the_same_text(environment):
    assert bill_of_materials(environment) == bill_of_materials(environment)
