"""What a repository on the model hub holds: names, sizes and hashes, asked once when a plan is made."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from urllib.parse import quote

from ...language import _

ENDPOINT = "https://huggingface.co"
MAX_LISTING = 16 << 20  # bytes; the listing of Stable Diffusion 1.5 has 20 thousand
TIMEOUT = (5.0, 15.0)  # seconds to connect, and to answer
_PLAIN = re.compile(r"[\w.-]+(?:/[\w.-]+)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class HubFile:
    """One file; `size` is in bytes, `sha256` is "" for small files, which the hub lists by another hash."""

    path: str
    size: int
    sha256: str


def hub_address(repository: str, revision: str, path: str) -> str:
    """Where one file is fetched from; HF_ENDPOINT names a mirror, as it does for the hub's own library."""
    return f"{_endpoint()}/{repository}/resolve/{quote(revision, safe='')}/{quote(path)}"


def list_files(repository: str) -> tuple[HubFile, ...]:
    """Every file of the repository's main branch. Raises OSError with the reason when the hub does not tell."""
    import requests

    url = f"{_endpoint()}/api/models/{repository}/tree/main?recursive=true"
    try:
        with requests.get(url, timeout=TIMEOUT, stream=True) as answer:
            answer.raise_for_status()
            rows = json.loads(answer.raw.read(MAX_LISTING, decode_content=True))
        files = tuple(_file(row) for row in rows if row["type"] == "file")
    except (ValueError, KeyError, TypeError) as error:
        raise OSError(_("{url} gave an answer that is not the hub's", url=url)) from error
    # A name that leads out of the model's folder is not one that a repository can hold.
    return tuple(file for file in files if _PLAIN.fullmatch(file.path) and ".." not in file.path.split("/"))


def _file(row: dict[str, object]) -> HubFile:
    stored = row.get("lfs")
    sha256 = stored["oid"] if isinstance(stored, dict) else ""
    return HubFile(str(row["path"]), int(str(row["size"])), str(sha256))


def _endpoint() -> str:
    return os.environ.get("HF_ENDPOINT", ENDPOINT).rstrip("/")
