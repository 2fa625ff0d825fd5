"""Generating pairs: the same pair whatever the batch, resumable, and honest about what is no use."""

import json
import shutil

import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler, PNDMScheduler
from PIL import Image

from tests.miniature import miniature
from tests.trainer import runs
from trainer.generate import run as generation
from trainer.generate.__main__ import main
from trainer.generate.manifest import Manifest
from trainer.method.objective import NoiseSchedule
from trainer.method.sampling import Sampler, first_timestep, make_scheduler
from trainer.run_folder.folder import claimed

FAST = ("--num_inference_steps", "2", "--seed", "3")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Weights after one step, with and without background module."""
    folder = tmp_path_factory.mktemp("weights")
    for variant in ("bcm", "dual"):
        extra = ("--max_train_steps", "1", "--train_batch_size", "1", "--train_text_encoder")
        assert runs.train(folder / variant, *extra, variant=variant) == 0
    return folder


def arguments(weights, output, *extra, variant="bcm"):
    root = miniature()
    conditions = []
    if variant == "bcm":
        category = next((root / "data").iterdir())
        conditions = ["--condition_dir", str(root / "foreground" / category.name / "good")]
        conditions += ["--good_dir", str(category / "train" / "good")]
    return [
        "--pretrained_model_name_or_path", str(root / "model"), "--weights", str(weights / variant),
        "--output_dir", str(output), *conditions, *FAST, *extra,
    ]  # fmt: skip


def run(weights, output, *extra, variant="bcm"):
    """The exit status, 0 as well where all pairs were made and none accepted: random weights paint noise."""
    torch.set_num_threads(1)
    status = main(arguments(weights, output, *extra, variant=variant))
    finished = status == 1 and (output / "manifest.jsonl").is_file() and _all_made_none_usable(output, extra)
    return 0 if finished else status


def _all_made_none_usable(output, extra):
    wanted = int(extra[list(extra).index("--num_images") + 1])
    manifest = Manifest(output)
    return len(manifest.records) >= wanted and not manifest.accepted()


def pictures(output):
    """All image and part files, wherever they lie, by kind and name."""
    files = [path for kind in ("image", "fg") for path in output.rglob(f"{kind}/*.png")]
    return {(path.parent.name, path.name): np.asarray(Image.open(path)).astype(int) for path in files}


def largest_difference(first, second):
    assert set(first) == set(second)
    return max(np.abs(first[name] - second[name]).max() for name in first)


@pytest.mark.parametrize("variant", ["bcm", "dual"])
def test_a_pair_does_not_depend_on_the_batch_or_on_an_interruption(weights, tmp_path, variant):
    assert run(weights, tmp_path / "once", "--num_images", "5", "--batch_size", "5", variant=variant) == 0
    assert run(weights, tmp_path / "twice", "--num_images", "2", "--batch_size", "1", variant=variant) == 0
    assert run(weights, tmp_path / "twice", "--num_images", "5", "--batch_size", "2", variant=variant) == 0
    once, twice = pictures(tmp_path / "once"), pictures(tmp_path / "twice")
    assert len(once) == 10
    assert once["image", "00000.png"].shape == (64, 64, 3)
    # A batch of another size may round differently in the last bit, no more.
    assert largest_difference(once, twice) <= 1
    other = {name: array for name, array in once.items() if name[1] == "00001.png"}
    for (kind, _), array in other.items():
        assert np.abs(array - once[kind, "00000.png"]).max() > 5


def test_a_kill_in_the_middle_loses_nothing_and_repeats_nothing(weights, tmp_path, monkeypatch, capsys):
    class Killed(BaseException):
        pass

    write, calls = generation.write_pair, []

    def dies(*values):
        calls.append(values)
        if len(calls) == 4:
            raise Killed
        return write(*values)

    monkeypatch.setattr(generation, "write_pair", dies)
    with pytest.raises(Killed):
        run(weights, tmp_path / "cut", "--num_images", "4", "--batch_size", "2")
    monkeypatch.setattr(generation, "write_pair", write)
    manifest = tmp_path / "cut" / "manifest.jsonl"
    with manifest.open("a") as stream:
        stream.write('{"index": 9, "fi')
    capsys.readouterr()
    assert run(weights, tmp_path / "cut", "--num_images", "4", "--batch_size", "2") == 0
    assert "2 of 4 pairs are there already" in capsys.readouterr().out
    assert [json.loads(line)["index"] for line in manifest.read_text().splitlines()] == [0, 1, 2, 3]
    assert len(pictures(tmp_path / "cut")) == 8


def test_a_lost_file_is_made_again(weights, tmp_path):
    run(weights, tmp_path / "o", "--num_images", "2")
    before = pictures(tmp_path / "o")
    next(tmp_path.rglob("image/00001.png")).unlink()
    for mask in tmp_path.rglob("mask/*.png"):
        mask.unlink()
    assert run(weights, tmp_path / "o", "--num_images", "2") == 0
    assert largest_difference(before, pictures(tmp_path / "o")) <= 1
    manifest = Manifest(tmp_path / "o")
    assert sorted(manifest.records) == [0, 1]
    assert all((tmp_path / "o" / "mask" / record.file).is_file() for record in manifest.accepted())


def test_the_manifest_tells_where_each_pair_comes_from(weights, tmp_path):
    run(weights, tmp_path / "o", "--num_images", "3", "--images_per_background", "2")
    records = Manifest(tmp_path / "o").records
    assert [records[index].background for index in range(3)] == ["000.png", "000.png", "001.png"]
    for record in records.values():
        assert (record.seed, record.prompt, record.prompt_fg) == (3, "a vfx with sks", "sks")
        assert len(record.weights) == 64
        place = tmp_path / "o" / ("rejected" if record.rejected else "")
        assert (place / "image" / record.file).is_file()
        assert (place / "fg" / record.file).is_file()
        assert (tmp_path / "o" / "mask" / record.file).is_file() == (record.rejected is None)
        assert (record.quality is None) == (record.rejected is not None)


def test_a_pair_is_the_same_in_every_size_of_batch(weights, tmp_path, capsys):
    assert run(weights, tmp_path / "a", "--num_images", "3", "--batch_size", "2", "--compile") == 0
    assert "--compile has no effect here" in capsys.readouterr().err
    assert run(weights, tmp_path / "b", "--num_images", "3", "--batch_size", "3") == 0
    assert largest_difference(pictures(tmp_path / "a"), pictures(tmp_path / "b")) <= 1


@pytest.mark.parametrize("below", ["", "{category}"])
def test_the_condition_folder_of_training_serves_here_too(weights, tmp_path, below):
    root = miniature()
    category = next((root / "data").iterdir()).name
    folder = root / "foreground" / below.format(category=category)
    assert run(weights, tmp_path / "o", "--num_images", "1", "--condition_dir", str(folder)) == 0
    assert Manifest(tmp_path / "o").records[0].background == "000.png"


def test_without_masks_nothing_is_judged(weights, tmp_path):
    assert run(weights, tmp_path / "o", "--num_images", "1", "--no_masks", variant="dual") == 0
    record = Manifest(tmp_path / "o").records[0]
    assert (record.mask_area, record.quality, record.rejected) == (None, None, None)
    assert (tmp_path / "o" / "image" / "00000.png").is_file()


def test_another_run_is_not_mixed_in(weights, tmp_path, capsys):
    run(weights, tmp_path / "o", "--num_images", "1")
    before = (tmp_path / "o" / "manifest.jsonl").read_bytes()
    assert run(weights, tmp_path / "o", "--num_images", "2", "--seed", "4") == 1
    assert "seed: 3 before, 4 now" in capsys.readouterr().err
    assert (tmp_path / "o" / "manifest.jsonl").read_bytes() == before


def test_the_fast_sampler_and_no_guidance_run(weights, tmp_path):
    assert run(weights, tmp_path / "a", "--num_images", "1", "--no_masks", "--scheduler", "dpm++") == 0
    assert run(weights, tmp_path / "b", "--num_images", "1", "--no_masks", "--guidance_scale", "1") == 0
    assert run(weights, tmp_path / "c", "--num_images", "1", "--no_masks", "--mixed_precision", "bf16") == 0
    a, b, c = (pictures(tmp_path / name) for name in "abc")
    assert largest_difference(a, b) > 2
    assert run(weights, tmp_path / "d", "--num_images", "1", "--no_masks", "--fast", "--num_inference_steps", "4") == 0
    noted = json.loads((tmp_path / "d" / "generation.json").read_text())
    assert (noted["scheduler"], noted["num_inference_steps"], noted["fast"]["layers"] > 0) == ("dpm++", 4, True)
    same = ("--num_images", "1", "--no_masks", "--scheduler", "dpm++", "--num_inference_steps", "4")
    assert run(weights, tmp_path / "d", *same) == 1
    assert np.abs(a["image", "00000.png"] - c["image", "00000.png"]).max() > 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (("--weights", "nowhere"), "No weights"),
        (("--fast", "--faithful"), "give one of them"),
        (("--fast", "--scheduler", "pndm"), "leave --scheduler out"),
        (("--condition_dir", "nowhere"), "nowhere"),
        (("--good_dir", "nowhere"), "--good_dir"),
        (("--resolution", "100"), "multiple of 64"),
        (("--device", "cuda:77"), "--device"),
        (("--device", "meta"), "--device"),
        (("--num_inference_steps", "1000"), "at most 999"),
        (("--num_inference_steps", "1001", "--scheduler", "dpm++"), "at most 1000"),
        (("--pretrained_model_name_or_path", "./nowhere"), "nowhere"),
    ],
)
def test_what_cannot_be_used_is_one_message(weights, tmp_path, capsys, changes, words):
    assert run(weights, tmp_path / "o", "--num_images", "1", *changes) == 1
    assert words in capsys.readouterr().err


def test_flags_that_do_not_suit_the_weights(weights, tmp_path, capsys):
    foreground = str(miniature() / "foreground")
    dual = ("--num_images", "1", "--num_inference_steps", "2", "--condition_dir", foreground)
    assert run(weights, tmp_path / "dual", *dual, variant="dual") == 0
    assert "no background module" in capsys.readouterr().err
    plain = [part for part in arguments(weights, tmp_path / "o") if part != "--condition_dir"]
    good = plain.index("--good_dir")
    assert main(plain[: good - 1] + plain[good + 2 :]) == 1
    assert "--condition_dir" in capsys.readouterr().err


def test_several_processes_are_refused(weights, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert run(weights, tmp_path / "o") == 1
    assert "one process" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flag", "value", "words"),
    [
        ("--guidance_scale", "nan", "finite"),
        ("--guidance_scale", "inf", "finite"),
        ("--guidance_scale", "-1", "-1"),
        ("--num_inference_steps", "0", "not above 0"),
        ("--scheduler", "euler", "invalid choice"),
    ],
)
def test_values_that_are_none_end_with_status_2(weights, tmp_path, capsys, flag, value, words):
    with pytest.raises(SystemExit) as ended:
        run(weights, tmp_path / "o", flag, value)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


def test_a_folder_belongs_to_one_run_at_a_time(weights, tmp_path, capsys):
    with claimed(tmp_path / "o"):
        assert run(weights, tmp_path / "o", "--num_images", "1") == 1
    assert "Another run" in capsys.readouterr().err
    assert not (tmp_path / "o" / "manifest.jsonl").exists()


def test_a_model_may_be_named_from_anywhere(weights, tmp_path, monkeypatch):
    few = ("--num_inference_steps", "2")
    assert run(weights, tmp_path / "o", "--num_images", "1", *few) == 0
    monkeypatch.chdir(miniature())
    again = ("--num_images", "2", "--pretrained_model_name_or_path", "model", *few)
    assert run(weights, tmp_path / "o", *again) == 0


def test_what_a_network_gives_may_be_overwritten_by_its_next_call():
    def sample(network):
        ddpm = DDPMScheduler(beta_schedule="scaled_linear", num_train_timesteps=1000)
        schedule = NoiseSchedule(ddpm.alphas_cumprod)
        text = torch.zeros(2, 2, 4, 8)
        sampler = Sampler(network, make_scheduler("pndm", ddpm.config), schedule, text, steps=6, guidance=1.0)
        start = torch.randn(1, 2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
        return sampler.sample(start, None)

    place = torch.empty(1, 2, 4, 8, 8)

    def network(latents, timesteps, text, *_conditions):
        return 0.3 * latents + 0.1 * timesteps.view(-1, 1, 1, 1, 1) / 1000

    def replayed(*inputs):
        return place.copy_(network(*inputs))

    assert torch.equal(sample(replayed), sample(network))


def test_pairs_on_one_background_share_its_noise_and_depend_on_no_batch(weights, tmp_path):
    """Three backgrounds in one batch, in batches of two that cross them, and one by one."""
    several = ("--num_images", "5", "--images_per_background", "2", "--no_masks")
    for size in ("5", "2", "1"):
        assert run(weights, tmp_path / size, *several, "--batch_size", size) == 0
    together = pictures(tmp_path / "5")
    assert len(together) == 10
    assert largest_difference(together, pictures(tmp_path / "2")) <= 1
    assert largest_difference(together, pictures(tmp_path / "1")) <= 1
    assert json.loads((tmp_path / "5" / "generation.json").read_text())["conditions"] == "shared"


def test_faithful_draws_each_condition_anew_and_a_folder_goes_on_as_it_began(weights, tmp_path):
    one, two = (("--num_images", number, "--no_masks") for number in ("1", "2"))
    assert run(weights, tmp_path / "own", *one, "--faithful") == 0
    assert run(weights, tmp_path / "shared", *two) == 0
    noted = (tmp_path / "own" / "generation.json").read_text()
    assert "conditions" not in json.loads(noted)
    assert run(weights, tmp_path / "own", *two) == 0
    assert (tmp_path / "own" / "generation.json").read_text() == noted
    assert run(weights, tmp_path / "faithful", *two, "--faithful") == 0
    assert largest_difference(pictures(tmp_path / "own"), pictures(tmp_path / "faithful")) == 0
    assert largest_difference(pictures(tmp_path / "own"), pictures(tmp_path / "shared")) >= 1


@pytest.mark.parametrize(("scheduler", "first"), [("pndm", 951), ("dpm++", 999)])
def test_a_folder_that_diffusers_saved_again_gives_the_same_pairs(weights, tmp_path, scheduler, first):
    made = {}
    for saved in (False, True):
        model = tmp_path / f"model-{saved}"
        shutil.copytree(runs.miniature() / "model", model)
        file = model / "scheduler" / "scheduler_config.json"
        config = json.loads(file.read_text()) | {"_class_name": "PNDMScheduler", "skip_prk_steps": True}
        config.pop("timestep_spacing", None)
        file.write_text(json.dumps(config))
        if saved:
            PNDMScheduler.from_pretrained(model / "scheduler").save_pretrained(model / "scheduler")
            assert json.loads(file.read_text())["timestep_spacing"] == "leading"
        ddpm = DDPMScheduler.from_pretrained(model / "scheduler")
        sampler = make_scheduler(scheduler, ddpm.config)
        sampler.set_timesteps(20)
        assert int(sampler.timesteps[0]) == first == first_timestep(scheduler, 20)
        output = tmp_path / f"pairs-{saved}"
        extra = ("--num_images", "1", "--scheduler", scheduler, "--pretrained_model_name_or_path", str(model))
        assert run(weights, output, *extra, variant="dual") == 0
        made[saved] = pictures(output)
    assert made[False]
    assert largest_difference(made[False], made[True]) == 0


@pytest.mark.parametrize("steps", [50, 334, 501, 600, 999])
def test_the_first_timestep_is_the_one_that_diffusers_takes(steps):
    config = {"beta_schedule": "scaled_linear", "num_train_timesteps": 1000, "steps_offset": 1}
    for name in ("pndm", "dpm++"):
        sampler = make_scheduler(name, config)
        sampler.set_timesteps(steps)
        assert int(sampler.timesteps[0]) == first_timestep(name, steps)


def test_all_of_a_thousand_steps_of_dpm_are_steps():
    sampler = make_scheduler("dpm++", {"num_train_timesteps": 1000, "steps_offset": 1, "timestep_spacing": "leading"})
    sampler.set_timesteps(1000)
    assert len(set(sampler.timesteps.tolist())) > 990


@pytest.mark.parametrize(("steps", "warned"), [("600", True), ("334", True), ("500", False), ("100", False)])
def test_steps_that_start_in_the_middle_of_the_noise_are_told(weights, tmp_path, monkeypatch, capsys, steps, warned):
    monkeypatch.setattr(generation, "make_pairs", lambda *_: None)
    assert run(weights, tmp_path / "out", "--num_images", "1", "--num_inference_steps", steps) == 0
    assert ("in the middle of the noise" in capsys.readouterr().err) == warned
