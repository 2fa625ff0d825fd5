"""Whether files have their end, what masks hold, and which square is cut: against Pillow and by hand."""

from __future__ import annotations

import io
import itertools
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageDraw

from trainer.content.ends import HEAD, TAIL, is_cut_short
from trainer.content.share import spread
from trainer.content.uniform import uniform_grey
from trainer.data.dataset import TrainingSet
from trainer.data.latents import CachedLatents
from trainer.data.measure import hidden_share, measure_mask, refuse_cut_short
from trainer.data.square import best_share, places_with_defect
from trainer.errors import TrainerError


def encoded(kind: str, **options: object) -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, kind, **options)
    return stream.getvalue()


def cut(data: bytes) -> bool:
    return is_cut_short(data[:HEAD], data[-TAIL:], len(data), lambda length, at: data[at : at + length])


def decodes(data: bytes) -> bool:
    try:
        Image.open(io.BytesIO(data)).load()
    except (OSError, SyntaxError):
        return False
    return True


THUMBNAIL = b"\xff\xd8 a small picture \xff\xd9"
WHOLE = {
    "png": encoded("PNG"),
    "jpeg": encoded("JPEG"),
    "progressive": encoded("JPEG", progressive=True),
    "webp": encoded("WEBP"),
    "bmp": encoded("BMP"),
}


@pytest.mark.parametrize("kind", WHOLE)
def test_a_whole_file_is_whole_and_bytes_behind_it_are_no_harm(kind):
    data = WHOLE[kind]
    assert not cut(data)
    for behind in (b"\0" * 70_000, b"\xff\xd8 tail", b"x"):
        assert not cut(data + behind)


