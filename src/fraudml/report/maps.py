"""Where it happened: the places of a lead and the homes behind it, drawn to scale without any map service."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from fraudml.claims import Snapshot
from fraudml.report.activity import PROVEN, SUBJECTS
from fraudml.report.drawing import ACCENT, FAINT, INK, PALE, QUIET, TEXT, Area, Circle, Dots, Line, Mark, Picture, Point, Text, nice_ceiling
from fraudml.report.pictures import WIDTH
from fraudml.report.words import say, short_day
from fraudml.wording import number

COORDINATES = ("institutions.longitude", "institutions.latitude")
TRAVEL = frozenset({"induced_admission", "nursing_home_collusion", "external_prescription_collusion", "collusive_group"})
"""Schemes in which it matters where the insured live: only there are homes of others than the lead's own person drawn, without ids."""

LISTED = 10
MOST_HOMES = 300
EARTH = 6371.0088
"""Mean radius in km (IUGG)."""

LEFT, TOP, RIGHT, LOWEST, HIGHEST = 0.0, 0.0, 344.0, 190.0, 330.0


class Place(NamedTuple):
    """An institution or pharmacy: degrees, visits, first and last day, whether any visit is in question."""

    id: str
    longitude: float
    latitude: float
    visits: int
    first: dt.date
    last: dt.date
    asked: bool


def maps(snapshot: Snapshot, leads: pd.DataFrame, lang: str) -> dict[str, Picture]:
    """By lead id the map of the institutions visited, where both they and something to compare them with have coordinates.

    For a person: home and all places of the last twelve months, numbered in the order of the first visit. For others: the places that the
    evidence names (the prescriber's too), and in the schemes of :data:`TRAVEL` the homes of the insured persons.
    Reads what :func:`fraudml.report.activity.activity` prepared in the snapshot's session.
    """
    if not all(snapshot.has(each) for each in COORDINATES):
        return {}
    engine = snapshot.engine
    usable = (
        "coordinates.longitude between -180 and 180 and coordinates.latitude between -90 and 90"
        " and (coordinates.longitude <> 0 or coordinates.latitude <> 0)"  # nought and nought means: not known
    )
    also = (
        f"""union all select proven.lead_id, claim.prescribing_institution_id, claim.started_on, false
            from {PROVEN} as proven join claims as claim using (claim_id)"""
        if snapshot.has("claims.prescribing_institution_id")
        else ""
    )
    rows = engine.rows(f"""
        with visited as (
            select subject.lead_id, claim.institution_id, claim.started_on, coalesce(proven.proof, false) as proof
            from claims as claim join {SUBJECTS} as subject on claim.patient_id = subject.entity_id and subject.entity_type = 'patient'
                left join {PROVEN} as proven on proven.lead_id = subject.lead_id and proven.claim_id = claim.claim_id
            union all select lead_id, institution_id, started_on, proof from {PROVEN}
            where lead_id not in (select lead_id from {SUBJECTS} where entity_type = 'patient') {also}
        )
        select lead_id, institution_id, known.longitude, known.latitude, count(*), min(started_on), max(started_on), bool_or(proof)
        from visited left join (select * from institutions as coordinates where {usable}) as known using (institution_id)
        where institution_id is not null group by all order by lead_id, min(started_on), institution_id""")
    places: dict[str, list[Place]] = {}
    nowhere: dict[str, tuple[int, int]] = {}  # a house of a manual reimbursement may lie outside the table of institutions
    for lead, *found in rows:
        place = Place(*found)
        if place.longitude is None:
            count, asked = nowhere.get(lead, (0, 0))
            nowhere[lead] = count + 1, asked + place.asked
        else:
            places.setdefault(lead, []).append(place)
    own: dict[str, Point] = {}
    homes: dict[str, list[Point]] = {}
    if snapshot.has("patients.longitude") and snapshot.has("patients.latitude"):
        own = {
            lead: (east, north)
            for lead, east, north in engine.rows(f"""
                select subject.lead_id, coordinates.longitude, coordinates.latitude
                from {SUBJECTS} as subject join patients as coordinates on coordinates.patient_id = subject.entity_id
                where subject.entity_type = 'patient' and {usable}""")
        }
        travel = leads.loc[[not TRAVEL.isdisjoint(names[:1]) for names in leads["schemes"]], "lead_id"]
        engine.register("travel_leads", travel.to_frame().astype("str"))
        for lead, east, north in engine.rows(f"""
            select distinct proven.lead_id, coordinates.longitude, coordinates.latitude
            from {PROVEN} as proven semi join travel_leads using (lead_id) join patients as coordinates using (patient_id)
            where proven.lead_id not in (select lead_id from {SUBJECTS} where entity_type = 'patient') and {usable} order by all"""):
            homes.setdefault(lead, []).append((east, north))
    return {
        lead: map_picture(found, lang, home=own.get(lead), homes=homes.get(lead, [])[:MOST_HOMES], nowhere=nowhere.get(lead, (0, 0)))
        for lead, found in places.items()
        if len(found) + (lead in own) + (lead in homes) > 1
    }


