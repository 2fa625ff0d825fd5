"""`dualano-doctor init`: write dualano.toml here."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..language import N_, _
from .parser import Command, argument

COMMAND = Command(
    help=N_("write dualano.toml here"),
    description=N_(
        "Writes dualano.toml into this folder: what you give as flags, what is found here, and every other "
        "setting as a comment."
    ),
    arguments=(
        argument("--force", action="store_true", help=N_("replace one that is there (kept as dualano.toml.old)")),
    ),
)


def run(arguments: argparse.Namespace) -> int:
    """Writes and shows the file. Raises UsageError when there is one already, or for a flag of the wrong kind."""
    from ..settings.options import OPTIONS
    from ..settings.project_file import look_around, settings_text, write_settings
    from ..settings.resolve import resolve

    folder = Path.cwd()
    given = {o.key: value for o in OPTIONS if (value := getattr(arguments, o.key, None)) is not None}
    resolve(given, {}, project=Path("/"))  # says at once what is wrong with a value
    found = look_around(folder)
    values = {(o.table, o.key): given.get(o.key, found.get(o.key)) for o in OPTIONS}
    text = settings_text(values)
    file = write_settings(folder, text, replace=arguments.force)
    sys.stdout.write(text)
    for key in found:
        if key not in given:
            print(_("found here: {key} = {found}", key=key, found=found[key]), file=sys.stderr)
    for key in ("checkout", "model", "data", "foreground"):
        if key in given and not Path(given[key]).expanduser().exists():
            print(_("note: {key} = {path}: nothing is there", key=key, path=given[key]), file=sys.stderr)
    if "data" not in {*given, *found}:
        from ..rules.data.layout import EXPECTED

        print(_(EXPECTED), file=sys.stderr)
        print(_("`dualano-doctor import SOURCE` makes it of other layouts and of your own folders."), file=sys.stderr)
    print(_("\nwrote {file}; next: dualano-doctor check", file=file), file=sys.stderr)
    return 0
