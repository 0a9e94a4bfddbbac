"""A small city of claims with leads of every kind, hostile text included."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from fraudml.contracts import EVIDENCE
from fraudml.leads import Ranking, ranking

HOSTILE = '</script><img src=x onerror="alert(1)">'


@pytest.fixture
def ranked(make_claims: Callable[..., Any]) -> tuple[Any, Ranking]:
    """A snapshot and a ranking with an institution, a patient with a hostile name, a ring, stock without a claim, an unexplained doctor."""
    claims = [{"claim_id": f"C{n}", "institution_id": "H1", "patient_id": f"P{n}", "total_amount": 100.0} for n in range(5)]
    claims += [
        {"claim_id": f"K{n}", "institution_id": "Y1", "patient_id": HOSTILE, "visit_type": "pharmacy", "total_amount": 80.0}
        for n in range(4)
    ]
    claims += [
        {"claim_id": f"G{n}", "institution_id": "H2", "patient_id": f"R{n % 3}", "doctor_id": "D2", "total_amount": 60.0} for n in range(6)
    ]
    claims += [
        {"claim_id": f"B{n}", "institution_id": "H3", "patient_id": f"Q{n}", "doctor_id": f"D{n % 4 + 3}", "total_amount": 20.0 + n}
        for n in range(30)
    ]
    claims += [
        {
            "claim_id": "S1",
            "institution_id": "H1",
            "patient_id": "P0",
            "visit_type": "inpatient",
            "started_on": "2024-05-02",
            "ended_on": "2024-05-09",
        }
    ]
    items = [{"claim_id": f"C{n}", "item_code": "=2+3", "unit_price": 50.0, "quantity": 2.0} for n in range(5)]
    opened = make_claims(
        claims=claims,
        items=items,
        catalogue=[{"item_code": "=2+3", "name": "@SUM(A1)"}],
        institutions=[{"institution_id": "H2", "region": "R2"}, {"institution_id": "H3", "region": None}],
    )
    facts = json.dumps({"item": "-1+1", "unit_price": 50.0, "cap": 40.0, "excess": 10.0}, ensure_ascii=False)
    rows = [("overpriced_charge", "clear", "institution", "H1", f"C{n}", f"L{n + 1}", 20.0) for n in range(5)]
    rows += [("drug_resale", "suspicious", "patient", HOSTILE, f"K{n}", None, 80.0) for n in range(4)]
    rows += [("stock_mismatch", "suspicious", "pharmacy", "Y1", None, None, 500.0)]
    names = ("rule", "severity", "entity_type", "entity_id", "claim_id", "line_id", "amount_in_question")
    evidence = pd.DataFrame([dict(zip(names, row, strict=True)) for row in rows])
    evidence = evidence.assign(row="R00", occurred_on=pd.Timestamp("2024-06-03"), strength=0.9, facts=facts)[list(EVIDENCE)]
    hoard = json.dumps(json.loads(facts) | {"sign": "hoard"}, ensure_ascii=False)
    evidence["facts"] = evidence["facts"].where(evidence["rule"] != "drug_resale", hoard)
    members = [
        {"entity_type": "doctor", "entity_id": "D2", "role": "prescriber"},
        {"entity_type": "institution", "entity_id": "H2", "role": "place"},
    ]
    members += [{"entity_type": "patient", "entity_id": f"R{n}", "role": "patient"} for n in range(3)]
    rings = pd.DataFrame(
        [
            {
                "ring_id": "G1", "as_of": pd.Timestamp("2024-06-30"), "scheme": "collusive_group", "period_start": None, "period_end": None,
                "members": members, "synchrony": 0.9, "density": 0.8, "expected_density": 0.1, "p_value": 0.001, "amount": 360.0,
                "claim_ids": [f"G{n}" for n in range(6)],
            }
        ]
    )  # fmt: skip
    risks = {
        "institution": {"H1": 0.9, "H3": 0.1},
        "patient": {HOSTILE: 0.8, "Q1": 0.05},
        "pharmacy": {"Y1": 0.7},
        "doctor": {"D2": 0.85, "D3": 0.6},
    }
    scores = {
        kind: pd.DataFrame({"entity_id": list(each), "as_of": "2024-06-30", "risk": list(each.values())}).assign(model_version="v1")
        for kind, each in risks.items()
    }
    reasons = pd.DataFrame(
        [
            (
                "doctor",
                "D3",
                "claim_count_12m",
                31.0,
                "claims",
                2.0,
                99.9,
                1.5,
                "近12个月接诊31次(同类中位数2次)",
                "31 visits (peers' median 2)",
            )
        ],
        columns=[
            "entity_type",
            "entity_id",
            "feature",
            "value",
            "unit",
            "peer_median",
            "peer_percentile",
            "contribution",
            "text_zh",
            "text_en",
        ],
    )
    snapshot = opened.at("2024-06-30", months=12)
    return snapshot, ranking(scores, 20, evidence=evidence, reasons=reasons, rings=rings, claims=snapshot, explore=0.05)


@pytest.fixture
def written(ranked: tuple[Any, Ranking], tmp_path: Path) -> Path:
    """The folder with workbook and page."""
    from fraudml.report import write_reports

    folder = tmp_path / "out"
    folder.mkdir()
    write_reports(*ranked, folder, by="region")
    return folder