def distance_km(one: Point, two: Point) -> float:
    """Great-circle distance of two points (longitude, latitude in degrees); the haversine formula.

    >>> round(distance_km((113.0, 28.0), (113.0, 29.0)), 1)
    111.2
    """
    (east1, north1), (east2, north2) = ((math.radians(x), math.radians(y)) for x, y in (one, two))
    half = math.sin((north2 - north1) / 2) ** 2 + math.cos(north1) * math.cos(north2) * math.sin((east2 - east1) / 2) ** 2
    return 2 * EARTH * math.asin(math.sqrt(min(half, 1.0)))


def map_picture(
    places: Sequence[Place], lang: str, *, home: Point | None = None, homes: Sequence[Point] = (), nowhere: tuple[int, int] = (0, 0)
) -> Picture:
    """Places to scale, north up, numbered in the order of the first visit, beside them what each number stands for.

    A full circle is in question, an open one is not; its size tells the number of visits. Near the equator of the map
    itself degrees are taken as equally long, which is exact enough for a city or a province.

    Parameters
    ----------
    places : in the order of the first visit.
    home : longitude and latitude of the person the lead is about.
    homes : of the insured persons in the evidence; drawn as dots without any id.
    nowhere : how many more places were visited whose coordinates are not known, and how many of these are in question.
    """
    spots = [(place.longitude, place.latitude) for place in places]
    everything = [*spots, *homes, *([home] if home else [])]
    middle = math.cos(math.radians((min(y for _, y in everything) + max(y for _, y in everything)) / 2))
    flat = [(x * middle, y) for x, y in everything]
    west, south = min(x for x, _ in flat), min(y for _, y in flat)
    wide, high = max(x for x, _ in flat) - west, max(y for _, y in flat) - south
    margin = 26.0
    room = RIGHT - LEFT - 2 * margin
    least = 0.5 / (math.pi / 180 * EARTH)  # half a kilometre fills the map: nearer things are at one place
    per_degree = min(room / max(wide, least), (HIGHEST - TOP - 2 * margin - 20) / max(high, least))
    height = max(LOWEST, min(HIGHEST, high * per_degree + 2 * margin + 20), 20.0 + 27 * min(len(places), LISTED))
    shift_x = LEFT + (RIGHT - LEFT - wide * per_degree) / 2
    shift_y = TOP + (height - 20 - high * per_degree) / 2

    def drawn(spot: Point) -> Point:
        return shift_x + (spot[0] * middle - west) * per_degree, shift_y + (high - (spot[1] - south)) * per_degree

    most = max(place.visits for place in places)
    radii = [8.0 + 3.0 * math.sqrt(place.visits / most) for place in places]
    exact = [drawn(spot) for spot in spots]
    apart = _apart(exact, radii)
    marks: list[Mark] = [
        *(Line(x1, y1, x2, y2, FAINT, 1) for x1, y1, x2, y2 in _frame(height)),
        Text(RIGHT - 12, 24, say("north", lang), anchor="middle", size=11, plain="N"),
        Area([(RIGHT - 12, 28), (RIGHT - 8, 38), (RIGHT - 16, 38)], TEXT),
        Dots([drawn(spot) for spot in homes], 2.2, QUIET),
    ]
    if home:
        marks += [Line(*drawn(home), *spot, PALE, 1) for spot in exact]
    marks += [Line(*spot, *moved, TEXT, 1) for spot, moved in zip(exact, apart, strict=True) if math.dist(spot, moved) > 3]
    shown = sorted(range(len(places)), key=lambda each: (not places[each].asked, -places[each].visits, each))[:LISTED]
    numbers = {each: str(place + 1) for place, each in enumerate(sorted(shown))}
    for each in sorted(range(len(places)), key=lambda each: (each in numbers, -each)):
        (x, y), asked = apart[each], places[each].asked
        radius = radii[each] if each in numbers else 4.0
        marks.append(Circle(x, y, radius, ACCENT if asked else "#ffffff", "#ffffff" if asked else TEXT))
        if each in numbers:
            marks.append(Text(x, y + 4, numbers[each], anchor="middle", size=11, bold=True, fill="#ffffff" if asked else INK))
    if home:
        x, y = drawn(home)
        marks += [Area([(x, y - 9), (x + 8, y - 1), (x + 8, y + 8), (x - 8, y + 8), (x - 8, y - 1)], INK)]
    marks += _scale_bar(per_degree, height, lang)
    marks += _list([(numbers[each], places[each]) for each in sorted(shown)], len(places), home, bool(homes), nowhere, height, lang)
    said = say("alt_map", lang, places=len(places), asked=sum(place.asked for place in places))
    if home:
        said += say("alt_map_far", lang, km=number(max(distance_km(home, spot) for spot in spots), 1))
    if homes:
        said += say("alt_map_homes", lang, count=len(homes))
    if nowhere[0]:
        said += ("; " if lang == "en" else ";") + say("map_nowhere", lang, count=nowhere[0], asked=nowhere[1])
    legend = [f"{numbers[each]} {_about(places[each], home, lang)}" for each in sorted(shown)]
    return Picture(marks, WIDTH, round(height), say("picture_map", lang), said, legend, RIGHT)


