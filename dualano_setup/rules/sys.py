"""SYS: the operating system, memory, disks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import partial

from ..facts.fact import Absent, value
from ..facts.sheet import Disk
from ..knowledge.tables import run_need
from ..language import N_, _
from ..versions import numbers
from .finding import Verdict, fail, info, warn
from .rule import Context, Rule, given
from .wording import gib

# Stable Diffusion 1.x reads text of this width; a narrower model is a miniature one for tests.
_FULL_WIDTH = 768
_GLIBC = (("2.7", "2.28"), ("0", "2.17"))
"""From which torch release on its wheels need which glibc: their manylinux tags on the package index, newest first."""
_WRITTEN = {
    "environment": N_("the training environment"),
    "checkpoints": N_("checkpoints"),
    "temporary": N_("temporary files"),
    "cache": N_("accelerate's config and the model hub's cache"),
}


def _is_linux(context: Context) -> Iterator[Verdict]:
    seen = given(context.sheet.machine)
    if seen.system == "Linux":
        yield from _packages_load(context)
        return
    cure = _("Use a Linux machine or container.")
    if seen.system == "Windows":
        cure = _("{cure} Run it inside WSL2: `wsl --install`, then set everything up in there.", cure=cure)
    yield fail(
        _(
            "this is {distribution} ({kernel}); the stacks here are built for Linux",
            distribution=seen.distribution or seen.system,
            kernel=seen.kernel,
        ),
        title=_("{system} is not Linux", system=seen.system),
        cure=cure,
    )


def _packages_load(context: Context) -> Iterator[Verdict]:
    """Whether the C library is one that the stack's compiled packages were built for (PEP 600, manylinux)."""
    libc = given(context.sheet.machine).libc
    torch = context.profile.packages["torch"]
    name, _space, version = libc.partition(" ")
    lowest = next((glibc for release, glibc in _GLIBC if numbers(torch) >= numbers(release)), "")
    if name != "musl" and not (name == "glibc" and version and numbers(version) < numbers(lowest)):
        return
    yield fail(
        _(
            "this system's C library is {libc}; torch {torch} is built for glibc {lowest} or newer: `version "
            "`GLIBC_{lowest}' not found`, or no file to install at all",
            libc=libc,
            torch=torch,
            lowest=lowest,
        ),
        title=_("the compiled packages do not load on this system"),
        cure=_(
            "Use a newer distribution, a container with one, or a stack with an older torch (`dualano-doctor profile`)."
        ),
    )


def _enough_ram(context: Context) -> Iterator[Verdict]:
    total = given(context.sheet.machine).ram_total
    need = run_need("ram_gpu" if context.profile.needs_gpu else "ram_cpu")
    if total < need:
        yield fail(
            _(
                "this machine has {total}; the run needs {need} (profile {profile})",
                total=gib(total),
                need=gib(need),
                profile=context.profile.name,
            ),
            title=_("only {total} of RAM", total=gib(total)),
            cure=_("Use a machine with more RAM, or raise the memory limit of this container or WSL (.wslconfig)."),
        )
    elif context.profile.needs_gpu and total < 0.95 * run_need("ram_guide"):
        detail = _(
            "this machine has {total}; the guide asks for 32 GB, the run itself for {need}",
            total=gib(total),
            need=gib(need),
        )
        yield info(detail, title=_("less RAM than the guide asks for"))


def _enough_disk(context: Context) -> Iterator[Verdict]:
    """Every purpose's need, summed up on each file system. Only the environment, model and checkpoints block."""
    disks = {disk.purpose: disk for disk in given(context.sheet.machine).disks}
    shares: dict[str, list[tuple[Disk, int, str]]] = defaultdict(list)
    for purpose, need, why in _disk_needs(context):
        if need and purpose in disks:
            shares[disks[purpose].mount].append((disks[purpose], need, why))
    for mount, parts in shares.items():
        free, need = parts[0][0].free, sum(part[1] for part in parts)
        if free < need:
            listed = "; ".join(
                _("{why} {share} in {path}", why=why, share=gib(share), path=disk.path) for disk, share, why in parts
            )
            yield fail(
                _("{listed}; {free} are free on {mount}", listed=listed, free=gib(free), mount=mount),
                title=_("{mount}: {free} free, {need} needed", mount=mount, free=gib(free), need=gib(need)),
                cure=_(
                    "Free {need} on {mount}, or put the project, the model or the output on another file system; "
                    "fewer checkpoints take less: --checkpoints_total_limit 2.",
                    need=gib(need - free),
                    mount=mount,
                ),
                evidence=parts[0][0].path,
                subject=mount,
            )


def _disk_needs(context: Context) -> Iterator[tuple[str, int, str]]:
    """(purpose, bytes, what for) of everything that is still to be written."""
    if isinstance(context.sheet.environment, Absent):
        yield "environment", context.profile.disk_bytes, _("the environment")
    model = value(context.sheet.model)
    if model is not None and not model.exists:
        yield "model", run_need("model"), _("the base model")
    count = max(1, context.settings.steps // run_need("checkpoint_interval"))
    miniature = model is not None and model.cross_attention_dim is not None and model.cross_attention_dim < _FULL_WIDTH
    each = 0 if miniature else run_need("checkpoint")
    yield "checkpoints", max(count * each, run_need("least")), _("{count} checkpoints", count=count)


def _can_be_written(context: Context) -> Iterator[Verdict]:
    """Folders that the environment, the checkpoints, accelerate's config and downloads go into."""
    for disk in given(context.sheet.machine).disks:
        needed = disk.purpose != "environment" or isinstance(context.sheet.environment, Absent)
        if disk.writable or disk.purpose not in _WRITTEN or not needed:
            continue
        yield Verdict(
            "warn" if disk.purpose == "cache" else "fail",
            _(
                "{what} would be written there: `Permission denied` or `Read-only file system`",
                what=_(_WRITTEN[disk.purpose]),
            ),
            title=_("{path} cannot be written", path=disk.path),
            cure=_(
                "Give it to your user (`sudo chown -R $USER {path}`), mount it writable, or name another place: "
                "`output` and `env` in dualano.toml, HF_HOME for the cache, TMPDIR for temporary files.",
                path=disk.path,
            ),
            evidence=disk.path,
            subject=disk.purpose,
        )


def _enough_shared_memory(context: Context) -> Iterator[Verdict]:
    seen, need = given(context.sheet.machine), run_need("shm")
    if seen.shm_total is None or seen.shm_total >= need:
        return
    where = _("in this container") if seen.container else _("here")
    yield warn(
        _(
            "DataLoader workers pass batches through /dev/shm, and {where} it holds {shm_total} MiB; a full one "
            "ends the run with `Bus error` or `unable to open shared memory object`",
            where=where,
            shm_total=seen.shm_total // 1024**2,
        ),
        title=_("/dev/shm has only {shm_total} MiB", shm_total=seen.shm_total // 1024**2),
        cure=_(
            "Start the container with `--shm-size=2g` (or `--ipc=host`), or use no workers: "
            "`--dataloader_num_workers 0`."
        ),
        evidence="/dev/shm",
    )


_rule = partial(Rule, needs=("machine",))
RULES = (
    _rule("SYS001", N_("The operating system is Linux"), _is_linux),
    _rule("SYS002", N_("RAM suffices for the run"), _enough_ram),
    _rule("SYS003", N_("Free disk suffices for everything still to be written"), _enough_disk),
    _rule("SYS004", N_("/dev/shm is large enough for DataLoader workers"), _enough_shared_memory),
    _rule("SYS005", N_("Folders that have to be written can be"), _can_be_written),
)
