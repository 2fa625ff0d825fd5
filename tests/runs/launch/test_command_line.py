"""The command of a run, its environment and its accelerate file: pure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from dualano_setup.errors import UsageError
from dualano_setup.facts.fact import Absent, Known, Unknown
from dualano_setup.facts.sheet import BinaryBuild, Environment, FactSheet, Gpu, Gpus
from dualano_setup.runs.folder import RunFolder
from dualano_setup.runs.launch.arguments import required, steps_of, value_of
from dualano_setup.runs.launch.command_line import Machine, accelerate_text, build, threads_for_each, uses_cpu
from dualano_setup.settings.options import Settings

SETTINGS = Settings(
    Path("/p"), model=Path("/m"), data=Path("/d"), category="toothbrush", anomaly="defective", foreground=Path("/f"),
    checkout=Path("/c"),
)  # fmt: skip
RUN = RunFolder(Path("/p/.dualano/runs/r"))
GPU = Machine("/env/bin/python", cpu=False, threads=4)


def built(settings=SETTINGS, machine=GPU, trainer="bundled", extra=(), variables=None):
    return build(
        settings, RUN, machine, trainer=trainer, extra=extra, variables=variables or {}, working=Path("/working")
    )


def test_the_bundled_trainer_is_launched_with_the_runs_own_file():
    launch = built()
    assert launch.argv[:6] == (
        "/env/bin/python", "-I", "-m", "accelerate.commands.launch", "--config_file", f"{RUN.path}/accelerate.yaml",
    )  # fmt: skip
    assert value_of("--instance_data_dir", launch.argv) == "/d/toothbrush/test/defective"
    assert value_of("--condition_dir", launch.argv) == "/f"
    assert launch.folder == Path("/working")
    assert launch.metrics == "/p/outputs/r/metrics.jsonl"


def test_what_the_user_typed_comes_last_untouched_and_is_believed():
    extra = ("--max_train_steps", "7", "--output_dir=mine", "--odd", "a b")
    launch = built(extra=extra)
    assert launch.argv[-len(extra) :] == extra
    assert (launch.steps, launch.output) == (7, Path("/working/mine"))


def test_the_checkouts_script_runs_in_its_own_tree():
    launch = built(trainer="checkout")
    assert launch.folder == Path("/c/bcm-dual-interrelated_diff")
    assert "train_dreambooth_lora_single_background.py" in launch.argv
    assert "--condition_dir" not in launch.argv
    assert value_of("--instance_prompt", launch.argv)
    assert launch.output == SETTINGS.project / "outputs/r/all_generate/toothbrush/defective"
    assert launch.metrics == ""
    dual = built(replace(SETTINGS, variant="dual"), trainer="checkout")
    assert dual.folder.name == "dual-interrelated_diff"
    assert "--mvtec_name" not in launch.argv
    assert value_of("--mvtec_name", dual.argv) == SETTINGS.category
    assert value_of("--mvtec_anamaly_name", dual.argv) == SETTINGS.anomaly


def test_foreign_variables_stay_out_and_are_named():
    variables = {
        "PYTHONPATH": "/other",
        "ACCELERATE_MIXED_PRECISION": "fp16",
        "PATH": "/bin",
        "CUDA_VISIBLE_DEVICES": "1",
    }
    launch = built(variables=variables)
    assert launch.environment["PYTHONPATH"] is None
    assert launch.environment["ACCELERATE_MIXED_PRECISION"] is None
    assert launch.environment["PYTHONUNBUFFERED"] == "1"
    assert launch.environment["PATH"] == "/env/bin:/bin"
    assert "CUDA_VISIBLE_DEVICES" not in launch.environment
    assert "ACCELERATE_MIXED_PRECISION, PYTHONPATH" in launch.notes[-1]


@pytest.mark.parametrize("precision", ["no", "fp16", "bf16"])
def test_precision_is_text_in_the_accelerate_file(precision):
    values = yaml.safe_load(accelerate_text(replace(SETTINGS, mixed_precision=precision), GPU))
    assert values["mixed_precision"] == precision
    assert (values["distributed_type"], values["use_cpu"]) == ("NO", False)


def test_several_gpus_and_never_several_cpu_processes():
    several = replace(SETTINGS, num_processes=2)
    values = yaml.safe_load(built(several, replace(GPU, port=4711)).accelerate)
    assert (values["distributed_type"], values["num_processes"], values["main_process_port"]) == ("MULTI_GPU", 2, 4711)
    launch = built(several, replace(GPU, cpu=True))
    values = yaml.safe_load(launch.accelerate)
    assert (values["distributed_type"], values["num_processes"], values["use_cpu"]) == ("NO", 1, True)
    assert "one process instead of 2" in launch.notes[0]


def test_what_is_missing_is_named_by_its_flags():
    text = "\n".join(required(Settings(Path("/p")), (), "bundled"))
    assert all(flag in text for flag in ("--model", "--data", "--foreground"))
    assert required(SETTINGS, (), "bundled") == []
    assert required(replace(SETTINGS, foreground=None), ("--variant", "dual"), "bundled") == []
    assert required(replace(SETTINGS, checkout=None), (), "checkout") == ["the authors' repository: --checkout PATH"]
    assert "--anomaly" in required(replace(SETTINGS, anomaly=None), (), "bundled")[0]


def test_the_checkouts_plain_script_needs_names_even_with_an_image_folder():
    """It looks for its images by category and anomaly; without them it finds none and ends in num_samples=0."""
    images = ("--instance_data_dir", "/d/toothbrush/test/defective")
    unnamed = replace(SETTINGS, variant="dual", category=None, anomaly=None)
    (missing,) = required(unnamed, images, "checkout")
    assert "--category NAME and --anomaly NAME" in missing
    named = ("--mvtec_name", "toothbrush", "--mvtec_anamaly_name=defective")
    assert required(unnamed, (*images, *named), "checkout") == []
    assert required(unnamed, images, "bundled") == []
    assert required(replace(unnamed, variant="bcm"), images, "checkout") == []


def test_steps_that_are_no_number_are_refused():
    with pytest.raises(UsageError, match="'many'"):
        steps_of(SETTINGS, ("--max_train_steps", "many"))


def sheet(gpus, torch_cuda):
    torch = BinaryBuild("2.2.0", torch_cuda)
    environment = Environment("/env", "venv", "3.10", "/env/bin/python", True, None, (), (), torch=torch)
    return FactSheet(environment=Known(environment), gpus=gpus)


def test_cpu_only_when_it_is_known():
    one = Gpus("535", "12.2", (Gpu(0, "A4500", None, None, (8, 6)),), None, "nvml")
    assert not uses_cpu(sheet(Known(one), "11.8"))
    assert uses_cpu(sheet(Known(one), None))
    assert uses_cpu(sheet(Known(replace(one, visible=("",))), "11.8"))
    assert uses_cpu(sheet(Known(replace(one, devices=())), "11.8"))
    assert not uses_cpu(sheet(Unknown("nvidia-smi hangs"), "11.8"))
    assert uses_cpu(sheet(Absent("no driver"), "11.8"))


def test_threads():
    assert threads_for_each(1, {"OMP_NUM_THREADS": "3"}) == 3
    assert threads_for_each(10_000, {}) == 1
