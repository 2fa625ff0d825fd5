"""A command line as people type it: which command is meant, what belongs to the trainer, what was misspelt. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import UsageError
from ..language import _
from ..settings.options import OPTIONS

_ENDS = ("-h", "--help", "--version", "--print-completion")
_SHARED_SWITCHES = ("-q", "--quiet", "-v", "-vv", "--verbose")
_OTHER_NAMES = {"help": "--help", "version": "--version"}


def with_command(argv: Sequence[str], commands: Sequence[str]) -> list[str]:
    """The line with its command first: shared options may stand before it, and without one `check` is meant.

    Raises UsageError for a word that is no command.
    """
    if argv and argv[0].partition("=")[0] in _ENDS:
        return list(argv)
    place = _first_word(argv, commands)
    if place is None:
        return ["check", *argv]
    word = argv[place]
    if word in commands:
        return [word, *argv[:place], *argv[place + 1 :]]
    if word in _OTHER_NAMES and len(argv) == 1:
        return [_OTHER_NAMES[word]]
    raise UsageError(
        _(
            "there is no command {word!r}{near}; `dualano-doctor --help` lists them",
            word=word,
            near=near(word, commands),
        )
    )


def split_arguments(line: Sequence[str]) -> tuple[list[str], list[str]]:
    """What stands before the first `--`, and what stands after it."""
    if "--" not in line:
        return list(line), []
    place = list(line).index("--")
    return list(line[:place]), list(line[place + 1 :])


def near(word: str, known: Sequence[str]) -> str:
    """The words that suggest the known one that comes near; empty where none does."""
    from difflib import get_close_matches

    found = get_close_matches(word, known, n=1, cutoff=0.6)
    return _(" (did you mean `{found}`?)", found=found[0]) if found else ""


def refuse_unknown(command: str, unknown: Sequence[str], *, takes_arguments: bool, flags: Sequence[str]) -> None:
    """Raises UsageError for words that the command does not know."""
    # The trainer's options have underscores, this program's have none.
    if takes_arguments and unknown[0].startswith("--") and ("_" in unknown[0] or not near(unknown[0], flags)):
        raise UsageError(
            _(
                "`{command}` has no {flag}; the trainer's own options go after `--`: dualano-doctor {command} -- "
                "{rest}",
                command=command,
                flag=unknown[0].partition("=")[0],
                rest=" ".join(unknown),
            )
        )
    raise UsageError(
        _(
            "`{command}` does not know {words}{near}; `dualano-doctor {command} --help` lists what it knows",
            command=command,
            words=" ".join(unknown),
            near=near(unknown[0].partition("=")[0], flags),
        )
    )


def _first_word(argv: Sequence[str], commands: Sequence[str]) -> int | None:
    """Where the first word stands that is neither an option nor the value of one.

    Behind an option that is not shared (`--only PKG`, of `check`), a word that is no command counts as its value.
    """
    shared = {option.flag: option.kind != "flag" for option in OPTIONS if option.help is not None}
    place, after_own = 0, False
    while place < len(argv) and argv[place] != "--":
        word = argv[place]
        if (not word.startswith("-") or word == "-") and not (after_own and word not in commands):
            return place
        after_own = word.startswith("-") and word not in _SHARED_SWITCHES and word.partition("=")[0] not in shared
        place += 2 if shared.get(word) else 1
    return None
