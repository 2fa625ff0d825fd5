"""NET: whether the addresses that a repair needs answer."""

from __future__ import annotations

from collections.abc import Iterator

from ..facts.sheet import Answer, Network
from .finding import Finding
from .rule import Context, Rule, fail, warn
from .seen import value

_CURES = {
    "dns": "The name cannot be resolved: check the network, the VPN and /etc/resolv.conf.",
    "proxy": "The proxy refuses or is not there: check HTTPS_PROXY and NO_PROXY.",
    "certificate": "The certificate is not trusted, often a company's proxy: name its CA file in SSL_CERT_FILE "
    "(uv, pip) and REQUESTS_CA_BUNDLE (downloads).",
    "timeout": "No answer in time: check the firewall, or set HTTPS_PROXY.",
    "refused": "Nothing listens there: check the address and the firewall.",
    "missing": "The address answers, but not with what is needed: check the index setting.",
}


def _indexes_answer(context: Context) -> Iterator[Finding]:
    optional = {index.url.rstrip("/") for index in context.profile.indexes if index.url and not index.required}
    for answer in _network(context).indexes:
        if answer.ok:
            continue
        spare = answer.url.rstrip("/") in optional
        yield (warn if spare else fail)(
            "NET001",
            f"{_host(answer.url)} does not answer ({answer.failure or 'no reason given'})",
            _said(answer) + ("; the default index serves those packages instead, as a larger build" if spare else ""),
            evidence=answer.url,
            cure=_cure(answer) + " A mirror of your own goes into pip's or uv's configuration.",
            subject=answer.url,
        )


def _hub_answers(context: Context) -> Iterator[Finding]:
    answer, model = _network(context).hub, value(context.sheet.model)
    if answer is None or answer.ok or (model is not None and model.exists):
        return
    yield fail(
        "NET002",
        f"the model hub does not answer ({answer.failure or 'no reason given'}), and the model is not here",
        _said(answer),
        evidence=answer.url,
        cure=_cure(answer)
        + " Or copy a Stable Diffusion v1.5 folder in diffusers layout here and point --model at it; "
        "a mirror of the hub goes into HF_ENDPOINT.",
        subject=answer.url,
    )


def _network(context: Context) -> Network:
    seen = value(context.sheet.network)
    assert seen is not None, "the rule lists `network` in its needs"
    return seen


def _host(url: str) -> str:
    """Scheme, credentials and path taken away."""
    return url.partition("://")[2].partition("/")[0].rpartition("@")[2] or url


def _said(answer: Answer) -> str:
    return answer.detail or f"asked {_host(answer.url)}, and got {answer.failure or 'nothing'}"


def _cure(answer: Answer) -> str:
    if answer.failure.startswith("http"):
        return f"It answers with {answer.failure}: check the address, the credentials and the proxy."
    return _CURES.get(answer.failure, "Check the network.")


RULES = (
    Rule("NET001", "Every package index that the plan needs answers", _indexes_answer, needs=("network",)),
    Rule("NET002", "The model hub answers, or the model is here", _hub_answers, needs=("network",)),
)
