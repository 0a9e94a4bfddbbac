"""Pictures of a programme: where the cut lies in a distribution, how lists cross, how grades lie."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from fraudml.audit.listed import Listed
from fraudml.audit.words import say
from fraudml.report.drawing import ACCENT, FAINT, INK, PALE, QUIET, TEXT, Bars, Dots, Line, Mark, Picture, Text, nice_ceiling
from fraudml.report.words import short_number

if TYPE_CHECKING:
    import pandas as pd

WIDTH = 560


def histogram_picture(name: str, stratum: str, bins: Sequence[tuple[float, float, int, int]], cut: float | None, lang: str) -> Picture:
    """How a stratum's values are spread, those listed in the accent colour. Counts on a square-root scale: the few at the top stay visible.

    Parameters
    ----------
    bins : low, high, how many, how many of them listed; ascending. Edges may grow tenfold by tenfold.
    cut : the smallest listed value.
    """
    left, right, base, height = 46.0, WIDTH - 10.0, 126.0, 88.0
    top = nice_ceiling(max(count for _, _, count, _ in bins))
    first, last = bins[0][0], bins[-1][1]
    logarithmic = len(bins) > 1 and last > 50 * max(first, 1e-9) and first > 0

    def across(value: float) -> float:
        import math

        if last <= first:
            return (left + right) / 2
        place = math.log(max(value, first) / first) / math.log(last / first) if logarithmic else (value - first) / (last - first)
        return left + (right - left) * min(max(place, 0.0), 1.0)

    def tall(count: float) -> float:
        return height * (count / top) ** 0.5

    parts: list[Mark] = []
    for share in (0.0, 0.25, 1.0):
        y = base - height * share**0.5
        parts += [
            Line(left, y, right, y, QUIET if share == 0 else FAINT),
            Text(left - 6, y + 4, short_number(top * share, lang), anchor="end", size=11),
        ]
    wide = max((right - left) / 40 - 1.5, 1.0)

    def shapes(of: int) -> list[tuple[float, float, float, float]]:
        return [
            (
                min(across(each[0]), right - wide),
                base - tall(each[of]),
                max(min(across(each[1]) - across(each[0]) - 1.5, 40), wide),
                tall(each[of]),
            )
            for each in bins
            if each[of]
        ]

    parts += [Bars(shapes(2), PALE), Bars(shapes(3), ACCENT)]
    for value, anchor in ((first, "start"), (last, "end")):
        parts.append(Text(left if anchor == "start" else right, base + 16, short_number(value, lang), anchor=anchor, size=11))
    if cut is not None and cut == cut:
        x = across(cut)
        parts += [Line(x, 22, x, base, ACCENT, 1.2)]
        parts.append(
            Text(
                min(max(x, 60.0), WIDTH - 60.0),
                17,
                say("page_cut", lang, cut=short_number(cut, lang)),
                anchor="middle",
                fill=ACCENT,
                size=12,
                bold=True,
            )
        )
    parts.append(Text(0, 156, " · ".join(filter(None, (name, stratum))), size=12, fill=INK, bold=True))
    count, listed = sum(each[2] for each in bins), sum(each[3] for each in bins)
    return Picture(
        parts,
        WIDTH,
        164,
        say("picture_histogram", lang, name=name),
        say("alt_histogram", lang, stratum=stratum, count=count, listed=listed),
    )


def grades_picture(rows: pd.DataFrame, grades: Sequence[str], lang: str) -> Picture:
    """Every institution's score as a dot, a row per grade; the darker, the surer its grade."""
    left, right, step = 46.0, WIDTH - 12.0, 36.0
    low, high = float(rows["value"].min()), float(rows["value"].max())
    span = (high - low) or 1.0
    base = 16.0 + step * len(grades)
    parts: list[Mark] = []
    for number, grade in enumerate(grades):
        own = rows[rows["grade"] == grade]
        y = 16.0 + step * number + step / 2
        parts += [Text(8, y + 5, f"{grade}  {len(own)}", size=14, fill=INK, bold=True), Line(left, y + 14, right, y + 14, FAINT)]
        for sure, fill in ((False, QUIET), (True, INK)):
            chosen = own[(own[f"p_{grade}"] >= 0.8) == sure]
            parts.append(
                Dots(
                    [
                        (left + (right - left) * (value - low) / span, y - 6 + 4 * (place % 5))
                        for place, value in enumerate(chosen["value"].sort_values())
                    ],
                    2.4,
                    fill,
                )
            )
    parts += [
        Text(left, base + 14, short_number(low, lang), size=11),
        Text(right, base + 14, short_number(high, lang), size=11, anchor="end"),
    ]
    parts += [Text((left + right) / 2, base + 14, say("grades_legend", lang), size=11, anchor="middle")]
    counts = [f"{grade} {int((rows['grade'] == grade).sum())}" for grade in grades]
    return Picture(parts, WIDTH, round(base + 22), say("picture_grades", lang), say("alt_grades", lang, counts=counts))


def crossing_picture(key_targets: pd.DataFrame, lists: Mapping[str, Listed], lang: str) -> Picture:
    """Which pairs of lists share how many key targets: a triangle of circles, area by number."""
    pairs: Counter[tuple[str, str]] = Counter()
    single: Counter[str] = Counter()
    for ids in key_targets["list_ids"]:
        single.update(ids)
        pairs.update(combinations(ids, 2))
    names = [identity for identity in lists if single[identity]]
    most = max([*pairs.values(), 1])
    left, step, top = 220.0, min(44.0, (WIDTH - 230.0) / max(len(names), 1)), 10.0
    parts: list[Mark] = []
    for row, one in enumerate(names):
        y = top + step * row + step / 2
        entry = lists[one].entry
        parts.append(Text(left - 10, y + 4, f"{entry.row} {entry.name[lang]}"[: 34 if lang == "en" else 20], anchor="end", size=12))
        parts.append(Line(left, y + step / 2, left + step * (row + 1), y + step / 2, FAINT))
        for column, other in enumerate(names[:row]):
            if count := pairs[other, one]:
                x, radius = left + step * column + step / 2, step * 0.46 * (count / most) ** 0.5
                parts.append(Dots([(x, y)], max(radius, 1.5), PALE))
                parts.append(Text(x, y + 4, short_number(count, lang), anchor="middle", size=11, fill=INK))
        parts.append(
            Text(left + step * row + step / 2, y + 4, short_number(single[one], lang), anchor="middle", size=12, fill=ACCENT, bold=True)
        )
    base = top + step * len(names)
    for column, one in enumerate(names):
        parts.append(Text(left + step * column + step / 2, base + 12, lists[one].entry.row, anchor="middle", size=10, fill=TEXT))
    return Picture(parts, WIDTH, round(base + 22), say("picture_crossing", lang), say("alt_crossing", lang, count=len(key_targets)))
