"""Output to a terminal or a pipe that may go away: nobody listening is no reason to lose a training."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any, TextIO


class Lasting:
    """A stream whose reader may go away; then what is written goes nowhere.

    `python -m trainer 2>&1 | tee log` ends so: a Ctrl-C ends `tee` first, and the trainer still has a checkpoint to
    write.

    Args:
        stream: what is written to while somebody reads.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write; the number of characters, also when nobody takes them."""
        with contextlib.suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, if somebody reads."""
        with contextlib.suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def lasting_output() -> Iterator[None]:
    """Let stdout and stderr outlive their readers inside the block."""
    out: Any = Lasting(sys.stdout)
    err: Any = Lasting(sys.stderr)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        yield
