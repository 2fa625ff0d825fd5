"""`dualano-doctor` in a process of its own that starts at once: forked from one which has imported the whole program.

For tests that start it a hundred times. What an import or an interpreter's start may do wrong is for the tests that
start `python -m dualano_setup`.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import os
import pkgutil
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from tests.places import PATIENCE, ROOT

_LARGEST = 1 << 20  # bytes of one request
#: What the program imports only where it needs it, and many command lines need.
_LATE = (
    "configparser", "csv", "difflib", "gettext", "packaging.requirements", "psutil", "ruamel.yaml", "shutil",
    "subprocess", "tomlkit", "tomllib" if sys.version_info >= (3, 11) else "tomli", "yaml",
)  # fmt: skip


def run(
    arguments: Sequence[str],
    *,
    cwd: Path,
    variables: Mapping[str, str],
    seconds: float = PATIENCE,
    memory: int | None = None,
) -> subprocess.CompletedProcess[str]:
    """Like `subprocess.run` with captured output and nothing to read.

    Args:
        seconds: the longest it may take.
        memory: bytes of address space that it may have.

    Raises:
        subprocess.TimeoutExpired: it took longer, and was killed.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as complaints:
        request = {"arguments": list(arguments), "cwd": str(cwd), "variables": dict(variables), "memory": memory}
        server = _server()
        socket.send_fds(server, [json.dumps(request).encode()], [output.fileno(), complaints.fileno()])
        child = int(server.recv(32))
        server.settimeout(seconds)
        try:
            status = int(server.recv(32))
        except TimeoutError:
            os.kill(child, signal.SIGKILL)
            server.settimeout(None)
            server.recv(32)
            raise subprocess.TimeoutExpired(list(arguments), seconds) from None
        finally:
            server.settimeout(None)
        said = [_text(file) for file in (output, complaints)]
        return subprocess.CompletedProcess(list(arguments), status, *said)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")


@functools.cache
def _server() -> socket.socket:
    """Our end of the connection to the process that is forked from; it ends when that is closed."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    variables = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
    with theirs:
        server = subprocess.Popen(
            [sys.executable, "-m", __name__, str(theirs.fileno())],
            pass_fds=[theirs.fileno()], env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )  # fmt: skip
    atexit.register(server.wait)
    atexit.register(ours.close)
    return ours


def _serve(theirs: socket.socket) -> None:
    """Answer each request with the child's pid, and with its exit status at its end."""
    import dualano_setup

    ours = [module.name for module in pkgutil.walk_packages(dualano_setup.__path__, "dualano_setup.")]
    for name in (*ours, *_LATE):
        if not name.endswith("__main__"):
            importlib.import_module(name)
    _read_tables()
    gc.freeze()
    while True:
        message, files, _flags, _address = socket.recv_fds(theirs, _LARGEST, 2)
        if not message:
            return
        child = os.fork()
        if child == 0:
            os._exit(_doctor(json.loads(message), files))  # taking the interpreter down would cost as much as the work
        for file in files:
            os.close(file)
        theirs.send(str(child).encode())
        theirs.send(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode())


def _read_tables() -> None:
    """What the program itself reads once and keeps: it is the same in every project, and takes longer than the work."""
    from dualano_setup.explain import general, signatures
    from dualano_setup.knowledge import shipped

    signatures.load()
    general.load()
    shipped.names()


def _doctor(request: dict[str, object], files: Sequence[int]) -> int:
    """The child's part."""
    from dualano_setup.__main__ import main

    for number, file in enumerate(files, 1):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(request["variables"])  # type: ignore[call-overload]
    os.chdir(str(request["cwd"]))
    sys.argv = ["dualano-doctor", *request["arguments"]]  # type: ignore[misc]
    if request["memory"]:
        resource.setrlimit(resource.RLIMIT_AS, (int(request["memory"]),) * 2)  # type: ignore[call-overload]
    try:
        return main()
    except SystemExit as ended:  # argparse's
        return int(ended.code or 0)
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as connection:
        _serve(connection)
