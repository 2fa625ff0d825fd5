"""Which stack suits this machine: by GPU architecture, driver, the Pythons at hand and the trainer that is wanted."""

from __future__ import annotations


def has_kernels(architectures: tuple[str, ...], capability: tuple[int, int]) -> bool:
    """Whether a build for these architectures runs on that device.

    Machine code runs on its own major version from its minor upwards; PTX ("sm_90+PTX") is compiled for anything
    newer (torch/cuda/__init__.py, _check_cubins; CUDA C++ Programming Guide, binary and PTX compatibility).
    """
    major, minor = capability
    for architecture in architectures:
        name, __, ptx = architecture.partition("+")
        digits = "".join(c for c in name.partition("_")[2] if c.isdigit())
        if not digits:
            continue
        built = (int(digits[:-1]), int(digits[-1]))
        if name.endswith("a"):  # code for that one architecture alone
            if built == capability:
                return True
        elif (built[0] == major and built[1] <= minor) or (ptx and built <= capability):
            return True
    return False
