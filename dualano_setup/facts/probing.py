"""Running several probes side by side under one deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from ..language import _
from .fact import Fact, Unknown

Probes = Mapping[str, Callable[[], Fact[Any]]]


class Patience(NamedTuple):
    """When to wait beyond the end: while `moved`, a count of what was looked at, goes up within `step` seconds."""

    moved: Callable[[], int]
    step: float
    longest: float  # the moment (time.monotonic) at which it ends all the same


def run_probes(probes: Probes, end: float, deadline: float, patience: Patience | None = None) -> dict[str, Fact[Any]]:
    """Every probe's fact by name. `end` is the moment (time.monotonic) to stop waiting, or to begin with `patience`.

    Plain daemon threads, not an executor: `concurrent.futures` takes 15 ms to import and waits for its threads at
    exit, and a thread behind a child that is stuck in the kernel never ends. Such a thread is abandoned, and what it
    says afterwards goes nowhere.
    """
    facts: dict[str, Fact[Any]] = {}
    threads = []
    for name, probe in probes.items():
        thread = threading.Thread(target=_guarded, args=(name, probe, facts), name=f"probe {name}", daemon=True)
        thread.start()
        threads.append(thread)
    _join(threads, end)
    while patience and any(thread.is_alive() for thread in threads) and time.monotonic() < patience.longest:
        before = patience.moved()
        _join(threads, time.monotonic() + patience.step)
        if patience.moved() == before:
            break
    late = Unknown(_("no answer within {deadline:g} s", deadline=deadline))
    return {name: facts.get(name, late) for name in probes}


def _join(threads: Iterable[threading.Thread], end: float) -> None:
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))


def _guarded(name: str, probe: Callable[[], Fact[Any]], facts: dict[str, Fact[Any]]) -> None:
    try:
        facts[name] = probe()
    except Exception as error:  # a defect of ours must cost one fact, not the other nine
        facts[name] = Unknown(_("this probe failed inside: {kind}: {error}", kind=type(error).__name__, error=error))
