"""Probes of requirements, accelerate, data, model and checkout on small worlds on disk."""

from __future__ import annotations

import json
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dualano_setup.facts.fact import Absent, Known
from dualano_setup.facts.project import accelerate, checkout, dataset, model, requirements
from dualano_setup.facts.project.flat_yaml import read_flat
from dualano_setup.facts.project.image_header import read_image
from dualano_setup.facts.project.requirement_lines import parse_lines
from dualano_setup.settings.options import Settings


def settings(project: Path, **fields: Any) -> Settings:
    return Settings(project=project, **fields)


def png(width: int = 4, height: int = 3) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"".join(b"\0" + bytes(width) for _ in range(height)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


# --- requirements --------------------------------------------------------------------------------------------


def test_lines_of_every_form():
    text = "\n".join(
        (
            "a==1.0  # why",
            "# nothing",
            "B_c[x,y] >= 1, <2",
            'd==1 ; python_version < "3.11"',
            "-r other.txt",
            "--find-links=https://x/ --pre",
            "e==1 --hash=sha256:00 \\",
            "  --hash=sha256:11",
            "f @ https://x/f.whl",
            "git+https://x/y",
            "${NAME}==1",
            "g==.1",
            "--unheard-of",
        )
    )
    rows = parse_lines(text)
    assert [(r.number, r.name, r.specifier, r.option) for r in rows[:4]] == [
        (1, "a", "==1.0", ""),
        (3, "b-c", ">=1,<2", ""),
        (4, "d", "==1", ""),
        (5, "", "", "--requirement"),
    ]
    assert [(r.option, r.value) for r in rows[4:6]] == [("--find-links", "https://x/"), ("--pre", "")]
    assert (rows[6].name, rows[6].span) == ("e", 2)
    assert [r.name for r in rows if r.url] == ["f", "", ""]
    assert [r.number for r in rows if r.error] == [12, 13]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_encodings_and_ends_come_back_byte_for_byte(tmp_path, encoding, end):
    data = end.join(("a==1 # 註解", "b==2")).encode(encoding)
    (tmp_path / "requirements.txt").write_bytes(data)
    fact = requirements.probe(settings(tmp_path, checkout=tmp_path))
    assert isinstance(fact, Known)
    assert [line.name for line in fact.value.lines] == ["a", "b"]
    assert requirements.encode(fact.value.text, fact.value.encoding) == data


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"a==1 # \xa4\xa4\n", "encoding"),
        (b"a\0b", "binary"),
        (b"a==1\n<<<<<<< HEAD\n", "merge-markers"),
        (b"# nothing\n", "empty"),
    ],
)
def test_files_that_are_no_list(tmp_path, data, kind):
    (tmp_path / "requirements.txt").write_bytes(data)
    fact = requirements.probe(settings(tmp_path, checkout=tmp_path))
    assert isinstance(fact, Known)
    assert fact.value.problem_kind == kind


def test_missing_unnamed_and_a_pipe(tmp_path):
    assert requirements.probe(settings(tmp_path)).source == ""
    missing = requirements.probe(settings(tmp_path, checkout=tmp_path))
    assert isinstance(missing, Absent)
    assert missing.source
    os.mkfifo(tmp_path / "requirements.txt")
    pipe = requirements.probe(settings(tmp_path, checkout=tmp_path))
    assert isinstance(pipe, Known)
    assert "named pipe" in pipe.value.problem


def test_pins_of_the_files_beside_it(tmp_path):
    (tmp_path / "requirements.txt").write_text("a==.5\n")
    (tmp_path / "constraints.txt").write_text("a==1.5\n")
    (tmp_path / "README.md").write_text("run pip install Big_Name==2.0.\n")
    fact = requirements.probe(settings(tmp_path, checkout=tmp_path))
    assert isinstance(fact, Known)
    assert set(fact.value.siblings) == {("a", "==1.5"), ("big-name", "==2.0")}


# --- accelerate ----------------------------------------------------------------------------------------------

