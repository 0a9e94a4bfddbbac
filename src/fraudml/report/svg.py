"""A few lines of SVG: small, crisp, readable by screen readers, legible in grey."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from html import escape as escaped

INK, TEXT, QUIET, FAINT, ACCENT = "#1d2733", "#4a5563", "#9aa3af", "#e3e7ec", "#a8321f"
"""Near-black, secondary text (7.6:1 on white), peers, rules, the entity itself (7:1 on white and darker than peers in grey)."""

FONT = '-apple-system,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC","Source Han Sans SC",sans-serif'


def escape(content: str) -> str:
    """Text inside an SVG: markup becomes text, and characters that XML forbids are left out."""
    return escaped(re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]", "", content), quote=True)


def coordinate(value: float) -> str:
    """A coordinate with one decimal at most."""
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text


def text(x: float, y: float, content: str, *, size: int = 12, anchor: str = "start", fill: str = TEXT, bold: bool = False) -> str:
    weight = ' font-weight="600"' if bold else ""
    placed = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text x="{coordinate(x)}" y="{coordinate(y)}" font-size="{size}"{placed}{weight} fill="{fill}">{escape(content)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, stroke: str = FAINT, width: float = 1) -> str:
    path = f"M{coordinate(x1)} {coordinate(y1)}L{coordinate(x2)} {coordinate(y2)}"
    return f'<path d="{path}" stroke="{stroke}" stroke-width="{width:g}" fill="none"/>'


def dots(points: Iterable[tuple[float, float]], radius: float, fill: str) -> str:
    """Many equal dots as one path: a stroke without length and with round caps."""
    path = "".join(f"M{coordinate(x)} {coordinate(y)}h0" for x, y in points)
    return f'<path d="{path}" stroke="{fill}" stroke-width="{coordinate(2 * radius)}" stroke-linecap="round" fill="none"/>' if path else ""


def bars(rectangles: Iterable[tuple[float, float, float, float]], fill: str) -> str:
    """Many rectangles (x, y, width, height) of one colour as one path."""
    path = "".join(
        f"M{coordinate(x)} {coordinate(y)}h{coordinate(w)}v{coordinate(h)}h{coordinate(-w)}z"
        for x, y, w, h in rectangles
        if h > 0 and w > 0
    )
    return f'<path d="{path}" fill="{fill}"/>' if path else ""


def picture(parts: Iterable[str], width: int, height: int, title: str, description: str) -> str:
    """A whole picture with its alternative text."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f"aria-label=\"{escape(f'{title}:{description}' if description else title)}\" font-family='{FONT}'>" + "".join(parts) + "</svg>"
    )


def nice_ceiling(value: float) -> float:
    """The next 1, 2 or 5 times a power of ten.

    >>> nice_ceiling(37), nice_ceiling(0.4), nice_ceiling(0)
    (50.0, 0.5, 1.0)
    """
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return float(next(step * power for step in (1, 2, 5, 10) if step * power >= value * (1 - 1e-12)))
