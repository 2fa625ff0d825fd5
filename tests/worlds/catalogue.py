"""Every world, broken or fine, in the order of the rules' families."""

from __future__ import annotations

from tests.worlds.breaks import (  # noqa: F401  (importing a module registers its worlds)
    accelerate,
    builds,
    contents,
    contents_fine,
    data,
    environment,
    fine,
    gpu,
    layouts,
    machine,
    model,
    packages,
    requirements,
    source,
)
from tests.worlds.world import FINE, WORLDS, FineWorld, World

__all__ = ["FINE", "WORLDS", "FineWorld", "World"]
