"""The picture of a ring: who, with whom (amounts as widths), and below on which days how many of them came."""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from fraudml.leads.reasons import counted
from fraudml.report.drawing import ACCENT, FAINT, INK, PALE, QUIET, Area, Bars, Circle, Line, Mark, Picture, Text
from fraudml.report.words import say, short_number, words

WIDTH = 560
MOST_PEOPLE, MOST_HUBS = 12, 6
"""Drawn by name; the others are one row, and stand in the table of members."""

ROW, HUB_ROW, LEAST_HEIGHT = 17.0, 38.0, 92.0
PERSON_X, HUB_X = 206.0, 398.0
THINNEST, THICKEST = 0.6, 8.0
STRIP = 44.0
LONGEST_ID = 17

ROLES = ("core", "regular", "occasional", "card_holder")
KINDS = ("institution", "doctor", "pharmacy")


class Visit(NamedTuple):
    """One claim of a ring: the patient, the doctors, institutions and pharmacies on it, the day and the amount (yuan)."""

    patient: str
    providers: tuple[str, ...]
    day: dt.date
    amount: float


class Hub(NamedTuple):
    """Who patients are joined to: a member (doctor, institution, pharmacy), or where there is none a place that they went to."""

    entity_type: str
    entity_id: str
    role: str


def ring_picture(members: Sequence[Mapping[str, str]], visits: Sequence[Visit], lang: str) -> Picture:
    """Who is joined with whom in a ring, and when they came.

    Parameters
    ----------
    members : entity_type, entity_id, role (:mod:`fraudml.graph.roles`).
    visits : the ring's claims, of members and others.
    """
    role = {member["entity_id"]: member["role"] for member in members if member["entity_type"] == "patient"}
    own = [visit for visit in visits if visit.patient in role]
    spent = _sums((visit.patient, visit.amount) for visit in own)
    people = sorted(role, key=lambda one: (_rank(role[one]), -spent.get(one, 0.0), one))
    hubs = _hubs(members, own)
    shown = people if len(people) <= MOST_PEOPLE + 1 else people[:MOST_PEOPLE]
    rest = people[len(shown) :]
    rows = len(shown) + bool(rest)
    height = max(ROW * rows, HUB_ROW * len(hubs), LEAST_HEIGHT)
    step = height / max(rows, 1)
    place = {one: 8 + step * (number + 0.5) for number, one in enumerate(shown)} | dict.fromkeys(rest, 8 + step * (rows - 0.5))
    at = {hub.entity_id: 8 + height * (number + 0.5) / len(hubs) for number, hub in enumerate(hubs)}
    parts = _links(own, place, at, min(THICKEST, 0.4 * step), set(rest))
    for one in shown:
        parts += [_person(role[one], PERSON_X, place[one]), *_named(one, spent.get(one, 0.0), place[one], lang)]
    if rest:
        text = say("more_people", lang, count=len(rest))
        amount = sum(spent.get(one, 0.0) for one in rest)
        y = 8 + step * (rows - 0.5)
        parts += [
            Text(4, y + 4, text, size=11, plain=f"+ {len(rest)}"),
            _money(amount, y, lang),
            Bars([(PERSON_X - 5, y - 2, 10, 4)], QUIET),
        ]
    of_hub = _sums((each, visit.amount) for visit in own for each in set(visit.providers))
    for hub in hubs:
        parts += _hub(hub, at[hub.entity_id], of_hub.get(hub.entity_id, 0.0), lang)
    strip, days, most = _days(own, height + 34, lang)
    below = height + STRIP + 68
    meanings = _meanings({role[one] for one in people}, {hub.entity_type for hub in hubs if hub.role}, days > 0, lang)
    legend, bottom = _legend(meanings, below + 10)
    kinds = [member["entity_type"] for member in members]
    who = [counted(kind, kinds.count(kind), lang) for kind in (*KINDS, "patient") if kind in kinds]
    told = say("alt_ring", lang, who=who, visits=len(own), amount=short_number(sum(spent.values()), lang), days=days, most=most)
    printed = [f"{sign}{label}" for sign, _, label in meanings]
    return Picture([*parts, *strip, *legend], WIDTH, round(bottom), say("picture_ring", lang), told, printed, WIDTH, below)


