"""What optional groups of packages add to the plan of an environment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...facts.fact import Known
from ...knowledge.groups import Group, installed
from ...knowledge.profile import Index, Profile
from ...rules.rule import Context


def installed_groups(context: Context, target: Path) -> set[str]:
    """The optional groups in the environment that is to be replaced: they are not to get lost."""
    fact = context.sheet.environment
    if not isinstance(fact, Known) or Path(fact.value.prefix) != target:
        return set()
    return set(installed(context.profile, (one.name for one in fact.value.distributions)))


def with_groups(pins: dict[str, str], groups: Sequence[Group]) -> dict[str, str]:
    """The lock's pins and the groups'; what the lock pins stays as it is, unless a group leaves it to the resolver."""
    free = {name for one in groups for name in one.free}
    kept = {name: version for name, version in pins.items() if name not in free}
    return {name: version for one in groups for name, version in one.packages.items()} | kept


def followers(profile: Profile, groups: Sequence[Group]) -> tuple[Index, ...]:
    """The profile's pages of torch as pages of torchvision, where a group brings it: both must be of one build."""
    names = {name for one in groups for name in one.packages}
    claimed = {name for index in profile.indexes for name in index.packages}
    if "torchvision" not in names - claimed:
        return ()
    own = [index for index in profile.indexes if "torch" in index.packages]
    return tuple(
        Index(one.name, one.url.replace("/torch/", "/torchvision/"), one.kind, ("torchvision",), one.required)
        for one in own
        if one.kind != "find-links" or "/torch/" in one.url
    )
