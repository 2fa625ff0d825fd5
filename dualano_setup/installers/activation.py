"""`. bin/activate` in every shell: where a relocatable environment's own script cannot find itself, its place is said.

uv's script for a movable environment asks bash, zsh and ksh which file they read. dash, which is `sh` of Debian (so of
sbatch scripts and Dockerfiles), cannot say: the script then puts `./bin` on the PATH, another python runs, and nothing
fails (uv 0.13.9, run 2026-11-28).
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from ..system import atomic
from ..system.files import read_whole

_MAX_SCRIPT = 1 << 16
_PLACE = re.compile(r"^VIRTUAL_ENV=", re.MULTILINE)
_SAID = """\
# Other shells do not say which file they read. This one was made for the place below, and says so when it was moved.
if [ -z "${{BASH_VERSION:-}}${{ZSH_VERSION:-}}${{KSH_VERSION:-}}" ]; then
    SCRIPT_PATH={script}
    if [ ! -e "$SCRIPT_PATH" ]; then
        echo "$SCRIPT_PATH is not there: this environment was moved. Name its python, or activate it in bash." >&2
        return 1
    fi
fi

"""


def say_place(prefix: Path, place: Path) -> None:
    """Writes into the activate script of the environment at `prefix` that it will stand at `place` (absolute).

    A script that has no line for it is left as it is. Raises OSError.
    """
    file = prefix / "bin" / "activate"
    try:
        text = read_whole(file, _MAX_SCRIPT).decode("utf-8")
    except FileNotFoundError:
        return
    found = _PLACE.search(text)
    if found:
        said = _SAID.format(script=shlex.quote(str(place / "bin" / "activate")))
        written = text[: found.start()] + said + text[found.start() :]
        atomic.write_synced(file, written.encode(), file.stat().st_mode & 0o777)
