"""Writes all profiles into one file that reads fast: `python -m dualano_setup.upkeep.profiles`.

For maintainers, after a file of knowledge/profiles was changed. Every look loads every profile, and five TOML files
take a tenth of it, half of that to import their parser; a test holds that the two say the same.
"""

from __future__ import annotations

import json
from typing import Any

from ..knowledge.profile import COMPILED, PROFILE_FOLDER
from ..system import toml


def compiled() -> dict[str, Any]:
    """The documents of all profiles by name."""
    return {file.stem: toml.parse(file.read_bytes()) for file in sorted(PROFILE_FOLDER.glob("*.toml"))}


def main() -> int:
    """Writes the file; returns the exit status."""
    COMPILED.write_text(json.dumps(compiled(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
