"""Plans the training environment: which Python, from where, what exactly, and in whose place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ...errors import RepairError
from ...facts.fact import Known, value
from ...facts.sheet import Installers
from ...installers.interpreter import choose_python, wheels_for
from ...installers.user_configuration import UserConfiguration, user_configuration
from ...installers.uv import ResolutionError, Source, resolve
from ...knowledge.groups import group
from ...knowledge.profile import Index, Profile
from ...language import _
from ...rules.choose_profile import suitable
from ...rules.finding import Finding
from ...rules.rule import Context
from ..action import Action, Planned
from ..actions.environment import MakeEnvironment, environment_state
from .groups import followers, installed_groups, with_groups

RULES = ("PY001", "PY002", "PY003", "PY004", "GPU004", *(f"PKG{number:03d}" for number in range(1, 13)))

CUDA_LIBRARIES = (
    2_600_000_000  # bytes that torch's CUDA build and its nvidia-* libraries add to a CPU profile's download
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the environment goes. `note` says why not where the user might expect it."""

    target: Path
    note: str = ""


def plan(context: Context, findings: Sequence[Finding], wanted: Sequence[str] = ()) -> Planned:
    """One action that cures all the environment's findings at once, proved installable by metadata alone.

    `wanted` are optional groups to install too; those that are in the environment stay. Raises RepairError,
    with the clash in words, when it cannot be installed from the sources at hand.
    """
    profile, settings = context.profile, context.settings
    installers = installers_of(context)
    given = user_configuration(installers)
    place = choose_place(context)
    there = installed_groups(context, place.target)
    if not findings and there.issuperset(wanted):
        return Planned((), tuple(_("{name} is installed already", name=name) for name in wanted))
    groups = [group(name, profile) for name in sorted(there.union(wanted))]
    python = choose_python(installers.pythons, profile, given.find_links)
    if python is None and settings.offline:
        raise RepairError(
            _(
                "profile {profile} needs Python {python}, none is here, and --offline is on",
                profile=profile.name,
                python=profile.python,
            )
        )
    version = python.version if python else profile.python_preferred
    notes = [*given.notes, *filter(None, [place.note])]
    pins = with_groups(_locked_pins(profile, version), groups)
    pages = _pages(context, notes, followers(profile, groups)) + given.local_pages(pins)
    try:
        packages, pages = _resolved(
            profile, pins, python.path if python else version, pages, given, settings.offline, notes
        )
    except ResolutionError as error:
        raise RepairError(f"{error}{_way_out(context)}") from error
    cuda = _expected_build(profile, packages)
    notes += _lost_packages(context, place.target, packages)
    extra = CUDA_LIBRARIES if not profile.cuda and any(p.startswith("nvidia-") for p in packages) else 0
    action = MakeEnvironment(
        target=place.target,
        python=python.path if python else "",
        python_version=version,
        profile=profile.name,
        packages=packages,
        hashes=hashed(profile, version, packages, given),
        pages=pages,
        no_index=given.no_index,
        before=environment_state(place.target),
        cuda=cuda,
        download=profile.download_bytes + extra + sum(one.download for one in groups),
        disk=profile.disk_bytes + 2 * extra + sum(one.disk for one in groups),
        rules=tuple(dict.fromkeys(finding.rule for finding in findings)),
        why="; ".join(dict.fromkeys([*(finding.title for finding in findings), *(one.what for one in groups)]))[:400],
        groups=tuple(one.name for one in groups),
    )
    return Planned((action,), tuple(notes))


def installers_of(context: Context) -> Installers:
    """The installers' facts; empty ones where they could not be looked at."""
    return value(context.sheet.installers) or Installers()


def choose_place(context: Context) -> Place:
    """The user's own venv is replaced where it stands (the old one is kept); other kinds are left as they are.

    conda's and the system's environments belong to their own managers: a half of them made by another tool could
    neither be updated nor undone. They stay as they are, and the project gets an environment of its own.
    """
    own = context.settings.state / "env"
    wanted = context.settings.env
    if wanted is None or wanted == own:
        return Place(own)
    fact = context.sheet.environment
    kind = fact.value.kind if isinstance(fact, Known) else ""
    if (wanted / "pyvenv.cfg").is_file() or not wanted.exists() or (wanted.is_dir() and not any(wanted.iterdir())):
        return Place(wanted)
    if kind == "venv" and not (wanted / "conda-meta").exists():
        return Place(wanted)
    what = (
        _("a conda environment")
        if (wanted / "conda-meta").exists()
        else _("not a venv ({kind})", kind=kind or _("a folder of other things"))
    )
    return Place(
        own,
        _(
            "{wanted} is {what} and stays as it is; the new environment is {own}. Use it by leaving --env out "
            "(and `env` in dualano.toml, and DUALANO_ENV)",
            wanted=wanted,
            what=what,
            own=own,
        ),
    )


def environment_after(context: Context, actions: Sequence[Action]) -> Path:
    """The prefix of the training environment once these actions are done."""
    for action in actions:
        if isinstance(action, MakeEnvironment):
            return action.target
    fact = context.sheet.environment
    return Path(fact.value.prefix) if isinstance(fact, Known) else choose_place(context).target


