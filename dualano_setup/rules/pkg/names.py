"""PKG006, PKG008, PKG009, PKG011: packages that do not agree on a name, a folder or a version."""

from __future__ import annotations

from collections.abc import Iterator

from ...facts.fact import value
from ...knowledge.tables import rows
from ...language import _
from ..cures import install_command, pins, uninstall_command
from ..finding import Verdict, warn
from ..rule import Context, given
from .dependencies import Contradiction, contradictions


def opencv_twice(context: Context) -> Iterator[Verdict]:
    """PKG008. Different versions have overwritten each other already; equal ones break at the next uninstall."""
    seen, profile = given(context.sheet.environment), context.profile
    for row in rows("same_module"):
        owners = {name: found for name in row["distributions"] if (found := seen.find(name))}
        if len(owners) < 2:
            continue
        versions = sorted({distribution.version for distribution in owners.values()})
        keep = next((name for name in owners if name in profile.packages), next(iter(owners)))
        drop = [name for name in owners if name != keep]
        differ = f" ({_(' and ').join(versions)})" if len(versions) > 1 else ""
        yield Verdict(
            "fail" if differ else "warn",
            _(
                "the one installed last overwrote the other's files{differ}; removing either leaves `module "
                "'{module}' has no attribute ...`, and `pip check` stays green",
                differ=differ,
                module=row["module"],
            ),
            title=_("{owners} share one {module} folder", owners=_(" and ").join(owners), module=row["module"]),
            evidence=f"{owners[keep].location}/{row['module']}",
            cure=f"{uninstall_command(seen, *drop)} && "
            f"{install_command(seen, profile, keep)} --reinstall-package {keep} --no-deps",
            subject=keep,
        )


def wrong_clip(context: Context) -> Iterator[Verdict]:
    """PKG009. OpenAI's CLIP is 1.0 and never says clipboard; where the summary is lost, the number tells them apart."""
    seen = given(context.sheet.environment)
    clip = seen.find("clip")
    if clip is None:
        return
    said = _(
        "clip {version} says of itself: {summary}. Nothing in the method imports clip",
        version=clip.version,
        summary=clip.summary,
    )
    if not clip.summary:
        said = _(
            "clip {version}: OpenAI's is 1.0, the clipboard manager of the package index 0.2.0 and older. Nothing in "
            "the method imports clip",
            version=clip.version,
        )
    if "clipboard" in clip.summary.lower() or (not clip.summary and clip.version.startswith("0.")):
        yield warn(
            said,
            title=_("`clip` is a clipboard manager, not OpenAI's CLIP"),
            evidence=clip.dist_info,
            cure=_("{command}   (and drop the line from requirements.txt)", command=uninstall_command(seen, "clip")),
            subject="clip",
        )


def requirements_contradict(context: Context) -> Iterator[Verdict]:
    """PKG011. What another finding already names is folded under it; strangers' quarrels let training start."""
    from .presence import explained_by, missing, outside_profile

    seen, profile = given(context.sheet.environment), context.profile
    architecture = value(context.sheet.machine)
    found = contradictions(seen.distributions, seen.python, architecture.architecture if architecture else "x86_64")
    absent, outside, ours = set(missing(seen, profile)), outside_profile(seen, profile), pins(profile, seen.python)
    for contradiction in found:
        who, need = contradiction.distribution.name, contradiction.need
        if need.name in absent:
            cause: str | None = "PKG001"
        else:
            cause = explained_by(context, need.name) or explained_by(context, who)
            if cause is None and (need.name in outside or who in outside):
                cause = "PKG002"
        yield _contradiction(context, contradiction, known=who in ours, cause=cause)


def _contradiction(context: Context, found: Contradiction, *, known: bool, cause: str | None) -> Verdict:
    seen, profile, need = given(context.sheet.environment), context.profile, found.need
    who = f"{found.distribution.name} {found.distribution.version}"
    wants = f"{need.name}{need.specifier}"
    has = (
        _("you have {need} {have}", need=need.name, have=found.have)
        if found.have
        else _("{need} is not installed", need=need.name)
    )
    names = [found.distribution.name] if known else []
    names += [need.name] if need.name in pins(profile, seen.python) else []
    return Verdict(
        "fail" if known else "warn",
        _("{who} requires {wants}, but {has}", who=who, wants=wants, has=has),
        title=_("{who} and {need} do not go together", who=who, need=need.name)
        if found.have
        else _("{who} lacks {need}", who=who, need=need.name),
        evidence=found.distribution.dist_info,
        cure=install_command(seen, profile, *names)
        if known
        else _(
            "{command}   (or keep it in an environment of its own)",
            command=uninstall_command(seen, found.distribution.name),
        ),
        repairable=known,
        caused_by=cause,
        subject=f"{found.distribution.name}: {wants}",
    )
