"""accelerate's configuration file, and variables that win over it."""

from __future__ import annotations

import json
from dataclasses import replace

from tests.worlds.project import GIB, GPUS, Project
from tests.worlds.world import RUN, world

CONFIG = r"default_config|accelerate config"
PRECISION = r"mixed_precision|mixed precision|bf16|bfloat16|fp16|fp8"
KEYS_OF_0_24_1 = (
    "num_processes", "machine_rank", "num_machines", "gpu_ids", "main_process_ip", "main_process_port", "rdzv_backend",
    "same_network", "main_training_function", "deepspeed_config", "fsdp_config", "megatron_lm_config", "downcast_bf16",
    "tpu_name", "tpu_zone", "tpu_use_cluster", "tpu_use_sudo", "command_file", "commands", "tpu_vm", "tpu_env",
    "dynamo_config",
)  # fmt: skip


def with_source_of_0_24_1(p: Project) -> None:
    """The part of accelerate that says which keys it takes: field names, the classes that hold them."""
    file = p.site / "accelerate" / "commands" / "config" / "config_args.py"
    file.parent.mkdir(parents=True)
    base = "".join(
        f"    {key}: object = None\n"
        for key in ("compute_environment", "distributed_type", "mixed_precision", "use_cpu", "debug")
    )
    own = "".join(f"    {key}: object = None\n" for key in KEYS_OF_0_24_1)
    file.write_text(f"class BaseConfig:\n{base}\n\nclass ClusterConfig(BaseConfig):\n{own}")


OF_CONFIG_DEFAULT = {
    "compute_environment": "LOCAL_MACHINE", "debug": False, "distributed_type": "NO", "downcast_bf16": False,
    "enable_cpu_affinity": False, "machine_rank": 0, "main_training_function": "main", "mixed_precision": "no",
    "num_machines": 1, "num_processes": 1, "rdzv_backend": "static", "same_network": False,
    "tpu_use_cluster": False, "tpu_use_sudo": False, "use_cpu": False,
}  # fmt: skip
"""What `accelerate config default` of 1.15.0 writes on a machine with one GPU, as JSON."""


def add(p: Project, line: str) -> None:
    """One more line in the config."""
    with p.accelerate.open("a", encoding="utf-8") as file:
        file.write(line + "\n")


@world(
    "ACC001",
    source="https://github.com/huggingface/accelerate/issues/3795: values that were not passed had defaults",
    named_by=CONFIG,
)
def no_accelerate_config(p: Project) -> None:
    p.accelerate.unlink()


@world(
    "ACC002",
    source="https://github.com/huggingface/accelerate/blob/v1.0.1/src/accelerate/accelerator.py#L516: no bf16",
    named_by=PRECISION,
)
def bf16_on_a_titan_v(p: Project) -> None:
    p.edit(p.accelerate, "mixed_precision: 'no'", "mixed_precision: bf16")
    p.gpu(name="NVIDIA TITAN V", compute_capability=(7, 0), memory_total=24 * GIB)


@world(
    "ACC002",
    source=f"{RUN}: fp16 in the default config ends in CalledProcessError, the dtype error stands far above",
    named_by=PRECISION,
)
def fp16_left_by_another_project(p: Project) -> None:
    p.edit(p.accelerate, "mixed_precision: 'no'", "mixed_precision: fp16")


@world(
    "ACC002",
    source="https://github.com/huggingface/accelerate/pull/1386: `no` without quotation marks is False",
    named_by=PRECISION,
)
def no_without_quotation_marks(p: Project) -> None:
    p.edit(p.accelerate, "mixed_precision: 'no'", "mixed_precision: no")


@world("ACC002", source="accelerate: fp8 needs transformer_engine or ms-amp, which are not here", named_by=PRECISION)
def fp8_from_a_hopper_tutorial(p: Project) -> None:
    p.edit(p.accelerate, "mixed_precision: 'no'", "mixed_precision: fp8")


@world(
    "ACC003",
    source="yaml.scanner.ScannerError: found character that cannot start any token",
    named_by=r"yaml|\btab\b|\\t",
)
def accelerate_config_with_a_tab(p: Project) -> None:
    p.accelerate.write_text("compute_environment: LOCAL_MACHINE\n\tmixed_precision: 'no'\n")


