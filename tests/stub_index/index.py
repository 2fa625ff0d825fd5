"""Lays wheels out as a PEP 503 index of plain files."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from tests.stub_index.wheel import StubWheel, write_wheel


def write_index(folder: Path, wheels: Iterable[StubWheel]) -> Path:
    """Writes `folder`/files and `folder`/simple, adding to what an earlier call put there. Returns `folder`/simple."""
    for wheel in wheels:
        write_wheel(wheel, folder / "files")
    pages: dict[str, list[Path]] = {}
    for path in sorted((folder / "files").glob("*.whl")):
        pages.setdefault(normal(path.name.split("-")[0]), []).append(path)
    simple = folder / "simple"
    for name, paths in pages.items():
        (simple / name).mkdir(parents=True, exist_ok=True)
        (simple / name / "index.html").write_text(_page(_link(path) for path in paths))
    simple.mkdir(parents=True, exist_ok=True)
    (simple / "index.html").write_text(_page(f'<a href="{name}/">{name}</a>' for name in pages))
    return simple


def find_links_page(url: str, name: str) -> str:
    """The address of one project's page, which `--find-links` takes as well."""
    return f"{url}simple/{normal(name)}/"


def normal(name: str) -> str:
    """PEP 503's normal form of a project name."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _link(path: Path) -> str:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    # A plus sign has to be quoted: +cu118 would be read as a space by some servers.
    return f'<a href="../../files/{quote(path.name)}#sha256={digest}">{html.escape(path.name)}</a>'


def _page(links: Iterable[str]) -> str:
    return "<!DOCTYPE html>\n<html><body>\n" + "<br/>\n".join(links) + "\n</body></html>\n"
