"""`import`: every layout, made after its published description, becomes what the trainer's own data set loads."""

import json
import os
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dualano_setup.cli.main import run
from tests.facts.project.layouts import published
from tests.facts.project.layouts.published import ALL, DEFECTS
from tests.repairs.snapshot import snapshot
from trainer.data.dataset import TrainingSet
from trainer.generate.manifest import Manifest, Record


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def bring(*words: str | Path) -> int:
    """Imports without asking, pixels by the Python that runs these tests."""
    return run(["import", *map(str, words), "--env", sys.prefix, "--yes"])


@pytest.mark.parametrize("name", ALL)
def test_every_layout_becomes_one_that_the_trainer_loads(name, project, tmp_path, capsys):
    made = ALL[name](tmp_path / "source")
    before = snapshot(tmp_path / "source")
    assert bring(made.source) == 0
    assert made.title in capsys.readouterr().out
    category = project / "data" / made.category
    images = category / "test" / made.anomaly
    data = TrainingSet(images, condition_dir=None, resolution=16, variant="dual", selection="all")
    assert len(data) == DEFECTS
    for index, item in enumerate(data.items):
        assert (np.asarray(Image.open(item.mask)) > 127).tolist() == published.truth().tolist(), item.mask
        assert (data.tensors(index, hflip=False, vflip=False)["part"] != 0).any()
    assert len(list((category / "train" / "good").iterdir())) == made.train_good
    assert len(list((category / "test" / "good").iterdir())) == made.test_good
    manifest = json.loads((category / "import.json").read_text())
    assert len(manifest["files"]) == DEFECTS + made.train_good + made.test_good
    assert all(Path(row["from"]).is_file() and (category / row["image"]).is_file() for row in manifest["files"])
    assert run(["check", "--only", "DATA001,DATA002,DATA003,DATA004"]) == 0
    assert snapshot(tmp_path / "source") == before


def test_undo_leaves_the_project_byte_for_byte(project, tmp_path):
    (project / "dualano.toml").write_text('# mine\ncategory = "candle"  # of VisA\n')
    made = published.visa(tmp_path / "source")
    before = {name: row for name, row in snapshot(project).items() if not name.startswith(".dualano")}
    assert bring(made.source) == 0
    text = (project / "dualano.toml").read_text()
    assert 'data = "data"' in text
    assert "# of VisA" in text
    assert run(["undo"]) == 0
    assert {name: row for name, row in snapshot(project).items() if not name.startswith(".dualano")} == before


def test_the_plan_changes_nothing_and_says_what_trains(project, tmp_path, capsys):
    made = published.flat(tmp_path / "source")
    assert run(["import", str(made.source), "--plan"]) == 0
    out = capsys.readouterr().out
    assert "2 of them train" in out
    assert "--selection all" in out
    assert "IMG_00.TIF + gt-img_00_final.Png" in out
    assert list(project.iterdir()) == []


def test_flat_folders_may_lie_where_one_stands(project, tmp_path, monkeypatch, capsys):
    """As README has it: `--good ok --images scratched`, one name each."""
    monkeypatch.chdir(published.flat(tmp_path / "source").source)
    assert run(["import", "--good", "good", "--images", "images", "--masks", "masks", "--plan"]) == 0
    assert "to train/good" in capsys.readouterr().out


def test_without_a_terminal_and_without_yes_nothing_is_done(project, tmp_path, capsys):
    made = published.mvtec_ad(tmp_path / "source")
    assert run(["import", str(made.source)]) == 1
    assert "--yes" in capsys.readouterr().err
    assert list(project.iterdir()) == []


def test_links_need_no_training_environment(project, tmp_path):
    made = published.mvtec_ad(tmp_path / "source")
    assert run(["import", str(made.source), "--yes"]) == 0
    assert (project / "data/bottle/ground_truth/broken/000_mask.png").is_symlink()


@pytest.mark.parametrize("name", ["flat", "labelme"])
def test_a_source_may_be_named_from_here(name, project, tmp_path):
    made = ALL[name](tmp_path / "source")
    assert bring(os.path.relpath(made.source, project)) == 0
    assert len(list((project / "data" / made.category / "test" / made.anomaly).iterdir())) == DEFECTS


def test_own_folders_may_be_named_from_here(project, tmp_path):
    made = published.mvtec_ad(tmp_path / "source")
    inside = f"../source/bottle/{{}}/{made.anomaly}"
    words = ["--images", inside.format("test"), "--masks", inside.format("ground_truth"), "--crop", "16"]
    assert bring(*words, "--category", "part", "--anomaly", "spot") == 0
    assert list((project / "data/part/test/spot").iterdir())


