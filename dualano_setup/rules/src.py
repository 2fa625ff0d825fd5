"""Rules about the checkout's source: most of them read the state of a patch."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from ..facts.fact import value
from ..language import N_, _
from .data.files import misleading_parts
from .finding import Status, Verdict, fail, warn
from .rule import Context, Rule, given
from .wording import listing, shown

if TYPE_CHECKING:
    from ..facts.sheet import Checkout, PatchState

OPEN = ("before", "partly")
_TREE = {"bcm": "bcm-dual-interrelated_diff", "dual": "dual-interrelated_diff"}


def check_place(context: Context) -> Iterator[Verdict]:
    """SRC008: a folder was named, and it is not a clone of the authors' repository."""
    checkout = given(context.sheet.checkout)
    if checkout.recognised:
        return
    seen = (
        _("{path} holds none of the method's folders", path=shown(checkout.path))
        if checkout.exists
        else _("{path} is not there", path=shown(checkout.path))
    )
    hint = (
        _("Set `checkout` to {folder}.", folder=shown(checkout.nested_hint))
        if checkout.nested_hint
        else _("Clone the repository there.")
    )
    yield fail(seen, cure=hint, evidence=shown(checkout.path))


def check_paths(context: Context) -> Iterator[Verdict]:
    """SRC001: placeholders and somebody else's home folders."""
    checkout = given(context.sheet.checkout)
    yield from _open_patches(context, "SRC001")
    treated = {
        file for patch in checkout.patches if patch.default and "SRC001" in patch.rules for file, __ in patch.files
    }
    for literal in checkout.literals:
        if literal.file not in treated:
            yield warn(
                _(_KINDS[literal.kind], text=shown(literal.text), file=shown(literal.file)),
                cure=_("Put your own path there if you use that script."),
                evidence=f"{shown(literal.file)}:{literal.line}",
                subject=f"{literal.file}:{literal.line}",
                repairable=False,
            )


_KINDS = {
    "placeholder": N_("`{text}` in {file} is a placeholder"),
    "foreign": N_("`{text}` in {file} is a path of another machine"),
    "empty": N_("`{text}` in {file} is empty"),
    "optional": N_("`{text}` in {file} is optional"),
}


def check_temporal(context: Context) -> Iterator[Verdict]:
    """SRC002: matters in mixed precision only, and is not its cure."""
    checkout = given(context.sheet.checkout)
    if _precision(context) == "no" or not any(_open(checkout, "SRC003")):
        return
    for patch in checkout.patches:
        if "SRC002" in patch.rules and patch.state in OPEN:
            yield warn(
                _("the guide's change 2 is not made; made alone it moves the failure to the key projection"),
                evidence=_where(patch),
                cure=_("Apply the patch mixed-precision (SRC003): float32 adapters and autocast around the UNet."),
                caused_by="SRC003",
                subject=patch.patch,
            )


def check_precision(context: Context) -> Iterator[Verdict]:
    """SRC003: float32 adapters and autocast around the UNet are the cure; without it half precision fails."""
    half = _precision(context) != "no"
    for patch in _open(given(context.sheet.checkout), "SRC003"):
        harmless = not half and patch.patch != "forced-half"
        yield _patch_verdict("warn" if harmless else "fail", patch, context, harmless=harmless)


def check_drifted(context: Context) -> Iterator[Verdict]:
    """SRC004: the place is there and reads differently; nothing is edited."""
    tree = _TREE[context.settings.variant]
    missing: set[str] = set()
    for patch in given(context.sheet.checkout).patches:
        # Releases differ in the scripts they have; only the chosen variant's trainer has to be there.
        needed = any(file.startswith(f"{tree}/train") and file.endswith(".py") for file, __ in patch.files)
        if patch.state == "missing" and _where(patch) in missing:
            continue  # one file that is not there is one trouble, however many patches it has
        if patch.default and (patch.state == "drifted" or (patch.state == "missing" and needed)):
            missing |= {_where(patch)} if patch.state == "missing" else set()
            yield warn(
                f"{_(patch.title)}: {shown(patch.reason) or patch.state}",
                cure=_(
                    "See `dualano-doctor patch status`; make the change of `{patch}` by hand if you need it.",
                    patch=patch.patch,
                ),
                evidence=_where(patch),
                subject=patch.patch,
            )


def check_debugger(context: Context) -> Iterator[Verdict]:
    """SRC005: `import ipdb` at module level, used nowhere."""
    files = given(context.sheet.checkout).debugger_imports
    if not files:
        return
    environment = value(context.sheet.environment)
    installed = environment is not None and environment.find("ipdb") is not None
    yield Verdict(
        "warn" if installed else "fail",
        _("{files} imports ipdb, which is installed", files=listing(files))
        if installed
        else _("{files} imports ipdb, which is not installed", files=listing(files)),
        cure=_("Delete the import, or install ipdb."),
        evidence=listing(files),
    )


