"""argparse's own words, from our catalogue: Python ships none of its own.

Imported only when another language is spoken.
The English texts are those of Python 3.10 to 3.14; one that a version words differently stays English.
"""

from __future__ import annotations

import argparse

from ..language import N_, _
from ..text.width import wrap

WORDS = (
    N_("usage: "),
    N_("options"),
    N_("positional arguments"),
    N_("show this help message and exit"),
    N_("show program's version number and exit"),
    N_("the following arguments are required: %s"),
    N_("unrecognized arguments: %s"),
    N_("argument %(argument_name)s: %(message)s"),
    N_("%(prog)s: error: %(message)s\n"),
    N_("invalid choice: %(value)r (choose from %(choices)s)"),
    N_("invalid %(type)s value: %(value)r"),
    N_("expected one argument"),
    N_("expected at most one argument"),
    N_("expected at least one argument"),
    N_("not allowed with argument %s"),
    N_("ignored explicit argument %r"),
    N_("ambiguous option: %(option)s could match %(matches)s"),
)


def translate_argparse() -> None:
    """Makes argparse speak the language that is set, and break its lines by the width of what is shown."""
    setattr(argparse, "_", _)  # noqa: B010 - the name by which argparse calls gettext
    setattr(argparse.HelpFormatter, "_split_lines", lambda self, text, width: wrap(text, width))  # noqa: B010
    setattr(argparse.HelpFormatter, "_fill_text", _fill)  # noqa: B010


def _fill(self: argparse.HelpFormatter, text: str, width: int, indent: str) -> str:
    return "\n".join(indent + line for line in wrap(text, width - len(indent)))
