"""The whole evaluation, small: its document, going on after an interruption, and what it refuses."""

import json
import shutil

import jsonschema
import numpy as np
import pytest
import torch
from PIL import Image

from tests.trainer.evaluate.evaluating import ANOMALIES, CATEGORY, write_world
from trainer.evaluate import estimate, jobs
from trainer.evaluate.__main__ import main
from trainer.evaluate.report.document import schema_text
from trainer.evaluate.tasks import classify

SMALL = [
    *("--pixels", "64", "--width", "2", "--epochs", "2", "--test_every", "1", "--draws", "4", "--batch", "4"),
    *("--seeds", "2", "--class_epochs", "1", "--device", "cpu"),
]


class Small(torch.nn.Module):
    """In the place of ResNet-34, whose 21 million numbers take a processor seconds a step."""

    def __init__(self, classes):
        super().__init__()
        self.fc = torch.nn.Linear(3, classes)

    def forward(self, x):
        return self.fc(x.mean((2, 3)))


@pytest.fixture(scope="module", autouse=True)
def small():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classify, "ResNet34", Small)
        patch.setattr(estimate, "ResNet34", Small)
        yield


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return write_world(tmp_path_factory.mktemp("world"))


def run(world, output, *extra, generated=None):
    line = ["--dataset", str(world / "data"), "--output", str(output)]
    return main(["--generated", str(generated or world / "generated"), *line, *SMALL, *extra])


@pytest.fixture(scope="module")
def evaluated(world, tmp_path_factory):
    output = tmp_path_factory.mktemp("evaluated") / "evaluation"
    assert run(world, output, "--trainings", "generated,real,augmentation,cutpaste,perlin,none") == 0
    return output


def document_of(output):
    return json.loads((output / "evaluation.json").read_text())


def test_the_document_keeps_to_its_schema(evaluated):
    document = document_of(evaluated)
    schema = json.loads(schema_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document | {"protocol": "best"}, schema)


def test_every_row_is_there_with_every_number(evaluated):
    rows = document_of(evaluated)["rows"]
    found = {(row["task"], row["training"], row["seed"]) for row in rows}
    for training in ("generated", "real", "augmentation", "cutpaste", "perlin", "none"):
        assert {("localisation", training, seed) for seed in (0, 1)} <= found
    assert {row["training"] for row in rows if row["task"] == "classification"} == {"generated", "real", "augmentation"}
    for row in rows:
        if row["task"] == "localisation":
            assert set(row["metrics"]) == {
                *("image_auroc", "image_ap", "image_f1", "pixel_auroc", "pixel_ap", "pixel_f1", "pixel_pro"),
            }
            assert row["metrics"] == {key: value for key, value in row["last"].items() if key != "epoch"}
            assert all(0 <= value <= 1 for value in row["metrics"].values())
            assert row["pairs"] == {"none": 0, "real": 4, "cutpaste": 4, "perlin": 4}.get(row["training"], 8)


def test_what_is_left_out_and_what_departs_is_said(evaluated):
    document = document_of(evaluated)
    assert document["departures"]["epochs"] == [200, 2]
    assert any("IC-LPIPS" in row["what"] for row in document["left_out"])
    text = (evaluated / "evaluation.md").read_text()
    assert "Not the protocol's own constants" in text
    assert "from scratch" in text
    assert "| CutPaste |" in text
    assert "±" in text


def test_pictures_are_drawn(evaluated):
    names = {path.name for path in (evaluated / "pictures").iterdir()}
    assert names == {f"{CATEGORY}-{kind}.png" for kind in ("maps", "image-precision-recall", "pixel-precision-recall")}
    for path in (evaluated / "pictures").iterdir():
        with Image.open(path) as image:
            assert np.asarray(image).std() > 5


def test_the_same_command_does_nothing_twice(world, evaluated, capfd, monkeypatch):
    def none(*_words):
        raise AssertionError("a job was done again")

    monkeypatch.setattr(jobs.Work, "do", none)
    assert run(world, evaluated, "--trainings", "generated,real,augmentation,cutpaste,perlin,none", "--json") == 0
    told = capfd.readouterr()
    assert json.loads(told.out)["rows"] == document_of(evaluated)["rows"]
    assert "18 jobs, 18 of them done before" in told.err


