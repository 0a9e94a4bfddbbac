"""Pictures as PNG for the workbook, whose programs agree on no vector format.

Letters are drawn by the font that comes with Pillow, which has no Chinese ones, so that a list looks the same whatever fonts the machine
that makes it has. What needs Chinese stands in the cells around the picture, in the reader's own font.
"""

from __future__ import annotations

import io
from functools import cache
from typing import Any

from fraudml.report.drawing import Area, Bars, Circle, Dots, Line, Mark, Picture, Text

SCALE = 2.0
"""Pixels per unit: a picture half as wide as a sheet of A4 then has about 300 dots per inch."""

LETTERS = 1.5
"""So much larger are letters than in the same picture on a screen: half a sheet is narrow."""


def png(picture: Picture) -> bytes:
    """The picture as a PNG of few colours; the same picture gives the same bytes."""
    from PIL import Image, ImageDraw

    wide, high = picture.printed
    image = Image.new("P", (round(wide * SCALE), round(high * SCALE)), "#ffffff")
    canvas = ImageDraw.Draw(image)
    for mark in picture.marks:
        _draw(canvas, mark)
    out = io.BytesIO()
    image.save(out, "PNG", bits=4, compress_level=6)
    return out.getvalue()


def _draw(canvas: Any, mark: Mark) -> None:
    if isinstance(mark, Line):
        canvas.line([_at(mark.x1, mark.y1), _at(mark.x2, mark.y2)], fill=mark.stroke, width=max(1, round(mark.width * SCALE)))
    elif isinstance(mark, Dots):
        for x, y in mark.points:
            canvas.ellipse([_at(x - mark.radius, y - mark.radius), _at(x + mark.radius, y + mark.radius)], fill=mark.fill)
    elif isinstance(mark, Bars):
        for x, y, wide, high in mark.rectangles:
            if wide > 0 and high > 0:
                (left, top), (right, low) = _at(x, y), _at(x + wide, y + high)
                canvas.rectangle([left, top, max(right - 1, left), max(low - 1, top)], fill=mark.fill)
    elif isinstance(mark, Area):
        canvas.polygon([_at(x, y) for x, y in mark.points], fill=mark.fill, outline=mark.stroke, width=round(1.5 * SCALE))
    elif isinstance(mark, Circle):
        box = [_at(mark.x - mark.radius, mark.y - mark.radius), _at(mark.x + mark.radius, mark.y + mark.radius)]
        canvas.ellipse(box, fill=mark.fill, outline=mark.stroke, width=round(1.5 * SCALE))
    else:
        _write(canvas, mark)


def _write(canvas: Any, mark: Text) -> None:
    content = mark.content if mark.content.isascii() else mark.plain
    if content:
        canvas.text(
            _at(mark.x, mark.y), content, fill=mark.fill, font=_font(round(mark.size * LETTERS * SCALE)), anchor=_ANCHOR[mark.anchor]
        )


_ANCHOR = {"start": "ls", "middle": "ms", "end": "rs"}


@cache
def _font(size: int) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size)


def _at(x: float, y: float) -> tuple[int, int]:
    return round(x * SCALE), round(y * SCALE)