WORDS = st.sampled_from(
    [
        "no",
        "'no'",
        "NO",
        "null",
        "~",
        "",
        "{}",
        "[]",
        "1",
        "-3",
        "0",
        "08",
        "1.5",
        "true",
        "On",
        "y",
        "off",
        "LOCAL",
        "a/b",
        '"x y"',
        "a: b",
        "'it''s'",
        "1_000",
        "0x1f",
        "2024-01-01",
        "[1]",
        "x # c",
        "&a",
        "*a",
        "!!str",
        "1e3",
        ".inf",
        "12:30",
        "tRue",
        "NULL",
        "nULL",
        "> ",
        "'a' b",
    ]
)


@given(st.lists(st.tuples(st.sampled_from(["a", "bc", "no", "on", "num_x"]), WORDS), max_size=5))
def test_the_fast_reader_agrees_with_the_library_whenever_it_answers(rows):
    text = "".join(f"{key}: {word}\n" for key, word in rows)
    fast = read_flat(text)
    if fast is not None:
        slow = yaml.safe_load(text)
        assert fast == slow
        assert [type(v) for v in fast.values()] == [type(v) for v in slow.values()]


def test_the_guides_config_takes_the_fast_way():
    assert read_flat("mixed_precision: 'no'  # fp32\nnum_processes: 1\nmain_process_ip: null\nfsdp_config: {}\n") == {
        "mixed_precision": "no",
        "num_processes": 1,
        "main_process_ip": None,
        "fsdp_config": {},
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\n b: 2\n", "line 2"),
        ("- a\n", "mapping"),
        ("", "mapping"),
        ("a: &x [1]\nb: *x\n", "aliases"),
        ("a: " + "[" * 60_000, "nested too deeply"),
        ("a: " + "[" * 999, ""),
        ("a: " + "9" * 60_000, "digits"),
        ("a: {}\nb: " + "1:" * 30_000 + "1", "digits"),
    ],
)
def test_configs_that_cannot_be_read(text, says):
    _, values, problem = accelerate.parse_config(text.encode())
    assert values is None
    assert says in problem
    assert problem


def test_where_accelerate_reads(tmp_path):
    assert accelerate.config_path({"HF_HOME": "/hf"}) == Path("/hf/accelerate/default_config.yaml")
    assert accelerate.config_path({"XDG_CACHE_HOME": "/x"}) == Path("/x/huggingface/accelerate/default_config.yaml")
    variables = {"HF_HOME": str(tmp_path), "ACCELERATE_USE_FSDP": "1", "OTHER": "2"}
    fact = accelerate.probe(settings(tmp_path), variables=variables)
    assert isinstance(fact, Known)
    assert (fact.value.exists, fact.value.overrides) == (False, (("ACCELERATE_USE_FSDP", "1"),))


def test_the_keys_of_the_installed_accelerate(tmp_path):
    source = tmp_path / "accelerate" / "commands" / "config"
    source.mkdir(parents=True)
    (tmp_path / "accelerate-9.9.dist-info").mkdir()
    (source / "config_args.py").write_text("class ClusterConfig(BaseConfig):\n    one: int = 1\n    two: str\n")
    fact = accelerate.probe(settings(tmp_path), [str(tmp_path)], {"HF_HOME": str(tmp_path)})
    assert isinstance(fact, Known)
    assert (fact.value.version, fact.value.known_keys) == ("9.9", ("one", "two"))


# --- images and data -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["png", "jpg", "bmp", "tif", "webp"])
@pytest.mark.parametrize("size", [(1, 1), (37, 19), (300, 1000)])
def test_sizes_agree_with_a_decoder(tmp_path, kind, size):
    image = pytest.importorskip("PIL.Image")
    path = tmp_path / f"x.{kind}"
    image.new("RGB", size, (9, 8, 7)).save(path)
    seen = read_image(path)
    assert ((seen.width, seen.height), seen.error) == (size, "")


