"""Localisation: a discriminative U-Net trained from scratch on good and anomalous pictures, tested on real ones."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..baselines import o2mag_augmentation
from ..metrics.overlap import region_overlap
from ..metrics.ranking import auroc, average_precision, f1_max, f1_steps, rank, thinned
from ..networks.unet import DiscriminativeUNet, begin, focal_loss, image_scores
from ..pictures import HeldOut, Pairs
from ..protocols import Protocol
from .training import Progress, Run, step_decay

#: What the best epoch is chosen by, as in AnomalyDiffusion's train-localization.py.
CHOSEN_BY = ("image_auroc", "pixel_auroc", "pixel_ap", "pixel_pro")


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """What a localisation trains on.

    Attributes:
        good: uint8 (N, 3, P, P).
        anomalies: one set for each anomaly; none = good pictures alone.
        real: the same of real anomalies, for a protocol that mixes them in.
    """

    good: Tensor
    anomalies: Sequence[Pairs]
    real: Sequence[Pairs] = ()


@dataclass(frozen=True, slots=True)
class Predicted:
    """Predictions for a test set: maps (N, P, P) float32 and scores (N,)."""

    maps: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]


def draw_epoch(data: TrainingSet, protocol: Protocol, draws: random.Random) -> Iterator[tuple[Tensor, Tensor]]:
    """One epoch's pictures (3, P, P) and masks (P, P), uint8, in the order of the projects' data loaders.

    Each draw has a place of `protocol.draws`, shuffled; by chance it is a good picture, or one of an anomaly that is
    drawn evenly, the picture being the place modulo how many there are.
    """
    places = list(range(protocol.draws))
    draws.shuffle(places)
    black = torch.zeros(data.good.shape[-2:], dtype=torch.uint8)
    for place in places:
        chance = draws.random()
        real = protocol.good_share <= chance < protocol.good_share + protocol.real_share and data.real
        if chance < protocol.good_share or not data.anomalies:
            yield data.good[place % len(data.good)], black
            continue
        pairs = draws.choice(data.real if real else data.anomalies)
        image, mask = pairs.images[place % len(pairs)], pairs.masks[place % len(pairs)]
        yield o2mag_augmentation(image, mask, draws) if protocol.augmented else (image, mask)


def localise(
    data: TrainingSet, tests: HeldOut, protocol: Protocol, seed: int, run: Run, tell: Callable[[Progress], None]
) -> tuple[dict[str, dict[str, Any]], Predicted]:
    """Train and test.

    Returns:
        metrics of the `last` epoch and of `best-on-test`, each with its `epoch`, and the predictions of the epoch that
        the protocol reports.
    """
    network = DiscriminativeUNet(protocol.width)
    begin(network, torch.Generator().manual_seed(seed))
    network.to(run.device)
    optimizer = torch.optim.Adam(network.parameters(), lr=protocol.rate)
    results: dict[str, dict[str, Any]] = {}
    kept: Predicted | None = None
    first, stored = run.resume(network, optimizer)
    results.update(stored.get("results", {}))
    for epoch in range(first, protocol.epochs):
        step_decay(optimizer, protocol.rate, epoch, protocol.epochs)
        draws = random.Random(f"localise {seed} {epoch}")  # an epoch's draws do not depend on where a run was resumed
        network.train()
        loss = _train_epoch(network, optimizer, list(draw_epoch(data, protocol, draws)), protocol.batch, run)
        last = epoch + 1 == protocol.epochs
        if last or (epoch + 1) % protocol.test_every == 0:
            found = predict(network, tests.pairs.images, protocol.batch, run)
            metrics = {"epoch": epoch + 1, **measure(found, tests, protocol)}
            best = results.get("best-on-test")
            is_best = best is None or _sum(metrics) > _sum(best)
            if is_best:
                results["best-on-test"] = metrics
            if last:
                results["last"] = metrics
            reported = is_best if protocol.reported == "best-on-test" else last
            if reported or (last and kept is None):
                kept = found
        tell(Progress(epoch + 1, protocol.epochs, loss))
        run.store(network, optimizer, epoch + 1, {"results": results}, force=last)
    if kept is None:  # resumed behind its last epoch
        kept = predict(network, tests.pairs.images, protocol.batch, run)
    return results, kept


def _sum(metrics: dict[str, Any]) -> float:
    return float(sum(metrics[name] or 0.0 for name in CHOSEN_BY))


def _train_epoch(
    network: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    drawn: list[tuple[Tensor, Tensor]],
    batch: int,
    run: Run,
) -> float:
    losses = []
    for start in range(0, len(drawn), batch):
        part = drawn[start : start + batch]
        images = torch.stack([image for image, _ in part]).to(run.device, non_blocking=True).float() / 255
        masks = torch.stack([mask for _, mask in part]).to(run.device)[:, None]
        with run.autocast():
            logits = network(images)
        loss = focal_loss(logits, (masks >= 128).float())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return float(torch.stack(losses).mean())


@torch.no_grad()
def predict(network: torch.nn.Module, images: Tensor, batch: int, run: Run) -> Predicted:
    """Maps and scores of pictures uint8 (N, 3, P, P)."""
    network.eval()
    maps, scores = [], []
    for part in images.split(batch):
        with run.autocast():
            logits = network(part.to(run.device).float() / 255)
        found = logits.float().softmax(1)[:, 1:]
        maps.append(found[:, 0].cpu().numpy())
        scores.append(image_scores(found).cpu().numpy())
    return Predicted(np.concatenate(maps), np.concatenate(scores))


def measure(found: Predicted, tests: HeldOut, protocol: Protocol) -> dict[str, float | None]:
    """All numbers of a localisation; None where a class is missing."""
    masks = tests.pairs.masks.numpy()
    truth = masks >= protocol.pixel_truth
    images, pixels = rank(tests.labels, found.scores), rank(truth, found.maps)
    steps = np.linspace(0, 1, protocol.f1_steps) if protocol.f1_steps else None
    values = {
        "image_auroc": auroc(images),
        "image_ap": average_precision(images),
        "image_f1": f1_max(images)[0],
        "pixel_auroc": auroc(pixels),
        "pixel_ap": average_precision(pixels),
        "pixel_f1": f1_max(pixels)[0] if steps is None else f1_steps(truth, found.maps, steps),
        "pixel_pro": region_overlap(list(found.maps), list(masks >= protocol.region_truth)).area,
    }
    return {name: None if np.isnan(value) else value for name, value in values.items()}


def curves(found: Predicted, tests: HeldOut, protocol: Protocol) -> dict[str, list[list[float]]]:
    """Precision over recall, of images and of pixels: lists of [recall, precision]."""
    rankings = {
        "image": rank(tests.labels, found.scores),
        "pixel": rank(tests.pairs.masks.numpy() >= protocol.pixel_truth, found.maps),
    }
    points = {name: thinned(ranking)[:2] for name, ranking in rankings.items()}
    return {name: np.round(np.stack(xy, 1), 5).tolist() for name, xy in points.items()}
