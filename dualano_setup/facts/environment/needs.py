"""Who needs what of a package, by the installed metadata alone: nothing is imported, no process is started."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ...language import _
from ...settings.options import Settings
from ...versions import normalise
from ..fact import Absent
from ..sheet import Distribution
from .layout import read_layout
from .packages import read_folder
from .probe import choose

_NAME = re.compile(r"[\w.-]+")
_MOST = 8


def needs_of(settings: Settings, variables: Mapping[str, str], asks: str, asked: str) -> tuple[str, ...]:
    """Which version of the module `asked` is installed and who needs which, the module `asks` first, in words."""
    chosen = choose(settings, variables)
    if isinstance(chosen, Absent):
        return ()
    try:
        installed = [d for folder in read_layout(chosen[0]).site_packages for d in read_folder(folder).distributions]
    except OSError:
        return ()
    provider = _of_module(installed, asked)
    if provider is None:
        return ()
    rows = [
        _("installed in {prefix}: {name} {version}", prefix=chosen[0], name=provider.name, version=provider.version)
    ]
    asker = _of_module(installed, asks)
    for distribution in sorted(installed, key=lambda d: (d is not asker, d.name)):
        for wanted in _wanted(distribution, provider.name):
            row = _(
                "{name} {version} needs {wanted}", name=distribution.name, version=distribution.version, wanted=wanted
            )
            rows.append(row)
    return tuple(rows[:_MOST])


def _of_module(installed: list[Distribution], module: str) -> Distribution | None:
    named = (d for d in installed if d.name == normalise(module) or module in d.top_level)
    return next(named, None) if module else None


def _wanted(distribution: Distribution, name: str) -> Iterator[str]:
    """The distribution's own requirements on `name`; not those of its extras."""
    for line in distribution.requires:
        requirement, __, marker = line.partition(";")
        found = _NAME.match(requirement)
        if found and normalise(found[0]) == name and "extra" not in marker:
            yield requirement.strip()
