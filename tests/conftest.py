"""What all tests share: English messages, the signals of a foreground program, and nothing left running."""

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import MARK_OF_ALL, end_leftovers
from tests.shared import memory_folder as folder_in_memory
from tests.shared import shared_folder

os.environ["LANGUAGE"] = "en"
os.environ.pop("DUALANO_LANG", None)


def pytest_configure() -> None:
    """The folder that this session's processes share: workers find it in their environment."""
    shared_folder()


@pytest.fixture(scope="session", autouse=True)
def signals_as_in_the_foreground() -> Iterator[None]:
    """What tests start hears every signal, also under nohup and as a background job.

    There this process has some ignored, and children would inherit that. A handler in the place of ignoring is not
    inherited by programs, and a closed terminal still does not end the tests.
    """
    ignored = {signal.SIGHUP, signal.SIGINT, signal.SIGQUIT}
    ignored = {number for number in ignored if signal.getsignal(number) == signal.SIG_IGN}
    for number in ignored:
        interrupts = number == signal.SIGINT  # tests that send it to this very process mean a Ctrl-C
        signal.signal(number, signal.default_int_handler if interrupts else lambda *_: None)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


@pytest.fixture(scope="session")
def mark_of_all() -> str:
    """The value by which everything that this process of tests starts is known."""
    os.environ[MARK_OF_ALL] = str(os.getpid())
    return os.environ[MARK_OF_ALL]


@pytest.fixture(scope="module", autouse=True)
def nothing_left_running(mark_of_all: str) -> Iterator[None]:
    """What a module's tests started has ended with them; else it is ended here, and that is a failure."""
    yield
    left = end_leftovers(mark_of_all)
    assert left == [], "still running after the last test of this file"


@pytest.fixture
def memory_folder() -> Iterator[Path]:
    """A small folder in memory where there is one, for tests that write and sync thousands of times.

    What survives a killed process is the kernel's, whether it has reached a disk or not.
    """
    with tempfile.TemporaryDirectory(dir=folder_in_memory()) as folder:
        yield Path(folder)
