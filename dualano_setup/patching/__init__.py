"""Source patches for a DualAnoDiff checkout: recognised by structure, applied and taken back byte for byte.

`load_patches` reads them, `inspect` says where a checkout stands, `plan` what would be written, `plan_revert`
what would be written to take it back. None of them writes, and none runs anything of the checkout.
"""

from dualano_setup.patching.engine import inspect, plan
from dualano_setup.patching.loading import load_patches
from dualano_setup.patching.model import (
    FileEdit,
    FileState,
    Patch,
    PatchError,
    PatchReport,
    Refusal,
    State,
)
from dualano_setup.patching.placeholders import Placeholder, placeholder_paths
from dualano_setup.patching.revert import plan_revert

__all__ = [
    "FileEdit",
    "FileState",
    "Patch",
    "PatchError",
    "PatchReport",
    "Placeholder",
    "Refusal",
    "State",
    "inspect",
    "load_patches",
    "placeholder_paths",
    "plan",
    "plan_revert",
]
