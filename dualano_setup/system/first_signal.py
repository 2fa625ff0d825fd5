"""Work that can be taken back hears the first signal and finishes taking back whatever comes after it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from ..language import _
from .unwinding import Ended


class FirstSignal:
    """Handles the signals that end a program politely: the first raises, the others only get an answer."""

    def __init__(self, say: Callable[[str], None], *, armed: bool = True) -> None:
        self._say = say
        self._armed = armed

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        """Raises Ended or KeyboardInterrupt while armed."""
        if not self._armed:
            self._say(_("still taking back; a moment"))
            return
        self._armed = False
        raise as_error(number)

    def disarm(self) -> None:
        """Taking back begins: it is short and must not be cut short."""
        self._armed = False


def as_error(number: int) -> BaseException:
    """What that signal raises here."""
    return KeyboardInterrupt() if number == signal.SIGINT else Ended(number)


@contextmanager
def first_signal_raises(say: Callable[[str], None], *, armed: bool = True) -> Iterator[FirstSignal]:
    """Inside, the first SIGINT, SIGTERM or SIGHUP raises. In threads other than the main one it does nothing."""
    first = FirstSignal(say, armed=armed)
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    heard = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]  # nohup, or a shell's `&`
    try:
        old = {number: signal.signal(number, first) for number in heard}
    except ValueError:  # not the main thread: signals are somebody else's business
        yield first
        return
    try:
        yield first
    finally:
        for number, previous in old.items():
            signal.signal(number, previous)


@contextmanager
def without_interruption(say: Callable[[str], None]) -> Iterator[None]:
    """Taking back is short and must not be cut short: a Ctrl-C only gets an answer."""
    with first_signal_raises(say, armed=False):
        yield
