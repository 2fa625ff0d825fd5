"""Which stack suits this machine: by GPU architecture, driver, the Pythons at hand and the trainer that is wanted."""

from __future__ import annotations

from ..facts.fact import Fact, Unknown, value
from ..facts.sheet import Environment, FactSheet, Gpu, Gpus, Installers
from ..knowledge.architectures import has_kernels
from ..knowledge.catalogue import load
from ..knowledge.profile import Profile
from ..language import _
from ..light_dataclasses import dataclass
from ..settings.options import Settings
from ..versions import numbers, satisfies

# The guide's stack first, because it was tried on the guide's GPU; then the current ones, newest CUDA first.
GPU_ORDER = ("guide-cu118", "modern", "modern-cu128")


CPU_ORDER = ("cpu", "cpu-checkout")


@dataclass(frozen=True, slots=True)
class Choice:
    """The profile, why it was taken, and why each other one was not."""

    profile: Profile
    why: str
    rejected: tuple[tuple[str, str], ...]


def choose_profile(sheet: FactSheet, settings: Settings, *, trainer: str = "bundled") -> Choice:
    """The first profile of the order that this machine can run, an environment that already holds one going first.

    `trainer` is "bundled" or "checkout" (the authors' own, which only some stacks can run). Where no GPU profile fits
    the GPU, one is solved from the tables; where that fails too, the guide's is taken all the same, so that the rules
    can say what is in its way.
    """
    gpus = value(sheet.gpus)
    wants_gpu = isinstance(sheet.gpus, Unknown) or (gpus is not None and _sign_of_gpu(gpus))
    order = _installed_first([load(name) for name in (*GPU_ORDER, *CPU_ORDER)], value(sheet.environment))
    obstacles = {profile.name: _obstacle(profile, sheet, settings, trainer, wants_gpu) for profile in order}
    fallback = "guide-cu118" if wants_gpu else "cpu"
    chosen = next((p for p in order if not obstacles[p.name]), None)
    obstacle = ""
    if chosen is None:
        solved, refusal = _solved(sheet, settings, trainer)
        chosen = solved or next(p for p in order if p.name == fallback)
        obstacle = "; ".join(filter(None, [obstacles.get(chosen.name, ""), refusal]))
    why = _why(chosen, gpus, sheet.gpus, obstacle)
    rejected = tuple(
        (p.name, obstacles[p.name] or _("would do too; {chosen} goes first", chosen=chosen.name)) for p in order
    )
    return Choice(chosen, why, tuple(row for row in rejected if row[0] != chosen.name))


def suitable(sheet: FactSheet, settings: Settings) -> tuple[Profile, ...]:
    """Every shipped profile that this machine can run with the bundled trainer, in the order of choice."""
    gpus = value(sheet.gpus)
    wants_gpu = isinstance(sheet.gpus, Unknown) or (gpus is not None and _sign_of_gpu(gpus))
    every = (load(name) for name in (*GPU_ORDER, *CPU_ORDER))
    return tuple(profile for profile in every if not _obstacle(profile, sheet, settings, "bundled", wants_gpu))


def _solved(sheet: FactSheet, settings: Settings, trainer: str) -> tuple[Profile | None, str]:
    """A stack solved from the tables where no shipped one fits, or why there is none ("" when nothing was asked)."""
    gpus, machine = value(sheet.gpus), value(sheet.machine)
    capabilities = {gpu.compute_capability for gpu in gpus.devices} if gpus else set()
    if gpus is None or not gpus.driver or not capabilities or (machine and machine.architecture != "x86_64"):
        return None, ""
    from ..knowledge.solve import Refusal  # only here: a check of a machine that a shipped profile fits loads no tables
    from ..knowledge.solved import solved_profile

    installers = value(sheet.installers)
    stuck = installers is not None and (settings.offline or installers.uv_path is None)
    at_hand = _pythons(installers, value(sheet.environment)) if installers and stuck else []
    names = tuple(f"sm_{major}{minor}" for major, minor in sorted(filter(None, capabilities)))
    if None in capabilities:
        return None, ""
    answer = solved_profile(names, gpus.driver, tuple(at_hand), trainer=trainer)
    return (None, answer.reason) if isinstance(answer, Refusal) else (answer, "")


