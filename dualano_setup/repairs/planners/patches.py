"""Plans the source patches of the checkout that answer the findings."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from ...facts.fact import value
from ...facts.project.checkout import patch_parameters
from ...patching import Patch, PatchError, load_patches
from ...patching import plan as plan_patches
from ...rules.finding import Finding
from ...rules.rule import Context
from ...system.bundle import bundle_root
from ..action import Planned
from ..actions.files import WriteFile

RULES = ("SRC001", "SRC002", "SRC003", "SRC005", "SRC006")
CURE_OF = {"SRC002": "SRC003"}
"""The temporal layers are not what has to change: float32 adapters and autocast are (see SRC003)."""


def plan(context: Context, findings: Sequence[Finding]) -> Planned:
    """One edit a file, with every default patch that answers a finding; what lacks a parameter is left out."""
    checkout = value(context.sheet.checkout)
    if checkout is None:
        return Planned()
    rules = {CURE_OF.get(finding.rule, finding.rule) for finding in findings}
    patches = {patch.id: patch for patch in load_patches(bundle_root() / "patches")}
    chosen = tuple(patch for patch in patches.values() if patch.default and rules.intersection(patch.rules))
    try:
        edits = plan_patches(Path(checkout.path), chosen, patch_parameters(context.settings))
    except PatchError as error:
        return Planned(notes=(str(error),))
    return Planned(
        tuple(
            WriteFile(
                path=edit.path,
                content=edit.after,
                before_sha256=hashlib.sha256(edit.before).hexdigest(),
                rules=_answered(findings, [patches[name] for name in edit.patches]),
                why=", ".join(edit.patches),
            )
            for edit in edits
        )
    )


def _answered(findings: Sequence[Finding], patches: Sequence[Patch]) -> tuple[str, ...]:
    """The findings' rules that these patches answer."""
    cured = {rule for patch in patches for rule in patch.rules}
    named = [finding.rule for finding in findings if CURE_OF.get(finding.rule, finding.rule) in cured]
    return tuple(dict.fromkeys(named))
