"""The broken worlds: each takes a healthy project and breaks one thing, the way people break it."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace

from dualano_setup.facts.fact import Known
from dualano_setup.facts.sheet import Answer, GpuProcess, Network

from .project import GIB, GPUS, MACHINE, Project
from .site_packages import lay, sibling_files, torch_files, xformers_files

Break = Callable[[Project], None]


@dataclass(frozen=True)
class World:
    """One broken machine. `rule` must be found; `also` may be found with it because both are true there."""

    name: str
    rule: str
    break_it: Break
    also: frozenset[str] = frozenset()
    checkout: bool = False


WORLDS: list[World] = []


def world(rule: str, *also: str, checkout: bool = False) -> Callable[[Break], Break]:
    """Registers a function as the world of that rule."""

    def register(break_it: Break) -> Break:
        WORLDS.append(World(break_it.__name__, rule, break_it, frozenset(also), checkout))
        return break_it

    return register


def reinstall(project: Project, name: str, version: str, **how) -> None:
    """Another version of a package in place of the installed one."""
    remove(project, name)
    lay(project.site, name, version, **how)


def remove(project: Project, name: str) -> None:
    """Uninstalls a package with its folder."""
    stem = name.replace("-", "_").lower()
    found = [f for f in project.site.glob("*.dist-info") if f.name.lower().startswith(f"{stem}-")]
    assert found, f"{name} is not installed"
    for info in found:
        for row in (info / "RECORD").read_text().splitlines():
            (project.site / row.split(",")[0]).unlink(missing_ok=True)
        shutil.rmtree(info, ignore_errors=True)


# --- machine -------------------------------------------------------------------------------------------------


@world("SYS001")
def native_windows(p: Project) -> None:
    p.facts("machine", system="Windows", kernel="10.0.22631", distribution="Windows 11")


@world("SYS002")
def laptop_with_8_gib(p: Project) -> None:
    p.facts("machine", ram_total=8 * GIB, ram_available=6 * GIB)


@world("SYS003")
def checkpoints_on_a_full_disk(p: Project) -> None:
    disks = tuple(
        replace(d, mount="/scratch", free=GIB // 4) if d.purpose == "checkpoints" else d for d in MACHINE.disks
    )
    p.facts("machine", disks=disks)


@world("SYS004")
def docker_with_64_mib_of_shm(p: Project) -> None:
    p.facts("machine", container=True, shm_total=64 * 1024**2)


# --- Python and the environment ------------------------------------------------------------------------------


@world("PY001")
def python_3_13(p: Project) -> None:
    p.edit(p.env / "pyvenv.cfg", "version_info = 3.10.13", "version_info = 3.13.0")
    (p.env / "lib" / "python3.10").rename(p.env / "lib" / "python3.13")
    (p.env / "bin" / "python3.10").rename(p.env / "bin" / "python3.13")


@world("PY002")
def no_environment_yet(p: Project) -> None:
    shutil.rmtree(p.env)


@world("PY003")
def system_site_packages_on(p: Project) -> None:
    p.edit(p.env / "pyvenv.cfg", "include-system-site-packages = false", "include-system-site-packages = true")


@world("PY003")
def pythonpath_shadows_numpy(p: Project) -> None:
    outside = p.root / "old-packages"
    lay(outside, "numpy", "2.3.1")
    p.patch_environment("PYTHONPATH", str(outside))


@world("PY004")
def interpreter_uninstalled(p: Project) -> None:
    (p.env / "bin" / "python").unlink()
    (p.env / "bin" / "python").symlink_to("/opt/removed/bin/python3.10")


@world("PY004")
def pyvenv_cfg_is_binary_rubbish(p: Project) -> None:
    (p.env / "pyvenv.cfg").write_bytes(b"\x00\xff\xfe" * 100)


# --- GPU -----------------------------------------------------------------------------------------------------


@world("GPU001")
def no_gpu_in_the_container(p: Project) -> None:
    p.overlay["gpus"] = Known(replace(GPUS, driver=None, cuda=None, devices=()))


@world("GPU002")
def driver_of_2019(p: Project) -> None:
    p.facts("gpus", driver="418.87.01", cuda="10.1")


@world("GPU003")
def batch_2_on_8_gib(p: Project) -> None:
    p.gpu(name="NVIDIA GeForce RTX 3060 Ti", memory_total=8 * GIB)


@world("GPU004")
def blackwell_with_cuda_11_8(p: Project) -> None:
    p.gpu(name="NVIDIA GeForce RTX 5090", memory_total=32 * GIB, compute_capability=(12, 0))
    p.facts("gpus", driver="580.65.06", cuda="13.0")


@world("GPU005")
def a_colleague_trains_already(p: Project) -> None:
    p.gpu(memory_used=17 * GIB, processes=(GpuProcess(4242, "python", 17 * GIB),))


# --- packages ------------------------------------------------------------------------------------------------


@world("PKG001")
def no_einops(p: Project) -> None:
    remove(p, "einops")


@world("PKG002")
def transformers_5(p: Project) -> None:
    reinstall(p, "transformers", "5.23.0")


@world("PKG003")
def torch_from_the_default_index(p: Project) -> None:
    reinstall(p, "torch", "2.2.0", files=torch_files("2.2.0+cu121", "12.1"))
    for name, version in (("torchvision", "0.17.0"), ("torchaudio", "2.2.0")):
        reinstall(p, name, version, files=sibling_files(name, f"{version}+cu121"))
    reinstall(p, "xformers", "0.0.24", files=xformers_files("2.2.0+cu121", "12.1", "3.10.13", "libcudart.so.12"))


@world("PKG003")
def cpu_torch_on_a_gpu_machine(p: Project) -> None:
    reinstall(p, "torch", "2.2.0", files=torch_files("2.2.0+cpu", None))
    for name, version in (("torchvision", "0.17.0"), ("torchaudio", "2.2.0")):
        reinstall(p, name, version, files=sibling_files(name, f"{version}+cpu"))
    remove(p, "xformers")


@world("PKG004")
def xformers_0_0_17(p: Project) -> None:
    files = xformers_files("2.0.0+cu118", "11.8", "3.10.9", "libcudart.so.11.0")
    reinstall(p, "xformers", "0.0.17", requires=["torch==2.0.0"], files=files)


@world("PKG005")
def xformers_built_for_cuda_12(p: Project) -> None:
    reinstall(p, "xformers", "0.0.24", files=xformers_files("2.2.0+cu121", "12.1", "3.10.13", "libcudart.so.12"))


@world("PKG006")
def hub_without_cached_download(p: Project) -> None:
    reinstall(p, "huggingface-hub", "0.35.3")


@world("PKG006")
def hub_1_x(p: Project) -> None:
    reinstall(p, "huggingface-hub", "1.33.0")


@world("PKG007")
def numpy_2(p: Project) -> None:
    reinstall(p, "numpy", "2.2.6")


@world("PKG008")
def two_opencvs(p: Project) -> None:
    files = {f"cv2/{name}": b"import os\n" for name in ("__init__.py", "cv2.abi3.so", "version.py")}
    reinstall(p, "opencv-python-headless", "4.7.0.72", files=files)
    lay(p.site, "opencv-python", "4.7.0.72", files=files)


@world("PKG009")
def the_other_clip(p: Project) -> None:
    lay(p.site, "clip", "0.2.0", summary="A CLI clipboard manager")


@world("PKG010")
def half_of_accelerate_deleted(p: Project) -> None:
    shutil.rmtree(p.site / "accelerate")


@world("PKG011")
def a_requirement_contradicted(p: Project) -> None:
    lay(p.site, "some-plugin", "1.0", requires=["pillow>=10"])


@world("PKG012")
def torchvision_of_another_torch(p: Project) -> None:
    reinstall(p, "torchvision", "0.15.2", files=sibling_files("torchvision", "0.15.2+cu118"))


@world("PKG012")
def torchvision_of_another_build(p: Project) -> None:
    reinstall(p, "torchvision", "0.17.0", files=sibling_files("torchvision", "0.17.0+cu121"))


# --- accelerate ----------------------------------------------------------------------------------------------


@world("ACC001")
def no_accelerate_config(p: Project) -> None:
    p.accelerate.unlink()


@world("ACC002")
def fp16_in_accelerates_config(p: Project) -> None:
    p.edit(p.accelerate, "mixed_precision: 'no'", "mixed_precision: bf16")
    p.gpu(name="NVIDIA TITAN V", compute_capability=(7, 0), memory_total=24 * GIB)


@world("ACC003")
def accelerate_config_with_a_tab(p: Project) -> None:
    p.accelerate.write_text("compute_environment: LOCAL_MACHINE\n\tmixed_precision: 'no'\n")


@world("ACC003")
def accelerate_config_with_an_unknown_key(p: Project) -> None:
    p.accelerate.write_text(p.accelerate.read_text() + "bogus_key: 1\n")


@world("ACC004")
def two_processes_on_one_gpu(p: Project) -> None:
    p.edit(p.accelerate, "num_processes: 1", "num_processes: 2")
    p.edit(p.accelerate, "distributed_type: 'NO'", "distributed_type: MULTI_GPU")


@world("ACC005")
def a_variable_that_wins(p: Project) -> None:
    p.patch_environment("ACCELERATE_USE_FSDP", "true")


# --- data ----------------------------------------------------------------------------------------------------


@world("DATA001")
def anomaly_misspelt(p: Project) -> None:
    p.flags["anomaly"] = "scrach"


@world("DATA001")
def data_root_gone(p: Project) -> None:
    p.flags["data"] = p.root / "mvtec_anomaly_detection"


@world("DATA001")
def root_is_one_folder_too_deep(p: Project) -> None:
    p.flags["data"] = p.data / "widget"


@world("DATA002")
def masks_beside_the_images(p: Project) -> None:
    p.masks.rename(p.data / "widget" / "scratch_masks")


@world("DATA003")
def a_mask_is_missing(p: Project) -> None:
    sorted(p.masks.iterdir())[0].unlink()


@world("DATA004")
def an_empty_image(p: Project) -> None:
    sorted(p.images.iterdir())[0].write_bytes(b"")


@world("DATA005")
def no_foreground_masks(p: Project) -> None:
    shutil.rmtree(p.foreground)


@world("DATA006")
def one_image_only(p: Project) -> None:
    for folder in (p.images, p.masks, p.foreground / "widget" / "scratch"):
        for file in sorted(folder.iterdir())[1:]:
            file.unlink()


@world("DATA007", "SRC006", checkout=True)
def the_path_says_test_twice(p: Project) -> None:
    (p.root / "latest").mkdir()
    p.data.rename(p.root / "latest" / "mvtec")
    p.flags["data"] = p.root / "latest" / "mvtec"
    p.patch_state("mask-path", "before")


@world("DATA008")
def thumbs_db(p: Project) -> None:
    (p.images / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")


# --- model ---------------------------------------------------------------------------------------------------


@world("MODEL001")
def model_path_mistyped(p: Project) -> None:
    p.flags["model"] = p.root / "stable-diffusion-v1.5"


@world("MODEL002")
def unet_weights_cut_short(p: Project) -> None:
    weights = p.model / "unet" / "diffusion_pytorch_model.safetensors"
    os.truncate(weights, weights.stat().st_size // 2)


@world("MODEL002")
def tokenizer_folder_missing(p: Project) -> None:
    shutil.rmtree(p.model / "tokenizer")


@world("MODEL003")
def cloned_without_git_lfs(p: Project) -> None:
    (p.model / "unet" / "diffusion_pytorch_model.safetensors").write_text(
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 3438167534\n"
    )


@world("MODEL004")
def stable_diffusion_2(p: Project) -> None:
    file = p.model / "unet" / "config.json"
    config = json.loads(file.read_text())
    config["cross_attention_dim"] = 1024
    file.write_text(json.dumps(config))


@world("MODEL005")
def safety_checker_named_but_absent(p: Project) -> None:
    file = p.model / "model_index.json"
    index = json.loads(file.read_text())
    index["safety_checker"] = ["stable_diffusion", "StableDiffusionSafetyChecker"]
    file.write_text(json.dumps(index))


@world("SEC001")
def pickled_unet_under_torch_2_2(p: Project) -> None:
    weights = p.model / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))
    with zipfile.ZipFile(weights.with_suffix(".bin"), "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}.")
        archive.writestr("archive/data/0", bytes(200_000))


# --- network -------------------------------------------------------------------------------------------------


@world("NET001", "PKG001")
def the_index_is_behind_a_broken_proxy(p: Project) -> None:
    remove(p, "einops")
    p.overlay["network"] = Known(Network(indexes=(Answer("https://index.example/simple", False, "proxy", "403"),)))


@world("NET002", "MODEL001")
def no_hub_and_no_model(p: Project) -> None:
    p.flags["model"] = p.root / "absent"
    p.overlay["network"] = Known(Network(hub=Answer("https://hub.example", False, "dns", "no such host")))


# --- requirements.txt ----------------------------------------------------------------------------------------


def add_line(p: Project, line: str) -> None:
    """One more line in the checkout's requirements.txt."""
    with p.requirements.open("a", encoding="utf-8") as file:
        file.write(line + "\n")


