"""`dualano-doctor patch status|apply|revert [CHECKOUT]`: the source patches by themselves."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..language import N_, _
from .parser import Command, argument, settings_of

if TYPE_CHECKING:
    from ..settings.options import Settings

_ACTIONS = ("status", "apply", "revert")


COMMAND = Command(
    help=N_("the source patches: status, apply, revert"),
    description=N_(
        "Recognises and edits places in the checkout by their syntax, never by line number. `apply` and "
        "`revert` are journalled like every fix: `undo` takes them back."
    ),
    arguments=(
        argument("what", nargs="?", choices=_ACTIONS, default="status", help=N_("default: status")),
        argument("folder", nargs="?", metavar="CHECKOUT", help=N_("default: --checkout, or dualano.toml's")),
        argument("--only", metavar="PATCH,..", default="", help=N_("these patches, also those off by default")),
        argument("--json", action="store_true", help=N_("with status: one JSON document")),
    ),
)


def run(arguments: argparse.Namespace) -> int:
    """Returns 0 when the work is done, 1 when a patch does not fit. Raises RepairError when nothing may be edited."""
    from ..errors import UsageError

    settings = settings_of(arguments, checkout=arguments.folder or arguments.checkout)
    if settings.checkout is None:
        raise UsageError(
            _("no checkout is named: `dualano-doctor patch status CHECKOUT`, or `checkout` in dualano.toml")
        )
    if not settings.checkout.is_dir():
        raise UsageError(
            _("{checkout} is not a folder; name the root of the authors' repository", checkout=settings.checkout)
        )
    names = [part.strip() for part in arguments.only.split(",") if part.strip()]
    if arguments.what == "status":
        return _status(settings, settings.checkout, names, as_json=arguments.json)
    from ..flows.patch import change

    return change(settings, settings.checkout, names, arguments.what)


def _status(settings: Settings, checkout: Path, names: list[str], *, as_json: bool) -> int:
    from ..facts.project.checkout import patch_parameters
    from ..flows.patch import choose_patches
    from ..patching import inspect, load_patches
    from ..system.bundle import bundle_root
    from ..text.printable import printable

    patches = choose_patches(names) if names else load_patches(bundle_root() / "patches")
    by_id = {patch.id: patch for patch in patches}
    reports = inspect(checkout, patches, patch_parameters(settings))
    if as_json:
        rows = [
            {
                "patch": report.id,
                "state": report.state,
                "default": by_id[report.id].default,
                "rules": list(by_id[report.id].rules),
                "reason": report.reason,
            }
            for report in reports
        ]
        sys.stdout.write(json.dumps({"schema": 1, "checkout": str(checkout), "patches": rows}, indent=2) + "\n")
    else:
        for report in reports:
            patch = by_id[report.id]
            off = "" if patch.default else _("  (off by default)")
            sys.stdout.write(f"{report.state:11}{report.id:28}{_(patch.title)}{off}\n")
            if report.reason:
                sys.stdout.write(f"{'':11}{printable(report.reason)}\n")
    return int(any(r.state in ("drifted", "partly") and by_id[r.id].default for r in reports))
