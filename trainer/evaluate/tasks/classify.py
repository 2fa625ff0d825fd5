"""Classification: ResNet-34 told apart the anomalies of a category by generated (or real) pictures, tested on real
ones.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ..networks.resnet import ResNet34
from ..protocols import Protocol
from .training import Progress, Run, step_decay


def classify(
    train: Sequence[Tensor],
    tests: Sequence[Tensor],
    protocol: Protocol,
    seed: int,
    run: Run,
    pretrained: Mapping[str, Tensor] | None,
    tell: Callable[[Progress], None],
) -> dict[str, dict[str, Any]]:
    """Train and test.

    Args:
        train, tests: pictures uint8 (N, 3, P, P) of each class.
        protocol: its constants.
        seed: of the start and the order.
        run: how.
        pretrained: ImageNet's weights under torchvision's names, or None for a start from scratch.
        tell: hears of every epoch.

    Returns:
        `accuracy` of the `last` epoch and of `best-on-test`, each with its `epoch`.
    """
    torch.manual_seed(seed)
    network = ResNet34(len(train) if pretrained is None else 1000)
    if pretrained is not None:
        network.load_state_dict(dict(pretrained))
        network.fc = torch.nn.Linear(512, len(train))
    network.to(run.device)
    optimizer = torch.optim.Adam(network.parameters(), lr=protocol.rate)
    first, stored = run.resume(network, optimizer)
    results: dict[str, dict[str, Any]] = dict(stored.get("results", {}))
    images = torch.cat(list(train))
    labels = torch.cat([torch.full((len(one),), number) for number, one in enumerate(train)])
    for epoch in range(first, protocol.class_epochs):
        step_decay(optimizer, protocol.rate, epoch, protocol.class_epochs)
        places = list(range(len(images))) * protocol.class_passes
        random.Random(f"classify {seed} {epoch}").shuffle(places)
        loss = _train_epoch(network, optimizer, images, labels, places, protocol.class_batch, run)
        metrics: dict[str, Any] = {"epoch": epoch + 1, "accuracy": accuracy(network, tests, run)}
        if "best-on-test" not in results or metrics["accuracy"] > results["best-on-test"]["accuracy"]:
            results["best-on-test"] = metrics
        results["last"] = metrics
        tell(Progress(epoch + 1, protocol.class_epochs, loss))
        run.store(network, optimizer, epoch + 1, {"results": results}, force=False)
    return results


def _train_epoch(
    network: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    images: Tensor,
    labels: Tensor,
    places: list[int],
    batch: int,
    run: Run,
) -> float:
    network.train()
    losses = []
    for start in range(0, len(places), batch):
        part = places[start : start + batch]
        if len(part) == 1 and len(places) > 1:
            continue  # batch norm has nothing to norm over at the coarsest scale of small pictures
        with run.autocast():
            logits = network(images[part].to(run.device).float() / 255)
        loss = torch.nn.functional.cross_entropy(logits.float(), labels[part].to(run.device))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return float(torch.stack(losses).mean())


@torch.no_grad()
def accuracy(network: torch.nn.Module, tests: Sequence[Tensor], run: Run) -> float:
    """Share of all test pictures that are named rightly."""
    network.eval()
    right = count = 0
    for number, images in enumerate(tests):
        for part in images.split(100):
            with run.autocast():
                said = network(part.to(run.device).float() / 255).argmax(1)
            right += int((said == number).sum())
            count += len(part)
    return right / count