def test_an_interrupted_training_goes_on_to_the_same_end(world, evaluated, tmp_path, monkeypatch):
    from trainer.evaluate.tasks import training

    monkeypatch.setattr(training, "STORE_SECONDS", 0.0)
    whole, told = training.Run.store, []

    def cut_off(self, *words, **more):
        whole(self, *words, **more)
        told.append(words[2])
        if len(told) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(training.Run, "store", cut_off)
    line = ("--trainings", "generated", "--tasks", "localisation")
    assert run(world, tmp_path / "e", *line) == 130
    assert list((tmp_path / "e" / "jobs").glob("*.pt"))
    assert run(world, tmp_path / "e", *line) == 0
    assert told[0] == 1
    assert not list((tmp_path / "e" / "jobs").glob("*.pt"))
    for row in document_of(tmp_path / "e")["rows"]:
        (twin,) = [
            other
            for other in document_of(evaluated)["rows"]
            if [other[key] for key in ("task", "training", "seed")]
            == [row[key] for key in ("task", "training", "seed")]
        ]
        assert row["metrics"] == pytest.approx(twin["metrics"], abs=1e-6)


def test_another_evaluation_in_the_folder_is_refused(world, evaluated, tmp_path, capsys):
    assert run(world, evaluated, "--trainings", "generated") == 1
    assert "trainings differ" in capsys.readouterr().err
    (tmp_path / "notes.txt").touch()
    assert run(world, tmp_path, "--trainings", "none", "--tasks", "localisation") == 1
    assert "notes.txt" in capsys.readouterr().err


def test_a_plan_does_nothing(world, tmp_path, capsys):
    assert run(world, tmp_path / "e", "--plan", "--protocol", "o2mag") == 0
    assert "of training and testing on the CPU" in capsys.readouterr().err
    assert not (tmp_path / "e").exists()


def test_leaks_are_refused_unless_allowed_and_then_said(world, tmp_path, capsys):
    copy = shutil.copytree(world, tmp_path / "world")
    good = copy / "data" / CATEGORY / "test" / "good"
    Image.open(good.parents[1] / "train/good/000.png").save(good / "700.jpg", quality=80)
    line = ("--trainings", "none", "--tasks", "localisation", "--seeds", "1")
    assert run(copy, tmp_path / "e", *line) == 1
    assert "700.jpg" in capsys.readouterr().err
    assert run(copy, tmp_path / "e", *line, "--allow_leakage") == 0
    assert len(document_of(tmp_path / "e")["categories"][CATEGORY]["checks"]["leaks"]) == 1
    assert "results on them say nothing" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--pixels", "100"], "multiple of 32"),
        (["--tasks", "quality"], "Nothing can be evaluated"),
        (["--category", "key"], "No generated pairs of key"),
        (["--anomaly", "hole", "--anomaly", "hole"], "give one --anomaly for each"),
        (["--trained_on", "x"], "goes with --category and --anomaly"),
        (["--device", "cuda:77"], "cannot be used"),
    ],
)
def test_what_cannot_be_done_is_said(world, tmp_path, capsys, wrong, said):
    assert run(world, tmp_path / "e", *wrong) == 1
    assert said in capsys.readouterr().err
    assert not (tmp_path / "e").exists()


def test_bad_folders_are_named(world, tmp_path, capsys):
    assert run(world, tmp_path / "e", generated=tmp_path / "none") == 1
    assert "is not a folder" in capsys.readouterr().err
    pairs = world / "generated" / CATEGORY / "hole"
    assert run(world, tmp_path / "e", generated=pairs) == 1
    assert "--category and --anomaly" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert run(world, tmp_path / "e", generated=tmp_path / "empty") == 1
    assert "No generated pairs" in capsys.readouterr().err
    copy = shutil.copytree(pairs, tmp_path / "pairs")
    (copy / "mask" / "0.png").unlink()
    named = ("--category", CATEGORY, "--anomaly", "hole")
    assert run(world, tmp_path / "e", *named, generated=copy) == 1
    assert "1 images have no mask" in capsys.readouterr().err
    assert main(["--generated", str(pairs), "--dataset", str(tmp_path), "--output", "o", *named]) == 1
    assert "MVTec AD's layout" in capsys.readouterr().err


def test_wrong_usage_is_status_2(world, tmp_path):
    for wrong in (["--trainings", "best"], ["--tasks", ""], ["--seeds", "0"], ["--protocol", "mine"]):
        with pytest.raises(SystemExit) as ended:
            run(world, tmp_path / "e", *wrong)
        assert ended.value.code == 2
    assert ANOMALIES
