"""Loads weights with the authors' own code and stack and saves one forward pass: VARIANT TREE WEIGHTS MODEL OUT.

Run by test_upstream_weights.py with another interpreter; nothing of the authors' code is here, it is read at run time.
"""

import os
import sys
import types

import torch

variant, tree, weights, model, out = sys.argv[1:6]
# torchvision's compiled part may not load beside this torch; none of it is needed.
sys.modules["torchvision._meta_registrations"] = types.ModuleType("torchvision._meta_registrations")
sys.path.insert(0, tree)
os.chdir(tree)
torch.set_num_threads(1)
from diffusers import DDPMScheduler, DiffusionPipeline  # noqa: E402 - the vendored one

pipe = DiffusionPipeline.from_pretrained(model, safety_checker=None)
if variant == "bcm":
    script = open("inference_test_tempt.py").read()  # noqa: SIM115, PTH123
    names = {"__name__": "wrapper"}
    exec(compile(script[: script.index("sys.path.append(")], "wrapper", "exec"), names)  # imports and classes only
    schedule = DDPMScheduler.from_pretrained(model, subfolder="scheduler")
    pipe.unet = names["RefOnlyNoisedUNet"](pipe.unet, schedule, schedule)
pipe.load_lora_weights(weights)
generator = torch.Generator().manual_seed(3)
sample = torch.randn(4, 4, 16, 16, generator=generator)
condition = torch.randn(2, 4, 16, 16, generator=generator)
prompts = ["a vfx with sks", "sks"]
tokens = pipe.tokenizer(prompts, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids
with torch.no_grad():
    text = pipe.text_encoder(tokens)[0]
    more = {"cross_attention_kwargs": {"cond_lat": condition}} if variant == "bcm" else {}
    torch.manual_seed(11)
    noise = torch.randn_like(condition)  # what the wrapper draws next
    torch.manual_seed(11)
    result = pipe.unet(sample, torch.tensor(321), encoder_hidden_states=text.repeat(2, 1, 1), **more)
prediction = result[0] if isinstance(result, tuple) else result.sample
torch.save({"sample": sample, "text": text, "condition": condition, "noise": noise, "prediction": prediction}, out)
