"""Writing into a workbook: text that stays text, formats, and how high a wrapped row must be."""

from __future__ import annotations

import datetime as dt
import io
import math
import unicodedata
from typing import Any

FONT = "Microsoft YaHei"
INK, QUIET, RULE, SOFT, YELLOW = "#1d2733", "#5a6471", "#d5d1c9", "#f3f1ec", "#fff6d6"
RISKY = ("=", "+", "-", "@", "\t", "\r", "\n")


class Cells:
    """A sheet that takes values by kind and hands out formats by description."""

    def __init__(self, book: Any, sheet: Any) -> None:
        self.book, self.sheet = book, sheet

    def format(self, **wanted: Any) -> Any:
        """A format, made once per description and workbook."""
        known: dict[tuple[tuple[str, Any], ...], Any] = self.book.__dict__.setdefault("fraudml_formats", {})
        key = tuple(sorted(wanted.items()))
        if key not in known:
            known[key] = self.book.add_format({"font_name": FONT, "font_size": 10, "font_color": INK, "valign": "top"} | wanted)
        return known[key]

    def text(self, row: int, column: int, value: Any, **wanted: Any) -> None:
        """Text, whatever it looks like: never a formula, a link or a number, not even after somebody edits the cell."""
        content = "" if value is None else str(value)
        if content.startswith(RISKY):
            wanted["quote_prefix"] = True
        self.sheet.write_string(row, column, content[:32000], self.format(**wanted))

    def number(self, row: int, column: int, value: float | None, **wanted: Any) -> None:
        if value is None or not math.isfinite(value):
            self.sheet.write_blank(row, column, None, self.format(**wanted))
        else:
            self.sheet.write_number(row, column, value, self.format(**wanted))

    def day(self, row: int, column: int, iso: str, **wanted: Any) -> None:
        """A day as a date, so that it sorts and filters by month and year; nothing where it is unknown."""
        if iso:
            self.sheet.write_datetime(
                row, column, dt.datetime.fromisoformat(iso), self.format(num_format="yyyy-mm-dd", align="left", **wanted)
            )
        else:
            self.sheet.write_blank(row, column, None, self.format(**wanted))

    def money(self, row: int, column: int, value: float | None, **wanted: Any) -> None:
        self.number(row, column, value, num_format="#,##0.00", align="right", **wanted)

    def picture(self, row: int, column: int, content: bytes, description: str, scale: float, offset: float) -> None:
        """A PNG ``offset`` points right of a cell's corner, moving with it; ``scale`` is points per pixel."""
        # the program takes a picture without resolution for 96 dots per inch: three quarters of a point each
        size = {"x_scale": scale / 0.75, "y_scale": scale / 0.75, "object_position": 2, "x_offset": offset / 0.75}
        self.sheet.insert_image(row, column, "picture.png", size | {"image_data": io.BytesIO(content), "description": description[:250]})

    def across(self, row: int, first: int, last: int, value: Any, **wanted: Any) -> None:
        """Text over merged cells."""
        content = "" if value is None else str(value)
        if content.startswith(RISKY):
            wanted["quote_prefix"] = True
        self.sheet.merge_range(row, first, row, last, "", self.format(**wanted))
        self.sheet.write_string(row, first, content[:32000], self.format(**wanted))


def width_of(content: str) -> int:
    """Width in Latin letters: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in content)


def lines_of(content: str, width: float) -> int:
    """Lines that wrapped text takes in a column of so many Latin letters."""
    return sum(max(1, math.ceil(width_of(part) / max(width, 1))) for part in content.split("\n"))


def shortened(content: str, letters: int) -> str:
    """Text cut to a width in Latin letters, with an ellipsis where it was cut."""
    if width_of(content) <= letters:
        return content
    taken, used = [], 1
    for letter in content:
        used += width_of(letter)
        if used > letters:
            break
        taken.append(letter)
    return "".join(taken) + "…"
