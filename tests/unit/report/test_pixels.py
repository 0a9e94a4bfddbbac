"""Pictures for the workbook: the same marks as pixels, the same on every machine."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from fraudml.report.drawing import ACCENT, Area, Bars, Circle, Dots, Line, Picture, Text
from fraudml.report.pixels import SCALE, png


def drawn(*marks, **more):
    return Image.open(io.BytesIO(png(Picture(marks, 100, 50, "title", "words", **more)))).convert("RGB")


@pytest.mark.parametrize(
    "mark",
    [
        Line(10, 25, 60, 25, ACCENT, 2),
        Dots([(30, 25)], 4, ACCENT),
        Bars([(20, 15, 20, 20)], ACCENT),
        Area([(20, 10), (45, 25), (20, 40)], ACCENT),
        Circle(30, 25, 8, ACCENT, "#ffffff"),
    ],
)
def test_every_mark_is_where_the_svg_has_it(mark):
    image = drawn(mark)
    assert image.size == (round(100 * SCALE), round(50 * SCALE))
    assert image.getpixel((round(30 * SCALE), round(25 * SCALE))) == (0xA8, 0x32, 0x1F)
    assert image.getpixel((round(90 * SCALE), round(45 * SCALE))) == (255, 255, 255)


def test_chinese_gives_way_to_its_plain_form():
    blank = drawn(Text(50, 25, "同类中位数"))
    assert blank.getcolors() == [(blank.width * blank.height, (255, 255, 255))]
    assert len(drawn(Text(50, 25, "同类中位数 12", plain="12")).getcolors()) > 1
    assert len(drawn(Text(50, 25, "median 12")).getcolors()) > 1


def test_what_stands_in_cells_is_cut_off():
    assert drawn(printed_width=60.0).width == round(60 * SCALE)


def test_bars_of_no_height_are_nothing():
    assert len(drawn(Bars([(10, 10, 5, 0)], ACCENT)).getcolors()) == 1


def test_the_same_picture_gives_the_same_bytes():
    picture = Picture([Circle(30, 25, 8, ACCENT, "#ffffff"), Text(10, 10, "a")], 100, 50, "", "")
    assert png(picture) == png(picture)
