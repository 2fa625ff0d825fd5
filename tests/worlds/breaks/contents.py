"""What images and masks hold: worlds whose names and headers are all right."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from PIL import Image, ImageDraw

from tests.worlds.breaks.data import first
from tests.worlds.breaks.pixels import (
    DEFECT,
    SIDE,
    as_kind,
    change,
    cut_out,
    inverted,
    marks,
    objects,
    put,
    resized,
    scaled,
    shorten,
)
from tests.worlds.project import Project, named_in_the_file
from tests.worlds.world import Break, world

INVERTED = r"invert|white (along|is)|polarity"
BLACK = r"black|empty|marks nothing"
VALUES = r"values?[^\n]*(0|1|255)|classes|levels|colou?r|grey"
ALPHA = r"alpha|transparen|cut.?out"
NOTHING = "nothing is marked that a copy could show"
UNSURE = "what is meant is not certain"
CUT = r"cut short|truncated|incomplete|missing[^\n]*(end|last)|(end|last)[^\n]*missing"
VANISHES = r"resiz|thin|small|vanish|resolution"


def pixels(*rules: str, source: str, named_by: str, by_hand: str = "") -> Callable[[Break], Break]:
    """A world whose images and masks are opened."""

    def register(break_it: Break) -> Break:
        @wraps(break_it)
        def lay(p: Project) -> None:
            p.reads_pixels = True
            named_in_the_file(p, "data", "foreground")
            break_it(p)

        return world(*rules, source=source, named_by=named_by, by_hand=by_hand)(lay)

    return register


@pixels("DATA009", source="masks exported with black defects on white, as annotation tools offer", named_by=INVERTED)
def masks_inverted(p: Project) -> None:
    change(p.masks, inverted)


@pixels(
    "DATA009",
    source="one mask of a set drawn by another person, the other way round",
    named_by=INVERTED,
    by_hand=UNSURE,
)
def one_mask_inverted(p: Project) -> None:
    change([first(p.masks)], inverted)


@pixels("DATA009", source="inverted masks saved as JPEG and back: nearly white, nearly black", named_by=INVERTED)
def masks_inverted_with_noise(p: Project) -> None:
    change(p.masks, lambda image: scaled({0: 249, 255: 6})(image))


@pixels("DATA009", source="a placeholder that completes the layout: every mask black", named_by=BLACK, by_hand=NOTHING)
def masks_all_black(p: Project) -> None:
    put(p.masks, marks())


@pixels("DATA009", source="one training mask black at the right size, the rest drawn", named_by=BLACK, by_hand=NOTHING)
def one_mask_black(p: Project) -> None:
    change([first(p.masks)], lambda image: Image.new("L", image.size))


@pixels(
    "DATA009",
    source="a placeholder the other way round: every mask white",
    named_by=r"white throughout|all.white",
    by_hand=NOTHING,
)
def masks_all_white(p: Project) -> None:
    put(p.masks, marks(white=255, black=255))


@pixels("DATA009", source="VisA and segmentation sets: masks of 0 and 1", named_by=VALUES)
def masks_of_zero_and_one(p: Project) -> None:
    change(p.masks, scaled({0: 0, 255: 1}))


@pixels("DATA009", source="class numbers as in Cityscapes' labelIds: 0 and 7", named_by=VALUES)
def masks_of_class_numbers(p: Project) -> None:
    change(p.masks, scaled({0: 0, 255: 7}))


@pixels("DATA009", source="marks drawn in mid-grey: below half of white, so they count as black", named_by=VALUES)
def marks_in_dark_grey(p: Project) -> None:
    change(p.masks, scaled({0: 0, 255: 100}))


@pixels("DATA009", source="a paint program's red brush on black: its luminance is 76 of 255", named_by=VALUES)
def marks_in_red(p: Project) -> None:
    change(p.masks, lambda image: Image.merge("RGB", (image.convert("L"), *[Image.new("L", image.size)] * 2)))


@pixels("DATA009", source="VOC's palette masks: class 1 is (128, 0, 0)", named_by=VALUES)
def masks_with_vocs_palette(p: Project) -> None:
    def paletted(image: Image.Image) -> Image.Image:
        found = image.convert("L").point([0] * 128 + [1] * 128).convert("P")
        found.putpalette([0, 0, 0, 128, 0, 0])
        return found

    change(p.masks, paletted)


@pixels(
    "DATA009",
    source="LOCO-like masks: one grey level for each kind of defect, the darker ones lost",
    named_by=VALUES,
    by_hand=UNSURE,
)
def masks_of_several_grey_levels(p: Project) -> None:
    def two(image: Image.Image) -> Image.Image:
        ImageDraw.Draw(image := image.convert("L")).rectangle((90, 90, 110, 105), fill=85)
        return image

    change(p.masks, two)


@pixels("DATA009", source="labelled in colours: white scratches and blue dents in one mask", named_by=VALUES)
def masks_of_several_colours(p: Project) -> None:
    def two(image: Image.Image) -> Image.Image:
        ImageDraw.Draw(image := image.convert("RGB")).ellipse((85, 85, 110, 110), fill=(0, 0, 255))
        return image

    change(p.masks, two)


@pixels("DATA009", source="a drawing program's layer: white marks on transparency, white under it too", named_by=ALPHA)
def marks_in_the_transparency(p: Project) -> None:
    def layer(image: Image.Image) -> Image.Image:
        found = Image.new("RGB", image.size, "white")
        found.putalpha(image.convert("L"))
        return found

    change(p.masks, layer)


@pixels("DATA009", source="a drawing program's layer: red marks on transparency", named_by=ALPHA)
def red_marks_on_transparency(p: Project) -> None:
    change(p.masks, lambda image: cut_out(Image.new("RGB", image.size, "red"), image))


@pixels(
    "DATA009", source="a scratch two pixels wide in a photograph of 4,000 pixels", named_by=VANISHES, by_hand=NOTHING
)
def hairlines_that_vanish(p: Project) -> None:
    p.flags["resolution"] = 64
    resized(p, (512, 512))
    put(p.masks, marks((100, 200, 400, 201), size=(512, 512)))


@pixels(
    "DATA009",
    source="one defect of three pixels among larger ones in a large photograph",
    named_by=VANISHES,
    by_hand=NOTHING,
)
def one_speck_that_vanishes(p: Project) -> None:
    p.flags["resolution"] = 64
    resized(p, (512, 512))
    change([first(p.masks)], lambda image: marks((200, 200, 202, 202), size=image.size))


@pixels(
    "DATA009",
    source="a steel strip: defects at both ends of an image eight times as long as high",
    named_by="square|outside|crop",
    by_hand=NOTHING,
)
def defects_at_both_ends_of_a_strip(p: Project) -> None:
    resized(p, (SIDE * 8, SIDE))
    boxes = [(x, 30, x + 80, 90) for x in (10, 300, 560, 900)]
    put(p.masks, marks(*boxes, size=(SIDE * 8, SIDE)))


@pixels("DATA010", source="a background remover's default output: the object on transparency", named_by=ALPHA)
def object_masks_that_are_cut_outs(p: Project) -> None:
    for mask in sorted(objects(p).iterdir()):
        with Image.open(p.images / mask.name) as photograph, Image.open(mask) as shape:
            cut_out(photograph, shape).save(mask)


@pixels(
    "DATA010",
    source="a cut-out on black instead of transparency: grey where the object is",
    named_by=VALUES,
    by_hand=UNSURE,
)
def object_masks_that_are_photographs_on_black(p: Project) -> None:
    for mask in sorted(objects(p).iterdir()):
        with Image.open(p.images / mask.name) as photograph, Image.open(mask) as shape:
            cut_out(photograph, shape).convert("RGB").save(mask)


@pixels("DATA010", source="object masks with the background white", named_by=INVERTED, by_hand=UNSURE)
def object_masks_inverted(p: Project) -> None:
    change(objects(p), inverted)


@pixels("DATA010", source="object masks of 0 and 1", named_by=VALUES)
def object_masks_of_zero_and_one(p: Project) -> None:
    change(objects(p), scaled({0: 0, 255: 1}))


@pixels("DATA010", source="a segmenter that found nothing in one image", named_by=BLACK, by_hand=NOTHING)
def one_object_mask_black(p: Project) -> None:
    change([first(objects(p))], lambda image: Image.new("L", image.size))


@pixels(
    "DATA010",
    source="a segmenter that took the whole of one image",
    named_by=r"white throughout|all.white",
    by_hand=NOTHING,
)
def one_object_mask_white(p: Project) -> None:
    change([first(objects(p))], lambda image: Image.new("L", image.size, 255))


@pixels("DATA010", source="a network's unsure answer: the whole object in mid-grey", named_by=VALUES, by_hand=UNSURE)
def object_masks_in_grey(p: Project) -> None:
    change(objects(p), scaled({0: 0, 255: 170}))


@pixels("DATA011", source="photographs saved with transparency: magenta lies hidden under it", named_by=ALPHA)
def photographs_with_transparency(p: Project) -> None:
    for image in sorted(p.images.iterdir()):
        with Image.open(image) as photograph, Image.open(objects(p) / image.name) as shape:
            cut_out(photograph, shape, "magenta").save(image)


@pixels("DATA011", source="one WebP with transparency, as a web shop serves it", named_by=ALPHA)
def one_webp_with_transparency(p: Project) -> None:
    file = first(p.images)
    with Image.open(file) as photograph, Image.open(objects(p) / file.name) as shape:
        cut_out(photograph, shape).save(file.with_suffix(".webp"), lossless=True)
    file.unlink()


@pixels("DATA011", source="a palette with a transparent colour (PNG's tRNS)", named_by=ALPHA)
def one_palette_with_a_transparent_colour(p: Project) -> None:
    def paletted(image: Image.Image) -> Image.Image:
        found = image.convert("P", palette=Image.Palette.ADAPTIVE, colors=8)
        found.info["transparency"] = found.histogram().index(max(found.histogram()))
        return found

    change([first(p.images)], paletted)


@world("DATA004", source="a download that broke off: a PNG of 900 bytes", named_by=CUT)
def a_png_cut_short(p: Project) -> None:
    file = first(p.images)
    file.write_bytes(file.read_bytes()[:900])


@world("DATA004", source="a copy that broke off a few bytes before the end: IEND is not there", named_by=CUT)
def a_png_without_its_last_chunk(p: Project) -> None:
    shorten(first(p.masks), 14)


@world("DATA004", source="Pillow: image file is truncated (154 bytes not processed)", named_by=CUT)
def a_jpeg_without_its_last_marker(p: Project) -> None:
    shorten(as_kind(p, ".jpg", quality=95)[0], 400)


@world("DATA004", source="an object mask of which half was copied", named_by=CUT)
def an_object_mask_cut_short(p: Project) -> None:
    shorten(first(objects(p)), 100)


@world("DATA004", source="a BMP whose header promises more rows than there are", named_by=CUT)
def a_bmp_cut_short(p: Project) -> None:
    shorten(as_kind(p, ".bmp")[1], 5000)


@world("DATA004", source="a WebP whose RIFF length goes beyond the file", named_by=CUT)
def a_webp_cut_short(p: Project) -> None:
    shorten(as_kind(p, ".webp")[0], 300)


@pixels(
    "DATA004",
    source="a block of zeros in the middle of a mask, as a failing disk leaves it",
    named_by=r"cannot be read",
)
def a_mask_damaged_in_the_middle(p: Project) -> None:
    mask = first(p.masks)
    data = bytearray(mask.read_bytes())
    middle = data.index(b"IDAT") + 12
    data[middle : middle + 40] = bytes(40)
    mask.write_bytes(data)


@world(
    "DATA003",
    source="a textile set: two masks for an image with two defects",
    named_by=r"several masks|more than one|join",
)
def two_masks_for_each_image(p: Project) -> None:
    for mask in sorted(p.masks.iterdir()):
        stem = mask.stem.removesuffix("_mask")
        for number in (1, 2):
            marks((20 * number, 30, 20 * number + 10, 60)).save(p.masks / f"{stem}_mask{number}.png")
        mask.unlink()


@world("DATA003", source="a second defect drawn into a file of its own", named_by=r"several masks|more than one|join")
def a_second_mask_beside_the_first(p: Project) -> None:
    mask = first(p.masks)
    marks(DEFECT).save(mask.with_name(f"{mask.stem}_2.png"))
