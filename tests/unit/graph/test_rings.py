"""Rings are found, and what looks like one is left alone (R04, R16, R23, R24, R31).

A quiet town of 400 people in 20 villages goes its ways; each test adds one story to it.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest

import fraudml as fm
from fraudml.graph.candidates import Candidate
from fraudml.graph.roles import with_roles

Rows = list[dict[str, Any]]
DAYS = [str(day.date()) for day in pd.date_range("2023-07-03", "2024-06-25")]
AS_OF = "2024-06-30"
PEOPLE = 400


def village_of(person: int) -> int:
    return person // 20


@pytest.fixture(scope="module")
def town() -> Rows:
    """Some 4 500 claims: everybody sees one of six hospitals' 24 doctors now and then, and buys in one of five pharmacies."""
    rng = np.random.default_rng(11)
    rows: Rows = []
    for person in range(PEOPLE):
        for day in rng.choice(len(DAYS), rng.poisson(8), replace=False):
            place = (village_of(person) + int(rng.integers(0, 3))) % 6
            rows.append(visit(person, f"H{place}", int(day), f"D{place}{rng.integers(4)}", amount=round(float(rng.gamma(4, 30)), 2)))
            if rng.random() < 0.4:
                shop = f"Y{(village_of(person) + int(rng.integers(0, 2))) % 5}"
                rows.append(sale(person, shop, int(day), (f"H{place}", f"D{place}{rng.integers(4)}") if rng.random() < 0.4 else None))
    return rows


def visit(person: int, place: str, day: int, doctor: str, amount: float = 100.0, **more: Any) -> dict[str, Any]:
    return {
        "patient_id": f"P{person}",
        "institution_id": place,
        "started_on": DAYS[day],
        "doctor_id": doctor,
        "total_amount": amount,
    } | more


def sale(person: int, shop: str, day: int, prescribed: tuple[str, str] | None = None, amount: float = 80.0) -> dict[str, Any]:
    row = {
        "patient_id": f"P{person}",
        "institution_id": shop,
        "started_on": DAYS[day],
        "visit_type": "pharmacy",
        "doctor_id": None,
        "total_amount": amount,
    }
    if prescribed:
        row |= {"prescribing_institution_id": prescribed[0], "prescribing_doctor_id": prescribed[1]}
    return row


def stay(person: int, place: str, day: int, doctor: str = "D90") -> dict[str, Any]:
    left = str((pd.Timestamp(DAYS[day]) + pd.Timedelta(days=6)).date())
    return visit(person, place, day, doctor, 3000.0, visit_type="inpatient", ended_on=left)


@pytest.fixture
def rings_of(make_claims, town: Rows):
    def find(story: Rows, **tables: Rows) -> pd.DataFrame:
        people = [{"patient_id": f"P{one}", "address_group": f"A{village_of(one)}", "region": "R1"} for one in range(PEOPLE)]
        changed = {row["patient_id"]: row for row in tables.pop("patients", [])}
        claims = make_claims(claims=town + story, patients=[row | changed.get(row["patient_id"], {}) for row in people], **tables)
        return fm.claim_graph(claims, as_of=AS_OF).rings

    return find


def roles(ring: pd.Series) -> dict[str, int]:
    return dict(Counter(member["role"] for member in ring["members"]))


def members(ring: pd.Series, entity_type: str) -> set[str]:
    return {member["entity_id"] for member in ring["members"] if member["entity_type"] == entity_type}


# ------------------------------------------------------------------ what must be found
def test_induced_admission_r04(rings_of) -> None:
    busload = list(range(40, 52))
    waves = [stay(person, "H9", day) for day in (60, 150, 240) for person in busload]
    others = [stay(int(person), "H9", int(day)) for person, day in zip(np.arange(0, 400, 5), np.linspace(3, 350, 80), strict=True)]
    rings = rings_of(waves + others, institutions=[{"institution_id": "H9", "ownership": "private"}])
    assert rings["scheme"].tolist() == ["induced_admission"]
    ring = rings.iloc[0]
    assert members(ring, "patient") == {f"P{person}" for person in busload}
    assert members(ring, "institution") == {"H9"}
    assert len(ring["claim_ids"]) == 36
    assert ring["density"] > 5 * ring["expected_density"]
    assert {"card_holder": 12, "main_institution": 1}.items() <= roles(ring).items()


