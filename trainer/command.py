"""How every command of the trainer ends: exit status, and one message instead of a traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable

from .errors import TrainerError


def run_command(work: Callable[[], None]) -> int:
    """Run `work`; 0 when it succeeds, 1 with a message on stderr for a person's mistake, 130 when interrupted."""
    try:
        work()
    except TrainerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; what is finished stays, the same command goes on from there", file=sys.stderr)
        return 130
    return 0
