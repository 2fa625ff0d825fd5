"""The authors' checkout: its paths, its defects, its mixed precision."""

from __future__ import annotations

import shutil

from tests.worlds.checkout import BCM, PIPELINE, TRAINER
from tests.worlds.project import GPUS, Project
from tests.worlds.world import REPLAY, RUN, world

PATHS = r"/path/to|placeholder|/home/|hard-?coded|paths that are nobody"
PRECISION = r"mixed.?precision|dtype|autocast|half|bf16"


def in_bf16(p: Project) -> None:
    """The settings and the config ask for bf16."""
    p.flags["mixed_precision"] = "bf16"
    p.edit(p.accelerate, "mixed_precision: 'no'", "mixed_precision: bf16")


@world("SRC001", checkout=True, source=f"{RUN}: '/path/to/condition_dir/<object>/<anomaly>/<file>'", named_by=PATHS)
def paths_of_the_authors(p: Project) -> None:
    p.add_checkout("bcm-foreground-folder")


@world(
    "SRC001",
    checkout=True,
    source=f"{RUN}: No such file or directory: '/path/to/mvtec_anomaly_detection'",
    named_by=PATHS,
)
def the_plain_trainers_data_root(p: Project) -> None:
    p.flags["variant"] = "dual"
    p.add_checkout("dual-data-root")


@world("SRC001", checkout=True, source=f"{RUN}: HFValidationError of the inference script's model", named_by=PATHS)
def paths_of_the_sampler(p: Project) -> None:
    p.add_checkout("bcm-inference-paths")


@world(
    "SRC001",
    checkout=True,
    source="https://github.com/adha9990/DualAnoDiff: the owner's home in the background trainer",
    named_by=PATHS,
)
def the_home_of_a_fork(p: Project) -> None:
    p.add_checkout("bcm-foreground-folder")
    p.edit(p.checkout / TRAINER, "/path/to/condition_dir", "/home/somebody/research/DualAnoDiff/mvtec")


@world(
    "SRC002",
    "SRC003",
    "ACC002",
    checkout=True,
    source="https://github.com/huggingface/diffusers/issues/6879: expected m1 and m2 to have the same dtype",
    named_by=PRECISION,
)
def guides_change_2_missing_in_bf16(p: Project) -> None:
    in_bf16(p)
    p.add_checkout("mixed-precision")


@world(
    "SRC003",
    "ACC002",
    checkout=True,
    source="https://github.com/huggingface/diffusers/issues/4860: mat1 and mat2 must have the same dtype",
    named_by=PRECISION,
)
def bf16_without_autocast(p: Project) -> None:
    in_bf16(p)
    p.add_checkout("mixed-precision")


@world("SRC003", checkout=True, source="the guide, change 3: a processor that casts to half", named_by=PRECISION)
def a_processor_that_casts_to_half(p: Project) -> None:
    p.add_checkout("forced-half")


@world(
    "SRC003",
    checkout=True,
    source="https://github.com/huggingface/diffusers/issues/6086: Attempting to unscale FP16 gradients",
    named_by=PRECISION + r"|unscale",
)
def the_guides_change_2_made_by_hand(p: Project) -> None:
    p.edit(
        p.checkout / TRAINER,
        "    unet.set_attn_processor(unet_lora_attn_procs)\n",
        "    unet.set_attn_processor(unet_lora_attn_procs)\n"
        "    for it in unet.attn_processors.values():\n"
        "        if hasattr(it, 'chained_proc'):\n"
        "            it.chained_proc.temporal_n.to(dtype=weight_dtype)\n"
        "        elif hasattr(it, 'temporal_n'):\n"
        "            it.temporal_n.to(dtype=weight_dtype)\n",
    )


@world(
    "SRC004",
    checkout=True,
    source="a file that somebody rewrote: git apply refuses it",
    named_by=r"differ|rewritten|drift|neither",
)
def somebody_rewrote_the_place(p: Project) -> None:
    p.add_checkout("mixed-precision")
    p.edit(p.checkout / TRAINER, "model_pred = unet(batch).sample", "model_pred = unet.forward(batch)['sample']")