def check_defects(context: Context) -> Iterator[Verdict]:
    """SRC006: undefined names, wrong indentation, folders that nobody makes, literal devices and sizes."""
    yield from _open_patches(context, "SRC006")


def check_processes(context: Context) -> Iterator[Verdict]:
    """SRC007: only a container of the adapters is prepared, and its forward is never called."""
    values = _accelerate(context)
    asked = values.get("num_processes")
    several = context.settings.num_processes > 1 or (
        isinstance(asked, int) and asked > 1 and values.get("distributed_type") == "MULTI_GPU"
    )
    if several:
        yield warn(
            _(
                "the checkout's trainer does not average gradients between processes: each trains a model of its "
                "own, and the first one's is saved"
            ),
            cure=_("Train with one process, or with the bundled trainer, which joins them."),
            evidence=given(context.sheet.checkout).path,
        )


def _open_patches(context: Context, rule: str) -> Iterator[Verdict]:
    """One row a patch; those of the scripts that training starts block, the others warn."""
    tree = _TREE[context.settings.variant]
    for patch in _open(given(context.sheet.checkout), rule):
        touched = [file for file, state in patch.files if state in OPEN]
        needed = any(file.startswith(f"{tree}/train") for file in touched) and not _idle(patch, context)
        yield _patch_verdict("fail" if needed else "warn", patch, context)


def _idle(patch: PatchState, context: Context) -> bool:
    """Whether this data set's path gives the patch nothing to do: as it stands, the trainer finds every mask."""
    data = value(context.sheet.dataset)
    return patch.patch == "mask-path" and data is not None and not misleading_parts(data)


def _patch_verdict(status: Status, patch: PatchState, context: Context, *, harmless: bool = False) -> Verdict:
    detail = _("not yet so: {change}", change=_(patch.title))
    if harmless:
        detail = _("{detail}; harmless as long as mixed_precision is `no`", detail=detail)
    if not patch.lacks:
        cure = _("Run `dualano-doctor patch apply` (patch `{patch}`), or make the change by hand.", patch=patch.patch)
        return Verdict(status, detail, cure=cure, evidence=_where(patch), subject=patch.patch)
    unnamed = "foreground" in patch.lacks and context.settings.foreground is None
    return Verdict(
        status,
        f"{detail} ({shown(patch.reason)})",
        cure=_("Name the folder in dualano.toml ({reason}).", reason=shown(patch.reason)),
        evidence=_where(patch),
        repairable=False,
        caused_by="DATA005" if unnamed else None,
        subject=patch.patch,
    )


def _open(checkout: Checkout, rule: str) -> Iterator[PatchState]:
    return (p for p in checkout.patches if p.default and rule in p.rules and p.state in OPEN)


def _where(patch: PatchState) -> str:
    return listing(file for file, state in patch.files if state not in ("after", "equivalent", "superseded"))


def _precision(context: Context) -> str:
    """The precision a run would have: the settings', else what accelerate's file says."""
    if context.settings.mixed_precision != "no":
        return context.settings.mixed_precision
    precision = _accelerate(context).get("mixed_precision")
    return precision.lower() if isinstance(precision, str) else "no"


def _accelerate(context: Context) -> dict[str, object]:
    """What accelerate's file says; nothing where there is none, or none that can be read."""
    config = value(context.sheet.accelerate)
    return (config and config.values) or {}


_rule = partial(Rule, needs=("checkout",), after=("SRC008",))
RULES = (
    _rule(
        "SRC001",
        N_("the checkout holds paths that are nobody's here"),
        check_paths,
        repairable=True,
        fine=N_("Every path in the checkout is one of this machine"),
    ),
    _rule(
        "SRC002",
        N_("the temporal layers are not moved to the training dtype"),
        check_temporal,
        repairable=True,
        fine=N_("The temporal layers are moved to the training dtype"),
    ),
    _rule(
        "SRC003",
        N_("mixed precision would fail in the attention processors"),
        check_precision,
        repairable=True,
        fine=N_("The attention processors work in mixed precision"),
    ),
    _rule(
        "SRC004", N_("a source patch fits neither before nor after"), check_drifted, fine=N_("Every source patch fits")
    ),
    _rule(
        "SRC005",
        N_("the checkout imports a debugger"),
        check_debugger,
        repairable=True,
        fine=N_("The checkout imports no debugger"),
    ),
    _rule(
        "SRC006",
        N_("defects stop the checkout's own scripts"),
        check_defects,
        repairable=True,
        fine=N_("No known defect stops the checkout's own scripts"),
    ),
    _rule(
        "SRC007",
        N_("several processes do not average their gradients"),
        check_processes,
        fine=N_("Several processes average their gradients, or one trains"),
    ),
    _rule(
        "SRC008",
        N_("the checkout is not there, or is not DualAnoDiff"),
        check_place,
        after=(),
        fine=N_("The checkout is there, and is DualAnoDiff"),
    ),
)
