"""Plans for requirements, accelerate, model, data and source: what they change, and what they leave alone."""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dualano_setup.facts.fact import Known
from dualano_setup.facts.sheet import BaseModel, ModelPart
from dualano_setup.repairs.planners import accelerate, dataset, model, requirements
from dualano_setup.rules import model as model_rules
from dualano_setup.rules.acc import rules as acc
from dualano_setup.rules.data import rules as data
from dualano_setup.rules.judge import judge
from dualano_setup.rules.req import rules as req
from tests.rules import project_sheets as sheets


def repairable(ctx, rules, planner):
    return [f for f in judge(ctx, rules) if f.repairable and f.status in ("fail", "warn") and f.rule in planner.RULES]


def mended(text: str, **facts) -> tuple[str, tuple[str, ...]]:
    ctx = sheets.context(requirements=sheets.requirements(text), **facts)
    planned = requirements.plan(ctx, repairable(ctx, req.RULES, requirements))
    return (planned.actions[0].content.decode() if planned.actions else text), planned.notes


# --- requirements --------------------------------------------------------------------------------------------

BROKEN = (
    "\naccelerate==0.24.1\nclip\nopencv-python==4.7.0.72\nopencv-python-headless==.7.0.72  # why\n"
    "tensorboard==.15.0\ntorch==2.0.1+cu118\ntorchvision==0.15.2+cu118"
)
MENDED = (
    "\naccelerate==0.24.1\nopencv-python-headless==4.7.0.72  # why\ntensorboard==2.15.0\n"
    "--find-links https://download.pytorch.org/whl/cu118/torch/\n"
    "--find-links https://download.pytorch.org/whl/cu118/torchvision/\n"
    "torch==2.0.1+cu118\ntorchvision==0.15.2+cu118"
)


def test_the_authors_list_is_mended_once_and_for_all():
    assert mended(BROKEN) == (MENDED, ())
    assert mended(MENDED) == (MENDED, ())


def test_line_ends_and_marks_are_kept():
    text = "\ufeff" + BROKEN.replace("\n", "\r\n")
    assert mended(text)[0] == "\ufeff" + MENDED.replace("\n", "\r\n")


def test_doubtful_lines_are_left_and_said_so():
    text = "nobody-knows==.1.2\nx==1\nx==2\n"
    ctx = sheets.context(requirements=sheets.requirements(text))
    new, notes = requirements.repaired(ctx, ("REQ001", "REQ002"), {})
    assert new == text
    assert len(notes) == 2


def test_an_index_list_completes_a_pin():
    ctx = sheets.context(requirements=sheets.requirements("rare==.4.2\n"))
    assert requirements.repaired(ctx, ("REQ001",), {"Rare": ["1.4.2", "1.4.3"]})[0] == "rare==1.4.2\n"
    assert requirements.repaired(ctx, ("REQ001",), {"Rare": ["1.4.2", "2.4.2"]})[0] == "rare==.4.2\n"


def test_refused_and_fileless_pins():
    python = sheets.environment("3.11.7")
    assert mended("pytorch-lightning==1.5.10 # x\n", environment=python)[0] == "pytorch-lightning==1.5.3 # x\n"
    newer = sheets.environment("3.12.1")
    assert mended("setuptools==65.6.3\nnumpy==1.24.3\n", environment=newer)[0] == "setuptools\nnumpy==1.26.4\n"


def test_an_index_that_hides_the_others_goes():
    text = "--index-url https://download.pytorch.org/whl/cu118\naccelerate==0.24.1\ntorch==2.0.1+cu118\n"
    page = "--find-links https://download.pytorch.org/whl/cu118/torch/\n"
    assert mended(text)[0] == f"accelerate==0.24.1\n{page}torch==2.0.1+cu118\n"


