"""Weights trained here in the authors' pipeline, and theirs in ours: one forward pass, float32.

DUALANO_UPSTREAM=/path/to/clone DUALANO_UPSTREAM_PYTHON=/their/stack/bin/python pytest tests/trainer/upstream/test_weights.py
"""  # noqa: E501

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import torch

from tests.places import ORACLE
from tests.trainer.oracle.oracle import needs_oracle
from trainer.__main__ import main
from trainer.base_model.loading import ModelLoader
from trainer.method.objective import load_noise_schedule
from trainer.method.text import TextEncoder, encode_prompts
from trainer.method.unet import DualUNet
from trainer.optim.flat_parameters import AdapterParameters
from trainer.weights.adapter_file import read_weights

CLONE, PYTHON = os.environ.get("DUALANO_UPSTREAM", ""), os.environ.get("DUALANO_UPSTREAM_PYTHON", "")
TREES = {"bcm": "bcm-dual-interrelated_diff", "dual": "dual-interrelated_diff"}
STORED = {"bcm": "bcm_3_steps", "dual": "dual_2_steps"}
CPU = torch.device("cpu")
pytestmark = [
    pytest.mark.upstream,
    pytest.mark.skipif(not (CLONE and PYTHON), reason="DUALANO_UPSTREAM and DUALANO_UPSTREAM_PYTHON are not set"),
    needs_oracle,
]


def theirs(variant, weights, out):
    script = Path(__file__).with_name("forward.py")
    command = [PYTHON, str(script), variant, str(Path(CLONE, TREES[variant])), str(weights), str(ORACLE / "model"), out]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return torch.load(out, weights_only=True)


def ours(weights, saved):
    found, loader = read_weights(weights), ModelLoader(str(ORACLE / "model"), None)
    model = DualUNet(loader.unet().eval(), variant=found.variant, rank=found.rank)
    encoder = TextEncoder(loader.text_encoder(), rank=found.rank)
    AdapterParameters({**model.adapters, **encoder.adapters}, found.tensors, device=CPU, dtype=torch.float32)
    text = encode_prompts(encoder, loader.tokenizer(), ["a vfx with sks", "sks"])
    times = torch.tensor([321, 321])
    condition = load_noise_schedule(loader.scheduler(), CPU).add_noise(saved["condition"], saved["noise"], times)
    rows = saved["sample"].unflatten(0, (2, 2))
    with torch.no_grad():
        result = model(rows, times, text.expand(2, -1, -1, -1), condition if found.variant == "bcm" else None)
    return text, result.flatten(0, 1)


@pytest.mark.parametrize("whose", ["trained here", "trained by the authors' script"])
@pytest.mark.parametrize("variant", ["bcm", "dual"])
def test_one_forward_pass(variant, whose, tmp_path):
    torch.set_num_threads(1)
    weights = ORACLE / "upstream_checkpoints" / STORED[variant]
    if whose == "trained here":
        weights = tmp_path / "weights"
        images = sorted(path for path in (ORACLE / "mvtec").glob("*/test/*") if path.name != "good")[0]
        flags = {
            "pretrained_model_name_or_path": ORACLE / "model", "instance_data_dir": images, "variant": variant,
            "condition_dir": ORACLE / "foreground", "output_dir": weights, "resolution": 128, "rank": 4,
            "max_train_steps": 3, "learning_rate": 1e-2, "output_format": "bin", "report_to": "none",
        }  # fmt: skip
        line = [text for name, value in flags.items() for text in (f"--{name}", str(value))]
        assert main([*line, "--train_text_encoder"]) == 0
    saved = theirs(variant, weights, tmp_path / "forward.pt")
    text, prediction = ours(weights, saved)
    torch.testing.assert_close(text, saved["text"], atol=5e-6, rtol=0)
    torch.testing.assert_close(prediction, saved["prediction"], atol=2e-5, rtol=0)
