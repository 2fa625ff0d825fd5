"""NET: whether the addresses that a repair needs answer."""

from __future__ import annotations

from collections.abc import Iterator

from ..facts.fact import value
from ..facts.sheet import Answer
from ..language import N_, _
from .finding import Verdict, fail
from .rule import Context, Rule, given

_CURES = {
    "dns": N_("The name cannot be resolved: check the network, the VPN and /etc/resolv.conf."),
    "proxy": N_("The proxy refuses or is not there: check HTTPS_PROXY and NO_PROXY."),
    "certificate": N_(
        "The certificate is not trusted, often a company's proxy: name its CA file in SSL_CERT_FILE (uv, pip) "
        "and REQUESTS_CA_BUNDLE (downloads)."
    ),
    "timeout": N_("No answer in time: check the firewall, or set HTTPS_PROXY."),
    "refused": N_("Nothing listens there: check the address and the firewall."),
    "missing": N_("The address answers, but not with what is needed: check the index setting."),
}


def _indexes_answer(context: Context) -> Iterator[Verdict]:
    optional = {index.url.rstrip("/") for index in context.profile.indexes if index.url and not index.required}
    told = set()
    for answer in given(context.sheet.network).indexes:
        spare = answer.url.rstrip("/") in optional
        key = (_host(answer.url), answer.failure, spare)  # several pages of one silent host are one trouble
        if answer.ok or key in told:
            continue
        told.add(key)
        yield Verdict(
            "warn" if spare else "fail",
            _("{said}; the default index serves those packages instead, as a larger build", said=_said(answer))
            if spare
            else _said(answer),
            title=_(
                "{url} does not answer ({failure})",
                url=_host(answer.url),
                failure=answer.failure or _("no reason given"),
            ),
            evidence=answer.url,
            cure=_("{cure} A mirror of your own goes into pip's or uv's configuration.", cure=_cure(answer)),
            subject=answer.url,
        )


def _hub_answers(context: Context) -> Iterator[Verdict]:
    answer, model = given(context.sheet.network).hub, value(context.sheet.model)
    if answer is None or answer.ok or (model is not None and model.exists):
        return
    yield fail(
        _said(answer),
        title=_(
            "the model hub does not answer ({failure}), and the model is not here",
            failure=answer.failure or _("no reason given"),
        ),
        evidence=answer.url,
        cure=_(
            "{cure} Or copy a Stable Diffusion v1.5 folder in diffusers layout here and point --model at it; a mirror "
            "of the hub goes into HF_ENDPOINT.",
            cure=_cure(answer),
        ),
        subject=answer.url,
    )


def _host(url: str) -> str:
    """Scheme, credentials and path taken away."""
    return url.partition("://")[2].partition("/")[0].rpartition("@")[2] or _(url)


def _said(answer: Answer) -> str:
    return answer.detail or _(
        "asked {url}, and got {failure}", url=_host(answer.url), failure=answer.failure or _("nothing")
    )


def _cure(answer: Answer) -> str:
    if answer.failure.startswith("http"):
        return _("It answers with {failure}: check the address, the credentials and the proxy.", failure=answer.failure)
    return _(_CURES.get(answer.failure, N_("Check the network.")))


RULES = (
    Rule("NET001", N_("Every package index that the plan needs answers"), _indexes_answer, needs=("network",)),
    Rule("NET002", N_("The model hub answers, or the model is here"), _hub_answers, needs=("network",)),
)
