"""GPUs and their drivers, said by hand-made facts: no test has all of these machines."""

from __future__ import annotations

from dataclasses import replace

from dualano_setup.facts.fact import Known
from dualano_setup.facts.sheet import Gpu, GpuProcess
from tests.worlds.project import A4500, GIB, GPUS, Project
from tests.worlds.site_packages import reinstall, torch_files
from tests.worlds.world import REPLAY, RUN, world

NO_GPU = r"no (nvidia )?(gpu|device)|gpu[^\n]*not (found|visible|available)|cuda[^\n]*not available|nvidia-smi[^\n]*not"
HIDDEN = r"CUDA_VISIBLE_DEVICES"
TOO_OLD = r"driver[^\n]*(too old|older|below|update|upgrade|minimum|requires)"
KERNELS = r"no kernel image|sm_\d+|compute capability|architecture"
NAMED = "the named profile itself has no code for the card; which other one to take is for the user to say"
MEMORY = r"(vram|gpu memory|memory)[^\n]*(need|insufficient|too small|low|fit)|need[^\n]*gib"


@world(
    "GPU001",
    source="torch: Found no NVIDIA driver on your system: a container that was started without --gpus",
    named_by=NO_GPU,
)
def no_gpu_in_the_container(p: Project) -> None:
    p.overlay["gpus"] = Known(replace(GPUS, driver=None, cuda=None, devices=()))


@world(
    "GPU001", source="torch: No CUDA GPUs are available, under a launcher that sets the variable empty", named_by=HIDDEN
)
def every_gpu_is_hidden(p: Project) -> None:
    p.facts("gpus", visible=())
    p.patch_environment("CUDA_VISIBLE_DEVICES", "")


@world(
    "GPU001", source=f"{RUN}: train.sh sets CUDA_VISIBLE_DEVICES={{id}}, a template nobody filled in", named_by=HIDDEN
)
def the_template_of_train_sh(p: Project) -> None:
    p.facts("gpus", visible=("{id}",))
    p.patch_environment("CUDA_VISIBLE_DEVICES", "{id}")


@world(
    "GPU001",
    source="https://github.com/McGill-NLP/llm2vec/issues/84: invalid device ordinal; the authors' runner takes GPU 4",
    named_by=HIDDEN,
)
def gpu_4_of_one(p: Project) -> None:
    p.facts("gpus", visible=("4",))
    p.patch_environment("CUDA_VISIBLE_DEVICES", "4")


@world(
    "GPU001",
    source="https://github.com/NVIDIA/ubuntu-packaging-nvidia-driver/issues/3: mismatch after an unattended upgrade",
    named_by=r"mismatch",
)
def the_driver_was_upgraded_under_the_kernel(p: Project) -> None:
    told = "nvidia-smi: Failed to initialize NVML: Driver/library version mismatch"
    device = Gpu(0, "NVIDIA RTX A4500", None, None, None, "GPU-1")
    p.facts("gpus", driver="550.90.07", cuda=None, devices=(device,), via="kernel files", note=told)


@world(
    "GPU001",
    source="https://github.com/NVIDIA/nvidia-container-toolkit/issues/48: a container loses its GPU while it runs",
    named_by=r"NVML|unknown error",
)
def the_container_lost_its_gpu(p: Project) -> None:
    told = "nvidia-smi: Failed to initialize NVML: Unknown Error"
    device = Gpu(0, "NVIDIA RTX A4500", None, None, None, "GPU-1")
    p.facts("machine", container=True)
    p.facts("gpus", driver="550.90.07", cuda=None, devices=(device,), via="kernel files", note=told)


@world(
    "GPU001",
    source="nvidia-smi: couldn't communicate with the NVIDIA driver: a new kernel without the driver's module",
    named_by=r"communicate|driver[^\n]*(not|no)[^\n]*(load|running|installed)|" + NO_GPU,
)
def a_new_kernel_without_the_module(p: Project) -> None:
    told = (
        "nvidia-smi: NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the "
        "latest NVIDIA driver is installed and running."
    )
    p.facts("gpus", driver=None, cuda=None, devices=(), via="nvidia-smi", note=told)


@world(
    "GPU001",
    source="https://github.com/Oneflow-Inc/oneflow/issues/3106: nouveau took the card, NVIDIA's driver did not load",
    named_by=r"without its driver|nouveau|no driver|driver[^\n]*not|" + NO_GPU,
)
def a_card_that_nouveau_took(p: Project) -> None:
    told = "a GPU without its driver: 0000:01:00.0"
    p.facts("gpus", driver=None, cuda=None, devices=(), via="kernel files", note=told)


