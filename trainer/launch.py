"""Variables that accelerate and PyTorch take for a launch of several processes: what the doctor and the trainer say.

Standard library only. Sources: accelerate 0.24.1 and 1.15.0, `state.py` (`get_int_from_env(["PMI_SIZE",
"OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE", "WORLD_SIZE"], 1) > 1`, `LOCAL_RANK != -1`); PyTorch's `env://`
rendezvous, which needs RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT.
"""

from __future__ import annotations

from collections.abc import Mapping

SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE", "WORLD_SIZE")
RENDEZVOUS = ("MASTER_ADDR", "MASTER_PORT")


def stray_launch(variables: Mapping[str, str], *, on_cpu: bool = True) -> tuple[str, ...]:
    """The variables, as NAME=VALUE, that promise other processes while nothing says where to meet them.

    `on_cpu`: whether the number of processes counts, as on the processor; on a GPU LOCAL_RANK alone does.
    """
    if all(variables.get(name) for name in RENDEZVOUS):
        return ()
    found = [name for name in SIZES if on_cpu and _number(variables, name, 1) > 1]
    if _number(variables, "LOCAL_RANK", -1) >= 0:
        found.append("LOCAL_RANK")
    return tuple(f"{name}={variables[name]}" for name in found)


def _number(variables: Mapping[str, str], name: str, default: int) -> int:
    try:
        return int(variables.get(name, default))
    except ValueError:
        return default
