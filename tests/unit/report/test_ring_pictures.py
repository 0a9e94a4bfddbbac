"""The picture of a ring says who, with whom, when and for how much, of three people as of forty-five."""

from __future__ import annotations

import datetime as dt
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from fraudml.report.drawing import Bars, Circle, Line, Picture, Text
from fraudml.report.pixels import png
from fraudml.report.ring_pictures import MOST_PEOPLE, Visit, ring_picture
from fraudml.report.words import words

MONDAY = dt.date(2024, 1, 8)


def ring(people: int, hubs: int = 2, days: int = 6, lang: str = "zh") -> Picture:
    """A ring in which each next person spends half as much as the one before, at all hubs on all days."""
    kinds = ("institution", "doctor", "pharmacy")
    providers = [{"entity_type": kinds[n % 3], "entity_id": f"HUB{n}", "role": "doctor"} for n in range(hubs)]
    members = [{"entity_type": "patient", "entity_id": f"P{n:032}", "role": "core" if n < 5 else "occasional"} for n in range(people)]
    at = tuple(each["entity_id"] for each in providers) or ("H8", "H9")
    visits = [
        Visit(member["entity_id"], at, MONDAY + dt.timedelta(days=7 * day), 10_000 / 2**n)
        for day in range(days)
        for n, member in enumerate(members)
    ]
    return ring_picture([*members, *providers], visits, lang)


def texts(picture: Picture) -> list[str]:
    return [mark.content for mark in picture.marks if isinstance(mark, Text)]


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize(("people", "hubs"), [(3, 0), (3, 1), (13, 3), (45, 9)])
def test_whoever_belongs_is_drawn_or_counted(people: int, hubs: int, lang: str) -> None:
    picture = ring(people, hubs, lang=lang)
    ET.fromstring(picture.svg())
    assert png(picture).startswith(b"\x89PNG")
    drawn = [mark for mark in picture.marks if isinstance(mark, Circle)]
    told = " ".join(texts(picture))
    named = people if people <= MOST_PEOPLE + 1 else MOST_PEOPLE
    assert sum(content.startswith("P0") for content in texts(picture)) == named
    assert (f"{people - named}" in told) or named == people
    assert len(drawn) >= named
    # a person's tail tells it from others, though a pseudonym's middle is left out
    assert len({content for content in texts(picture) if content.startswith("P0")}) == named


def test_lines_are_as_wide_as_the_money() -> None:
    lines = [mark for mark in ring(4, 1).marks if isinstance(mark, Line) and mark.x2 - mark.x1 > 100 and mark.x1 > 100]
    assert len(lines) == 4
    widths = sorted((line.width for line in lines), reverse=True)
    assert [line.width for line in sorted(lines, key=lambda line: line.y1)] == widths
    assert widths[0] > 1.8 * widths[1]


def test_the_strip_is_as_high_as_members_came() -> None:
    members: list[dict[str, Any]] = [{"entity_type": "patient", "entity_id": one, "role": "core"} for one in "abcd"]
    visits = [Visit(one, ("H1",), MONDAY, 10.0) for one in "abcd"] + [Visit("a", ("H1",), MONDAY + dt.timedelta(days=9), 10.0)]
    visits += [Visit("z", ("H1",), MONDAY + dt.timedelta(days=3), 10.0)]  # no member
    picture = ring_picture(members, visits, "en")
    alone, together = [mark.rectangles for mark in picture.marks if isinstance(mark, Bars)][:2]
    assert len(alone) == len(together) == 1
    assert together[0][3] == pytest.approx(4 * alone[0][3])
    assert together[0][0] < alone[0][0]
    assert "5 visits, 50 CNY" in picture.description
    assert "on 1 day at least two" in picture.description


def test_people_alone_are_joined_to_the_places_they_shared() -> None:
    told = texts(ring(3, 0))
    assert {"H8", "H9"} <= set(told)
    assert any(content.startswith(words()["place_met"]["zh"]) for content in told)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_legend_names_what_is_there_and_nothing_else(lang: str) -> None:
    picture = ring(7, 1, lang=lang)
    legend = " ".join(picture.legend)
    for known in ("role_core", "role_occasional", "type_institution", "width_is_amount", "bar_together"):
        assert words()[known][lang] in legend
        assert words()[known][lang] in texts(picture)
    for absent in ("role_card_holder", "type_pharmacy"):
        assert words()[absent][lang] not in legend


def test_every_role_has_its_words() -> None:
    roles = ("core", "regular", "occasional", "card_holder", "prescriber", "main_doctor", "doctor", "main_institution")
    for role in (*roles, "institution", "dispenser", "pharmacy", "patient"):
        assert set(words()[f"role_{role}"]) == {"zh", "en"}