@world("REQ001", checkout=True)
def the_two_typos(p: Project) -> None:
    p.edit(p.requirements, "==4.7.0.72", "==.7.0.72")
    p.edit(p.requirements, "==2.15.0", "==.15.0")


@world("REQ002", checkout=True)
def numpy_listed_twice(p: Project) -> None:
    add_line(p, "numpy==1.24.3")


@world("REQ003", checkout=True)
def a_pin_without_a_file_for_this_python(p: Project) -> None:
    add_line(p, "torch==2.15.0")


@world("REQ004", checkout=True)
def cuda_pin_without_its_index(p: Project) -> None:
    add_line(p, "torch==2.2.0+cu118")


@world("REQ005", checkout=True)
def metadata_that_pip_refuses(p: Project) -> None:
    add_line(p, "pytorch-lightning==1.5.10")


@world("REQ006", checkout=True)
def merge_markers(p: Project) -> None:
    text = p.requirements.read_text()
    p.requirements.write_text(f"<<<<<<< HEAD\n{text}=======\nnumpy\n>>>>>>> theirs\n")


@world("REQ007", checkout=True)
def clip_the_clipboard_in_requirements(p: Project) -> None:
    add_line(p, "clip")


# --- the checkout's source -----------------------------------------------------------------------------------


@world("SRC001", checkout=True)
def paths_of_the_authors(p: Project) -> None:
    p.patch_state("bcm-foreground-folder", "before")


