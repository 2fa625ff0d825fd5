"""The packed base model: one file of half-precision numbers, and the diffusers folder that it becomes."""

import numpy as np
import pytest

from trainer.miniature.base import BASE_WORDS, PARTS, pack, unpack, write_base_model, write_base_tokenizer

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    from tools.miniature_base.networks import make_networks, write_packed

    torch.manual_seed(0)
    networks = make_networks(torch.device("cpu"))
    path = tmp_path_factory.mktemp("base") / "base.safetensors"
    write_packed(networks, path, 0.5, unet="1.0 2")
    return networks, path


def test_halves_come_back_as_they_went_in(tmp_path):
    values = {"a.weight": np.arange(6, dtype=np.float32).reshape(2, 3)}
    pack(dict.fromkeys(PARTS, values), tmp_path / "x.safetensors", {"scaling_factor": "0.25"})
    parts, metadata = unpack(tmp_path / "x.safetensors")
    assert set(parts) == set(PARTS)
    assert metadata["scaling_factor"] == "0.25"
    assert all(np.array_equal(tensors["a.weight"], values["a.weight"]) for tensors in parts.values())


def test_all_three_parts_fit_into_twelve_megabytes(packed):
    assert packed[1].stat().st_size < 12_000_000


def test_the_folder_loads_and_computes_what_the_networks_do(packed, tmp_path):
    from diffusers import StableDiffusionPipeline

    networks, path = packed
    write_base_model(path, tmp_path)
    pipeline = StableDiffusionPipeline.from_pretrained(str(tmp_path), local_files_only=True)
    assert pipeline.vae.config.scaling_factor == 0.5
    ids = pipeline.tokenizer(["a photo of a ring with a crack"], padding="max_length", return_tensors="pt").input_ids
    x = torch.randn(1, 4, 16, 16)
    with torch.no_grad():
        states = [encoder(ids)[0] for encoder in (pipeline.text_encoder, networks["text_encoder"].eval())]
        noise = [unet(x, 7, s).sample for unet, s in zip((pipeline.unet, networks["unet"]), states, strict=True)]
    torch.testing.assert_close(noise[0], noise[1], rtol=0.02, atol=0.02)


def test_words_of_captions_are_few_tokens(tmp_path):
    from transformers import CLIPTokenizer

    write_base_tokenizer(tmp_path)
    tokenizer = CLIPTokenizer.from_pretrained(tmp_path)
    lengths = [len(tokenizer(word).input_ids) - 2 for word in BASE_WORDS]
    assert max(lengths) <= 3
    assert sum(length == 1 for length in lengths) >= 0.85 * len(lengths)
