"""PY: the training environment's Python, and whether the environment is one."""

from __future__ import annotations

from collections.abc import Iterator

from ..facts.fact import Absent
from ..facts.sheet import Leak
from ..versions import numbers, satisfies
from .cures import pins
from .finding import Finding
from .rule import Context, Rule, fail, warn
from .seen import environment

# Only the base's packages can be shut out by remaking the environment; variables belong to the user's shell.
_REPAIRABLE_LEAKS = ("system-site", "conda-base")
_LEAK_CURES = {
    "user-site": "Set PYTHONNOUSERSITE=1 in the shell that starts training.",
    "pythonpath": "Run `unset PYTHONPATH` (and take it out of ~/.bashrc), then start training.",
    "system-site": "Set `include-system-site-packages = false` in the environment's pyvenv.cfg.",
    "conda-base": "Set `include-system-site-packages = false` in the environment's pyvenv.cfg.",
    "pth": "Delete the line that names this folder from the .pth file in the environment's site-packages.",
}


def _make(context: Context) -> str:
    folder = context.settings.env or context.settings.state / "env"
    return f"uv venv --python {context.profile.python_preferred} {folder}"


def _python_in_range(context: Context) -> Iterator[Finding]:
    seen, profile = environment(context), context.profile
    if seen.python is None:
        yield Finding("PY001", "unknown", "the environment's Python version", "nothing in it tells", seen.prefix)
        return
    if satisfies(seen.python, profile.python):
        return
    removed = (
        " (Python 3.12 removed pkgutil.ImpImporter, which the guide's setuptools pin needs: "
        "AttributeError: module 'pkgutil' has no attribute 'ImpImporter')"
        if numbers(seen.python) >= (3, 12) and "checkout" in profile.trainers
        else ""
    )
    yield fail(
        "PY001",
        f"Python {seen.python} is outside {profile.python}",
        f"the environment has Python {seen.python}; profile {profile.name} has packages for {profile.python}{removed}",
        evidence=seen.interpreter,
        cure=f"Make the environment anew: {_make(context)}",
        repairable=True,
    )


def _environment_exists(context: Context) -> Iterator[Finding]:
    fact = context.sheet.environment
    if isinstance(fact, Absent):
        count = len(pins(context.profile))
        reason = fact.reason.removeprefix("no training environment yet: ")  # the title says that already
        yield fail(
            "PY002",
            "no training environment yet",
            f"{reason}; profile {context.profile.name} puts {count} packages into one",
            evidence=fact.source,
            cure=f"{_make(context)}, then install the profile's packages into it.",
            repairable=True,
        )


def _nothing_leaks_in(context: Context) -> Iterator[Finding]:
    seen = environment(context)
    for leak in seen.leaks:
        yield _leak(leak, seen.prefix)
    if seen.system_site and not any(leak.kind in _REPAIRABLE_LEAKS for leak in seen.leaks):
        yield warn(
            "PY003",
            "the base Python's packages are switched on",
            "pyvenv.cfg says include-system-site-packages = true; what the base Python holds or gets can be imported",
            evidence=f"{seen.prefix}/pyvenv.cfg",
            cure=_LEAK_CURES["system-site"],
            repairable=True,
        )


def _leak(leak: Leak, prefix: str) -> Finding:
    """Folders that shadow a package of the profile's block; the others are worth a line."""
    repairable = leak.kind in _REPAIRABLE_LEAKS
    cure = _LEAK_CURES.get(leak.kind, "Keep that folder off the Python path.")
    if leak.shadows:
        names = ", ".join(leak.shadows[:6]) + (f" and {len(leak.shadows) - 6} more" if len(leak.shadows) > 6 else "")
        title = f"packages leak in from {leak.path}"
        detail = (
            f"the environment's Python would also find {names} there ({leak.kind}), in other versions than {prefix}'s"
        )
        return fail("PY003", title, detail, evidence=leak.path, cure=cure, repairable=repairable, subject=leak.path)
    detail = f"{leak.kind}: none of the packages there is one that training needs"
    if repairable:
        title = "the base Python's packages are switched on"
        return warn("PY003", title, detail, evidence=leak.path, cure=cure, repairable=True, subject=leak.path)
    return Finding("PY003", "info", f"{leak.path} is on the Python path", detail, leak.path, cure, subject=leak.path)


def _environment_is_whole(context: Context) -> Iterator[Finding]:
    seen = environment(context)
    words = list(seen.problems)
    if not seen.interpreter_ok and not words:
        words.append(f"{seen.interpreter} cannot be started: it, or the Python behind it, is gone")
    if words:
        yield fail(
            "PY004",
            "the environment is broken",
            "; ".join(words),
            evidence=seen.prefix,
            cure=f"Move it away (mv {seen.prefix} {seen.prefix}.broken) and make it anew: {_make(context)}",
            repairable=True,
        )


RULES = (
    Rule(
        "PY001",
        "The environment's Python is in the profile's range",
        _python_in_range,
        needs=("environment",),
        after=("PY002", "PY004"),
        repairable=True,
    ),
    Rule(
        "PY002",
        "There is a training environment",
        _environment_exists,
        needs=("environment",),
        sees_absent=True,
        repairable=True,
    ),
    Rule(
        "PY003",
        "No packages leak in from outside the environment",
        _nothing_leaks_in,
        needs=("environment",),
        after=("PY002", "PY004"),
        repairable=True,
    ),
    Rule(
        "PY004",
        "The environment itself is whole",
        _environment_is_whole,
        needs=("environment",),
        after=("PY002",),
        repairable=True,
    ),
)
