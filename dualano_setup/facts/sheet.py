"""The fact sheet: one frozen record of everything the doctor saw, and the only input of the rules.

Sizes are bytes, times are seconds. Paths are strings as the user would type them (absolute). Every record can be
made by hand in a test, so each rule is tried without a machine.
"""

from __future__ import annotations

from ..language import N_
from ..light_dataclasses import dataclass, field
from .fact import Absent, Fact

NOT_ASKED = Absent(N_("not looked at in this run"))


# --- machine -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Disk:
    """Free room where something will be written. Purposes on one file system share its `mount`."""

    purpose: str  # "environment", "checkpoints", "model", "data", "temporary", "cache"
    path: str
    mount: str
    total: int
    free: int
    writable: bool = True  # for this user, at the nearest folder that exists


@dataclass(frozen=True, slots=True)
class Machine:
    """The computer itself."""

    system: str  # "Linux", "Windows", "Darwin"
    kernel: str
    distribution: str
    architecture: str  # "x86_64", "aarch64"
    libc: str  # "glibc 2.36", "musl 1.2"
    wsl: bool
    container: bool
    root: bool
    cpus: int
    ram_total: int
    ram_available: int
    shm_total: int | None
    disks: tuple[Disk, ...] = ()


# --- GPUs ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GpuProcess:
    """Another process on a GPU."""

    pid: int
    name: str
    memory: int | None


@dataclass(frozen=True, slots=True)
class Gpu:
    """One NVIDIA device. `compute_capability` is (8, 6) for sm_86, None where the source does not tell."""

    index: int
    name: str
    memory_total: int | None
    memory_used: int | None
    compute_capability: tuple[int, int] | None
    uuid: str = ""
    processes: tuple[GpuProcess, ...] = ()


@dataclass(frozen=True, slots=True)
class Gpus:
    """The NVIDIA driver and its devices. `devices` may be empty although a driver is there."""

    driver: str | None  # "535.183.01"
    cuda: str | None  # newest CUDA the driver supports, "12.2"
    devices: tuple[Gpu, ...]
    visible: tuple[str, ...] | None  # CUDA_VISIBLE_DEVICES split, None when unset
    via: str  # "nvml", "nvidia-smi", "kernel files"
    note: str = ""  # what a better source said when it failed


# --- training environment ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Distribution:
    """One installed distribution, from its *.dist-info (or *.egg-info) folder alone."""

    name: str  # PEP 503 normalised
    version: str
    location: str  # the folder that holds the dist-info
    dist_info: str  # the dist-info folder
    requires: tuple[str, ...] = ()  # Requires-Dist lines, raw
    requires_python: str | None = None
    summary: str = ""
    top_level: tuple[str, ...] = ()
    wheel_tags: tuple[str, ...] = ()
    installer: str = ""
    editable: bool = False


@dataclass(frozen=True, slots=True)
class BinaryBuild:
    """What a package's own version file says of its build: torch, torchvision, torchaudio."""

    version: str  # "2.2.0+cu118", local part included
    cuda: str | None  # "11.8"; None for a CPU build
    hip: str | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class XformersBuild:
    """xformers' build record (`cpp_lib.json`) and what its library needs at load time."""

    version: str
    torch: str | None  # "2.2.0+cu121"
    cuda: str | None  # "12.1"
    python: str | None  # "3.10.13"
    architectures: tuple[str, ...] = ()
    cudart: str | None = None  # "libcudart.so.12"
    stable_abi: bool = False  # py3-none / abi3 wheel: the recorded torch and Python do not bind it
    source: str = ""


@dataclass(frozen=True, slots=True)
class Leak:
    """A folder outside the environment whose packages its Python would import."""

    kind: str  # "user-site", "pythonpath", "system-site", "conda-base", "pth", "library-path"
    path: str
    shadows: tuple[str, ...] = ()  # distributions there that the environment has too, or that the profile names


@dataclass(frozen=True, slots=True)
class DamagedPackage:
    """A distribution whose files do not match its RECORD, or that is half removed."""

    name: str
    version: str
    missing: tuple[str, ...] = ()
    altered: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class SharedFolder:
    """One import folder owned by several distributions, e.g. cv2."""

    folder: str
    owners: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Environment:
    """The training environment, read from outside: its Python was not started."""

    prefix: str
    kind: str  # "venv", "conda", "system", "pyenv", "active"
    python: str | None  # "3.10.13"; None when nothing tells
    interpreter: str  # prefix/bin/python as a user would start it
    interpreter_ok: bool
    base: str | None  # where the interpreter really comes from
    site_packages: tuple[str, ...]
    distributions: tuple[Distribution, ...]
    torch: BinaryBuild | None = None
    torchvision: BinaryBuild | None = None
    torchaudio: BinaryBuild | None = None
    xformers: XformersBuild | None = None
    leaks: tuple[Leak, ...] = ()
    damaged: tuple[DamagedPackage, ...] = ()
    shared: tuple[SharedFolder, ...] = ()
    problems: tuple[str, ...] = ()  # what is broken about the environment itself, in words
    system_site: bool = False
    managed: bool = False  # made by `fix` (its marker file is there)

    def find(self, name: str) -> Distribution | None:
        """The installed distribution of that (normalised) name, or None."""
        for distribution in self.distributions:
            if distribution.name == name:
                return distribution
        return None


