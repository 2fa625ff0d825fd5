"""Packages whose files do not match their RECORD, and import folders that several distributions own."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator, Sequence

from ...language import _
from ...system.files import plain_error, read_part, read_whole, size_of
from ..sheet import DamagedPackage, Distribution, SharedFolder
from .packages import Installed

_MAX_RECORD = 1 << 24
_LARGE_RECORD = 60_000
"""Bytes of a RECORD (about 600 files) up to which each file is looked at, 2 us a file. Of a larger package (torch
12 000 files, transformers 5 000) only the files at its top are: 5 ms for both instead of 40. Existence and size are
compared; `deep` looks at every file and hashes it."""
_MAX_HASHED = 1 << 33
"""Bytes. The largest library in any wheel, torch's for CUDA, has less than two GB."""
_MAX_NAMED = 20


def find_damage(
    folders: Sequence[Installed], distributions: Sequence[Distribution], checked: Collection[str], deep: bool = False
) -> tuple[DamagedPackage, ...]:
    """Half-removed packages, names recorded twice, and the distributions named in `checked` against their RECORD.

    With `deep` every distribution is checked, hashes included: seconds for each GB.
    """
    damaged: list[DamagedPackage] = []
    for folder in folders:
        damaged += [DamagedPackage(name, version, note=note) for name, version, note in folder.halves]
    twice = list(_twice(distributions))
    damaged += twice
    explained = {package.name for package in twice}  # one of two records cannot but disagree with the files
    for distribution in distributions:
        if distribution.editable or distribution.name in explained:
            continue
        if deep or distribution.name in checked:
            damaged += _against_record(distribution, deep)
    return tuple(damaged)


def find_shared(distributions: Sequence[Distribution]) -> tuple[SharedFolder, ...]:
    """Import folders that more than one distribution says it owns, and whose RECORDs agree that it does.

    Namespace packages (nvidia, google) are shared on purpose: their folder has no `__init__.py`, or an empty one.
    Only the RECORDs of the distributions concerned are read.
    """
    claims: dict[tuple[str, str], list[Distribution]] = {}
    for distribution in distributions:
        for folder in distribution.top_level:
            claims.setdefault((distribution.location, folder), []).append(distribution)
    shared: list[SharedFolder] = []
    for (location, folder), claimants in sorted(claims.items(), key=lambda item: item[0]):
        if len({c.name for c in claimants}) < 2 or _is_namespace(os.path.join(location, folder)):
            continue
        owners = tuple(sorted({c.name for c in claimants if _owns(c, folder)}))
        if len(owners) > 1:
            shared.append(SharedFolder(folder, owners))
    return tuple(shared)


def _is_namespace(folder: str) -> bool:
    try:
        return os.stat(os.path.join(folder, "__init__.py")).st_size < 3
    except OSError:
        return True


def _owns(distribution: Distribution, folder: str) -> bool:
    try:
        return any(path.startswith(f"{folder}/") for path, __, __ in _record(distribution, deep=True))
    except (OSError, ValueError):
        return True  # its top_level.txt says so, and nothing speaks against it


def _twice(distributions: Sequence[Distribution]) -> Iterator[DamagedPackage]:
    """One name with several dist-infos in one folder: an upgrade or removal was cut short.

    A dist-info and an egg-info of the same version is what Debian ships on purpose.
    """
    seen: dict[tuple[str, str], list[str]] = {}
    for distribution in distributions:
        versions = seen.setdefault((distribution.location, distribution.name), [])
        if distribution.version not in versions:
            versions.append(distribution.version)
    for (__, name), versions in seen.items():
        if len(versions) > 1:
            note = _(
                "recorded {versions_count} times: {versions}; an upgrade or a removal was cut short",
                versions_count=len(versions),
                versions=", ".join(versions),
            )
            yield DamagedPackage(name, versions[-1], note=note)


def _against_record(distribution: Distribution, deep: bool) -> Iterator[DamagedPackage]:
    try:
        rows = list(_record(distribution, deep))
    except FileNotFoundError:
        if distribution.wheel_tags and distribution.installer not in ("conda", "debian"):
            yield DamagedPackage(distribution.name, distribution.version, note=_("its RECORD is gone"))
        return
    except (OSError, ValueError) as error:
        note = _("its RECORD cannot be read: {error}", error=plain_error(error))
        yield DamagedPackage(distribution.name, distribution.version, note=note)
        return
    missing: list[str] = []
    altered: list[str] = []
    rewritten = distribution.installer == "conda"  # conda writes its prefix into files, after RECORD was made
    for path, digest, size in rows:
        file = os.path.join(distribution.location, path)
        try:
            status = os.stat(file)
        except (OSError, ValueError):
            missing.append(path)
            continue
        if not rewritten and (_is_other(status, digest, size) or (deep and _differs(file, digest))):
            altered.append(path)
    if missing or altered:
        yield DamagedPackage(distribution.name, distribution.version, _cut(missing), _cut(altered))


def _is_other(status: os.stat_result, digest: str, size: str) -> bool:
    """Whether it cannot be the recorded file: another size, or no file at all but a pipe or a folder."""
    if not stat.S_ISREG(status.st_mode):
        return bool(digest or size)
    return size.isdecimal() and size.lstrip("0") != str(status.st_size).lstrip("0")


def _cut(paths: list[str]) -> tuple[str, ...]:
    more = len(paths) - _MAX_NAMED
    return (*paths[:_MAX_NAMED], _("and {more} more", more=more)) if more > 0 else tuple(paths)


def _record(distribution: Distribution, deep: bool) -> Iterator[tuple[str, str, str]]:
    """(path, hash, size) rows of RECORD; of a large one without `deep` only the topmost.

    Bytecode is left out (Python makes and removes it), and so is everything outside site-packages: installers rewrite
    scripts, and conda moves them.
    """
    data = read_whole(os.path.join(distribution.dist_info, "RECORD"), _MAX_RECORD)
    for path, digest, size in _rows(data, whole=deep or len(data) <= _LARGE_RECORD):
        if not path.endswith(".pyc") and not path.startswith(("../", "/", "..\\")) and "\0" not in path:
            yield path, digest, size


def _rows(data: bytes, whole: bool) -> Iterator[tuple[str, str, str]]:
    if not whole:  # hashes are urlsafe base64, so each slash of a line is its path's
        data = b"\n".join(line for line in data.split(b"\n") if line.count(b"/") <= 1)
    lines = data.decode("utf-8", "surrogateescape").splitlines()
    if b'"' in data:  # only then is a CSV reader needed (6 ms to import)
        import csv

        yield from ((row[0], row[1], row[2]) for row in csv.reader(lines) if len(row) == 3)
        return
    yield from ((row[0], row[1], row[2]) for line in lines if len(row := line.rsplit(",", 2)) == 3)


def _differs(file: str, digest: str) -> bool:
    """Whether the file's hash is another than RECORD's. Files without a hash, and unreadable ones, do not differ.

    One larger than any that was ever released does: its hash would take as long as a stranger likes.
    """
    import base64
    import hashlib

    algorithm, __, expected = digest.partition("=")
    if not expected or algorithm not in hashlib.algorithms_guaranteed or algorithm.startswith("shake"):
        return False
    if (size_of(file) or 0) > _MAX_HASHED:
        return True
    found, at = hashlib.new(algorithm), 0
    try:
        while block := read_part(file, 1 << 20, at):
            found.update(block)
            at += len(block)
    except OSError:
        return False
    return base64.urlsafe_b64encode(found.digest()).rstrip(b"=").decode("ascii") != expected
