"""The map of places visited: to scale, in the order of the visits, legible without colour, without any map service."""

from __future__ import annotations

import datetime as dt
import math
import re
import xml.etree.ElementTree as ET

import pandas as pd
import pytest

from fraudml.leads import ranking
from fraudml.report import dossiers
from fraudml.report.drawing import ACCENT, Circle, Line
from fraudml.report.maps import Place, distance_km, map_picture


def place(name, longitude, latitude, asked=False, visits=3, first=dt.date(2024, 1, 5)):
    return Place(name, longitude, latitude, visits, first, dt.date(2024, 5, 1), asked)


PLACES = [place("H1", 113.0, 28.0, asked=True), place("H2", 113.1, 28.0), place("Y1", 113.0, 28.2, asked=True, visits=9)]


def test_distances_keep_their_proportion():
    drawn = [mark for mark in map_picture(PLACES, "zh", home=(113.05, 28.1)).marks if isinstance(mark, Circle)]
    spots = {round(mark.radius, 3): (mark.x, mark.y) for mark in drawn}
    assert len(drawn) == 3
    by_number = sorted(drawn, key=lambda mark: (mark.y, mark.x))
    north = by_number[0]
    (west, east) = sorted(by_number[1:], key=lambda mark: mark.x)
    across, up = math.dist((west.x, west.y), (east.x, east.y)), math.dist((west.x, west.y), (north.x, north.y))
    assert across / up == pytest.approx(distance_km((113.0, 28.0), (113.1, 28.0)) / distance_km((113.0, 28.0), (113.0, 28.2)), rel=0.01)
    assert north.y < west.y, "north is up"
    assert spots


def test_the_scale_bar_tells_the_truth():
    picture = map_picture(PLACES, "zh")
    circles = sorted((mark for mark in picture.marks if isinstance(mark, Circle)), key=lambda mark: (round(mark.y), mark.x))
    per_km = math.dist((circles[0].x, circles[0].y), (circles[1].x, circles[1].y)) / distance_km((113.0, 28.2), (113.0, 28.0))
    bar = next(mark for mark in picture.marks if isinstance(mark, Line) and mark.width == 1.5 and mark.y1 == mark.y2)
    said = re.search(r"([\d.]+)\s*公里</text>", picture.svg())
    assert (bar.x2 - bar.x1) / per_km == pytest.approx(float(said[1]), rel=0.02)


def test_what_is_in_question_is_full_without_colour_too():
    drawn = [mark for mark in map_picture(PLACES, "zh").marks if isinstance(mark, Circle)]
    assert [mark.fill == ACCENT for mark in drawn].count(True) == 2
    assert [mark.fill for mark in drawn].count("#ffffff") == 1


def test_places_at_one_spot_are_drawn_apart_and_each_is_named():
    same = [place(f"H{n}", 113.0, 28.0) for n in range(4)]
    picture = map_picture(same, "en", home=(113.0, 28.0))
    drawn = [mark for mark in picture.marks if isinstance(mark, Circle)]
    assert min(math.dist((a.x, a.y), (b.x, b.y)) for n, a in enumerate(drawn) for b in drawn[n + 1 :]) > 10
    assert [line.split(" · ")[0] for line in picture.legend] == [f"{n + 1} H{n}" for n in range(4)]
    ET.fromstring(picture.svg())


def test_many_places_stay_readable():
    many = [place(f"H{n:02d}", 113 + n / 100, 28 + (n % 5) / 100, asked=n == 24) for n in range(25)]
    picture = map_picture(many, "zh")
    assert len(picture.legend) == 10
    assert any("H24" in line for line in picture.legend), "what is in question is never left out"
    assert "另有15家" in picture.svg()


def test_hostile_ids_stay_text():
    bad = '"><script>alert(1)</script>'
    picture = map_picture([place(bad, 113.0, 28.0), place("=1+1", 113.1, 28.0)], "zh")
    assert ET.fromstring(picture.svg()).findall(".//{*}script") == []
    assert bad in picture.legend[0]


def city(make_claims, **home):
    claims = make_claims(
        claims=[{"claim_id": f"C{n}", "institution_id": f"H{n % 3}", "patient_id": "P1", "doctor_id": "D1"} for n in range(9)],
        patients=[{"patient_id": "P1", **home}],
        institutions=[{"institution_id": f"H{n}", "longitude": 113.0 + n / 10, "latitude": 28.0} for n in range(2)],
    )
    snapshot = claims.at("2024-06-30", months=12)
    scores = {"patient": pd.DataFrame({"entity_id": ["P1"], "as_of": "2024-06-30", "risk": [0.9]})}
    evidence = pd.DataFrame(
        {"rule": "impersonation", "severity": "suspicious", "entity_type": "patient", "entity_id": "P1", "claim_id": ["C0", "C1"]}
    ).assign(amount_in_question=50.0, strength=0.9, occurred_on=pd.Timestamp("2024-06-03"))
    return dossiers(snapshot, ranking(scores, 5, evidence=evidence, claims=snapshot, explore=0))[0]


def test_a_patients_lead_has_the_map_where_coordinates_exist(make_claims):
    pictures = {each["kind"]: each["drawing"] for each in city(make_claims, longitude=113.05, latitude=28.05)["pictures"]}
    assert "离家最远" in pictures["map"].description
    assert len(pictures["map"].legend) == 2, "a place without coordinates is not drawn"


def test_nought_and_nought_is_no_home(make_claims):
    pictures = {each["kind"]: each["drawing"] for each in city(make_claims, longitude=0.0, latitude=0.0)["pictures"]}
    assert "离家" not in pictures["map"].description


def test_without_coordinates_there_is_no_map(ranked):
    assert all(each["kind"] != "map" for lead in dossiers(*ranked) for each in lead["pictures"])


def test_a_place_in_question_that_is_nowhere_is_not_passed_over():
    """R20: the house of a manual reimbursement is in no table, and yet the one that matters."""
    picture = map_picture(PLACES, "zh", nowhere=(2, 1))
    assert picture.description.endswith(";另有2家位置不详(其中1家有疑点)")
    assert "另有2家位置不详(其中1家有疑点)" in picture.svg()
    assert "位置不详" not in map_picture(PLACES, "zh").description
    assert map_picture(PLACES, "en", nowhere=(1, 0)).description.endswith("; 1 more at places not known")
