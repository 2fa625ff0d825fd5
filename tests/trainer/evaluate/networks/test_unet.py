"""The networks: DRAEM's sizes, torchvision's names, the focal loss by its formula."""

import pytest
import torch

from trainer.evaluate.networks.resnet import ResNet34
from trainer.evaluate.networks.unet import DiscriminativeUNet, begin, focal_loss, image_scores


def count(network):
    return sum(value.numel() for value in network.parameters())


def test_sizes_are_the_originals():
    assert count(DiscriminativeUNet(8)) == 445_946  # DRAEM's model_unet.py with base_channels=8
    assert count(ResNet34()) == 21_797_672  # torchvision's resnet34
    assert {"layer1.0.conv1.weight", "layer2.0.downsample.1.running_var", "fc.bias"} <= ResNet34().state_dict().keys()


def test_a_start_follows_from_its_seed():
    starts = []
    for seed in (0, 0, 1):
        network = DiscriminativeUNet(2)
        begin(network, torch.Generator().manual_seed(seed))
        starts.append(torch.cat([value.reshape(-1) for value in network.parameters()]))
    assert torch.equal(starts[0], starts[1])
    assert not torch.equal(starts[0], starts[2])


def test_a_map_has_the_pictures_size():
    with torch.no_grad():
        assert DiscriminativeUNet(2)(torch.rand(2, 3, 64, 96)).shape == (2, 2, 64, 96)


def test_focal_loss_by_its_formula():
    logits, marked = torch.randn(2, 2, 4, 4), (torch.rand(2, 1, 4, 4) > 0.5).float()
    total = 0.0
    for n in range(2):
        for y in range(4):
            for x in range(4):
                chances = logits[n, :, y, x].softmax(0)
                label = int(marked[n, 0, y, x])
                p = (1 - 1e-5) * chances[label] + 1e-5 * chances[1 - label] + 1e-5
                total -= float((1 - p) ** 2 * p.log())
    assert float(focal_loss(logits, marked)) == pytest.approx(total / 32, rel=1e-5)


def test_a_score_is_the_largest_mean_of_a_window():
    maps = torch.zeros(1, 1, 40, 40)
    maps[0, 0, 10:13, 10:13] = 1
    assert float(image_scores(maps)) == pytest.approx(9 / 441)
