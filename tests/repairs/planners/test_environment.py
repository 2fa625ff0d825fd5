"""Planning an environment: which Python, which pages, whose place, and what the user is told."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from dualano_setup.errors import RepairError
from dualano_setup.facts.environment.probe import read_environment
from dualano_setup.facts.fact import Known
from dualano_setup.facts.sheet import Answer, FactSheet, IndexConfig, Installers, Network, PythonInstall
from dualano_setup.installers.user_configuration import UserConfiguration
from dualano_setup.installers.uv import Source, install, make_venv
from dualano_setup.knowledge import profile, shipped
from dualano_setup.knowledge.catalogue import load
from dualano_setup.repairs.planners.environment import choose_place, environment_after, hashed, plan
from dualano_setup.rules.finding import Finding
from dualano_setup.rules.rule import Context
from dualano_setup.settings.options import Settings
from dualano_setup.system import toml
from tests.stub_index import StubWheel, find_links_page, serve, write_index, write_wheel

MODERN = load("modern")
VERSION = ".".join(map(str, sys.version_info[:3]))
MINOR = ".".join(map(str, sys.version_info[:2]))
FINDINGS = (Finding("PY002", "fail", "there is no training environment"), Finding("PKG001", "fail", "numpy is missing"))


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    folder = tmp_path_factory.mktemp("index")
    default = [
        StubWheel("torch", "2.2.0", requires=("nvidia-cublas",)),
        StubWheel("nvidia-cublas", "12.1"),
        StubWheel("numpy", "1.26.4"),
        StubWheel("numpy", "1.26.3"),
    ]
    write_index(folder / "default", default)
    write_index(folder / "cpu", [StubWheel("torch", "2.2.0+cpu", requires=("numpy",))])
    with serve(folder) as address:
        yield address


@pytest.fixture
def context(url, tmp_path, monkeypatch):
    """A context whose profile is a stub with one optional page, on a machine with one Python."""
    folder = tmp_path / "profiles"
    folder.mkdir()
    (folder / "stub.toml").write_text(
        f'title = "stub"\nsummary = "stub"\npython = "=={MINOR}.*"\npython_preferred = "{MINOR}"\n'
        'needs_gpu = false\ndownload_bytes = 100\ndisk_bytes = 200\n[packages]\ntorch = "2.2.0"\n'
        '[[indexes]]\nname = "default"\nurl = ""\n'
        f'[[indexes]]\nname = "cpu"\nurl = "{url}cpu/simple/"\npackages = ["torch"]\nrequired = false\n'
    )
    (folder / f"stub.py{MINOR.replace('.', '')}.txt").write_text("numpy==1.26.4\ntorch==2.2.0\n")
    monkeypatch.setattr(profile, "PROFILE_FOLDER", folder)
    document = toml.parse((folder / "stub.toml").read_bytes())
    monkeypatch.setattr(shipped, "_documents", lambda: {"stub": document})
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    project = tmp_path / "project"
    project.mkdir()
    pip = IndexConfig(index_url=f"{url}default/simple/", extra_index_urls=("file:///not/here",))
    pythons = (PythonInstall("/nowhere/python3.7", "3.7.1"), PythonInstall(sys.executable, VERSION))
    sheet = FactSheet(installers=Known(Installers(pip=pip, uv=IndexConfig(), pythons=pythons)))
    return Context(sheet, Settings(project=project), load("stub"))


def test_torch_comes_from_its_page_and_the_rest_from_the_user_s_index(context, url):
    planned = plan(context, FINDINGS)
    (action,) = planned.actions
    assert action.packages == ("numpy==1.26.4", "torch==2.2.0+cpu")
    assert action.pages == (find_links_page(f"{url}cpu/", "torch"),)
    assert (action.cuda, action.download, action.rules) == ("cpu", 100, ("PY002", "PKG001"))
    assert action.target == context.settings.project / ".dualano" / "env"
    assert action.before == "absent"
    assert planned.notes == ("the configured extra index file:///not/here does not exist and is passed over",)


def test_an_optional_page_that_does_not_answer_is_left_out_and_its_price_told(context, url):
    silent = Network(indexes=(Answer(f"{url}cpu/simple/", False, "dns"),))
    context = replace(context, sheet=replace(context.sheet, network=Known(silent)))
    planned = plan(context, FINDINGS)
    (action,) = planned.actions
    assert action.packages == ("numpy==1.26.4", "nvidia-cublas==12.1", "torch==2.2.0")
    assert (action.pages, action.cuda) == ((), "")
    assert action.download > 2_000_000_000
    assert any("does not answer and is left out" in note for note in planned.notes)


def test_an_optional_page_that_fails_only_while_resolving_is_left_out_too(context, monkeypatch):
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    gone = replace(context.profile.indexes[1], url="http://127.0.0.1:9/simple/")
    profile = replace(context.profile, indexes=(context.profile.indexes[0], gone))
    planned = plan(replace(context, profile=profile), FINDINGS)
    assert planned.actions[0].pages == ()
    assert any("could not be used" in note for note in planned.notes)


@pytest.mark.parametrize(("pin", "follows"), [("numpy<2", True), ("numpy==1.26.3", False)])
def test_constraints_are_followed_where_they_can_be(context, tmp_path, pin, follows):
    file = tmp_path / "constraints.txt"
    file.write_text(pin + "\n")
    installers = context.sheet.installers.value
    pip = replace(installers.pip, constraints=(str(file),))
    sheet = replace(context.sheet, installers=Known(replace(installers, pip=pip)))
    planned = plan(replace(context, sheet=sheet), FINDINGS)
    assert "numpy==1.26.4" in planned.actions[0].packages
    assert any("contradict" in note for note in planned.notes) is not follows


def test_a_clash_ends_the_plan_in_words(context, tmp_path):
    lock = tmp_path / "profiles" / f"stub.py{MINOR.replace('.', '')}.txt"
    lock.write_text("numpy==9.9\ntorch==2.2.0\n")
    with pytest.raises(RepairError, match=r"no index at hand has numpy 9\.9"):
        plan(context, FINDINGS)


def test_where_pytorch_s_index_is_silent_a_profile_that_does_without_it_is_named(context, monkeypatch):
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    needed = replace(context.profile.indexes[1], url="http://127.0.0.1:9/simple/", required=True)
    profile = replace(context.profile, indexes=(context.profile.indexes[0], needed))
    monkeypatch.setattr("dualano_setup.repairs.planners.environment.suitable", lambda *_facts: (MODERN,))
    with pytest.raises(RepairError) as caught:
        plan(replace(context, profile=profile), FINDINGS)
    message = str(caught.value)
    assert "http://127.0.0.1:9/simple/torch/ refuses the connection" in message
    assert "fix --profile modern`" in message
    assert "cause:" not in message


def test_without_a_fitting_python_one_is_downloaded_but_not_offline(context):
    profile = replace(context.profile, python=">=3.99", python_preferred=MINOR)
    (action,) = plan(replace(context, profile=profile), FINDINGS).actions
    assert (action.python, action.python_version) == ("", MINOR)
    offline = replace(context, profile=profile, settings=replace(context.settings, offline=True))
    with pytest.raises(RepairError, match="--offline is on"):
        plan(offline, FINDINGS)


def test_files_from_a_network_must_be_those_of_the_lock_and_the_user_s_own_need_not(context, tmp_path):
    lock = tmp_path / "profiles" / f"stub.py{MINOR.replace('.', '')}.txt"
    digest = "--hash=sha256:" + 64 * "0"
    lock.write_text(f"numpy==1.26.4 {digest}\ntorch==2.2.0 {digest}\n")
    (action,) = plan(context, FINDINGS).actions
    assert action.hashes == ()  # the stub index is on this machine
    packages = ("numpy==1.26.4", "torch==2.2.0+cpu")
    mirror = UserConfiguration(variables={"UV_DEFAULT_INDEX": "https://mirror.example/simple"})
    assert hashed(context.profile, VERSION, packages, mirror) == (f"numpy==1.26.4 {digest}",)
    wheels = tmp_path / "wheels"
    write_wheel(StubWheel("numpy", "1.26.4"), wheels)
    assert hashed(context.profile, VERSION, packages, replace(mirror, find_links=(str(wheels),))) == ()
    assert hashed(context.profile, VERSION, packages, UserConfiguration()) == (f"numpy==1.26.4 {digest}",)


def test_a_file_that_is_not_the_lock_s_is_not_installed(url, tmp_path, monkeypatch):
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    source = Source(variables={"UV_DEFAULT_INDEX": f"{url}default/simple/"})
    log = tmp_path / "log"
    make_venv(tmp_path / "env", sys.executable, "stub", source, log)
    pins = tmp_path / "pins.txt"
    pins.write_text(f"numpy==1.26.4 --hash=sha256:{64 * '0'}\nnvidia-cublas==12.1\n")
    with pytest.raises(RepairError, match="not the one that the profile's lock knows"):
        install(tmp_path / "env", pins, source, log)
    pins.write_text("numpy==1.26.4\nnvidia-cublas==12.1\n")
    install(tmp_path / "env", pins, source, log)


@pytest.mark.parametrize(
    ("files", "own"),
    [
        (("pyvenv.cfg",), False),
        ((), False),
        (("conda-meta/history", "bin/python"), True),
        (("bin/python", "lib/python3.10/os.py"), True),
        (("thesis.tex",), True),
    ],
)
def test_only_a_venv_is_replaced_where_it_stands(context, tmp_path, files, own):
    named = tmp_path / "named"
    named.mkdir()
    for name in files:
        (named / name).parent.mkdir(parents=True, exist_ok=True)
        (named / name).write_text("")
    place = choose_place(replace(context, settings=replace(context.settings, env=named)))
    assert place.target == (context.settings.state / "env" if own else named)
    assert bool(place.note) is own


def test_what_the_new_environment_will_lack_is_said(context, tmp_path):
    named = tmp_path / "named"
    site = named / "lib" / f"python{MINOR}" / "site-packages"
    for name in ("numpy", "jupyter"):
        (site / f"{name}-1.0.dist-info").mkdir(parents=True)
        (site / f"{name}-1.0.dist-info" / "METADATA").write_text(f"Name: {name}\nVersion: 1.0\n")
    (named / "pyvenv.cfg").write_text(f"home = /usr/bin\nversion = {VERSION}\n")
    sheet = replace(context.sheet, environment=Known(read_environment(str(named), (), {})))
    here = replace(context, sheet=sheet, settings=replace(context.settings, env=named))
    planned = plan(here, FINDINGS)
    assert any("also holds jupyter, which" in note for note in planned.notes)
    assert environment_after(here, planned.actions) == named
