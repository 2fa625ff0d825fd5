"""`check` for a compute node, with scripts of Slurm's names on the PATH that really start what they are given."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from dualano_setup.facts.fact import Known
from dualano_setup.facts.serialize import sheet_to_json
from dualano_setup.facts.sheet import AccelerateConfig, FactSheet
from tests import forked_doctor
from tests.worlds.project import GPUS, MACHINE

#: What srun starts is run here, after what it was asked is written down; the node has a variable of its own.
SRUN = """#!/bin/bash
printf '%s\\n' "$@" > "$STUB/asked"
[ -e "$STUB/refuse" ] && { echo 'srun: error: Unable to allocate resources: Requested nodes are busy' >&2; exit 1; }
[ -e "$STUB/report" ] && { cat "$STUB/report"; exit 0; }
while [[ $1 == --* ]]; do shift; done
PMI_SIZE=4 exec "$@"
"""


@pytest.fixture
def cluster(tmp_path):
    stub = tmp_path / "stub"
    stub.mkdir()
    (stub / "srun").write_text(SRUN)
    for name in ("srun", "sinfo"):
        (stub / name).touch()
        (stub / name).chmod(0o755)
    partitions(tmp_path, "cpu|up|(null)", "old|down|gpu:1", "gpu|up|gpu:a100:4(S:0-1)")
    (tmp_path / "project/.dualano").mkdir(parents=True)
    return tmp_path


def partitions(cluster: Path, *rows: str) -> None:
    (cluster / "stub/sinfo").write_text("#!/bin/sh\ncat << END\n" + "\n".join(rows) + "\nEND\n")


def check(cluster: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {
        k: v for k, v in os.environ.items() if not k.startswith(("DUALANO_", "VIRTUAL_ENV", "CONDA_", "SLURM", "PMI"))
    }
    kept |= {"STUB": str(cluster / "stub"), "PATH": f"{cluster / 'stub'}:{os.environ['PATH']}", "HF_HOME": str(cluster)}
    return forked_doctor.run(["check", "--offline", *arguments], cwd=cluster / "project", variables=kept | variables)


def node_report(cluster: Path, file: str) -> None:
    """A report of a node with a GPU and a variable."""
    variables = AccelerateConfig("/x", False, overrides=(("PMI_SIZE", "2"),))
    away = FactSheet(machine=Known(MACHINE), gpus=Known(GPUS), accelerate=Known(variables))
    (cluster / file).write_text(json.dumps({"schema": 1, "facts": sheet_to_json(away)}))


def asked(cluster: Path) -> list[str]:
    return (cluster / "stub/asked").read_text().splitlines()


def test_srun_starts_this_very_check_on_a_gpu_partition_and_its_machine_and_variables_are_judged(cluster):
    done = check(cluster, "--for", "gpu-node", "--only", "ACC005", "--data", "some data")
    assert "PMI_SIZE=4" in done.stdout, done
    words = asked(cluster)
    assert {"--partition=gpu", "--gres=gpu:1", "--immediate=60"} <= set(words)
    assert words[words.index("check") :] == [
        "check", "--json", "--offline", "--for", "here", "--data", "some data"
    ]  # fmt: skip
    saved = json.loads((cluster / "project/.dualano/gpu-node.json").read_text())
    assert ["PMI_SIZE", "4"] in saved["facts"]["accelerate"]["value"]["overrides"]


def test_on_a_login_node_it_happens_by_itself_and_the_report_that_was_saved_serves_the_next_time(cluster):
    node_report(cluster, "stub/report")
    done = check(cluster, "--json")
    assert json.loads(done.stdout)["facts"]["gpus"]["value"]["devices"][0]["name"] == "NVIDIA RTX A4500"
    assert "asking Slurm" in done.stderr
    (cluster / "stub/asked").unlink()
    again = check(cluster, "--json")
    assert json.loads(again.stdout)["facts"]["gpus"]["value"]["devices"]
    assert "which a compute node wrote" in again.stderr
    assert not (cluster / "stub/asked").exists()


@pytest.mark.parametrize(
    ("arguments", "variables", "rows"),
    [
        (["--for", "here"], {}, ["gpu|up|gpu:1"]),
        ([], {"SLURM_JOB_ID": "7"}, ["gpu|up|gpu:1"]),
        ([], {}, ["cpu|up|(null)"]),
        ([], {}, []),
    ],
    ids=["asked for here", "inside a job", "no GPUs in the cluster", "no cluster"],
)
def test_this_machine_is_judged_where_it_is_the_one_that_counts(cluster, arguments, variables, rows):
    node_report(cluster, "stub/report")
    partitions(cluster, *rows)
    done = check(cluster, "--json", *arguments, **variables)
    assert (
        json.loads(done.stdout)["facts"]["gpus"]["state"] == "absent"
        or not json.loads(done.stdout)["facts"]["gpus"]["value"]["devices"]
    )
    assert done.stderr == ""


def test_a_node_that_is_not_to_be_had_is_said_with_the_way_by_hand(cluster):
    (cluster / "stub/refuse").touch()
    done = check(cluster, "--for", "gpu-node")
    assert done.returncode == 2
    assert "Requested nodes are busy" in done.stderr
    assert "check --sheet node.json" in done.stderr
    unasked = check(cluster)
    assert "this login node is judged" in unasked.stderr
    assert unasked.stdout
    node_report(cluster, "project/.dualano/gpu-node.json")
    saved = check(cluster, "--for", "gpu-node", "--json")
    assert json.loads(saved.stdout)["facts"]["gpus"]["value"]["devices"]
    assert "which a compute node wrote" in saved.stderr


def test_what_is_no_report_and_a_cluster_that_is_none_are_said(cluster):
    (cluster / "stub/report").write_text('{"facts": {"gpus": 3}}')
    done = check(cluster, "--for", "gpu-node")
    assert (done.returncode, "no report" in done.stderr) == (2, True)
    partitions(cluster)
    done = check(cluster, "--for", "gpu-node")
    assert (done.returncode, "no cluster answers" in done.stderr) == (2, True)


def test_in_an_allocation_a_step_of_it_looks(cluster):
    node_report(cluster, "stub/report")
    check(cluster, "--for", "gpu-node", SLURM_JOB_ID="7")
    assert "--overlap" in asked(cluster)
    assert not [word for word in asked(cluster) if word.startswith(("--partition", "--immediate"))]
