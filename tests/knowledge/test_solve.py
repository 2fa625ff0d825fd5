"""The solver against the tables, read here with a small logic of its own.

Nothing of the solver's helpers is used: the JSON files are opened, and what a stack promises is looked up in them.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import dualano_setup.knowledge
from dualano_setup.knowledge.solve import Refusal, Stack, solve

FOLDER = Path(dualano_setup.knowledge.__file__).parent
TABLES = {
    name: json.loads((FOLDER / f"{name}.json").read_text())["rows"]
    for name in ("torch_releases", "torch_architectures", "drivers", "xformers_releases", "gpus")
}

# (architecture, driver, Python): a GPU of every architecture, with drivers that people have.
TRIPLES = [
    ("sm_37", "470.256.02", "3.10"),
    ("sm_50", "470.256.02", "3.11"),
    ("sm_50", "580.95.05", "3.12"),
    ("sm_52", "535.183.01", "3.10"),
    ("sm_52", "450.80.02", "3.13"),
    ("sm_60", "525.60.13", "3.14"),
    ("sm_60", "460.32.03", "3.12"),
    ("sm_61", "580.65.06", "3.11"),
    ("sm_61", "470.82.01", "3.10"),
    ("sm_70", "535.54.03", "3.12"),
    ("sm_70", "450.80.02", "3.11"),
    ("sm_70", "570.124.06", "3.13"),
    ("sm_75", "450.80.02", "3.13"),
    ("sm_75", "550.54.14", "3.14"),
    ("sm_75", "595.45.04", "3.11"),
    ("sm_80", "515.43.04", "3.10"),
    ("sm_80", "525.60.13", "3.11"),
    ("sm_80", "580.65.06", "3.10"),
    ("sm_86", "470.82.01", "3.12"),
    ("sm_86", "535.54.03", "3.10"),
    ("sm_86", "580.95.05", "3.14"),
    ("sm_89", "525.60.13", "3.13"),
    ("sm_89", "595.45.04", "3.12"),
    ("sm_90", "550.54.14", "3.11"),
    ("sm_90", "580.65.06", "3.13"),
    ("sm_100", "570.124.06", "3.12"),
    ("sm_100", "580.95.05", "3.10"),
    ("sm_103", "580.95.05", "3.11"),
    ("sm_103", "575.51.03", "3.14"),
    ("sm_120", "570.26", "3.10"),
    ("sm_120", "580.65.06", "3.13"),
    ("sm_121", "595.45.04", "3.14"),
]


def version(text):
    return tuple(int(part) for part in re.match(r"\d+(\.\d+)*", text)[0].split("."))


def seen_build(torch, cuda):
    """The architectures of that build, or None where nobody has seen or documented it."""
    minor = ".".join(torch.split(".")[:2])
    for row in TABLES["torch_architectures"]:
        if (row["torch"], row["cuda"]) == (minor, cuda) and row["level"] != "announced":
            return row["architectures"]
    return None


def driver_of(cuda):
    return next((row for row in TABLES["drivers"] if row["cuda"] == cuda), None)


def runs(built, architecture, driver, cuda):
    """Machine code of the same generation, not newer than the GPU; or PTX, if the driver is the toolkit's or newer."""
    gpu, limits = int(architecture[3:]), driver_of(cuda)
    for entry in built:
        code = int(entry[3:].split("+")[0])
        if code // 10 == gpu // 10 and code <= gpu and version(driver) >= version(limits["lowest"]):
            return True
        if entry.endswith("+PTX") and code <= gpu and version(driver) >= version(limits["toolkit"]):
            return True
    return False


def works(release, cuda, architecture, driver, python):
    built = seen_build(release["torch"], cuda)
    tag = "cp" + python.replace(".", "")
    return (
        built is not None
        and tag in release["python"]
        and (cuda in release["builds"] or cuda == release["default_cuda"])
        and bool(release["torchvision"])
        and runs(built, architecture, driver, cuda)
    )


