"""PKG: the packages of the training environment."""

from __future__ import annotations

from functools import partial

from ...language import N_
from ..rule import Rule
from . import binary as pkg_binary
from . import hub_names
from . import names as pkg_names
from . import presence as pkg_presence

# An environment that is missing, broken or of the wrong Python is made anew: its packages are consequences.
_CAUSES = ("PY002", "PY004", "PY001")


_rule = partial(Rule, needs=("environment",), after=_CAUSES, repairable=True)
RULES = (
    _rule("PKG001", N_("Every needed package is installed"), pkg_presence.package_missing),
    _rule("PKG002", N_("Every package is at a version of the profile"), pkg_presence.package_outside_profile),
    _rule("PKG003", N_("torch's build is the profile's"), pkg_binary.torch_is_the_profiles),
    _rule("PKG004", N_("xformers was released for this torch"), pkg_binary.xformers_fits_release),
    _rule("PKG005", N_("xformers' binary was built for this torch, CUDA and Python"), pkg_binary.xformers_fits_build),
    _rule("PKG006", N_("huggingface_hub still has what its users import"), hub_names.hub_too_new),
    _rule("PKG007", N_("NumPy's major version is the one that packages were built for"), pkg_binary.numpy_fits),
    _rule("PKG008", N_("Only one OpenCV owns the cv2 folder"), pkg_names.opencv_twice),
    _rule("PKG009", N_("clip, where installed, is OpenAI's CLIP"), pkg_names.wrong_clip),
    _rule("PKG010", N_("Packages are whole against their RECORD"), pkg_presence.package_damaged),
    _rule("PKG011", N_("Installed requirements do not contradict each other"), pkg_names.requirements_contradict),
    _rule("PKG012", N_("torchvision and torchaudio belong to this torch"), pkg_binary.siblings_fit),
)
