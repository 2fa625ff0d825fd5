"""The installed distributions of a site-packages folder, from their *.dist-info and *.egg-info folders alone."""

from __future__ import annotations

import os
import re

from ...language import _
from ...light_dataclasses import dataclass
from ...system.files import names_at, read_part, text_at
from ...versions import normalise
from ..sheet import Distribution

_MAX_HEADER = 1 << 20  # the longest header block met is 24 kB (apache-airflow); a body of any length is never read
_CHUNK = 8192


@dataclass(frozen=True, slots=True)
class Installed:
    """What one folder holds: whole distributions, half-removed ones, and pip's leftovers."""

    distributions: tuple[Distribution, ...]
    halves: tuple[tuple[str, str, str], ...]  # (name, version, what is wrong with its dist-info)
    leftovers: tuple[str, ...]  # "~ip", "~orch-2.0.1.dist-info": an uninstall that was interrupted


def read_folder(folder: str) -> Installed:
    """Every distribution recorded in `folder`. Raises OSError when the folder cannot be listed."""
    distributions: list[Distribution] = []
    halves: list[tuple[str, str, str]] = []
    leftovers: list[str] = []
    for entry in sorted(os.listdir(folder)):
        if entry.startswith("~"):
            leftovers.append(entry)
        elif entry.endswith((".dist-info", ".egg-info")):
            name, version = _from_folder_name(entry)
            found = _read_one(folder, entry, name, version)
            if isinstance(found, Distribution):
                distributions.append(found)
            else:
                halves.append((normalise(name), version, found))
    return Installed(tuple(distributions), tuple(halves), tuple(leftovers))


def names_in(folder: str) -> dict[str, str]:
    """Name (normalised) -> version by folder names alone; empty when the folder cannot be listed."""
    pairs = (_from_folder_name(entry) for entry in names_at(folder) if entry.endswith((".dist-info", ".egg-info")))
    return {normalise(name): version for name, version in pairs}


def _from_folder_name(entry: str) -> tuple[str, str]:
    """("torch", "2.2.0+cu118") from "torch-2.2.0+cu118.dist-info"; egg-info may add "-py3.10"."""
    name, __, version = entry.rsplit(".", 1)[0].partition("-")
    return name, version.split("-")[0]


def _read_one(folder: str, entry: str, name: str, version: str) -> Distribution | str:
    """The distribution, or what is wrong with its record."""
    path = os.path.join(folder, entry)
    egg = entry.endswith(".egg-info")
    file = os.path.join(path, "PKG-INFO" if egg else "METADATA")
    if egg and not os.path.isdir(path):
        file = path  # distutils wrote one plain file
    try:
        headers = _headers(file)
    except FileNotFoundError:
        return _("{entry} has no {file}", entry=entry, file=os.path.basename(file))
    except (OSError, ValueError) as error:
        return _("{file} cannot be read: {error}", file=file, error=error)
    if not headers.get("name") or not headers.get("version"):
        return _("{file} names no package and version (an empty or cut file)", file=file)
    direct = "" if egg else text_at(os.path.join(path, "direct_url.json"))
    return Distribution(
        name=normalise(headers["name"][0]),
        version=headers["version"][0],
        location=folder,
        dist_info=path,
        requires=tuple(headers.get("requires-dist", ())),
        requires_python=next(iter(headers.get("requires-python", ())), None),
        summary=next(iter(headers.get("summary", ())), ""),
        top_level=tuple(text_at(os.path.join(path, "top_level.txt")).split()),
        wheel_tags=() if egg else _tags(text_at(os.path.join(path, "WHEEL"))),
        installer=text_at(os.path.join(path, "INSTALLER")).strip(),
        editable='"editable": true' in direct or '"editable":true' in direct,
    )


def _headers(file: str) -> dict[str, list[str]]:
    """The wanted fields in the header block of a METADATA file: lower-case field -> its values in order.

    One pattern over the bytes up to the first blank line, because start-up is counted in milliseconds: importing
    `email.parser` alone takes 22 ms and `importlib.metadata` 36 ms, and the parser then reads the long description
    too; the 118 files of the guide's environment are read here in 3 ms. A folded value (its further lines start with
    white space) is joined by single spaces.
    """
    headers: dict[str, list[str]] = {}
    for key, value in _FIELD.findall(_header_block(file)):
        text = value.strip().decode("utf-8", "replace")
        if "\n" in text:
            text = " ".join(line.strip() for line in text.split("\n"))
        headers.setdefault(key.decode("ascii").lower(), []).append(text)
    return headers


_FIELD = re.compile(
    rb"^(name|version|summary|requires-dist|requires-python):(.*(?:\n[ \t].*)*)", re.MULTILINE | re.IGNORECASE
)


def _header_block(file: str) -> bytes:
    size = _CHUNK
    while True:
        data = read_part(file, size).replace(b"\r\n", b"\n")
        head, blank, __ = data.partition(b"\n\n")
        if blank or len(data) < size // 2 or size >= _MAX_HEADER:
            return head
        size *= 8


def _tags(wheel: str) -> tuple[str, ...]:
    return tuple(line.partition(":")[2].strip() for line in wheel.splitlines() if line.startswith("Tag:"))
