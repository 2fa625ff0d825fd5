"""The clone of the authors' repository as a fact: its trees, its commit, and where it stands against each patch.

git is not run: a repository made by strangers can name programs that git would start.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from ...language import _
from ...system.files import bytes_at, list_folder, plain_error, read_part
from ..fact import Absent, Fact, Known, Unknown
from ..sheet import Checkout, PatchState, PathLiteral
from .requirements import FILE_NAME as REQUIREMENTS

if TYPE_CHECKING:
    from ...patching import FileState, PatchReport
    from ...settings.options import Settings

TREES = ("bcm-dual-interrelated_diff", "dual-interrelated_diff")
"""The method with the background module, and without."""
_SETTLED = ("after", "equivalent", "superseded", "missing")
_DEBUGGER_RULE = "SRC005"
_VERSION = re.compile(rb"^__version__\s*=\s*['\"]([\w.+]{1,40})['\"]", re.MULTILINE)
_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_MAX_TEXT = 1 << 20


def probe(settings: Settings) -> Fact[Checkout]:
    """Look at the checkout; nothing of it is run or imported."""
    if settings.checkout is None:
        return Absent(_("no checkout is named (--checkout, or `checkout` in dualano.toml)"))
    path = settings.checkout
    try:
        folders = list_folder(path).folders
    except (FileNotFoundError, NotADirectoryError):
        return Known(Checkout(str(path), False, False), str(path))
    except (OSError, ValueError) as error:
        return Unknown(plain_error(error), str(path))
    trees = tuple(tree for tree in TREES if tree in folders)
    if not trees:
        return Known(Checkout(str(path), True, False, nested_hint=_checkout_near(path, folders)), str(path))
    states, debuggers = _patch_states(path, settings)
    return Known(
        Checkout(
            str(path),
            True,
            True,
            trees,
            git_head=git_head(path),
            vendored_diffusers=_vendored_version(path, trees),
            patches=states,
            literals=_literals(path),
            debugger_imports=debuggers,
            requirements=str(path / REQUIREMENTS) if (path / REQUIREMENTS).is_file() else None,
        ),
        str(path),
    )


def patch_parameters(settings: Settings) -> dict[str, str]:
    """The values that patches write into source, by parameter name, as far as the settings know them."""
    given = {
        "model": settings.model,
        "data": settings.data,
        "foreground": settings.foreground,
        "category": settings.category,
        "resolution": settings.resolution,
    }
    return {name: str(value) for name, value in given.items() if value is not None}


def git_head(path: Path) -> str | None:
    """The commit that is checked out, read from git's own files; None where they do not tell."""
    try:
        folder = path / ".git"
        if folder.is_file():  # a worktree or a submodule
            folder = path / _text(folder).removeprefix("gitdir:").strip()
        head = _text(folder / "HEAD").strip()
        if not head.startswith("ref:"):
            return head if _SHA.fullmatch(head) else None
        reference = head.removeprefix("ref:").strip()
        common = folder / _text(folder / "commondir").strip() if (folder / "commondir").is_file() else folder
        return _resolve(common, reference)
    except (OSError, ValueError):
        return None


def _resolve(folder: Path, reference: str) -> str | None:
    if ".." in reference or not reference.startswith("refs/"):
        return None
    loose = folder / reference
    if loose.is_file():
        sha = _text(loose).strip()
        return sha if _SHA.fullmatch(sha) else None
    for line in _text(folder / "packed-refs").splitlines():
        sha, __, name = line.partition(" ")
        if name == reference and _SHA.fullmatch(sha):
            return sha
    return None


def _text(path: Path) -> str:
    return read_part(path, _MAX_TEXT).decode("utf-8", "replace")


def _vendored_version(path: Path, trees: tuple[str, ...]) -> str | None:
    for tree in trees:
        if found := _VERSION.search(bytes_at(path / tree / "diffusers" / "__init__.py", _MAX_TEXT)):
            return found[1].decode()
    return None


def _patch_states(path: Path, settings: Settings) -> tuple[tuple[PatchState, ...], tuple[str, ...]]:
    """(state of every patch, files that import a debugger)."""
    from ...patching import inspect, load_patches
    from ...system.bundle import bundle_root

    patches = {patch.id: patch for patch in load_patches(bundle_root() / "patches")}
    reports = inspect(path, tuple(patches.values()), patch_parameters(settings))
    states = tuple(
        PatchState(
            report.id,
            report.state,
            patches[report.id].rules,
            patches[report.id].default,
            patches[report.id].title,
            report.reason,
            tuple((file.path, file.state) for file in report.files),
            report.lacks,
        )
        for report in reports
    )
    debuggers = (f.path for r in reports if _DEBUGGER_RULE in patches[r.id].rules for f in _unsettled(r))
    return states, tuple(dict.fromkeys(debuggers))


def _unsettled(report: PatchReport) -> list[FileState]:
    return [file for file in report.files if file.state not in _SETTLED]


def _literals(path: Path) -> tuple[PathLiteral, ...]:
    from ...patching import placeholder_paths

    return tuple(PathLiteral(found.file, found.line, found.text, found.kind) for found in placeholder_paths(path))


def _checkout_near(path: Path, folders: tuple[str, ...]) -> str:
    """The checkout when one of its trees, or the folder around it, was named instead."""
    if path.name in TREES:
        return str(path.parent)
    below = (path / name for name in folders[:50])
    return next((str(folder) for folder in below if any((folder / tree).is_dir() for tree in TREES)), "")