@pytest.mark.parametrize(("architecture", "driver", "python"), TRIPLES)
def test_the_stack_holds_by_the_tables_and_nothing_newer_does(architecture, driver, python):
    stack = solve(architecture, driver, python)
    assert isinstance(stack, Stack), stack
    release = next(row for row in TABLES["torch_releases"] if row["torch"] == stack.torch)
    assert works(release, stack.cuda, architecture, driver, python)
    assert stack.torchvision in release["torchvision"]
    assert (stack.index_url == "") == (stack.cuda == release["default_cuda"])
    assert stack.index_url in ("", f"https://download.pytorch.org/whl/cu{stack.cuda.replace('.', '')}/")
    assert version(driver) >= version(stack.driver_min) == version(driver_of(stack.cuda)["lowest"])
    newer = [row for row in TABLES["torch_releases"] if version(row["torch"]) > version(stack.torch)]
    cudas = {row["cuda"] for row in TABLES["torch_architectures"]}
    assert not [(r["torch"], c) for r in newer for c in cudas if works(r, c, architecture, driver, python)]


@pytest.mark.parametrize(("architecture", "driver", "python"), TRIPLES)
def test_xformers_is_a_published_match_or_left_out_with_a_reason(architecture, driver, python):
    stack = solve(architecture, driver, python)
    release = next(row for row in TABLES["torch_releases"] if row["torch"] == stack.torch)
    if stack.xformers is None:
        assert stack.why_no_xformers
        return
    assert stack.xformers in release["xformers"]
    row = next(row for row in TABLES["xformers_releases"] if row["xformers"] == stack.xformers)
    assert row["torch"] in (f"=={stack.torch}", ">=2.10")
    assert row["torch"] != ">=2.10" or version(stack.torch) >= (2, 10)
    assert stack.cuda in row["builds"] or stack.cuda == row["cuda"]
    assert {"cp" + python.replace(".", ""), "cp39-abi3", "py39"} & set(row["python"])
    assert runs([entry.rstrip("a") for entry in row["architectures"]], architecture, driver, stack.cuda)


def test_the_triples_cover_every_architecture_of_the_table():
    assert {triple[0] for triple in TRIPLES} == {row["architecture"] for row in TABLES["gpus"]}
    assert len(TRIPLES) >= 30


@pytest.mark.parametrize(
    ("architecture", "driver", "python", "reason"),
    [
        ("sm_37", "535.54.03", "3.10", "no longer drives Kepler"),
        ("sm_61", "595.45.04", "3.11", "no longer drives Pascal GPUs (sm_61); the last that does is release 580"),
        ("sm_70", "390.48", "3.10", "needs a newer driver than 390.48"),
        ("sm_120", "535.54.03", "3.11", "older than the first that knows sm_120"),
        ("sm_37", "470.82.01", "3.14", "an older Python may do"),
        ("sm_86", "580.95.05", "3.9", "Python >=3.10,<3.15"),
        ("sm_13", "580.95.05", "3.11", "no GPU architecture that the tables know"),
    ],
)
def test_a_refusal_names_what_stands_in_the_way(architecture, driver, python, reason):
    answer = solve(architecture, driver, python)
    assert isinstance(answer, Refusal)
    assert reason in answer.reason


def test_two_unlike_gpus_get_a_stack_that_runs_on_both_or_a_refusal():
    both = solve(("sm_70", "sm_120"), "580.95.05", "3.11")
    assert isinstance(both, Stack)
    assert (both.torch, both.cuda) == ("2.10.0", "12.8")
    assert isinstance(solve(("sm_61", "sm_120"), "580.95.05", "3.11"), Refusal)


def test_an_unseen_build_is_never_built_upon():
    assert seen_build("2.15.0", "13.0") is None
    assert solve("sm_86", "580.95.05", "3.11").cuda == "13.2"
