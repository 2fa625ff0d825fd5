"""Quality of generated pictures themselves: IS, KID, FID and IC-LPIPS, as far as pretrained weights are there."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ...data.images import read_image
from ..metrics.features import FIDELITY_SEED, frechet_distance, ic_lpips, inception_score, kid
from ..networks import pretrained
from ..pictures import Resize, resized
from ..protocols import Protocol
from ..sources import AnomalyData


@dataclass(slots=True)
class Networks:
    """The pretrained networks that are there; each is loaded when it is first needed."""

    device: torch.device
    fid: pretrained.Inception | None = None
    inception: pretrained.Inception | None = None
    lpips: pretrained.Lpips | None = None

    @classmethod
    def found(cls, device: torch.device, protocol: Protocol) -> tuple[Networks, list[dict[str, str]]]:
        """Those that the protocol needs, and what is left out for want of others."""
        needed = ["fid-inception", "vgg", *(["inception"] if protocol.kid == "torchvision" else [])]
        left = [row for row in map(pretrained.missing, needed) if row]
        have = [name for name in needed if pretrained.missing(name) is None]
        own = cls(device)
        if "fid-inception" in have:
            own.fid = pretrained.Inception("fid-inception", device)
        if "inception" in have:
            own.inception = pretrained.Inception("inception", device)
        if "vgg" in have:
            own.lpips = pretrained.Lpips(device)
        return own, left


def measure(anomaly: AnomalyData, protocol: Protocol, networks: Networks, seed: int) -> dict[str, Any]:
    """The numbers that the networks at hand allow, and how many pictures each was counted on.

    KID and FID are against all real anomalies, trained on or not, as the projects have it; `*_to_test` against those
    that nothing trained on.
    """
    made = [pair.image for pair in anomaly.generated]
    values: dict[str, float] = {}
    counts = {"generated": len(made), "real": len(anomaly.real), "trained": len(anomaly.trained)}
    if networks.fid:
        whole = [torch.from_numpy(np.asarray(_plain(read_image(path), protocol.is_pixels)).copy()) for path in made]
        features, logits = networks.fid([one.permute(2, 0, 1) for one in whole])
        if protocol.is_pixels:  # the other numbers are of pictures as they are
            features, _ = networks.fid([_bytes(path) for path in made])
        values["is"] = inception_score(logits, protocol.is_splits)[0]
        for name, pairs in (("", anomaly.real), ("_to_test", anomaly.test)):
            real, _ = networks.fid([_bytes(pair.image) for pair in pairs])
            values[f"fid{name}"] = frechet_distance(real, features)
            if protocol.kid == "fidelity":
                draws = np.random.RandomState(FIDELITY_SEED)
                values[f"kid{name}"] = 1000 * kid(real, features, protocol.kid_subset, protocol.kid_subsets, draws)[0]
    if networks.inception and protocol.kid == "torchvision":
        features, _ = networks.inception([_square(path, 299) for path in made])
        for name, pairs in (("", anomaly.real), ("_to_test", anomaly.test)):
            real, _ = networks.inception([_square(pair.image, 299) for pair in pairs])
            draws = np.random.RandomState(seed)
            values[f"kid{name}"] = 1000 * kid(real, features, protocol.kid_subset, protocol.kid_subsets, draws)[0]
    if networks.lpips:
        values |= _lpips(anomaly, protocol, networks.lpips, seed, counts)
    return {"metrics": {k: None if math.isnan(v) else v for k, v in values.items()}, "counts": counts}


def _lpips(
    anomaly: AnomalyData, protocol: Protocol, network: pretrained.Lpips, seed: int, counts: dict[str, Any]
) -> dict[str, float]:
    """IC-LPIPS as the protocol counts, and on all pictures beside it."""
    made = [_square(pair.image, 256).float() / 255 for pair in anomaly.generated]
    reals = [_square(pair.image, 256).float() / 255 for pair in anomaly.trained]
    distances = network.distances(reals, made).T
    values: dict[str, float] = {}
    for name, most in (("ic_lpips", protocol.lpips_images), ("ic_lpips_all", None)):
        found = ic_lpips(
            distances[:most],
            lambda places: network.between([made[place] for place in places]),
            most=protocol.lpips_most,
            chosen=protocol.lpips_chosen,
            empty=protocol.lpips_empty,
            shuffle=random.Random(f"lpips {seed}").shuffle,
        )
        values[name] = found.value
        values[f"{name}_without_empty"] = found.without_empty
        counts[name] = {"images": len(distances[:most]), "clusters": found.sizes, "compared": found.compared}
    return values


def _plain(image: Image.Image, side: int) -> Image.Image:
    return image.resize((side, side), Image.Resampling.BILINEAR) if side else image


def _bytes(path: Any) -> Tensor:
    return torch.from_numpy(np.asarray(read_image(path)).copy()).permute(2, 0, 1)


def _square(path: Any, side: int, how: Resize = "pillow") -> Tensor:
    return torch.from_numpy(resized(read_image(path), side, how).copy()).permute(2, 0, 1)