@world(
    "ACC003",
    source="https://github.com/bmaltais/kohya_ss/issues/564: got an unexpected keyword argument 'downcase_fp16'",
    named_by=r"bogus_key|downcase_fp16|unexpected|unknown key|knows no key",
)
def accelerate_config_with_an_unknown_key(p: Project) -> None:
    add(p, "downcase_fp16: 'NO'")


@world(
    "ACC003",
    source="https://github.com/huggingface/accelerate/issues/2747: enable_cpu_affinity, written by a newer accelerate",
    named_by=r"enable_cpu_affinity|unexpected|unknown key|knows no key",
)
def a_config_of_a_newer_accelerate(p: Project) -> None:
    with_source_of_0_24_1(p)
    add(p, "debug: false")
    add(p, "enable_cpu_affinity: false")


@world(
    "ACC003",
    source="https://github.com/huggingface/accelerate/issues/1083: a key of an older accelerate",
    named_by=r"tpu_downcast_bf16|unexpected|unknown key|knows no key",
)
def a_config_of_an_older_accelerate(p: Project) -> None:
    add(p, "tpu_downcast_bf16: false")


@world(
    "ACC003",
    source="a config that was cut off: KeyError and `distributed_type` is missing",
    named_by=r"distributed_type",
)
def a_config_cut_off(p: Project) -> None:
    p.accelerate.write_text("compute_environment: LOCAL_MACHINE\nmixed_precision: 'no'\nnum_processes: 1\n")


@world(
    "ACC003",
    source="accelerate's launch.py: DeepSpeed is not installed, run `pip3 install deepspeed` or build it from source",
    named_by=r"deepspeed",
)
def deepspeed_left_by_another_project(p: Project) -> None:
    p.edit(p.accelerate, "distributed_type: 'NO'", "distributed_type: DEEPSPEED")


@world(
    "ACC004",
    source="https://github.com/McGill-NLP/llm2vec/issues/84: invalid device ordinal, more processes than GPUs",
    named_by=r"num_processes|processes",
)
def two_processes_on_one_gpu(p: Project) -> None:
    p.edit(p.accelerate, "num_processes: 1", "num_processes: 2")
    p.edit(p.accelerate, "distributed_type: 'NO'", "distributed_type: MULTI_GPU")


@world(
    "ACC004",
    source="https://github.com/huggingface/accelerate/blob/v0.24.1/src/accelerate/commands/launch.py#L822: at least 2",
    named_by=r"num_processes|MULTI_GPU|processes",
)
def multi_gpu_with_one_process(p: Project) -> None:
    p.edit(p.accelerate, "distributed_type: 'NO'", "distributed_type: MULTI_GPU")


@world(
    "ACC004",
    source="https://github.com/huggingface/accelerate/issues/261: where the run goes is what the config says: CPU",
    named_by=r"use_cpu",
)
def the_config_keeps_the_run_on_the_processor(p: Project) -> None:
    p.edit(p.accelerate, "use_cpu: false", "use_cpu: true")


@world(
    "ACC004",
    source="https://github.com/McGill-NLP/llm2vec/issues/84: invalid device ordinal, gpu_ids of a bigger machine",
    named_by=r"gpu_ids",
)
def gpu_ids_of_a_bigger_machine(p: Project) -> None:
    add(p, "gpu_ids: '4'")


@world(
    "ACC004",
    source="accelerate's launch.py: num_machines above 1 makes a rendezvous, which waits for machines that never come",
    named_by=r"num_machines|machines",
)
def a_config_of_two_machines(p: Project) -> None:
    p.edit(p.accelerate, "num_machines: 1", "num_machines: 2")


