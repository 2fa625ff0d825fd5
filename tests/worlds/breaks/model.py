"""The base model's folder."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

from tests.worlds.project import Project, named_in_the_file, own
from tests.worlds.site_packages import reinstall
from tests.worlds.world import RUN, world

ABSENT = r"model[^\n]*not (there|found|exist)|no such|does not exist|repository not found"
PARTS = r"missing|incomplete|cut short|truncated|corrupt|lacks|header too|no file named"
LFS = r"git.?lfs|pointer"
KIND = r"stable diffusion|diffusers (layout|format)|single (checkpoint )?file|model_index|inpaint|SDXL|XL|1024"
PICKLE = r"pickl|CVE-2025-32434|safetensors"
HUB = "stable-diffusion-v1-5/stable-diffusion-v1-5"


def edit_json(file: Path, **changes: object) -> None:
    """Changes entries of a JSON file."""
    file.write_text(json.dumps(json.loads(file.read_text()) | changes, indent=2))


def as_clone(p: Project) -> None:
    """The folder is a git clone of the hub's repository, as `git clone` leaves it."""
    git = p.model / ".git"
    git.mkdir()
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "config").write_text(f'[remote "origin"]\n\turl = https://huggingface.co/{HUB}\n')


def as_hub_cache(p: Project) -> Path:
    """The model in the hub's own cache layout; returns the snapshot, which `--model` then names."""
    cache = p.root / "hub" / "models--stable-diffusion-v1-5--stable-diffusion-v1-5"
    blobs, snapshot = cache / "blobs", cache / "snapshots" / ("4" * 40)
    blobs.mkdir(parents=True)
    for file in sorted(path for path in p.model.rglob("*") if path.is_file()):
        blob = blobs / hashlib.sha256(file.read_bytes()).hexdigest()
        if not blob.exists():
            shutil.copyfile(file, blob)
        link = snapshot / file.relative_to(p.model)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(blob, link.parent))
    shutil.rmtree(p.model)
    p.flags["model"] = snapshot
    return snapshot


@world("MODEL001", source="HFValidationError: a mistyped local path is taken for a name on the hub", named_by=ABSENT)
def model_path_mistyped(p: Project) -> None:
    p.flags["model"] = p.root / "stable-diffusion-v1.5"


@world(
    "MODEL001",
    source="https://github.com/open-mmlab/StyleShot/issues/26: RunwayML deleted its repository in 2024",
    named_by=ABSENT + r"|runwayml",
)
def the_hub_name_that_is_gone(p: Project) -> None:
    p.flags["model"] = p.root / "runwayml" / "stable-diffusion-v1-5"


@world("MODEL001", source=f"{RUN}: /path/to/stable-diffusion-v1-5, the placeholder of the scripts", named_by=ABSENT)
def the_placeholder_of_the_scripts(p: Project) -> None:
    p.flags["model"] = p.root / "path" / "to" / "stable-diffusion-v1-5"


@world(
    "MODEL002",
    source="SafetensorError: incomplete metadata, file not fully covered: a download that broke off",
    named_by=PARTS,
)
def unet_weights_cut_short(p: Project) -> None:
    as_clone(p)
    weights = own(p.model / "unet" / "diffusion_pytorch_model.safetensors")
    os.truncate(weights, weights.stat().st_size // 2)


@world("MODEL002", source=f"{RUN}: OSError: no file named tokenizer/config.json", named_by=PARTS)
def tokenizer_folder_missing(p: Project) -> None:
    as_clone(p)
    shutil.rmtree(p.model / "tokenizer")


@world(
    "MODEL002",
    source="https://github.com/huggingface/diffusers/issues/10928: only the fp16 variant was downloaded",
    named_by=PARTS + r"|variant|fp16",
)
def only_the_fp16_variant(p: Project) -> None:
    as_clone(p)
    weights = p.model / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_name("diffusion_pytorch_model.fp16.safetensors"))


@world(
    "MODEL002",
    source="huggingface_hub: Consistency check failed: a download of the cache that ended early",
    named_by=PARTS,
)
def a_blob_of_the_cache_is_empty(p: Project) -> None:
    snapshot = as_hub_cache(p)
    os.truncate((snapshot / "vae" / "diffusion_pytorch_model.safetensors").resolve(), 0)


@world(
    "MODEL002",
    source="SafetensorError: header too large: an error page was saved as weights",
    named_by=PARTS + r"|not a safetensors",
    stays="nothing says where the folder came from, so nothing can be fetched again",
)
def a_web_page_as_weights(p: Project) -> None:
    file = p.model / "vae" / "diffusion_pytorch_model.safetensors"
    file.write_bytes(b"<!DOCTYPE html><html><body>Access denied</body></html>" * 20)


