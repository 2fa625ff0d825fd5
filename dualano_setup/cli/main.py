"""Finds the command, runs it, and turns what went wrong into one clear message and an exit status."""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import shlex
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

from .. import __version__
from ..errors import UsageError, WorkError
from ..language import DEFAULT, N_, _, speak, spoken
from ..settings.stored import read_stored
from ..system.bundle import docs_folder
from ..system.unwinding import unwinding
from .asked_language import asked_language
from .completion import Completion
from .line import refuse_unknown, split_arguments, with_command
from .parser import Command, Parser, RawFormatter, add_command, add_options

# Order of `--help`. Each name is a module beside this one with its `COMMAND` and `run(arguments)`.
COMMANDS = (
    "check",
    "fix",
    "undo",
    "train",
    "resume",
    "runs",
    "status",
    "logs",
    "stop",
    "report",
    "watch",
    "review",
    "generate",
    "export",
    "evaluate",
    "masks",
    "foreground",
    "convert",
    "memory",
    "patch",
    "explain",
    "rule",
    "profile",
    "prove",
    "init",
    "import",
    "campaign",
    "quickstart",
    "uninstall",
)

_TOOLS = ("export", "masks", "foreground", "convert", "memory")  # rows of one table, in tool.py

# Over before garbage could matter; the others may run for hours.
COMMANDS_OF_A_MOMENT = frozenset(("check", "--help", "-h", "--version", "rule", "profile", "runs", "status"))

_DESCRIPTION = N_("""\
Looks at a machine that should train DualAnoDiff, says what is wrong and why, repairs it, and starts the training.

  dualano-doctor                 look and judge; changes nothing
  dualano-doctor fix             show what would be repaired, ask, repair, look again
  dualano-doctor train           check, and start training when all is well
  dualano-doctor quickstart      the whole way on a miniature model and data set; no GPU needed
""")

_EPILOG = N_("""\
Every shared option is also a key in dualano.toml and a DUALANO_... variable; flag beats variable beats file.
Exit status: 0 all well, 1 a finding blocks or the work failed, 2 wrong usage, 3 something needed could not be
looked at, 130 interrupted.
Pages on trainer, generation and exports: {docs}
""")


class Module(Protocol):
    """What the module of each command offers."""

    @property
    def COMMAND(self) -> Command:  # noqa: N802 - a constant in the other modules
        """What its parser is made of."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Does it; the exit status."""


def run(argv: Sequence[str]) -> int:
    """Runs one command line and returns its exit status; never lets a traceback reach the user.

    SIGTERM and a closed terminal end this process as they always do, once everything that was begun is put in order.
    """
    with unwinding():
        return _run(argv)


def _run(argv: Sequence[str]) -> int:
    try:
        stored = read_stored(Path.cwd())
        speak(asked_language(argv, os.environ, stored))
        arguments = _parsed(with_command(argv, COMMANDS), argparse.Namespace(stored=stored))
        try:
            status: int = _command(arguments.command).run(arguments)
        except WorkError as error:
            status = _complain(str(error), 1)
        sys.stdout.flush()
        return status
    except UsageError as error:
        return _complain(str(error), 2)
    except KeyboardInterrupt:
        import signal

        signal.signal(signal.SIGINT, signal.SIG_IGN)  # one who keeps pressing gets no traceback of our last words
        return _complain(_("interrupted"), 130)
    except BrokenPipeError:
        # The reader went away (`| head`). Python would complain once more while flushing at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _complain(_explained(error), 1)
    except Exception as error:
        if os.environ.get("DUALANO_TRACEBACK"):
            raise
        return _complain(
            _(
                "dualano-doctor itself failed ({kind}: {error}). Nothing more was changed. This is a defect: run "
                "again with DUALANO_TRACEBACK=1 and report what it prints.",
                kind=type(error).__name__,
                error=error,
            ),
            1,
        )


