"""PKG003, PKG004, PKG005, PKG007, PKG012: whether the compiled packages were built for each other."""

from __future__ import annotations

from collections.abc import Iterator

from ...facts.sheet import BinaryBuild, Environment, XformersBuild
from ...knowledge.profile import Profile
from ...knowledge.tables import rows, torch_release, xformers_release
from ...language import _
from ...versions import local, minor, numbers, satisfies
from ..cures import install_command, uninstall_command
from ..finding import Verdict, fail, skip, unknown
from ..rule import Context, given
from .dependencies import parse

_TRIO = ("torch", "torchvision", "torchaudio", "xformers")


def torch_build(seen: Environment) -> BinaryBuild | None:
    """torch's build by its own version file, else by the local part of its installed version; None: not there."""
    if seen.torch is not None:
        return seen.torch
    distribution = seen.find("torch")
    if distribution is None:
        return None
    return BinaryBuild(distribution.version, _cuda_of(distribution.version), source=distribution.dist_info)


def _cuda_of(version: str) -> str | None:
    """ "2.2.0+cu118" gives "11.8"; None for a CPU build and where the version does not tell."""
    tag = local(version)
    if not tag.startswith("cu") or not tag[2:].isdigit():
        return None
    return f"{tag[2:-1]}.{tag[-1]}"


def _release(version: str) -> str:
    return version.partition("+")[0]


def _said(build: BinaryBuild) -> str:
    return f"torch {build.version} ({f'CUDA {build.cuda}' if build.cuda else _('no CUDA')})"


def build_mismatch(seen: Environment, profile: Profile) -> str:
    """Why torch's build is not the profile's, or empty. Another release that works is judged by GPU002 and GPU004."""
    build = torch_build(seen)
    if build is None or not profile.needs_gpu or profile.cuda is None:
        return ""
    if build.hip:
        return _("{version} is built for AMD GPUs (ROCm {hip})", version=build.version, hip=build.hip)
    if build.cuda is None and (seen.torch is not None or local(build.version) == "cpu"):
        return _("{version} is a CPU build: it sees no GPU", version=build.version)
    if build.cuda and build.cuda != profile.cuda and _release(build.version) == profile.packages["torch"]:
        return _("{version} is built for CUDA {cuda}", version=build.version, cuda=build.cuda)
    return ""


def torch_is_the_profiles(context: Context) -> Iterator[Verdict]:
    """PKG003."""
    seen, profile = given(context.sheet.environment), context.profile
    build = torch_build(seen)
    if build is None:
        yield skip(_("torch is not installed"), caused_by="PKG001")
        return
    if not profile.needs_gpu:
        return
    if build.cuda is None and seen.torch is None and not local(build.version):
        yield unknown(_("torch/version.py is not there to tell"), title=_("torch's build"), evidence=build.source)
        return
    reason = build_mismatch(seen, profile)
    if reason:
        present = [name for name in _TRIO if seen.find(name)]
        yield fail(
            _(
                "{reason}; profile {profile} has {torch} for CUDA {cuda}. Installers take both for the same "
                "version, so only the exact build replaces it",
                reason=reason,
                profile=profile.name,
                torch=profile.packages["torch"],
                cuda=profile.cuda,
            ),
            title=_("torch {version} is not the profile's CUDA {cuda} build", version=build.version, cuda=profile.cuda),
            evidence=build.source,
            cure=install_command(seen, profile, *present),
            subject="torch",
        )


def xformers_release_mismatch(seen: Environment) -> str:
    """The torch requirement of the installed xformers that the installed torch does not meet, or empty."""
    xformers, torch = seen.find("xformers"), torch_build(seen)
    if xformers is None or torch is None:
        return ""
    wanted = ""
    for line in xformers.requires:
        if line.startswith("torch") and (need := parse(line)).name == "torch" and not need.marker:
            wanted = need.specifier
    row = xformers_release(xformers.version)
    wanted = wanted or (str(row["torch"]) if row else "")
    return wanted if wanted and not satisfies(_release(torch.version), wanted) else ""


def xformers_fits_release(context: Context) -> Iterator[Verdict]:
    """PKG004."""
    seen = given(context.sheet.environment)
    wanted, xformers, torch = xformers_release_mismatch(seen), seen.find("xformers"), torch_build(seen)
    if xformers is None or torch is None:
        yield skip(_("xformers or torch is not installed"), title=_("xformers fits torch's release"))
    elif wanted:
        yield fail(
            _(
                "xformers {version} requires torch{wanted}, but you have torch {found}",
                version=xformers.version,
                wanted=wanted,
                found=_release(torch.version),
            ),
            title=_("xformers {version} was released for another torch", version=xformers.version),
            evidence=xformers.dist_info,
            cure=_xformers_cure(context),
            subject="xformers",
        )


def _xformers_cure(context: Context) -> str:
    seen, profile = given(context.sheet.environment), context.profile
    if "xformers" in profile.optional:
        return install_command(seen, profile, "xformers")
    return _(
        "{command}   (nothing needs it: torch's own attention does the work)",
        command=uninstall_command(seen, "xformers"),
    )