@world("MODEL002", source="a shard of several that was never downloaded", named_by=PARTS + r"|shard|00002")
def a_shard_is_missing(p: Project) -> None:
    as_clone(p)
    folder = p.model / "unet"
    (folder / "diffusion_pytorch_model.safetensors").rename(
        folder / "diffusion_pytorch_model-00001-of-00002.safetensors"
    )
    names = {"a": "diffusion_pytorch_model-00001-of-00002.safetensors"}
    names["b"] = "diffusion_pytorch_model-00002-of-00002.safetensors"
    index = {"metadata": {"total_size": 1}, "weight_map": names}
    (folder / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))


@world("MODEL002", source="json.decoder.JSONDecodeError in a config that an editor broke", named_by=r"json|config")
def a_config_that_is_no_json(p: Project) -> None:
    as_clone(p)
    file = p.model / "scheduler" / "scheduler_config.json"
    file.write_text(file.read_text().replace(",", ",,", 1))


@world(
    "MODEL003",
    source="UnpicklingError: invalid load key, 'v'; SafetensorError: header too large: cloned without Git LFS",
    named_by=LFS,
)
def cloned_without_git_lfs(p: Project) -> None:
    as_clone(p)
    for part, name in (("unet", "diffusion_pytorch_model"), ("vae", "diffusion_pytorch_model")):
        pointer(p.model / part / f"{name}.safetensors")


@world(
    "MODEL003",
    source="GIT_LFS_SKIP_SMUDGE=1 in a guide, and a folder copied without its .git",
    named_by=LFS,
    stays="without .git nothing says which repository the pointers belong to",
)
def pointers_without_their_repository(p: Project) -> None:
    pointer(p.model / "text_encoder" / "model.safetensors")


def pointer(file: Path) -> None:
    """Git LFS's pointer in the place of a file."""
    digest, size = hashlib.sha256(own(file).read_bytes()).hexdigest(), file.stat().st_size
    file.write_text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {size}\n")


@world("MODEL004", source="mat1 and mat2 shapes cannot be multiplied (154x1024 and 768x320)", named_by=KIND)
def stable_diffusion_2(p: Project) -> None:
    edit_json(p.model / "unet" / "config.json", cross_attention_dim=1024)


@world(
    "MODEL004", source="Error no file named model_index.json found: a checkpoint file of another tool", named_by=KIND
)
def a_single_file_of_a_model_site(p: Project) -> None:
    file = p.root / "v1-5-pruned-emaonly.safetensors"
    shutil.copyfile(p.model / "unet" / "diffusion_pytorch_model.safetensors", file)
    p.flags["model"] = file


@world("MODEL004", source="https://github.com/huggingface/diffusers/issues/10928: an SDXL model", named_by=KIND)
def stable_diffusion_xl(p: Project) -> None:
    shutil.copytree(p.model / "text_encoder", p.model / "text_encoder_2")
    edit_json(
        p.model / "model_index.json",
        _class_name="StableDiffusionXLPipeline",
        text_encoder_2=["transformers", "CLIPTextModelWithProjection"],
    )


@world(
    "MODEL004", source="expected input to have 9 channels, but got 4: an inpainting model", named_by=KIND + r"|channels"
)
def an_inpainting_model(p: Project) -> None:
    edit_json(p.model / "unet" / "config.json", in_channels=9)


@world(
    "MODEL004", source="Error no file named model_index.json: the cache's folder instead of a snapshot", named_by=KIND
)
def the_caches_folder_instead_of_a_snapshot(p: Project) -> None:
    p.flags["model"] = as_hub_cache(p).parents[1]


@world(
    "MODEL005",
    source=f"{RUN}: the whole pipeline is loaded at the end: no preprocessor_config.json",
    named_by=r"safety_checker",
)
def safety_checker_named_but_absent(p: Project) -> None:
    edit_json(p.model / "model_index.json", safety_checker=["stable_diffusion", "StableDiffusionSafetyChecker"])


@world(
    "MODEL005",
    checkout=True,
    source=f"{RUN}: OSError: does not appear to have a file named preprocessor_config.json",
    named_by=r"feature_extractor|preprocessor_config",
)
def feature_extractor_named_but_absent(p: Project) -> None:
    edit_json(
        p.model / "model_index.json",
        safety_checker=["stable_diffusion", "StableDiffusionSafetyChecker"],
        feature_extractor=["transformers", "CLIPFeatureExtractor"],
    )


def without_prefix(file: Path) -> None:
    """A text encoder's weights with the names that transformers 5 gives them."""
    header, tensors = weights_of(file)
    file.write_bytes(weights({name.removeprefix("text_model."): row for name, row in header.items()}, tensors))


def weights_of(file: Path) -> tuple[dict[str, dict[str, Any]], bytes]:
    """(header, the tensors' bytes) of a safetensors file."""
    data = file.read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    return json.loads(data[8:end]), data[end:]


def weights(header: dict[str, dict[str, Any]], tensors: bytes) -> bytes:
    """A safetensors file."""
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + tensors


