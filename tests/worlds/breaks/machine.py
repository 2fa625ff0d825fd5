"""Machines that are not enough: the system, memory, disks, the network."""

from __future__ import annotations

from dataclasses import replace

from dualano_setup.facts.fact import Known
from dualano_setup.facts.sheet import Answer, Network
from tests.worlds.project import GIB, MACHINE, Project
from tests.worlds.site_packages import remove
from tests.worlds.world import REPLAY, RUN, world

INDEX, HUB = "https://index.example/simple", "https://hub.example"


@world(
    "SYS001",
    source="https://github.com/pytorch/pytorch/issues/131662 (torch for Windows misses a DLL)",
    named_by=r"windows",
)
def native_windows(p: Project) -> None:
    p.facts("machine", system="Windows", kernel="10.0.22631", distribution="Windows 11")


@world(
    "SYS001",
    source="https://github.com/triton-lang/triton/issues/1057 (no CUDA and no triton on a Mac)",
    named_by=r"macos|darwin|mac os|apple",
)
def a_macbook(p: Project) -> None:
    p.facts("machine", system="Darwin", kernel="24.6.0", distribution="macOS 15.6", architecture="arm64")


@world(
    "SYS001",
    source="https://github.com/pytorch/pytorch/issues/150724: version `GLIBC_2.27' not found on CentOS 7",
    named_by=r"glibc",
)
def centos_7(p: Project) -> None:
    p.use_profile("modern", "3.11.7")
    p.facts("gpus", driver="580.65.06", cuda="13.0")
    p.facts("machine", distribution="CentOS Linux 7 (Core)", libc="glibc 2.17")


@world(
    "SYS001",
    source="PEP 656: wheels for glibc are no wheels for Alpine, whose C library is musl",
    named_by=r"musl|alpine",
)
def an_alpine_container(p: Project) -> None:
    p.facts("machine", distribution="Alpine Linux v3.20", libc="musl", container=True)


@world(
    "SYS002",
    source=f"{REPLAY}: the guide asks for 32 GB; a run on 8 is ended by the kernel with exit code -9",
    named_by=r"\bram\b|memory.*(low|only|insufficient|too (small|little))",
)
def laptop_with_8_gib(p: Project) -> None:
    p.facts("machine", ram_total=8 * GIB, ram_available=6 * GIB)


@world(
    "SYS002",
    source="torchrun's report of exit code -9: the kernel ended the process for host memory; WSL takes half of the RAM",
    named_by=r"\bram\b|memory.*(low|only|insufficient|too (small|little))|wslconfig",
)
def wsl_with_half_of_16_gb(p: Project) -> None:
    p.facts("machine", wsl=True, kernel="5.15.167.4-microsoft-standard-WSL2", ram_total=7 * GIB, ram_available=6 * GIB)


@world(
    "SYS003",
    source=f"{RUN}: a checkpoint takes 1.8 GB and ten are kept: OSError: [Errno 28] No space left on device",
    named_by=r"(disk|space|/scratch)[^\n]*(full|free|low|left|insufficient)|free[^\n]*(disk|space)",
)
def checkpoints_on_a_full_disk(p: Project) -> None:
    disks = tuple(
        replace(d, mount="/scratch", free=GIB // 4) if d.purpose == "checkpoints" else d for d in MACHINE.disks
    )
    p.facts("machine", disks=disks)


@world(
    "SYS003",
    source="errno 122: OSError: [Errno 122] Disk quota exceeded, a home of 2 GB on a cluster",
    named_by=r"(disk|space|quota|/home)[^\n]*(full|free|low|left|insufficient|exceeded)|free[^\n]*(disk|space)",
)
def everything_in_a_small_home(p: Project) -> None:
    p.facts("machine", disks=tuple(replace(d, mount="/home", total=2 * GIB, free=GIB) for d in MACHINE.disks))
    (p.root / "dualano.toml").write_text("[train]\nsteps = 5000\n", encoding="utf-8")
    p.full_width_model()


@world(
    "SYS004",
    source="https://github.com/pytorch/pytorch/issues/5040: DataLoader worker is killed by signal: Bus error",
    named_by=r"/dev/shm|shared memory|\bshm\b",
)
def docker_with_64_mib_of_shm(p: Project) -> None:
    p.facts("machine", container=True, shm_total=64 * 1024**2)


@world(
    "SYS005",
    source="https://github.com/bmaltais/kohya_ss/issues/1143: Permission denied: '/home/appuser/.cache/huggingface'",
    named_by=r"permission|writ(e|able|ten)|read.only",
)
def a_cache_that_root_made(p: Project) -> None:
    p.facts("machine", container=True, disks=tuple(replace(d, writable=d.purpose != "cache") for d in MACHINE.disks))


@world(
    "SYS005",
    source="https://github.com/OHF-Voice/wyoming-faster-whisper/issues/27: [Errno 30] Read-only file system",
    named_by=r"permission|writ(e|able|ten)|read.only",
)
def an_output_folder_mounted_read_only(p: Project) -> None:
    p.facts("machine", disks=tuple(replace(d, writable=d.purpose != "checkpoints") for d in MACHINE.disks))


@world(
    "NET001",
    "PKG001",
    causes=2,
    source="requests: ProxyError, Cannot connect to proxy: HTTPS_PROXY names a proxy that refuses",
    named_by=r"proxy",
)
def the_index_is_behind_a_broken_proxy(p: Project) -> None:
    remove(p.site, "einops")
    p.overlay["network"] = Known(Network(indexes=(Answer(INDEX, False, "proxy", "403"),)))


@world(
    "NET001",
    "PKG001",
    causes=2,
    source="ssl.SSLCertVerificationError: unable to get local issuer certificate: a company proxy re-signs TLS",
    named_by=r"certificate|\btls\b|\bssl\b",
)
def a_company_proxy_signs_anew(p: Project) -> None:
    remove(p.site, "einops")
    words = "certificate verify failed: unable to get local issuer certificate"
    p.overlay["network"] = Known(Network(indexes=(Answer(INDEX, False, "certificate", words),)))


@world(
    "NET001",
    "PKG001",
    causes=2,
    source="pip: NameResolutionError, Temporary failure in name resolution: a compute node without a name server",
    named_by=r"\bdns\b|resolv|name or service",
)
def no_name_server_on_the_compute_node(p: Project) -> None:
    remove(p.site, "einops")
    p.overlay["network"] = Known(Network(indexes=(Answer(INDEX, False, "dns", "Name or service not known"),)))


@world(
    "NET002",
    "MODEL001",
    causes=2,
    source="https://github.com/llmware-ai/llmware/issues/311: We couldn't connect to the hub to load this file",
    named_by=r"\bhub\b|hugging ?face|\bdns\b",
)
def no_hub_and_no_model(p: Project) -> None:
    p.flags["model"] = p.root / "absent"
    p.overlay["network"] = Known(Network(hub=Answer(HUB, False, "dns", "no such host")))


@world(
    "NET002",
    "MODEL001",
    causes=2,
    source="https://github.com/Stability-AI/generative-models/issues/215: LocalEntryNotFoundError",
    named_by=r"\bhub\b|hugging ?face|timed? ?out",
)
def the_hub_is_blocked(p: Project) -> None:
    p.flags["model"] = p.root / "absent"
    p.overlay["network"] = Known(Network(hub=Answer(HUB, False, "timeout", "Connection timed out")))