def _role(role: str, entity_type: str, lang: str) -> str:
    """A role in words; of another graph's roles, the kind of member."""
    return say(f"role_{role}" if f"role_{role}" in words() else f"type_{entity_type}", lang)


def _rank(role: str) -> int:
    return ROLES.index(role) if role in ROLES else len(ROLES)


def _sums(pairs: Iterable[tuple[str, float]]) -> dict[str, float]:
    out: dict[str, float] = {}
    for name, amount in pairs:
        out[name] = out.get(name, 0.0) + amount
    return out


def _hubs(members: Sequence[Mapping[str, str]], visits: Sequence[Visit]) -> list[Hub]:
    """The ring's providers, heaviest first; of people who only move together, the places that they went to most."""
    weight = _sums((each, visit.amount + 1e-6) for visit in visits for each in set(visit.providers))
    named = [Hub(one["entity_type"], one["entity_id"], one["role"]) for one in members if one["entity_type"] != "patient"]
    if not named:
        named = [Hub("institution", each, "") for each in weight]
    return sorted(named, key=lambda hub: (-weight.get(hub.entity_id, 0.0), hub.entity_id))[:MOST_HUBS]


def _links(visits: Sequence[Visit], place: Mapping[str, float], at: Mapping[str, float], thickest: float, rest: set[str]) -> list[Mark]:
    """Lines from people to providers, thick where much money went, the thickest below the others; those of the ``rest`` are paler."""
    amounts: dict[tuple[bool, float, float], float] = {}
    for visit in visits:
        for each in set(visit.providers):
            if each in at:
                ends = visit.patient not in rest, place[visit.patient], at[each]
                amounts[ends] = amounts.get(ends, 0.0) + max(visit.amount, 0.0)
    largest = max((amount for (named, _, _), amount in amounts.items() if named), default=0.0) or 1.0
    return [
        Line(PERSON_X, left, HUB_X, right, PALE if named else FAINT, THINNEST + (thickest - THINNEST) * min(amount / largest, 1.0))
        for (named, left, right), amount in sorted(amounts.items(), key=lambda each: (each[0][0], -each[1], each[0]))
    ]


def _person(role: str, x: float, y: float) -> Mark:
    filled = {"regular": QUIET, "occasional": "#ffffff"}.get(role, INK)
    return Circle(x, y, 5.0, filled, INK)


def _named(one: str, amount: float, y: float, lang: str) -> list[Mark]:
    return [Text(4, y + 4, _short(one), size=11, plain=_short(one, "..")), _money(amount, y, lang)]


def _money(amount: float, y: float, lang: str) -> Text:
    return Text(PERSON_X - 12, y + 4, "¥" + short_number(round(amount), lang), size=11, anchor="end")


def _short(one: str, dots: str = "…") -> str:
    """An id of which a pseudonym's middle is left out: begin and end tell members of one ring apart."""
    return one if len(one) <= LONGEST_ID else f"{one[:9]}{dots}{one[-6:]}"


def _hub(hub: Hub, y: float, amount: float, lang: str) -> list[Mark]:
    known = _role(hub.role, hub.entity_type, lang) if hub.role else say("place_met", lang)
    money = "¥" + short_number(round(amount), lang)
    return [
        shape(hub.entity_type, HUB_X, y, 0.8) if hub.role else Circle(HUB_X, y, 6.0, "#ffffff", QUIET),
        Text(HUB_X + 17, y - 1, _short(hub.entity_id), size=11, fill=INK, bold=bool(hub.role), plain=_short(hub.entity_id, "..")),
        Text(HUB_X + 17, y + 13, f"{known} · {money}", size=11, plain=short_number(round(amount), "en")),
    ]


