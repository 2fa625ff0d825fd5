"""Masks find their images by any affix, and never a wrong one."""

import pytest

from dualano_setup.facts.project.layouts.pairing import looks_like_mask, match
from dualano_setup.facts.project.layouts.picture import stem_of


def paired(images, masks):
    pairs = match([f"/i/{name}" for name in images], [(f"/m/{name}", stem_of(name)) for name in masks])
    found = {key[3:]: sorted(path[3:] for path in value) for key, value in pairs.masks.items()}
    return found, sorted(left.path[3:] for left in pairs.left)


@pytest.mark.parametrize(
    ("images", "masks"),
    [
        (["000.png", "001.png"], ["000.png", "001.png"]),
        (["000.png", "001.png"], ["000_mask.png", "001_mask.png"]),
        (["1.jpg", "11.jpg", "111.jpg"], ["mask_1.png", "mask_11.png", "mask_111.png"]),
        (["IMG_1.JPG", "IMG_2.JPG"], ["img_1-seg.png", "img_2-seg.png"]),
        (["img_01.png", "img_02.png"], ["gt_01.png", "gt_02.png"]),
        (["01_rgb.png", "02_rgb.png"], ["01_label.png", "02_label.png"]),
        (["a_1.png", "a_1_2.png"], ["a_1_mask.png", "a_1_2_mask.png"]),
        (["0.png", "1.png", "12.png"], ["1_0.png", "1_1.png", "1_12.png"]),  # "1_" before each
    ],
)
def test_one_mask_an_image(images, masks):
    assert paired(images, masks) == ({image: [mask] for image, mask in zip(images, masks, strict=True)}, [])


def test_several_masks_an_image():
    found, left = paired(["007.png", "008.png"], ["007_mask1.png", "007_mask2.png", "008_mask1.png"])
    assert found == {"007.png": ["007_mask1.png", "007_mask2.png"], "008.png": ["008_mask1.png"]}
    assert left == []


def test_what_fits_no_image_or_several_is_left():
    assert paired(["1.png", "2.png"], ["3.png", "1_2.png"]) == ({}, ["1_2.png", "3.png"])


@pytest.mark.parametrize(
    ("name", "is_mask"),
    [("7_mask.png", True), ("gt-3.png", True), ("GT_3.png", True), ("maskelyne.png", False), ("damask.png", False)],
)
def test_names_of_masks(name, is_mask):
    assert looks_like_mask(f"/x/{name}") == is_mask


def test_ten_thousand_pairs_take_no_time(tmp_path):
    names = [f"part_{number:05d}.png" for number in range(10_000)]
    found, left = paired(names, [name.replace(".", "_mask.") for name in names])
    assert (len(found), left) == (10_000, [])
