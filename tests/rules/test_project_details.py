"""Data, model and checkout: the exact numbers, what a row's text names, and what fix may mend."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dualano_setup.facts.sheet import BaseModel, Dataset, ImageFile, ModelPart, PathLiteral
from dualano_setup.rules import model as models
from dualano_setup.rules import src
from dualano_setup.rules.data import rules as data
from tests.rules.project_sheets import (
    BCM,
    INDEX,
    accelerate,
    checkout,
    context,
    dataset,
    environment,
    findings,
    images,
    model,
    patch,
)

PATH = "/mvtec/screw/test/scratch"


def data_rows(rule, settings=None, /, source=None, **fields):
    facts = {"checkout": source} if source else {}
    return findings(data.RULES, rule, context(settings, dataset=dataset(**fields), **facts))


def model_rows(rule, /, **fields):
    return findings(models.RULES, rule, context(model=model(**fields)))


def src_rows(rule, settings=None, *patches, **facts):
    return findings(src.RULES, rule, context(settings, checkout=checkout(*patches), **facts))


# --- data: places


def test_what_is_there_instead_is_named():
    (row,) = data_rows("DATA001", category="scew")
    assert (row.status, row.evidence) == ("fail", "/mvtec")
    assert "there are bottle, screw" in row.detail
    (row,) = data_rows("DATA001", category="x", categories=())
    assert "no category is there at all" in row.detail
    (row,) = data_rows("DATA001", anomaly="scrach")
    assert (row.evidence, "there are scratch" in row.detail) == (PATH, True)
    (row,) = data_rows("DATA001", anomaly="scrach", anomaly_dir="")
    assert row.evidence == "/mvtec"
    (row,) = data_rows("DATA001", anomaly="x", anomalies=())
    assert "there is none" in row.detail


def test_the_fifteen_categories_and_twenty_kinds_are_all_named():
    many = tuple(f"kind{number:02}" for number in range(20))
    more = tuple(f"kind{number:02}" for number in range(21))
    assert data_rows("DATA001", category=None, categories=many)[0].detail.endswith("kind19")
    assert "kind19" in data_rows("DATA001", category="x", categories=many)[0].detail
    assert "kind19" in data_rows("DATA001", anomaly=None, anomalies=many)[0].detail
    assert "kind19" in data_rows("DATA001", anomaly="x", anomalies=many)[0].detail
    for fields in (
        {"category": None, "categories": more},
        {"category": "x", "categories": more},
        {"anomaly": None, "anomalies": more},
        {"anomaly": "x", "anomalies": more},
    ):
        assert "kind19 and 1 more" in data_rows("DATA001", **fields)[0].detail


@pytest.mark.parametrize("hint", ["", "/up/mvtec"])
def test_where_the_data_seem_to_be(hint):
    for fields in ({"exists": False}, {"category": "x"}):
        (row,) = data_rows("DATA001", nested_hint=hint, **fields)
        assert ("seems to be /up/mvtec" in row.cure) is bool(hint)


@pytest.mark.parametrize("fields", [{"category": None, "anomaly": None}, {"anomaly": None}])
def test_the_layout_is_judged_for_a_chosen_category_and_anomaly(fields):
    whole = dataset(masks=(), good=None, **fields)
    assert list(data.check_layout(context(dataset=whole))) == []


@pytest.mark.parametrize(
    ("number", "statuses"), [(0, ["fail"]), (1, ["warn"]), (2, ["warn"]), (3, ["ok"]), (4, ["ok"]), (300, ["ok"])]
)
def test_three_images_are_the_least(number, statuses):
    names = [f"{n:03}.png" for n in range(number)]
    assert [row.status for row in data_rows("DATA006", images=images(PATH, *names))] == statuses


@pytest.mark.parametrize(("good", "status"), [(None, "ok"), (0, "warn"), (2, "warn"), (3, "ok"), (4, "ok")])
def test_three_good_images_are_the_least(good, status):
    (row,) = data_rows("DATA006", good=good)
    assert row.status == status


# --- data: files


@pytest.mark.parametrize("variant", ["bcm", "dual", "aaa"])
def test_foreground_masks_are_asked_for_by_the_background_module_only(variant):
    settings = {"variant": "".join(list(variant))}
    status = "fail" if variant == "bcm" else "ok"
    assert [row.status for row in data_rows("DATA005", settings, foreground=())] == [status]
    wrong = images("/fg/screw/scratch", "000.png", size=(8, 8))
    assert [row.status for row in data_rows("DATA003", settings, foreground=wrong)] == [status]


def test_missing_foreground_masks_are_looked_for_where_the_row_says():
    (row,) = data_rows("DATA005", foreground=())
    assert (row.evidence, row.repairable) == ("/fg", True)
    (row,) = data_rows("DATA005", foreground=(), foreground_root=None)
    assert row.evidence == PATH


def test_the_first_broken_file_is_the_evidence():
    broken = (ImageFile("/i/000.png", error="empty"), ImageFile("/i/001.png", error="cut short"))
    (row,) = data_rows("DATA004", images=(*broken, *images("/i", "002.png")))
    assert (row.evidence, "2 images cannot be read" in row.detail) == ("/i/000.png", True)


@pytest.mark.parametrize(
    ("folder", "named"),
    [
        ("/tests/mvtec/screw/test/scratch", "`tests`"),
        ("/a/b.png/mvtec/screw/test/scratch", "`b.png`"),
        ("/a/latest/b.png/mvtec/screw/test/scratch", "`latest`"),
        ("/mvtec/tested/test/scratch", "`tested`"),
        ("/mvtec/screw/test/scratch", ""),
    ],
)
def test_the_first_part_that_misleads_is_named(folder, named):
    (row,) = data_rows("DATA007", source=checkout(), anomaly_dir=folder)
    assert bool(row.detail) is bool(named)
    assert named in row.detail


@pytest.mark.parametrize(("anomaly", "status"), [("tested", "fail"), ("scratch", "ok"), (None, "ok")])
def test_an_anomalys_own_name_can_mislead(anomaly, status):
    found = dataset(anomaly=anomaly, anomalies=("tested", "scratch"))
    rows = list(data.check_checkout_paths(context(dataset=found, checkout=checkout())))
    assert [row.status for row in rows] == ([] if status == "ok" else [status])


@pytest.mark.parametrize(("name", "status"), [("mask-path", "ok"), ("aaa", "fail"), ("zzz", "fail")])
def test_only_the_patch_of_mask_paths_mends_them(name, status):
    source = checkout(patch("".join(list(name)), "after", "SRC006"))
    assert [row.status for row in data_rows("DATA007", source=source, anomaly_dir="/test/a/test/b")] == [status]


def test_strangers_are_named_and_moved_by_fix():
    (row,) = data_rows("DATA008", strangers=("Thumbs.db",))
    assert (row.repairable, "would open" in row.detail, "Thumbs.db" in row.detail) == (True, False, True)
    (row,) = data_rows("DATA008", source=checkout(), strangers=("Thumbs.db",))
    assert (row.repairable, "would open" in row.detail, "Thumbs.db" in row.detail) == (True, True, True)
    (row,) = data_rows("DATA008", source=checkout(recognised=False), strangers=("Thumbs.db",))
    assert row.status == "warn"


# --- model


def test_fix_downloads_a_model_that_is_missing_or_incomplete():
    (row,) = findings(models.RULES, "MODEL001", context(model=BaseModel("/sd", False)))
    assert row.repairable
    for part in (ModelPart("vae", False), ModelPart("vae", True, {}, missing=("a.safetensors",))):
        (row,) = model_rows("MODEL002", parts=(part,))
        assert (row.repairable, row.subject) == (True, "vae")
    (row,) = model_rows("MODEL003", parts=(ModelPart("vae", True, {}, pointers=("a.safetensors",)),))
    assert (row.repairable, row.evidence) == (True, "/sd")
    (row,) = model_rows("MODEL005", named_but_absent=("safety_checker",))
    assert row.repairable


def test_a_broken_index_blocks_and_says_why_parts_lack_files():
    (row,) = model_rows("MODEL002", index=None, index_error="line 1: no JSON")
    assert (row.status, row.detail) == ("fail", "model_index.json: line 1: no JSON")
    lacking = ModelPart("vae", True, {}, missing=("config.json",), error="Permission denied")
    (row,) = model_rows("MODEL002", parts=(lacking,))
    assert row.detail == "vae/ lacks config.json (Permission denied)"
    (row,) = model_rows("MODEL002", parts=(replace(lacking, error=""),))
    assert row.detail == "vae/ lacks config.json"


@pytest.mark.parametrize("hint", ["", "/sd/inner"])
def test_where_the_model_seems_to_be(hint):
    (row,) = model_rows("MODEL004", index=None, nested_hint=hint)
    assert ("/sd/inner" in row.cure) is bool(hint)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"width": 1024, "hidden": 768}, "2.x"),
        ({"width": 768, "hidden": 1024}, "2.x"),
        ({"width": int("1024"), "hidden": 7}, "2.x"),
        ({"width": 2048, "hidden": 2048}, ""),
        ({"width": 1280, "hidden": 768}, "two models"),
        ({"width": 512, "hidden": 768}, "two models"),
        ({"width": None, "hidden": 768}, ""),
        ({"width": int("4096"), "hidden": int("4096")}, ""),
        ({"index": {**INDEX, "text_encoder_2": ["a", "b"]}}, "XL or 3"),
        ({"index": {**INDEX, "_class_name": "StableDiffusionXLPipeline"}}, "XL or 3"),
        ({"index": {**INDEX, "transformer": ["a", "b"]}}, ""),
        ({"index": {"_class_name": "FluxPipeline", "transformer": ["a", "b"]}}, "a transformer model"),
        ({"index": {"_class_name": "StableDiffusionPipeline"}}, ""),
    ],
)
def test_the_kind_of_model_by_its_numbers_and_parts(fields, says):
    (row,) = model_rows("MODEL004", **fields)
    assert bool(row.detail) is bool(says)
    assert says in row.detail


@pytest.mark.parametrize(("channels", "says"), [(3, "3 channels"), (4, ""), (5, "5 channels"), (9, "9 channels")])
def test_the_channels_of_the_unet(channels, says):
    unet = ModelPart("unet", True, {"cross_attention_dim": 768, "in_channels": channels})
    (row,) = model_rows("MODEL004", parts=(unet,))
    assert (says in row.detail, bool(row.detail)) == (True, bool(says))


def test_the_unet_and_the_text_encoder_are_found_among_parts_of_any_name():
    parts = tuple(ModelPart("".join(list(name)), True, config) for name, config in (
        ("a", {"in_channels": 9, "hidden_size": 1024}),
        ("zz", {"in_channels": 9, "hidden_size": 1024}),
        ("unet", {"cross_attention_dim": 768, "in_channels": 4}),
        ("text_encoder", {"hidden_size": 512}),
    ))  # fmt: skip
    seen = BaseModel("/sd", True, index=INDEX, parts=parts)
    (row,) = findings(models.RULES, "MODEL004", context(model=seen))
    assert "768 wide and its text encoder gives 512" in row.detail


# --- the checkout


@pytest.mark.parametrize(
    ("wanted", "state", "status", "harmless"),
    [("no", "before", "warn", True), ("fp16", "before", "fail", False), ("bf16", "partly", "fail", False)],
)
def test_half_precision_without_its_cure(wanted, state, status, harmless):
    settings = {"mixed_precision": "".join(list(wanted))}
    (row,) = src_rows("SRC003", settings, patch("mixed-precision", state, "SRC003"))
    assert (row.status, row.repairable, "harmless" in row.detail) == (status, True, harmless)
    for name in ("aaa", "zzz"):
        assert src_rows("SRC003", settings, patch(name, state, "SRC003"))[0].status == status


def test_the_settings_precision_counts_before_accelerates():
    half = accelerate({"mixed_precision": "FP16"})
    open_cure = patch("mixed-precision", "before", "SRC003")
    temporal = patch("temporal-dtype", "before", "SRC002", default=False)
    spelt = "".join(list("no"))
    (row,) = src_rows("SRC003", {"mixed_precision": spelt}, open_cure, accelerate=half)
    assert row.status == "fail"
    full = accelerate({"mixed_precision": spelt})
    for precision, expected in (("bf16", "warn"), ("fp16", "warn"), (spelt, "ok")):
        (row,) = src_rows("SRC002", {"mixed_precision": precision}, temporal, open_cure, accelerate=full)
        assert row.status == expected
        assert (row.repairable, row.subject) == ((True, "temporal-dtype") if expected == "warn" else (False, ""))
    for found in (accelerate({"mixed_precision": "no"}), accelerate({"mixed_precision": 1}), accelerate(None)):
        assert src_rows("SRC003", {}, open_cure, accelerate=found)[0].status == "warn"


@pytest.mark.parametrize(
    ("state", "file", "default", "status"),
    [
        ("drifted", "x.py", True, "warn"),
        ("drifted", "x.py", False, "ok"),
        ("missing", f"{BCM}/train_x.py", True, "warn"),
        ("missing", f"{BCM}/train_x.sh", True, "ok"),
        ("missing", f"{BCM}/other.py", True, "ok"),
        ("after", f"{BCM}/train_x.py", True, "ok"),
        ("before", f"{BCM}/train_x.py", True, "ok"),
        ("partly", f"{BCM}/train_x.py", True, "ok"),
        ("superseded", f"{BCM}/train_x.py", True, "ok"),
    ],
)
def test_what_fits_neither_before_nor_after(state, file, default, status):
    (row,) = src_rows("SRC004", {}, patch("a", "".join(list(state)), "SRC006", file, default=default))
    assert row.status == status
    if status == "warn":
        assert row.detail.endswith(state)


def test_a_debugger_is_taken_out_by_fix():
    (row,) = findings(src.RULES, "SRC005", context(checkout=checkout(debugger_imports=("x.py",))))
    assert (row.status, row.repairable, "is not installed" in row.detail) == ("fail", True, True)
    ctx = context(checkout=checkout(debugger_imports=("x.py",)), environment=environment("3.10.1", "ipdb"))
    (row,) = findings(src.RULES, "SRC005", ctx)
    assert (row.status, row.repairable, "is not installed" in row.detail) == ("warn", True, False)


@pytest.mark.parametrize(
    ("ours", "asked", "kind", "status"),
    [
        (1, 1, "MULTI_GPU", "ok"),
        (0, 0, "MULTI_GPU", "ok"),
        (2, 1, "NO", "warn"),
        (3, None, "NO", "warn"),
        (1, 2, "MULTI_GPU", "warn"),
        (1, 3, "MULTI_GPU", "warn"),
        (1, 2, "MULTI_CPU", "ok"),
        (1, 2, "NO", "ok"),
        (1, 2, "XLA", "ok"),
        (1, "2", "MULTI_GPU", "ok"),
    ],
)
def test_processes_that_do_not_share_their_gradients(ours, asked, kind, status):
    config = accelerate({"num_processes": asked, "distributed_type": "".join(list(kind))})
    (row,) = src_rows("SRC007", {"num_processes": ours}, accelerate=config)
    assert row.status == status


def test_mask_paths_that_already_work_do_not_block():
    misleading = dataset(anomaly_dir="/tests/mvtec/screw/test/scratch")
    for name, found, status in (
        ("mask-path", dataset(), "warn"),
        ("mask-path", misleading, "fail"),
        ("aaa", dataset(), "fail"),
        ("zzz", dataset(), "fail"),
    ):
        open_one = patch("".join(list(name)), "before", "SRC006")
        assert src_rows("SRC006", {}, open_one, dataset=found)[0].status == status
    (row,) = src_rows("SRC006", {}, patch("mask-path", "before", "SRC006"))
    assert (row.status, row.repairable, row.subject) == ("fail", True, "mask-path")
    assert "harmless" not in row.detail


def test_a_named_folder_that_is_no_checkout_is_told_by_what_is_there():
    for fields, seen, cure in (
        ({"exists": True}, "/co holds none", "Clone the repository there."),
        ({"exists": False, "nested_hint": "/up"}, "/co is not there", "Set `checkout` to /up."),
    ):
        (row,) = findings(src.RULES, "SRC008", context(checkout=checkout(recognised=False, **fields)))
        assert (seen in row.detail, row.cure) == (True, cure)


def test_a_missing_root_hides_nothing_else():
    (row,) = findings(data.RULES, "DATA001", context(dataset=Dataset("/x", exists=False)))
    assert (row.status, row.evidence, row.repairable) == ("fail", "/x", False)


@pytest.mark.parametrize(
    ("lacks", "foreground", "cause"),
    [(("foreground",), None, "DATA005"), (("foreground",), "/fg", None), (("data",), None, None)],
)
def test_a_patch_that_lacks_a_folder_waits_for_it(lacks, foreground, cause):
    lacking = patch("a", "before", "SRC001", reason="no folder", lacks=lacks)
    (row,) = src_rows("SRC001", {"foreground": foreground}, lacking)
    assert (row.repairable, row.caused_by, "(no folder)" in row.detail) == (False, cause, True)


@pytest.mark.parametrize(
    ("rule", "default", "told"), [("SRC001", True, 0), ("SRC001", False, 1), ("SRC006", True, 1), ("SRC006", False, 1)]
)
def test_a_path_is_left_to_the_default_patch_that_treats_its_file(rule, default, told):
    literal = PathLiteral("a.sh", 3, "/path/to/x", "placeholder")
    ctx = context(checkout=checkout(patch("p", "after", rule, "a.sh", default=default), literals=(literal,)))
    rows = [row for row in findings(src.RULES, "SRC001", ctx) if row.status == "warn"]
    assert [row.subject for row in rows] == ["a.sh:3"] * told
