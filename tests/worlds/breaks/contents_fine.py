"""Images and masks that look odd and are well."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import numpy as np
from PIL import Image, ImageFilter

from tests.worlds.breaks.data import first
from tests.worlds.breaks.pixels import SIDE, as_kind, change, marks, objects, put, resized, scaled
from tests.worlds.project import Project
from tests.worlds.world import Break, fine


def odd(source: str) -> Callable[[Break], Break]:
    """A healthy world whose images and masks are opened."""

    def register(make_it: Break) -> Break:
        @wraps(make_it)
        def lay(p: Project) -> None:
            p.reads_pixels = True
            make_it(p)

        return fine(source=source)(lay)

    return register


@odd("the miniature as it is, with its pixels read")
def everything_opened(p: Project) -> None:
    pass


@odd("contamination over most of a product: 60 percent of the image, up to two of its edges")
def a_defect_over_most_of_the_image(p: Project) -> None:
    put(p.masks, marks((0, 0, 100, 100)))


@odd("rust over 80 percent of a plate, the frame clean")
def a_defect_over_all_but_the_frame(p: Project) -> None:
    put(p.masks, marks((6, 6, 121, 121)))


@odd("a defect along the whole border: a chipped edge all round, half of it in width")
def a_chipped_edge_all_round(p: Project) -> None:
    frame = marks((0, 0, SIDE - 1, SIDE - 1))
    frame.paste(0, (10, 10, SIDE - 10, SIDE - 10))
    put(p.masks, frame)


@odd("pinholes: a defect of four by four pixels, trained at its own size")
def a_tiny_defect(p: Project) -> None:
    p.flags["resolution"] = SIDE
    put(p.masks, marks((60, 60, 63, 63)))


@odd("a defect of six by six pixels that the resize halves")
def a_tiny_defect_made_smaller(p: Project) -> None:
    p.flags["resolution"] = 64
    put(p.masks, marks((60, 60, 65, 65)))


@odd("a scratch one pixel wide, trained at its own size")
def a_hairline_at_full_size(p: Project) -> None:
    p.flags["resolution"] = SIDE
    put(p.masks, marks((20, 64, 100, 64)))


@odd("masks drawn with soft edges, as drawing programs do")
def masks_with_soft_edges(p: Project) -> None:
    change(p.masks, lambda image: image.convert("L").filter(ImageFilter.GaussianBlur(1.2)))


@odd("masks that were enlarged with interpolation: broad grey edges")
def masks_enlarged(p: Project) -> None:
    resized(p, (600, 600))


@odd("masks saved as JPEG once: noise about black and white")
def masks_with_jpeg_noise(p: Project) -> None:
    for mask in sorted(p.masks.iterdir()):
        with Image.open(mask) as image:
            image.convert("L").save(mask.with_suffix(".jpg"), quality=60)
        mask.unlink()


@odd("palette masks of black and white")
def masks_with_a_palette(p: Project) -> None:
    change(p.masks, lambda image: image.convert("1").convert("P"))


@odd("masks of one bit a pixel")
def masks_of_one_bit(p: Project) -> None:
    change(p.masks, lambda image: image.convert("1"))


@odd("masks saved as colour pictures, black and white all the same")
def masks_in_rgb(p: Project) -> None:
    change(p.masks, lambda image: image.convert("L").convert("RGB"))


@odd("masks with an alpha channel that is opaque throughout")
def masks_with_opaque_alpha(p: Project) -> None:
    change(p.masks, lambda image: image.convert("L").convert("RGBA"))


@odd("masks on transparency where transparency and black say the same")
def masks_whose_transparency_says_the_same(p: Project) -> None:
    def layer(image: Image.Image) -> Image.Image:
        grey = image.convert("L").point([0] * 128 + [255] * 128)
        return Image.merge("LA", (grey, grey))

    change(p.masks, layer)


@odd("masks of 0 and 200: light grey counts as white")
def masks_in_light_grey(p: Project) -> None:
    change(p.masks, scaled({0: 0, 255: 200}))


@odd("green marks on black: their luminance is above one half")
def marks_in_green(p: Project) -> None:
    def green(image: Image.Image) -> Image.Image:
        none = Image.new("L", image.size)
        return Image.merge("RGB", (none, image.convert("L"), none))

    change(p.masks, green)


@odd("masks with several light levels, one for each kind of defect: all count as marked")
def masks_of_several_light_levels(p: Project) -> None:
    both = marks((20, 20, 50, 50))
    both.paste(180, (80, 80, 100, 100))
    put(p.masks, both)


@odd("object masks as U-2-Net gives them: soft edges")
def object_masks_with_soft_edges(p: Project) -> None:
    change(objects(p), lambda image: image.convert("L").filter(ImageFilter.GaussianBlur(2)))


@odd("object masks white throughout for a texture, which has no background")
def object_masks_of_a_texture(p: Project) -> None:
    put(objects(p), marks(black=255))


@odd("an object that reaches two edges of the image")
def an_object_that_reaches_two_edges(p: Project) -> None:
    put(objects(p), marks((0, 30, SIDE - 1, 100)))


@odd("photographs with an alpha channel that is opaque throughout")
def photographs_with_opaque_alpha(p: Project) -> None:
    change(p.images, lambda image: image.convert("RGBA"))


@odd("photographs of 16 bits a colour channel, which are read as 8")
def photographs_of_16_bits_a_colour(p: Project) -> None:
    import cv2

    for file in sorted(p.images.iterdir()):
        cv2.imwrite(str(file), cv2.imread(str(file)).astype(np.uint16) * 257)


@odd("photographs in CMYK, as printing houses deliver them")
def photographs_in_cmyk(p: Project) -> None:
    for file in as_kind(p, ".jpg", quality=95):
        change([file], lambda image: image.convert("CMYK"))


@odd("photographs with bytes behind their end: a camera's preview, a steganographer's joke")
def photographs_with_bytes_behind_their_end(p: Project) -> None:
    with first(p.images).open("ab") as stream:
        stream.write(b"\xff\xd8 more " * 300)
    with sorted(p.images.iterdir())[1].open("ab") as stream:
        stream.write(bytes(100_000))


@odd("progressive JPEGs with bytes behind their end")
def progressive_jpegs(p: Project) -> None:
    with as_kind(p, ".jpg", progressive=True, quality=90)[0].open("ab") as stream:
        stream.write(bytes(5000))


@odd("strips four times as long as high, their defects together at one end")
def strips_with_their_defect_at_one_end(p: Project) -> None:
    resized(p, (SIDE * 4, SIDE))
    put(p.masks, marks((460, 30, 500, 70), size=(SIDE * 4, SIDE)))


@odd("tall photographs whose defect is longer than the square")
def a_defect_longer_than_the_square(p: Project) -> None:
    resized(p, (SIDE, SIDE * 2))
    put(p.masks, marks((50, 20, 70, 200), size=(SIDE, SIDE * 2)))


@odd("masks named by number behind an underscore, one for each image")
def images_numbered_behind_an_underscore(p: Project) -> None:
    for folder in (p.images, objects(p)):
        for number, file in enumerate(sorted(folder.iterdir())):
            file.rename(file.with_name(f"part_{number}.png"))
    for number, file in enumerate(sorted(p.masks.iterdir())):
        file.rename(file.with_name(f"part_{number}_mask.png"))