def test_drug_resale_r16(rings_of) -> None:
    troop = [3, 47, 111, 222]
    trips = [
        visit(person, f"H{number % 6}", day, f"D{number % 6}0", 2500.0) for number, day in enumerate(range(5, 340, 14)) for person in troop
    ]
    rings = rings_of(trips)
    assert rings["scheme"].tolist() == ["drug_resale"]
    ring = rings.iloc[0]
    assert members(ring, "patient") == {f"P{person}" for person in troop}
    assert ring["synchrony"] > 0.6
    assert ring["p_value"] < 1e-6
    assert roles(ring) == {"core": 4}


def test_nursing_home_collusion_r23(rings_of) -> None:
    residents = list(range(100, 114))
    rounds = [visit(person, "H2", day, "D20", 260.0) for day in range(7, 340, 10) for person in residents]
    rings = rings_of(rounds)
    assert rings["scheme"].tolist() == ["nursing_home_collusion"]
    assert members(rings.iloc[0], "doctor") == {"D20"}
    assert members(rings.iloc[0], "patient") == {f"P{person}" for person in residents}


def test_external_prescription_collusion_r24(rings_of) -> None:
    rng = np.random.default_rng(2)
    sent = [
        row
        for person in range(0, 400, 8)
        for day in rng.integers(0, len(DAYS) - 3, 2)
        for row in (visit(person, "H1", int(day), "D10"), sale(person, "Y9", int(day) + 1, ("H1", "D10")))
    ]
    passers_by = [sale(int(person), "Y9", int(day)) for person, day in zip(rng.integers(0, 400, 60), rng.integers(0, 350, 60), strict=True)]
    rings = rings_of(sent + passers_by)
    assert rings["scheme"].tolist() == ["external_prescription_collusion"]
    assert members(rings.iloc[0], "doctor") == {"D10"}
    assert members(rings.iloc[0], "pharmacy") == {"Y9"}
    told = roles(rings.iloc[0])
    assert told.pop("card_holder") == len(members(rings.iloc[0], "patient"))
    assert {"prescriber": 1, "dispenser": 1}.items() <= told.items()
    assert len(rings.iloc[0]["claim_ids"]) >= 180  # the visits beside the sales


def places(far: tuple[float, float]) -> Rows:
    """Six hospitals and six pharmacies, each pharmacy beside the hospital of its number; Y9 lies at ``far``."""
    rows: Rows = [
        {"institution_id": f"{letter}{one}", "kind": kind, "longitude": 117.0 + one / 20 + beside, "latitude": 36.0}
        for letter, kind, beside in (("H", "hospital", 0.0), ("Y", "pharmacy", 0.001))
        for one in range(6)
    ]
    return [*rows, {"institution_id": "Y9", "kind": "pharmacy", "longitude": far[0], "latitude": far[1]}]


def test_external_prescriptions_that_name_no_doctor_r24(rings_of) -> None:
    rng = np.random.default_rng(2)
    sent = [
        row | ({"prescribing_doctor_id": None} if row["visit_type"] == "pharmacy" else {})
        for person in range(0, 400, 8)
        for day in rng.integers(0, len(DAYS) - 3, 2)
        for row in (
            visit(person, "H1", int(day), "D10", visit_type="outpatient"),
            sale(person, "Y9", int(day) + 1, ("H1", "")),
        )
    ]
    passers_by = [sale(int(person), "Y9", int(day)) for person, day in zip(rng.integers(0, 400, 60), rng.integers(0, 350, 60), strict=True)]
    usual = [
        sale(int(rng.integers(PEOPLE)), f"Y{one}", int(rng.integers(len(DAYS))), (f"H{one}", "")) | {"prescribing_doctor_id": None}
        for one in (0, 2, 3, 4, 5)
        for _ in range(80)
    ]
    rings = rings_of(sent + passers_by + usual, institutions=places((117.9, 36.5)))
    assert rings["scheme"].tolist() == ["external_prescription_collusion"]
    assert members(rings.iloc[0], "pharmacy") == {"Y9"}
    assert "H1" in members(rings.iloc[0], "institution")
    # what everybody sends to the pharmacy next door is no tie, and without coordinates nobody knows what lies next door
    assert rings_of(usual, institutions=places((117.9, 36.5))).empty
    assert rings_of(sent + passers_by).empty


