"""PY: the training environment's Python, and whether the environment is one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..facts.environment.probe import NO_ENVIRONMENT
from ..facts.fact import Absent
from ..facts.sheet import Leak
from ..language import N_, _
from ..versions import numbers, satisfies
from .cures import pins
from .finding import Finding
from .pkg.binary import torch_build
from .rule import Context, Rule, fail, warn
from .seen import environment
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


def _python_in_range(context: Context) -> Iterator[Finding]:
    seen, profile = environment(context), context.profile
    if seen.python is None:
        yield Finding("PY001", "unknown", _("the environment's Python version"), _("nothing in it tells"), seen.prefix)
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
        "PY001",
        _("Python {python} is outside {wanted}", python=seen.python, wanted=profile.python),
        detail,
        evidence=seen.interpreter,
        cure=_("Make the environment anew: {command}", command=_make(context)),
        repairable=True,
    )


def _environment_exists(context: Context) -> Iterator[Finding]:
    fact = context.sheet.environment
    if isinstance(fact, Absent):
        count = len(pins(context.profile))
        reason = fact.reason.removeprefix(_(NO_ENVIRONMENT).partition("{")[0])  # the title says that already
        yield fail(
            "PY002",
            _("no training environment yet"),
            _(
                "{reason}; profile {profile} puts {count} packages into one",
                reason=reason,
                profile=context.profile.name,
                count=count,
            ),
            evidence=fact.source,
            cure=_("{command}, then install the profile's packages into it.", command=_make(context)),
            repairable=True,
        )


def _nothing_leaks_in(context: Context) -> Iterator[Finding]:
    seen = environment(context)
    needed = pins(context.profile, seen.python) if seen.leaks else {}
    for leak in seen.leaks:
        if leak.kind == "library-path":
            yield from _library_leak(leak, context)
            continue
        yield _leak(leak, seen.prefix, [name for name in leak.shadows if name in needed])
    if seen.system_site and not any(leak.kind in _REPAIRABLE_LEAKS for leak in seen.leaks):
        yield warn(
            "PY003",
            _("the base Python's packages are switched on"),
            _(
                "pyvenv.cfg says include-system-site-packages = true; what the base Python holds or gets can be "
                "imported"
            ),
            evidence=f"{seen.prefix}/pyvenv.cfg",
            cure=_(_LEAK_CURES["system-site"]),
            repairable=True,
        )


def _leak(leak: Leak, prefix: str, shadowed: Sequence[str]) -> Finding:
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
        return fail("PY003", title, detail, evidence=leak.path, cure=cure, repairable=repairable, subject=leak.path)
    detail = _("{kind}: none of the packages there is one that training needs", kind=leak.kind)
    if repairable:
        title = _("the base Python's packages are switched on")
        return warn("PY003", title, detail, evidence=leak.path, cure=cure, repairable=True, subject=leak.path)
    return Finding(
        "PY003", "info", _("{path} is on the Python path", path=leak.path), detail, leak.path, cure, subject=leak.path
    )


def _library_leak(leak: Leak, context: Context) -> Iterator[Finding]:
    """Libraries of CUDA that the loader finds before torch's own; libnvJitLink is one since CUDA 12."""
    build = torch_build(environment(context))
    names = [name for name in leak.shadows if build and build.cuda and (name != "libnvJitLink" or build.cuda >= "12")]
    if names and context.profile.needs_gpu:
        yield warn(
            "PY003",
            _("CUDA libraries leak in from {path}", path=leak.path),
            _(
                "LD_LIBRARY_PATH names {path}: its {names} are loaded before torch's own, and another release of them "
                "ends in `undefined symbol`",
                path=leak.path,
                names=listing(names),
            ),
            cure=_("Run `unset LD_LIBRARY_PATH` in the shell that starts training: torch brings its own libraries."),
            evidence="LD_LIBRARY_PATH",
            subject=leak.path,
        )


def _environment_is_whole(context: Context) -> Iterator[Finding]:
    seen = environment(context)
    words = list(seen.problems)
    if not seen.interpreter_ok and not words:
        words.append(
            _("{interpreter} cannot be started: it, or the Python behind it, is gone", interpreter=seen.interpreter)
        )
    if words:
        yield fail(
            "PY004",
            _("the environment is broken"),
            "; ".join(words),
            evidence=seen.prefix,
            cure=_(
                "Move it away (mv {prefix} {prefix}.broken) and make it anew: {command}",
                prefix=seen.prefix,
                command=_make(context),
            ),
            repairable=True,
        )


RULES = (
    Rule(
        "PY001",
        N_("The environment's Python is in the profile's range"),
        _python_in_range,
        needs=("environment",),
        after=("PY002", "PY004"),
        repairable=True,
    ),
    Rule(
        "PY002",
        N_("There is a training environment"),
        _environment_exists,
        needs=("environment",),
        sees_absent=True,
        repairable=True,
    ),
    Rule(
        "PY003",
        N_("No packages leak in from outside the environment"),
        _nothing_leaks_in,
        needs=("environment",),
        after=("PY002", "PY004"),
        repairable=True,
    ),
    Rule(
        "PY004",
        N_("The environment itself is whole"),
        _environment_is_whole,
        needs=("environment",),
        after=("PY002",),
        repairable=True,
    ),
)
