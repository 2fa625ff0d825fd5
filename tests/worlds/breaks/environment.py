"""The training environment itself: its Python, its frame, what leaks into it."""

from __future__ import annotations

import json
import shutil
import sys

from tests.worlds.project import Project
from tests.worlds.site_packages import lay
from tests.worlds.world import REPLAY, world

NONE_YET = r"no (training )?environment|not a (virtual )?environment|environment[^\n]*(not|missing)"
BROKEN = r"broken|not found|gone|no such file|cannot be (started|read)|missing|invalid|corrupt"


def of_python(p: Project, version: str) -> None:
    """Makes the environment one of another Python."""
    minor = ".".join(version.split(".")[:2])
    p.edit(p.env / "pyvenv.cfg", "version_info = 3.10.13", f"version_info = {version}")
    (p.env / "lib" / "python3.10").rename(p.env / "lib" / f"python{minor}")
    (p.env / "bin" / "python3.10").rename(p.env / "bin" / f"python{minor}")


@world(
    "PY001",
    source="https://github.com/pypa/setuptools/issues/3935: module 'pkgutil' has no attribute 'ImpImporter'",
    named_by=r"python[^\n]*3\.13|ImpImporter",
)
def python_3_13(p: Project) -> None:
    of_python(p, "3.13.0")


@world(
    "PY001",
    source="https://github.com/huggingface/tokenizers/issues/1485: no wheel of tokenizers 0.13.3, so Rust is asked for",
    named_by=r"python[^\n]*3\.12",
)
def ubuntu_24_04s_own_python(p: Project) -> None:
    of_python(p, "3.12.3")


@world("PY001", source=f"{REPLAY}: matplotlib 3.8.0 and numpy 1.26 have no file for it", named_by=r"python[^\n]*3\.8")
def python_3_8(p: Project) -> None:
    of_python(p, "3.8.18")


@world("PY002", source=f"{REPLAY}: accelerate: command not found, since nothing was installed yet", named_by=NONE_YET)
def no_environment_yet(p: Project) -> None:
    shutil.rmtree(p.env)


@world(
    "PY002",
    source="a first user's round: the tool's own venv was active, and nine packages were to be installed into it",
    named_by=NONE_YET,
)
def only_the_tools_own_environment_is_active(p: Project) -> None:
    shutil.rmtree(p.env)
    p.patch_environment("VIRTUAL_ENV", sys.prefix)


@world(
    "PY002", source="accelerate: command not found: the folder that was named holds no environment", named_by=NONE_YET
)
def the_named_folder_is_empty(p: Project) -> None:
    p.env.rename(p.root / "elsewhere")
    (p.root / "venv").mkdir()
    p.flags["env"] = p.root / "venv"


@world(
    "PY003",
    source="https://github.com/nasa-jpl/osr-rover-code/pull/215: an environment made with --system-site-packages",
    named_by=r"system.site|include-system-site-packages|leak",
)
def system_site_packages_on(p: Project) -> None:
    p.edit(p.env / "pyvenv.cfg", "include-system-site-packages = false", "include-system-site-packages = true")


@world(
    "PY003",
    source="https://github.com/conda/conda/issues/1931: PYTHONPATH names another Python's packages",
    by_hand="a variable belongs to the user's shell",
    named_by=r"PYTHONPATH",
)
def pythonpath_shadows_numpy(p: Project) -> None:
    outside = p.root / "old-packages"
    lay(outside, "numpy", "2.3.1")
    p.patch_environment("PYTHONPATH", str(outside))


@world(
    "PY003",
    source="https://github.com/conda/conda/issues/13746: ~/.local is searched before the conda environment",
    by_hand="the user's own packages and shell are left alone",
    named_by=r"\.local|user.site|PYTHONNOUSERSITE",
)
def the_user_site_under_conda(p: Project) -> None:
    conda = p.root / "conda"
    p.env.rename(conda)
    (conda / "pyvenv.cfg").unlink()
    (conda / "conda-meta").mkdir()
    (conda / "conda-meta" / "python-3.10.13-h955ad1f_0.json").write_text(json.dumps({"name": "python"}))
    lay(p.root / "local" / "lib" / "python3.10" / "site-packages", "numpy", "2.2.6")
    p.patch_environment("PYTHONUSERBASE", str(p.root / "local"))
    p.flags["env"] = conda