def in_shards(file: Path) -> None:
    """One safetensors file as two of them and their index, as `save_pretrained(max_shard_size=...)` leaves it."""
    header, tensors = weights_of(file)
    file.unlink()
    names = sorted(header.keys() - {"__metadata__"})
    placed = {}
    for number, part in enumerate((names[: len(names) // 2], names[len(names) // 2 :]), 1):
        shard = f"{file.stem}-{number:05d}-of-00002.safetensors"
        rows, body = {"__metadata__": header["__metadata__"]}, b""
        for name in part:
            begin, end = header[name]["data_offsets"]
            rows[name] = header[name] | {"data_offsets": [len(body), len(body) + end - begin]}
            body += tensors[begin:end]
        file.with_name(shard).write_bytes(weights(rows, body))
        placed |= dict.fromkeys(part, shard)
    index = {"metadata": {"total_size": len(tensors)}, "weight_map": placed}
    file.with_name(f"{file.name}.index.json").write_text(json.dumps(index))


STACK = "run with diffusers 0.29.2 to 0.42.1, transformers 4.44.2 and 5.24.0, 2026-11-28"


@world("MODEL006", source=f"{STACK}: saved whole over shards: FileNotFoundError", named_by=r"index\.json|shard")
def the_index_of_shards_that_are_gone(p: Project) -> None:
    named_in_the_file(p, "model")
    reinstall(p.site, "diffusers", "0.31.0")
    names = {"conv_in.weight": "diffusion_pytorch_model-00001-of-00002.safetensors"}
    index = {"metadata": {"total_size": 1}, "weight_map": names}
    (p.model / "unet" / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))


@world(
    "MODEL006",
    source=f"{STACK}: a text encoder of transformers 5 under transformers 4: random weights, a warning",
    named_by=r"text_model|text_encoder",
)
def a_text_encoder_saved_by_transformers_5(p: Project) -> None:
    named_in_the_file(p, "model")
    without_prefix(own(p.model / "text_encoder" / "model.safetensors"))


@world(
    "MODEL006",
    source=f"{STACK}: the same, saved with a max_shard_size: an index and several files",
    named_by=r"text_model|text_encoder",
)
def a_text_encoder_in_shards_saved_by_transformers_5(p: Project) -> None:
    named_in_the_file(p, "model")
    without_prefix(own(p.model / "text_encoder" / "model.safetensors"))
    in_shards(p.model / "text_encoder" / "model.safetensors")


@world(
    "MODEL006",
    "SEC001",
    causes=2,
    source=f"{STACK}: a text encoder of transformers 5, and a UNet of the older format: one copy is to cure both",
    named_by=r"text_model|text_encoder",
)
def a_text_encoder_of_transformers_5_beside_a_pickled_unet(p: Project) -> None:
    a_text_encoder_saved_by_transformers_5(p)
    pickled_unet_under_torch_2_2(p)


@world(
    "MODEL006",
    source=f"{STACK}: a tokenizer saved by transformers 5 under 4: TypeError, NoneType",
    named_by=r"tokenizer|vocab\.json",
)
def a_tokenizer_saved_by_transformers_5(p: Project) -> None:
    named_in_the_file(p, "model")
    folder = p.model / "tokenizer"
    merges = [line.split() for line in (folder / "merges.txt").read_text().splitlines()[1:]]
    model = {"type": "BPE", "vocab": json.loads((folder / "vocab.json").read_text()), "merges": merges}
    (folder / "tokenizer.json").write_text(json.dumps({"version": "1.0", "model": model}))
    for name in ("vocab.json", "merges.txt"):
        (folder / name).unlink()


@world(
    "MODEL006",
    checkout=True,
    source=f"{STACK}: model_max_length is 10^30, OverflowError: int too big to convert",
    named_by=r"model_max_length",
)
def a_tokenizer_without_a_length(p: Project) -> None:
    named_in_the_file(p, "model")
    file = p.model / "tokenizer" / "tokenizer_config.json"
    entries = json.loads(file.read_text())
    del entries["model_max_length"]
    file.write_text(json.dumps(entries))


@world("SEC001", source="CVE-2025-32434: torch.load(weights_only=True) before torch 2.6", named_by=PICKLE)
def pickled_unet_under_torch_2_2(p: Project) -> None:
    as_pickle(p.model / "unet" / "diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin")


@world("SEC001", source="CVE-2025-32434: a text encoder in the older format", named_by=PICKLE)
def pickled_text_encoder_under_torch_2_2(p: Project) -> None:
    as_pickle(p.model / "text_encoder" / "model.safetensors", "pytorch_model.bin")


def as_pickle(weights: Path, name: str) -> None:
    """A weights file in torch's own zip format, by hand: two tensors of float32 in one storage each."""
    pickle = (
        b"\x80\x02}q\x00(X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\n"
        b"FloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04tQK\x00K\x04\x85K\x01\x85\x89ccollections\n"
        b"OrderedDict\n)RtRu."
    )
    weights.unlink()
    with zipfile.ZipFile(weights.with_name(name), "w") as archive:
        archive.writestr("archive/data.pkl", pickle)
        archive.writestr("archive/data/0", bytes(16))
