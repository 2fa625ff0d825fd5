"""Rules about the checkout's source: most of them read the state of a patch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ..facts.fact import Known
from ..language import N_, _
from .data.files import misleading_parts
from .finding import Finding
from .rule import Context, Rule, fail, warn
from .wording import listing, shown

if TYPE_CHECKING:
    from ..facts.sheet import Checkout, PatchState

PATHS, TEMPORAL, PRECISION, DRIFTED, DEBUGGER, DEFECTS, PROCESSES, PLACE = (
    N_("the checkout holds paths that are nobody's here"),
    N_("the temporal layers are not moved to the training dtype"),
    N_("mixed precision would fail in the attention processors"),
    N_("a source patch fits neither before nor after"),
    N_("the checkout imports a debugger"),
    N_("defects stop the checkout's own scripts"),
    N_("several processes do not average their gradients"),
    N_("the checkout is not there, or is not DualAnoDiff"),
)
OPEN = ("before", "partly")
_TREE = {"bcm": "bcm-dual-interrelated_diff", "dual": "dual-interrelated_diff"}


def check_place(context: Context) -> Iterator[Finding]:
    """SRC008: a folder was named, and it is not a clone of the authors' repository."""
    checkout = _checkout(context)
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
    yield fail(
        "SRC008",
        _(PLACE),
        seen,
        cure=hint,
        evidence=shown(checkout.path),
    )


def check_paths(context: Context) -> Iterator[Finding]:
    """SRC001: placeholders and somebody else's home folders."""
    checkout = _checkout(context)
    yield from _open_patches(context, "SRC001", PATHS)
    treated = {
        file for patch in checkout.patches if patch.default and "SRC001" in patch.rules for file, __ in patch.files
    }
    for literal in checkout.literals:
        if literal.file not in treated:
            yield warn(
                "SRC001",
                _(PATHS),
                _(_KINDS[literal.kind], text=shown(literal.text), file=shown(literal.file)),
                cure=_("Put your own path there if you use that script."),
                evidence=f"{shown(literal.file)}:{literal.line}",
                subject=f"{literal.file}:{literal.line}",
            )


_KINDS = {
    "placeholder": N_("`{text}` in {file} is a placeholder"),
    "foreign": N_("`{text}` in {file} is a path of another machine"),
    "empty": N_("`{text}` in {file} is empty"),
    "optional": N_("`{text}` in {file} is optional"),
}


def check_temporal(context: Context) -> Iterator[Finding]:
    """SRC002: matters in mixed precision only, and is not its cure."""
    if _precision(context) == "no" or _cured(_checkout(context)):
        return
    for patch in _checkout(context).patches:
        if "SRC002" in patch.rules and patch.state in OPEN:
            yield Finding(
                "SRC002",
                "warn",
                _(TEMPORAL),
                _("the guide's change 2 is not made; made alone it moves the failure to the key projection"),
                _where(patch),
                _("Apply the patch mixed-precision (SRC003): float32 adapters and autocast around the UNet."),
                repairable=True,
                caused_by="SRC003",
                subject=patch.patch,
            )


def check_precision(context: Context) -> Iterator[Finding]:
    """SRC003: float32 adapters and autocast around the UNet are the cure; without it half precision fails."""
    precision = _precision(context)
    for patch in _open(_checkout(context), "SRC003"):
        half = patch.patch == "forced-half"
        judge = fail if precision != "no" or half else warn
        yield _patch_finding(judge, "SRC003", PRECISION, patch, context, harmless=judge is warn)


def check_drifted(context: Context) -> Iterator[Finding]:
    """SRC004: the place is there and reads differently; nothing is edited."""
    tree = _TREE[context.settings.variant]
    for patch in _checkout(context).patches:
        # Releases differ in the scripts they have; only the chosen variant's trainer has to be there.
        needed = any(file.startswith(f"{tree}/train") and file.endswith(".py") for file, __ in patch.files)
        if patch.default and (patch.state == "drifted" or (patch.state == "missing" and needed)):
            yield warn(
                "SRC004",
                _(DRIFTED),
                f"{_(patch.title)}: {shown(patch.reason) or patch.state}",
                cure=_(
                    "See `dualano-doctor patch status`; make the change of `{patch}` by hand if you need it.",
                    patch=patch.patch,
                ),
                evidence=_where(patch),
                subject=patch.patch,
            )


def check_debugger(context: Context) -> Iterator[Finding]:
    """SRC005: `import ipdb` at module level, used nowhere."""
    files = _checkout(context).debugger_imports
    if not files:
        return
    environment = context.sheet.environment
    installed = isinstance(environment, Known) and environment.value.find("ipdb") is not None
    yield (warn if installed else fail)(
        "SRC005",
        _(DEBUGGER),
        _("{files} imports ipdb, which is installed", files=listing(files))
        if installed
        else _("{files} imports ipdb, which is not installed", files=listing(files)),
        cure=_("Delete the import, or install ipdb."),
        evidence=listing(files),
        repairable=True,
    )