def _frame(height: float) -> list[tuple[float, float, float, float]]:
    left, top, right, low = LEFT + 0.5, TOP + 0.5, RIGHT - 0.5, height - 0.5
    return [(left, top, right, top), (right, top, right, low), (right, low, left, low), (left, low, left, top)]


def _apart(spots: Sequence[Point], radii: Sequence[float]) -> list[Point]:
    """Circles pushed off each other so that every number can be read; a short line leads to the true place."""
    moved = [list(spot) for spot in spots]
    for _ in range(40):
        still = True
        for one in range(len(moved)):
            for two in range(one + 1, len(moved)):
                across, down = moved[two][0] - moved[one][0], moved[two][1] - moved[one][1]
                gap = math.hypot(across, down)
                lacking = radii[one] + radii[two] + 1 - gap
                if lacking <= 0:
                    continue
                still = False
                if gap < 1e-6:  # at one place: each in a direction of its own
                    across, down, gap = math.cos(2.4 * two), math.sin(2.4 * two), 1.0
                for mark, way in ((one, -0.5), (two, 0.5)):
                    radius = radii[mark] + 2
                    moved[mark][0] = min(max(moved[mark][0] + way * lacking * across / gap, LEFT + radius), RIGHT - radius)
                    moved[mark][1] += way * lacking * down / gap
        if still:
            break
    return [(x, y) for x, y in moved]


def _scale_bar(per_degree: float, height: float, lang: str) -> list[Mark]:
    per_km = per_degree / (math.pi / 180 * EARTH)
    km = nice_ceiling(40 / per_km)
    x, y, long = LEFT + 12, height - 10, km * per_km
    if long > 150:  # of 1, 2 and 5 one fits; of very near things the ceiling may be too long
        km, long = km / 2, long / 2
    said = number(km, 2)
    return [
        Line(x, y, x + long, y, TEXT, 1.5),
        Line(x, y - 4, x, y, TEXT, 1.5),
        Line(x + long, y - 4, x + long, y, TEXT, 1.5),
        Text(x + long + 6, y + 1, f"{said} {say('km', lang)}", size=11, plain=f"{said} km"),
    ]


def _about(place: Place, home: Point | None, lang: str, *, named: bool = True) -> str:
    """A place in words: its id, visits, way from home, first day."""
    far = f"{number(distance_km(home, (place.longitude, place.latitude)), 1)}{say('km_after', lang)}" if home else ""
    since = say("since_day", lang, day=short_day(place.first, lang))
    return " · ".join(filter(None, (place.id if named else "", say("visits_at", lang, count=place.visits), far, since)))


def _list(
    shown: Sequence[tuple[str, Place]], count: int, home: Point | None, homes: bool, nowhere: tuple[int, int], height: float, lang: str
) -> list[Mark]:
    left, y = RIGHT + 16, 16.0
    marks: list[Mark] = []
    for numbered, place in shown:
        name = place.id if len(place.id) <= 26 else place.id[:25] + "…"
        marks += [
            Text(left, y, f"{numbered}  {name}", size=11, bold=place.asked, fill=INK),
            Text(left + 13, y + 12, _about(place, home, lang, named=False), size=10),
        ]
        y += 27
    legend = []
    if count > len(shown):
        legend.append(say("more_places", lang, count=count - len(shown)))
    if nowhere[0]:
        legend.append(say("map_nowhere", lang, count=nowhere[0], asked=nowhere[1]))
    if home:
        legend.append(say("map_home", lang))
    if homes:
        legend.append(say("map_homes", lang))
    return [*marks, Text(RIGHT - 12, height - 9, ";".join(legend) if lang == "zh" else "; ".join(legend), size=10, anchor="end")]