@world(
    "GPU002",
    source="https://github.com/rikdz/GraphWriter/issues/6: The NVIDIA driver on your system is too old",
    named_by=TOO_OLD,
)
def driver_of_2019(p: Project) -> None:
    p.facts("gpus", driver="418.87.01", cuda="10.1")


@world(
    "GPU002",
    source="https://docs.nvidia.com/deploy/cuda-compatibility/minor-version-compatibility.html: CUDA 13 needs 580",
    named_by=TOO_OLD,
)
def cuda_13_under_driver_550(p: Project) -> None:
    p.use_profile("modern", "3.11.7")


@world(
    "GPU003",
    source="https://github.com/johnman3032/simple-lora-dreambooth-trainer/issues/2: CUDA out of memory",
    named_by=MEMORY,
)
def batch_2_on_8_gib(p: Project) -> None:
    p.gpu(name="NVIDIA GeForce RTX 3060 Ti", memory_total=8 * GIB)


@world("GPU003", source=f"{REPLAY}: the guide wants 16 GB and more; torch.cuda.OutOfMemoryError below", named_by=MEMORY)
def a_card_of_12_gib(p: Project) -> None:
    p.gpu(name="NVIDIA GeForce RTX 4070", memory_total=12 * GIB, compute_capability=(8, 9))


@world(
    "GPU004",
    source="https://github.com/pytorch/pytorch/issues/167244: sm_120 is not compatible with the current PyTorch",
    named_by=KERNELS,
    by_hand=NAMED,
)
def blackwell_with_cuda_11_8(p: Project) -> None:
    p.gpu(name="NVIDIA GeForce RTX 5090", memory_total=32 * GIB, compute_capability=(12, 0))
    p.facts("gpus", driver="580.65.06", cuda="13.0")


@world(
    "GPU004",
    source="https://github.com/pBFSLab/DeepPrep/issues/233: torch 2.0.1 for CUDA 11.8 on an RTX 5090",
    named_by=KERNELS,
    by_hand=NAMED,
)
def blackwell_datacentre_card(p: Project) -> None:
    p.gpu(name="NVIDIA B200", memory_total=180 * GIB, compute_capability=(10, 0))
    p.facts("gpus", driver="570.133.20", cuda="12.8")


@world(
    "GPU004",
    source="https://github.com/astral-sh/uv/issues/14742: the newest CUDA chosen for a GTX 1080 Ti",
    named_by=KERNELS,
    by_hand=NAMED,
)
def pascal_with_cuda_13(p: Project) -> None:
    p.use_profile("modern", "3.11.7")
    p.gpu(name="NVIDIA TITAN Xp", memory_total=24 * GIB, compute_capability=(6, 1))
    p.facts("gpus", driver="580.65.06", cuda="13.0")


@world(
    "GPU004",
    "PKG002",
    source="https://github.com/pytorch/pytorch/issues/167244: sm_120 and a torch of before",
    named_by=KERNELS,
)
def an_older_torch_on_a_new_card(p: Project) -> None:
    p.use_profile("modern", "3.11.7")
    p.gpu(name="NVIDIA GeForce RTX 5090", memory_total=32 * GIB, compute_capability=(12, 0))
    p.facts("gpus", driver="580.65.06", cuda="13.0")
    reinstall(p.site, "torch", "2.5.1", files=torch_files("2.5.1+cu124", "12.4"))


@world(
    "GPU005",
    source="torch.cuda.OutOfMemoryError: most of the card is taken by another process, which nvidia-smi lists",
    named_by=r"4242|taken by|another process|in use",
)
def a_colleague_trains_already(p: Project) -> None:
    p.gpu(memory_used=17 * GIB, processes=(GpuProcess(4242, "python", 17 * GIB),))


@world(
    "GPU005",
    source="torch.cuda.OutOfMemoryError beside a process of another container, which shows no name",
    named_by=r"taken by|another process|other processes|in use|free",
)
def memory_held_by_nobody_visible(p: Project) -> None:
    p.gpu(memory_used=18 * GIB, processes=())


@world(
    "GPU001",
    source="https://github.com/pytorch/pytorch/pull/92315: parsing stops at the first device that is not there",
    named_by=HIDDEN,
)
def a_card_of_another_machine_by_its_uuid(p: Project) -> None:
    p.facts("gpus", devices=(replace(A4500, uuid="GPU-8932f937-d72c-4106-c12f-20bd9faed9f6"),))
    p.facts("gpus", visible=("GPU-6abc94b2-1111-2222-3333-444444444444",))
    p.patch_environment("CUDA_VISIBLE_DEVICES", "GPU-6abc94b2-1111-2222-3333-444444444444")
