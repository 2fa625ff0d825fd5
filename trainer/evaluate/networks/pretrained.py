"""Pretrained networks, from the user's own cache of torch: never downloaded here, never replaced by something else.

What is missing is said with its file, its place and what is left out therefore.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...errors import TrainerError

_BATCH = 32


@dataclass(frozen=True, slots=True)
class Weights:
    """One file of pretrained weights.

    Attributes:
        file: its name in torch's cache, the publisher's; the hash in it is torch.hub's check.
        address: where its publisher serves it.
        package: what reads it, or "".
        serves: what is left out without it.
    """

    file: str
    address: str
    package: str
    serves: str


WEIGHTS: dict[str, Weights] = {
    "fid-inception": Weights(
        "weights-inception-2015-12-05-6726825d.pth",
        "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
        "torch_fidelity",
        "IS, FID and torch-fidelity's KID",
    ),
    "inception": Weights(
        "inception_v3_google-0cc3c7bd.pth",
        "https://download.pytorch.org/models/inception_v3_google-0cc3c7bd.pth",
        "torchvision",
        "KID as O2MAG has it",
    ),
    "vgg": Weights(
        "vgg16-397923af.pth",
        "https://download.pytorch.org/models/vgg16-397923af.pth",
        "lpips",
        "IC-LPIPS",
    ),
    "resnet34": Weights(
        "resnet34-b627a593.pth",
        "https://download.pytorch.org/models/resnet34-b627a593.pth",
        "",
        "the pretrained start of ResNet-34; the classification starts from scratch, which its rows say",
    ),
}
#: Which torchvision wrote as their file of the same network before and after 0.13.
_OTHER_NAMES = {"inception_v3_google-0cc3c7bd.pth": ("inception_v3_google-1a9a5a14.pth",)}


def cache() -> Path:
    """Where torch keeps downloaded weights."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def find(name: str) -> Path | None:
    """The file of one of `WEIGHTS`, or None."""
    own = WEIGHTS[name].file
    places = (cache() / file for file in (own, *_OTHER_NAMES.get(own, ())))
    return next((path for path in places if path.is_file()), None)


def missing(name: str) -> dict[str, str] | None:
    """What is left out for want of one of `WEIGHTS`, as the result says it; None where it is there and readable."""
    row = WEIGHTS[name]
    if row.package and importlib.util.find_spec(row.package) is None:
        need = f"the package {row.package}"
        return {"what": row.serves, "needs": need, "how": "dualano-doctor fix --with evaluate"}
    if find(name) is None:
        how = f"put {row.address} there; nothing is downloaded unasked"
        return {"what": row.serves, "needs": str(cache() / row.file), "how": how}
    return None


def _read(name: str) -> dict[str, Tensor]:
    path = find(name)
    assert path is not None
    try:
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # an unpickler raises whatever a damaged file makes it
        raise TrainerError(
            f"{path} cannot be read as weights ({error!r:.200}). Remove it and put {WEIGHTS[name].address} there."
        ) from error


def resnet_state() -> dict[str, Tensor] | None:
    """ResNet-34's ImageNet weights, or None where they are not there."""
    return _read("resnet34") if find("resnet34") else None