INNOCENT = st.sampled_from(
    ["numpy>=1", "# clip==.1", "pandas==2.0.3 ; python_version < '3.11'", "-c c.txt", "", "  timm == 0.4.12  ", "é @ file:///x",
     "q==1 --hash=sha256:aa", "${X}==.1", "# tensorboard==.15.0\t"]
)  # fmt: skip
SICK = st.sampled_from(["tensorboard==.15.0", "clip", "torch==2.0.1+cu118", "pytorch-lightning==1.5.10", "wat ???"])
ENDS = st.sampled_from(["\n", "\r\n"])


@given(
    st.lists(INNOCENT, max_size=6, unique=True), st.lists(SICK, max_size=3, unique=True), ENDS, st.booleans(), st.data()
)
def test_innocent_lines_stay_byte_for_byte(innocent, sick, end, closed, draw):
    order = draw.draw(st.permutations([*innocent, *sick]))
    text = end.join(order) + (end if closed and order else "")
    new, _ = mended(text)
    left = iter(new.split(end))
    assert all(any(row == kept for row in left) for kept in order if kept in innocent)
    assert mended(new)[0] == new


# --- accelerate ----------------------------------------------------------------------------------------------


def config_of(text: str, **fields):
    return replace(sheets.accelerate({}, **fields), text=text, values=yaml.safe_load(text))


def rewritten(config, settings=None, **facts):
    ctx = sheets.context(settings, accelerate=config, **facts)
    return accelerate.plan(ctx, repairable(ctx, acc.RULES, accelerate))


def test_a_new_config_reads_back_as_the_guides():
    planned = rewritten(replace(sheets.accelerate(None), exists=False))
    (write,) = planned.actions
    values = yaml.safe_load(write.content)
    assert (values["mixed_precision"], values["distributed_type"], values["num_processes"]) == ("no", "NO", 1)
    assert set(values) <= set(sheets.KEYS)
    assert write.before_sha256 == ""


def test_single_values_change_and_comments_stay():
    text = (
        "# mine\ncompute_environment: LOCAL_MACHINE\ndistributed_type: 'NO'  # one GPU\nbogus: 1\n"
        "mixed_precision: no\nnum_processes: 4\nmachine_rank: 0\n"
    )
    (write,) = rewritten(config_of(text)).actions
    assert write.content.decode() == (
        "# mine\ncompute_environment: LOCAL_MACHINE\ndistributed_type: 'NO'  # one GPU\n"
        "mixed_precision: 'no'\nnum_processes: 1\nmachine_rank: 0\n"
    )
    assert write.before_sha256 == hashlib.sha256(text.encode()).hexdigest()


def test_a_precision_that_cannot_run_here_is_not_written():
    text = "distributed_type: 'NO'\nmixed_precision: bf16\nnum_processes: 1\n"
    (write,) = rewritten(config_of(text), {"mixed_precision": "bf16"}, gpus=sheets.gpus((7, 5))).actions
    assert yaml.safe_load(write.content)["mixed_precision"] == "no"


def test_a_file_that_is_not_yaml_is_moved_aside_first():
    planned = rewritten(sheets.accelerate(None, error="line 1: x"))
    assert [action.kind for action in planned.actions] == ["move-aside", "write-file"]


# --- model ---------------------------------------------------------------------------------------------------


def test_absent_parts_are_set_to_nothing_and_the_rest_stays(tmp_path):
    text = '{"_class_name": "StableDiffusionPipeline",\n  "safety_checker" : ["a",\n "B"], "unet": ["c", "D"]}'
    (tmp_path / "model_index.json").write_text(text)
    seen = BaseModel(str(tmp_path), True, index=json.loads(text), named_but_absent=("safety_checker",))
    ctx = sheets.context(model=seen)
    (write,) = model.plan(ctx, repairable(ctx, (model_rules.RULES[4],), model)).actions
    assert write.content.decode() == text.replace('["a",\n "B"]', "[null, null]")


