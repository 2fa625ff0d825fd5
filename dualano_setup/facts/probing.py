"""Running several probes side by side under one deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from ..language import _
from .fact import Fact, Unknown

Probes = Mapping[str, Callable[[], Fact[Any]]]


def run_probes(probes: Probes, end: float, deadline: float) -> dict[str, Fact[Any]]:
    """Every probe's fact by name. `end` is the moment (time.monotonic) to stop waiting.

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
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    late = Unknown(_("no answer within {deadline:g} s", deadline=deadline))
    return {name: facts.get(name, late) for name in probes}


def _guarded(name: str, probe: Callable[[], Fact[Any]], facts: dict[str, Fact[Any]]) -> None:
    try:
        facts[name] = probe()
    except Exception as error:  # a defect of ours must cost one fact, not the other nine
        facts[name] = Unknown(_("this probe failed inside: {kind}: {error}", kind=type(error).__name__, error=error))
