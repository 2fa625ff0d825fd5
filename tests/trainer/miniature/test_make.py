"""The miniature model and data set: loads, trains on, repeats, and overwrites nothing."""

import hashlib

import numpy as np
import pytest
from PIL import Image

from trainer.data.dataset import TrainingSet
from trainer.data.split import make_split
from trainer.miniature.__main__ import main
from trainer.miniature.data import CATEGORY, DEFECTS


def make(folder, *extra):
    folder.mkdir(exist_ok=True)
    places = {name: folder / name for name in ("model", "data", "foreground")}
    flags = [part for name, path in places.items() for part in (f"--{name}", str(path))]
    return main([*flags, *extra]), places


@pytest.fixture(scope="module")
def miniature(tmp_path_factory):
    status, places = make(tmp_path_factory.mktemp("miniature"))
    assert status == 0
    return places


def digest(folder):
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            total.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return total.hexdigest()


def test_the_pipeline_loads_and_fits_its_image_size(miniature):
    import torch
    from diffusers import StableDiffusionPipeline

    pipeline = StableDiffusionPipeline.from_pretrained(str(miniature["model"]), local_files_only=True)
    assert type(pipeline.scheduler).__name__ == "PNDMScheduler"
    assert pipeline.safety_checker is None
    tokens = pipeline.tokenizer(["a vfx with sks", "sks", ""]).input_ids
    assert [len(row) for row in tokens] == [6, 3, 2]
    text = pipeline.text_encoder(torch.tensor([tokens[0]]))[0]
    with torch.no_grad():
        latents = pipeline.vae.encode(torch.zeros(1, 3, 64, 64)).latent_dist.mean
        assert latents.shape[-1] == pipeline.unet.config.sample_size == 8
        noise = pipeline.unet(torch.randn(latents.shape), 500, encoder_hidden_states=text).sample
        assert 0.05 < noise.std() < 5
        assert pipeline.vae.decode(latents).sample.shape == (1, 3, 64, 64)


def test_text_weights_carry_the_names_that_every_transformers_reads(miniature):
    from safetensors.numpy import load_file

    names = load_file(miniature["model"] / "text_encoder" / "model.safetensors")
    assert all(name.startswith("text_model.") for name in names)
    assert not any("position_ids" in name for name in names)


@pytest.mark.parametrize("defect", sorted(DEFECTS))
def test_the_data_set_trains_and_splits(miniature, defect):
    folder = miniature["data"] / CATEGORY / "test" / defect
    data = TrainingSet(folder, condition_dir=miniature["foreground"], resolution=64, variant="bcm")
    split = make_split(folder, "strict")
    assert data.files == split.train
    assert (len(data), len(split.test)) == (3, 6)
    for index in range(len(data)):
        arrays = data.tensors(index, hflip=False, vflip=False)
        part = (arrays["part"] != 0).any(axis=0).mean()
        assert 0.0005 < part < 0.1
        # The widget has gone from the condition: much darker than the image.
        assert arrays["condition"].mean() < arrays["image"].mean() - 0.2


def test_defects_lie_on_the_widget(miniature):
    for defect in DEFECTS:
        for mask in (miniature["data"] / CATEGORY / "ground_truth" / defect).iterdir():
            name = mask.name.replace("_mask", "")
            widget = np.asarray(Image.open(miniature["foreground"] / CATEGORY / defect / name))
            assert widget[np.asarray(Image.open(mask)) > 0].min() > 60


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(miniature, tmp_path):
    _, again = make(tmp_path / "again")
    _, other = make(tmp_path / "other", "--seed", "1")
    for name in ("model", "data", "foreground"):
        assert digest(again[name]) == digest(miniature[name])
        assert digest(other[name]) != digest(miniature[name])


def test_nothing_is_overwritten(tmp_path, capsys):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine.txt").write_text("keep")
    status, _ = make(tmp_path)
    assert status == 1
    assert "mine.txt" in capsys.readouterr().err
    assert (tmp_path / "data" / "mine.txt").read_text() == "keep"
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize("flags", [("--size", "100"), ("--size", "0"), ("--seed", "-1")])
def test_settings_that_do_not_suit_are_refused_before_anything_is_written(tmp_path, capsys, flags):
    assert make(tmp_path, *flags)[0] == 1
    assert flags[0] in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_failure_in_the_middle_leaves_no_half_made_folder(tmp_path, monkeypatch):
    from trainer.miniature import data as miniature_data

    monkeypatch.setitem(miniature_data.DEFECTS, "scratch", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        make(tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_trained_base_shows_drawn_pictures_again_and_its_data_are_of_an_unseen_category(tmp_path):
    torch, diffusers = pytest.importorskip("torch"), pytest.importorskip("diffusers")
    from trainer.miniature.world.categories import draw_category

    status, places = make(tmp_path / "trained", "--trained", "bottle")
    assert status == 0
    drawn = draw_category("bottle", "hole", 0, 0).image
    assert np.array_equal(np.asarray(Image.open(places["data"] / "bottle" / "test" / "hole" / "000.png")), drawn)
    pipeline = diffusers.StableDiffusionPipeline.from_pretrained(places["model"], local_files_only=True)
    x = torch.from_numpy(drawn).permute(2, 0, 1)[None].float().div(127.5).sub(1)
    with torch.no_grad():
        latents = pipeline.vae.encode(x).latent_dist.mode()
        again = pipeline.vae.decode(latents).sample
    assert float((again - x).abs().mean()) < 0.06
    assert 0.5 < float(latents.std()) * pipeline.vae.config.scaling_factor < 2
