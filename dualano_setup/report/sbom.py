"""What an environment consists of, as a CycloneDX 1.5 bill of materials, licences as the distributions state them."""

from __future__ import annotations

import json
from email.parser import HeaderParser
from pathlib import Path
from urllib.parse import quote

from .. import __version__
from ..facts.sheet import Distribution, Environment
from ..system.files import text_at

MAX_METADATA = 1 << 20  # bytes
_CLASSIFIER = "License :: "


def bill_of_materials(environment: Environment) -> str:
    """The document as indented JSON text. Without serial number and time: the same environment gives the same text."""
    rows = sorted(environment.distributions, key=lambda row: (row.name, row.version))
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "tools": {"components": [{"type": "application", "name": "dualano-setup", "version": __version__}]},
            "component": {"type": "platform", "name": "python", "version": environment.python or "unknown"},
        },
        "components": [_component(row) for row in dict.fromkeys(rows)],
    }
    return json.dumps(document, indent=2)


def licences_of(distribution: Distribution) -> list[dict[str, object]]:
    """CycloneDX `licenses`: the SPDX expression where one is stated, else the named licence or the classifiers."""
    headers = HeaderParser().parsestr(text_at(Path(distribution.dist_info) / "METADATA", MAX_METADATA))
    if expression := headers.get("License-Expression"):
        return [{"expression": str(expression)}]
    classifiers = [str(row) for row in headers.get_all("Classifier", []) if str(row).startswith(_CLASSIFIER)]
    names = [row.rpartition(" :: ")[2] for row in classifiers]
    stated = str(headers.get("License") or "").strip()
    if not names and stated:
        names = [stated.splitlines()[0][:200]]  # some put the whole licence there
    return [{"license": {"name": name}} for name in dict.fromkeys(names)]


def _component(distribution: Distribution) -> dict[str, object]:
    name, version = distribution.name, distribution.version
    address = f"pkg:pypi/{quote(name)}@{quote(version, safe='')}"
    row: dict[str, object] = {"type": "library", "bom-ref": address, "name": name, "version": version, "purl": address}
    licences = licences_of(distribution)
    return row | ({"licenses": licences} if licences else {})
