"""Says a line to the person, as long as somebody listens.

A command that changes things must not stop half way because its reader went away (`fix --yes | head`), and taking back
after a closed terminal has to happen although every write to that terminal fails.
"""

from __future__ import annotations

import os
import sys
from typing import TextIO


def tell(line: str) -> None:
    """Prints `line` on stdout at once; from the first write that fails on, stdout is silent."""
    _say(line, sys.stdout)


def complain(line: str) -> None:
    """The same on stderr."""
    _say(line, sys.stderr)


def _say(line: str, stream: TextIO) -> None:
    from .printable import printable

    try:
        print(printable(line), file=stream, flush=True)
    except OSError:
        _silence(stream)
    except RuntimeError:  # a signal's handler, in the middle of another write to this stream: the line is lost
        pass


def _silence(stream: TextIO) -> None:
    """Sends what the stream still holds, and all that follows, nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, stream.fileno())
    except (OSError, ValueError):  # a stream without a handle of its own
        pass
    finally:
        os.close(nowhere)
