"""Compiled packages that were not built for each other."""

from __future__ import annotations

from tests.worlds.project import Project
from tests.worlds.site_packages import lay, reinstall, remove, sibling_files, torch_files, xformers_files
from tests.worlds.world import REPLAY, RUN, world

XFORMERS = r"xformers[^\n]*(torch|cuda)|(torch|cuda)[^\n]*xformers"
VISION = r"torchvision[^\n]*torch\b|torch\b[^\n]*torchvision|::nms"
AUDIO = r"torchaudio[^\n]*torch\b|torch\b[^\n]*torchaudio"
CP310 = "cp310-cp310-manylinux2014_x86_64"
NUMPY = r"numpy[^\n]*(2\.|1\.x)|_ARRAY_API"


def trio(p: Project, local: str, cuda: str | None) -> None:
    """torch, torchvision and torchaudio of the profile's releases in another build."""
    reinstall(p.site, "torch", "2.2.0", files=torch_files(f"2.2.0+{local}", cuda))
    for name, version in (("torchvision", "0.17.0"), ("torchaudio", "2.2.0")):
        reinstall(p.site, name, version, files=sibling_files(name, f"{version}+{local}"))


@world(
    "PKG003",
    source=f"{REPLAY}: `pip install torch==2.2.0` takes the CUDA 12.1 build of the default index",
    named_by=r"cu(da)? ?12\.?1[^\n]*|cuda[^\n]*(mismatch|differ|another)",
)
def torch_from_the_default_index(p: Project) -> None:
    trio(p, "cu121", "12.1")
    files = xformers_files("2.2.0+cu121", "12.1", "3.10.13", "libcudart.so.12")
    reinstall(p.site, "xformers", "0.0.24", files=files)


@world(
    "PKG003",
    source="torch: Torch not compiled with CUDA enabled: a CPU wheel on a machine with a GPU",
    named_by=r"cpu[- ](only|build|version|wheel)|\+cpu|without cuda|not compiled with cuda",
)
def cpu_torch_on_a_gpu_machine(p: Project) -> None:
    trio(p, "cpu", None)
    remove(p.site, "xformers")


@world(
    "PKG003",
    source="torch.version.hip is set and no GPU is seen: a wheel of the rocm5.7 index on an NVIDIA machine",
    named_by=r"rocm|\bhip\b|\bamd\b",
)
def torch_for_amd(p: Project) -> None:
    text = "__version__ = '2.2.0+rocm5.7'\ncuda = None\nhip = '5.7.31921'\n"
    reinstall(p.site, "torch", "2.2.0", files={"torch/__init__.py": b"", "torch/version.py": text.encode()})
    remove(p.site, "xformers")
    for name, version in (("torchvision", "0.17.0"), ("torchaudio", "2.2.0")):
        reinstall(p.site, name, version, files=sibling_files(name, f"{version}+rocm5.7"))


@world(
    "PKG003",
    source=f"{REPLAY}: xformers==0.0.24 installed before step 3 replaces torch by the default index's CUDA 12.1 build",
    named_by=r"cu(da)? ?12\.?1|cuda[^\n]*(mismatch|differ|another)",
)
def xformers_brought_another_torch(p: Project) -> None:
    reinstall(p.site, "torch", "2.2.0", files=torch_files("2.2.0+cu121", "12.1"))
    files = xformers_files("2.2.0+cu121", "12.1", "3.10.13", "libcudart.so.12")
    reinstall(p.site, "xformers", "0.0.24", files=files)
    lay(p.site, "nvidia-cublas-cu12", "12.1.3.1", files={"nvidia/cublas/lib/libcublas.so.12": b""})


@world(
    "PKG004",
    source="the guide, problem 3: xformers 0.0.17 requires torch==2.0.0, but you have torch 2.2.0",
    named_by=XFORMERS,
)
def xformers_0_0_17(p: Project) -> None:
    files = xformers_files("2.0.0+cu118", "11.8", "3.10.9", "libcudart.so.11.0")
    reinstall(p.site, "xformers", "0.0.17", requires=["torch==2.0.0"], files=files, tag=CP310)


