"""The table of files already met: which state each edit has in a file of a given hash.

It spares parsing the authors' own files, which is most of the time that looking takes. An entry counts only
for the exact wording of the patch that it was made with, and holds only what does not depend on parameters
or on this machine, so leaving the table out changes nothing but the time.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .engine import Checkout, patched
from .judge import judge
from .loading import KNOWN_FILE, load_patches, patch_digest
from .model import Edit, Patch, State
from .parameters import Values, fingerprint, resolve, unfilled
from .source import Source

_EXAMPLE = {name: f"/dualano-{name}" for name in ("model", "data", "foreground")}
"""Where the parameters stand for themselves; `fingerprint` takes them out again."""


def build(folder: Path, checkouts: Sequence[Path]) -> dict[str, Any]:
    """The table for the patches in `folder`, the authors' own checkouts, and these as the patches leave them.

    Only theirs: in a fork, somebody's path may exist on the machine of whoever looks.
    """
    patches = [patch._replace(known={}) for patch in load_patches(folder)]
    defaults = [patch for patch in patches if patch.default]
    table: dict[str, Any] = {}
    for patch in patches:
        files: dict[str, list[State | None]] = {}
        for root in checkouts:
            _add(patch, Checkout(root, {}), {}, files)
            _add(patch, patched(root, defaults, _EXAMPLE), _EXAMPLE, files)
        digest = patch_digest((folder / f"{patch.id}.toml").read_bytes())
        table[patch.id] = {"patch": digest, "files": dict(sorted(files.items()))}
    return table


def _add(patch: Patch, files: Checkout, given: Values, table: dict[str, list[State | None]]) -> None:
    values, _ = resolve(patch, given, files.root)
    for index, edit in enumerate(patch.edits):
        for path in files.expand(edit.files):
            source = files.source(path)
            if isinstance(source, Source):
                key = fingerprint(source.text, {**given, "checkout": values["checkout"]})
                table.setdefault(key, [None] * len(patch.edits))[index] = _lasting(patch, edit, source, values)


def _lasting(patch: Patch, edit: Edit, source: Source, values: Values) -> State | None:
    """The state, where no parameter and no folder of this machine can change it.

    A path is part of the fingerprint, and an example path is "before" whatever the parameter is; a number may
    happen to be right.
    """
    judgement = judge(edit, source, values)
    if judgement.note == "nothing":
        return None  # a look at the text tells as fast
    used = unfilled(edit, {"checkout": ""})
    if any(patch.parameters[name].kind != "path" for name in used):
        return None
    if not used:
        return judgement.state
    if judgement.state == "before":
        return "before" if "path" in edit.where.values() else None
    return "after" if judgement.state == "after" else None


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