def test_collusive_group_r31(rings_of) -> None:
    cards = [5, 31, 77, 123, 160, 201, 250, 333, 390]
    trips = [
        row
        for number, day in enumerate(range(4, 340, 17))
        for person in cards
        if (number + person) % 5
        for row in (visit(person, "H3", day, "D31"), sale(person, "Y4", day, ("H3", "D31")))
    ]
    rings = rings_of(trips)
    assert rings["scheme"].tolist() == ["collusive_group"]
    ring = rings.iloc[0]
    assert members(ring, "patient") >= {f"P{person}" for person in cards}
    assert "D31" in members(ring, "doctor")
    assert members(ring, "pharmacy") == {"Y4"}
    told = roles(ring)
    assert told["core"] >= 8
    assert {"prescriber": 1, "main_institution": 1, "dispenser": 1}.items() <= told.items()


def test_who_came_seldom_is_told_from_who_always_came() -> None:
    meetings = {"P1": range(9), "P2": range(9), "P3": range(4), "P4": range(2), "P5": ()}
    claims = [(one, "H1", day, "D1", None, "H1", None) for one, days in meetings.items() for day in days]
    claims += [("P5", "H2", 40, "D2", None, "H2", None)]
    names = ["patient_id", "place_id", "met_on", "doctor_id", "prescriber_id", "institution_id", "pharmacy_id"]
    candidate = Candidate("collusive_group", sorted(meetings), pd.DataFrame(claims, columns=names), 1.0, 1.0, 0.1, 1e-9)
    told = with_roles(candidate, {("institution", "H1"), ("institution", "H2"), ("doctor", "D1")})
    assert {one["entity_id"]: one["role"] for one in told} == {
        **{"P1": "core", "P2": "core", "P3": "regular", "P4": "occasional", "P5": "occasional"},
        **{"D1": "main_doctor", "H1": "main_institution", "H2": "institution"},
    }


# ------------------------------------------------------------------ what must be left alone
@pytest.mark.parametrize(("size", "trips", "turnout"), [(6, 6, 0.9), (12, 10, 0.7), (20, 20, 0.5)])
def test_small_seldom_and_loose_rings_r31(rings_of, size: int, trips: int, turnout: float) -> None:
    """Cards that go to a doctor and on to a pharmacy together, on days without any rhythm, and not all of them each time."""
    rng = np.random.default_rng(size)
    cards = rng.choice(PEOPLE, size, replace=False)
    story = [
        row
        for day in rng.choice(len(DAYS), trips, replace=False)
        for person in cards
        if rng.random() < turnout
        for row in (visit(int(person), "H3", int(day), "D31", 150.0), sale(int(person), "Y3", int(day), amount=600.0))
    ]
    rings = rings_of(story)
    assert rings["scheme"].tolist() == ["collusive_group"]
    found = members(rings.iloc[0], "patient")
    assert found <= {f"P{one}" for one in cards}
    assert len(found) >= 0.8 * size
    assert members(rings.iloc[0], "doctor") == {"D31"}
    assert members(rings.iloc[0], "pharmacy") == {"Y3"}


def test_an_honest_town_has_no_rings(rings_of) -> None:
    assert rings_of([]).empty


def test_a_village_with_one_clinic_and_one_pharmacy_is_no_ring(rings_of) -> None:
    rng = np.random.default_rng(3)
    village = [
        row
        for person in range(200, 220)
        for day in rng.choice(len(DAYS), 20, replace=False)
        for row in (visit(person, "H8", int(day), "D80"), sale(person, "Y8", int(day), ("H8", "D80")))
    ]
    assert rings_of(village).empty


