"""pip's and uv's settings as those programs read them, and the Pythons on the machine."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from dualano_setup.facts.fact import Known
from dualano_setup.facts.installers.pip_config import read_pip
from dualano_setup.facts.installers.probe import find_uv, probe
from dualano_setup.facts.installers.pythons import find_conda, find_pythons
from dualano_setup.facts.installers.uv_config import read_uv
from dualano_setup.settings.options import Settings

A, B, C, D = (f"https://{name}.example/simple" for name in "abcd")


@pytest.fixture
def home(tmp_path):
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def pip(home: Path, prefix: Path | None = None, **variables: str):
    return read_pip({"HOME": str(home), **variables}, str(prefix) if prefix else None, str(home.parent / "etc"))


def uv(home: Path, **variables: str):
    return read_uv({"HOME": str(home), **variables}, home.parent / "work/project", str(home.parent / "etc"))


# --- pip -----------------------------------------------------------------------------------------------------


def test_nothing_configured_says_nothing(home):
    seen = pip(home)
    assert (seen.index_url, seen.extra_index_urls, seen.sources) == (None, (), ())


def test_files_rank_global_user_site_and_variables_win(home, tmp_path):
    write(tmp_path / "etc/pip.conf", f"[global]\nindex-url = {A}\nextra-index-url = {B}\n    {C}\ncert = /a.pem\n")
    write(home / ".config/pip/pip.conf", f"[global]\nindex-url = {B}\n")
    write(tmp_path / "env/pip.conf", f"[global]\nindex_url = {C}\n")
    assert pip(home).index_url == B
    seen = pip(home, tmp_path / "env")
    assert (seen.index_url, seen.extra_index_urls, seen.cert) == (C, (B, C), "/a.pem")
    assert pip(home, tmp_path / "env", PIP_INDEX_URL=D).index_url == D


def test_the_install_section_beats_global_wherever_it_stands(home, tmp_path):
    write(tmp_path / "etc/pip.conf", f"[install]\nindex-url = {A}\n[freeze]\nindex-url = {D}\n")
    write(home / ".config/pip/pip.conf", f"[global]\nindex-url = {B}\n")
    assert pip(home).index_url == A


def test_pip_config_file_replaces_the_users_and_devnull_everything(home, tmp_path):
    write(home / ".config/pip/pip.conf", "[global]\ntrusted-host = user.example\n")
    write(tmp_path / "etc/pip.conf", f"[global]\nindex-url = {A}\n")
    own = write(tmp_path / "own.conf", f"[global]\nfind-links = /wheels {B}\nno-index = true\n")
    seen = pip(home, PIP_CONFIG_FILE=str(own))
    assert (seen.index_url, seen.find_links, seen.trusted_hosts, seen.no_index) == (A, ("/wheels", B), (), True)
    assert pip(home, PIP_CONFIG_FILE=os.devnull).sources == ()


def test_an_unreadable_file_is_named_and_does_not_hide_the_others(home, tmp_path):
    write(tmp_path / "etc/pip.conf", f"[global]\nindex-url = {A}\n")
    broken = write(home / ".config/pip/pip.conf", "index-url without a section\n")
    seen = pip(home)
    assert seen.index_url == A
    assert any(source.startswith(f"{broken} (cannot be read") for source in seen.sources)


def test_certificate_and_proxy_of_the_surroundings_count_last(home):
    seen = pip(home, REQUESTS_CA_BUNDLE="/ca.pem", HTTPS_PROXY="http://proxy:3128", PIP_PROXY="http://own:1")
    assert (seen.cert, seen.proxy) == ("/ca.pem", "http://own:1")


@pytest.mark.skipif(find_spec("pip") is None, reason="compares with pip")
def test_the_real_pip_reads_the_same(home, tmp_path):
    etc = tmp_path / "etc"
    write(etc / "xdg/pip/pip.conf", f"[global]\nextra-index-url = {A}\nno-index = yes\n[install]\nindex-url = {A}\n")
    write(home / ".pip/pip.conf", f"[global]\nindex-url = {B}\nfind-links = /legacy\n")
    write(home / ".config/pip/pip.conf", f"[global]\nfind-links = /new\n    /other\n[install]\nextra-index-url = {C}\n")
    variables = {"HOME": str(home), "XDG_CONFIG_DIRS": str(etc / "xdg"), "PIP_TRUSTED_HOST": "one two"}
    told = subprocess.run(
        [sys.executable, "-c", _ASK_PIP], env={**variables, "PATH": ""}, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    seen = pip(home, None, **variables)
    ours = [seen.index_url, list(seen.extra_index_urls), list(seen.find_links), list(seen.trusted_hosts), seen.no_index]
    assert [repr(value) for value in ours] == told


_ASK_PIP = """
from pip._internal.commands import create_command
options, _ = create_command("install").parse_args([])
print(repr(options.index_url))
print(repr(options.extra_index_urls))
print(repr(options.find_links))
print(repr(options.trusted_hosts))
print(repr(bool(options.no_index)))
"""


# --- uv ------------------------------------------------------------------------------------------------------


def test_uv_files_rank_project_user_machine_and_variables_win(home, tmp_path):
    write(tmp_path / "etc/uv/uv.toml", f'index-url = "{A}"\nextra-index-url = ["{A}"]\nallow-insecure-host = ["a"]\n')
    write(home / ".config/uv/uv.toml", f'[pip]\nindex-url = "{B}"\n')
    assert uv(home).index_url == B
    write(tmp_path / "work/uv.toml", f'[[index]]\nurl = "{C}"\ndefault = true\n[[index]]\nurl = "{D}"\n')
    seen = uv(home, UV_EXTRA_INDEX_URL="https://e.example https://f.example", UV_INDEX=f"named={B}")
    assert seen.index_url == C
    assert seen.extra_index_urls == (B, "https://e.example", "https://f.example", D, A)
    assert seen.trusted_hosts == ("a",)
    assert uv(home, UV_DEFAULT_INDEX=A).index_url == A
    assert uv(home, UV_INDEX_URL=A).index_url == A


def test_an_explicit_index_serves_nobody_who_did_not_ask(home, tmp_path):
    write(tmp_path / "work/project/pyproject.toml", f'[[tool.uv.index]]\nname = "t"\nurl = "{A}"\nexplicit = true\n')
    seen = uv(home)
    assert (seen.index_url, seen.extra_index_urls) == (None, ())
    assert seen.sources == (str(tmp_path / "work/project/pyproject.toml"),)


def test_a_pyproject_without_uv_is_no_source_and_broken_toml_is_named(home, tmp_path):
    write(tmp_path / "work/project/pyproject.toml", "[project]\nname = 'x'\n")
    assert uv(home).sources == ()
    broken = write(home / ".config/uv/uv.toml", "index-url = = 3")
    assert uv(home).sources[0].startswith(f"{broken} (cannot be read")


def test_values_of_the_wrong_kind_are_passed_over(home):
    write(home / ".config/uv/uv.toml", 'index = 3\nindex-url = 4\nextra-index-url = "x"\npip = 5\nno-index = "no"\n')
    seen = uv(home)
    assert (seen.index_url, seen.extra_index_urls, seen.no_index) == (None, (), False)


def test_uv_config_file_and_no_config(home, tmp_path):
    write(home / ".config/uv/uv.toml", f'index-url = "{A}"\n')
    own = write(tmp_path / "own.toml", f'index-url = "{B}"\nfind-links = ["/wheels"]\n')
    assert uv(home, UV_CONFIG_FILE=str(own)).index_url == B
    assert uv(home, UV_CONFIG_FILE=str(own)).find_links == ("/wheels",)
    assert uv(home, UV_NO_CONFIG="1").index_url is None


# --- Pythons, uv, conda --------------------------------------------------------------------------------------


def python(path: Path) -> Path:
    write(path, "#!/bin/sh\nexit 7\n").chmod(0o755)
    return path


def test_pythons_are_found_by_name_and_none_is_started(home, tmp_path):
    python(home / ".pyenv/versions/3.10.13/bin/python3")
    python(home / ".pyenv/versions/pypy3.10-7.3.12/bin/python3")
    python(home / ".pyenv/shims/python3.12")
    python(home / ".local/share/uv/python/cpython-3.11.9-linux-x86_64-gnu/bin/python3")
    python(home / ".local/share/uv/python/cpython-3.13.0+freethreaded-linux-x86_64-gnu/bin/python3")
    python(home / "miniconda3/bin/python")
    write(home / "miniconda3/conda-meta/python-3.12.4-h5148396_1.json", "{}")
    python(tmp_path / "usr/bin/python3.9")
    write(tmp_path / "usr/bin/python3.8", "not executable").chmod(0o644)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python3.9").symlink_to(tmp_path / "usr/bin/python3.9")
    (tmp_path / "bin/python3.11").symlink_to("/opt/gone")
    variables = {"HOME": str(home), "PATH": f"{home}/.pyenv/shims:{tmp_path}/bin"}
    found = find_pythons(variables, str(tmp_path))
    assert [(p.version, str(Path(p.path).relative_to(tmp_path))) for p in found] == [
        ("3.12.4", "home/miniconda3/bin/python"),
        ("3.11.9", "home/.local/share/uv/python/cpython-3.11.9-linux-x86_64-gnu/bin/python3"),
        ("3.10.13", "home/.pyenv/versions/3.10.13/bin/python3"),
        ("3.9", "usr/bin/python3.9"),
    ]


def test_conda_environments_are_pythons_too(home, tmp_path):
    python(tmp_path / "envs/one/bin/python")
    write(tmp_path / "envs/one/conda-meta/python-3.10.14-x_0.json", "{}")
    write(home / ".conda/environments.txt", f"{tmp_path}/envs/one\n{tmp_path}/envs/gone\n\n")
    assert [p.version for p in find_pythons({"HOME": str(home), "PATH": ""}, str(tmp_path))] == ["3.10.14"]


def test_conda_is_found_by_variable_path_and_folder(home, tmp_path):
    assert find_conda({"HOME": str(home), "PATH": ""}) is None
    write(home / "miniconda3/conda-meta/history", "")
    folder = python(home / "miniconda3/bin/conda")
    assert find_conda({"HOME": str(home), "PATH": ""}) == str(folder)
    mamba = python(tmp_path / "bin/mamba")
    assert find_conda({"HOME": str(home), "PATH": str(tmp_path / "bin")}) == str(mamba)
    assert find_conda({"HOME": str(home), "PATH": "", "CONDA_EXE": str(folder)}) == str(folder)


def test_the_uv_beside_us_is_found():
    found = find_uv({"HOME": "/nonexistent", "PATH": ""})
    assert found is not None
    assert "uv" in subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout


def test_the_probe_puts_it_together(home, tmp_path):
    fact = probe(Settings(project=tmp_path), {"HOME": str(home), "PATH": ""}, etc=str(tmp_path), root=str(tmp_path))
    assert isinstance(fact, Known)
    assert fact.value.conda_path is None
    assert fact.value.pythons == ()
