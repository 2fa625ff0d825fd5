"""What a package index says about a project: its files, their Pythons, and which are withdrawn. No wheel is fetched.

Asked by the simple API, as JSON (PEP 691) where the index has it and as HTML (PEP 503, 592) where not, with the user's
own certificate, proxy and trusted hosts.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from ..facts.machine.network import failure_of
from ..facts.sheet import IndexConfig
from ..installers.uv import Source, uv_binary

_TIMEOUT = (5.0, 60.0)  # seconds to connect, to wait for the next bytes; torch's page is some hundred KB
_JSON = "application/vnd.pypi.simple.v1+json"


class File(NamedTuple):
    """One file of a release. `tags` are (interpreter, abi, platform) of a wheel, empty for a source archive."""

    name: str
    version: str
    tags: tuple[tuple[str, str, str], ...]
    requires_python: str | None
    yanked: bool
    sha256: str  # "" where the index does not say


class Page(NamedTuple):
    """A project's files, or in `failure` why they could not be looked at."""

    files: tuple[File, ...]
    failure: str = ""

    def release(self, version: str) -> tuple[File, ...]:
        """The files of one version, local part included."""
        return tuple(file for file in self.files if file.version == version)


def default_index(config: IndexConfig, source: Source) -> str:
    """The address of the index that installers ask. Where nobody configured one, uv is asked for its own."""
    if config.index_url:
        return config.index_url
    with tempfile.TemporaryDirectory(prefix="dualano-") as folder:
        nothing = Path(folder, "nothing.in")
        nothing.touch()
        argv = [uv_binary(), "pip", "compile", "--quiet", "--no-header", "--emit-index-url", str(nothing)]
        done = subprocess.run(
            argv,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            env=source.environment(),
            timeout=60,
            check=False,
        )
    words = done.stdout.split()
    return words[words.index("--index-url") + 1] if "--index-url" in words[:-1] else ""


def pages(index: str, names: Iterable[str], config: IndexConfig) -> dict[str, Page]:
    """The pages of these projects, eight at a time."""
    wanted = sorted(set(names))
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda name: page(f"{index.rstrip('/')}/{name}/", config), wanted)
        return dict(zip(wanted, found, strict=True))


def page(url: str, config: IndexConfig) -> Page:
    """One project's page. Never raises for what a network can do: the failure is in the answer."""
    import requests

    host = urlsplit(url).hostname or ""
    trusted = any(host == one.partition(":")[0] for one in config.trusted_hosts)
    proxies = {"http": config.proxy, "https": config.proxy} if config.proxy else None
    try:
        answer = requests.get(
            url,
            timeout=_TIMEOUT,
            verify=False if trusted else config.cert or True,
            proxies=proxies,
            headers={"Accept": f"{_JSON}, text/html;q=0.5"},
        )
        if answer.status_code >= 400:
            return Page((), f"{answer.status_code} {answer.reason}")
        return Page(read(answer.text, answer.headers.get("Content-Type", "")))
    except (requests.RequestException, OSError, ValueError) as error:
        return Page((), failure_of(error))


def read(text: str, content_type: str) -> tuple[File, ...]:
    """The files of a page, without what is no distribution's name. Raises ValueError for JSON that is none."""
    if "json" in content_type:
        rows = [
            (
                row["filename"],
                row.get("requires-python"),
                bool(row.get("yanked")),
                row.get("hashes", {}).get("sha256", ""),
            )
            for row in json.loads(text)["files"]
        ]
    else:
        parser = _Links()
        parser.feed(text)
        rows = parser.rows
    return tuple(file for row in rows if (file := _file(*row)))


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[str, str | None, bool, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a" and given.get("href"):
            address = urlsplit(str(given["href"]))
            name = unquote(address.path.rpartition("/")[2])
            kind, __, digest = address.fragment.partition("=")
            sha256 = digest if kind == "sha256" else ""
            self.rows.append((name, given.get("data-requires-python"), "data-yanked" in given, sha256))


def _file(name: str, requires_python: str | None, yanked: bool, sha256: str) -> File | None:
    from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename

    try:
        if name.endswith(".whl"):
            __, version, ___, tags = parse_wheel_filename(name)
            plain = tuple(sorted((tag.interpreter, tag.abi, tag.platform) for tag in tags))
            return File(name, str(version), plain, requires_python, yanked, sha256)
        return File(name, str(parse_sdist_filename(name)[1]), (), requires_python, yanked, sha256)
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None