@world(
    "PY003",
    source="https://github.com/conda/conda/issues/8770: packages of another folder are found first",
    by_hand="whoever wrote the line may need it",
    named_by=r"\.pth|leak|shadow",
)
def a_pth_file_of_an_older_project(p: Project) -> None:
    outside = p.root / "kohya_ss" / "site-packages"
    lay(outside, "transformers", "4.44.0")
    (p.site / "kohya.pth").write_text(f"{outside}\n")


@world(
    "PY003",
    source="https://github.com/pytorch/pytorch/issues/119989: a cuDNN on LD_LIBRARY_PATH beside torch 2.2's own",
    by_hand="a variable belongs to the user's shell",
    named_by=r"LD_LIBRARY_PATH|cudnn",
)
def another_cudnn_on_the_library_path(p: Project) -> None:
    cuda = p.root / "usr" / "local" / "cuda-12.3" / "lib64"
    cuda.mkdir(parents=True)
    for name in ("libcudart.so.12", "libcudnn.so.8", "libcudnn_cnn_train.so.8"):
        (cuda / name).write_bytes(b"\x7fELF")
    p.patch_environment("LD_LIBRARY_PATH", f"{cuda}:/usr/local/nvidia/lib64")


@world(
    "PY004",
    source="bad interpreter: No such file or directory, after `pyenv uninstall` of the Python that made it",
    named_by=BROKEN,
)
def interpreter_uninstalled(p: Project) -> None:
    (p.env / "bin" / "python").unlink()
    (p.env / "bin" / "python").symlink_to("/opt/removed/bin/python3.10")


@world("PY004", source="a pyvenv.cfg after a power cut: No pyvenv.cfg file, failed to locate", named_by=r"pyvenv\.cfg")
def pyvenv_cfg_is_binary_rubbish(p: Project) -> None:
    (p.env / "pyvenv.cfg").write_bytes(b"\x00\xff\xfe" * 100)


@world(
    "PY004",
    source="https://github.com/pypa/pip/issues/11849: Ignoring invalid distribution, after Ctrl-C in an upgrade",
    named_by=r"~umpy|invalid distribution|interrupted",
)
def an_upgrade_was_interrupted(p: Project) -> None:
    (p.site / "numpy").rename(p.site / "~umpy")
    next(p.site.glob("numpy-*.dist-info")).rename(p.site / "~umpy-1.26.4.dist-info")


@world(
    "PY004",
    source="https://github.com/pypa/virtualenv/issues/2308: an environment that was moved, its scripts start nothing",
    named_by=r"moved|copied|bad interpreter|shebang",
)
def the_environment_was_moved(p: Project) -> None:
    for name in ("accelerate", "pip", "tensorboard"):
        script = p.env / "bin" / name
        script.write_text("#!/home/somebody/DualAnoDiff/venv/bin/python3.10\nprint('never')\n")
        script.chmod(0o755)


@world(
    "PY004",
    source="https://github.com/python/cpython/issues/97647: a copied tree still names the Python of where it came from",
    named_by=r"pyvenv\.cfg|" + BROKEN,
)
def the_home_of_its_python_is_gone(p: Project) -> None:
    text = (p.env / "pyvenv.cfg").read_text().splitlines()
    text[0] = "home = /home/somebody/.pyenv/versions/3.10.13/bin"
    (p.env / "pyvenv.cfg").write_text("\n".join(text) + "\n")


@world(
    "PY004",
    source="an environment that Windows' Python made, on /mnt/c, activated from WSL: it has Scripts/ and no bin/",
    named_by=BROKEN,
)
def an_environment_of_windows(p: Project) -> None:
    shutil.rmtree(p.env / "bin")
    (p.env / "Scripts").mkdir()
    (p.env / "Scripts" / "python.exe").write_bytes(b"MZ")