def test_pixels_need_one_and_the_message_says_how_to_get_it(project, tmp_path, capsys):
    made = published.mvtec_loco(tmp_path / "source")
    assert run(["import", str(made.source), "--yes"]) == 1
    assert "let `fix` make it first" in capsys.readouterr().err
    assert [path.name for path in project.iterdir()] == [".dualano"]


def test_what_is_left_out_is_said_with_the_reason(project, tmp_path, capsys):
    made = published.flat(tmp_path / "source")
    (made.source / "masks" / "gt-img_00_final.Png").unlink()
    published.save(made.source / "masks" / "gt-img_01_final.Png", np.full((8, 8), 255, np.uint8))
    (made.source / "images" / "IMG_02.TIF").write_bytes(b"not an image at all, only text" * 9)
    published.mask(made.source / "masks" / "somebody_else.png")
    published.mask(made.source / "masks" / "gt-img_03_final.Png", marked=np.zeros_like(published.truth()))
    published.image(made.source / "images" / "IMG_04.TIF", defect=True)
    published.mask(made.source / "masks" / "gt-img_04_final.png")
    assert bring(made.source) == 0
    out, err = capsys.readouterr()
    for words in ("no mask: IMG_00", "its mask is 8 x 8", "not an image", "somebody_else.png"):
        assert words in out
    assert "left out IMG_03.TIF: its mask marks nothing" in err
    manifest = json.loads((project / "data" / made.category / "import.json").read_text())
    assert [row["image"] for row in manifest["files"] if row["mask"]] == ["test/defect/IMG_04.png"]
    assert len(manifest["left_out"]) == 5


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["absent"], "No such file"),
        ([], "name what to import"),
        (["empty"], "none of the layouts known"),
        (["--images", "empty"], "go together"),
        (["--images", "empty", "--masks", "absent"], "absent is not a folder"),
        (["--images", "empty", "--masks", "empty"], "there is none"),
        (["mvtec", "--category", "nut", "--crop", "x"], "number of pixels"),
        (["mvtec", "--into", "../elsewhere"], "within the project"),
        (["broken.json"], "none of the layouts known"),
        (["broken.json", "--layout", "coco"], "cannot be read"),
        (["evil.xml", "--layout", "cvat"], "document type"),
    ],
)
def test_a_source_that_cannot_be_used_is_refused_in_words(project, tmp_path, monkeypatch, capsys, words, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.json").write_text('{"images": [')
    (tmp_path / "evil.xml").write_text('<!DOCTYPE a [<!ENTITY b "c">]><annotations>&b;</annotations>')
    published.mvtec_ad(tmp_path / "mvtec")
    names = ("absent", "empty", "mvtec", "broken.json", "evil.xml")
    assert bring(*(tmp_path / word if word in names else word for word in words)) == 2
    assert message in capsys.readouterr().err
    assert list(project.iterdir()) == []


def test_nothing_that_is_there_is_overwritten(project, tmp_path, capsys):
    made = published.mvtec_ad(tmp_path / "source")
    (project / "data" / "bottle").mkdir(parents=True)
    assert bring(made.source) == 2
    assert "nothing is overwritten" in capsys.readouterr().err
    assert bring(made.source, "--into", "mine") == 0
    assert 'data = "mine"' in (project / "dualano.toml").read_text()


def test_a_source_in_the_projects_own_data_folder_stays_what_it_is(project):
    made = published.visa(project / "data")
    before = snapshot(project / "data")
    assert bring("data") == 0
    assert (project / "imported" / made.category / "test" / made.anomaly).is_dir()
    assert snapshot(project / "data") == before


def test_category_and_anomaly_choose_among_several_and_name_a_single_one(project, tmp_path, capsys):
    made = published.mvtec_ad(tmp_path / "source")
    published.mpdd(tmp_path / "source")
    assert bring(made.source, "--category", "bracket") == 2
    assert "there are bottle, bracket_black" in capsys.readouterr().err
    assert bring(made.source, "--category", "bracket_black", "--anomaly", "scratch") == 0
    assert [path.name for path in (project / "data").iterdir()] == ["bracket_black"]
    assert sorted(path.name for path in (project / "data/bracket_black/test").iterdir()) == ["good", "scratch"]
    text = (project / "dualano.toml").read_text()
    assert text == 'data = "data"\ncategory = "bracket_black"\nanomaly = "scratch"\n'


def test_unicode_forms_and_equal_stems_do_not_matter(project, tmp_path):
    source = tmp_path / "source"
    names = ["Stück", "naïve", "café"]
    for name in names:
        published.image(source / "images" / f"{unicodedata.normalize('NFD', name)}.png", defect=True)
        published.mask(source / "masks" / f"{unicodedata.normalize('NFC', name)}_mask.png")
    published.image(source / "ok" / "one" / "a.png")
    published.image(source / "ok" / "two" / "a.PNG")
    assert bring(source, "--category", "part") == 0
    images = sorted(path.name for path in (project / "data/part/test/defect").iterdir())
    assert images == sorted(f"{name}.png" for name in names)
    good = list((project / "data/part").glob("*/good/*"))
    assert len({path.stem for path in good}) == 2


def test_copies_instead_of_links(project, tmp_path):
    made = published.mvtec_ad(tmp_path / "source")
    assert bring(made.source, "--copy") == 0
    assert not any(path.is_symlink() for path in (project / "data").rglob("*"))


def test_several_masks_of_an_image_are_joined(project, tmp_path):
    source = tmp_path / "source"
    made = published.mvtec_ad(source)
    folder = source / "bottle/ground_truth/broken"
    for path in list(folder.iterdir()):
        path.unlink()
    half = published.truth() & (np.arange(published.WIDTH) < 15)
    for index in range(DEFECTS):
        published.mask(folder / f"{index:03d}_mask1.png", marked=half)
        published.mask(folder / f"{index:03d}_mask2.png", marked=published.truth() & ~half)
    assert bring(made.source) == 0
    joined = np.asarray(Image.open(project / "data/bottle/ground_truth/broken/002_mask.png"))
    assert (joined > 0).tolist() == published.truth().tolist()


def test_large_photographs_are_cut_to_squares_around_their_defects(project, tmp_path, capsys):
    rng = np.random.default_rng(0)
    for number in range(3):
        pixels = rng.integers(100, 140, (600, 800, 3), dtype=np.uint8)
        published.save(tmp_path / "ok" / f"{number}.jpg", pixels)
        x, y = 60 + 250 * number, 90 + 180 * number
        pixels[y : y + 12, x : x + 12] = 20
        published.save(tmp_path / "bad" / f"{number}.jpg", pixels)
        published.save(tmp_path / "gt" / f"{number}.png", ((pixels < 60).all(axis=-1) * 255).astype(np.uint8))
    words = ["--good", tmp_path / "ok", "--images", tmp_path / "bad", "--masks", tmp_path / "gt"]
    assert bring(*words, "--category", "part", "--anomaly", "spot", "--crop", "64") == 0
    assert "part/test/spot: 3 images, of which 1 train" in capsys.readouterr().out
    data = TrainingSet(project / "data/part/test/spot", condition_dir=None, resolution=64, variant="dual")
    assert data.items[0].size == (64, 64)
    manifest = json.loads((project / "data/part/import.json").read_text())
    for one in manifest["files"]:
        whole = np.asarray(Image.open(one["from"]).convert("RGB"))
        left, top, right, bottom = one["box"]
        cut = np.asarray(Image.open(project / "data/part" / one["image"]))
        assert (cut == whole[top:bottom, left:right]).all()


def accepted_pair(folder: Path) -> Path:
    """A folder as `generate` leaves it, with one accepted pair: weights of two steps would give none."""
    for part in ("image", "fg", "mask"):
        published.save(folder / part / "00000.png", published.truth().astype(np.uint8) * 255)
    Manifest(folder).add([Record(0, "00000.png", 0, "whole", "part", "ab" * 32, None, 0.05, 0.9, None)])
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", ["visa", "labelme"])
def test_an_import_trains_two_steps_and_its_pairs_are_exported(name, project, tmp_path):
    from tests.trainer.runs import miniature
    from trainer.__main__ import main as train
    from trainer.export.__main__ import main as export

    made = ALL[name](tmp_path / "source")
    assert bring(made.source) == 0
    root = project / "data"
    model = ["--pretrained_model_name_or_path", str(miniature() / "model")]
    size = ["--resolution", "64"]
    images = root / made.category / "test" / made.anomaly
    line = ["--instance_data_dir", str(images), "--output_dir", "out", "--variant", "dual", "--rank", "2", *size]
    assert train([*model, *line, "--max_train_steps", "2", "--report_to", "none", "--seed", "1"]) == 0
    pairs = accepted_pair(Path("pairs"))
    where = ["--dataset", str(root), "--category", made.category, "--anomaly", made.anomaly, "--output", "exported"]
    state = next(Path("out").glob("**/trainer_state.json"))
    assert export(["--generated", str(pairs), *where, "--format", "mvtec", "--trained_on", str(state)]) == 0
    record = json.loads(Path("exported/export.json").read_text())["anomalies"][0]
    assert len(record["trained_on"]) == 2
    assert set(record["trained_on"]).isdisjoint(record["tested_on"])
    assert len(record["tested_on"]) == DEFECTS - 2
