"""The argument parser of every command, and what all of them do with it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable
from typing import Any, NamedTuple

from ..language import N_, _
from ..settings.options import OPTIONS, Settings

Argument = tuple[tuple[str, ...], str, dict[str, Any]]


def add_options(parser: argparse._ActionsContainer, command: str = "") -> None:
    """Adds the flags of the settings that only `command` takes, or every command.

    None means "not given", so that file and variable can speak.
    """
    for option in sorted(OPTIONS, key=lambda one: one.key == "color"):  # that one goes with -q and -v, which follow
        if option.help is None or option.command != command:
            continue
        if option.kind == "flag":
            parser.add_argument(option.flag, action="store_const", const=True, help=_(option.help))
        elif option.kind == "texts":
            parser.add_argument(option.flag, action="append", metavar=option.metavar, help=_(option.help))
        elif option.choices:
            parser.add_argument(option.flag, choices=option.choices, help=_(option.help))
        else:
            parser.add_argument(option.flag, metavar=option.metavar, help=_(option.help))


def argument(*names: str, help: str, **options: Any) -> Argument:
    """What `add_argument` takes, as data; `help` is the English text."""
    return names, help, options


RUN_NAME = argument("name", nargs="?", metavar="RUN", help=N_("name of the run, or a part of it (default: the newest)"))
TRAINER_ARGUMENTS = argument(
    "arguments", nargs="*", metavar="-- ARGS", help=N_("for the trainer, untouched; -- --help lists them")
)
JSON_DOCUMENT = argument("--json", action="store_true", help=N_("as one JSON document on stdout"))


def add_command(
    subparsers: argparse._SubParsersAction[Parser],
    name: str,
    command: Command,
    shared: Parser,
) -> None:
    """Adds the parser of a command, with the options that every command takes."""
    parser = subparsers.add_parser(
        name,
        parents=[shared],
        help=_(command.help),
        description=_(command.description),
        epilog=_(command.epilog) if command.epilog else None,
        formatter_class=command.formatter,
    )
    if command.one_of:
        _add(parser.add_mutually_exclusive_group(), command.one_of)
    _add(parser, command.arguments)
    add_options(parser, name)


def _add(place: argparse._ActionsContainer, arguments: Iterable[Argument]) -> None:
    for names, text, options in arguments:
        place.add_argument(*names, help=_(text), **options)


def settings_of(arguments: argparse.Namespace, **instead: object) -> Settings:
    """The settings of a command line; `instead` are values that it says in another way. Raises UsageError."""
    from ..settings.resolve import resolve

    return resolve({**vars(arguments), **instead}, stored=arguments.stored)


class Formatter(argparse.HelpFormatter):
    """argparse asks `shutil` for the width, which imports every compressor each time a parser is made.

    Measured: 8 of the 203 million instructions of `--help`, and as many of the 303 of `check`.
    """

    def __init__(self, prog: str, **options: Any) -> None:
        super().__init__(prog, **{"width": _columns() - 2, **options})


class RawFormatter(Formatter, argparse.RawDescriptionHelpFormatter):
    """Keeps the line breaks of description and epilog."""


class Command(NamedTuple):
    """What the parser of a command is made of. Its texts are English and translated when the parser is made."""

    help: str
    description: str
    arguments: tuple[Argument, ...] = ()
    one_of: tuple[Argument, ...] = ()  # at the most one of these may be given
    epilog: str = ""
    formatter: type[argparse.HelpFormatter] = Formatter


class Parser(argparse.ArgumentParser):
    """A parser, and by `add_subparsers` a parser of commands, with `Formatter`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"formatter_class": Formatter, **options})

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse's, except that options may stand between positional arguments.

        argparse gives every positional that may be left out its default at the first option after another positional,
        and then refuses `patch apply --only X CHECKOUT`; so options come first here.
        """
        if args is not None and sum(not action.option_strings for action in self._actions) > 1:
            args = self._options_first(list(args))
        return super().parse_known_args(args, namespace)

    def _options_first(self, words: list[str]) -> list[str]:
        end = words.index("--") if "--" in words else len(words)
        options: list[str] = []
        positional: list[str] = []
        place = 0
        while place < end:
            word = words[place]
            taken = 1 + self._takes_value(word) if word.startswith("-") and word != "-" else 0
            (options if taken else positional).extend(words[place : min(place + max(taken, 1), end)])
            place += max(taken, 1)
        return [*options, *positional, *words[end:]]

    def _takes_value(self, word: str) -> bool:
        """Whether the option's value is the next word. An abbreviation counts where only one option can be meant."""
        known = self._option_string_actions
        named = {
            id(known[name]): known[name]
            for name in known
            if name == word or (word[:2] == "--" and name.startswith(word))
        }
        exact = known.get(word)
        action = exact or (next(iter(named.values())) if len(named) == 1 else None)
        return action is not None and action.nargs is None


def _columns() -> int:
    """COLUMNS, else the terminal's width, else 80: as `shutil.get_terminal_size` has it."""
    said = os.environ.get("COLUMNS", "")
    if said.isdigit() and int(said) > 0:
        return int(said)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno() if sys.__stdout__ else 1).columns or 80
    except (OSError, ValueError, AttributeError):
        return 80