@world("SRC002", "SRC003", "ACC002", checkout=True)
def guides_change_2_missing_in_bf16(p: Project) -> None:
    p.flags["mixed_precision"] = "bf16"
    p.edit(p.accelerate, "mixed_precision: 'no'", "mixed_precision: bf16")
    p.patch_state("temporal-dtype", "before")
    p.patch_state("mixed-precision", "before")


@world("SRC003", "ACC002", checkout=True)
def bf16_without_autocast(p: Project) -> None:
    p.flags["mixed_precision"] = "bf16"
    p.edit(p.accelerate, "mixed_precision: 'no'", "mixed_precision: bf16")
    p.patch_state("mixed-precision", "before")


@world("SRC004", checkout=True)
def somebody_rewrote_the_place(p: Project) -> None:
    p.patch_state("mixed-precision", "drifted")


@world("SRC005", checkout=True)
def a_debugger_left_in(p: Project) -> None:
    p.checkout_fact(debugger_imports=("bcm-dual-interrelated_diff/diffusers/pipelines/somewhere.py",))


@world("SRC006", checkout=True)
def an_undefined_name(p: Project) -> None:
    p.patch_state("bcm-inference-vae", "before")


@world("SRC007", "ACC004", checkout=True)
def two_processes_in_the_checkouts_trainer(p: Project) -> None:
    p.flags["num_processes"] = 2
    p.facts("gpus", devices=(GPUS.devices[0], GPUS.devices[0]))


@world("SRC008")
def the_checkout_is_another_project(p: Project) -> None:
    (p.root / "AnomalyDiffusion").mkdir()
    p.flags["checkout"] = p.root / "AnomalyDiffusion"
    (p.root / "AnomalyDiffusion" / "requirements.txt").write_text("numpy==1.26.4\n")