# --- requirements, accelerate --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RequirementLine:
    """One line of a requirements file. `name` and `specifier` are empty when it does not parse."""

    number: int
    text: str
    name: str = ""
    specifier: str = ""
    option: str = ""  # "--find-links", "-r" ...
    value: str = ""  # the option's value
    error: str = ""  # why it is not a valid requirement
    marker: str = ""  # environment marker, raw
    url: str = ""  # a direct reference instead of a version
    span: int = 1  # physical lines, with continuations
    gone: bool = False  # its reference is a path, and nothing is there


@dataclass(frozen=True, slots=True)
class RequirementsFile:
    """A requirements file as text."""

    path: str
    text: str
    lines: tuple[RequirementLine, ...]
    encoding: str = "utf-8"
    problem: str = ""  # "not UTF-8", "merge markers on line 7"
    problem_kind: str = ""  # "unreadable", "binary", "encoding", "merge-markers", "empty"
    siblings: tuple[tuple[str, str], ...] = ()  # name -> specifier seen in sibling files (constraints, README list)


@dataclass(frozen=True, slots=True)
class IgnoredFlag:
    """A flag in a script that `accelerate launch` takes and that does nothing there."""

    file: str
    line: int
    text: str  # "--gradient_accumulation_steps 4"
    value: str


@dataclass(frozen=True, slots=True)
class AccelerateConfig:
    """accelerate's configuration and everything that would win over it."""

    path: str  # where accelerate would read
    exists: bool
    text: str = ""
    values: dict[str, object] | None = None
    error: str = ""  # YAML error, with line
    overrides: tuple[tuple[str, str], ...] = ()  # ACCELERATE_* variables, and those of a launch of several processes
    version: str | None = None  # accelerate in the training environment
    known_keys: tuple[str, ...] = ()  # read from that accelerate's own source when possible
    keys_source: str = ""  # where known_keys were read
    ignored_flags: tuple[IgnoredFlag, ...] = ()  # in the user's own scripts


# --- data, model, checkout -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ImageFile:
    """One image, header only. width and height are None when the header could not be read."""

    path: str
    width: int | None = None
    height: int | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Dataset:
    """The MVTec-layout data as far as one run needs it.

    Of a large set, `images`, `masks` and `foreground` hold the sample that was opened and what lacks its counterpart;
    `more` images beside them are there with all that belongs to them, by name.
    """

    root: str
    exists: bool
    categories: tuple[str, ...] = ()
    category: str | None = None
    anomalies: tuple[str, ...] = ()
    anomaly: str | None = None
    anomaly_dir: str = ""
    images: tuple[ImageFile, ...] = ()  # test/<anomaly>
    masks: tuple[ImageFile, ...] = ()  # ground_truth/<anomaly>
    good: int | None = None  # train/good; None when the folder is not there
    strangers: tuple[str, ...] = ()  # files among the images that are no images
    foreground_root: str | None = None
    foreground: tuple[ImageFile, ...] = ()  # object masks for the anomalous images
    foreground_good: int = 0
    nested_hint: str = ""  # a folder below or above that looks like the real root
    problems: tuple[str, ...] = ()  # folders that could not be listed, or not to their end
    more: int = 0
    opened: int = 0  # images whose file was opened
    layout: str = ""  # title of another known layout that the data have, looked for where something is lacking
    layout_path: str = ""  # the folder or file that has it

    @property
    def number(self) -> int:
        """How many anomalous images there are."""
        return len(self.images) + self.more


@dataclass(frozen=True, slots=True)
class MaskContent:
    """What a mask holds, in the numbers that the trainer's `content.verdict` judges; see `Marks` there."""

    path: str
    largest: int = 255
    white: float = 0.1
    border: float = 0.0
    ignored: float = 0.0
    grey: float = 0.0
    shaped: float = 0.0
    left: float = 1.0
    inside: float = 1.0
    coloured: float = 0.0


@dataclass(frozen=True, slots=True)
class Contents:
    """The pixels of images and masks as training will see them, read by the training environment's Python."""

    resolution: int
    training: int  # images that train
    training_opened: int  # of which the image and its masks were opened
    images: int  # all
    opened: int  # of all
    masks: tuple[MaskContent, ...] = ()
    objects: tuple[MaskContent, ...] = ()
    transparent: tuple[tuple[str, float], ...] = ()  # photographs with the share of their pixels that is transparent
    unreadable: tuple[tuple[str, str], ...] = ()  # file, what its reader says
    without: str = ""  # why no pixel was read; then of the masks only those of one value throughout are here


