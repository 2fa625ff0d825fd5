"""PKG001, PKG002, PKG010: what is there, in which version, and whole."""

from __future__ import annotations

from collections.abc import Iterator

from ...facts.fact import value
from ...facts.sheet import Environment
from ...knowledge.architectures import has_kernels
from ...knowledge.profile import Profile
from ...knowledge.tables import rows, torch_architectures
from ...language import N_, _
from ...versions import satisfies
from ..cures import install_command, pins
from ..finding import Verdict, fail
from ..rule import Context, given
from .binary import (
    build_mismatch,
    numpy_victims,
    sibling_mismatch,
    torch_build,
    xformers_mismatch,
    xformers_release_mismatch,
)
from .hub_names import removed_names


def missing(seen: Environment, profile: Profile) -> tuple[str, ...]:
    """The profile's packages that no installed distribution provides, in the profile's order."""
    installed = {distribution.name for distribution in seen.distributions}
    return tuple(name for name in profile.packages if not installed & set(alternatives(name)))


def alternatives(name: str) -> tuple[str, ...]:
    """The distributions that bring the same import package, the named one first."""
    for row in rows("same_module"):
        if name in row["distributions"]:
            return (name, *(other for other in row["distributions"] if other != name))
    return (name,)


def package_missing(context: Context) -> Iterator[Verdict]:
    """PKG001."""
    seen, profile = given(context.sheet.environment), context.profile
    damaged = {package.name for package in seen.damaged}
    for name in missing(seen, profile):
        yield fail(
            _(
                "profile {profile} has {name} {version}; the environment has none",
                profile=profile.name,
                name=name,
                version=profile.packages[name],
            ),
            title=_("{name} is missing", name=name),
            evidence=seen.prefix,
            cure=install_command(seen, profile, name),
            caused_by="PKG010" if name in damaged else None,
            subject=name,
        )


def outside_profile(seen: Environment, profile: Profile) -> dict[str, tuple[str, str]]:
    """name -> (version there, what works): versions that are neither the pin nor in the range known to work."""
    found: dict[str, tuple[str, str]] = {}
    exact = pins(profile, seen.python)
    for name, pin in {**profile.packages, **profile.optional}.items():
        distribution = seen.find(name)
        if distribution is None:
            continue
        public = distribution.version.partition("+")[0]
        wanted = profile.bounds.get(name, f"=={pin}")
        if public in (pin, exact.get(name, pin).partition("+")[0]):
            continue
        try:
            if satisfies(public, wanted):
                continue
        except ValueError:
            wanted = _("{wanted}; {public!r} is no version", wanted=wanted, public=public)
        found[name] = (distribution.version, wanted)
    return found


def package_outside_profile(context: Context) -> Iterator[Verdict]:
    """PKG002. A version that another rule explains better is folded under that rule."""
    seen, profile = given(context.sheet.environment), context.profile
    for name, (have, wanted) in outside_profile(seen, profile).items():
        yield Verdict(
            "warn" if name in profile.optional else "fail",
            _(
                "installed is {name} {have}; profile {profile} has {version} and works with {wanted}",
                name=name,
                have=have,
                profile=profile.name,
                version={**profile.packages, **profile.optional}[name],
                wanted=wanted,
            ),
            title=_("{name} {have} is outside the profile", name=name, have=have),
            evidence=_location(seen, name),
            cure=install_command(seen, profile, name),
            caused_by=explained_by(context, name),
            subject=name,
        )


def explained_by(context: Context, name: str) -> str | None:
    """The rule that says more exactly what is wrong with that package's version, or None."""
    seen = given(context.sheet.environment)
    if name == "xformers":
        if xformers_release_mismatch(seen):
            return "PKG004"
        return "PKG005" if xformers_mismatch(seen) else None
    if name == "huggingface-hub":
        return "PKG006" if removed_names(context) else None
    if name == "numpy":
        return "PKG007" if numpy_victims(seen) else None
    if name in ("torchvision", "torchaudio"):
        if sibling_mismatch(seen, name):
            return "PKG012"
        own = "torch" in outside_profile(seen, context.profile)
        return (explained_by(context, "torch") or "PKG002") if own else None  # it goes with that torch
    if name == "torch":
        if build_mismatch(seen, context.profile):
            return "PKG003"
        return "GPU004" if _lacks_kernels(context) else None
    return None


def _lacks_kernels(context: Context) -> bool:
    """Whether the installed torch has no code for a GPU that is here: GPU004 says more of it than its number."""
    gpus, build = value(context.sheet.gpus), torch_build(given(context.sheet.environment))
    listed = torch_architectures(build.version, build.cuda) if build and build.cuda else ()
    capabilities = [gpu.compute_capability for gpu in gpus.devices if gpu.compute_capability] if gpus else []
    return bool(listed and not all(has_kernels(listed, capability) for capability in capabilities))


def package_damaged(context: Context) -> Iterator[Verdict]:
    """PKG010. Damage outside the profile's packages lets training start."""
    seen, profile = given(context.sheet.environment), context.profile
    needed = pins(profile, seen.python)
    for package in seen.damaged:
        what = [package.note] if package.note else []
        what += [_(text, number=len(files), file=files[0]) for text, files in _losses(package.missing, package.altered)]
        yield Verdict(
            "fail" if package.name in needed else "warn",
            _("against its RECORD: {damage}", damage="; ".join(what)),
            title=_("{package} {version} is damaged", package=package.name, version=package.version),
            evidence=_location(seen, package.name) or seen.prefix,
            cure=install_command(seen, profile, package.name) + f" --reinstall-package {package.name}",
            repairable=package.name in needed,
            caused_by="PKG008" if _shared(seen, package.name) else None,
            subject=package.name,
        )


def _shared(seen: Environment, name: str) -> bool:
    """Whether another installed distribution owns the same folder, and so overwrote it."""
    return sum(seen.find(other) is not None for other in alternatives(name)) > 1


def _losses(gone: tuple[str, ...], altered: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(what to say, the files) for those that are gone and those that are not as they were."""
    if gone:
        yield N_("{number} files missing, such as {file}"), gone
    if altered:
        yield N_("{number} files altered, such as {file}"), altered


def _location(seen: Environment, name: str) -> str:
    distribution = seen.find(name)
    return distribution.dist_info if distribution else ""
