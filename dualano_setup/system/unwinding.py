"""SIGTERM and SIGHUP end this process as they always do, but only after what it started has been ended."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType, TracebackType


class Ended(BaseException):
    """One of these signals arrived. Not an Exception, so that nothing on the way swallows it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class unwinding:  # noqa: N801 - used like a function: `with unwinding():`
    """Inside, the signals raise `Ended`; when it has passed every `finally`, the process dies of the signal.

    Only signals that would kill are taken: an outer handler keeps its say, and what is ignored (nohup) stays so.
    In threads other than the main one it does nothing, since they receive no signals.
    """

    def __enter__(self) -> None:
        self._taken: list[signal.Signals] = []
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) == signal.SIG_DFL:
                signal.signal(number, _raise)
                self._taken.append(number)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _at: TracebackType | None
    ) -> None:
        for number in self._taken:
            signal.signal(number, signal.SIG_DFL)
        if isinstance(error, Ended) and error.number in self._taken:
            os.kill(os.getpid(), error.number)


def _raise(number: int, _frame: FrameType | None) -> None:
    raise Ended(number)
