"""Runs every probe side by side under one deadline and puts what they saw on one sheet."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..language import _
from ..system.files import moved
from ..system.unwinding import unwinding
from .fact import Absent, Fact, Known, Unknown
from .probing import Patience, run_probes
from .sheet import FactSheet

if TYPE_CHECKING:
    from ..knowledge.profile import Profile
    from ..settings.options import Settings

_PATIENCE = 2.0
"""Seconds by which the deadline moves on as long as a slow disk still answers; at most `_LONGEST` deadlines in all."""
_LONGEST = 8
_GPU_MARGIN = 0.5  # the GPU probe ends its own child that much before the deadline, to say what it was waiting for


def collect(
    settings: Settings,
    *,
    profile_hint: Profile | None = None,
    network: bool = False,
    deadline: float | None = None,
    deep: bool = False,
) -> FactSheet:
    """Look at everything the settings name. Returns within `deadline` seconds and a little, whatever hangs.

    The deadline is the settings' where none is given. While files are still being looked at it moves on, to eight times
    its length: a network disk takes milliseconds a call, and hangs nothing.

    `profile_hint` says which packages to compare with their RECORD, and with `network` which addresses to ask.
    `deep` hashes every installed file, which takes seconds for each GB.
    """
    deadline = float(settings.deadline) if deadline is None else deadline
    end = time.monotonic() + deadline
    longest = end + (_LONGEST - 1) * deadline
    environment = _Later(lambda: _environment(settings, profile_hint, deep))
    installers = _Later(lambda: _installers(settings))
    dataset = _Later(lambda: _dataset(settings))
    probes: dict[str, Callable[[], Fact[Any]]] = {
        "environment": environment,
        "gpus": lambda: _gpus(settings, max(0.1, deadline - _GPU_MARGIN)),
        "machine": lambda: _machine(settings),
        "checkout": lambda: _checkout(settings),
        "requirements": lambda: _requirements(settings),
        "accelerate": lambda: _accelerate(settings, environment.wait(longest)),
        "dataset": dataset,
        "contents": lambda: _contents(settings, dataset.wait(longest), environment.wait(longest)),
        "model": lambda: _model(settings),
        "installers": installers,
    }
    if network:
        probes["network"] = lambda: _network(settings, profile_hint, installers.wait(longest))
    with unwinding():
        try:
            return FactSheet(**run_probes(probes, end, deadline, Patience(moved, _PATIENCE, longest)))
        except BaseException:  # Ctrl-C, SIGTERM, a closed terminal: what the probes started would outlive us
            if started := sys.modules.get("dualano_setup.system.probe_command"):
                started.end_all()
            raise


class _Later:
    """A probe that another probe waits for."""

    def __init__(self, probe: Callable[[], Fact[Any]]) -> None:
        self._probe = probe
        self._done = threading.Event()
        self._fact: Fact[Any] = Unknown(_("no answer yet"))

    def __call__(self) -> Fact[Any]:
        """Run the probe and let the waiting ones go on, also when it fails."""
        try:
            self._fact = self._probe()
        finally:
            self._done.set()
        return self._fact

    def wait(self, end: float) -> Fact[Any]:
        """What the probe found, or Unknown when it did not by `end`."""
        self._done.wait(max(0.0, end - time.monotonic()))
        return self._fact


# Each probe's module is imported in its own thread, so that a broken one costs its own fact only.


def _environment(settings: Settings, profile: Profile | None, deep: bool) -> Fact[Any]:
    from .environment.probe import probe

    return probe(settings, profile, deep=deep)


def _gpus(settings: Settings, deadline: float) -> Fact[Any]:
    from .machine.gpus import probe

    return probe(settings, deadline=deadline)


def _machine(settings: Settings) -> Fact[Any]:
    from .machine.probe import probe

    return probe(settings)


def _checkout(settings: Settings) -> Fact[Any]:
    if settings.checkout is None:  # said here as well: the module below brings the patch engine with it
        return Absent(_("no checkout is named (--checkout, or `checkout` in dualano.toml)"))
    from .project.checkout import probe

    return probe(settings)


def _requirements(settings: Settings) -> Fact[Any]:
    from .project.requirements import probe

    return probe(settings)


def _accelerate(settings: Settings, environment: Fact[Any]) -> Fact[Any]:
    from .project.accelerate import probe

    return probe(settings, environment.value.site_packages if isinstance(environment, Known) else ())


def _dataset(settings: Settings) -> Fact[Any]:
    if settings.data is None:  # said here as well, for the same reason
        return Absent(_("no data set is named (--data, or `data` in dualano.toml)"))
    from .project.dataset import probe

    return probe(settings)


def _contents(settings: Settings, dataset: Fact[Any], environment: Fact[Any]) -> Fact[Any]:
    if settings.data is None:
        return Absent(_("no data set is named (--data, or `data` in dualano.toml)"))
    from .project.contents import probe

    return probe(settings, dataset, environment)


def _model(settings: Settings) -> Fact[Any]:
    if settings.model is None:
        return Absent(_("no base model is named (--model, or `model` in dualano.toml)"))
    from .project.model import probe

    return probe(settings)


def _installers(settings: Settings) -> Fact[Any]:
    from .installers.probe import probe

    return probe(settings, os.environ)


def _network(settings: Settings, profile: Profile | None, installers: Fact[Any]) -> Fact[Any]:
    from .machine.network import probe

    if profile is None:
        return Absent(_("no profile is chosen, so no address is needed"))
    if not isinstance(installers, Known):
        return Unknown(_("how the installers are set up is not known"))
    return probe(settings, profile, installers.value)
