"""Source patches for a DualAnoDiff checkout: recognised by structure, applied and taken back byte for byte.

`load_patches` reads them, `inspect` says where a checkout stands, `plan` what would be written, `plan_revert`
what would be written to take it back. None of them writes, and none runs anything of the checkout.
"""

from .engine import inspect, plan
from .loading import load_patches
from .model import FileEdit, FileState, Patch, PatchError, PatchReport, Refusal, State
from .placeholders import Placeholder, placeholder_paths
from .revert import plan_revert

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