class Inception:
    """Features of pictures, uint8 (N, 3, H, W).

    Args:
        name: `fid-inception` or `inception`.
        device: where it runs.
        network: instead of the pretrained one, for comparisons of what is computed from features.
    """

    def __init__(self, name: str, device: torch.device, network: Any = None) -> None:
        self._name, self._device = name, device
        self._network = network or (self._fidelity() if name == "fid-inception" else self._torchvision())
        self._network.to(device).eval()

    @staticmethod
    def _fidelity() -> Any:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

        return FeatureExtractorInceptionV3(
            "inception-v3-compat",
            ["2048", "logits_unbiased"],
            feature_extractor_weights_path=str(find("fid-inception")),
        )

    @staticmethod
    def _torchvision() -> Any:
        from torchvision.models import inception_v3

        network = inception_v3(weights=None, transform_input=False, init_weights=False)
        network.load_state_dict(_read("inception"))
        network.fc = torch.nn.Identity()
        return network

    @torch.no_grad()
    def __call__(self, pictures: Sequence[Tensor]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """(features (N, 2048), logits (N, 1008)); torchvision's has no logits, and its pictures are of 299 px."""
        features, logits = [], []
        size = _BATCH if len({one.shape for one in pictures}) == 1 else 1  # others cannot be stacked
        for start in range(0, len(pictures), size):
            batch = torch.stack(list(pictures[start : start + size])).to(self._device)
            if self._name == "fid-inception":
                found, said = self._network(batch)
                logits.append(said.float().cpu().numpy())
            else:
                mean, deviation = (torch.tensor(v, device=self._device)[:, None, None] for v in IMAGENET)
                found = self._network((batch.float() / 255 - mean) / deviation)
            features.append(found.float().cpu().numpy())
        empty = np.zeros((len(pictures), 0), np.float32)
        return np.concatenate(features), np.concatenate(logits) if logits else empty


#: Mean and deviation of ImageNet's pictures, as torchvision's models take them.
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


class Lpips:
    """LPIPS-VGG (R. Zhang et al. 2018), each picture's features computed once, not once a pair.

    Args:
        device: where it runs.
        network: an `lpips.LPIPS` instead of the pretrained one, for comparisons.
    """

    def __init__(self, device: torch.device, network: Any = None) -> None:
        self._device = device
        self._network = (network or self._pretrained()).to(device).eval()

    @staticmethod
    def _pretrained() -> Any:
        import lpips

        network = lpips.LPIPS(net="vgg", pnet_rand=True, verbose=False)
        trunk = {key: value for key, value in _read("vgg").items() if key.startswith("features.")}
        # lpips cuts VGG's layers into five slices and keeps their numbers as names.
        own = network.net.state_dict()
        network.net.load_state_dict({key: trunk[f"features.{key.partition('.')[2]}"] for key in own})
        return network

    @torch.no_grad()
    def features(self, pictures: Tensor) -> list[Tensor]:
        """Of pictures (N, 3, H, W) in 0..1, five layers (N, C, h, w) whose squared distances add up to LPIPS."""
        found = self._network.net(self._network.scaling_layer(pictures.to(self._device) * 2 - 1))
        layers = []
        for layer, linear in zip(found, self._network.lins, strict=True):
            unit = layer / (layer.pow(2).sum(1, keepdim=True).sqrt() + 1e-10)
            weight = linear.model[-1].weight / (layer.shape[2] * layer.shape[3])
            layers.append(unit * weight.clamp_min(0).sqrt())
        return layers

    @torch.no_grad()
    def distances(self, ones: Sequence[Tensor], others: Sequence[Tensor]) -> npt.NDArray[np.float64]:
        """(N, M) between pictures (3, H, W) in 0..1."""
        own = [self.features(one[None]) for one in ones]
        table = np.zeros((len(ones), len(others)))
        for column, other in enumerate(others):
            that = self.features(other[None])
            for row, this in enumerate(own):
                table[row, column] = sum(float((a - b).pow(2).sum()) for a, b in zip(this, that, strict=True))
        return table

    @torch.no_grad()
    def between(self, pictures: Sequence[Tensor]) -> npt.NDArray[np.float64]:
        """(N, N) between pictures (3, H, W) in 0..1; 32 MiB of features a picture of 256 px are kept meanwhile."""
        own = [self.features(one[None]) for one in pictures]
        table = np.zeros((len(own), len(own)))
        for row, this in enumerate(own):
            for column in range(row + 1, len(own)):
                pairs = zip(this, own[column], strict=True)
                table[row, column] = table[column, row] = sum(float((a - b).pow(2).sum()) for a, b in pairs)
        return table
