"""uv's account of a failed resolution as one sentence a person can act on.

uv proves a clash step by step; what a reader needs are the two requirements at its end. Texts that match no known
shape give None, and are shown as uv wrote them.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from ..language import _

_MARKER = re.compile(r"\{[^{}]*\}")
_NAME = r"([A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)"
_DEPENDS = re.compile(rf"{_NAME}((?:==|>=|<=|~=|>|<)\S+)? depends? on {_NAME}((?:==|>=|<=|~=|!=|>|<)\S+)?")
_REQUIRED = re.compile(rf"you require {_NAME}((?:==|>=|<=|~=|!=|>|<)\S+)")
_NO_VERSION = re.compile(rf"there (?:is|are) no versions? of {_NAME}==(\S+)")
_NOT_FOUND = re.compile(rf"Because {_NAME} was not found in (?:the package registry|the cache|the provided package)")
_ABI = re.compile(rf"{_NAME}==(\S+) has no wheels with a matching (?:Python|platform)")
_PYTHON = re.compile(rf"{_NAME}==(\S+) (?:depends on|requires) Python ?([<>=!~][^\s]+)")
_FETCH = re.compile(
    r"(?:Failed to (?:fetch|read `--find-links` URL|download)[^:]*:|for url \()\s*`?(https?://[^\s`)]+)"
)
_CAUSES = (
    (("dns error", "resolving dns", "lookup address"), "dns"),
    (("invalid peer certificate", "unknownissuer"), "certificate"),
    (("407", "proxy authentication", "tunnel"), "proxy"),
    (("401 unauthorized", "403 forbidden"), "login"),
    (("timed out",), "timeout"),
    (("connection refused",), "refused"),
)


def in_words(output: str) -> str | None:
    """The failure as one or two sentences, or None when it is of no known shape."""
    flat = " ".join(_MARKER.sub("", output).split())
    return _unreachable(output, flat) or _two_requirements(flat) or _missing(flat)


def _two_requirements(flat: str) -> str | None:
    """ "xformers 0.0.24 needs torch==2.2.0, but torch==2.3.1 is pinned"; Python's own range likewise."""
    for match in _PYTHON.finditer(flat):
        return _(
            "{name} {version} needs Python {range}; choose another Python or another profile",
            name=match[1],
            version=match[2],
            range=match[3].strip(",."),
        )
    required = ((name, spec.strip(",.")) for name, spec in _REQUIRED.findall(flat))
    pins = {name: spec for name, spec in required if spec.startswith("==") and "," not in spec}
    for name, spec, needed, range_ in _DEPENDS.findall(flat):
        have = pins.get(needed, "")
        own = pins.get(name, spec)
        if have and have != range_.strip(",."):
            return _(
                "{name} {version} needs {needed}{range}, but the profile pins {needed} {have}",
                name=name,
                version=own.removeprefix("==").strip(",."),
                needed=needed,
                range=range_.strip(",."),
                have=have.removeprefix("=="),
            )
    return None


def _missing(flat: str) -> str | None:
    if match := _ABI.search(flat):
        tags = re.search(r"following Python ABI tags?: ([^.]*?)(?: hint|$)", flat)
        have = tags[1].replace("`", "") if tags else ""
        known = _(" (it has wheels for {tags})", tags=have) if have else ""
        return _(
            "{name} {version} has no wheel for this Python or platform{known}",
            name=match[1],
            version=match[2],
            known=known,
        )
    if match := _NO_VERSION.search(flat):
        return _("no index at hand has {name} {version}", name=match[1], version=match[2].strip(",."))
    if match := _NOT_FOUND.search(flat):
        if "network was disabled" in flat:
            return _(
                "{name} is not in uv's cache or a local folder, and --offline keeps the network out", name=match[1]
            )
        return _("no index at hand knows a package named {name}", name=match[1])
    return None


def _unreachable(output: str, flat: str) -> str | None:
    match = _FETCH.search(flat)
    if match is None:
        return None
    lowered = output.lower()
    cause = next((cause for signs, cause in _CAUSES if any(sign in lowered for sign in signs)), "")
    parts = urlsplit(match[1])
    # Without a login that may stand in the address.
    url = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return (
        _reasons()
        .get(cause, _("{url} does not answer: check the network, proxy or mirror (NET001)", url=url))
        .replace("{url}", url)
    )


def _reasons() -> dict[str, str]:
    return {
        "dns": _("{url} cannot be reached: its name is not known here. Check the network, proxy or mirror (NET001)"),
        "certificate": _("{url} shows a certificate that is not trusted here: set pip's `cert`, or SSL_CERT_FILE"),
        "proxy": _("the proxy does not let {url} through: check pip's `proxy` and its login"),
        "login": _("{url} wants a login: put it into pip's index-url or a netrc file"),
        "timeout": _("{url} answers too slowly: try again, or set UV_HTTP_TIMEOUT higher"),
        "refused": _("{url} refuses the connection: check the address, proxy or mirror (NET001)"),
    }
