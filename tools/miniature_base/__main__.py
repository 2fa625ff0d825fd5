"""The pieces in their order; see the package."""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmarks.quality.judge import Judge, load_judge, save_judge
from trainer.miniature.world.batch import Pictures
from trainer.miniature.world.objects import OBJECTS, UNSEEN

from . import looks
from .data import drawn, latent_data, on_device
from .losses import diffusion_loss, judge_loss, vae_loss
from .networks import (
    make_networks,
    make_pipeline,
    make_tokenizer,
    read_packed,
    schedule_products,
    write_packed,
)
from .schedule import Training, append_lines, parameter_count


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.miniature_base", description="Train the miniature base.")
    parser.add_argument("--state", type=Path, required=True, help="folder that the pieces share")
    parser.add_argument("--out", type=Path, required=True, help="folder for results, written anew by each piece")
    parser.add_argument("--seconds", type=float, default=500, help="this piece ends training then (%(default)s)")
    parser.add_argument("--vae-seconds", type=float, default=110, help="of all pieces together (%(default)s)")
    parser.add_argument("--judge-seconds", type=float, default=40, help="(%(default)s)")
    parser.add_argument("--unet-seconds", type=float, default=520, help="(%(default)s)")
    parser.add_argument("--only-judge", action="store_true", help="leave the base model of --state as it is")
    parser.add_argument("--last", action="store_true", help="the last piece: the UNet's rate has fallen at its end")
    parser.add_argument("--pictures", type=int, default=80000, help="to learn from (%(default)s)")
    parser.add_argument("--judge-pictures", type=int, default=30000, help="for the judge (%(default)s)")
    parser.add_argument("--held", type=int, default=1500, help="drawn pictures never learnt from (%(default)s)")
    parser.add_argument("--batch", type=int, default=512, help="of the UNet (%(default)s)")
    parser.add_argument("--picture-batch", type=int, default=64, help="of VAE and judge (%(default)s)")
    parser.add_argument("--samples", type=int, default=240, help="of each kind of prompt, at the end (%(default)s)")
    parser.add_argument("--steps", type=int, default=50, help="of sampling (%(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser.parse_args(arguments)


class Piece:
    """One piece: everything that its seconds allow, then the results.

    Args:
        options: of the command line.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.began = options, time.monotonic()
        self.times: dict[str, float] = {}
        self.sets = draw_sets(options)  # before CUDA is touched: the drawing processes are forks
        self._note("drawing")
        self.deadline = self.began + options.seconds
        self.device = torch.device(options.device)
        self.log = append_lines(options.state / "curve.jsonl")
        curve = options.state / "curve.jsonl"
        torch.manual_seed(options.seed + (curve.stat().st_size if curve.exists() else 0))
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = True
        self.networks, self.judge = make_networks(self.device), Judge().to(self.device)
        self.packed = options.state / "base.safetensors"
        self.metadata = read_packed(self.networks, self.packed) if self.packed.exists() else {}

    def run(self) -> dict[str, Any]:
        """Train and look; returns the card."""
        options = self.options
        if options.only_judge:
            self.networks["vae"].eval().requires_grad_(False)
            finished = self._judge()
            self._note("judge")
            return self._results(float(self.metadata["scaling_factor"]), finished)
        pictures = self.sets["learn"]
        data = on_device(pictures, self.device)
        loss = vae_loss(self.networks["vae"], data, options.picture_batch)
        vae = self._training("vae", {"vae": self.networks["vae"]}, loss, self._vae_rate(), options.vae_seconds)
        finished = vae.run(self.deadline)
        vae.use_averages()
        self._note("vae")
        scale = 1.0
        if vae.done:
            self.networks["vae"].eval().requires_grad_(False)
            finished = self._judge() and finished
            self._note("judge")
            tokenizer = make_tokenizer()
            latents, scale = latent_data(self.networks["vae"], tokenizer, pictures, data)
            del data
            self._note("latents")
            both = {name: self.networks[name] for name in ("unet", "text_encoder")}
            products = schedule_products(self.device)
            loss = diffusion_loss(both["unet"], both["text_encoder"], latents, products, options.batch)
            unet = self._training("unet", both, loss, 1e-3, options.unet_seconds)
            finished = unet.run(self.deadline, options.last) and finished
            unet.use_averages()
            self.metadata["unet"] = f"{unet.spent} {unet.steps}"
            self._note("unet")
        self.metadata["vae"] = f"{vae.spent} {vae.steps}"
        return self._results(scale, finished)

    def _vae_rate(self) -> float:
        """Lower where a UNet was already trained on its latents."""
        return 1e-3 if "unet" in self.metadata else 1.5e-3

    def _training(self, name: str, networks: dict[str, nn.Module], loss: Any, rate: float, seconds: float) -> Training:
        training = Training(name, networks, loss, rate=rate, seconds=seconds, folder=self.options.state, log=self.log)
        if not training.file.exists() and name in self.metadata:
            spent, steps = self.metadata[name].split()
            training.go_on_from_averages(float(spent), int(steps))
        return training

    def _judge(self) -> bool:
        """Train the judge on pictures of its own, the unseen categories' too, unless it was trained before."""
        file = self.options.state / "judge.safetensors"
        if file.exists():
            self.judge.load_state_dict(load_judge(file, str(self.device)).state_dict())
            return True
        options = self.options
        data = on_device(self.sets["judge"], self.device)
        loss = judge_loss(self.judge, self.networks["vae"], data, options.picture_batch)
        training = self._training("judge", {"judge": self.judge}, loss, 2e-3, options.judge_seconds)
        done = training.run(self.deadline)
        training.use_averages()
        if done:
            save_judge(self.judge, file)
        return done

    def _results(self, scale: float, finished: bool) -> dict[str, Any]:
        """Write weights, sheets, curve and card."""
        options, out = self.options, self.options.out
        looks.shut(self.networks)
        self.judge.eval().requires_grad_(False)
        texts = {key: value for key, value in self.metadata.items() if key in ("vae", "unet")}
        for folder in (out, options.state):
            write_packed(self.networks, folder / "base.safetensors", scale, **texts)
        save_judge(self.judge, out / "judge.safetensors")
        held, vae = self.sets["held"], self.networks["vae"]
        looks.vae_sheet(vae, held, self.device, out / "vae.png")
        card: dict[str, Any] = {
            "finished": finished,
            "options": {key: str(value) for key, value in vars(options).items() if key not in ("state", "out")},
            "machine": torch.cuda.get_device_name() if self.device.type == "cuda" else platform.machine(),
            "versions": versions(),
            "parameters": {name: parameter_count([network]) for name, network in self.networks.items()},
            "judge_parameters": parameter_count([self.judge]),
            "scaling_factor": scale,
            "held_pictures_sha256": hashlib.sha256(held.images.tobytes() + held.masks.tobytes()).hexdigest(),
            "trained": texts,
            "named_by_kind": looks.kinds_table(vae, self.judge, held, self.device),
            "named_by_stroke": looks.marks_table(vae, self.judge, self.device, max(3, options.held // 20)),
        }
        pipeline = make_pipeline(self.networks, make_tokenizer(), scale)
        card["samples_named"] = looks.base_samples(
            pipeline, self.judge, out / "samples.png", options.samples, options.steps, options.seed
        )
        self._note("results")
        card["seconds"] = self.times
        (out / "card.json").write_text(json.dumps(card, indent=1), encoding="utf-8")
        (out / "curve.jsonl").write_bytes((options.state / "curve.jsonl").read_bytes())
        return card

    def _note(self, stage: str) -> None:
        """Remember when a stage ended, in seconds since the piece began."""
        self.times[stage] = round(time.monotonic() - self.began, 1)
        print(f"{stage}: ended after {self.times[stage]} s", flush=True)


def draw_sets(options: argparse.Namespace) -> dict[str, Pictures]:
    """The pictures to learn from, the judge's own (of the unseen categories too), and those never learnt from."""
    every = (*OBJECTS, *UNSEEN)
    return {
        "learn": drawn(options.state / "pictures", options.seed + 1, options.pictures),
        "judge": drawn(options.state / "judge-pictures", options.seed + 2, options.judge_pictures, every),
        "held": drawn(options.state / "held", options.seed + 3, options.held, every),
    }


def versions() -> dict[str, str]:
    """Of what computed the weights."""
    import diffusers
    import numpy
    import transformers

    named = {module.__name__: module.__version__ for module in (torch, diffusers, transformers, numpy)}
    return {"python": platform.python_version(), **named}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one piece; status 0 when everything is trained, 3 when another piece is needed."""
    options = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    for folder in (options.state, options.out):
        folder.mkdir(parents=True, exist_ok=True)
    card = Piece(options).run()
    print(json.dumps({key: card[key] for key in ("finished", "named_by_kind", "samples_named", "seconds")}), flush=True)
    return 0 if card["finished"] else 3


if __name__ == "__main__":
    sys.exit(main())
