"""The environment as a fact: fabricated trees, broken the way people break them. Nothing in them is ever started."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from dualano_setup.facts.environment import probe as environment
from dualano_setup.facts.environment.probe import MARKER, read_environment
from dualano_setup.facts.fact import Absent, Known, Unknown
from dualano_setup.knowledge.profile import Profile
from dualano_setup.settings.options import Settings
from tests.worlds.site_packages import lay, lay_environment, sibling_files, torch_files, xformers_files

PINS = {"torch": "2.2.0", "torchvision": "0.17.0", "numpy": "1.26.4"}
BUILDS = {"torch": "2.2.0+cu118", "torchvision": "0.17.0+cu118", "cuda": "11.8"}


@pytest.fixture
def prefix(tmp_path):
    lay_environment(tmp_path / "env", PINS, python="3.10.13", builds=BUILDS)
    return tmp_path / "env"


def site(prefix: Path) -> Path:
    return prefix / "lib/python3.10/site-packages"


def read(prefix: Path, wanted=("numpy", "torch"), **variables):
    return read_environment(str(prefix), wanted, {"HOME": str(prefix.parent / "home"), **variables})


def settings(prefix: Path | None, project: Path) -> Settings:
    return Settings(project=project, env=prefix)


# --- which environment ---------------------------------------------------------------------------------------


def test_the_setting_wins_over_everything(prefix, tmp_path):
    lay_environment(tmp_path / ".dualano/env", {}, python="3.11.7", builds={})
    fact = environment.probe(settings(prefix, tmp_path), variables={"VIRTUAL_ENV": sys.prefix})
    assert isinstance(fact, Known)
    assert fact.value.prefix == str(prefix)


def test_the_projects_own_wins_over_the_active_one(prefix, tmp_path):
    lay_environment(tmp_path / ".dualano/env", {}, python="3.11.7", builds={})
    fact = environment.probe(settings(None, tmp_path), variables={"VIRTUAL_ENV": str(prefix)})
    assert isinstance(fact, Known)
    assert fact.value.prefix == str(tmp_path / ".dualano/env")


@pytest.mark.parametrize("variable", ["VIRTUAL_ENV", "CONDA_PREFIX"])
def test_the_active_one_comes_last_and_is_cited(prefix, tmp_path, variable):
    fact = environment.probe(settings(None, tmp_path), variables={variable: str(prefix)})
    assert isinstance(fact, Known)
    assert (fact.value.prefix, fact.source) == (str(prefix), variable)


def test_a_named_interpreter_means_its_environment(prefix, tmp_path):
    fact = environment.probe(settings(prefix / "bin/python", tmp_path), variables={})
    assert isinstance(fact, Known)
    assert fact.value.prefix == str(prefix)


@pytest.mark.parametrize("variable", ["VIRTUAL_ENV", "CONDA_PREFIX"])
def test_the_environment_of_the_tool_itself_is_not_taken_for_the_trainings(prefix, tmp_path, monkeypatch, variable):
    (tmp_path / "link").symlink_to(prefix)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "link"))
    fact = environment.probe(settings(None, tmp_path), variables={variable: str(prefix)})
    assert isinstance(fact, Absent)
    assert "dualano-doctor itself runs in" in fact.reason
    named = environment.probe(settings(prefix, tmp_path), variables={variable: str(prefix)})
    assert isinstance(named, Known), "whoever names it has said so"


@pytest.mark.parametrize("kind", ["nothing", "empty folder", "file"])
def test_no_environment_is_absent_and_says_where_it_looked(tmp_path, kind):
    place = tmp_path / "env"
    if kind == "empty folder":
        place.mkdir()
    if kind == "file":
        place.write_text("")
    fact = environment.probe(settings(place, tmp_path), variables={"VIRTUAL_ENV": sys.prefix})
    assert isinstance(fact, Absent)
    assert fact.reason.startswith("no training environment yet")
    assert str(place) in fact.reason


def test_nothing_named_and_nothing_active_is_absent(tmp_path):
    assert isinstance(environment.probe(settings(None, tmp_path), variables={}), Absent)


# --- the frame -----------------------------------------------------------------------------------------------


def test_a_healthy_environment_has_no_complaints(prefix):
    seen = read(prefix)
    assert (seen.kind, seen.python, seen.interpreter_ok) == ("venv", "3.10.13", True)
    assert seen.interpreter == str(prefix / "bin/python")
    assert (seen.problems, seen.damaged, seen.leaks, seen.shared) == ((), (), (), ())
    assert {d.name: d.version for d in seen.distributions} == PINS
    assert not seen.managed


def test_the_marker_of_fix_is_seen(prefix):
    (prefix / MARKER).write_text("{}")
    assert read(prefix).managed


def test_a_dangling_interpreter_is_named(prefix):
    (prefix / "bin/python").unlink()
    (prefix / "bin/python").symlink_to("/opt/gone/bin/python3.10")
    seen = read(prefix)
    assert not seen.interpreter_ok
    assert "/opt/gone/bin/python3.10, which is gone" in seen.problems[0]
    assert len(seen.distributions) == 3, "the packages can be read without an interpreter"


def test_an_interpreter_that_points_at_itself_does_not_hang(prefix):
    (prefix / "bin/python").unlink()
    (prefix / "bin/python").symlink_to("python")
    assert not read(prefix).interpreter_ok


@pytest.mark.parametrize("make", ["missing", "not executable", "a folder"])
def test_an_interpreter_that_cannot_start_is_a_problem(prefix, make):
    python = prefix / "bin/python"
    python.unlink()
    if make == "not executable":
        python.write_text("")
        python.chmod(0o644)
    if make == "a folder":
        python.mkdir()
    seen = read(prefix)
    assert not seen.interpreter_ok
    assert str(python) in seen.problems[0]


def test_a_vanished_base_python_is_a_problem(prefix):
    (prefix / "pyvenv.cfg").write_text("home = /opt/gone/bin\nversion = 3.10.13\n")
    assert any("/opt/gone/bin, which is gone" in problem for problem in read(prefix).problems)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00nonsense", b"version = 3.10.13\n"])
def test_an_unusable_pyvenv_cfg_is_a_problem(prefix, content):
    (prefix / "pyvenv.cfg").write_bytes(content)
    assert any("pyvenv.cfg" in problem for problem in read(prefix).problems)


def test_a_pipe_instead_of_pyvenv_cfg_does_not_block(prefix):
    (prefix / "pyvenv.cfg").unlink()
    os.mkfifo(prefix / "pyvenv.cfg")
    assert any("pyvenv.cfg cannot be read" in problem for problem in read(prefix).problems)


def test_scripts_of_another_place_mean_that_the_environment_was_moved(prefix):
    (prefix / "bin/accelerate").write_text("#!/home/somebody/old/bin/python3.10\nimport accelerate\n")
    assert any("/home/somebody/old/bin/python3.10, which is gone" in problem for problem in read(prefix).problems)


def test_scripts_that_start_this_environment_by_any_path_are_fine(prefix, tmp_path):
    (tmp_path / "link").symlink_to(prefix)
    (prefix / "bin/accelerate").write_text(f"#!{tmp_path}/link/bin/python\n")
    (prefix / "bin/zzz").write_text("#!/home/somebody/old/bin/python3.10\n")
    assert read(prefix).problems == ()


def test_a_vanished_site_packages_is_a_problem(prefix):
    (prefix / "lib").rename(prefix / "library")
    assert any("no site-packages" in problem for problem in read(prefix).problems)


def test_lib64_is_not_read_twice(prefix):
    (prefix / "lib64").symlink_to("lib")
    assert len(read(prefix).distributions) == 3


def test_conda_tells_its_version_in_its_own_records(tmp_path):
    prefix = tmp_path / "conda"
    (prefix / "conda-meta").mkdir(parents=True)
    (prefix / "conda-meta/python-3.10.14-hd12c33a_0_cpython.json").write_text("{}")
    (prefix / "lib/python3.10/site-packages").mkdir(parents=True)
    (prefix / "bin").mkdir()
    (prefix / "bin/python").symlink_to(sys.executable)
    seen = read(prefix)
    assert (seen.kind, seen.python, seen.base) == ("conda", "3.10.14", str(prefix))


def test_pyenv_tells_its_version_in_its_path(tmp_path):
    prefix = tmp_path / ".pyenv/versions/3.10.13"
    (prefix / "lib/python3.10/site-packages").mkdir(parents=True)
    (prefix / "bin").mkdir()
    (prefix / "bin/python").symlink_to(sys.executable)
    seen = read(prefix)
    assert (seen.kind, seen.python) == ("pyenv", "3.10.13")


def test_a_base_upgraded_in_place_gives_the_patch_version(tmp_path):
    base = tmp_path / "base"
    for folder in ("bin", "lib/python3.10", "include/python3.10"):
        (base / folder).mkdir(parents=True)
    (base / "include/python3.10/patchlevel.h").write_text('#define PY_VERSION      "3.10.14"\n')
    prefix = tmp_path / "env"
    lay_environment(prefix, {}, python="3.10.4", builds={})
    (prefix / "pyvenv.cfg").write_text(f"home = {base}/bin\nversion = 3.10.4\n")
    assert read(prefix).python == "3.10.14"


# --- distributions -------------------------------------------------------------------------------------------


def test_metadata_is_read_up_to_the_blank_line_only(prefix):
    info = lay(site(prefix), "Some.Package", "1.0")
    (info / "METADATA").write_bytes(
        b"Metadata-Version: 2.1\r\nName: Some.Package\r\nVersion: 1.0\r\nRequires-Dist: numpy<2,\r\n  >=1.20\r\n"
        b"requires-python: >=3.8\r\nSummary: \xff odd bytes\r\n\r\nRequires-Dist: torch==0.1\r\n"
    )
    found = read(prefix).find("some-package")
    assert found is not None
    assert found.requires == ("numpy<2, >=1.20",)
    assert found.requires_python == ">=3.8"
    assert found.summary.endswith("odd bytes")


def test_a_long_header_is_read_to_its_end(prefix):
    lay(site(prefix), "many", "1.0", requires=[f"package-{number:06d}>=1.0" for number in range(4000)])
    found = read(prefix).find("many")
    assert found is not None
    assert len(found.requires) == 4000


def test_what_the_rest_of_a_dist_info_says(prefix):
    info = lay(site(prefix), "local", "2", tag="cp39-abi3-manylinux_2_28_x86_64")
    (info / "direct_url.json").write_text(json.dumps({"url": "file:///x", "dir_info": {"editable": True}}))
    found = read(prefix).find("local")
    assert found is not None
    assert found.editable
    assert (found.installer, found.wheel_tags) == ("uv", ("cp39-abi3-manylinux_2_28_x86_64",))
    assert found.top_level == ("local",)


def test_egg_infos_count_as_folder_and_as_file(prefix):
    (site(prefix) / "old-1.5.egg-info").mkdir()
    (site(prefix) / "old-1.5.egg-info/PKG-INFO").write_text("Name: old\nVersion: 1.5\n\n")
    (site(prefix) / "older-0.1-py3.10.egg-info").write_text("Name: older\nVersion: 0.1\n")
    seen = read(prefix)
    assert {d.name: d.version for d in seen.distributions} == {**PINS, "old": "1.5", "older": "0.1"}


def test_interrupted_uninstalls_and_half_records_are_told_apart(prefix):
    (site(prefix) / "~umpy").mkdir()
    (site(prefix) / "~umpy-1.26.4.dist-info").mkdir()
    (site(prefix) / "gone-1.0.dist-info").mkdir()
    (site(prefix) / "empty-1.0.dist-info").mkdir()
    (site(prefix) / "empty-1.0.dist-info/METADATA").write_text("")
    lay(site(prefix), "numpy", "2.0.0")
    seen = read(prefix)
    assert any("~umpy, ~umpy-1.26.4.dist-info" in problem for problem in seen.problems)
    notes = {package.name: package.note for package in seen.damaged}
    assert "has no METADATA" in notes["gone"]
    assert "empty or cut" in notes["empty"]
    assert "recorded 2 times: 1.26.4, 2.0.0" in notes["numpy"]
    assert seen.find("gone") is None


def test_pipes_loops_and_closed_folders_cost_one_package_each(prefix):
    for name in ("pipe", "loop"):
        (site(prefix) / f"{name}-1.0.dist-info").mkdir()
    os.mkfifo(site(prefix) / "pipe-1.0.dist-info/METADATA")
    (site(prefix) / "loop-1.0.dist-info/METADATA").symlink_to("METADATA")
    (site(prefix) / "round").symlink_to("round")
    seen = read(prefix)
    assert {package.name for package in seen.damaged} == {"pipe", "loop"}
    assert len(seen.distributions) == 3


def test_a_site_packages_that_cannot_be_listed_is_a_problem_not_a_crash(prefix):
    site(prefix).rename(prefix / "aside")
    site(prefix).write_text("")
    fact = environment.probe(settings(prefix, prefix.parent), variables={})
    assert isinstance(fact, (Known, Unknown))
    assert not isinstance(fact, Known) or fact.value.problems


# --- damage --------------------------------------------------------------------------------------------------


def test_missing_and_overwritten_files_show_without_hashing(prefix):
    lay(site(prefix), "pkg", "1", files={"pkg/a.py": b"1", "pkg/b.py": b"2", "pkg/sub/c.py": b"3"})
    (site(prefix) / "pkg/a.py").unlink()
    (site(prefix) / "pkg/b.py").write_bytes(b"longer")
    (package,) = read(prefix, wanted=("pkg",)).damaged
    assert (package.name, package.missing, package.altered) == ("pkg", ("pkg/a.py",), ("pkg/b.py",))


def test_only_the_wanted_packages_are_compared(prefix):
    lay(site(prefix), "pkg", "1", files={"pkg/a.py": b"1"})
    (site(prefix) / "pkg/a.py").unlink()
    assert read(prefix, wanted=("numpy",)).damaged == ()


def test_deep_finds_a_change_that_keeps_the_size(prefix):
    (site(prefix) / "numpy/__init__.py").write_bytes(b"__version__ = '9.99.9'\n")
    assert read(prefix).damaged == ()
    deep = read_environment(str(prefix), (), {}, deep=True)
    assert [package.altered for package in deep.damaged] == [("numpy/__init__.py",)]


def test_of_a_large_package_the_top_is_compared_and_deep_compares_all(prefix):
    files = {f"big/part{n // 100}/module_{n:05d}.py": b"x" for n in range(2000)}
    lay(site(prefix), "big", "1", files={"big/__init__.py": b"", "big/core.py": b"", **files})
    (site(prefix) / "big/core.py").unlink()
    (site(prefix) / "big/part3/module_00300.py").unlink()
    assert read(prefix, wanted=("big",)).damaged[0].missing == ("big/core.py",)
    deep = read_environment(str(prefix), (), {}, deep=True)
    assert set(deep.damaged[0].missing) == {"big/core.py", "big/part3/module_00300.py"}


def test_bytecode_scripts_and_quoted_names_raise_no_false_alarm(prefix):
    info = lay(site(prefix), "pkg", "1", files={"pkg/a,b.py": b"1"})
    record = (info / "RECORD").read_text().replace("pkg/a,b.py", '"pkg/a,b.py"')
    (info / "RECORD").write_text(record + "pkg/__pycache__/a.cpython-310.pyc,,\n../../../bin/pkg,sha256=x,4\n")
    assert read(prefix, wanted=("pkg",)).damaged == ()


def test_a_package_without_record_is_damaged_unless_conda_installed_it(prefix):
    info = lay(site(prefix), "pkg", "1")
    (info / "RECORD").unlink()
    assert "RECORD is gone" in read(prefix, wanted=("pkg",)).damaged[0].note
    (info / "INSTALLER").write_text("conda\n")
    assert read(prefix, wanted=("pkg",)).damaged == ()


def test_two_opencvs_share_a_folder_and_namespaces_do_not(prefix):
    for name in ("opencv-python", "opencv-python-headless"):
        lay(site(prefix), name, "4.7.0.72", files={"cv2/__init__.py": b"import os\n", "cv2/x.so": b"x"})
    for name in ("nvidia-cublas-cu12", "nvidia-cudnn-cu12"):
        lay(site(prefix), name, "1", files={"nvidia/__init__.py": b"", f"nvidia/{name}.so": b"x"})
    (shared,) = read(prefix).shared
    assert (shared.folder, shared.owners) == ("cv2", ("opencv-python", "opencv-python-headless"))


# --- builds --------------------------------------------------------------------------------------------------


def test_torch_and_its_siblings_tell_their_cuda(prefix):
    seen = read(prefix)
    assert seen.torch is not None
    assert seen.torchvision is not None
    assert (seen.torch.version, seen.torch.cuda) == ("2.2.0+cu118", "11.8")
    assert (seen.torchvision.version, seen.torchvision.cuda) == ("0.17.0+cu118", "11.8")
    assert seen.torchaudio is None


def test_a_cpu_build_has_no_cuda(prefix):
    (site(prefix) / "torch/version.py").write_bytes(torch_files("2.13.0+cpu", None)["torch/version.py"])
    (site(prefix) / "torchvision/version.py").write_bytes(
        sibling_files("torchvision", "0.28.0+cpu")["torchvision/version.py"]
    )
    seen = read(prefix)
    assert seen.torch is not None
    assert seen.torchvision is not None
    assert (seen.torch.cuda, seen.torchvision.cuda) == (None, None)


def test_a_version_file_is_never_executed_and_nonsense_gives_nothing(prefix, tmp_path):
    (site(prefix) / "torch/version.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    assert read(prefix).torch is None
    assert not (tmp_path / "ran").exists()


def test_xformers_tells_what_it_was_built_for(prefix):
    files = xformers_files("2.2.0+cu121", "12.1", "3.10.13", "libcudart.so.12")
    lay(site(prefix), "xformers", "0.0.24", files=files, tag="cp310-cp310-manylinux2014_x86_64")
    built = read(prefix).xformers
    assert built is not None
    assert (built.torch, built.cuda, built.python) == ("2.2.0+cu121", "12.1", "3.10.13")
    assert (built.cudart, built.stable_abi, built.version) == ("libcudart.so.12", False, "0.0.24")
    assert built.architectures[0] == "5.0+PTX"


@pytest.mark.parametrize("tag", ["py39-none-manylinux_2_28_x86_64", "cp39-abi3-manylinux_2_28_x86_64"])
def test_a_stable_abi_wheel_is_recognised(prefix, tag):
    lay(site(prefix), "xformers", "0.0.35", files=xformers_files("2.10.0+cu128", "12.8", "3.10", "x.so"), tag=tag)
    built = read(prefix).xformers
    assert built is not None
    assert built.stable_abi
    assert built.cudart is None


@pytest.mark.parametrize("record", [b"", b"[1, 2]", b'{"version": 3}', b'{"version": {"cuda": "x"}}', b"\xff\x00"])
def test_a_nonsense_build_record_gives_no_claims(prefix, record):
    files = {"xformers/__init__.py": b"", "xformers/cpp_lib.json": record, "xformers/_C.so": b"\x7fELF\x02\x01"}
    lay(site(prefix), "xformers", "0.0.24", files=files)
    built = read(prefix).xformers
    assert built is not None
    assert (built.torch, built.cuda, built.python, built.cudart, built.architectures) == (None, None, None, None, ())


# --- leaks ---------------------------------------------------------------------------------------------------


def switch_on_system_site(prefix: Path, base: Path) -> None:
    (base / "bin").mkdir(parents=True)
    (prefix / "pyvenv.cfg").write_text(f"home = {base}/bin\nversion = 3.10.13\ninclude-system-site-packages = true\n")


def test_pythonpath_shadows_by_record_and_by_plain_folder(prefix, tmp_path):
    outside = tmp_path / "outside"
    lay(outside, "numpy", "2.0.0")
    (outside / "torch").mkdir()
    (outside / "torch/__init__.py").write_text("")
    path = os.pathsep.join(["", str(tmp_path / "not there"), str(site(prefix)), str(outside)])
    (leak,) = read(prefix, PYTHONPATH=path).leaks
    assert (leak.kind, leak.path, leak.shadows) == ("pythonpath", str(outside), ("numpy", "torch"))


def test_a_cudnn_on_the_library_path_leaks_and_a_toolkit_without_one_does_not(prefix, tmp_path):
    (tmp_path / "toolkit").mkdir()
    (tmp_path / "toolkit" / "libcudart.so.12").touch()
    assert read(prefix, LD_LIBRARY_PATH=f"{tmp_path / 'toolkit'}:/not/there:").leaks == ()
    (tmp_path / "toolkit" / "libcudnn_cnn_train.so.8").touch()
    (leak,) = read(prefix, LD_LIBRARY_PATH=str(tmp_path / "toolkit")).leaks
    assert (leak.kind, leak.shadows) == ("library-path", ("libcudnn_cnn_train",))


def test_the_user_site_leaks_only_where_python_would_look_there(prefix, tmp_path):
    user = tmp_path / "home/.local/lib/python3.10/site-packages"
    lay(user, "numpy", "2.0.0")
    assert read(prefix).leaks == (), "a venv without system site-packages has no user site"
    switch_on_system_site(prefix, tmp_path / "base")
    (leak,) = read(prefix).leaks
    assert (leak.kind, leak.path, leak.shadows) == ("user-site", str(user), ("numpy",))
    assert read(prefix, PYTHONNOUSERSITE="1").leaks == ()


def test_a_conda_environment_has_the_user_site(tmp_path):
    prefix = tmp_path / "conda"
    (prefix / "conda-meta").mkdir(parents=True)
    (prefix / "lib/python3.10/site-packages").mkdir(parents=True)
    lay(tmp_path / "elsewhere/lib/python3.10/site-packages", "torch", "1.0")
    (leak,) = read(prefix, PYTHONUSERBASE=str(tmp_path / "elsewhere")).leaks
    assert (leak.kind, leak.shadows) == ("user-site", ("torch",))


@pytest.mark.parametrize(("conda", "kind"), [(False, "system-site"), (True, "conda-base")])
def test_system_site_packages_leak_and_conda_is_called_so(prefix, tmp_path, conda, kind):
    base = tmp_path / "base"
    switch_on_system_site(prefix, base)
    lay(base / "lib/python3.10/site-packages", "numpy", "2.0.0")
    if conda:
        (base / "conda-meta").mkdir()
    seen = read(prefix)
    assert seen.system_site
    assert [(leak.kind, leak.shadows) for leak in seen.leaks] == [(kind, ("numpy",))]


def test_pth_files_leak_and_their_code_is_not_run(prefix, tmp_path):
    outside, project = tmp_path / "outside", tmp_path / "project"
    lay(outside, "torch", "1.0")
    project.mkdir()
    (site(prefix) / "lines.pth").write_text(
        f"# comment\nimport pathlib; pathlib.Path({str(tmp_path / 'ran')!r}).touch()\n{outside}\nnot-there\n"
    )
    (site(prefix) / "__editable__.project-1.0.pth").write_text(f"{project}\n")
    seen = read(prefix)
    assert [(leak.kind, leak.path, leak.shadows) for leak in seen.leaks] == [("pth", str(outside), ("torch",))]
    assert not (tmp_path / "ran").exists()


def test_an_editable_project_that_brings_its_own_torch_leaks(prefix, tmp_path):
    (tmp_path / "project/torch").mkdir(parents=True)
    (tmp_path / "project/torch/__init__.py").write_text("")
    (site(prefix) / "__editable__.project-1.0.pth").write_text(f"{tmp_path / 'project'}\n")
    assert [leak.shadows for leak in read(prefix).leaks] == [("torch",)]


def test_a_profile_says_what_is_wanted(prefix, tmp_path):
    outside = tmp_path / "outside"
    lay(outside, "einops", "0.7")
    profile = Profile("p", "", "", "", "", {"einops": "0.7.0"})
    fact = environment.probe(settings(prefix, tmp_path), profile, variables={"PYTHONPATH": str(outside)})
    assert isinstance(fact, Known)
    assert fact.value.leaks[0].shadows == ("einops",)
