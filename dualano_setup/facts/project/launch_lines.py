"""Lines of the user's own scripts that start `accelerate launch`, as far as they hand it flags that do nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ...system.files import bytes_at, list_folder
from ..sheet import IgnoredFlag

SUFFIXES = (".sh", ".bash", ".slurm", ".sbatch")
_MOST_SCRIPTS = 50
_MAX_TEXT = 1 << 18
_LAUNCH = re.compile(
    r"(?:\baccelerate(?:\.commands\.accelerate_cli)?[ \t]+launch|-m[ \t]+accelerate\.commands\.launch)\b(.*)"
)
_FLAG = re.compile(r"--gradient[_-]accumulation[_-]steps(?:=|[ \t]+)(\S+)")
_DEEPSPEED = re.compile(r"--(?:use[_-]deepspeed|deepspeed[_-]config[_-]file)\b")
_PROGRAM = re.compile(r"(?:^|[ \t])(?:\S+\.py|-m|--module)(?:[ \t]|$)")


def ignored_flags(folders: tuple[Path, ...]) -> tuple[IgnoredFlag, ...]:
    """In the shell scripts right in these folders: what stands before the program's name is the launcher's own."""
    found = (flag for script in _scripts(folders) for flag in _in_script(script))
    return tuple(dict.fromkeys(found))


def _scripts(folders: tuple[Path, ...]) -> Iterator[Path]:
    for folder in folders:
        try:
            names = list_folder(folder).files
        except (OSError, ValueError):
            continue
        yield from [folder / name for name in names if name.endswith(SUFFIXES)][:_MOST_SCRIPTS]


def _in_script(script: Path) -> Iterator[IgnoredFlag]:
    for number, line in _lines(bytes_at(script, _MAX_TEXT).decode("utf-8", "replace")):
        launch = None if line.lstrip().startswith("#") else _LAUNCH.search(line)
        if launch is None:
            continue
        own = launch[1]
        program = _PROGRAM.search(own)
        own = own[: program.start()] if program else own
        flag = None if _DEEPSPEED.search(own) else _FLAG.search(own)
        if flag and flag[1].strip("'\"") != "1":
            yield IgnoredFlag(str(script), number, flag[0], flag[1])


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Each line with those that a backslash joins to it, and the number of its first."""
    whole, first = "", 1
    for number, line in enumerate(text.splitlines(), 1):
        if not whole:
            first = number
        if line.endswith("\\"):
            whole += line[:-1] + " "
            continue
        yield first, whole + line
        whole = ""
    if whole:
        yield first, whole
