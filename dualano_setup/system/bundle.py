"""Where the bundled trainer and patches are, in a wheel and in a checkout alike."""

from __future__ import annotations

import importlib
import sys
from functools import cache
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType

from ..language import _

_PACKAGE = Path(__file__).resolve().parents[1]
# The trainer's package under a name of ours: a folder named `trainer` in the user's project must not get in its place.
_PRIVATE = "_dualano_bundled_trainer"


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


@cache
def bundled(name: str) -> ModuleType:
    """A module of the bundled trainer that needs the standard library alone, such as "content.verdict"."""
    if _PRIVATE not in sys.modules:
        package = module_from_spec(ModuleSpec(_PRIVATE, None, is_package=True))
        package.__path__ = [str(bundle_root() / "trainer")]
        sys.modules[_PRIVATE] = package
    return importlib.import_module(f"{_PRIVATE}.{name}")


def docs_folder() -> Path:
    """Where the pages of docs/ are, in a wheel and in a checkout alike."""
    bundled = _PACKAGE / "_bundled" / "docs"
    return bundled if bundled.is_dir() else _PACKAGE.parent / "docs"