def test_a_family_is_no_ring(rings_of) -> None:
    family = [
        row
        for number, day in enumerate(range(4, 340, 15))
        for person in (60, 61, 62, 63)
        for row in (visit(person, f"H{number % 4}", day, f"D{number % 4}1"), sale(person, "Y2", day))
    ]
    assert rings_of(family).empty


def test_contract_visiting_days_are_no_ring(rings_of) -> None:
    rng = np.random.default_rng(4)
    visits = [
        visit(person, "H2", day, "D20", round(float(rng.gamma(3, 20)), 2))
        for day in range(9, 340, 30)
        for person in range(140, 160)
        if rng.random() < 0.6
    ]
    assert rings_of(visits).empty


def on_map(persons: range, spread_km: float) -> Rows:
    """Persons of different address groups whose homes lie around one point."""
    rng = np.random.default_rng(13)
    return [
        {"patient_id": f"P{one}", "longitude": 115.0 + x / 95, "latitude": 35.0 + y / 111, "address_group": f"B{one}"}
        for one, (x, y) in zip(persons, rng.normal(0, spread_km, (len(persons), 2)), strict=True)
    ]


def rounds(fee: float | None) -> Rows:
    rng = np.random.default_rng(21)
    return [
        row
        for day in rng.choice(340, 12, replace=False)  # whenever the team finds the time
        for person in range(140, 165)
        if rng.random() < 0.7
        for row in (
            visit(person, "H9", int(day), "D99", fee or round(float(rng.gamma(3, 20)), 2)),
            *([sale(person, "Y9", int(day))] if rng.random() < 0.5 else []),
        )
    ]


@pytest.mark.parametrize("fee", [None, 28.0])
def test_irregular_rounds_of_an_estate_are_no_ring(rings_of, fee: float | None) -> None:
    """R23: the team comes on no fixed day, the people have an address each, and half of them go on to the shop around the corner."""
    shops = [
        {"institution_id": "H9", "longitude": 115.2, "latitude": 35.2},
        {"institution_id": "Y9", "longitude": 115.003, "latitude": 35.0, "kind": "pharmacy"},
    ]
    assert rings_of(rounds(fee), patients=on_map(range(140, 165), 0.3), institutions=shops).empty


def test_the_same_company_of_people_from_everywhere_is_a_ring(rings_of) -> None:
    rng = np.random.default_rng(22)
    others = [visit(int(rng.integers(PEOPLE)), "H9", int(rng.integers(len(DAYS))), "D99", 40.0) for _ in range(300)]
    rings = rings_of(rounds(None) + others, patients=on_map(range(140, 165), 15.0))
    assert len(rings) == 1
    found = members(rings.iloc[0], "patient")
    assert found <= {f"P{one}" for one in range(140, 165)}
    assert len(found) >= 20
    assert {"D99", "H9"} <= members(rings.iloc[0], "doctor") | members(rings.iloc[0], "institution")


def test_pay_day_at_the_pharmacy_is_no_ring(rings_of) -> None:
    """R31: accounts are credited on the tenth, and some always come on that day or the next."""
    rng = np.random.default_rng(17)
    tenth = [number for number, day in enumerate(DAYS) if day.endswith("-10")]
    sales = [
        sale(person, "Y8", day + int(rng.choice([0, 0, 0, 1]))) for person in range(5, 400, 16) for day in tenth if rng.random() < 0.85
    ]
    others = [sale(int(person), "Y8", int(rng.integers(len(DAYS)))) for person in rng.choice(PEOPLE, 300)]
    assert rings_of(sales + others).empty


def test_dialysis_that_began_during_the_year_is_no_ring(rings_of) -> None:
    shift = [
        visit(person, "H4", day, "D40", 400.0)
        for person, since in ((15, 150), (95, 160), (175, 0), (255, 140), (335, 155), (375, 0))
        for day in range(since, len(DAYS))
        if pd.Timestamp(DAYS[day]).dayofweek in (0, 2, 4)
    ]
    assert rings_of(shift).empty


