"""Time and memory of an evaluation, told beforehand from a few steps of each network on the device at hand."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from .jobs import Job, Material, Work
from .networks.resnet import ResNet34
from .networks.unet import DiscriminativeUNet, focal_loss
from .protocols import Protocol
from .tasks.training import Run


@dataclass(frozen=True, slots=True)
class Estimate:
    """What an evaluation takes, from a few steps of each network on this device.

    Attributes:
        seconds: for all jobs that are left, without reading pictures and without IS, KID, FID and IC-LPIPS.
        memory: bytes: of the GPU at its highest, or of this process.
    """

    seconds: float
    memory: int


def estimate(jobs: Sequence[Job], work: Work) -> Estimate:
    """Try a few steps."""
    left = [job for job in jobs if work.row(job) is None]
    seconds = 0.0
    for task in ("localisation", "classification"):
        own = [job for job in left if job.task == task]
        if own:
            seconds += sum(_seconds(task, own, work))
    if work.device.type == "cuda":
        return Estimate(seconds, torch.cuda.max_memory_allocated(work.device))
    return Estimate(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def _seconds(task: str, jobs: Sequence[Job], work: Work) -> Iterator[float]:
    """Of each job."""
    protocol, run = work.protocol, Run(work.device, work.bf16)
    batch = protocol.batch if task == "localisation" else protocol.class_batch
    network = (DiscriminativeUNet(protocol.width) if task == "localisation" else ResNet34(2)).to(work.device)
    images = torch.zeros((batch, 3, protocol.pixels, protocol.pixels), device=work.device)
    masks = torch.zeros((batch, 1, protocol.pixels, protocol.pixels), device=work.device)

    def step(*, train: bool) -> float:
        with torch.set_grad_enabled(train), run.autocast():
            found = network(images)
            loss = focal_loss(found, masks) if task == "localisation" else found.float().square().mean()
        if train:
            loss.backward()
        if work.device.type == "cuda":
            torch.cuda.synchronize(work.device)
        return time.monotonic()

    began = step(train=True)  # the first of each is slower
    a_step = step(train=True) - began
    began = step(train=False)
    a_test = step(train=False) - began
    for job in jobs:
        material = work.materials[job.category]
        tested = sum(len(one.test) for one in material.category.anomalies)
        if task == "localisation":
            tested += len(material.category.test_good)
            steps = -(-protocol.draws // batch) * protocol.epochs
            tests = -(-protocol.epochs // protocol.test_every)
        else:
            steps = -(-protocol.class_passes * _pictures(job, material, protocol) // batch) * protocol.class_epochs
            tests = protocol.class_epochs
        yield a_step * steps + a_test * tests * tested / batch


def _pictures(job: Job, material: Material, protocol: Protocol) -> int:
    """How many pictures a classification trains on."""
    made = [one.trained if job.training == "real" else one.generated for one in material.category.anomalies]
    return sum(min(len(one), protocol.class_most or len(one)) for one in made)