def test_a_turned_jpeg_has_the_size_that_the_trainer_sees(tmp_path):
    image = pytest.importorskip("PIL.Image")
    exif = image.Exif()
    exif[0x0112] = 6
    image.new("RGB", (40, 20)).save(tmp_path / "x.jpg", exif=exif)
    seen = read_image(tmp_path / "x.jpg")
    assert (seen.width, seen.height) == (20, 40)


@given(
    st.binary(max_size=200), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"\xff\xd8\xff", b"II*\0", b"BM"])
)
def test_no_header_crashes_the_reader(tmp_path_factory, data, start):
    path = tmp_path_factory.getbasetemp() / "any.png"
    path.write_bytes(start + data)
    seen = read_image(path)
    assert bool(seen.error) == (seen.width is None)


def mvtec(root: Path) -> Path:
    for folder in ("screw/train/good", "screw/test/good", "screw/test/scratch", "screw/ground_truth/scratch"):
        (root / folder).mkdir(parents=True)
    for name in ("000", "001"):
        (root / f"screw/test/scratch/{name}.png").write_bytes(png())
        (root / f"screw/ground_truth/scratch/{name}_mask.png").write_bytes(png())
    return root


def test_a_data_set_with_strangers_of_every_kind(tmp_path):
    folder = mvtec(tmp_path) / "screw/test/scratch"
    (folder / "Thumbs.db").write_bytes(b"x")
    (folder / "sub").mkdir()
    os.mkfifo(folder / "pipe.png")
    (folder / "round.png").symlink_to("round.png")
    (folder / "._000.png").write_bytes(b"x")
    (folder / "line\nbreak.png").write_bytes(b"")
    fact = dataset.probe(settings(tmp_path, data=tmp_path, category="screw", anomaly="scratch"))
    assert isinstance(fact, Known)
    seen = fact.value
    assert (seen.categories, seen.anomalies, seen.good) == (("screw",), ("scratch",), 0)
    assert set(seen.strangers) == {"Thumbs.db", "sub", "pipe.png", "round.png", "._000.png"}
    assert [image.error for image in seen.images] == ["", "", "empty file"]


def test_all_names_of_a_large_set_are_judged_and_a_sample_is_opened(tmp_path):
    """Not padded with zeros, so images and masks sort differently; one mask and one image lack their counterpart."""
    root = mvtec(tmp_path)
    picture = png()
    for number in range(900):
        if number != 777:
            (root / f"screw/test/scratch/{number}.png").write_bytes(picture)
        if number != 555:
            (root / f"screw/ground_truth/scratch/{number}_mask.png").write_bytes(picture)
    fact = dataset.probe(settings(tmp_path, data=tmp_path, category="screw", anomaly="scratch"))
    assert isinstance(fact, Known)
    seen = fact.value
    assert seen.number == 901
    assert seen.opened == dataset.MOST_OPENED
    opened = [image.path for image in seen.images if image.width]
    assert len(opened) == seen.opened
    paired = {Path(image.path).stem for image in seen.images}
    masked = {Path(mask.path).stem.removesuffix("_mask") for mask in seen.masks}
    assert paired - masked == {"555"}
    assert masked - paired == {"777"}
    assert {Path(mask.path).stem.removesuffix("_mask") for mask in seen.masks if mask.width} == {
        Path(path).stem for path in opened
    }


def test_roots_that_are_one_folder_off(tmp_path):
    root = mvtec(tmp_path / "mvtec")
    above = dataset.probe(settings(tmp_path, data=tmp_path))
    below = dataset.probe(settings(tmp_path, data=root / "screw/test/scratch", category="screw"))
    missing = dataset.probe(settings(tmp_path, data=tmp_path / "nowhere"))
    outside = dataset.probe(settings(tmp_path, data=root, category="../mvtec/screw", anomaly="scratch"))
    assert isinstance(above, Known)
    assert isinstance(below, Known)
    assert isinstance(missing, Known)
    assert isinstance(outside, Known)
    assert above.value.nested_hint == str(root)
    assert below.value.nested_hint == str(root)
    assert not missing.value.exists
    assert outside.value.images == ()


