"""Where things stand that tests look at or start programs from."""

from __future__ import annotations

import os
from pathlib import Path

#: The checkout: what a program started by a test needs on its `PYTHONPATH`.
ROOT = Path(__file__).resolve().parents[1]
TESTS = ROOT / "tests"
#: The authors' numbers on a toy model, which are not in the repository.
ORACLE = Path(os.environ.get("DUALANO_ORACLE") or ROOT.parent / "shared" / "oracle").resolve()
#: Seconds that only guard against hanging: long enough for a machine with many times more work than cores.
PATIENCE = 240.0
SARIF_SUBSET = TESTS / "report" / "sarif-2.1.0-subset.schema.json"
