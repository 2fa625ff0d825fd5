"""GPUs by the names people call them."""

from __future__ import annotations

import pytest

from dualano_setup.cli.main import run
from dualano_setup.knowledge.gpu_names import architecture_of
from dualano_setup.knowledge.tables import newest_driver


@pytest.mark.parametrize(
    ("name", "architecture"),
    [
        ("RTX 3090", "sm_86"),
        ("NVIDIA GeForce RTX 3060 Ti", "sm_86"),
        ("rtx3080ti", "sm_86"),
        ("NVIDIA GeForce RTX 4070 SUPER", "sm_89"),
        ("RTX 4090 Laptop GPU", "sm_89"),
        ("RTX 6000 Ada Generation", "sm_89"),
        ("NVIDIA RTX A4500", "sm_86"),
        ("A5000", ""),
        ("GTX 1080 Ti", "sm_61"),
        ("GTX 1650", "sm_75"),
        ("RTX 2080", "sm_75"),
        ("Tesla T4", "sm_75"),
        ("NVIDIA A100-SXM4-80GB", "sm_80"),
        ("A10", "sm_86"),
        ("H100", "sm_90"),
        ("NVIDIA H200", "sm_90"),
        ("Tesla V100", "sm_70"),
        ("Tesla K80", "sm_37"),
        ("RTX 5090", "sm_120"),
        ("B200", "sm_100"),
        ("GTX 980", "sm_52"),
        ("GTX 750 Ti", "sm_50"),
        ("Radeon 7900", ""),
        ("", ""),
    ],
)
def test_names(name, architecture):
    assert architecture_of(name) == architecture


def test_the_newest_driver_is_one_that_still_drives_it():
    assert newest_driver("sm_61").startswith("580")
    assert newest_driver("sm_37").startswith("470")
    assert int(newest_driver("sm_86").split(".")[0]) >= 570


def test_profile_for_a_name(capsys):
    assert run(["profile", "--for", "RTX 3090"]) == 0
    assert "sm_86" in capsys.readouterr().out
    assert run(["profile", "--for", "RTX 9999"]) == 2
    assert "RTX 9999" in capsys.readouterr().err
