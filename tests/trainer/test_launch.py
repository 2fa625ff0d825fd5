"""Which variables are taken for a launch of several processes that is none."""

import pytest

from trainer.launch import stray_launch

WHOLE = {"RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0", "MASTER_ADDR": "node1", "MASTER_PORT": "29500"}


@pytest.mark.parametrize(
    ("variables", "on_cpu", "found"),
    [
        ({"PMI_SIZE": "2", "PMI_RANK": "0"}, True, ("PMI_SIZE=2",)),
        ({"PMI_SIZE": "2"}, False, ()),  # a run on the GPU asks for LOCAL_RANK alone
        ({"PMI_SIZE": "1", "OMPI_COMM_WORLD_SIZE": "1", "SLURM_NTASKS": "8"}, True, ()),
        ({"OMPI_COMM_WORLD_SIZE": "4", "MV2_COMM_WORLD_SIZE": "4"}, True,
         ("OMPI_COMM_WORLD_SIZE=4", "MV2_COMM_WORLD_SIZE=4")),
        ({"WORLD_SIZE": "2", "RANK": "0"}, True, ("WORLD_SIZE=2",)),
        ({"LOCAL_RANK": "0"}, False, ("LOCAL_RANK=0",)),
        ({"LOCAL_RANK": "-1", "PMI_SIZE": "many"}, True, ()),
        (WHOLE, True, ()),
        ({**WHOLE, "MASTER_PORT": ""}, True, ("WORLD_SIZE=2", "LOCAL_RANK=0")),
        ({}, True, ()),
    ],
)  # fmt: skip
def test_what_promises_other_processes(variables, on_cpu, found):
    assert stray_launch(variables, on_cpu=on_cpu) == found
