"""A checkout on disk of our own invention, with the places that the patches look for.

The authors gave no licence, so none of their sources are here: these files only hold the expressions that the patches
name, between lines that do nothing. `tests/patching` proves the reading of the real ones, where `DUALANO_UPSTREAM`
names a clone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from dualano_setup.patching import load_patches, plan
from dualano_setup.system.bundle import bundle_root

BCM, DUAL = "bcm-dual-interrelated_diff", "dual-interrelated_diff"
TRAINER = f"{BCM}/train_dreambooth_lora_single_background.py"
SAMPLER = f"{BCM}/inference_test_tempt.py"
RUNNER = f"{BCM}/run_mvtec_split_background_control_scale.py"
PIPELINE = "diffusers/pipelines/stable_diffusion/pipeline_stable_diffusion.py"
ATTENTION = "diffusers/models/attention_processor.py"

_DATASET = """\
import os


class DreamBoothDataset:
    def __init__(self, root):
        {init}

    def __getitem__(self, index):
        shown = self.files[index]
{item}

"""
_MAIN = """\
def main(unet, accelerator, batch, unet_lora_attn_procs, weight_dtype):
    unet.set_attn_processor(unet_lora_attn_procs)

    def load_model_hook(folder):
        return DiffusionPipeline.from_pretrained(folder, torch_dtype=weight_dtype)

    model_pred = unet(batch).sample
    return model_pred, load_model_hook
"""
_BCM_ITEM = """\
        mvtec_name, _, anomaly_name, file_name = str(shown).split('/')[-4:]
        defect = shown.replace('test', 'ground_truth').replace('.png', '_mask.png')
        thing = os.path.join('/path/to/condition_dir/' + mvtec_name + '/' + anomaly_name, file_name)
        return defect, thing"""
_DUAL_ITEM = """\
        return shown.replace('test', 'ground_truth').replace('.png', '_mask.png')"""
_SAMPLER = """\
import os
import sys

sys.path.append('/path/to/code')
device = 'cuda'
condition_dir = ''
pipe = DiffusionPipeline.from_pretrained('/path/to/model', safety_checker=None).to('cuda')
noise_scheduler = DDPMScheduler.from_pretrained('/path/to/model', subfolder='scheduler')


def getcondition(mvtec_name, file_name):
    shown = os.path.join('/path/to/mvtec', mvtec_name, 'train', 'good', file_name)
    return vae.encode(to_tensor(shown).to(dtype=torch.float32).to('cuda'))


change = transforms.Resize(512, antialias=True)
n = len(os.listdir(condition_dir))
n = n // 3
"""
_RUNNER = """\
import os

name = 'widget'
cuda_id = 4
bash_script_template = '''
export MODEL_NAME=/path/to/model
{instance}cd /path/to/code
'''
bash_generate_data_template = '''
cd /path/to/code
'''
{before}for anomaly in os.listdir(os.path.join('/path/to/mvtec', name, 'test')):
    anomalies.append(anomaly)
for anomaly in anomalies:
    bash_file_path = 'train_shells/' + anomaly + '.sh'
    with open(bash_file_path, 'a') as file:
        file.write(bash_script_template)
"""
_DUAL_SAMPLER = """\
  import os
import sys

sys.path.append('/path/to/code')
pipe = DiffusionPipeline.from_pretrained('/path/to/model', safety_checker=None).to('cuda')
pipe.load_lora_weights(weights + '/checkpoint-5000')
"""
_ATTENTION = """\
class LoRAAttnProcessor2_0:
    def __call__(self, attn, hidden_states):
        x = hidden_states.half()
        return attn(x)
"""
_OWN_DIFFUSERS = '__version__ = "0.18.1"\n'

SOURCES: Mapping[str, str] = {
    TRAINER: _DATASET.format(init="self.files = sorted(os.listdir(root))", item=_BCM_ITEM) + _MAIN,
    SAMPLER: _SAMPLER,
    RUNNER: _RUNNER.format(instance="export INSTANCE_DIR=/path/to/mvtec/widget\n", before=""),
    f"{BCM}/{PIPELINE}": "import ipdb\n\nSTEPS = 50\n",
    f"{BCM}/{ATTENTION}": _ATTENTION,
    f"{BCM}/diffusers/__init__.py": _OWN_DIFFUSERS,
    f"{DUAL}/train_dreambooth_lora.py": _DATASET.format(
        init="self.instance_data_root = '/path/to/mvtec'", item=_DUAL_ITEM
    )
    + _MAIN,
    f"{DUAL}/inference_mvtec_split.py": _DUAL_SAMPLER,
    f"{DUAL}/run_mvtec_split.py": _RUNNER.format(instance="", before="anomalies = []\n"),
    f"{DUAL}/train.sh": "export MODEL_NAME=/path/to/model\nCUDA_VISIBLE_DEVICES={id} python train_dreambooth_lora.py\n",
    f"{DUAL}/{PIPELINE}": "STEPS = 50\n",
    f"{DUAL}/{ATTENTION}": _ATTENTION,
    f"{DUAL}/diffusers/__init__.py": _OWN_DIFFUSERS,
}


def lay_checkout(folder: Path, parameters: Mapping[str, str], without: Collection[str] = ()) -> None:
    """The sources with every default patch applied but those `without`."""
    for name, text in SOURCES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    patches = tuple(p for p in load_patches(bundle_root() / "patches") if p.default)
    assert set(without) <= {patch.id for patch in patches}
    for edit in plan(folder, tuple(p for p in patches if p.id not in without), parameters):
        edit.path.write_bytes(edit.after)