@world(
    "SRC004",
    checkout=True,
    source="https://github.com/yinyjin/DualAnoDiff/issues/8: code lost on the way",
    named_by=TRAINER.rpartition("/")[2],
)
def the_trainer_is_not_there(p: Project) -> None:
    (p.checkout / TRAINER).unlink()


@world("SRC005", checkout=True, source=f"{RUN}: ModuleNotFoundError: No module named 'ipdb'", named_by=r"ipdb")
def a_debugger_left_in(p: Project) -> None:
    p.add_checkout("debugger-import")


@world(
    "SRC005",
    checkout=True,
    source="a breakpoint that waits for input in a nohup log for ever",
    named_by=r"ipdb|breakpoint",
)
def a_breakpoint_left_in(p: Project) -> None:
    (p.checkout / BCM / PIPELINE).write_text("import ipdb\n\n\ndef step(x):\n    ipdb.set_trace()\n    return x\n")


@world("SRC006", checkout=True, source=f"{RUN}: NameError: name 'vae' is not defined", named_by=r"\bvae\b")
def an_undefined_name(p: Project) -> None:
    p.add_checkout("bcm-inference-vae")


@world(
    "SRC006",
    checkout=True,
    source=f"{RUN}: NameError: name 'anomalies' is not defined",
    named_by=r"anomalies|list to append",
)
def a_list_nobody_made(p: Project) -> None:
    p.add_checkout("bcm-runner-anomalies")


@world(
    "SRC006",
    "SRC001",
    checkout=True,
    causes=4,
    source=f"{RUN}: IndentationError: unexpected indent",
    named_by=r"indent|parse",
)
def an_indented_first_line(p: Project) -> None:
    p.add_checkout("dual-inference-indentation", "dual-inference-paths", "dual-inference-weights", "inference-device")


@world(
    "SRC006",
    checkout=True,
    source=f"{RUN}: FileNotFoundError: 'train_shells/<name>.sh'",
    named_by=r"train_shells|folder",
)
def a_folder_nobody_makes(p: Project) -> None:
    p.add_checkout("runner-shell-folder")


@world(
    "SRC006",
    checkout=True,
    source="https://github.com/McGill-NLP/llm2vec/issues/84: invalid device ordinal: cuda_id = 4",
    named_by=r"\bgpu\b|cuda_id|device",
)
def a_gpu_written_into_the_runner(p: Project) -> None:
    p.add_checkout("runner-device")


@world(
    "SRC006",
    checkout=True,
    source=f"{RUN}: mask paths by replacing text, which works until a folder is called tests",
    named_by=r"mask path",
)
def mask_paths_by_text(p: Project) -> None:
    p.add_checkout("mask-path")


@world(
    "SRC007",
    "ACC004",
    checkout=True,
    causes=2,
    source="https://github.com/huggingface/diffusers/issues/4046: gradients that are not averaged",
    named_by=r"gradient|processes",
)
def two_processes_in_the_checkouts_trainer(p: Project) -> None:
    p.flags["num_processes"] = 2
    p.facts("gpus", devices=(GPUS.devices[0], GPUS.devices[0]))


@world(
    "SRC008",
    source=f"{REPLAY}: the clone of another project of the same name",
    named_by=r"checkout|DualAnoDiff|holds none",
)
def the_checkout_is_another_project(p: Project) -> None:
    (p.root / "AnomalyDiffusion").mkdir()
    p.flags["checkout"] = p.root / "AnomalyDiffusion"
    (p.root / "AnomalyDiffusion" / "requirements.txt").write_text("numpy==1.26.4\n")


@world(
    "SRC008",
    checkout=True,
    source="a downloaded archive unpacks into a folder of the same name",
    named_by=r"checkout|DualAnoDiff|holds none",
)
def an_archive_unpacked_one_level_too_deep(p: Project) -> None:
    shutil.move(p.checkout, p.root / "inner")
    p.checkout.mkdir()
    shutil.move(p.root / "inner", p.checkout / "DualAnoDiff-main")
    shutil.copyfile(p.checkout / "DualAnoDiff-main" / "requirements.txt", p.requirements)
