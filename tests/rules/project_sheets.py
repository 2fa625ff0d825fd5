"""Hand-made contexts for the rules about requirements, accelerate, data, model and source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dualano_setup.facts.fact import Absent, Known
from dualano_setup.facts.project.requirements import read_requirements
from dualano_setup.facts.sheet import (
    AccelerateConfig,
    BaseModel,
    BinaryBuild,
    Checkout,
    Contents,
    Dataset,
    Distribution,
    Environment,
    FactSheet,
    Gpu,
    Gpus,
    ImageFile,
    MaskContent,
    ModelPart,
    PatchState,
    RequirementsFile,
)
from dualano_setup.knowledge.profile import Profile
from dualano_setup.rules.finding import Finding
from dualano_setup.rules.judge import judge
from dualano_setup.rules.rule import Context, Rule
from dualano_setup.settings.options import Settings

PROFILE = Profile(
    name="hand-made",
    title="",
    summary="",
    python=">=3.10,<3.12",
    python_preferred="3.10",
    packages={"numpy": "1.26.4", "torch": "2.2.0"},
)
KEYS = ("compute_environment", "distributed_type", "mixed_precision", "num_processes", "use_cpu", "machine_rank")


def context(settings: dict[str, Any] | None = None, **facts: Any) -> Context:
    """A context whose named facts are known; a fact may also be given whole."""
    wrapped = {k: v if isinstance(v, (Known, Absent)) or hasattr(v, "reason") else Known(v) for k, v in facts.items()}
    return Context(FactSheet(**wrapped), Settings(project=Path("/project"), **(settings or {})), PROFILE)


def findings(rules: tuple[Rule, ...], id: str, ctx: Context) -> list[Finding]:
    """The rows of one rule, with its causes judged before it."""
    return [row for row in judge(ctx, rules) if row.rule == id]


def statuses(rules: tuple[Rule, ...], id: str, ctx: Context) -> list[str]:
    return [row.status for row in findings(rules, id, ctx)]


def requirements(text: str, siblings: tuple[tuple[str, str], ...] = ()) -> RequirementsFile:
    return read_requirements("/checkout/requirements.txt", text.encode(), siblings)


def environment(python: str = "3.10.13", *names: str) -> Environment:
    return Environment(
        prefix="/env",
        kind="venv",
        python=python,
        interpreter="/env/bin/python",
        interpreter_ok=True,
        base=None,
        site_packages=(),
        distributions=tuple(Distribution(name, "1", "/env", "/env") for name in names),
        torch=BinaryBuild("2.2.0+cu118", "11.8"),
    )


def gpus(*capabilities: tuple[int, int], visible: tuple[str, ...] | None = None) -> Gpus:
    devices = tuple(Gpu(i, f"GPU {i}", 24 << 30, 0, c, f"GPU-{i}") for i, c in enumerate(capabilities))
    return Gpus("535.183.01", "12.2", devices, visible, "nvml")


def accelerate(values: dict[str, object] | None = None, **fields: Any) -> AccelerateConfig:
    base: dict[str, object] = {"compute_environment": "LOCAL_MACHINE", "distributed_type": "NO", "num_processes": 1}
    fields = {"known_keys": KEYS, "version": "1.15.0", **fields}
    return AccelerateConfig(
        "/home/a/default_config.yaml", True, values=None if values is None else base | values, **fields
    )


def images(folder: str, *names: str, size: tuple[int, int] = (64, 64)) -> tuple[ImageFile, ...]:
    return tuple(ImageFile(f"{folder}/{name}", *size) for name in names)


def dataset(**fields: Any) -> Dataset:
    names = ("000.png", "001.png", "002.png")
    whole: dict[str, Any] = {
        "root": "/mvtec",
        "exists": True,
        "categories": ("bottle", "screw"),
        "category": "screw",
        "anomalies": ("scratch",),
        "anomaly": "scratch",
        "anomaly_dir": "/mvtec/screw/test/scratch",
        "images": images("/mvtec/screw/test/scratch", *names),
        "masks": images("/mvtec/screw/ground_truth/scratch", *(n.replace(".", "_mask.") for n in names)),
        "good": 5,
        "foreground_root": "/fg",
        "foreground": images("/fg/screw/scratch", *names),
        "foreground_good": 5,
    }
    return Dataset(**(whole | fields))


def contents(**fields: Any) -> Contents:
    """The pixels of the images of `dataset`, of which one trains."""
    whole: dict[str, Any] = {
        "resolution": 512, "training": 1, "training_opened": 1, "images": 3, "opened": 3,
        "masks": (MaskContent("/m/000_mask.png"),), "objects": (MaskContent("/f/000.png"),),
    }  # fmt: skip
    return Contents(**(whole | fields))


INDEX = {
    "_class_name": "StableDiffusionPipeline",
    "unet": ["diffusers", "UNet2DConditionModel"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "safety_checker": [None, None],
}


def model(width: int = 768, hidden: int = 768, parts: tuple[ModelPart, ...] = (), **fields: Any) -> BaseModel:
    whole = {p.name: p for p in parts}
    configs: dict[str, dict[str, object]] = {
        "unet": {"cross_attention_dim": width, "in_channels": 4},
        "text_encoder": {"hidden_size": hidden},
        "vae": {},
        "tokenizer": {},
        "scheduler": {},
    }
    all_parts = tuple(whole.get(name, ModelPart(name, True, config)) for name, config in configs.items())
    extra = tuple(p for p in parts if p.name not in configs)
    return BaseModel(**({"path": "/sd", "exists": True, "index": INDEX, "parts": (*all_parts, *extra)} | fields))


BCM = "bcm-dual-interrelated_diff"


def patch(name: str, state: str, rule: str, file: str = f"{BCM}/train_x.py", **fields: Any) -> PatchState:
    return PatchState(name, state, (rule,), **{"default": True, "title": name, "files": ((file, state),)} | fields)


def checkout(*patches: PatchState, **fields: Any) -> Checkout:
    return Checkout(
        **({"path": "/co", "exists": True, "recognised": True, "trees": (BCM,), "patches": patches} | fields)
    )
