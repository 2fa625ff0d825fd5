"""`patch` on a checkout of our own invention: states, apply, apply again, revert, undo."""

import json
from pathlib import Path

import pytest

from dualano_setup.cli.main import run

SOURCE = '"""A pipeline."""\nimport os\nimport ipdb\n\n\ndef first(folder):\n    return sorted(os.listdir(folder))[0]\n'
PLACE = "bcm-dual-interrelated_diff/diffusers/pipelines/stable_diffusion/pipeline_stable_diffusion.py"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project whose neighbour is a checkout with one debugger import."""
    file = tmp_path / "checkout" / PLACE
    file.parent.mkdir(parents=True)
    file.write_bytes(SOURCE.replace("\n", "\r\n").encode())
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def state(checkout: Path, capsys, name: str = "debugger-import") -> str:
    capsys.readouterr()
    run(["patch", "status", str(checkout), "--json", "--only", name])
    return json.loads(capsys.readouterr().out)["patches"][0]["state"]


def test_apply_again_revert_and_undo(project, capsys):
    checkout = project.parent / "checkout"
    file = checkout / PLACE
    original = file.read_bytes()
    assert state(checkout, capsys) == "before"
    assert run(["patch", "apply", str(checkout), "--only", "debugger-import"]) == 0
    patched = file.read_bytes()
    assert patched == original.replace(b"import ipdb\r\n", b"")
    assert state(checkout, capsys) == "after"
    assert run(["patch", "apply", str(checkout), "--only", "debugger-import"]) == 0
    assert "Nothing to apply" in capsys.readouterr().out
    assert run(["patch", "revert", str(checkout)]) == 0
    assert file.read_bytes() == original
    assert run(["undo"]) == 0  # takes the revert back
    assert file.read_bytes() == patched


def test_revert_keeps_what_the_user_added(project):
    checkout = project.parent / "checkout"
    file = checkout / PLACE
    original = file.read_bytes()
    run(["patch", "apply", str(checkout), "--only", "debugger-import"])
    file.write_bytes(file.read_bytes() + b"\r\nLATER = 1\r\n")
    assert run(["patch", "revert", str(checkout)]) == 0
    assert file.read_bytes() == original + b"\r\nLATER = 1\r\n"


def test_wrong_usage_is_said(project, capsys):
    assert run(["patch", "status"]) == 2
    assert "no checkout is named" in capsys.readouterr().err
    assert run(["patch", "status", str(project / "absent")]) == 2
    assert run(["patch", "apply", str(project.parent / "checkout"), "--only", "no-such-patch"]) == 2
    assert "no patch is called no-such-patch" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["apply", "--only", "debugger-import", "CHECKOUT"],
        ["--only", "debugger-import", "apply", "CHECKOUT"],
        ["apply", "--only=debugger-import", "--offline", "CHECKOUT", "-q"],
        ["apply", "--onl", "debugger-import", "--", "CHECKOUT"],
        ["apply", "CHECKOUT", "--only", "debugger-import"],
    ],
)
def test_options_stand_where_the_user_puts_them(project, words):
    checkout = project.parent / "checkout"
    assert run(["patch", *(str(checkout) if word == "CHECKOUT" else word for word in words)]) == 0
    assert b"ipdb" not in (checkout / PLACE).read_bytes()


TRAINERS = (
    "bcm-dual-interrelated_diff/train_dreambooth_lora_single_background.py",
    "dual-interrelated_diff/train_dreambooth_lora.py",
)
TRAINER = """\
def main(args):
    def load_model_hook(models, folder):
        return DiffusionPipeline.from_pretrained(args.base, torch_dtype=weight_dtype)

    for batch in loader:
        model_pred = {unet}(noisy, batch["steps"]).sample
"""


@pytest.mark.parametrize(
    ("calls", "status", "told"),
    [
        (("unet", "unet"), 0, ()),
        (("denoiser", "unet"), 1, (TRAINERS[0],)),  # the place reads otherwise
        (("model.inner.networks[0]", "predict_noise_with_everything"), 1, TRAINERS),  # nothing like it
        (("unet", None), 0, ()),  # a checkout with one of the two trainers
        ((None, None), 1, ("has none of the files",)),  # none at all
    ],
)
def test_a_patch_without_a_place_is_said_with_status_1(project, capsys, calls, status, told):
    checkout = project.parent / "checkout"
    for path, unet in zip(TRAINERS, calls, strict=True):
        if unet:
            (checkout / path).parent.mkdir(parents=True, exist_ok=True)
            (checkout / path).write_text(TRAINER.format(unet=unet))
    before = {path: (checkout / path).read_bytes() for path, unet in zip(TRAINERS, calls, strict=True) if unet}
    assert run(["patch", "apply", str(checkout), "--only", "mixed-precision"]) == status
    said = capsys.readouterr().out
    assert ("not in place: mixed-precision (" in said) == (status == 1 and any(calls))
    assert all(words in said for words in told)
    for path, old in before.items():
        assert (b"with accelerator.autocast():" in (checkout / path).read_bytes()) == (status == 0)
        assert status == 0 or (checkout / path).read_bytes() == old


def test_a_patch_that_lacks_a_value_is_said_with_status_1(project, capsys):
    checkout = project.parent / "checkout"
    script = checkout / "dual-interrelated_diff" / "train.sh"
    script.parent.mkdir(parents=True)
    script.write_text("export MODEL_NAME=/somebody/elses/model\nCUDA_VISIBLE_DEVICES={id} python train.py\n")
    assert run(["patch", "apply", str(checkout), "--only", "dual-train-shell"]) == 1
    assert "not in place for want of `model`: dual-train-shell" in capsys.readouterr().out
    (project / "model").mkdir()
    assert run(["patch", "apply", str(checkout), "--only", "dual-train-shell", "--model", "model"]) == 0
    assert script.read_text() == f"export MODEL_NAME={project / 'model'}\nCUDA_VISIBLE_DEVICES=0 python train.py\n"