def _pages(context: Context, notes: list[str], more: Sequence[Index] = ()) -> tuple[str, ...]:
    """The find-links pages of the profile's own indexes; an optional one that does not answer is left out."""
    network = context.sheet.network
    silent = {answer.url for answer in network.value.indexes if not answer.ok} if isinstance(network, Known) else set()
    pages: list[str] = []
    for index in (*context.profile.indexes, *more):
        if not index.url:
            continue
        if not index.required and (context.settings.offline or index.url in silent):
            who = ", ".join(index.packages)
            notes.append(
                _(
                    "{url} does not answer and is left out; {who} comes from your own index instead",
                    url=index.url,
                    who=who,
                )
            )
            continue
        pages += pages_of(index)
    return tuple(pages)


def _locked_pins(profile: Profile, version: str) -> dict[str, str]:
    try:
        return profile.locked(version)
    except KeyError as error:
        raise RepairError(str(error.args[0])) from error


def pages_of(index: Index) -> tuple[str, ...]:
    """The find-links pages of one index. A project's page on an index is one too, and can serve nothing else."""
    base = index.url.rstrip("/")
    return (index.url,) if index.kind == "find-links" else tuple(f"{base}/{name}/" for name in index.packages)


def _resolved(
    profile: Profile,
    pins: dict[str, str],
    python: str,
    pages: tuple[str, ...],
    given: UserConfiguration,
    offline: bool,
    notes: list[str],
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The exact pins, and the pages they come from. First with all pages and the user's constraints, then with less."""
    optional = {page for index in profile.indexes if not index.required for page in pages_of(index)}
    optional |= {page.replace("/torch/", "/torchvision/") for page in optional}
    needed = tuple(page for page in pages if page not in optional)
    failure: ResolutionError | None = None
    for asked in dict.fromkeys((pages, needed)):
        for constraints in dict.fromkeys((given.constraints, ())):
            try:
                source = Source(asked, given.variables, given.no_index, offline)
                packages = resolve(pins, profile.name, python, source, constraints)
            except ResolutionError as error:
                failure = error
                continue
            if asked != pages:
                notes.append(_("PyTorch's optional pages could not be used; your own index serves those packages"))
            if constraints != given.constraints:
                names = ", ".join(str(file) for file in given.constraints)
                notes.append(
                    _(
                        "your constraints ({names}) contradict profile {profile}; not followed for it",
                        names=names,
                        profile=profile.name,
                    )
                )
            return packages, asked
    raise failure or RepairError(_("profile {profile} could not be resolved", profile=profile.name))


def _way_out(context: Context) -> str:
    """A last line naming a profile that needs no index but the user's own, where the failed one does need another."""
    if not any(index.url and index.required for index in context.profile.indexes):
        return ""
    for profile in suitable(context.sheet, context.settings):
        if profile.name != context.profile.name and not any(index.url and index.required for index in profile.indexes):
            return "\n" + _(
                "Profile {name} suits this machine too and comes from your own index alone (it runs the {trainers} "
                "trainer): `dualano-doctor fix --profile {name}`",
                name=profile.name,
                trainers=", ".join(profile.trainers),
            )
    return ""


def hashed(profile: Profile, version: str, packages: Sequence[str], given: UserConfiguration) -> tuple[str, ...]:
    """The lock's lines for the pins whose files must be those the lock knows: all that come over a network.

    Files from this machine (an index on it, a folder of wheels) are the user's own and may be built by hand. Builds of
    PyTorch's own index have no hash in the locks.
    """
    asked = [given.variables.get("UV_DEFAULT_INDEX", ""), *given.variables.get("UV_INDEX", "").split()]
    if given.no_index or any(_on_this_machine(url) for url in asked if url):
        return ()
    known = profile.hashes(version)
    lines = []
    for pin in packages:
        name, __, exact = pin.partition("==")
        own = wheels_for(given.find_links, name, exact) or given.local_pages((name,))
        if pin in known and not own:
            lines.append(known[pin])
    return tuple(lines)


def _on_this_machine(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("", "file") or parts.hostname in ("localhost", "127.0.0.1", "::1")


def _expected_build(profile: Profile, packages: Sequence[str]) -> str:
    """The CUDA build torch must have: the profile's, or "cpu" where a CPU wheel was found, else whatever comes."""
    if profile.cuda:
        return profile.cuda
    return "cpu" if any(p.startswith("torch==") and p.endswith("+cpu") for p in packages) else ""


def _lost_packages(context: Context, target: Path, packages: Sequence[str]) -> list[str]:
    """A note naming what an environment to be replaced holds that the new one will not."""
    fact = context.sheet.environment
    if not isinstance(fact, Known) or Path(fact.value.prefix) != target:
        return []
    new = {canonicalize_name(Requirement(line).name) for line in packages} | {"pip", "setuptools", "wheel"}
    lost = sorted({distribution.name for distribution in fact.value.distributions} - new)
    if not lost:
        return []
    shown = ", ".join(lost[:12]) + (_(" and {lost_count} more", lost_count=len(lost) - 12) if len(lost) > 12 else "")
    return [
        _(
            "{target} also holds {shown}, which the profile does not; they stay only in the old environment that "
            "is kept",
            target=target,
            shown=shown,
        )
    ]
