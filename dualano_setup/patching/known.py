"""The table of files already met: which state each edit has in a file of a given hash.

It spares parsing the authors' own files, which is most of the time that looking takes. An entry counts only
for the exact wording of the patch that it was made with, and holds only what does not depend on parameters
or on this machine, so leaving the table out changes nothing but the time.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dualano_setup.patching.engine import Checkout
from dualano_setup.patching.judge import judge
from dualano_setup.patching.loading import KNOWN_FILE, load_patches, patch_digest
from dualano_setup.patching.model import Edit, Patch, State
from dualano_setup.patching.parameters import unfilled
from dualano_setup.patching.source import Source


def build(folder: Path, checkouts: Sequence[Path]) -> dict[str, Any]:
    """The table for the patches in `folder` and the files of the authors' own, unpatched checkouts.

    Only theirs: in a fork, somebody's path may exist on the machine of whoever looks.
    """
    table: dict[str, Any] = {}
    for patch in load_patches(folder):
        patch = replace(patch, known={})
        files: dict[str, list[State | None]] = {}
        for root in checkouts:
            _add(patch, Checkout(root), files)
        digest = patch_digest((folder / f"{patch.id}.toml").read_bytes())
        table[patch.id] = {"patch": digest, "files": dict(sorted(files.items()))}
    return table


def _add(patch: Patch, files: Checkout, table: dict[str, list[State | None]]) -> None:
    for index, edit in enumerate(patch.edits):
        for path in files.expand(edit.files):
            source = files.source(path)
            if isinstance(source, Source):
                row = table.setdefault(source.digest, [None] * len(patch.edits))
                row[index] = _lasting(edit, source)


def _lasting(edit: Edit, source: Source) -> State | None:
    """The state, where no parameter and no folder of this machine can change it.

    A path that an example stands for is "before" whatever the parameter is; a number may happen to be right.
    """
    judgement = judge(edit, source, {})
    if judgement.note == "nothing":
        return None  # a look at the text tells as fast
    if not unfilled(edit, {}):
        return judgement.state
    return judgement.state if judgement.state == "before" and "path" in edit.where.values() else None


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the table beside the patches: `python -m dualano_setup.patching.known PATCHES CHECKOUT...`."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("patches", type=Path)
    parser.add_argument("checkouts", type=Path, nargs="+")
    options = parser.parse_args(arguments)
    text = json.dumps(build(options.patches, options.checkouts), indent=1, sort_keys=True)
    (options.patches / KNOWN_FILE).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
