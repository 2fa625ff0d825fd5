"""PRO against its definition, threshold by threshold and region by region, whatever the maps hold."""

import numpy as np
import pytest

from trainer.evaluate.metrics.overlap import region_overlap

pytest.importorskip("cv2")


def regions_of(mask):
    """8-connected components, by hand."""
    left, found = {tuple(at) for at in np.argwhere(mask)}, []
    while left:
        region, edge = set(), [left.pop()]
        while edge:
            row, column = edge.pop()
            region.add((row, column))
            near = {(row + a, column + b) for a in (-1, 0, 1) for b in (-1, 0, 1)} & left
            left -= near
            edge += near
        found.append(tuple(np.array(sorted(region)).T))
    return found


def by_definition(maps, masks, limit=0.3, thresholds=100):
    normal = np.sort(np.concatenate([one[mask == 0] for one, mask in zip(maps, masks, strict=True)]))
    regions = [(one, region) for one, mask in zip(maps, masks, strict=True) for region in regions_of(mask)]
    points = [(1.0, 1.0)]
    for place in np.linspace(0, len(normal) - 1, thresholds, dtype=int):
        shares = [(one[region] > normal[place]).mean() for one, region in regions]
        points.append((1 - (place + 1) / len(normal), np.mean(shares)))
    x, y = np.array(points[::-1]).T
    end = np.interp(limit, x, y)
    x, y = np.append(x[x < limit], limit), np.append(y[x < limit], end)
    return ((y[1:] + y[:-1]) / 2 * np.diff(x)).sum() / limit


def world(kind, levels, seed=0):
    draws = np.random.default_rng(seed)
    maps, masks = [], []
    for number in range(5):
        mask = np.zeros((24, 30), np.uint8)
        for _ in range(2 * (number > 0)):
            row, column = draws.integers(0, 20, 2)
            mask[row : row + 4, column : column + 3] = 1
        mask[3, 4] = mask[4, 5] = number == 2  # one region, by a corner
        values = np.floor((draws.random(mask.shape) + 0.5 * mask) * levels) / levels
        maps.append((values * 40000 if kind is np.uint16 else values).astype(kind))
        masks.append(mask)
    return maps, masks


@pytest.mark.parametrize("levels", [1, 3, 1000])
@pytest.mark.parametrize("kind", [np.float32, np.float64, np.float16, np.uint16])
def test_the_definition(kind, levels):
    for seed in range(3):
        maps, masks = world(kind, levels, seed)
        assert region_overlap(maps, masks).area == pytest.approx(by_definition(maps, masks), abs=1e-9)


@pytest.mark.parametrize("shift", [-3.0, -0.5, 0.0])
def test_scores_below_zero_too(shift):
    maps, masks = world(np.float32, 50)
    maps = [(one + shift).astype(np.float32) for one in maps]
    assert region_overlap(maps, masks).area == pytest.approx(by_definition(maps, masks), abs=1e-9)


@pytest.mark.parametrize(("limit", "thresholds"), [(0.05, 100), (1.0, 100), (0.3, 7), (0.001, 50)])
def test_other_limits(limit, thresholds):
    maps, masks = world(np.float32, 1000)
    found = region_overlap(maps, masks, limit, thresholds)
    assert found.area == pytest.approx(by_definition(maps, masks, limit, thresholds), abs=1e-9)
    assert found.rates[0] <= limit
    assert (np.diff(found.rates) > 0).all()


def test_without_regions_or_normal_pixels_there_is_no_number():
    maps, masks = world(np.float32, 10)
    assert np.isnan(region_overlap(maps, [0 * mask for mask in masks]).area)
    assert np.isnan(region_overlap(maps, [0 * mask + 1 for mask in masks]).area)


def test_perfect_and_useless_maps():
    _, masks = world(np.float32, 10)
    assert region_overlap([mask.astype(np.float32) for mask in masks], masks).area == pytest.approx(1.0)
    assert region_overlap([1 - mask.astype(np.float32) for mask in masks], masks).area == 0.0


def test_what_cannot_be_ranked_is_refused():
    maps, masks = world(np.float32, 10)
    maps[1][0, 0] = np.nan
    with pytest.raises(ValueError, match="finite"):
        region_overlap(maps, masks)
    with pytest.raises(ValueError, match="finite"):
        region_overlap([one.astype(np.float64) for one in maps], masks)
    with pytest.raises(ValueError, match="size"):
        region_overlap(maps[1:], masks)
