"""Times the authors' own scripts, with random weights of Stable Diffusion 1.5's size.

    python -m benchmarks.trainer.upstream prepare FOLDER [--quick]
    dualano-doctor fix --checkout CLONE --model FOLDER/model --data FOLDER/data --foreground FOLDER/masks \\
        --category widget --anomaly scratch
    python -m benchmarks.trainer.upstream train FOLDER CLONE --python ENV/bin/python [--steps 12] [-- FLAGS]
    python -m benchmarks.trainer.upstream sample FOLDER CLONE --python ENV/bin/python [--pairs 3]

`prepare` writes model and data; the clone is repaired (it does not run as published: its folders are placeholders),
then its scripts run as they are, in the environment that is named. `train` ends the trainer after so many timed steps.
`sample` writes adapters of random values into the clone's `all_generate/`, starts the inference script and ends it
after so many timed pairs. One JSON object each on stdout.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import torch

from benchmarks.trainer.pictures import make_pictures
from benchmarks.trainer.random_model import QUICK, RandomModel, Size

PLACE = Path("bcm-dual-interrelated_diff")
SCRIPT, SAMPLER = "train_dreambooth_lora_single_background.py", "inference_test_tempt.py"
PROBE = Path(__file__).with_name("upstream_probe.py")
#: Where jax is installed, the diffusers in the clone would load its Flax models, which fail with today's jax.
ENVIRONMENT = os.environ | {"USE_FLAX": "0"}


def main() -> int:
    """The command line."""
    options = parse_options()
    if options.work == "prepare":
        prepare(options.folder, QUICK if options.quick else Size())
        return 0
    row = time_training(options) if options.work == "train" else time_sampling(options)
    print(json.dumps(row))
    return 0


def parse_options() -> argparse.Namespace:
    """What is to be done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="work", required=True)
    for name in ("prepare", "train", "sample"):
        command = commands.add_parser(name)
        command.add_argument("folder", type=Path)
        if name == "prepare":
            command.add_argument("--quick", action="store_true", help="reduced width, for a CPU")
            continue
        command.add_argument("checkout", type=Path)
        command.add_argument("--python", default=sys.executable, help="of the environment that runs the checkout")
        if name == "train":
            command.add_argument("--steps", type=int, default=12, help="timed steps (12)")
        else:
            command.add_argument("--pairs", type=int, default=3, help="timed pairs (3)")
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    options = parser.parse_args(sys.argv[1:split])
    options.flags = sys.argv[split + 1 :]
    return options


def prepare(folder: Path, size: Size) -> None:
    """Write the model and ten images, of 1024 pixels at full size."""
    from trainer.miniature.model import write_model

    model = folder / "model"
    model.mkdir(parents=True)
    # The miniature gives the tokenizer and the files around the networks.
    write_model(model, size=size.resolution, seed=0)
    random = RandomModel(size, torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    random.unet().save_pretrained(model / "unet")
    random.vae().save_pretrained(model / "vae")
    random.text_encoder().save_pretrained(model / "text_encoder")
    make_pictures(folder, pixels=2 * size.resolution, count=10, good=3)


def time_training(options: argparse.Namespace) -> dict[str, object]:
    """Seconds of the trainer's steps; the first three warm up."""
    images = options.folder.resolve() / "data" / "widget" / "test" / "scratch"
    with tempfile.TemporaryDirectory(prefix="dualano-upstream-") as folder:
        report = Path(folder) / "report.json"
        command = [
            options.python, str(PROBE), str(report), str(options.steps + 3), SCRIPT,
            "--pretrained_model_name_or_path", str(options.folder.resolve() / "model"),
            "--instance_data_dir", str(images), "--output_dir", str(Path(folder) / "out"),
            "--instance_prompt", "a srw", "--train_text_encoder", "--max_train_steps", "5000",
            "--learning_rate", "2e-5", "--lr_scheduler", "constant", "--lr_warmup_steps", "0", *options.flags,
        ]  # fmt: skip
        done = subprocess.run(command, cwd=options.checkout / PLACE, env=ENVIRONMENT, stdout=sys.stderr)
        if not report.exists():
            raise SystemExit(f"the authors' trainer ended with status {done.returncode} before it was timed")
        measured = json.loads(report.read_text())
    seconds = measured["seconds"][3:]
    return {"what": "upstream train", "seconds_per_step": round(median(seconds), 4), **measured}


def time_sampling(options: argparse.Namespace) -> dict[str, object]:
    """Seconds between the files of one pair and the next; the first pair warms up."""
    place = options.checkout.resolve() / PLACE
    write_adapters(options.folder / "model", place / "all_generate" / "widget" / "scratch")
    images = place / "generate_data" / "widget" / "scratch" / "fg"
    done = len(list(images.glob("*.png")))  # it goes on after what is there
    command = [options.python, SAMPLER, "widget", "scratch"]
    process = subprocess.Popen(command, cwd=place, env=ENVIRONMENT, stdout=sys.stderr)
    moments: list[float] = []
    try:
        while len(moments) < options.pairs + 1:
            if (images / f"{done + len(moments)}.png").exists():
                moments.append(time.perf_counter())
            elif process.poll() is not None:
                raise SystemExit(f"the authors' sampler ended with status {process.returncode} before it was timed")
            time.sleep(0.005)
    finally:
        process.kill()
        process.wait()
    seconds = [after - before for before, after in itertools.pairwise(moments)]
    return {"what": "upstream sample", "seconds_per_pair": round(median(seconds), 3), "seconds": seconds}


def write_adapters(model: Path, folder: Path) -> None:
    """Fresh adapters for the model, as the authors' sampler loads them."""
    from diffusers import UNet2DConditionModel
    from transformers import CLIPTextModel

    from trainer.method.adapters import initial_values
    from trainer.method.text import TextEncoder
    from trainer.method.unet import DualUNet
    from trainer.weights.adapter_file import write_weights

    unet = DualUNet(UNet2DConditionModel.from_pretrained(model / "unet"), variant="bcm", rank=32)
    text = TextEncoder(CLIPTextModel.from_pretrained(model / "text_encoder"), rank=32)
    layers = {**unet.adapters, **text.adapters}
    folder.mkdir(parents=True, exist_ok=True)
    write_weights(folder, initial_values({prefix: layer.parts for prefix, layer in layers.items()}, 0), as_bin=True)


if __name__ == "__main__":
    sys.exit(main())