def check_defects(context: Context) -> Iterator[Finding]:
    """SRC006: undefined names, wrong indentation, folders that nobody makes, literal devices and sizes."""
    yield from _open_patches(context, "SRC006", DEFECTS)


def check_processes(context: Context) -> Iterator[Finding]:
    """SRC007: only a container of the adapters is prepared, and its forward is never called."""
    config = context.sheet.accelerate
    values = (config.value.values if isinstance(config, Known) else None) or {}
    asked = values.get("num_processes")
    several = context.settings.num_processes > 1 or (
        isinstance(asked, int) and asked > 1 and values.get("distributed_type") == "MULTI_GPU"
    )
    if several:
        yield warn(
            "SRC007",
            _(PROCESSES),
            _(
                "the checkout's trainer does not average gradients between processes: each trains a model of its "
                "own, and the first one's is saved"
            ),
            cure=_("Train with one process, or with the bundled trainer, which joins them."),
            evidence=_checkout(context).path,
        )


def _open_patches(context: Context, rule: str, title: str) -> Iterator[Finding]:
    """One row a patch; those of the scripts that training starts block, the others warn."""
    tree = _TREE[context.settings.variant]
    for patch in _open(_checkout(context), rule):
        touched = [file for file, state in patch.files if state in OPEN]
        needed = any(file.startswith(f"{tree}/train") for file in touched) and not _idle(patch, context)
        yield _patch_finding(fail if needed else warn, rule, title, patch, context)


def _idle(patch: PatchState, context: Context) -> bool:
    """Whether this data set's path gives the patch nothing to do: as it stands, the trainer finds every mask."""
    data = context.sheet.dataset
    return patch.patch == "mask-path" and isinstance(data, Known) and not misleading_parts(data.value)


def _patch_finding(
    judge: Callable[..., Finding],
    rule: str,
    title: str,
    patch: PatchState,
    context: Context,
    *,
    harmless: bool = False,
) -> Finding:
    detail = _("not yet so: {change}", change=_(patch.title))
    if harmless:
        detail = _("{detail}; harmless as long as mixed_precision is `no`", detail=detail)
    if not patch.lacks:
        cure = _("Run `dualano-doctor patch apply` (patch `{patch}`), or make the change by hand.", patch=patch.patch)
        return judge(rule, _(title), detail, cure=cure, evidence=_where(patch), repairable=True, subject=patch.patch)
    unnamed = "foreground" in patch.lacks and context.settings.foreground is None
    return judge(
        rule,
        _(title),
        f"{detail} ({shown(patch.reason)})",
        cure=_("Name the folder in dualano.toml ({reason}).", reason=shown(patch.reason)),
        evidence=_where(patch),
        caused_by="DATA005" if unnamed else None,
        subject=patch.patch,
    )


def _open(checkout: Checkout, rule: str) -> Iterator[PatchState]:
    return (p for p in checkout.patches if p.default and rule in p.rules and p.state in OPEN)


def _cured(checkout: Checkout) -> bool:
    return not any(_open(checkout, "SRC003"))


def _where(patch: PatchState) -> str:
    return listing(file for file, state in patch.files if state not in ("after", "equivalent", "superseded"))


def _precision(context: Context) -> str:
    """The precision a run would have: the settings', else what accelerate's file says."""
    if context.settings.mixed_precision != "no":
        return context.settings.mixed_precision
    config = context.sheet.accelerate
    value = ((config.value.values if isinstance(config, Known) else None) or {}).get("mixed_precision")
    return value.lower() if isinstance(value, str) else "no"


def _checkout(context: Context) -> Checkout:
    fact = context.sheet.checkout
    assert isinstance(fact, Known)
    return fact.value


_NEEDS = ("checkout",)
_AFTER = ("SRC008",)
RULES = (
    Rule("SRC001", PATHS, check_paths, _NEEDS, _AFTER, repairable=True),
    Rule("SRC002", TEMPORAL, check_temporal, _NEEDS, _AFTER, repairable=True),
    Rule("SRC003", PRECISION, check_precision, _NEEDS, _AFTER, repairable=True),
    Rule("SRC004", DRIFTED, check_drifted, _NEEDS, _AFTER),
    Rule("SRC005", DEBUGGER, check_debugger, _NEEDS, _AFTER, repairable=True),
    Rule("SRC006", DEFECTS, check_defects, _NEEDS, _AFTER, repairable=True),
    Rule("SRC007", PROCESSES, check_processes, _NEEDS, _AFTER),
    Rule("SRC008", PLACE, check_place, _NEEDS),
)
