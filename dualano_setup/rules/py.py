"""PY: the training environment's Python, and whether the environment is one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from ..facts.environment.probe import NO_ENVIRONMENT
from ..facts.fact import Absent
from ..facts.sheet import Leak
from ..language import N_, _
from ..versions import numbers, satisfies
from .cures import pins
from .finding import Verdict, fail, info, unknown, warn
from .pkg.binary import torch_build
from .rule import Context, Rule, given
from .wording import listing

# Only the base's packages can be shut out by remaking the environment; variables belong to the user's shell.
_REPAIRABLE_LEAKS = ("system-site", "conda-base")
_LEAK_CURES = {
    "user-site": N_("Set PYTHONNOUSERSITE=1 in the shell that starts training."),
    "pythonpath": N_("Run `unset PYTHONPATH` (and take it out of ~/.bashrc), then start training."),
    "system-site": N_("Set `include-system-site-packages = false` in the environment's pyvenv.cfg."),
    "conda-base": N_("Set `include-system-site-packages = false` in the environment's pyvenv.cfg."),
    "pth": N_("Delete the line that names this folder from the .pth file in the environment's site-packages."),
}


def _make(context: Context) -> str:
    folder = context.settings.env or context.settings.state / "env"
    return f"uv venv --python {context.profile.python_preferred} {folder}"


def _python_in_range(context: Context) -> Iterator[Verdict]:
    seen, profile = given(context.sheet.environment), context.profile
    if seen.python is None:
        yield unknown(_("nothing in it tells"), title=_("the environment's Python version"), evidence=seen.prefix)
        return
    if satisfies(seen.python, profile.python):
        return
    detail = _(
        "the environment has Python {python}; profile {profile} has packages for {wanted}",
        python=seen.python,
        profile=profile.name,
        wanted=profile.python,
    )
    if numbers(seen.python) >= (3, 12) and "checkout" in profile.trainers:
        detail = _(
            "{detail} (Python 3.12 removed pkgutil.ImpImporter, which the guide's setuptools pin needs: "
            "AttributeError: module 'pkgutil' has no attribute 'ImpImporter')",
            detail=detail,
        )
    yield fail(
        detail,
        title=_("Python {python} is outside {wanted}", python=seen.python, wanted=profile.python),
        evidence=seen.interpreter,
        cure=_("Make the environment anew: {command}", command=_make(context)),
    )


def _environment_exists(context: Context) -> Iterator[Verdict]:
    fact = context.sheet.environment
    if isinstance(fact, Absent):
        count = len(pins(context.profile))
        reason = fact.reason.removeprefix(_(NO_ENVIRONMENT).partition("{")[0])  # the title says that already
        yield fail(
            _(
                "{reason}; profile {profile} puts {count} packages into one",
                reason=reason,
                profile=context.profile.name,
                count=count,
            ),
            title=_("no training environment yet"),
            evidence=fact.source,
            cure=_("{command}, then install the profile's packages into it.", command=_make(context)),
        )


def _nothing_leaks_in(context: Context) -> Iterator[Verdict]:
    seen = given(context.sheet.environment)
    needed = pins(context.profile, seen.python) if seen.leaks else {}
    for leak in seen.leaks:
        if leak.kind == "library-path":
            yield from _library_leak(leak, context)
            continue
        yield _leak(leak, seen.prefix, [name for name in leak.shadows if name in needed])
    if seen.system_site and not any(leak.kind in _REPAIRABLE_LEAKS for leak in seen.leaks):
        yield warn(
            _(
                "pyvenv.cfg says include-system-site-packages = true; what the base Python holds or gets can be "
                "imported"
            ),
            title=_("the base Python's packages are switched on"),
            evidence=f"{seen.prefix}/pyvenv.cfg",
            cure=_(_LEAK_CURES["system-site"]),
        )


def _leak(leak: Leak, prefix: str, shadowed: Sequence[str]) -> Verdict:
    """Folders that shadow a package of the profile's block; the others are worth a line."""
    repairable = leak.kind in _REPAIRABLE_LEAKS
    cure = _(_LEAK_CURES.get(leak.kind, N_("Keep that folder off the Python path.")))
    if shadowed:
        names = listing(shadowed)
        title = _("packages leak in from {path}", path=leak.path)
        detail = _(
            "the environment's Python would also find {names} there ({kind}), beside {prefix}'s own",
            names=names,
            kind=leak.kind,
            prefix=prefix,
        )
        return fail(detail, title=title, evidence=leak.path, cure=cure, repairable=repairable, subject=leak.path)
    detail = _("{kind}: none of the packages there is one that training needs", kind=leak.kind)
    if repairable:
        title = _("the base Python's packages are switched on")
        return warn(detail, title=title, evidence=leak.path, cure=cure, subject=leak.path)
    return info(
        detail,
        title=_("{path} is on the Python path", path=leak.path),
        evidence=leak.path,
        cure=cure,
        subject=leak.path,
    )


def _library_leak(leak: Leak, context: Context) -> Iterator[Verdict]:
    """Libraries of CUDA that the loader finds before torch's own; libnvJitLink is one since CUDA 12."""
    build = torch_build(given(context.sheet.environment))
    names = [name for name in leak.shadows if build and build.cuda and (name != "libnvJitLink" or build.cuda >= "12")]
    if names and context.profile.needs_gpu:
        yield warn(
            _(
                "LD_LIBRARY_PATH names {path}: its {names} are loaded before torch's own, and another release of them "
                "ends in `undefined symbol`",
                path=leak.path,
                names=listing(names),
            ),
            title=_("CUDA libraries leak in from {path}", path=leak.path),
            cure=_("Run `unset LD_LIBRARY_PATH` in the shell that starts training: torch brings its own libraries."),
            evidence="LD_LIBRARY_PATH",
            subject=leak.path,
            repairable=False,
        )


def _environment_is_whole(context: Context) -> Iterator[Verdict]:
    seen = given(context.sheet.environment)
    words = list(seen.problems)
    if not seen.interpreter_ok and not words:
        words.append(
            _("{interpreter} cannot be started: it, or the Python behind it, is gone", interpreter=seen.interpreter)
        )
    if words:
        yield fail(
            "; ".join(words),
            title=_("the environment is broken"),
            evidence=seen.prefix,
            cure=_(
                "Move it away (mv {prefix} {prefix}.broken) and make it anew: {command}",
                prefix=seen.prefix,
                command=_make(context),
            ),
        )


_rule = partial(Rule, needs=("environment",), after=("PY002", "PY004"), repairable=True)
RULES = (
    _rule("PY001", N_("The environment's Python is in the profile's range"), _python_in_range),
    _rule("PY002", N_("There is a training environment"), _environment_exists, after=(), sees_absent=True),
    _rule("PY003", N_("No packages leak in from outside the environment"), _nothing_leaks_in),
    _rule("PY004", N_("The environment itself is whole"), _environment_is_whole, after=("PY002",)),
)