def xformers_mismatch(seen: Environment) -> str:
    """Why the kernels of the installed xformers do not load beside the installed torch, or empty.

    A stable-ABI build binds neither torch's version nor Python's, but still needs its CUDA major's libcudart.
    """
    record, torch = seen.xformers, torch_build(seen)
    if record is None or torch is None:
        return ""
    have, need = torch.cuda, _cuda_major(record)
    if have is None:
        return (
            _("it needs CUDA {need}, and {torch} brings none", need=need, torch=_said(torch))
            if need and seen.torch is not None
            else ""
        )
    if need is not None and need != numbers(have)[0]:
        library = record.cudart or f"CUDA {need}"
        return _(
            "it needs {library} (CUDA {cuda}), and {torch} brings CUDA {have}",
            library=library,
            cuda=record.cuda or need,
            torch=_said(torch),
            have=have,
        )
    if record.stable_abi:
        return ""
    if record.torch and _release(record.torch) != _release(torch.version):
        return _("it was built for torch {built}, and this is {torch}", built=record.torch, torch=_said(torch))
    if record.python and seen.python and minor(record.python) != minor(seen.python):
        return _("it was built for Python {built}, and this is {python}", built=record.python, python=seen.python)
    return ""


def _cuda_major(record: XformersBuild) -> int | None:
    for text in ((record.cudart or "").partition(".so.")[2], record.cuda or ""):
        if text[:1].isdigit():
            return numbers(text)[0]
    return None


def xformers_fits_build(context: Context) -> Iterator[Verdict]:
    """PKG005. Where torch itself has to be replaced, or xformers was released for another, that is the cause."""
    seen, profile = given(context.sheet.environment), context.profile
    if seen.find("xformers") is None or torch_build(seen) is None:
        yield skip(_("xformers or torch is not installed"), title=_("xformers' binary fits torch"))
        return
    reason = xformers_mismatch(seen)
    if not reason or seen.xformers is None:
        return
    released = "PKG004" if xformers_release_mismatch(seen) else None
    yield Verdict(
        "fail" if profile.needs_gpu else "warn",
        _("{reason}: WARNING[XFORMERS]: xFormers can't load C++/CUDA extensions", reason=reason),
        title=_("xformers {version} was built for another torch, CUDA or Python", version=seen.xformers.version),
        evidence=seen.xformers.source,
        cure=_xformers_cure(context),
        caused_by="PKG003" if build_mismatch(seen, profile) else released,
        subject="xformers",
    )


def numpy_victims(seen: Environment) -> tuple[tuple[str, str, str], ...]:
    """(package, version, first version that works) of what was built for NumPy 1, when NumPy 2 is installed."""
    numpy = seen.find("numpy")
    if numpy is None or not satisfies(numpy.version, ">=2"):
        return ()
    found = []
    for row in rows("numpy2"):
        distribution = seen.find(row["package"])
        if distribution is not None and satisfies(distribution.version, f"<{row['first']}"):
            found.append((distribution.name, distribution.version, str(row["first"])))
    return tuple(found)


def numpy_fits(context: Context) -> Iterator[Verdict]:
    """PKG007."""
    seen, victims = given(context.sheet.environment), numpy_victims(given(context.sheet.environment))
    numpy = seen.find("numpy")
    if not victims or numpy is None:
        return
    needed = any(name in context.profile.packages for name, __, __ in victims)
    listed = ", ".join(
        _("{name} {version} (from {first} on)", name=name, version=version, first=first)
        for name, version, first in victims
    )
    yield Verdict(
        "fail" if needed else "warn",
        _(
            "built for NumPy 1: {listed}. The import only warns (_ARRAY_API not found), the first use fails: "
            "RuntimeError: Numpy is not available",
            listed=listed,
        ),
        title=_("NumPy {version} under packages built for NumPy 1", version=numpy.version),
        evidence=numpy.dist_info,
        cure=install_command(seen, context.profile, "numpy"),
        subject="numpy",
    )


def sibling_mismatch(seen: Environment, name: str) -> str:
    """Why torchvision or torchaudio does not belong to the installed torch, or empty."""
    sibling, torch = seen.find(name), torch_build(seen)
    if sibling is None or torch is None:
        return ""
    build = seen.torchvision if name == "torchvision" else seen.torchaudio
    version = build.version if build else sibling.version
    row = torch_release(torch.version)
    released = tuple(row[name]) if row else ()
    if released and _release(version) not in released:
        return _(
            "torch {version} goes with {name} {released}",
            version=_release(torch.version),
            name=name,
            released=_(" or ").join(released),
        )
    own, theirs = local(version), local(torch.version)
    if own and theirs and own != theirs:
        return _("{name} is the {own} build, torch the {theirs} build", name=name, own=own, theirs=theirs)
    return ""


def siblings_fit(context: Context) -> Iterator[Verdict]:
    """PKG012. Where torch itself has to be replaced by another build, that is the cause."""
    seen, profile = given(context.sheet.environment), context.profile
    if torch_build(seen) is None:
        yield skip(
            _("torch is not installed"), title=_("torchvision and torchaudio belong to torch"), caused_by="PKG001"
        )
        return
    for name in ("torchvision", "torchaudio"):
        reason, sibling = sibling_mismatch(seen, name), seen.find(name)
        if not reason or sibling is None:
            continue
        build = seen.torchvision if name == "torchvision" else seen.torchaudio
        known = name in profile.packages or name in profile.optional
        yield fail(
            _(
                "{reason}; importing it ends in `operator torchvision::nms does not exist` or a missing symbol",
                reason=reason,
            )
            if name == "torchvision"
            else _("{reason}; its library does not load beside this torch", reason=reason),
            title=_(
                "{name} {version} belongs to another torch",
                name=name,
                version=build.version if build else sibling.version,
            ),
            evidence=(build.source if build else "") or sibling.dist_info,
            cure=install_command(seen, profile, "torch", name) if known else uninstall_command(seen, name),
            caused_by="PKG003" if build_mismatch(seen, profile) else None,
            subject=name,
        )