@dataclass(frozen=True, slots=True)
class ModelPart:
    """One sub-folder of the base model."""

    name: str  # "unet", "vae", "text_encoder", "tokenizer", "scheduler"
    exists: bool
    config: dict[str, object] | None = None
    weights: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()  # files that should be there
    truncated: tuple[str, ...] = ()  # shorter than their own header says
    pointers: tuple[str, ...] = ()  # Git LFS pointer files
    error: str = ""
    layout: tuple[str, ...] = ()  # how it was saved, where not every library reads that; facts/project/model_layout.py


@dataclass(frozen=True, slots=True)
class BaseModel:
    """A Stable Diffusion folder in diffusers layout, headers only; nothing is unpickled."""

    path: str
    exists: bool
    is_hub_id: bool = False
    index: dict[str, object] | None = None
    index_error: str = ""
    parts: tuple[ModelPart, ...] = ()
    pickled: tuple[str, ...] = ()  # .bin/.ckpt files that a run would unpickle
    named_but_absent: tuple[str, ...] = ()  # parts in model_index.json without a folder
    cross_attention_dim: int | None = None
    sample_size: int | None = None
    single_file: str = ""  # a .ckpt/.safetensors instead of a folder
    hub_id: str = ""  # what was given, where it reads like a hub id and no such folder is there
    nested_hint: str = ""  # a folder below that looks like the real model


@dataclass(frozen=True, slots=True)
class PatchState:
    """How one source patch stands in the checkout; see `patching` for the states."""

    patch: str
    state: str
    rules: tuple[str, ...]
    default: bool
    title: str = ""
    reason: str = ""
    files: tuple[tuple[str, str], ...] = ()  # file -> its own state
    lacks: tuple[str, ...] = ()  # settings without which it cannot be applied


@dataclass(frozen=True, slots=True)
class PathLiteral:
    """A path written into the checkout's source that does not hold here."""

    file: str
    line: int
    text: str
    kind: str  # "placeholder", "foreign", "empty", "relative"


@dataclass(frozen=True, slots=True)
class Checkout:
    """A clone of the authors' repository."""

    path: str
    exists: bool
    recognised: bool  # holds one of the method's two trees
    trees: tuple[str, ...] = ()  # "bcm-dual-interrelated_diff", "dual-interrelated_diff"
    git_head: str | None = None
    vendored_diffusers: str | None = None  # version of the copy that shadows any installed one
    patches: tuple[PatchState, ...] = ()
    literals: tuple[PathLiteral, ...] = ()
    debugger_imports: tuple[str, ...] = ()
    requirements: str | None = None  # path of its requirements.txt
    nested_hint: str = ""  # a folder above or below that looks like the real checkout


# --- installers, network -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class IndexConfig:
    """Where pip or uv would look, by their own files and variables. URLs keep their credentials; reports do not."""

    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    cert: str | None = None
    proxy: str | None = None
    trusted_hosts: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    no_index: bool = False
    sources: tuple[str, ...] = ()  # files and variables that said so


@dataclass(frozen=True, slots=True)
class PythonInstall:
    """A Python on this machine that could make an environment."""

    path: str
    version: str  # "3.10.13"


@dataclass(frozen=True, slots=True)
class Installers:
    """Tools that can change environments, and how the user set them up."""

    pip: IndexConfig = field(default_factory=IndexConfig)
    uv: IndexConfig = field(default_factory=IndexConfig)
    uv_path: str | None = None
    conda_path: str | None = None
    pythons: tuple[PythonInstall, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether one address answered. `failure` tells DNS, proxy, certificate, timeout and HTTP apart."""

    url: str
    ok: bool
    failure: str = ""  # "", "dns", "proxy", "certificate", "timeout", "refused", "http 403", "missing"
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Network:
    """Reachability of what the plan needs."""

    indexes: tuple[Answer, ...] = ()
    hub: Answer | None = None


# --- the sheet -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FactSheet:
    """Everything seen in one run. A field that no probe filled is `Absent`."""

    machine: Fact[Machine] = NOT_ASKED
    gpus: Fact[Gpus] = NOT_ASKED
    environment: Fact[Environment] = NOT_ASKED
    requirements: Fact[RequirementsFile] = NOT_ASKED
    accelerate: Fact[AccelerateConfig] = NOT_ASKED
    dataset: Fact[Dataset] = NOT_ASKED
    contents: Fact[Contents] = NOT_ASKED
    model: Fact[BaseModel] = NOT_ASKED
    checkout: Fact[Checkout] = NOT_ASKED
    installers: Fact[Installers] = NOT_ASKED
    network: Fact[Network] = NOT_ASKED
