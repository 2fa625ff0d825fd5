"""Runs one of the trainer's own programs (`trainer.generate`, `trainer.miniature`) in the training environment."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from ...errors import UsageError
from ...language import _
from ...system.bundle import bundle_root
from ...system.processes import RUN_VARIABLE, end_marked
from ...system.unwinding import unwinding
from .command_line import removed_variables

GRACE_SECONDS = 30.0
ENDED_SECONDS = 5.0
# Makes exactly one package importable; the folder it lies in may hold others. A package that the environment lacks is
# no defect of ours and deserves a sentence; with DUALANO_TRACEBACK set, the traceback.
_STARTER = """\
import importlib.util, os, pathlib, runpy, sys
folder, module = pathlib.Path(sys.argv.pop(1)), sys.argv.pop(1)
where = {"submodule_search_locations": [str(folder)]}
spec = importlib.util.spec_from_file_location("trainer", folder / "__init__.py", **where)
package = sys.modules["trainer"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(package)
try:
    runpy.run_module(module, run_name="__main__", alter_sys=True)
except ImportError as error:
    if os.environ.get("DUALANO_TRACEBACK"):
        raise
    sys.exit(
        f"error: {error}. The environment {sys.prefix} lacks a package or has one that does not fit: "
        "`dualano-doctor check` says which, `dualano-doctor fix` puts it right."
    )
"""


def run_tool(
    interpreter: str, module: str, arguments: Sequence[str], *, offline: bool = False, output: IO[str] | None = None
) -> int:
    """Runs `python -m module ARGUMENTS` and returns its exit status (negative: a signal).

    It shares this terminal (or writes to `output`). A Ctrl-C asks it to end, and it gets GRACE_SECONDS for that;
    SIGTERM and a closed terminal end it sooner. Then nothing of it is left and the signal takes its course here:
    raises KeyboardInterrupt. Raises OSError when the interpreter cannot be started.
    """
    key = secrets.token_hex(16)
    variables = {name: value for name, value in os.environ.items() if name not in removed_variables(os.environ)}
    variables |= {"PYTHONUNBUFFERED": "1", "PYTHONNOUSERSITE": "1", RUN_VARIABLE: key}
    variables |= {"HF_HUB_OFFLINE": "1"} if offline else {}
    command = [interpreter, "-I", "-c", _STARTER, str(bundle_root() / "trainer"), module, *arguments]
    child = None
    with unwinding():
        try:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=variables)
            return _wait(child)
        finally:
            if child:
                child.terminate()
            end_marked(key, ENDED_SECONDS)
            if child:
                child.poll()  # no zombie either


def wants_help(arguments: Sequence[str]) -> bool:
    """Whether what follows `--` asks what can follow it."""
    return not {"-h", "--help"}.isdisjoint(arguments)


def show_help(module: str) -> int:
    """Prints the help of a program of the trainer's and returns its exit status.

    The flags need the standard library alone, so they are told before there is a training environment.
    """
    return run_tool(sys.executable, module, ["--help"])


def refuse_unknown_flags(module: str, arguments: Sequence[str]) -> None:
    """Raises UsageError for an option of ARGS that the program does not have, before anything is started for it."""
    command = [sys.executable, "-I", "-c", _STARTER, str(bundle_root() / "trainer"), module, "--help"]
    told = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    known = sorted(set(re.findall(r"(?<![\w-])--?[a-zA-Z][\w-]*", told.stdout)))
    if told.returncode or not known:
        return  # then the program itself will say it
    for argument in arguments:
        flag = argument.partition("=")[0]
        if flag.startswith("--") and len(flag) > 2 and flag not in known:
            from difflib import get_close_matches

            found = get_close_matches(flag, known, n=1)
            near = _(" (did you mean `{found}`?)", found=found[0]) if found else ""
            raise UsageError(
                _(
                    "{module} has no option {flag}{near}; -- --help lists them. Nothing was started.",
                    module=module,
                    flag=flag,
                    near=near,
                )
            )


def _wait(child: subprocess.Popen[bytes]) -> int:
    """Its exit status. After a Ctrl-C it may end by itself first."""
    try:
        return child.wait()
    except KeyboardInterrupt:
        if not _in_the_foreground():
            child.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(GRACE_SECONDS)
        raise


def _in_the_foreground() -> bool:
    """Whether a Ctrl-C came from a terminal, which gives it to all processes of its foreground, the tool among them."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


def miniature_arguments(folder: Path) -> tuple[str, ...]:
    """Where `trainer.miniature` puts its three folders below `folder`."""
    pairs = (("--model", "model"), ("--data", "data"), ("--foreground", "foreground"))
    return tuple(text for flag, name in pairs for text in (flag, str(folder / name)))


def make_miniature(interpreter: str, folder: Path, output: IO[str] | None = None, *, trained: str | None = None) -> int:
    """Makes the miniature model and data below `folder` unless they are all there. Returns the tool's exit status.

    `trained`: the trained model, and data of that category.

    The tool makes each folder whole or not at all, and wants all three free: what an interrupted call left is removed.
    """
    import shutil

    parts = [folder / name for name in ("model", "data", "foreground")]
    if all(part.is_dir() for part in parts):
        return 0
    for part in parts:
        shutil.rmtree(part, ignore_errors=True)
    kind = ("--trained", trained) if trained else ()
    return run_tool(interpreter, "trainer.miniature", (*miniature_arguments(folder), *kind), output=output)
