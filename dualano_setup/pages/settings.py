"""What a run was told: the flags that differ from the trainer's defaults, and the commands that repeat it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..runs.launch.arguments import without
from ..runs.launch.command_line import STARTER
from ..runs.records import RunRecord
from ..system.bundle import bundled

_OWN = ("--output_dir", "--resume_from_checkpoint")
_CHECKOUT = "checkout"


def own_words(record: RunRecord) -> list[str]:
    """The trainer's own arguments of a run, without where its results go and where it went on."""
    starters = [place for place, word in enumerate(record.argv) if Path(word).name == STARTER or word.endswith(".py")]
    return without(_OWN, record.argv[starters[-1] + 1 :]) if starters else []


def differing(record: RunRecord) -> list[tuple[str, str, str]]:
    """(flag, value, default) of every flag that says something else than the bundled trainer's default."""
    defaults = trainer_defaults() if record.trainer == "bundled" else {}
    rows = []
    for flag, value in flags_of(own_words(record)):
        default = defaults.get(flag, "")
        if not _same(value, default):
            rows.append((flag, value, default))
    return rows


def flags_of(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(flag, value) of an argument list; "yes" for a switch, "no" for one that is switched off."""
    place = 0
    while place < len(words):
        flag, equals, value = words[place].partition("=")
        place += 1
        if not flag.startswith("--"):
            continue
        if not equals and place < len(words) and not words[place].startswith("--"):
            value, equals = words[place], "="
            place += 1
        if flag.startswith("--no-"):
            yield "--" + flag[5:], "no"
        else:
            yield flag, value if equals else "yes"


def trainer_defaults() -> dict[str, str]:
    """Every flag of the bundled trainer with its default as text; "" where it has none, "no" for a switch."""
    parser = bundled("train.config").build_parser()
    return {name: _text(action.default) for name, action in parser._option_string_actions.items()}


def repeating(record: RunRecord) -> list[str]:
    """The command lines that train the same again and go on to pairs and an export."""
    trainer = ["--trainer", _CHECKOUT] if record.trainer == _CHECKOUT else []
    train = [shlex.join(["dualano-doctor", "train", *trainer, "--"]), *_by_flag(own_words(record))]
    return [" \\\n    ".join(train), "dualano-doctor generate", "dualano-doctor export --format mvtec"]


def _by_flag(words: Sequence[str]) -> list[str]:
    """The words quoted for a shell, each flag with its value together."""
    groups: list[list[str]] = []
    for word in words:
        if word.startswith("--") or not groups:
            groups.append([])
        groups[-1].append(word)
    return [shlex.join(group) for group in groups]


def _text(default: object) -> str:
    if isinstance(default, bool):
        return "yes" if default else "no"
    return "" if default is None else str(default)


def _same(value: str, default: str) -> bool:
    if value == default:
        return True
    try:
        return float(value) == float(default)
    except ValueError:
        return False
