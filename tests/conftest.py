"""Fixtures for all tests: canonical tables from a few readable rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from fraudml.claims import Claims, write_claims

Rows = list[dict[str, Any]]


@pytest.fixture
def make_claims(tmp_path: Path) -> Callable[..., Claims]:
    """``make_claims(claims=[{...}], items=[{...}], …)``: writes canonical tables and opens them.

    What a row leaves out gets a plain default: claim ids C1, C2 …, outpatient visits of patient P1 at hospital H1 by doctor
    D1 costing 100; patients and institutions that the claims name are added (H… hospitals of level 2, Y… pharmacies).
    """

    def make(*, claims: Rows, items: Rows | None = None, data_dir: Path | None = None, **tables: Rows) -> Claims:
        rows = [_claim(number, row) for number, row in enumerate(claims, 1)]
        out: dict[str, Rows] = {"claims": rows}
        if items is not None:
            first_day = {row["claim_id"]: row["started_on"] for row in rows}
            out["items"] = [_item(number, row, first_day) for number, row in enumerate(items, 1)]
        given = {row["patient_id"]: row for row in tables.pop("patients", [])}
        people = {row["patient_id"] for row in rows} | given.keys()
        out["patients"] = [
            {"sex": "female", "birth_date": "1970-05-05", "region": "R1"} | given.get(one, {}) | {"patient_id": one}
            for one in sorted(people)
        ]
        given = {row["institution_id"]: row for row in tables.pop("institutions", [])}
        places = {row["institution_id"] for row in rows} | given.keys()
        out["institutions"] = [
            {
                "kind": "pharmacy" if one.startswith("Y") else "hospital",
                "level": 0 if one.startswith("Y") else 2,
                "ownership": "public",
                "region": "R1",
            }
            | given.get(one, {})
            | {"institution_id": one}
            for one in sorted(places)
        ]
        return write_claims(_frames(out | tables), data_dir or tmp_path / "data")

    return make


def _frames(tables: Mapping[str, Rows]) -> dict[str, pd.DataFrame]:
    return {name: pd.DataFrame(rows) for name, rows in tables.items() if rows}


def _claim(number: int, row: dict[str, Any]) -> dict[str, Any]:
    plain = {
        "claim_id": f"C{number}",
        "patient_id": "P1",
        "institution_id": "H1",
        "visit_type": "outpatient",
        "insurance_type": "employee",
        "started_on": "2024-06-03",
        "total_amount": 100.0,
        "is_refund": False,
    }
    full = plain | row
    full.setdefault("visit_id", "V" + full["claim_id"])
    if full["visit_type"] != "pharmacy":
        full.setdefault("doctor_id", "D1")
    full.setdefault("ended_on", full["started_on"])
    full.setdefault("settled_at", f"{full['ended_on']} 10:00:00")
    for name, share in (
        ("in_scope_amount", 1.0),
        ("fund_amount", 0.7),
        ("account_amount", 0.1),
        ("cash_amount", 0.2),
    ):
        full.setdefault(name, round(full["total_amount"] * share, 2))
    return full


def _item(number: int, row: dict[str, Any], first_day: Mapping[str, str]) -> dict[str, Any]:
    full: dict[str, Any] = {
        "line_id": f"L{number}",
        "claim_id": "C1",
        "charge_type": "western_drug",
        "quantity": 1.0,
        "unit_price": 10.0,
    } | row
    if "amount" not in full:
        full["amount"] = round(full["quantity"] * full["unit_price"], 2)
    full.setdefault("occurred_at", f"{first_day.get(full['claim_id'], '2024-06-03')} 09:00:00")
    return full