def _sign_of_gpu(gpus: Gpus) -> bool:
    """A driver, a device, or a card on the bus whose driver is missing (then the probe's note says so)."""
    return bool(gpus.driver or gpus.devices or gpus.note)


def _obstacle(profile: Profile, sheet: FactSheet, settings: Settings, trainer: str, wants_gpu: bool) -> str:
    """Why the profile does not suit, or empty."""
    if trainer not in profile.trainers:
        return _("the authors' checkout does not run on it ({profile})", profile=_checkout_bound(profile))
    if profile.needs_gpu and not wants_gpu:
        return _("needs an NVIDIA GPU, and there is none here")
    if not profile.needs_gpu and wants_gpu:
        return _("leaves the GPU unused")
    machine = value(sheet.machine)
    if machine and profile.machines and machine.architecture not in profile.machines:
        return _(
            "its packages are built for {machines}, this is {architecture}",
            machines=", ".join(profile.machines),
            architecture=machine.architecture,
        )
    return _gpu_obstacle(profile, value(sheet.gpus)) or _python_obstacle(profile, sheet, settings)


def _gpu_obstacle(profile: Profile, gpus: Gpus | None) -> str:
    if gpus is None or not profile.needs_gpu:
        return ""
    if gpus.driver and profile.driver_min and numbers(gpus.driver) < numbers(profile.driver_min):
        return _(
            "CUDA {cuda} needs driver {driver_min}, this is {driver}",
            cuda=profile.cuda,
            driver_min=profile.driver_min,
            driver=gpus.driver,
        )
    for gpu in gpus.devices:
        if gpu.compute_capability and not has_kernels(profile.architectures, gpu.compute_capability):
            return _("its torch has no code for {gpu}", gpu=_named(gpu))
    return ""


def _python_obstacle(profile: Profile, sheet: FactSheet, settings: Settings) -> str:
    """A fitting Python must be at hand only when none can be downloaded."""
    installers = value(sheet.installers)
    if installers is None or not (settings.offline or installers.uv_path is None):
        return ""
    at_hand = _pythons(installers, value(sheet.environment))
    if not at_hand or any(satisfies(version, profile.python) for version in at_hand):
        return ""
    return _(
        "needs Python {python}; here are {at_hand}, and none can be downloaded",
        python=profile.python,
        at_hand=", ".join(at_hand),
    )


def _pythons(installers: Installers, environment: Environment | None) -> list[str]:
    own = [environment.python] if environment and environment.python and environment.interpreter_ok else []
    return sorted({*own, *(python.version for python in installers.pythons)}, key=numbers)


def _installed_first(profiles: list[Profile], environment: Environment | None) -> list[Profile]:
    """The profiles whose torch release the environment already has before the others, the order kept otherwise."""
    torch = environment.find("torch") if environment else None
    if torch is None:
        return profiles
    release = torch.version.partition("+")[0]
    return sorted(profiles, key=lambda profile: profile.packages["torch"] != release)


def _why(profile: Profile, gpus: Gpus | None, fact: Fact[Gpus], obstacle: str) -> str:
    if obstacle:
        return _("nothing fits better, although: {obstacle}", obstacle=obstacle)
    if not profile.needs_gpu:
        return _("no NVIDIA GPU was found here")
    if isinstance(fact, Unknown):
        return _("the GPU could not be looked at ({reason}); this stack runs on the most machines", reason=fact.reason)
    named = ", ".join(sorted({_named(gpu) for gpu in gpus.devices})) if gpus else ""
    driver = _("driver {driver}", driver=gpus.driver) if gpus and gpus.driver else _("a driver of unknown version")
    return f"{named or _('an NVIDIA driver without a visible GPU')}, {driver}; {_(profile.summary)}"


def _checkout_bound(profile: Profile) -> str:
    return _(
        "it needs transformers <4.45 and huggingface_hub <0.26; this has {transformers}",
        transformers=profile.packages["transformers"],
    )


def _named(gpu: Gpu) -> str:
    if gpu.compute_capability is None:
        return gpu.name
    return f"{gpu.name} (sm_{gpu.compute_capability[0]}{gpu.compute_capability[1]})"
