"""Where the bundled trainer and patches are, in a wheel and in a checkout alike."""

from __future__ import annotations

from pathlib import Path

from ..language import _

_PACKAGE = Path(__file__).resolve().parents[1]


def bundle_root() -> Path:
    """The folder that holds `trainer/` and `patches/`; putting it on a Python path makes `-m trainer` work.

    Raises FileNotFoundError when the installation lost them.
    """
    for root in (_PACKAGE / "_bundled", _PACKAGE.parent):
        if (root / "trainer" / "__main__.py").is_file() and (root / "patches").is_dir():
            return root
    raise FileNotFoundError(
        _(
            "the bundled trainer is missing beside {package}; reinstall dualano-setup (pip install --force-reinstall)",
            package=_PACKAGE,
        )
    )


def docs_folder() -> Path:
    """Where the pages of docs/ are, in a wheel and in a checkout alike."""
    bundled = _PACKAGE / "_bundled" / "docs"
    return bundled if bundled.is_dir() else _PACKAGE.parent / "docs"