def shared_options() -> Parser:
    """The options that every command takes."""
    shared = Parser(add_help=False)
    group = shared.add_argument_group(_("shared options"))
    add_options(group)
    add = group.add_argument
    add("-q", "--quiet", action="store_true", help=_("say only what blocks"))
    group.add_argument(
        "-v", "--verbose", action="count", default=0, help=_("say more; -vv shows the evidence for everything")
    )
    return shared


def _parser(line: Sequence[str]) -> argparse.ArgumentParser:
    if spoken() != DEFAULT:
        from .argparse_words import translate_argparse

        translate_argparse()
    parser = Parser(
        prog="dualano-doctor",
        description=_(_DESCRIPTION),
        epilog=_(_EPILOG, docs=docs_folder()),
        formatter_class=RawFormatter,
    )
    parser.add_argument("--version", action="version", version=f"dualano-doctor {__version__}")
    parser.add_argument(
        "--print-completion",
        action=Completion,
        help=_("print the completion script of a shell: bash, zsh, fish or tcsh"),
    )
    subparsers = parser.add_subparsers(title=_("commands"), metavar="COMMAND", dest="command")
    # A named command needs only its own module; the full list is for --help and for wrong names.
    wanted = (line[0],) if line[0] in COMMANDS else COMMANDS
    shared = shared_options()
    for name in wanted:
        add_command(subparsers, name, _command(name).COMMAND, shared)
    return parser


def _parsed(line: Sequence[str], known: argparse.Namespace) -> argparse.Namespace:
    """What the line says. ARGS are all that stands behind the first `--`. Raises UsageError for what is not known."""
    parser = _parser(line)
    words, behind = split_arguments(line)
    arguments, unknown = parser.parse_known_args(words, argparse.Namespace(**vars(known)))
    takes_arguments = hasattr(arguments, "arguments")
    if takes_arguments:
        arguments.arguments = [*arguments.arguments, *behind]
    elif behind:  # of a command without ARGS: words that look like options
        arguments, unknown = parser.parse_known_args(line, known)
    if unknown:
        flags = [flag for flag in _flags(parser, line[0]) if flag.startswith("--")]
        place = words.index(unknown[0]) if unknown[0] in words else 0
        unknown = words[place:] if takes_arguments and place else unknown  # argparse took its value for one of ARGS
        refuse_unknown(line[0], unknown, takes_arguments=takes_arguments, flags=flags)
    return arguments


def _flags(parser: argparse.ArgumentParser, command: str) -> list[str]:
    groups = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return [flag for group in groups for flag in group.choices[command]._option_string_actions]


def _command(name: str) -> Module:
    """The module of a command, imported when it is asked for."""
    if name in _TOOLS:
        from .tool import ToolCommand

        return ToolCommand(name)
    module: Any = import_module(f".{name}", __package__)
    return cast("Module", module)


def _explained(error: OSError) -> str:
    """The system's error with the place it speaks of and what to do next."""
    place = f" ({error.filename})" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _(
            "{strerror}{place}: this command writes below the project folder and in the temporary folder. "
            "Make room there and run it again.",
            strerror=error.strerror,
            place=place,
        )
    if error.errno in (errno.EACCES, errno.EPERM) and (state := _of_another(Path.cwd())):
        return _(
            "{strerror}{place}: root, or somebody else, has worked here. `sudo chown -R $USER {state}` gives it back "
            "to you",
            strerror=error.strerror,
            place=place,
            state=shlex.quote(str(state)),
        )
    return f"{error.strerror or error}{place}"


def _of_another(project: Path) -> Path | None:
    """The state folder in a project of this user, where something directly in it belongs to somebody else."""
    state = project / ".dualano"
    with contextlib.suppress(OSError):
        me = os.geteuid()
        places = (state, *state.iterdir())
        if me and project.stat().st_uid == me and any(place.lstat().st_uid != me for place in places):
            return state
    return None


def _complain(message: str, status: int) -> int:
    from ..text.say import complain

    complain(f"dualano-doctor: {message}")
    return status
