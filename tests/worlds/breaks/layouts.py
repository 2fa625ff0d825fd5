"""Data sets as they are published, named as they are and not brought in; and more that masks and images can hold."""

from __future__ import annotations

from PIL import Image, ImageDraw

from tests.facts.project.layouts import published
from tests.worlds.breaks.contents import ALPHA, BLACK, CUT, INVERTED, NOTHING, UNSURE, VALUES, VANISHES, pixels
from tests.worlds.breaks.data import first
from tests.worlds.breaks.pixels import change, cut_out, inverted, marks, objects, put, scaled, shorten
from tests.worlds.project import Project
from tests.worlds.world import world


def _as_published(p: Project, name: str) -> None:
    """The settings name the source itself, as somebody does who has just unpacked it."""
    made = published.ALL[name](p.root / "published")
    p.flags["data"] = made.source if made.source.is_dir() else made.source.parent
    p.flags["category"], p.flags["anomaly"] = made.category, made.anomaly


@world("DATA001", source="Wang et al., CVPR 2024, Real-IAD: a JSON beside folders of views", named_by=r"Real-IAD")
def the_layout_of_real_iad(p: Project) -> None:
    _as_published(p, "real-iad")


@world("DATA001", source="Lin et al., ECCV 2014: instances_*.json beside the images", named_by=r"COCO")
def an_export_of_coco(p: Project) -> None:
    _as_published(p, "coco")


@world("DATA001", source="docs.ultralytics.com, datasets/segment: images/ and labels/", named_by=r"YOLO")
def an_export_of_yolo(p: Project) -> None:
    _as_published(p, "yolo")


@world("DATA001", source="github.com/wkentaro/labelme: a JSON file beside each image", named_by=r"LabelMe")
def an_export_of_labelme(p: Project) -> None:
    _as_published(p, "labelme")


@world("DATA001", source="docs.cvat.ai, CVAT for images 1.1: annotations.xml", named_by=r"CVAT")
def an_export_of_cvat(p: Project) -> None:
    _as_published(p, "cvat")


@pixels("DATA009", source="class numbers written as one colour channel: blue of 255", named_by=VALUES)
def marks_in_blue(p: Project) -> None:
    change(p.masks, lambda image: Image.merge("RGB", (*[Image.new("L", image.size)] * 2, image.convert("L"))))


@pixels("DATA009", source="masks of 0 and 1 saved as RGB by an image library", named_by=VALUES)
def colour_masks_of_zero_and_one(p: Project) -> None:
    change(p.masks, lambda image: scaled({0: 0, 255: 1})(image).convert("RGB"))


@pixels("DATA009", source="a threshold that left grey 127, one below half of white", named_by=VALUES)
def marks_one_below_half(p: Project) -> None:
    change(p.masks, scaled({0: 0, 255: 127}))


@pixels("DATA009", source="instance numbers from 1 on, one an image", named_by=VALUES)
def masks_of_instance_numbers(p: Project) -> None:
    for number, mask in enumerate(sorted(p.masks.iterdir()), 1):
        change([mask], scaled({0: 0, 255: number}))


@pixels("DATA009", source="a mask of one bit that was never drawn on", named_by=BLACK, by_hand=NOTHING)
def one_bit_masks_that_are_black(p: Project) -> None:
    put(p.masks, marks().convert("1"))


@pixels("DATA009", source="inverted masks of one bit, as fax software writes them", named_by=INVERTED)
def one_bit_masks_inverted(p: Project) -> None:
    change(p.masks, lambda image: inverted(image).convert("1"))


@pixels("DATA009", source="an eraser's mask: transparent where the defect is", named_by=ALPHA)
def the_defect_in_grey_and_alpha(p: Project) -> None:
    change(p.masks, lambda image: Image.merge("LA", (Image.new("L", image.size), image.convert("L"))))


@pixels("DATA009", source="a crack drawn with a pen of one pixel", named_by=VANISHES, by_hand=NOTHING)
def cracks_of_one_pixel(p: Project) -> None:
    p.flags["resolution"] = 32
    mask = marks()
    ImageDraw.Draw(mask).line((5, 9, 120, 110), fill=255)
    put(p.masks, mask)


@pixels("DATA009", source="pinholes of two pixels all over a plate", named_by=VANISHES, by_hand=NOTHING)
def pinholes_that_vanish(p: Project) -> None:
    p.flags["resolution"] = 32
    put(p.masks, marks(*((x, y, x + 1, y + 1) for x in range(8, 120, 24) for y in range(9, 120, 24))))


@pixels("DATA010", source="object masks whose numbers are classes", named_by=VALUES)
def object_masks_of_class_numbers(p: Project) -> None:
    change(objects(p), scaled({0: 0, 255: 3}))


@pixels("DATA010", source="one cut-out among object masks", named_by=ALPHA)
def one_object_mask_that_is_a_cut_out(p: Project) -> None:
    change([first(objects(p))], lambda image: cut_out(Image.new("RGB", image.size, (90, 60, 40)), image))


@pixels("DATA010", source="every object mask half transparent grey", named_by=VALUES, by_hand=UNSURE)
def object_masks_in_light_grey(p: Project) -> None:
    change(objects(p), scaled({0: 0, 255: 180}))


@pixels("DATA011", source="photographs saved with the background erased, grey", named_by=ALPHA)
def grey_photographs_with_transparency(p: Project) -> None:
    for image, mask in zip(sorted(p.images.iterdir()), sorted(objects(p).iterdir()), strict=True):
        with Image.open(image) as photograph, Image.open(mask) as thing:
            found = Image.merge("LA", (photograph.convert("L"), thing.convert("L")))
        found.save(image)


@pixels("DATA004", source="a mask whose copy was broken off", named_by=CUT)
def an_anomaly_mask_cut_short(p: Project) -> None:
    shorten(first(p.masks), 30)
