"""`dualano-doctor explain [FILE|-]`: reads a log and names the known problem."""

from __future__ import annotations

import argparse
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..language import N_, _
from .parser import JSON_DOCUMENT, Command, argument, settings_of

if TYPE_CHECKING:
    from ..explain.order import Explanation
    from ..settings.options import Settings

COMMAND = Command(
    help=N_("name the known problem in a log or a traceback"),
    description=N_(
        "Reads a log, a traceback or standard input, of any size, and names the known problem: its rule, cause, "
        "cure, and how sure that is; the root cause first. Where no known problem is seen, none is invented: the "
        "general kind of the error that the log ends with is named, as such."
    ),
    arguments=(
        argument(
            "file",
            nargs="?",
            metavar="FILE",
            help=N_("a log, or - for standard input (default: what is piped in, else the log of the newest run)"),
        ),
        JSON_DOCUMENT,
    ),
    epilog=N_(
        "Exit status: 0 a known problem was named, or nothing is wrong; 1 there is an error that is not a known one "
        "(only its general kind is named, or its own words are shown); "
        "2 the file cannot be read; 130 interrupted (what had been read until then is explained)."
    ),
)


def run(arguments: argparse.Namespace) -> int:
    """Prints the explanation. Raises UsageError for a file that is no log."""
    from ..explain.read import Scanner, decoded, explain_blocks
    from ..report.explain import document, render_explanation
    from ..report.terminal import Style

    settings = settings_of(arguments)
    scanner = Scanner()
    path = _log(arguments.file, settings)
    explanation = explain_blocks(decoded(_blocks(path)), scanner)
    installed = _installed(explanation, settings)
    if arguments.json:
        from ..text.json_text import json_text

        sys.stdout.write(json_text(document(explanation, installed)) + "\n")
    else:
        style = Style.for_stream(settings.color, sys.stdout)
        sys.stdout.write(render_explanation(explanation, style, arguments.verbose, str(path or ""), installed))
    if scanner.interrupted:
        sys.stderr.write(_("interrupted; this is about the first {size} bytes", size=explanation.bytes_read) + "\n")
        return 130
    return explanation.exit_status


def _log(name: str | None, settings: Settings) -> Path | None:
    """The log that is meant, None for standard input."""
    from ..runs.folder import find

    if name == "-" or (name is None and _piped()):
        return None
    return Path(name) if name is not None else find(settings.state, None).log


def _blocks(path: Path | None) -> Iterator[bytes]:
    from ..explain.read import blocks_of, open_log

    if path is None:
        if sys.stdin.isatty():
            sys.stderr.write(_("reading standard input; Ctrl-D ends it") + "\n")
        yield from blocks_of(sys.stdin.fileno())
        return
    descriptor = open_log(path)
    try:
        yield from blocks_of(descriptor)
    finally:
        os.close(descriptor)


def _installed(explanation: Explanation, settings: Settings) -> tuple[str, ...]:
    """Who needs what of two packages that do not fit, where the log ends with that and an environment is there."""
    from ..explain.two_packages import two_packages

    found = two_packages(explanation.said) if explanation.root else None
    if found is None:
        return ()
    from ..facts.environment.needs import needs_of

    return needs_of(settings, os.environ, *found)


def _piped() -> bool:
    """Whether somebody gave a pipe or a file as standard input; a terminal and the null device are neither."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError, AttributeError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode)