# --- model ---------------------------------------------------------------------------------------------------


def safetensors(size: int = 16) -> bytes:
    header = json.dumps({"w": {"dtype": "F32", "shape": [size // 4], "data_offsets": [0, size]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(size)


def sd(root: Path) -> Path:
    files = {
        "unet": ("config.json", "diffusion_pytorch_model.safetensors"),
        "vae": ("config.json", "diffusion_pytorch_model.safetensors"),
        "text_encoder": ("config.json", "model.safetensors"),
        "tokenizer": ("vocab.json", "merges.txt"),
        "scheduler": ("scheduler_config.json",),
    }
    for part, names in files.items():
        (root / part).mkdir(parents=True)
        for name in names:
            (root / part / name).write_bytes(safetensors() if name.endswith("safetensors") else b"{}")
    index = {part: ["library", "Class"] for part in files} | {"safety_checker": ["library", "Class"]}
    (root / "model_index.json").write_text(json.dumps(index))
    return root


def look(root: Path) -> Any:
    fact = model.probe(settings(root.parent, model=root))
    assert isinstance(fact, Known)
    return fact.value


def part(root: Path, name: str) -> Any:
    return next(found for found in look(root).parts if found.name == name)


def test_a_whole_model(tmp_path):
    seen = look(sd(tmp_path / "sd"))
    assert all(p.exists and not (p.missing or p.truncated or p.pointers or p.error) for p in seen.parts)
    assert (seen.named_but_absent, seen.pickled) == (("safety_checker",), ())


def test_weights_cut_short_pointed_at_or_something_else(tmp_path):
    root = sd(tmp_path / "sd")
    weights = root / "unet" / "diffusion_pytorch_model.safetensors"
    whole = weights.read_bytes()
    for data in (whole[:-1], whole[:20], whole[:4], b""):
        weights.write_bytes(data)
        assert part(root, "unet").truncated, data
    weights.write_bytes(whole + b"x")
    assert part(root, "unet").error
    weights.write_bytes(b"<html>not found</html>")
    assert "not a safetensors file" in part(root, "unet").error
    weights.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 5\n")
    assert part(root, "unet").pointers == (weights.name,)
    weights.unlink()
    assert part(root, "unet").missing == (weights.name,)


def test_variants_shards_and_pickles(tmp_path):
    root = sd(tmp_path / "sd")
    folder = root / "unet"
    (folder / "diffusion_pytorch_model.safetensors").rename(folder / "diffusion_pytorch_model.fp16.safetensors")
    assert "only a variant" in part(root, "unet").error
    index = folder / "diffusion_pytorch_model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}))
    (folder / "one.safetensors").write_bytes(safetensors())
    assert part(root, "unet").missing == ("two.safetensors",)
    index.write_text(json.dumps({"weight_map": {"a": "../../etc/passwd"}}))
    assert "outside its folder" in part(root, "unet").error
    index.unlink()
    (folder / "diffusion_pytorch_model.bin").write_bytes(b"PK\x03\x04 cut")
    assert part(root, "unet").truncated
    assert look(root).pickled == ("unet/diffusion_pytorch_model.bin",)


def test_how_parts_were_saved(tmp_path):
    root = sd(tmp_path / "sd")
    assert all(not found.layout or found.name == "tokenizer" for found in look(root).parts)
    (root / "unet" / "diffusion_pytorch_model.safetensors.index.json").write_text('{"weight_map": {}}')
    assert part(root, "unet").layout == ("stale-index",)
    header = b'{"encoder.layers.0.mlp.fc1.bias":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}'
    for names, layout in ((header, ("no-text-model-prefix",)), (header.replace(b"enc", b"text_model.enc"), ())):
        (root / "text_encoder" / "model.safetensors").write_bytes(len(names).to_bytes(8, "little") + names)
        assert part(root, "text_encoder").layout == layout
    for broken in (b"", b"\xff" * 20, (4).to_bytes(8, "little") + b"[[[["):
        (root / "text_encoder" / "model.safetensors").write_bytes(broken)
        assert part(root, "text_encoder").layout == ()
    tokenizer = root / "tokenizer"
    for name in ("vocab.json", "merges.txt"):
        (tokenizer / name).unlink(missing_ok=True)
    (tokenizer / "tokenizer.json").write_text("{}")
    (tokenizer / "tokenizer_config.json").write_text("{}")
    assert part(root, "tokenizer").layout == ("tokenizer-json-only", "no-max-length")
    (tokenizer / "vocab.json").write_text("{}")
    (tokenizer / "merges.txt").write_text("a")
    (tokenizer / "tokenizer_config.json").write_text('{"model_max_length": 77}')
    assert part(root, "tokenizer").layout == ()


def test_names_on_the_hub_and_single_files(tmp_path):
    assert look(tmp_path / "owner" / "name").hub_id == ""  # only a path below the project reads as one
    fact = model.probe(settings(tmp_path, model=tmp_path / "owner" / "name"))
    assert isinstance(fact, Known)
    assert (fact.value.hub_id, fact.value.is_hub_id) == ("owner/name", True)
    (tmp_path / "x.safetensors").write_bytes(safetensors())
    assert look(tmp_path / "x.safetensors").single_file
    inner = sd(tmp_path / "outer" / "sd")
    assert look(tmp_path / "outer").nested_hint == str(inner)


# --- checkout ------------------------------------------------------------------------------------------------


def test_the_commit_without_running_git(tmp_path):
    sha = "a" * 40
    (tmp_path / ".git/refs/heads").mkdir(parents=True)
    (tmp_path / ".git/HEAD").write_text("ref: refs/heads/main\n")
    (tmp_path / ".git/packed-refs").write_text(f"# pack-refs\n{sha} refs/heads/main\n")
    assert checkout.git_head(tmp_path) == sha
    (tmp_path / ".git/refs/heads/main").write_text("b" * 40)
    assert checkout.git_head(tmp_path) == "b" * 40
    (tmp_path / ".git/HEAD").write_text("ref: refs/../../../etc/passwd")
    assert checkout.git_head(tmp_path) is None


def test_checkouts_that_are_none(tmp_path):
    tree = tmp_path / "co" / "bcm-dual-interrelated_diff"
    tree.mkdir(parents=True)
    for path, hint in ((tree, str(tree.parent)), (tmp_path, str(tree.parent))):
        fact = checkout.probe(settings(tmp_path, checkout=path))
        assert isinstance(fact, Known)
        assert (fact.value.recognised, fact.value.nested_hint) == (False, hint)


def test_a_recognised_checkout_has_the_state_of_every_patch(tmp_path):
    package = tmp_path / "bcm-dual-interrelated_diff" / "diffusers"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text('__version__ = "0.18.1"\n')
    fact = checkout.probe(settings(tmp_path, checkout=tmp_path))
    assert isinstance(fact, Known)
    assert fact.value.vendored_diffusers == "0.18.1"
    assert len({patch.patch for patch in fact.value.patches}) == len(fact.value.patches) > 10


@pytest.mark.parametrize(("depth", "colour", "deep"), [(16, 0, True), (8, 0, False), (16, 2, False), (8, 6, False)])
def test_grey_images_of_16_bits_are_told_and_colour_ones_are_read(tmp_path, depth, colour, deep):
    path = tmp_path / "x.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">IIBB", 4, 3, depth, colour) + bytes(60))
    assert ("8 bits a channel" in read_image(path).error) == deep


def test_a_web_page_is_no_list_of_packages(tmp_path):
    page = b"\xef\xbb\xbf\n<!DOCTYPE html>\n<html>numpy==1.26.4</html>"
    assert requirements.read_requirements("requirements.txt", page).problem_kind == "web-page"
    assert requirements.read_requirements("requirements.txt", b"numpy==1.26.4\n# <html>\n").problem_kind == ""
