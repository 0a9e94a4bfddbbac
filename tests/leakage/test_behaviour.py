"""Over the whole catalogue: the future changes nothing, and neither do the order of rows and the names of ids."""

from __future__ import annotations

import random
from typing import Any

import pandas as pd
import pytest

from fraudml.contracts import ENTITY_TYPES
from fraudml.vectors import behaviour, load_catalogue

AS_OF = "2024-05-31"


def frames(claims: Any, as_of: str = AS_OF) -> dict[str, pd.DataFrame]:
    with claims.at(as_of) as snapshot:
        return {entity: behaviour(entity, snapshot, as_of) for entity in ENTITY_TYPES}


def same(left: dict[str, pd.DataFrame], right: dict[str, pd.DataFrame]) -> None:
    for entity in left:
        pd.testing.assert_frame_equal(left[entity], right[entity], check_exact=False, rtol=1e-9, atol=1e-7, obj=entity)


@pytest.fixture
def rows(random_rows: Any) -> dict[str, Any]:
    return random_rows(seed=3, count=350)


def test_every_declared_feature_is_computed_on_full_tables(make_claims, rows):
    for entity, vectors in frames(make_claims(**rows)).items():
        catalogue = load_catalogue(entity)
        assert list(vectors.columns) == [*catalogue.attributes, *catalogue.features], entity
        assert (vectors[list(catalogue.features)].dtypes == "float64").all()


def test_the_future_changes_nothing(make_claims, random_rows, rows, tmp_path):
    known = [row for row in rows["claims"] if row["settled_at"][:10] <= AS_OF]
    ids = {row["claim_id"] for row in known}
    past = rows | {
        "claims": known,
        "items": [row for row in rows["items"] if row["claim_id"] in ids],
        "diagnoses": [row for row in rows["diagnoses"] if row["claim_id"] in ids],
        "inventory": [row for row in rows["inventory"] if row["month"] <= AS_OF],
    }
    before = frames(make_claims(**past, data_dir=tmp_path / "past"))
    later = random_rows(seed=9, count=150, first="2024-06-01", days=90)
    future = {name: rows[name] + later[name] for name in ("claims", "items", "diagnoses")}
    refunds = [
        row
        | {"claim_id": row["claim_id"] + "_late", "is_refund": True, "refund_of": row["claim_id"], "total_amount": -row["total_amount"]}
        | {"settled_at": "2024-06-20 08:00:00"}
        for row in known[::7]
        if not row.get("is_refund")
    ]
    future["claims"] = future["claims"] + refunds
    deaths = [row | {"death_date": row["death_date"] or "2024-06-02"} for row in rows["patients"]]
    ended = [row | {"ended_on": "2024-06-03"} for row in rows["registrations"]]
    suspended = [row | {"suspended_on": "2024-06-03"} for row in rows["enrolments"]]
    after = frames(
        make_claims(**rows | future | {"patients": deaths, "registrations": ended, "enrolments": suspended}, data_dir=tmp_path / "future")
    )
    same(before, after)


def test_looking_back_only_as_far_as_the_windows_gives_the_same(make_claims, rows):
    claims = make_claims(**rows)
    whole = frames(claims)
    same(whole, {entity: behaviour(entity, claims, AS_OF) for entity in ENTITY_TYPES})


def test_row_order_changes_nothing(make_claims, rows, tmp_path):
    shuffled = {}
    for name, table in rows.items():
        shuffled[name] = list(table)
        random.Random(5).shuffle(shuffled[name])
    same(frames(make_claims(**rows, data_dir=tmp_path / "a")), frames(make_claims(**shuffled, data_dir=tmp_path / "b")))


def test_renamed_ids_change_nothing(make_claims, rows, tmp_path):
    names = {"patient_id", "institution_id", "doctor_id", "prescribing_doctor_id", "prescribing_institution_id", "pharmacist_id"}

    def renamed(value: str) -> str:  # reverses the order of ids, keeps the letter that tells hospital from pharmacy
        return value[0] + "z" + str(1000 - int(value[1:]))

    def row_renamed(row: dict[str, Any]) -> dict[str, Any]:
        ids = {key: renamed(value) for key, value in row.items() if key in names and value}
        claim = {key: "x" + row[key][::-1] for key in ("claim_id", "refund_of", "line_id") if row.get(key)}
        return row | ids | claim

    before = frames(make_claims(**rows, data_dir=tmp_path / "a"))
    after = frames(make_claims(**{name: [row_renamed(row) for row in table] for name, table in rows.items()}, data_dir=tmp_path / "b"))
    for entity, vectors in before.items():
        back = (lambda one: "x" + one[::-1]) if entity == "claim" else renamed
        same({entity: vectors.rename(index=back).sort_index()}, {entity: after[entity]})
