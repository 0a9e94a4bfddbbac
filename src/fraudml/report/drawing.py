"""Pictures as a few marks: SVG for page and notebook, pixels for the printed sheet; legible in grey, readable by screen readers."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape as escaped
from typing import NamedTuple

INK, TEXT, QUIET, FAINT, ACCENT = "#1d2733", "#4a5563", "#9aa3af", "#e3e7ec", "#a8321f"
"""Near-black, secondary text (7.6:1 on white), peers, rules, the entity itself (7:1 on white and darker than peers in grey)."""

PALE = "#c3cad3"
FONT = '-apple-system,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC","Source Han Sans SC",sans-serif'

Point = tuple[float, float]


class Line(NamedTuple):
    x1: float
    y1: float
    x2: float
    y2: float
    stroke: str = FAINT
    width: float = 1

    def svg(self) -> str:
        path = f"M{coordinate(self.x1)} {coordinate(self.y1)}L{coordinate(self.x2)} {coordinate(self.y2)}"
        return f'<path d="{path}" stroke="{self.stroke}" stroke-width="{self.width:g}" fill="none"/>'


class Text(NamedTuple):
    """Words at a place; ``plain`` stands for them where only Latin letters can be drawn."""

    x: float
    y: float
    content: str
    size: int = 12
    anchor: str = "start"
    fill: str = TEXT
    bold: bool = False
    plain: str = ""

    def svg(self) -> str:
        weight = ' font-weight="600"' if self.bold else ""
        placed = f' text-anchor="{self.anchor}"' if self.anchor != "start" else ""
        where = f'x="{coordinate(self.x)}" y="{coordinate(self.y)}" font-size="{self.size}"{placed}{weight}'
        return f'<text {where} fill="{self.fill}">{escape(self.content)}</text>'


class Dots(NamedTuple):
    """Many equal dots as one path: a stroke without length and with round caps."""

    points: Sequence[Point]
    radius: float
    fill: str

    def svg(self) -> str:
        path = "".join(f"M{coordinate(x)} {coordinate(y)}h0" for x, y in self.points)
        stroke = f'stroke="{self.fill}" stroke-width="{coordinate(2 * self.radius)}" stroke-linecap="round"'
        return f'<path d="{path}" {stroke} fill="none"/>' if path else ""


class Bars(NamedTuple):
    """Many rectangles (x, y, width, height) of one colour as one path."""

    rectangles: Sequence[tuple[float, float, float, float]]
    fill: str

    def svg(self) -> str:
        path = "".join(
            f"M{coordinate(x)} {coordinate(y)}h{coordinate(w)}v{coordinate(h)}h{coordinate(-w)}z"
            for x, y, w, h in self.rectangles
            if h > 0 and w > 0
        )
        return f'<path d="{path}" fill="{self.fill}"/>' if path else ""


class Area(NamedTuple):
    """A closed shape with a thin outline."""

    points: Sequence[Point]
    fill: str
    stroke: str = "#ffffff"

    def svg(self) -> str:
        path = "L".join(f"{coordinate(x)} {coordinate(y)}" for x, y in self.points)
        return f'<path d="M{path}z" fill="{self.fill}" stroke="{self.stroke}" stroke-width="1.5"/>'


class Circle(NamedTuple):
    x: float
    y: float
    radius: float
    fill: str
    stroke: str

    def svg(self) -> str:
        where = f'cx="{coordinate(self.x)}" cy="{coordinate(self.y)}" r="{coordinate(self.radius)}"'
        return f'<circle {where} fill="{self.fill}" stroke="{self.stroke}" stroke-width="1.5"/>'


Mark = Line | Text | Dots | Bars | Area | Circle


@dataclass(frozen=True)
class Picture:
    """Marks on a sheet of ``width`` x ``height``, and what they show in words (the alternative text).

    Attributes
    ----------
    legend, printed_width, printed_height : words that stand right of ``printed_width`` or below ``printed_height``; in print they stand in
        cells and the picture ends there (:attr:`printed`).
    """

    marks: Sequence[Mark]
    width: int
    height: int
    title: str
    description: str
    legend: Sequence[str] = ()
    printed_width: float = 0.0
    printed_height: float = 0.0

    @property
    def printed(self) -> tuple[float, float]:
        """Width and height of the printed picture."""
        return self.printed_width or self.width, self.printed_height or self.height

    def svg(self) -> str:
        label = escape(f"{self.title}:{self.description}" if self.description else self.title)
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" role="img" aria-label="{label}"'
        return f"{head} font-family='{FONT}'>" + "".join(mark.svg() for mark in self.marks) + "</svg>"


def escape(content: str) -> str:
    """Text inside an SVG: markup becomes text, and characters that XML forbids are left out."""
    return escaped(re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]", "", content), quote=True)


def coordinate(value: float) -> str:
    """A coordinate with one decimal at most."""
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text


def nice_ceiling(value: float) -> float:
    """The next 1, 2 or 5 times a power of ten.

    >>> nice_ceiling(37), nice_ceiling(0.4), nice_ceiling(0)
    (50.0, 0.5, 1.0)
    """
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return float(next(step * power for step in (1, 2, 5, 10) if step * power >= value * (1 - 1e-12)))
