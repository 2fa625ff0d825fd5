"""Sampling against what upstream's inference script recorded."""

import pytest
import torch
from diffusers import AutoencoderKL, DDPMScheduler
from transformers import CLIPTokenizer

from tests.places import ORACLE
from tests.trainer.oracle.oracle import SCALE, VARIANTS, build, needs_oracle, read
from trainer.data.backgrounds import Backgrounds, background_array, find_backgrounds
from trainer.data.latents import encode
from trainer.method.conditions import OwnConditions
from trainer.method.sampling import Sampler, decode, make_scheduler
from trainer.method.text import encode_prompts

pytestmark = needs_oracle


@pytest.fixture(scope="module", params=VARIANTS)
def run(request):
    """Upstream's run, repeated with its random draws."""
    tensors, facts = read(f"{request.param}_sample")
    model, text, _, schedule = build(request.param, with_text=True)
    config = DDPMScheduler.from_pretrained(ORACLE / "model", subfolder="scheduler").config
    prompts = [facts["prompts"][name] for name in ("negative", "negative", "blend", "fg")]
    tokenizer = CLIPTokenizer.from_pretrained(ORACLE / "model", subfolder="tokenizer")
    states = encode_prompts(text, tokenizer, prompts)
    sampler = Sampler(
        model,
        make_scheduler("pndm", config),
        schedule,
        states.unflatten(0, (2, 2)),
        steps=facts["steps"],
        guidance=facts["guidance_scale"],
    )
    noises = iter(tensors.get(f"in.cond_noise.{call}") for call in range(facts["unet_calls"]))
    conditions = None
    if request.param == "bcm":
        conditions = OwnConditions(tensors["cond_lat"][None], lambda: next(noises)[None])
    steps = list(sampler.steps(tensors["in.latents"][None], conditions))
    return {"tensors": tensors, "facts": facts, "states": states, "steps": steps}


def test_prompt_states(run):
    torch.testing.assert_close(run["states"], run["tensors"]["prompt_embeds"], atol=1e-5, rtol=0)


def test_timesteps_and_every_call(run):
    assert [step.timestep for step in run["steps"]] == run["facts"]["timesteps"]
    for number, step in enumerate(run["steps"]):
        reference = run["tensors"][f"step{number}.unet_out"]
        torch.testing.assert_close(step.prediction.flatten(0, 2), reference, atol=1e-4, rtol=0)
        for name, value in (("guided", step.guided), ("latents", step.latents)):
            torch.testing.assert_close(value[0], run["tensors"][f"step{number}.{name}"], atol=5e-4, rtol=0)


def test_decoded_pictures(run):
    vae = AutoencoderKL.from_pretrained(ORACLE / "model", subfolder="vae")
    pictures = decode(vae, run["steps"][-1].latents, SCALE)
    torch.testing.assert_close(pictures[0], run["tensors"]["decoded"], atol=1e-4, rtol=0)


def test_condition_latents():
    tensors, facts = read("bcm_sample")
    vae = AutoencoderKL.from_pretrained(ORACLE / "model", subfolder="vae")
    category = next((ORACLE / "mvtec").iterdir())
    files = find_backgrounds(ORACLE / "foreground" / category.name / "good", category / "train" / "good")
    assert [file.image.name for file in files] == facts["condition_files_used"]
    assert files[0].image.name == facts["condition_file"]
    side = tensors["vae_in.condition"].shape[-1]
    array = torch.from_numpy(background_array(files[0], side))
    assert torch.equal(array, tensors["vae_in.condition"][0])
    mean, std = encode(vae, array[None])
    torch.testing.assert_close(mean, tensors["vae_mean.condition"], atol=5e-5, rtol=0)
    torch.testing.assert_close(std, tensors["vae_std.condition"], atol=5e-5, rtol=0)
    backgrounds = Backgrounds(files, vae, side=side, per_background=50, device=torch.device("cpu"))
    noise = torch.cat([tensors["in.vae_noise_negative"], tensors["in.vae_noise_condition"]])
    torch.testing.assert_close(backgrounds.latents([0], noise), tensors["cond_lat"], atol=5e-5, rtol=0)
