"""Several days in one run: the same vectors as each day gives alone, whatever becomes known between the days."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
import pytest

from fraudml.claims import Claims
from fraudml.contracts import ENTITY_TYPES
from fraudml.vectors import behaviour, load_catalogue, several
from fraudml.vectors.computed import behaviour_sql
from fraudml.vectors.several import SeveralDays

DAYS = [dt.date(2024, 2, 29), dt.date(2024, 3, 31), dt.date(2024, 4, 17), dt.date(2024, 5, 31)]


def together(
    claims: Claims, days: list[dt.date] = DAYS, entities: tuple[str, ...] = ENTITY_TYPES
) -> dict[tuple[str, dt.date], pd.DataFrame]:
    catalogues = [load_catalogue(entity) for entity in entities]
    found = {}
    with SeveralDays(claims, days, catalogues) as joined:
        for day in days:
            snapshot = joined.at(day)
            for catalogue in catalogues:
                query = behaviour_sql(catalogue, snapshot, in_parts=joined.in_parts(catalogue, day))
                found[catalogue.entity, day] = snapshot.query(f"{query} order by entity_id").set_index("entity_id")
    return found


def same_as_alone(claims: Claims, days: list[dt.date] = DAYS, entities: tuple[str, ...] = ENTITY_TYPES) -> None:
    each_alone = {}
    for day in days:
        with claims.at(day, months=12) as snapshot:
            each_alone |= {(entity, day): behaviour(entity, snapshot, day) for entity in entities}
    for (entity, day), vectors in together(claims, days, entities).items():
        alone = each_alone[entity, day]
        numbers = alone.select_dtypes("number").columns
        assert len(alone), entity
        pd.testing.assert_frame_equal(vectors[numbers], alone[numbers], check_exact=False, rtol=1e-9, atol=2e-8, obj=f"{entity} {day}")
        for name in alone.columns.difference(numbers):
            assert vectors[name].fillna("unknown").tolist() == alone[name].tolist(), (entity, day, name)


@pytest.fixture
def rows(random_rows: Any) -> dict[str, Any]:
    """A town in which deaths, registrations, late refunds and ends of catalogue entries become known between the days."""
    rows = random_rows(seed=21, count=330)
    for place, patient in enumerate(rows["patients"]):
        if place % 5 == 0:  # billed after death, too
            patient["death_date"] = f"2024-03-{1 + place:02}"
        if place % 7 == 0:
            patient["birth_date"] = "2024-04-02"
    rows["registered_diseases"] += [
        {"patient_id": patient["patient_id"], "registered_disease": "M02", "started_on": "2024-04-10"} for patient in rows["patients"][::4]
    ]
    catalogue = list(rows["catalogue"])
    for entry in catalogue[::6]:  # two entries that begin together; the end of one is known later
        rows["catalogue"].append(entry | {"price_cap": 15.0, "minutes": 35.0, "ended_on": "2024-03-20"})
    for entry in catalogue[4::6] + catalogue[5::6]:  # of other items a new price
        rows["catalogue"].append(entry | {"price_cap": 7.0, "minutes": 50.0, "started_on": "2024-04-05"})
    for line in rows["items"][::4]:  # dated after the settlement
        line["occurred_at"] = "2024-04-20 08:00:00"
    for claim in rows["claims"][::8]:
        if not claim.get("is_refund"):
            rows["claims"].append(
                claim
                | {"claim_id": claim["claim_id"] + "_late", "is_refund": True, "refund_of": claim["claim_id"]}
                | {"total_amount": -claim["total_amount"] / 2, "settled_at": "2024-05-03 09:00:00"}
            )
    return rows


@pytest.fixture
def months_kept(monkeypatch):
    """Parts of months wherever they can be made: in a small town they save nothing."""
    monkeypatch.setattr(several, "SMALLER", 1e9)


def test_what_becomes_known_between_the_days_is_known_to_the_later_ones_only(make_claims, rows, months_kept):
    same_as_alone(make_claims(**rows))


def test_two_days_share_joins_and_no_months(make_claims, rows):
    same_as_alone(make_claims(**rows), DAYS[1:3], ("pharmacy", "claim"))


def test_without_items_diagnoses_and_registered_diseases(make_claims, rows, months_kept):
    same_as_alone(make_claims(claims=rows["claims"], patients=rows["patients"]), DAYS[1:], ("patient", "claim"))


def test_months_are_kept_for_what_they_can_tell(make_claims, rows, months_kept):
    catalogues = [load_catalogue(entity) for entity in ("institution", "claim")]
    with SeveralDays(make_claims(**rows), DAYS, catalogues) as joined:
        joined.at(DAYS[0])
        kept = joined.in_parts(catalogues[0], DAYS[0])
        assert "total_amount_12m" in kept["claims"].wholes
        assert "amount_p90_12m" not in kept["claims"].wholes  # a quantile needs the rows
        assert "case_ratio_mean_12m" not in kept["claims"].wholes  # the like of a claim is that of the day's window
        assert {"sequence", "stays"}.isdisjoint(kept)
        assert not joined.in_parts(catalogues[1], DAYS[0])
