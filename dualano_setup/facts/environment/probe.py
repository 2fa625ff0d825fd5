"""The training environment as a fact: which one it is, and everything readable about it from outside."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from ...language import N_, _
from ...system.files import plain_error
from ..fact import Absent, Fact, Known, Unknown
from ..sheet import Environment
from .builds import read_build, read_xformers
from .damage import find_damage, find_shared
from .layout import Layout, is_environment, read_layout
from .leaks import find_leaks
from .packages import Installed, read_folder

if TYPE_CHECKING:
    from ...knowledge.profile import Profile
    from ...settings.options import Settings

MARKER = ".dualano-env.json"
"""In the prefix of every environment that `fix` made; what it holds is the maker's business."""

CORE = frozenset(
    (
        *("torch", "torchvision", "torchaudio", "xformers", "diffusers", "transformers", "accelerate"),
        *("huggingface-hub", "tokenizers", "safetensors", "numpy", "pillow", "einops", "peft"),
        *("opencv-python", "opencv-python-headless"),
    )
)
"""Checked against their RECORD when no profile says what matters."""

_ACTIVE = ("VIRTUAL_ENV", "CONDA_PREFIX")
NO_ENVIRONMENT = N_("no training environment yet: {reason}")


def probe(
    settings: Settings,
    profile: Profile | None = None,
    *,
    variables: Mapping[str, str] | None = None,
    deep: bool = False,
) -> Fact[Environment]:
    """Look at the training environment without starting its Python.

    Absent means that there is none yet; an environment that is there and broken is Known, with its `problems`.
    `profile` says which packages are worth checking file by file (with `deep`: all of them, hashes included).
    """
    variables = os.environ if variables is None else variables
    chosen = choose(settings, variables)
    if isinstance(chosen, Absent):
        return chosen
    prefix, source = chosen
    wanted = {*profile.packages, *profile.optional, *profile.bounds} if profile else CORE
    try:
        return Known(read_environment(prefix, wanted, variables, deep), source)
    except (OSError, ValueError) as error:
        return Unknown(_("{prefix} cannot be read: {error}", prefix=prefix, error=plain_error(error)), source)


def choose(settings: Settings, variables: Mapping[str, str]) -> tuple[str, str] | Absent:
    """(prefix, who named it), or Absent: the setting, else .dualano/env, else the active environment.

    An active environment that this program runs in is taken only when it is named: it was made for the tool, and what
    training needs would be judged, and installed, beside it.
    """
    if settings.env is not None:
        named_by = settings.said_by.get("env", "settings")
        prefix = _prefix_of(str(settings.env))
        if is_environment(prefix):
            return prefix, named_by
        reason = N_("{prefix} holds no Python environment")
        if not os.path.lexists(prefix):
            reason = N_("{prefix} is not there")
        return Absent(_(NO_ENVIRONMENT, reason=_(reason, prefix=prefix)), named_by)
    own = str(settings.state / "env")
    if is_environment(own):
        return own, own
    for variable in _ACTIVE:
        active = variables.get(variable, "")
        if active and is_environment(active) and not _is_ours(active):
            return os.path.abspath(active), variable
    reason = N_("{own} is not there, and no environment is active")
    if any(_is_ours(variables.get(variable, "")) for variable in _ACTIVE):
        reason = N_("{own} is not there, and the active environment is the one that dualano-doctor itself runs in")
    reason = _(reason, own=own)
    return Absent(_(NO_ENVIRONMENT, reason=reason), own)


def _is_ours(prefix: str) -> bool:
    """Whether this program's own Python stands in that environment."""
    return bool(prefix) and os.path.realpath(prefix) == os.path.realpath(sys.prefix)


def read_environment(
    prefix: str, wanted: Collection[str], variables: Mapping[str, str], deep: bool = False
) -> Environment:
    """Everything about the environment at `prefix`. Raises OSError when it cannot be listed at all."""
    layout = read_layout(prefix)
    folders, unreadable = _read_folders(layout)
    distributions = tuple(distribution for folder in folders for distribution in folder.distributions)
    site = layout.site_packages
    by_name = {distribution.name: distribution for distribution in reversed(distributions)}
    return Environment(
        prefix=prefix,
        kind=layout.kind,
        python=layout.python,
        interpreter=layout.interpreter,
        interpreter_ok=layout.interpreter_ok,
        base=layout.base,
        site_packages=site,
        distributions=distributions,
        torch=read_build(site, "torch"),
        torchvision=read_build(site, "torchvision"),
        torchaudio=read_build(site, "torchaudio"),
        xformers=read_xformers(site, by_name.get("xformers")),
        leaks=find_leaks(layout, by_name.keys(), wanted, variables),
        damaged=find_damage(folders, distributions, wanted, deep),
        shared=find_shared(distributions),
        problems=(*layout.problems, *unreadable, *_leftovers(folders, site)),
        system_site=layout.system_site,
        managed=os.path.isfile(os.path.join(prefix, MARKER)),
    )


def _prefix_of(path: str) -> str:
    """The environment that `path` means: the folder itself, or the one whose interpreter was named."""
    folder, name = os.path.split(path)
    if name.startswith("python") and os.path.basename(folder) in ("bin", "Scripts") and not os.path.isdir(path):
        return os.path.dirname(folder)
    return path


def _read_folders(layout: Layout) -> tuple[tuple[Installed, ...], tuple[str, ...]]:
    folders: list[Installed] = []
    unreadable: list[str] = []
    for folder in layout.site_packages:
        try:
            folders.append(read_folder(folder))
        except OSError as error:
            unreadable.append(_("{folder} cannot be read: {error}", folder=folder, error=plain_error(error)))
    return tuple(folders), tuple(unreadable)


def _leftovers(folders: tuple[Installed, ...], site_packages: tuple[str, ...]) -> tuple[str, ...]:
    names = sorted({name for folder in folders for name in folder.leftovers})
    if not names:
        return ()
    shown = ", ".join(names[:5])
    if len(names) > 5:
        shown = _("{names} and {number} more", names=shown, number=len(names) - 5)
    return (
        _(
            "an uninstall was interrupted in {site_packages}: it left {shown}",
            site_packages=site_packages[0],
            shown=shown,
        ),
    )
