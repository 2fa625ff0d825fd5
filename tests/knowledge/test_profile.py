import json
import re

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from dualano_setup.knowledge.catalogue import load
from dualano_setup.knowledge.profile import PROFILE_FOLDER
from dualano_setup.knowledge.shipped import names
from dualano_setup.rules.pkg.binary import sibling_mismatch
from tests.rules.hand_made import environment

PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")


@pytest.mark.parametrize("name", names())
def test_there_is_a_lock_for_every_python_in_range_and_no_other(name):
    profile = load(name)
    for python in PYTHONS:
        expected = SpecifierSet(profile.python).contains(f"{python}.5")
        assert (PROFILE_FOLDER / f"{name}.py{python.replace('.', '')}.txt").is_file() is expected
    assert profile.lock_file().name == profile.lock
    with pytest.raises(KeyError, match="it has 3"):
        profile.lock_file("3.9")


@pytest.mark.parametrize("name", names())
def test_locks_hold_every_named_package_within_pin_or_bounds(name):
    profile = load(name)
    for python in PYTHONS:
        if not SpecifierSet(profile.python).contains(f"{python}.5"):
            continue
        locked = profile.locked(python)
        for package, pin in {**profile.packages, **profile.optional}.items():
            public = Version(locked[package]).public
            assert public == pin or public in SpecifierSet(profile.bounds[package])
            if python == profile.python_preferred:
                assert public == pin


@pytest.mark.parametrize("file", sorted(PROFILE_FOLDER.glob("*.txt")), ids=lambda file: file.name)
def test_locks_are_exact_sorted_once_each_and_name_no_host(file):
    lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    requirements = [Requirement(line.partition(" ")[0]) for line in lines]
    for line in lines:
        pin, *hashes = line.split()
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", digest) for digest in hashes)
        assert bool(hashes) is ("+" not in pin), "every file of the default index has its hash"
    assert all(re.fullmatch(r"==[^,*]+", str(requirement.specifier)) for requirement in requirements)
    assert len({requirement.name for requirement in requirements}) == len(lines)
    assert "://" not in file.read_text()
    assert not any(line.startswith("nvidia-") for line in lines) or "cpu" not in file.name


@pytest.mark.parametrize("name", names())
def test_binary_packages_go_together_by_the_release_table(name):
    profile = load(name)
    seen = environment(profile, f"{profile.python_preferred}.5")
    assert not sibling_mismatch(seen, "torchvision")
    assert not sibling_mismatch(seen, "torchaudio")


@pytest.mark.parametrize("name", names())
def test_json_is_complete_and_exact(name):
    document = json.loads(json.dumps(load(name).to_json()))
    assert {"name", "python", "packages", "indexes"} <= set(document)
    assert document["name"] == name
    assert all(Version(version) for version in document["packages"].values())
    assert document["sources"]
    assert document["checked"]


def test_the_guides_profile_pins_the_guides_builds():
    pins = load("guide-cu118").to_json()["packages"]
    assert {name: pins[name] for name in ("torch", "torchvision", "torchaudio", "xformers")} == {
        "torch": "2.2.0+cu118",
        "torchvision": "0.17.0+cu118",
        "torchaudio": "2.2.0+cu118",
        "xformers": "0.0.24+cu118",
    }
    assert Version(pins["huggingface-hub"]) < Version("0.26")
    assert Version(pins["numpy"]) < Version("2")


def test_every_local_version_has_an_index_that_serves_it():
    for name in names():
        profile = load(name)
        served = {package for index in profile.indexes if index.kind == "find-links" for package in index.packages}
        assert {package for package, version in profile.locked().items() if "+" in version} <= served


def test_an_unknown_profile_names_the_known_ones():
    with pytest.raises(KeyError, match="guide-cu118"):
        load("guide")
