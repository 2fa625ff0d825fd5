"""PKG006, PKG008, PKG009, PKG011: packages that do not agree on a name, a folder or a version."""

from __future__ import annotations

from collections.abc import Iterator

from ...facts.fact import value
from ...knowledge.tables import rows
from ...language import _
from ...light_dataclasses import dataclass
from ...versions import numbers, satisfies
from ..cures import install_command
from ..finding import Verdict, fail
from ..rule import Context, given


@dataclass(frozen=True, slots=True)
class RemovedName:
    """A name that an importer wants and the installed huggingface_hub no longer has."""

    importer: str  # "diffusers 0.25.0"
    name: str
    gone_in: str
    error: str


def removed_names(context: Context) -> tuple[RemovedName, ...]:
    """One row for each importer: the first name it stumbles over.

    The checkout's own diffusers counts only where the profile is to run the checkout's trainer.
    """
    seen, checkout = given(context.sheet.environment), value(context.sheet.checkout)
    hub = seen.find("huggingface-hub")
    if hub is None:
        return ()
    importers = {}
    diffusers = seen.find("diffusers")
    if diffusers is not None:
        importers["diffusers"] = diffusers.version
    if checkout is not None and checkout.vendored_diffusers and "checkout" in context.profile.trainers:
        importers["vendored diffusers"] = checkout.vendored_diffusers
    found = []
    for importer, version in importers.items():
        for row in rows("hub_names"):
            users = row["imported_by"].get(importer)
            if users and satisfies(version, users) and satisfies(hub.version, f">={row['gone_in']}"):
                said = (
                    f"{importer} {version}"
                    if importer == "diffusers"
                    else _("the checkout's own diffusers {version}", version=version)
                )
                found.append(RemovedName(said, row["name"], row["gone_in"], row["error"]))
                break
    return tuple(found)


def hub_too_new(context: Context) -> Iterator[Verdict]:
    """PKG006."""
    seen, removed = given(context.sheet.environment), removed_names(context)
    hub = seen.find("huggingface-hub")
    if not removed or hub is None:
        return
    told = "; ".join(
        _(
            "{importer} imports {name}, gone in {gone_in}: {error}",
            importer=r.importer,
            name=r.name,
            gone_in=r.gone_in,
            error=r.error,
        )
        for r in removed
    )
    lowest = min((row["gone_in"] for row in rows("hub_names")), key=numbers)
    known = "huggingface-hub" in context.profile.packages
    yield fail(
        _("{told}. Works: huggingface_hub<{lowest}", told=told, lowest=lowest),
        title=_(
            "huggingface_hub {version} is too new for {importers}",
            version=hub.version,
            importers=_(" and ").join(r.importer for r in removed),
        ),
        evidence=hub.dist_info,
        cure=install_command(seen, context.profile, "huggingface-hub" if known else "diffusers"),
        subject="huggingface-hub" if known else "diffusers",
    )
