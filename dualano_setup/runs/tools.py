"""Runs one of the trainer's own programs (`trainer.generate`, `trainer.miniature`) in the training environment."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from ..bundle import bundle_root
from ..unwinding import Ended, unwinding
from .launch import removed_variables

GRACE_SECONDS = 30.0
ENDED_SECONDS = 5.0
# Makes exactly one package importable; the folder it lies in may hold others.
_STARTER = (
    "import importlib.util, pathlib, runpy, sys\nfolder, module = pathlib.Path(sys.argv.pop(1)), "
    'sys.argv.pop(1)\nwhere = {"submodule_search_locations": [str(folder)]}\nspec = '
    'importlib.util.spec_from_file_location("trainer", folder / "__init__.py", **where)\npackage = '
    'sys.modules["trainer"] = '
    "importlib.util.module_from_spec(spec)\nspec.loader.exec_module(package)\nrunpy.run_module(module, "
    'run_name="__main__", alter_sys=True)\n'
)


def run_tool(
    interpreter: str, module: str, arguments: Sequence[str], *, offline: bool = False, output: IO[str] | None = None
) -> int:
    """Runs `python -m module ARGUMENTS` and returns its exit status (negative: a signal).

    It shares this terminal (or writes to `output`), so a Ctrl-C reaches it too; it gets GRACE_SECONDS to end well.
    Raises OSError when the interpreter cannot be started.
    """
    variables = {name: value for name, value in os.environ.items() if name not in removed_variables(os.environ)}
    variables |= {"PYTHONUNBUFFERED": "1", "PYTHONNOUSERSITE": "1"} | ({"HF_HUB_OFFLINE": "1"} if offline else {})
    command = [interpreter, "-I", "-c", _STARTER, str(bundle_root() / "trainer"), module, *arguments]
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=variables)
    try:
        with unwinding():
            return _wait(child)
    except KeyboardInterrupt:
        with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
            return child.wait(GRACE_SECONDS)
        child.kill()
        child.wait()
        raise


def _wait(child: subprocess.Popen[bytes]) -> int:
    """Its exit status; a SIGTERM or a closed terminal ends it as well."""
    try:
        return child.wait()
    except Ended:
        child.terminate()
        try:
            child.wait(ENDED_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
        raise


def miniature_arguments(folder: Path) -> tuple[str, ...]:
    """Where `trainer.miniature` puts its three folders below `folder`."""
    pairs = (("--model", "model"), ("--data", "data"), ("--foreground", "foreground"))
    return tuple(text for flag, name in pairs for text in (flag, str(folder / name)))


def make_miniature(interpreter: str, folder: Path, output: IO[str] | None = None) -> int:
    """Makes the miniature model and data below `folder` unless they are all there. Returns the tool's exit status.

    The tool makes each folder whole or not at all, and wants all three free: what an interrupted call left is removed.
    """
    import shutil

    parts = [folder / name for name in ("model", "data", "foreground")]
    if all(part.is_dir() for part in parts):
        return 0
    for part in parts:
        shutil.rmtree(part, ignore_errors=True)
    return run_tool(interpreter, "trainer.miniature", miniature_arguments(folder), output=output)
