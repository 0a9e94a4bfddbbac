"""The pictures of a lead: against its peers, month by month, day by day."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence

from fraudml.report.drawing import ACCENT, FAINT, PALE, QUIET, TEXT, Area, Bars, Dots, Line, Mark, Picture, Text, nice_ceiling
from fraudml.report.words import say, short_number
from fraudml.wording import number

WIDTH = 560


def peers_picture(
    quantiles: Sequence[float],
    value: float,
    unit: str,
    lang: str,
    *,
    median: float | None = None,
    each_one: bool = False,
    above: float | None = None,
    who: str = "this_one",
) -> Picture:
    """The entity's place among its peers: a quantile dot plot, every dot an equal share of the peers.

    Parameters
    ----------
    quantiles : equally spaced quantiles of the peers, ascending; with ``each_one`` the peers themselves.
    value : the entity's own figure, in ``unit``.
    median, above : the peers' median, and per cent of them below the value, where they are known better than from the quantiles.
    who : wording key of whose figure it is.

    References
    ----------
    M. Kay et al., "When (ish) is my bus?", CHI 2016: dots that can be counted are read more rightly than densities.
    """
    low, high = min(*quantiles, value), max(*quantiles, value)
    median = quantiles[len(quantiles) // 2] if median is None else median
    # far-out values would squeeze the peers into one column: then steps of ten are equally far apart
    logarithmic = low >= 0 and high > 30 * max(median, high * 1e-6, 1e-9)
    scale = (lambda figure: math.log1p(max(figure, 0.0) / max(median, high * 1e-4, 1e-9))) if logarithmic else float
    left, right, base = 16.0, WIDTH - 16.0, 118.0
    span = (scale(high) - scale(low)) or 1.0

    def across(figure: float) -> float:
        return left + (right - left) * (scale(figure) - scale(low)) / span

    placed, radius = _stacked([across(each) for each in quantiles], left, base)
    at, middle = across(value), across(median)
    share = 100 / len(quantiles)
    edge = "end" if at > WIDTH * 0.72 else "start" if at < WIDTH * 0.28 else "middle"
    said = f"{say('peer_median', lang)} {short_number(median, lang)}"
    legend = say("dot_one", lang) if each_one else say("dot_share", lang, share=short_number(share, lang))
    own = f"{say(who, lang)} {short_number(value, lang)} {unit}".strip()
    parts: list[Mark] = [
        Line(left - 6, base, right + 6, base, QUIET),
        Dots(placed, radius, QUIET),
        Line(at, 26, at, base, ACCENT, 1.5),
        Area([(at, base - 7), (at + 6, base), (at, base + 7), (at - 6, base)], ACCENT),
        Text(at, 18, own, anchor=edge, fill=ACCENT, bold=True, size=13, plain=short_number(value, "en")),
        Line(middle, base, middle, base + 7, TEXT, 1.5),
        Text(max(middle, left - 6), base + 22, said, anchor="middle" if middle > 90 else "start", plain=short_number(median, "en")),
        Text(right + 6, base + 22, legend, anchor="end", size=11)
        if middle < WIDTH * 0.6
        else Text(right + 6, base + 38, legend, anchor="end", size=11),
    ]
    below = sum(each < value for each in quantiles)
    if above is None:  # a dot stands for the peers around it: of the last one's, half may be above
        above = below * share if each_one or below < len(quantiles) else 100 - share / 2
    key = "alt_peers_top" if each_one and below == len(quantiles) else "alt_peers"
    return Picture(
        parts,
        WIDTH,
        150 if middle < WIDTH * 0.6 else 162,
        say("picture_peers", lang),
        say(key, lang, own=own, median=short_number(median, lang), above=number(above, 1)),
    )


def _stacked(places: Sequence[float], left: float, base: float) -> tuple[list[tuple[float, float]], float]:
    """Dots in piles: several abreast where a pile would grow too high, so that every dot can be counted."""
    radius, tallest = 3.6, 11
    for abreast in range(1, 6):
        wide = abreast * (2 * radius + 0.6)
        piles: dict[int, int] = {}
        dots_at = []
        for each in places:
            pile = int((each - left) / wide + 1e-9)
            number = piles.get(pile, 0)
            piles[pile] = number + 1
            dots_at.append((left + pile * wide + (number % abreast) * (2 * radius + 0.6), number // abreast))
        if max(piles.values(), default=0) <= tallest * abreast:
            break
    return [(x, base - radius - 1 - row * (2 * radius + 0.3)) for x, row in dots_at], radius


def months_picture(months: Sequence[tuple[dt.date, float, float]], lang: str) -> Picture:
    """Amounts by month: all that was settled, and the part in question.

    Parameters
    ----------
    months : first day of the month, amount settled, amount in question (yuan), one for each month, in order.
    """
    top = nice_ceiling(max((max(total, asked) for _, total, asked in months), default=1.0))
    left, right, base, height = 58.0, WIDTH - 8.0, 122.0, 92.0
    width = (right - left) / max(len(months), 1)
    gap = min(10.0, width * 0.28)
    parts: list[Mark] = []
    for share in (0, 0.5, 1):
        y = base - height * share
        parts += [
            Line(left, y, right, y, QUIET if share == 0 else FAINT),
            Text(left - 8, y + 4, short_number(top * share, lang), anchor="end", size=11, plain=short_number(top * share, "en")),
        ]
    parts.append(
        Bars(
            [
                (left + n * width + gap / 2, base - height * total / top, width - gap, height * total / top)
                for n, (_, total, _) in enumerate(months)
            ],
            PALE,
        )
    )
    parts.append(
        Bars(
            [
                (left + n * width + gap / 2, base - height * asked / top, width - gap, height * asked / top)
                for n, (_, _, asked) in enumerate(months)
            ],
            ACCENT,
        )
    )
    for place, (month, _, _) in enumerate(months):
        x = left + (place + 0.5) * width
        parts.append(Text(x, base + 16, f"{month.month}", anchor="middle", size=11))
        if place == 0 or month.month == 1:
            parts.append(Text(x, base + 30, f"{month.year}", anchor="middle", size=11))
    parts += [
        Bars([(left, 4, 10, 10)], PALE),
        Text(left + 15, 13, say("settled", lang), size=11),
        Text(right, 13, say("yuan", lang), size=11, anchor="end"),
    ]
    if any(each for _, _, each in months):
        parts += [Bars([(left + 120, 4, 10, 10)], ACCENT), Text(left + 135, 13, say("in_question", lang), size=11)]
    asked = sum(each for _, _, each in months)
    return Picture(
        parts,
        WIDTH,
        158,
        say("picture_months", lang),
        say("alt_months", lang, total=short_number(sum(each for _, each, _ in months), lang), asked=short_number(asked, lang)),
    )


Lane = Sequence[tuple[dt.date, int, int, bool]]
"""Day, nights, number of claims, whether in question."""


def timeline_picture(start: dt.date, end: dt.date, lanes: Mapping[str, Lane], lang: str) -> Picture:
    """Visits, stays and purchases day by day; what is in question stands out."""
    left, right, step = 74.0, WIDTH - 8.0, 30.0
    days = max((end - start).days, 1)
    used = {name: lane for name, lane in lanes.items() if lane}
    base = 12.0 + step * len(used)

    def across(when: dt.date) -> float:
        return left + (right - left) * min(max((when - start).days, 0), days) / days

    parts: list[Mark] = []
    years = 0
    month = start.replace(day=1)
    while month <= end:
        if month >= start:
            x = across(month)
            parts.append(Line(x, 6, x, base + 2, FAINT))
            parts.append(Text(x, base + 16, f"{month.month}", size=11))
            if month.month == 1 or not years:
                years += 1
                parts.append(Text(x, base + 30, f"{month.year}", size=11))
        month = (month + dt.timedelta(days=32)).replace(day=1)
    seen = 0
    for row, (name, lane) in enumerate(used.items()):
        y = 12.0 + step * row
        parts += [Text(0, y + 16, say(f"visit_{name}", lang), size=12), Line(left, y + 22, right, y + 22, FAINT)]
        most = max(count for _, _, count, _ in lane)
        for flagged, colour in ((False, QUIET), (True, ACCENT)):
            marks = []
            for when, nights, count, asked in lane:
                if asked is flagged:
                    tall = 8 + 10 * math.sqrt(count / most)
                    wide = max(2.0, across(when + dt.timedelta(days=nights)) - across(when)) if nights else 2.0
                    marks.append((across(when), y + 22 - tall, wide, tall))
            seen += sum(count for _, _, count, asked in lane if asked) if flagged else 0
            parts.append(Bars(marks, colour))
    total = sum(count for lane in used.values() for _, _, count, _ in lane)
    return Picture(
        parts,
        WIDTH,
        round(base + 38),
        say("picture_timeline", lang),
        say("alt_timeline", lang, count=short_number(total, lang), asked=short_number(seen, lang)),
    )
