"""Whether the addresses that a repair needs answer, with the reasons told apart. Nothing is downloaded."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from ...language import N_, _
from ...system import probe_command as command
from ..fact import Absent, Fact, Known
from ..probing import run_probes
from ..sheet import Answer, IndexConfig, Installers, Network

if TYPE_CHECKING:
    from ...knowledge.profile import Index, Profile
    from ...settings.options import Settings

DEADLINE = 12.0
_CONNECT, _READ = 4.0, 6.0
_HUB = "https://huggingface.co"
_QUESTION = Path(__file__).with_name("default_index_question.txt")
DEFAULT_INDEX = N_("the default index")
"""Stands for the address that pip and uv use when nobody names one."""


def probe(
    settings: Settings,
    profile: Profile,
    installers: Installers,
    *,
    variables: Mapping[str, str] | None = None,
    deadline: float = DEADLINE,
) -> Fact[Network]:
    """Ask the profile's indexes, and the model hub when the model is not there, all at once.

    Folders (file://, plain paths) are looked at on disk. With `offline` no socket is opened: Absent.
    """
    if settings.offline:
        return Absent(_("offline was asked for, so no address was tried"))
    variables = os.environ if variables is None else variables
    config = index_settings(installers)
    end = time.monotonic() + deadline
    questions: dict[str, Callable[[], Fact[Answer]]] = {}
    for index in profile.indexes:
        url = index.url or config.index_url or ""
        ask = _index_question(index, url, profile, config) if url else _default_question(installers, variables, end)
        questions[url or DEFAULT_INDEX] = ask
    hub = _hub_address(settings, variables)
    if hub:
        questions[hub] = lambda: Known(ask_address(hub, config))
    facts = run_probes(questions, end, deadline)
    answers = {url: _answer(url, fact) for url, fact in facts.items()}
    return Known(Network(tuple(a for url, a in answers.items() if url != hub), answers.get(hub) if hub else None))


def ask_address(url: str, config: IndexConfig) -> Answer:
    """Whether one address answers, honouring the certificate, proxy and trusted hosts of `config`."""
    folder = _as_folder(url)
    if folder is not None:
        there = os.path.isdir(folder)
        return Answer(
            url, there, "" if there else "missing", "" if there else _("there is no folder {folder}", folder=folder)
        )
    import requests  # 180 ms: only when something has to be fetched

    host = urlsplit(url).hostname or ""
    trusted = any(host == trusted.partition(":")[0] for trusted in config.trusted_hosts)
    if trusted:  # the user said so in pip's or uv's settings; urllib3 need not warn about it
        import urllib3

        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    # A proxy given by hand would be used for every address; the installers keep to NO_PROXY.
    proxy = None if requests.utils.should_bypass_proxies(url, no_proxy=None) else config.proxy
    proxies = {"http": proxy, "https": proxy} if proxy else None
    try:
        with requests.get(
            url,
            timeout=(_CONNECT, _READ),
            stream=True,  # the headers are enough; an index can be tens of MB
            verify=False if trusted else config.cert or True,
            proxies=proxies,
            headers={"Accept": "application/vnd.pypi.simple.v1+json, text/html;q=0.9, */*;q=0.1"},
        ) as response:
            return _judge_status(url, response.status_code, response.reason)
    except (requests.RequestException, OSError, ValueError) as error:
        return Answer(url, False, failure_of(error), _words(error))


def failure_of(error: BaseException) -> str:
    """What kept an address from answering: "dns", "proxy", "certificate", "timeout", "refused" or "unreachable"."""
    from requests import exceptions

    text = f"{error!r} {error}"
    if isinstance(error, exceptions.ProxyError):
        return "proxy"
    if isinstance(error, exceptions.SSLError) or "CA certificate" in text:
        return "certificate"
    if isinstance(error, exceptions.Timeout):
        return "timeout"
    return failure_in(text)


_SIGNS = (  # first match wins: a proxy whose name does not resolve is a proxy problem
    ("proxy", ("proxyerror", "tunnel", "proxy auth", "socks")),
    ("certificate", ("certificate", "unknownissuer", "ssl:", "tls")),
    (
        "dns",
        ("nameresolutionerror", "name or service not known", "name resolution", "dns error", "getaddrinfo"),
    ),
    ("dns", ("failed to lookup address", "nodename nor servname")),
    ("timeout", ("timed out", "timeout")),
    ("refused", ("connection refused", "actively refused")),
)


def failure_in(text: str) -> str:
    """The same from the words of a program; "unreachable" when they say nothing known."""
    lowered = text.lower()
    return next((name for name, signs in _SIGNS if any(sign in lowered for sign in signs)), "unreachable")


def _index_question(index: Index, url: str, profile: Profile, config: IndexConfig) -> Callable[[], Fact[Answer]]:
    if index.kind == "find-links":
        return lambda: Known(ask_address(url, config))
    package = next(iter((*index.packages, *profile.packages)), "torch")
    page = f"{url.rstrip('/')}/{package}/"

    def ask() -> Fact[Answer]:
        """One package's page: an index's own root can be closed, or tens of MB long."""
        found = ask_address(page, config)
        return Known(Answer(url, found.ok, found.failure, found.detail))

    return ask


def _default_question(installers: Installers, variables: Mapping[str, str], end: float) -> Callable[[], Fact[Answer]]:
    """Ask through uv itself, the only one that knows the address nobody configured.

    uv resolves for some Python: with our own it needs none of the versions that the profile may lack here.
    """

    def ask() -> Fact[Answer]:
        if installers.uv_path is None:
            return Known(Answer(DEFAULT_INDEX, False, "missing", _("uv, which would be asked, is not installed")))
        line = [installers.uv_path, "pip", "compile", str(_QUESTION), "--no-deps", "--no-cache", "--no-header"]
        line += ["--color", "never", "--no-python-downloads", "--universal", "--python", sys.executable]
        outcome = command.run(line, deadline=max(0.1, end - time.monotonic()), variables=variables)
        if outcome.timed_out:
            return Known(Answer(DEFAULT_INDEX, False, "timeout", outcome.error))
        words = " ".join(outcome.error.split())[-400:]
        failed = outcome.status != 0
        return Known(Answer(DEFAULT_INDEX, not failed, _uv_failure(words) if failed else "", words if failed else ""))

    return ask


def _uv_failure(words: str) -> str:
    import re

    match = re.search(r"status (?:client|server) error \((\d{3})", words)
    return f"http {match[1]}" if match else failure_in(words)


def _hub_address(settings: Settings, variables: Mapping[str, str]) -> str:
    """The model hub, when the model is still to come from there."""
    if settings.model is None or settings.model.exists():
        return ""
    return (variables.get("HF_ENDPOINT") or _HUB).rstrip("/")


def index_settings(installers: Installers) -> IndexConfig:
    """uv's settings, since uv does the installing, filled up with pip's, which most users have set."""
    uv, pip = installers.uv, installers.pip
    return IndexConfig(
        index_url=uv.index_url or pip.index_url,
        cert=uv.cert or pip.cert,
        proxy=uv.proxy or pip.proxy,
        trusted_hosts=(*uv.trusted_hosts, *pip.trusted_hosts),
    )


def _as_folder(url: str) -> str | None:
    """The folder that a file:// address or a plain path means, None for everything else."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return unquote(parts.path)
    return url if url.startswith(("/", "./", "../")) else None


def _judge_status(url: str, status: int, reason: str) -> Answer:
    if status < 400:
        return Answer(url, True)
    return Answer(url, False, "proxy" if status == 407 else f"http {status}", f"{status} {reason}")


def _answer(url: str, fact: Fact[Answer]) -> Answer:
    return fact.value if isinstance(fact, Known) else Answer(url, False, "timeout", fact.reason)


def _words(error: BaseException) -> str:
    return " ".join(str(error).split())[-400:]