def test_a_school_accident_is_no_ring(rings_of) -> None:
    accident = [stay(person, f"H{person % 3}", 100) for person in range(280, 300)]
    assert rings_of(accident, institutions=[{"institution_id": f"H{i}", "ownership": "private"} for i in range(3)]).empty


def test_an_epidemic_is_no_ring(rings_of) -> None:
    rng = np.random.default_rng(6)
    sick = [
        stay(int(person), "H5", int(peak + rng.integers(0, 6))) for peak in (120, 300) for person in rng.choice(PEOPLE, 160, replace=False)
    ]
    assert rings_of(sick, institutions=[{"institution_id": "H5", "ownership": "private"}]).empty


def test_dialysis_shifts_are_no_ring(rings_of) -> None:
    shift = [
        visit(person, "H4", day, "D40", 400.0)
        for person in (15, 95, 175, 255, 335, 375)
        for day in range(len(DAYS))
        if pd.Timestamp(DAYS[day]).dayofweek in (0, 2, 4)
    ]
    assert rings_of(shift).empty


def test_refills_of_the_same_rhythm_are_no_ring(rings_of) -> None:
    trios = [(first, first + 100, first + 200) for first in (2, 9, 16)]
    refills = [sale(person, "Y1", day) for trio in trios for person in trio for day in range(trio[0], 350, 28)]
    assert rings_of(refills).empty


def test_the_only_pharmacy_beside_the_hospital_is_no_ring(rings_of) -> None:
    rng = np.random.default_rng(8)
    beside = [
        sale(int(rng.integers(PEOPLE)), "Y7", int(rng.integers(len(DAYS))), ("H1", f"D1{doctor}")) for doctor in range(4) for _ in range(40)
    ]
    assert rings_of(beside).empty


@pytest.mark.parametrize("size", [6, 12, 30])
def test_villages_of_any_size_are_no_ring(rings_of, size: int) -> None:
    rng = np.random.default_rng(size)
    people = rng.choice(PEOPLE, size, replace=False)
    market_days = range(int(rng.integers(0, 7)), len(DAYS) - 1, 7)  # clinic and pharmacy are where everybody goes on market days
    story = [
        row
        for person in people
        for day in market_days
        if rng.random() < 0.3
        for row in (visit(int(person), "H8", day, "D80"), *([sale(int(person), "Y8", day, ("H8", "D80"))] if rng.random() < 0.6 else []))
    ]
    homes = [{"patient_id": f"P{person}", "address_group": "V", "region": "R1"} for person in people]
    assert rings_of(story, patients=homes).empty


@pytest.mark.parametrize("size", [2, 3, 5])
def test_families_of_any_size_are_no_ring(rings_of, size: int) -> None:
    rng = np.random.default_rng(40 + size)
    people = rng.choice(PEOPLE, size, replace=False)
    days = rng.choice(len(DAYS), 20, replace=False)
    story = [
        row for day in days for person in people for row in (visit(int(person), "H2", int(day), "D21"), sale(int(person), "Y2", int(day)))
    ]
    homes = [{"patient_id": f"P{person}", "address_group": "F", "region": "R1"} for person in people]
    assert rings_of(story, patients=homes).empty


# ------------------------------------------------------------------ identity
def test_ids_persist_while_most_members_do() -> None:
    from fraudml.graph.rings import with_earlier_ids

    def ring(ring_id: str, *people: str) -> dict[str, Any]:
        return {"ring_id": ring_id, "members": [{"entity_type": "patient", "entity_id": one, "role": "patient"} for one in people]}

    before = pd.DataFrame([ring("Gold", "a", "b", "c", "d"), ring("Gelse", "x", "y")])
    now = pd.DataFrame([ring("Gnew", "a", "b", "c", "e"), ring("Gother", "x", "u", "v", "w")])
    assert with_earlier_ids(now, before)["ring_id"].tolist() == ["Gold", "Gother"]
    assert with_earlier_ids(now, before.iloc[:0])["ring_id"].tolist() == ["Gnew", "Gother"]