@pytest.mark.parametrize("kind", WHOLE)
def test_what_a_decoder_misses_the_end_of_is_cut_short(kind):
    data = WHOLE[kind]
    for by in (*range(1, 40), 100, 400, len(data) // 2):
        shorter = data[:-by]
        assert cut(shorter) or decodes(shorter)
        assert cut(shorter) or by < 8, "a checksum that is not whole is no harm"


def test_the_preview_in_a_jpegs_header_is_not_its_end():
    data = WHOLE["jpeg"]
    extra = b"\xff\xe1" + (len(THUMBNAIL) + 2).to_bytes(2, "big") + THUMBNAIL
    whole = data[:2] + extra + data[2:]
    assert not cut(whole + b"\0")
    assert cut(whole[:-2])


def test_zeros_in_the_place_of_the_rest_are_no_end():
    assert cut(WHOLE["png"][:200] + bytes(len(WHOLE["png"]) - 200))


def test_the_trainer_names_a_file_without_its_end(tmp_path):
    (tmp_path / "x.png").write_bytes(WHOLE["png"][:-20])
    with pytest.raises(TrainerError, match=r"x\.png is cut short"):
        refuse_cut_short(tmp_path / "x.png")


def saved(tmp_path, image, name="x.png"):
    image.save(tmp_path / name)
    return tmp_path / name


def boxed(*boxes, size=(64, 64), fill=255):
    mask = Image.new("L", size)
    for box in boxes:
        ImageDraw.Draw(mask).rectangle(box, fill=fill)
    return mask


def test_the_numbers_of_a_mask(tmp_path):
    seen = measure_mask(saved(tmp_path, boxed((0, 0, 31, 31))), 32)
    assert (seen.largest, seen.white, seen.border) == (255, 0.25, 64 / 256)
    assert (seen.ignored, seen.grey, seen.shaped) == (0, 0, 0)
    assert seen.left == pytest.approx(1, abs=0.1)
    assert seen.inside == 1


def test_even_grey_areas_are_levels_and_soft_edges_are_not(tmp_path):
    level = boxed((10, 10, 30, 30))
    ImageDraw.Draw(level).rectangle((40, 40, 50, 50), fill=90)
    assert measure_mask(saved(tmp_path, level), 64).ignored == pytest.approx(81 / 4096)
    soft = boxed((10, 10, 30, 30)).resize((200, 200), Image.Resampling.BICUBIC)
    seen = measure_mask(saved(tmp_path, soft), 64)
    assert seen.grey > 0.01
    assert seen.ignored == 0


def test_a_line_of_one_grey_is_an_edge(tmp_path):
    line = boxed((10, 10, 30, 30))
    ImageDraw.Draw(line).line((10, 31, 30, 31), fill=100)
    assert measure_mask(saved(tmp_path, line), 64).ignored == 0


def test_the_shape_in_the_transparency(tmp_path):
    layer = Image.new("RGB", (64, 64), "white")
    layer.putalpha(boxed((0, 0, 31, 31)))
    assert measure_mask(saved(tmp_path, layer), 64).shaped == 0.75
    assert hidden_share(tmp_path / "x.png") == 0.75
    layer.putalpha(255)
    assert hidden_share(saved(tmp_path, layer)) == 0


def test_hairlines_leave_nothing_and_blocks_all(tmp_path):
    assert measure_mask(saved(tmp_path, boxed((10, 100, 400, 101), size=(512, 512))), 64).left == 0
    assert measure_mask(saved(tmp_path, boxed((100, 100, 139, 139), size=(512, 512))), 64).left == pytest.approx(
        1, abs=0.3
    )


def test_the_square_holds_the_defect_wherever_it_is():
    for left in (0, 37, 150):
        mask = boxed((left, 10, left + 20, 30), size=(200, 40))
        places = places_with_defect(mask, 40)
        assert all(place <= left and left + 20 < place + 40 for place in places)
        assert best_share(mask, 40) == 1
    assert list(places_with_defect(Image.new("L", (100, 40)), 40)) == list(range(61))


def test_of_a_defect_longer_than_the_square_half_of_the_best_is_held():
    mask = boxed((5, 10, 20, 30), (150, 10, 190, 30), size=(200, 40))
    places = places_with_defect(mask, 40)
    held = [np.asarray(mask)[:, place : place + 40].sum() for place in range(161)]
    assert set(places) == {place for place in range(161) if held[place] >= max(held) / 2}


@pytest.fixture
def strips(tmp_path):
    """A data set of one strip whose defect is at its right end, and one upright."""
    folder = tmp_path / "data" / "steel" / "test" / "dent"
    masks = tmp_path / "data" / "steel" / "ground_truth" / "dent"
    for name, size, box in (("0", (256, 32), (230, 5, 250, 20)), ("1", (32, 256), (5, 3, 20, 9))):
        for where, image in ((folder, Image.new("RGB", size)), (masks, boxed(box, size=size))):
            where.mkdir(parents=True, exist_ok=True)
            image.save(where / f"{name}.png")
    return folder


def training(strips, **more):
    return TrainingSet(strips, condition_dir=None, resolution=32, variant="dual", selection="all", **more)


@pytest.mark.parametrize("flips", [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("index", [0, 1])
def test_every_square_that_is_drawn_holds_the_whole_defect(strips, index, flips):
    data = training(strips)
    whole = None
    for at in (None, *((step / 20, step / 20) for step in range(20))):
        crop = data.square(index, at, hflip=flips[0], vflip=flips[1])
        part = data.tensors(index, hflip=flips[0], vflip=flips[1], crop=crop)["part"]
        marked = int((part != 0).any(axis=0).sum())
        whole = whole or marked
        assert marked == whole == (21 * 16 if index == 0 else 16 * 7)


def test_upstreams_squares_are_left_to_chance(strips):
    for number in (2, 3):
        for folder in (strips, strips.parents[1] / "ground_truth" / "dent"):
            (folder / f"{number}.png").write_bytes((folder / "0.png").read_bytes())
    data = training(strips, faithful=True)
    places = {data.square(0, (step / 50, step / 50), hflip=False, vflip=False) for step in range(50)}
    assert len(places) > 40
    assert data.square(0, None, hflip=False, vflip=False) is None


def test_squares_need_no_mask(tmp_path, strips):
    Image.new("RGB", (64, 64)).save(strips / "0.png")
    boxed((1, 1, 5, 5)).save(strips.parents[1] / "ground_truth" / "dent" / "0.png")
    data = training(strips)
    (strips.parents[1] / "ground_truth" / "dent" / "0.png").unlink()
    assert data.square(0, (0.3, 0.3), hflip=True, vflip=False) is None


def test_cached_latents_are_of_the_square_with_the_defect(strips, monkeypatch):
    import torch

    seen = []

    def encode(vae, pictures):
        seen.append(pictures)
        return torch.zeros(2, 4, 4, 4), torch.ones(2, 4, 4, 4)

    monkeypatch.setattr("trainer.data.latents.encode", encode)
    latents = CachedLatents(training(strips), None, [(0, False, False), (0, True, False)], torch.device("cpu"))
    assert all((pictures[1] != 0).any() for pictures in seen)
    assert latents._mean.shape == (2, 2, 4, 4, 4)


def test_an_even_sample():
    assert spread([1, 2, 3], 5) == [1, 2, 3]
    assert spread(range(100), 5) == [0, 24, 49, 74, 99]
    assert spread(range(9), 1) == [0]


def even(data: bytes) -> int | None:
    return uniform_grey(len(data), lambda length, at: data[at : at + length])


def filtered_png(filters: tuple[int, ...], colour: int, bits: int, pixel: bytes, width: int = 9) -> bytes:
    """A PNG of equal pixels whose rows have these filters, in two IDAT chunks; filtered by the standard's formulas."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    wide = max(1, bits // 8)
    row = pixel * ((width * bits + 7) // 8 // wide)
    above, rows = bytes(len(row)), bytearray()
    for kind in filters:
        rows.append(kind)
        for at, value in enumerate(row):
            a, b, c = (row[at - wide], above[at], above[at - wide]) if at >= wide else (0, above[at], 0)
            distances = [abs(a + b - c - near) for near in (a, b, c)]
            predicted = (0, a, b, (a + b) // 2, (a, b, c)[distances.index(min(distances))])[kind]
            rows.append((value - predicted) & 255)
        above = row
    packed = zlib.compress(bytes(rows))
    header = struct.pack(">IIBBBBB", width, len(filters), min(bits, 8), colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", packed[:7]) + chunk(b"IDAT", packed[7:]) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize(
    ("colour", "bits", "pixel"),
    [
        (0, 8, b"\0"),
        (0, 8, b"\xff"),
        (0, 8, b"\x80"),
        (0, 1, b"\xff"),
        (2, 24, b"\x09\x80\xff"),
        (6, 32, b"\1\1\1\xff"),
    ],
)
def test_an_even_png_is_told_from_its_bytes_with_every_filter_as_pillow_reads_it(colour, bits, pixel):
    for filters in itertools.product(range(5), repeat=3):
        data = filtered_png(filters, colour, bits, pixel)
        assert even(data) == Image.open(io.BytesIO(data)).convert("L").getpixel((0, 0)), filters


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA"])
@pytest.mark.parametrize("size", [(1, 1), (33, 70), (640, 480)])
def test_an_even_picture_of_any_kind_is_told_and_one_other_pixel_is_seen(mode, size):
    for grey in (0, 255):
        picture = Image.new("L", size, grey)
        found = []
        for _ in range(2):
            stream = io.BytesIO()
            picture.convert(mode).save(stream, "PNG")
            found.append(even(stream.getvalue()))
            picture.putpixel((size[0] - 1, size[1] - 1), 255 - grey)
        assert found == [grey, 255 - grey if size == (1, 1) else None]


def test_what_cannot_be_told_is_not_told():
    clear, deep = Image.new("RGBA", (4, 4)), Image.new("I;16", (4, 4))
    for picture in (clear, deep):
        stream = io.BytesIO()
        picture.save(stream, "PNG")
        assert even(stream.getvalue()) is None
    whole = encoded("PNG")
    assert even(whole) is even(whole[:200]) is even(b"") is even(b"\x89PNG\r\n\x1a\n") is even(WHOLE["jpeg"]) is None
    damaged = filtered_png((0, 0), 0, 8, b"\0")
    assert even(damaged.replace(b"IDAT\x78", b"IDAT\x00")) is None
