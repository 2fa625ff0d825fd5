"""The user's own package configuration (pip's, uv's) as variables that uv reads.

A mirror, a folder of wheels, a certificate or a proxy that works for the user's pip must work for `fix`. Values go
through the environment, not the command line: index URLs may hold passwords, and command lines are public.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ..facts.sheet import IndexConfig, Installers
from ..language import _


@dataclass(frozen=True, slots=True)
class UserConfiguration:
    """What an installer is given. `notes` say in words what was left out and why."""

    variables: dict[str, str] = field(default_factory=dict)
    find_links: tuple[str, ...] = ()
    constraints: tuple[Path, ...] = ()
    no_index: bool = False
    notes: tuple[str, ...] = ()
    local_indexes: tuple[Path, ...] = ()

    def local_pages(self, names: Iterable[str]) -> tuple[str, ...]:
        """The pages that the local extra indexes have for these (normalised) names, as find-links.

        pip pools the files of all its indexes. uv takes each release from one index only, so a folder that holds a
        release for one Python would hide the default index's files for all others; find-links pages are pooled.
        """
        pages = (folder / name / "index.html" for folder in self.local_indexes for name in names)
        return tuple(page.as_uri() for page in pages if page.is_file())


def user_configuration(installers: Installers) -> UserConfiguration:
    """The configuration, translated. uv's own, where it names indexes, beats pip's. Asks the disk, not the network."""
    indexes = installers.uv if _names_indexes(installers.uv) else installers.pip
    notes: list[str] = []
    existing = _that_exist(indexes.extra_index_urls, _("extra index"), notes)
    extra = tuple(url for url in existing if _local_path(url) is None)
    local = tuple(path for url in existing if (path := _local_path(url)) is not None)
    find_links = _that_exist(indexes.find_links, _("find-links folder"), notes)
    constraints = _that_exist((*installers.uv.constraints, *installers.pip.constraints), _("constraints file"), notes)
    variables = _connection(installers)
    if indexes.index_url:
        variables["UV_DEFAULT_INDEX"] = indexes.index_url
    if find_links:
        variables["UV_FIND_LINKS"] = ",".join(find_links)
    if extra:
        variables["UV_INDEX"] = " ".join(extra)
        # pip asks all its indexes for every package; uv by default only the first that knows the name.
        variables["UV_INDEX_STRATEGY"] = "unsafe-first-match"
    return UserConfiguration(
        variables=variables,
        find_links=find_links,
        constraints=tuple(Path(_local_path(file) or file) for file in constraints if "://" not in file),
        no_index=indexes.no_index,
        notes=tuple(notes),
        local_indexes=local,
    )


def _names_indexes(config: IndexConfig) -> bool:
    return bool(config.index_url or config.extra_index_urls or config.find_links or config.no_index)


def _connection(installers: Installers) -> dict[str, str]:
    """Certificate, proxy and hosts whose certificate the user decided not to check."""
    variables = {}
    if (cert := installers.uv.cert or installers.pip.cert) and Path(cert).exists():
        variables["SSL_CERT_FILE" if Path(cert).is_file() else "SSL_CERT_DIR"] = cert
    if proxy := installers.uv.proxy or installers.pip.proxy:
        proxy = proxy if "://" in proxy else f"http://{proxy}"
        variables |= {"HTTP_PROXY": proxy, "HTTPS_PROXY": proxy, "ALL_PROXY": proxy}
    if hosts := dict.fromkeys((*installers.uv.trusted_hosts, *installers.pip.trusted_hosts)):
        variables["UV_INSECURE_HOST"] = " ".join(hosts)
    return variables


def _that_exist(places: Iterable[str], what: str, notes: list[str]) -> tuple[str, ...]:
    """The places without local ones that are not there, which pip passes over and uv would stop at."""
    kept = []
    for place in dict.fromkeys(places):
        local = _local_path(place)
        if local is not None and not local.exists():
            notes.append(_("the configured {what} {place} does not exist and is passed over", what=what, place=place))
        else:
            kept.append(place)
    return tuple(kept)


def _local_path(place: str) -> Path | None:
    """The path behind a file: URL or a plain path; None for an address on the network."""
    parts = urlsplit(place)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return None if "://" in place else Path(place).expanduser()
