"""The guide's five problems, each as a broken world: found, repaired by the real installer, found healthy.

Environments come from a local index of stub wheels that hold the profile's real pins. Problem 2 (dtypes) is a source
patch: `tests/patches/test_upstream.py` proves it on the authors' sources, which cannot be here. Problem 5 (the empty
log) is `tests/runs`: a run's log has its lines while the run goes on.
"""

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dualano_setup.check import look
from dualano_setup.facts.collect import collect
from dualano_setup.facts.fact import Known
from dualano_setup.facts.sheet import Answer, IndexConfig, Network, PythonInstall
from dualano_setup.knowledge.catalogue import load
from dualano_setup.repairs.journal.apply import Session, apply_plan
from dualano_setup.repairs.plan import make_plan
from tests.stub_index import StubWheel, serve, write_index
from tests.worlds.project import ACCELERATE, GPUS, INSTALLERS
from tests.worlds.site_packages import lay, lay_environment, torch_files, xformers_files

PROFILE = "cpu-checkout"
TORCH = {
    "torch/__init__.py": "from . import cuda, version\n__version__ = version.__version__\n",
    "torch/cuda.py": "def is_available():\n    return False\n",
    "torch/version.py": "__version__ = '2.2.0+cpu'\ncuda = None\nhip = None\n",
}
VISION = {"torchvision/__init__.py": "", "torchvision/version.py": "__version__ = '0.17.0+cpu'\n"}


def an_interpreter() -> PythonInstall:
    """A Python of the profile's range that can make environments."""
    for path in (sys.executable, shutil.which("python3.11"), shutil.which("python3.10")):
        real = Path(path).resolve() if path else None
        minor = real.name.removeprefix("python") if real else ""
        if minor in ("3.10", "3.11"):
            return PythonInstall(str(real), f"{minor}.0")
    pytest.skip("profile cpu-checkout needs a Python 3.10 or 3.11 on this machine")


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """All of the profile's pins as stub wheels, served on the loopback interface."""
    folder = tmp_path_factory.mktemp("index")
    pins = load(PROFILE).locked(an_interpreter().version)
    special = {"torch": TORCH, "torchvision": VISION}
    write_index(folder, [StubWheel(name, version, files=special.get(name, {})) for name, version in pins.items()])
    with serve(folder) as url:
        yield f"{url}simple/"


@pytest.fixture
def bench(tmp_path, monkeypatch, index):
    """A project with the profile's environment, and a `see` that lays the machine's facts over it."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    for name in ("VIRTUAL_ENV", "PYTHONPATH", "CONDA_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    config = tmp_path / "hf" / "accelerate" / "default_config.yaml"
    config.parent.mkdir(parents=True)
    config.write_text(ACCELERATE.replace("use_cpu: false", "use_cpu: true"))
    return Bench(tmp_path / "project", index)


class Bench:
    """One project, broken by a test and repaired by the program."""

    def __init__(self, root: Path, index: str):
        from dualano_setup.settings.resolve import resolve

        root.mkdir()
        self.root = root
        self.python = an_interpreter()
        self.settings = resolve({"profile": PROFILE}, {}, root)
        self.index = index

    def lay(self, *, python: str | None = None) -> Path:
        pins = load(PROFILE).locked(self.python.version)
        builds = {"torch": "2.2.0+cpu", "torchvision": "0.17.0+cpu", "cuda": None}
        return lay_environment(
            self.root / ".dualano" / "env", pins, python=python or self.python.version, builds=builds
        )

    def see(self, settings):
        silent = tuple(Answer(i.url, False, "dns", "no such host") for i in load(PROFILE).indexes if i.url)
        return replace(
            collect(settings),
            gpus=Known(replace(GPUS, driver=None, cuda=None, devices=())),
            installers=Known(replace(INSTALLERS, pip=IndexConfig(index_url=self.index), pythons=(self.python,))),
            network=Known(Network(indexes=silent)),
        )

    def failing(self) -> set[str]:
        return {f.rule for f in look(self.settings, self.see).findings if f.status == "fail"}

    def repair(self) -> None:
        report = look(self.settings, self.see)
        plan = make_plan(report)
        said: list[str] = []
        outcome = apply_plan(
            plan, Session(self.root, None, False, said.append, {"UV_DEFAULT_INDEX": self.index, "UV_NO_CACHE": "1"})
        )
        assert outcome.status == 0, (outcome.problem, said)


def test_the_bench_is_healthy_before_anything_breaks(bench):
    bench.lay()
    assert bench.failing() == set()


def test_problem_1_python_3_13(bench):
    bench.lay(python="3.13.0")
    assert bench.failing() == {"PY001"}
    bench.repair()
    assert bench.failing() == set()


def test_problem_3_xformers_of_another_torch(bench):
    files = xformers_files("2.0.0+cu118", "11.8", "3.10.9", "libcudart.so.11.0")
    lay(bench.lay(), "xformers", "0.0.17", requires=["torch==2.0.0"], files=files)
    assert "PKG004" in bench.failing()
    bench.repair()
    assert bench.failing() == set()


def test_problem_4_hub_without_cached_download(bench):
    site = bench.lay()
    for info in site.glob("huggingface_hub-*.dist-info"):
        shutil.rmtree(info)
    lay(site, "huggingface-hub", "0.35.3")
    assert "PKG006" in bench.failing()
    bench.repair()
    assert bench.failing() == set()


def test_no_environment_at_all(bench):
    assert bench.failing() == {"PY002"}
    bench.repair()
    assert bench.failing() == set()


def test_torch_of_another_release(bench):
    site = bench.lay()
    shutil.rmtree(next(site.glob("torch-*.dist-info")))
    lay(site, "torch", "2.0.1", files=torch_files("2.0.1+cu117", "11.7"))
    assert bench.failing()
    bench.repair()
    assert bench.failing() == set()
