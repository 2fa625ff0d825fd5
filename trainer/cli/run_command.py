"""How every command of the trainer ends: exit status, and one message instead of a traceback."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable

from ..errors import TrainerError

#: What an interrupted command leaves, where it makes all or nothing, and where it goes on later.
NOTHING_STAYS = "nothing of it stays"
FINISHED_STAYS = "what is finished stays, the same command goes on from there"


def run_command(work: Callable[[], None], *, left: str = NOTHING_STAYS) -> int:
    """Run `work`; 0 when it succeeds, 1 with a message on stderr for a person's mistake, 130 when interrupted."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names from an old archive need not be UTF-8
    try:
        work()
    except TrainerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"interrupted; {left}", file=sys.stderr)
        return 130
    return 0
