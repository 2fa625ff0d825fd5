"""The page of each rule, as text in `<language>/<ID>.md`."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).resolve().parent


def page(rule: str, language: str = "en") -> str:
    """The page of that rule in Markdown. Raises FileNotFoundError when the language has none."""
    return (_FOLDER / language / f"{rule}.md").read_text(encoding="utf-8")
