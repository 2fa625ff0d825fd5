"""Compiles every Triton kernel of the trainer for GPUs that people have, without one: what shared memory each takes.

    python -m benchmarks.trainer.architectures [--processes 8] [--output FILE]

Shared memory that a program may have, in bytes: CUDA C++ Programming Guide, "Compute Capabilities". A row
that does not fit ends the program with status 1.
"""

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

LIMITS = {80: 166912, 86: 101376, 89: 101376, 90: 232448, 100: 232448, 120: 101376}
#: Kernels by module: constants for a long row of Stable Diffusion's, pointers' types follow `PRECISIONS`.
_NORM = {"ROWS": 4, "COLS": 512}
_TILE = {"ROWS": 64, "COLS": 64}
_SUMS = {"ROWS": 32, "COLS": 64}
_HEAD = {"FIRST": 32, "SECOND": 16, "P": "tf32x3"}
KERNELS: dict[str, dict[str, dict[str, Any]]] = {
    "attention": {
        "_forward": {"QUERIES": 128, "KEYS": 32} | _HEAD,
        "_backward_query": {"QUERIES": 128, "KEYS": 32} | _HEAD,
        "_backward_key": {"QUERIES": 32, "KEYS": 128} | _HEAD,
    },
    "layer_norm": {
        "_norm": {"ADD": True} | _NORM,
        "_norm_backward": {"PASS": True} | _NORM,
        "_partial_sums": {"NORM": True} | _SUMS,
        "_add_parts": {"PARTS": 128, "COLS": 64},
    },
    "group_norm": {
        "_moments": {"SHIFT": True} | _TILE,
        "_combine": {"TILES": 64, "WIDTH": 128, "ROWS": 64},
        "_average": {"TILES": 64, "WIDTH": 128},
        "_apply": {"SHIFT": True, "SILU": True} | _TILE,
        "_backward_sums": {"SHIFT": True, "SILU": True} | _TILE,
        "_backward_apply": {"SHIFT": True, "SILU": True} | _TILE,
    },
    "gates": {
        "_geglu": {"BLOCK": 1024},
        "_geglu_backward": {"BLOCK": 1024},
        "_mix": {"WIDTH": 2048},
        "_mix_backward": {"WIDTH": 2048},
    },
}
PRECISIONS = {
    "attention": ("fp32",),
    "layer_norm": ("fp32", "bf16"),
    "group_norm": ("fp32", "bf16"),
    "gates": ("bf16",),
}
#: Arguments that are float32 whatever the precision; those that are numbers.
_FLOAT_POINTERS = {"mean", "rstd", "partial", "stats", "sums", "log_sums", "inner"}
_POINTERS = _FLOAT_POINTERS | {
    "q", "k", "v", "g", "out", "dq", "dk", "dv", "x", "dy", "dx", "added", "weight", "bias", "total", "normal",
    "passing", "shift", "y", "proj", "gradient", "qv", "key", "dqv", "dkey",
}  # fmt: skip
_FLOATS = {"scale", "factor", "eps"}


def compile_one(module: str, name: str, precision: str, capability: int) -> dict[str, Any]:
    """One kernel for one kind of GPU: its shared memory, or why it does not compile."""
    import importlib

    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    kernels = importlib.import_module(f"trainer.kernels.{module}")
    kernel, constants = getattr(kernels, name), KERNELS[module][name]
    kinds = {}
    for argument in kernel.arg_names:
        if argument in constants:
            kinds[argument] = "constexpr"
        elif argument in _POINTERS:
            kinds[argument] = "*fp32" if argument in _FLOAT_POINTERS else f"*{precision}"
        else:
            kinds[argument] = "fp32" if argument in _FLOATS else "i32"
    options = kernels.OPTIONS if module == "attention" else {}
    row = {"kernel": f"{module}.{name}", "precision": precision, "capability": capability, "limit": LIMITS[capability]}
    try:
        source = ASTSource(fn=kernel, signature=kinds, constexprs=constants)
        made = triton.compile(source, target=GPUTarget("cuda", capability, 32), options=dict(options))
    except Exception as error:  # compilers fail in many ways, and each is a row
        return row | {"error": str(error).strip().splitlines()[-1][:200] if str(error).strip() else repr(error)}
    return row | {"shared": made.metadata.shared}


def main() -> int:
    """Compile all; a line for each that fails or does not fit, and the largest of each GPU."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    cases = [
        (module, name, precision, capability)
        for module, kernels in KERNELS.items()
        for name in kernels
        for precision in PRECISIONS[module]
        for capability in LIMITS
    ]
    with ProcessPoolExecutor(options.processes) as pool:
        rows = list(pool.map(compile_one, *zip(*cases, strict=True)))
    if options.output:
        options.output.write_text(json.dumps(rows, indent=1))
    bad = [row for row in rows if "error" in row or row["shared"] > row["limit"]]
    for row in bad:
        print(json.dumps(row))
    for capability, limit in LIMITS.items():
        own = [row for row in rows if row["capability"] == capability and "shared" in row]
        largest = max(own, key=lambda row: row["shared"])
        print(f"sm_{capability}: {len(own)} kernels, most {largest['shared']} of {limit} bytes ({largest['kernel']})")
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
