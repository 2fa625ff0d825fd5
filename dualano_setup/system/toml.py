"""TOML, read: the one place that knows under which name Python has its parser."""

from __future__ import annotations

import sys
from typing import Any


def parse(data: bytes) -> dict[str, Any]:
    """The document. Raises ValueError for what is not UTF-8 or not TOML, RecursionError for what is nested too deep."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:  # the same parser under its older name
        import tomli as tomllib
    return tomllib.loads(data.decode("utf-8"))
