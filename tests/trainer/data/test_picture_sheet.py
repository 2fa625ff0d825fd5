"""Sheets: every cell where it belongs, unchanged, with paper between; texts that any font can draw."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFont

from trainer.data.picture_sheet import Row, make_sheet


def plain(level, side=128):
    return Image.new("RGB", (side, side), (level, 0, 0))


@pytest.mark.parametrize(("side", "shown"), [(32, 128), (100, 200), (128, 128), (300, 300)])
def test_cells_stand_side_by_side_with_gaps_and_small_ones_are_enlarged(side, shown):
    rows = [Row("one", (plain(10, side), plain(20, side))), Row("two", (plain(30, side), None))]
    sheet = np.asarray(make_sheet("title", ("a", "b"), rows))
    assert sheet.shape[1] == 2 * shown + 3 * 8
    for level in (10, 20, 30):
        found = (sheet == (level, 0, 0)).all(-1)
        assert found.sum() == shown * shown
        columns = np.flatnonzero(found.any(0))
        assert (columns[0], columns[-1]) == ((8, 7 + shown) if level != 20 else (16 + shown, 15 + 2 * shown))


def test_what_no_plain_font_has_is_replaced_and_long_captions_are_wrapped():
    short = make_sheet("t", ("a",), [Row("c", (plain(10),))])
    long = make_sheet("t", ("a",), [Row("瑕疵 " * 40, (plain(10),))])
    assert long.width == short.width
    assert long.height > short.height + 3 * 16


def test_an_old_pillow_writes_with_its_bitmap_font(monkeypatch):
    new = ImageFont.load_default
    bitmap = new.__globals__["load_default_imagefont"]() if "load_default_imagefont" in new.__globals__ else new()
    monkeypatch.setattr(ImageFont, "load_default", lambda *size: {0: bitmap}[len(size)] if not size else _refuse())
    sheet = np.asarray(make_sheet("瑕疵", ("a",), [Row("caption", (plain(10),))]))
    assert (sheet < 128).all(-1).any()


def _refuse():
    raise TypeError("load_default() takes 0 positional arguments but 1 was given")