@world(
    "ACC004",
    source="run of accelerate 1.15.0, 2026-11-28: two unconnected processes, each main, exit 0",
    named_by=r"processes[^\n]*GPU|unconnected",
    by_hand="the project's own settings ask for two processes",
)
def two_processes_where_torch_sees_no_gpu(p: Project) -> None:
    p.use_profile("cpu", "3.11.7")
    p.facts("gpus", devices=(GPUS.devices[0], replace(GPUS.devices[0], index=1, uuid="GPU-2")))
    p.flags["num_processes"] = 2
    p.edit(p.accelerate, "num_processes: 1", "num_processes: 2")
    p.edit(p.accelerate, "distributed_type: 'NO'", "distributed_type: MULTI_GPU")


@world(
    "ACC003",
    source="run of accelerate 1.15.0, 2026-11-28: ValueError: unknown key; the flag of `launch` is ignored",
    named_by=r"gradient_accumulation_steps",
)
def gradient_accumulation_in_the_config(p: Project) -> None:
    add(p, "gradient_accumulation_steps: 4")


@world(
    "ACC004",
    source="run of accelerate 1.15.0, 2026-11-28: `config default` writes JSON into a file named .yaml",
    named_by=r"processes",
)
def json_in_a_yaml_file_of_another_machine(p: Project) -> None:
    p.accelerate.write_text(
        json.dumps(OF_CONFIG_DEFAULT | {"num_processes": 4, "distributed_type": "MULTI_GPU"}, indent=2)
    )


@world(
    "ACC005",
    source="accelerate's state.py: ACCELERATE_USE_FSDP wins over the file",
    named_by=r"ACCELERATE_USE_FSDP",
)
def a_variable_that_wins(p: Project) -> None:
    p.patch_environment("ACCELERATE_USE_FSDP", "true")


@world(
    "ACC005",
    source="https://github.com/huggingface/accelerate/issues/261: ACCELERATE_USE_CPU left in a shell",
    named_by=r"ACCELERATE_USE_CPU",
)
def a_variable_that_keeps_it_off_the_gpu(p: Project) -> None:
    p.patch_environment("ACCELERATE_USE_CPU", "true")


@world(
    "ACC004",
    "SRC007",
    checkout=True,
    source="https://github.com/huggingface/diffusers/issues/4046: several processes, written for another machine",
    named_by=r"num_processes|processes",
)
def four_processes_on_two_gpus(p: Project) -> None:
    p.facts("gpus", devices=(GPUS.devices[0], GPUS.devices[0]))
    p.edit(p.accelerate, "num_processes: 1", "num_processes: 4")
    p.edit(p.accelerate, "distributed_type: 'NO'", "distributed_type: MULTI_GPU")


@world(
    "ACC005",
    source="https://github.com/huggingface/accelerate/blob/v1.15.0/src/accelerate/state.py#L805: srun left PMI_SIZE",
    named_by=r"PMI_SIZE",
)
def a_shell_inside_a_job_of_two_tasks(p: Project) -> None:
    p.patch_environment("PMI_SIZE", "2")
    p.patch_environment("PMI_RANK", "0")


@world(
    "ACC005",
    source="a WORLD_SIZE exported by hand for another program: environment variable MASTER_ADDR expected, but not set",
    named_by=r"WORLD_SIZE",
)
def a_world_size_without_its_companions(p: Project) -> None:
    p.patch_environment("WORLD_SIZE", "4")


ACCUMULATION = r"gradient.accumulation.steps"
FINDING = "findings/accelerate-flags-without-effect.sh: run with accelerate 1.15.0, the script sees 1"


@world("ACC006", source=FINDING, named_by=ACCUMULATION)
def accumulation_asked_of_the_launcher(p: Project) -> None:
    (p.root / "train.sh").write_text(
        "#!/bin/bash\nset -e\naccelerate launch --mixed_precision no \\\n"
        "  --gradient_accumulation_steps 4 \\\n  train.py --rank 32\n"
    )


@world("ACC006", source=FINDING, named_by=ACCUMULATION, checkout=True)
def accumulation_asked_of_the_launcher_in_the_checkout(p: Project) -> None:
    (p.checkout / "bcm-dual-interrelated_diff" / "job.sbatch").write_text(
        "#!/bin/sh\n#SBATCH --gres=gpu:1\n"
        'srun python -m accelerate.commands.launch --gradient-accumulation-steps="2" train.py --rank 32\n'
    )
