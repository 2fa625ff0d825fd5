"""Machines that look odd and are well."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

from tests.worlds.breaks.accelerate import OF_CONFIG_DEFAULT
from tests.worlds.breaks.data import first, jpeg, png
from tests.worlds.breaks.model import as_clone, as_hub_cache
from tests.worlds.project import A4500, GPUS, MACHINE, REQUIREMENTS, Project
from tests.worlds.site_packages import lay, reinstall, remove
from tests.worlds.world import REPLAY, RUN, fine

UUID = "GPU-8932f937-d72c-4106-c12f-20bd9faed9f6"


@fine(source="https://github.com/vllm-project/vllm/pull/6582: CUDA_VISIBLE_DEVICES names a card by its UUID")
def a_gpu_named_by_its_uuid(p: Project) -> None:
    p.facts("gpus", devices=(replace(A4500, uuid=UUID),), visible=(UUID,))


@fine(source="CUDA's manual: as many digits of a UUID as are needed to tell it from the others")
def a_gpu_named_by_part_of_its_uuid(p: Project) -> None:
    p.facts("gpus", devices=(replace(A4500, uuid=UUID),), visible=(UUID[:12],))


@fine(source="https://github.com/pytorch/pytorch/issues/95784: CUDA_VISIBLE_DEVICES names a MIG instance")
def a_mig_instance(p: Project) -> None:
    card = replace(A4500, name="NVIDIA A100-SXM4-80GB", memory_total=80 * 1024**3, compute_capability=(8, 0))
    p.facts("gpus", devices=(replace(card, uuid=UUID),), visible=("MIG-feee0c61-26ec-5616-bb59-b6d777cc4f34",))


@fine(source="CUDA's manual: MIG-<GPU UUID>/<instance>/<compute instance>, of drivers before 470")
def a_mig_instance_in_the_older_spelling(p: Project) -> None:
    card = replace(A4500, name="NVIDIA A100-SXM4-80GB", memory_total=80 * 1024**3, compute_capability=(8, 0))
    p.facts("gpus", devices=(replace(card, uuid=UUID),), visible=(f"MIG-{UUID}/1/0",))


@fine(source="a driver that is newer than anything the profile names")
def a_driver_of_next_year(p: Project) -> None:
    p.facts("gpus", driver="610.41.03", cuda="13.4")


@fine(source="WSL2, with enough memory: CUDA works there as on Linux")
def wsl_2(p: Project) -> None:
    p.facts("machine", wsl=True, kernel="5.15.167.4-microsoft-standard-WSL2", distribution="Ubuntu 22.04.5 LTS")


@fine(source="a container started with --shm-size=8g, whose RAM the kernel limits to 48 GiB")
def a_container_with_room(p: Project) -> None:
    p.facts("machine", container=True, root=True, shm_total=8 * 1024**3, ram_total=48 * 1024**3)


@fine(source="https://github.com/ros2/ros2/issues/1094: PYTHONPATH of ROS, whose packages nobody here needs")
def pythonpath_of_ros(p: Project) -> None:
    ros = p.root / "opt" / "ros" / "humble" / "lib" / "python3.10" / "site-packages"
    for name in ("rclpy", "ament-index-python", "std-msgs"):
        lay(ros, name, "1.0.0")
    p.patch_environment("PYTHONPATH", str(ros))


@fine(source="seen with this program's own checkout: PYTHONPATH names a project that is installed as well")
def pythonpath_of_the_users_own_project(p: Project) -> None:
    lay(p.site, "my-tools", "0.1")
    lay(p.root / "my-tools", "my-tools", "0.2")
    p.patch_environment("PYTHONPATH", str(p.root / "my-tools"))


@fine(source="a variable that names folders which are not there")
def pythonpath_of_folders_that_are_gone(p: Project) -> None:
    p.patch_environment("PYTHONPATH", "/opt/gone/lib:/home/somebody/old")


@fine(source="a CUDA toolkit on LD_LIBRARY_PATH, without a cuDNN: torch is not known to mind")
def a_cuda_toolkit_on_the_library_path(p: Project) -> None:
    toolkit = p.root / "cuda-11.8" / "lib64"
    toolkit.mkdir(parents=True)
    for name in ("libcudart.so.11.0", "libcublas.so.11", "libnvJitLink.so.12"):
        (toolkit / name).write_bytes(b"\x7fELF")
    p.patch_environment("LD_LIBRARY_PATH", f"{toolkit}:/opt/gone/lib:")


@fine(source="an editable install of the user's own project")
def an_editable_project(p: Project) -> None:
    own = p.root / "my-tools" / "src"
    own.mkdir(parents=True)
    lay(p.site, "my-tools", "0.1", files={"__editable__.my_tools-0.1.pth": f"{own}\n".encode()})


@fine(source="https://github.com/opencv/opencv-python/issues/370: the desktop OpenCV instead of the headless one")
def the_other_opencv(p: Project) -> None:
    remove(p.site, "opencv-python-headless")
    lay(p.site, "opencv-python", "4.8.1.78", files={"cv2/__init__.py": b"import os\n"})


@fine(source=f"{REPLAY}: neither trainer needs xformers, ipdb or torchaudio")
def without_what_is_optional(p: Project) -> None:
    for name in ("xformers", "ipdb", "torchaudio"):
        remove(p.site, name)


@fine(source=f"{RUN}: versions beside the pins that trained a step as well")
def other_versions_that_were_tried(p: Project) -> None:
    for name, version in (("huggingface-hub", "0.25.2"), ("accelerate", "1.0.1"), ("pillow", "13.0.0")):
        reinstall(p.site, name, version)


@fine(source="packages of the user's own, which contradict nobody")
def packages_of_the_users_own(p: Project) -> None:
    for name in ("jupyterlab", "pandas", "wandb", "black"):
        lay(p.site, name, "2.3.0", requires=["numpy>=1.20", "packaging"])


@fine(checkout=True, source="https://github.com/pypa/pip/issues/733: UTF-16 with its mark, as PowerShell writes it")
def requirements_in_utf_16(p: Project) -> None:
    p.requirements.write_bytes(REQUIREMENTS.encode("utf-16"))


@fine(checkout=True, source="a byte order mark and lines that end as on Windows: pip and uv read both")
def requirements_with_a_mark_and_crlf(p: Project) -> None:
    p.requirements.write_bytes(b"\xef\xbb\xbf" + REQUIREMENTS.replace("\n", "\r\n").encode())


@fine(checkout=True, source=f"{REPLAY}: the guide's list has Chinese comments; pip and uv accept them")
def requirements_with_chinese_comments(p: Project) -> None:
    p.requirements.write_text("# 深度學習框架\n" + REQUIREMENTS + "pillow==9.4.0  # 影像\n", encoding="utf-8")


@fine(checkout=True, source="markers for other systems, hashes and continued lines: pip's own format")
def requirements_with_markers_and_hashes(p: Project) -> None:
    digest = "0" * 64
    p.requirements.write_text(
        f'{REQUIREMENTS}pywin32==306; sys_platform == "win32"\neinops==0.8.2 \\\n    --hash=sha256:{digest}\n'
    )


@fine(source="https://github.com/huggingface/huggingface_hub: the cache's snapshot, whose files are links")
def the_model_in_the_hubs_cache(p: Project) -> None:
    as_hub_cache(p)


@fine(source="a model folder that is a link to a shared disk")
def a_model_behind_a_link(p: Project) -> None:
    shared = p.root / "shared-disk"
    p.model.rename(shared)
    p.model.symlink_to(shared)


@fine(source="weights in several shards, all of them there")
def weights_in_shards(p: Project) -> None:
    folder = p.model / "unet"
    name = "diffusion_pytorch_model-00001-of-00001.safetensors"
    (folder / "diffusion_pytorch_model.safetensors").rename(folder / name)
    index = {"metadata": {"total_size": 1}, "weight_map": {"a": name}}
    (folder / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))


@fine(source="https://github.com/huggingface/diffusers/issues/5863: variants and pickles beside the whole weights")
def a_clone_with_every_format(p: Project) -> None:
    as_clone(p)
    for part in ("unet", "vae"):
        weights = p.model / part / "diffusion_pytorch_model.safetensors"
        shutil.copyfile(weights, weights.with_name("diffusion_pytorch_model.fp16.safetensors"))
        weights.with_name("diffusion_pytorch_model.bin").write_bytes(b"PK\x03\x04" + bytes(64))


@fine(source="a picture of a telephone: its EXIF turns it, and its masks are as it is shown")
def images_that_exif_turns(p: Project) -> None:
    image = first(p.images)
    name = image.stem
    image.unlink()
    image.with_suffix(".jpg").write_bytes(jpeg(48, 64, orientation=6))
    for folder in (p.masks, p.foreground / "widget" / "scratch"):
        for mask in folder.iterdir():
            if mask.stem.removesuffix("_mask") == name:
                mask.write_bytes(png(64, 48))


@fine(source="palettes, grey and transparency: modes that the trainer's reader converts without loss")
def images_of_odd_modes(p: Project) -> None:
    for image, colour in zip(sorted(p.images.iterdir()), (0, 2, 3, 6), strict=False):
        image.write_bytes(png(128, 128, colour=colour))


@fine(source="masks named like their images, as in other sets")
def masks_named_like_their_images(p: Project) -> None:
    for mask in sorted(p.masks.iterdir()):
        mask.rename(mask.with_name(mask.name.replace("_mask", "")))


@fine(source="a data set behind a link, on a read-only disk of the cluster")
def data_behind_a_link(p: Project) -> None:
    shared = p.root / "datasets"
    p.data.rename(shared)
    p.data.symlink_to(shared)


@fine(source="a config that somebody wrote by hand: with comments, its keys in another order")
def an_accelerate_config_with_comments(p: Project) -> None:
    lines = p.accelerate.read_text().splitlines()
    p.accelerate.write_text("# mine\n" + "\n".join(reversed(lines)) + "\n")


@fine(source="variables of accelerate that change nothing")
def variables_that_are_off(p: Project) -> None:
    for name in ("ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED", "ACCELERATE_USE_CPU"):
        p.patch_environment(name, "false")


@fine(source="two cards of which the run takes one, by CUDA_VISIBLE_DEVICES")
def the_second_of_two_cards(p: Project) -> None:
    cards = (A4500, replace(A4500, index=1, uuid="GPU-2"))
    p.facts("gpus", devices=cards, visible=("1",))


@fine(source="data and model on a disk that is mounted read-only, as clusters have it")
def data_and_model_read_only(p: Project) -> None:
    disks = tuple(replace(d, writable=d.purpose not in ("data", "model", "environment")) for d in MACHINE.disks)
    p.facts("machine", disks=disks)


@fine(source="disks that hold one purpose each, all with room enough")
def a_disk_for_each_purpose(p: Project) -> None:
    disks = tuple(replace(d, mount=f"/disk{n}", free=30 * 1024**3) for n, d in enumerate(MACHINE.disks))
    p.facts("machine", disks=disks)


@fine(source="a folder with spaces and Chinese characters in its name")
def a_path_with_spaces(p: Project) -> None:
    target = p.root / "我的 資料"
    p.data.rename(target)
    p.flags["data"] = target


@fine(checkout=True, source="a checkout whose files end their lines as on Windows")
def a_checkout_with_crlf(p: Project) -> None:
    for file in p.checkout.rglob("*.py"):
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))


@fine(source="the current stack on a current card and driver")
def the_current_stack(p: Project) -> None:
    p.use_profile("modern", "3.11.7")
    p.facts("gpus", driver="580.65.06", cuda="13.0", devices=(replace(GPUS.devices[0], compute_capability=(8, 9)),))


@fine(source="run of accelerate 1.15.0, 2026-11-28: `config default` writes JSON into a file named .yaml")
def json_in_a_yaml_file(p: Project) -> None:
    p.accelerate.write_text(json.dumps(OF_CONFIG_DEFAULT, indent=2) + "\n")


@fine(source="Slurm's PMI: each shell of a job of one task has PMI_SIZE=1")
def a_job_of_one_task(p: Project) -> None:
    p.patch_environment("PMI_SIZE", "1")
    p.patch_environment("OMPI_COMM_WORLD_SIZE", "1")
    p.patch_environment("SLURM_NTASKS", "4")


@fine(
    checkout=True,
    source="PEP 508: `sys_platform == 'win32'` keeps a Windows package off Linux; a wheel of this platform by its path",
)
def lines_of_other_platforms_with_markers(p: Project) -> None:
    wheel = p.root / "wheels" / "tiny-1.0-cp310-cp310-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
    wheel.parent.mkdir()
    wheel.write_bytes(b"PK")
    lines = ('pywin32==306; sys_platform == "win32"', f"tiny @ file://{wheel}", "./more/plain-1.0-py3-none-any.whl")
    p.requirements.write_text(REQUIREMENTS + "\n".join(lines) + "\n")


@fine(source="accelerate 1.15.0: what stands behind the script's name is the script's own", checkout=True)
def accumulation_asked_of_the_trainer(p: Project) -> None:
    (p.checkout / "train.sh").write_text("accelerate launch train.py --gradient_accumulation_steps 4\n")
