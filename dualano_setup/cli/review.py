"""`dualano-doctor review [RUN]`: accept, reject and mend generated pairs in a browser."""

from __future__ import annotations

import argparse

from ..language import N_, _
from .parser import Command, argument, settings_of

COMMAND = Command(
    help=N_("accept, reject and mend generated pairs in a browser"),
    description=N_(
        "Serves a page on which a person accepts (a) or rejects (r) each generated pair by keyboard, takes "
        "back (u), and paints or mends its mask (m). Decisions are "
        "written into the pairs' manifest at once; exports go by them."
    ),
    arguments=(
        argument("name", nargs="?", metavar="RUN", help=N_("run or folder of results (default: the newest)")),
        argument(
            "--port", metavar="N", help=N_("port of the loopback to listen on (default: a free one from 8720 on)")
        ),
        argument("--open", action="store_true", help=N_("show it in the browser")),
    ),
)


def run(arguments: argparse.Namespace) -> int:
    """Serves until Ctrl-C. Raises UsageError for a run that is not there or a port that is none."""
    from ..errors import UsageError
    from ..flows.watch import review

    port = arguments.port
    if port is not None and not (port.isdecimal() and 0 < int(port) < 65536):
        raise UsageError(_("--port {port}: expected a number from 1 to 65535", port=port))
    return review(settings_of(arguments), arguments.name, int(port) if port else None, show=arguments.open)