def test_pointers_tell_hash_and_size(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/config").write_text('[remote "origin"]\n\turl = https://huggingface.co/owner/name\n')
    (tmp_path / "unet").mkdir()
    oid = "ab" * 32
    (tmp_path / "unet/w.safetensors").write_text(
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize 77\n"
    )
    part = ModelPart("unet", True, {"cross_attention_dim": 768}, pointers=("w.safetensors",))
    ctx = sheets.context(model=replace(sheets.model(parts=(part,)), path=str(tmp_path)))
    (get,) = model.plan(ctx, repairable(ctx, model_rules.RULES, model)).actions
    assert (get.sha256, get.size, get.path) == (oid, 77, tmp_path / "unet/w.safetensors")
    assert get.url.endswith("/owner/name/resolve/main/unet/w.safetensors")


def test_a_model_of_unknown_origin_is_not_replaced(tmp_path):
    ctx = sheets.context(model=replace(sheets.model(parts=(ModelPart("vae", False),)), path=str(tmp_path)))
    planned = model.plan(ctx, repairable(ctx, model_rules.RULES, model))
    assert planned.actions == ()
    assert "where it came from" in planned.notes[0]


@pytest.fixture
def hub(monkeypatch):
    rows = [
        {"type": "file", "path": "model_index.json", "size": 5},
        {"type": "file", "path": "unet/diffusion_pytorch_model.safetensors", "size": 9, "lfs": {"oid": "c" * 64}},
        {"type": "file", "path": "unet/diffusion_pytorch_model.fp16.safetensors", "size": 9},
        {"type": "file", "path": "vae/diffusion_pytorch_model.bin", "size": 9},
        {"type": "file", "path": "unet/../../evil.json", "size": 1},
        {"type": "directory", "path": "unet"},
    ]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            found = self.path == "/api/models/owner/name/tree/main?recursive=true"
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(json.dumps(rows).encode())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("name", "offline", "number"), [("owner/name", False, 2), ("owner/name", True, 0), ("a/b", False, 0)]
)
def test_a_download_is_planned_from_what_the_hub_lists(hub, tmp_path, name, offline, number):
    missing = BaseModel(str(tmp_path / "sd"), False, is_hub_id=True, hub_id=name)
    ctx = sheets.context({"offline": offline}, model=missing)
    planned = model.plan(ctx, repairable(ctx, model_rules.RULES, model))
    assert len(planned.actions) == number
    assert bool(planned.notes) == (number == 0)
    if planned.actions:
        assert [action.path.name for action in planned.actions] == [
            "model_index.json",
            "diffusion_pytorch_model.safetensors",
        ]
        assert planned.actions[1].sha256 == "c" * 64


# --- data ----------------------------------------------------------------------------------------------------


def test_masks_are_made_and_their_folder_is_written_down(tmp_path):
    (tmp_path / "dualano.toml").write_text('# mine\ndata = "/mvtec"\n\n[train]\nsteps = 5\n')
    seen = sheets.dataset(foreground_root=None, foreground=(), foreground_good=0, strangers=("Thumbs.db",))
    ctx = sheets.context(dataset=seen)
    ctx = replace(ctx, settings=replace(ctx.settings, project=tmp_path))
    planned = dataset.plan(ctx, repairable(ctx, data.RULES, dataset))
    aside, anomalous, good, write = planned.actions
    assert (aside.kind, aside.path.name) == ("move-aside", "Thumbs.db")
    assert anomalous.outputs == (tmp_path / ".dualano/foreground/screw/scratch",)
    assert good.arguments[1] == "/mvtec/screw/train/good"
    text = write.content.decode()
    assert text.startswith('# mine\ndata = "/mvtec"\nforeground = ".dualano/foreground"\n')
    assert text.endswith("[train]\nsteps = 5\n")


def test_masks_that_somebody_made_are_not_replaced():
    ctx = sheets.context(
        {"foreground": Path("/fg")}, dataset=sheets.dataset(foreground=sheets.images("/fg", "000.png"))
    )
    planned = dataset.plan(ctx, repairable(ctx, data.RULES, dataset))
    assert planned.actions == ()
    assert "left as it is" in planned.notes[0]


def test_planners_without_facts_plan_nothing():
    assert all(p.plan(sheets.context(), []).actions == () for p in (requirements, accelerate, model, dataset))
    assert isinstance(sheets.context(dataset=sheets.dataset()).sheet.dataset, Known)
