"""The line before a training starts: hand-made facts in, words out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dualano_setup.facts.fact import Absent, Known, Unknown
from dualano_setup.facts.sheet import BinaryBuild, Environment, FactSheet, Gpu, Gpus
from dualano_setup.repairs.action import Plan
from dualano_setup.repairs.actions.files import WriteFile
from dualano_setup.repairs.journal.apply import Session, apply_plan
from dualano_setup.repairs.journal.journal import new_id
from dualano_setup.repairs.planners.train_settings import still_as_fitted
from dualano_setup.rules.gpu.memory import need
from dualano_setup.rules.wording import GIB, gib
from dualano_setup.runs.watch.settings_in_words import settings_in_words
from dualano_setup.settings.options import Settings

SMALL = Settings(Path("/p"), mixed_precision="bf16", batch_size=1, gradient_checkpointing=True)
CARD = Gpu(0, "NVIDIA RTX A4500", 20 * GIB, 12 * GIB, (8, 6))
ENVIRONMENT = Environment(
    prefix="/env", kind="venv", python="3.10.13", interpreter="/env/bin/python", interpreter_ok=True, base="/usr",
    site_packages=(), distributions=(), torch=BinaryBuild("2.2.0+cu118", "11.8"), torchvision=None, torchaudio=None,
    xformers=None,
)  # fmt: skip
BUILT_FOR_CPU = replace(ENVIRONMENT, torch=BinaryBuild("2.2.0+cpu", None))


def said(settings=SMALL, gpus=None, environment=ENVIRONMENT, trainer="bundled", extra=(), by_fix=False):
    sheet = FactSheet(environment=Known(environment), gpus=gpus or on(CARD))
    return settings_in_words(settings, sheet, trainer=trainer, extra=extra, by_fix=by_fix)


def on(*devices, visible=None):
    return Known(Gpus("550.90.07", "12.4", devices, visible, "nvidia-smi"))


def test_memory_needed_of_memory_free():
    about = gib(need(SMALL))
    run = "bf16, batch 1, 512 px, gradient checkpointing"
    assert said() == f"{run}: about {about} of the 8.0 GiB free on GPU 0 (NVIDIA RTX A4500)"


@pytest.mark.parametrize(
    ("gpus", "environment", "why"),
    [
        (Absent("no driver"), ENVIRONMENT, "no GPU is visible"),
        (Absent("no driver"), BUILT_FOR_CPU, "no GPU is visible"),
        (on(), ENVIRONMENT, "no GPU is visible"),
        (on(CARD), BUILT_FOR_CPU, "torch 2.2.0+cpu is built without CUDA"),
        (on(CARD, visible=("-1",)), ENVIRONMENT, "CUDA_VISIBLE_DEVICES hides every GPU"),
        (on(CARD, visible=("7",)), ENVIRONMENT, "CUDA_VISIBLE_DEVICES hides every GPU"),
    ],
)
def test_why_on_the_cpu(gpus, environment, why):
    assert said(Settings(Path("/p")), gpus, environment) == f"float32, batch 2, 512 px on the CPU: {why}"


def test_the_fullest_of_several_gpus_counts():
    roomy = replace(CARD, index=1, memory_used=0)
    line = said(replace(SMALL, num_processes=2), on(roomy, CARD))
    assert "on each of 2 GPUs" in line
    assert "8.0 GiB free on GPU 0" in line


def test_what_is_not_known_is_not_claimed():
    assert "free" not in said(gpus=on(replace(CARD, memory_used=None)))
    assert "memory is not known here" in said(gpus=on(replace(CARD, memory_total=None)))
    assert "(the driver hangs)" in said(gpus=Unknown("the driver hangs"))
    assert "GiB" not in said(trainer="checkout")  # the arithmetic is of the bundled trainer


def test_arguments_for_the_trainer_win():
    line = said(extra=("--train_batch_size=4", "--mixed_precision", "no", "--resolution", "huge"))
    assert line.startswith("float32, batch 4, 512 px, gradient checkpointing: about ")
    assert line.endswith("; what follows `--` holds")


def test_who_chose_them():
    chosen = replace(SMALL, said_by={"batch_size": "/p/dualano.toml", "rank": "DUALANO_TRAIN_RANK"})
    assert said(chosen).endswith("; set by /p/dualano.toml")
    assert said(chosen, by_fix=True).endswith("; `dualano-doctor fix` chose them to fit the GPU")
    by_variable = replace(SMALL, said_by={"batch_size": "DUALANO_TRAIN_BATCH_SIZE"})
    assert said(by_variable, by_fix=True).endswith("; set by DUALANO_TRAIN_BATCH_SIZE")


def test_a_fix_that_fitted_the_run_is_known_until_the_file_changes(tmp_path):
    assert not still_as_fitted(tmp_path)
    file = tmp_path / "dualano.toml"
    write = WriteFile(file, b"[train]\nbatch_size = 1\n", "", ("GPU003",), "so that it fits")
    apply_plan(Plan(new_id(tmp_path), (write,), "basis"), Session(tmp_path, None, say=print, variables={}))
    assert still_as_fitted(tmp_path)
    file.write_text("[train]\nbatch_size = 2\n")
    assert not still_as_fitted(tmp_path)
    file.unlink()
    assert not still_as_fitted(tmp_path)