def _days(visits: Sequence[Visit], top: float, lang: str) -> tuple[list[Mark], int, int]:
    """A strip of days, as high as members came; the number of days on which at least two did, and the most on one day."""
    present: dict[dt.date, set[str]] = {}
    for visit in visits:
        present.setdefault(visit.day, set()).add(visit.patient)
    if not present:
        return [], 0, 0
    first = min(present).replace(day=1)
    last = max(present)
    last = last.replace(day=calendar.monthrange(last.year, last.month)[1])
    most = max(map(len, present.values()))
    left, right, base = 40.0, WIDTH - 10.0, top + STRIP
    span = (last - first).days + 1
    wide = max(1.6, min(8.0, 0.8 * (right - left) / span))
    parts: list[Mark] = [
        Text(4, top - 8, say("strip_title", lang), size=11),
        Text(left - 6, top + 8, f"{most}", anchor="end", size=11),
        Text(left - 6, base, "0", anchor="end", size=11),
        Line(left, top + 3, right, top + 3, FAINT),
    ]
    month, years = first, set()
    while month <= last:
        x = left + (right - left) * (month - first).days / span
        middle = x + (right - left) * 15 / span
        parts += [Line(x, top + 3, x, base + 4, FAINT), Text(middle, base + 15, f"{month.month}", anchor="middle", size=11)]
        if month.year not in years:
            parts.append(Text(x, base + 28, f"{month.year}", size=11))
            years.add(month.year)
        month = (month + dt.timedelta(days=32)).replace(day=1)
    for together, colour in ((False, QUIET), (True, ACCENT)):
        bars = [
            (left + (right - left) * (day - first).days / span, base - (STRIP - 3) * len(who) / most, wide, (STRIP - 3) * len(who) / most)
            for day, who in sorted(present.items())
            if (len(who) > 1) is together
        ]
        parts.append(Bars(bars, colour))
    parts.append(Line(left, base, right, base, QUIET))
    return parts, sum(len(who) > 1 for who in present.values()), most


def _meanings(roles: set[str], kinds: set[str], together: bool, lang: str) -> list[tuple[str, Mark, str]]:
    """What the marks mean: a sign for print, the mark, and words."""
    signs = {"institution": "■", "doctor": "◆", "pharmacy": "▲", "regular": "◎", "occasional": "○"}
    out: list[tuple[str, Mark, str]] = [
        (signs.get(role, "●"), _person(role, 10.0, 0.0), _role(role, "patient", lang)) for role in sorted(roles, key=_rank)
    ]
    out += [(signs[kind], shape(kind, 10.0, 0.0, 0.6), say(f"type_{kind}", lang)) for kind in KINDS if kind in kinds]
    out.append(("━", Bars([(2.0, -3.0, 16.0, 6.0)], PALE), say("width_is_amount", lang)))
    if together:
        out.append(("┃", Bars([(8.0, -6.0, 3.0, 12.0)], ACCENT), say("bar_together", lang)))
    return out


def _legend(meanings: Sequence[tuple[str, Mark, str]], y: float) -> tuple[list[Mark], float]:
    """The meanings side by side, on as many lines as it takes; and where the picture ends."""
    parts: list[Mark] = []
    x = 4.0
    for _, mark, label in meanings:
        long = 26 + sum(11.5 if ord(letter) > 255 else 6.2 for letter in label)
        if x + long > WIDTH:
            x, y = 4.0, y + 18
        parts += [_moved(mark, x, y), Text(x + 22, y + 4, label, size=11)]
        x += long + 8
    return parts, y + 12


def _moved(mark: Mark, x: float, y: float) -> Mark:
    if isinstance(mark, Circle):
        return mark._replace(x=mark.x + x, y=mark.y + y)
    if isinstance(mark, Area):
        return mark._replace(points=[(left + x, top + y) for left, top in mark.points])
    if isinstance(mark, Bars):
        return mark._replace(rectangles=[(left + x, top + y, wide, high) for left, top, wide, high in mark.rectangles])
    raise TypeError(mark)


def shape(kind: str, x: float, y: float, size: float = 1.0) -> Area:
    """The mark of a kind of provider: shapes tell them apart, not colours."""
    r = 10 * size
    corners = {
        "institution": [(x - r, y - r), (x + r, y - r), (x + r, y + r), (x - r, y + r)],
        "doctor": [(x, y - 1.3 * r), (x + 1.3 * r, y), (x, y + 1.3 * r), (x - 1.3 * r, y)],
        "pharmacy": [(x, y - 1.2 * r), (x + 1.2 * r, y + r), (x - 1.2 * r, y + r)],
    }
    return Area(corners.get(kind, corners["institution"]), ACCENT)