@world(
    "PKG004",
    source="https://github.com/invoke-ai/InvokeAI/issues/6590: xformers of the release before, torch upgraded",
    named_by=XFORMERS,
)
def xformers_of_torch_2_1(p: Project) -> None:
    files = xformers_files("2.1.2+cu118", "11.8", "3.10.13", "libcudart.so.11.0")
    reinstall(p.site, "xformers", "0.0.23.post1", requires=["torch==2.1.2", "numpy"], files=files, tag=CP310)


@world(
    "PKG004",
    source="https://github.com/facebookresearch/xformers/issues/982: `pip install -U xformers` beside an older torch",
    named_by=XFORMERS,
)
def newest_xformers_under_torch_2_2(p: Project) -> None:
    files = xformers_files("2.10.0+cu128", "12.8", "3.10.19", "libcudart.so.12")
    reinstall(p.site, "xformers", "0.0.34", requires=["torch==2.10.0", "numpy"], files=files)


@world(
    "PKG005",
    source=f"{REPLAY}: the default index's xformers 0.0.24 is a CUDA 12.1 build beside torch 2.2.0+cu118",
    named_by=XFORMERS,
)
def xformers_built_for_cuda_12(p: Project) -> None:
    files = xformers_files("2.2.0+cu121", "12.1", "3.10.13", "libcudart.so.12")
    reinstall(p.site, "xformers", "0.0.24", files=files)


@world(
    "PKG005",
    source="https://github.com/open-mmlab/PIA/issues/30: xFormers was built for Python 3.11 (you have 3.10)",
    named_by=XFORMERS + r"|xformers[^\n]*python",
)
def xformers_built_for_another_python(p: Project) -> None:
    files = xformers_files("2.2.0+cu118", "11.8", "3.11.7", "libcudart.so.11.0")
    reinstall(p.site, "xformers", "0.0.24", files=files, tag="cp311-cp311-manylinux2014_x86_64")


@world(
    "PKG007",
    source="https://github.com/pytorch/pytorch/issues/135013: A module that was compiled using NumPy 1.x cannot be run",
    named_by=NUMPY,
)
def numpy_2(p: Project) -> None:
    reinstall(p.site, "numpy", "2.2.6")


@world(
    "PKG007",
    source="https://github.com/securefederatedai/openfederatedlearning/issues/999: Numpy is not available",
    named_by=NUMPY,
)
def numpy_2_under_pandas_too(p: Project) -> None:
    reinstall(p.site, "numpy", "2.0.2")
    lay(p.site, "pandas", "2.0.3")
    lay(p.site, "scipy", "1.10.1")


@world(
    "PKG012",
    source="https://github.com/pytorch/vision/issues/8985: operator torchvision::nms does not exist",
    named_by=VISION,
)
def torchvision_of_another_torch(p: Project) -> None:
    reinstall(p.site, "torchvision", "0.15.2", files=sibling_files("torchvision", "0.15.2+cu118"))


@world(
    "PKG012",
    source=f"{RUN}: a CUDA torchvision beside a CPU torch; pip check and uv pip check are green",
    named_by=VISION,
)
def torchvision_of_another_build(p: Project) -> None:
    reinstall(p.site, "torchvision", "0.17.0", files=sibling_files("torchvision", "0.17.0+cu121"))


@world(
    "PKG012",
    source=f"{REPLAY}: an upgrade of torch leaves torchaudio behind; pip prints ERROR and ends with status 0",
    named_by=AUDIO,
)
def torchaudio_left_behind(p: Project) -> None:
    reinstall(p.site, "torchaudio", "2.0.2", files=sibling_files("torchaudio", "2.0.2+cu118"))
