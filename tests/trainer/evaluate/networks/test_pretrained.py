"""Pretrained weights: only from torch's cache; what is missing is named with file, place and what is left out."""

import pytest
import torch

from trainer.errors import TrainerError
from trainer.evaluate.networks import pretrained
from trainer.evaluate.networks.pretrained import WEIGHTS, Lpips, find, missing, resnet_state
from trainer.evaluate.networks.resnet import ResNet34


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    return tmp_path / "checkpoints"


def test_what_is_missing_is_said(cache, monkeypatch):
    monkeypatch.setattr(pretrained.importlib.util, "find_spec", lambda _name: object())
    for name, row in WEIGHTS.items():
        said = missing(name)
        assert said["needs"] == str(cache / row.file)
        assert row.address in said["how"]
        assert said["what"] == row.serves
    monkeypatch.setattr(pretrained.importlib.util, "find_spec", lambda _name: None)
    assert "fix --with evaluate" in missing("vgg")["how"]


def test_weights_in_the_cache_are_taken(cache):
    assert resnet_state() is None
    network = ResNet34()
    torch.save(network.state_dict(), cache / WEIGHTS["resnet34"].file)
    assert torch.equal(resnet_state()["conv1.weight"], network.conv1.weight)
    (cache / "inception_v3_google-1a9a5a14.pth").touch()
    assert find("inception").name == "inception_v3_google-1a9a5a14.pth"


def test_a_damaged_file_is_named(cache):
    (cache / WEIGHTS["resnet34"].file).write_bytes(b"no weights")
    with pytest.raises(TrainerError, match="cannot be read as weights"):
        resnet_state()


class Linear(torch.nn.Module):
    """lpips' linear layers, as far as they are used."""

    def __init__(self, width):
        super().__init__()
        self.model = torch.nn.Sequential(torch.nn.Dropout(), torch.nn.Conv2d(width, 1, 1, bias=False))
        self.model[-1].weight.data.abs_()


class Network(torch.nn.Module):
    """An LPIPS of two small layers."""

    def __init__(self):
        super().__init__()
        self.layers = torch.nn.ModuleList([torch.nn.Conv2d(3, 5, 3), torch.nn.Conv2d(5, 4, 3, 2)])
        self.lins = torch.nn.ModuleList([Linear(5), Linear(4)])

    def scaling_layer(self, x):
        return 3 * x + 1

    def net(self, x):
        found = []
        for layer in self.layers:
            x = layer(x).relu()
            found.append(x)
        return found


def test_distances_are_those_pair_by_pair():
    network = Network()
    pictures = list(torch.rand(3, 3, 12, 12))

    def pair(one, other):
        total = 0.0
        both = [network.net(network.scaling_layer(2 * x[None] - 1)) for x in (one, other)]
        for a, b, linear in zip(*both, network.lins, strict=True):
            a, b = (x / (x.pow(2).sum(1, keepdim=True).sqrt() + 1e-10) for x in (a, b))
            total += float(linear.model[-1]((a - b) ** 2).mean())
        return total

    with torch.no_grad():
        table = Lpips(torch.device("cpu"), network).distances(pictures[:2], pictures)
        assert table == pytest.approx(
            torch.tensor([[pair(a, b) for b in pictures] for a in pictures[:2]]).numpy(), abs=1e-6
        )
        assert Lpips(torch.device("cpu"), network).between(pictures[:2])[0, 1] == pytest.approx(table[0, 1], abs=1e-6)
