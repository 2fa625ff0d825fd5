"""Repair of masks: specks and haloes go, anomalies stay."""

from __future__ import annotations

import cv2
import numpy as np

from trainer.masks.anomaly import extract_mask
from trainer.masks.repair import repair_mask, touches_border, without_specks

SIDE = 128


def disc(radius, at=(64, 64)):
    mask = np.zeros((SIDE, SIDE), np.uint8)
    cv2.circle(mask, at, radius, 1, -1)
    return mask > 0


def on_grey(mask, level=30.0):
    part = np.full((SIDE, SIDE, 3), 128.0)
    part[mask] = level
    return part


def test_small_pieces_at_the_border_go_and_large_ones_stay():
    specks = disc(12) | disc(2, (0, 40)) | disc(3, (127, 127))
    assert (without_specks(specks) == disc(12)).all()
    at_border = disc(12, (0, 64))
    assert (without_specks(at_border) == at_border).all()
    assert touches_border(at_border)
    assert not touches_border(disc(12))


def test_many_dots_of_one_size_are_no_specks():
    dots = disc(3, (40, 40)) | disc(3, (60, 44)) | disc(2, (52, 64))
    assert (without_specks(dots) == dots).all()


def test_a_halo_goes_and_the_anomaly_stays():
    core = disc(8)
    glow = on_grey(disc(20), 85.0)
    glow[core] = 30.0
    part = cv2.GaussianBlur(glow, (0, 0), 1.0).astype(np.uint8)
    found = extract_mask(part).mask
    assert found.sum() > 3 * core.sum()
    repaired = repair_mask(part, found)
    assert (repaired.mask & core).sum() > 0.95 * core.sum()
    assert repaired.mask.sum() < 2 * core.sum()
    assert repaired.removed == 1 - repaired.mask.sum() / found.sum()


def test_a_thin_blurred_line_keeps_its_rim():
    line = np.zeros((SIDE, SIDE), np.uint8)
    cv2.line(line, (30, 40), (90, 80), 1, 3)
    part = cv2.GaussianBlur(on_grey(line > 0, 240.0), (0, 0), 1.0).astype(np.uint8)
    found = extract_mask(part).mask
    assert repair_mask(part, found).removed < 0.1


def test_no_mask_stays_none():
    nothing = np.zeros((SIDE, SIDE), bool)
    assert repair_mask(on_grey(nothing).astype(np.uint8), nothing).removed == 0
