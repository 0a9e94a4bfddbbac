"""Claims as other cities bring them: few columns, numbers for ids, one house, silent months, amounts that no bill has."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fraudml.claims import Claims, write_claims
from fraudml.contracts import ENTITY_TYPES
from fraudml.errors import FraudmlError
from fraudml.vectors import behaviour, load_catalogue, peer_statistics

AS_OF = "2024-06-30"


def one_house(folder: Path, items: pd.DataFrame | None = None, **columns: Any) -> Claims:
    """Six claims of two persons at the only institution; the required tables only, ids are numbers, nobody names a doctor."""
    claims = {
        "claim_id": range(6),
        "patient_id": [1, 2] * 3,
        "institution_id": 7,
        "visit_type": "outpatient",
        "insurance_type": "employee",
        "started_on": "2024-06-03",
        "total_amount": 100.0,
        "is_refund": False,
    }
    tables = {
        "claims": pd.DataFrame(claims | columns),
        "patients": pd.DataFrame({"patient_id": [1, 2], "sex": ["male", None], "birth_date": [None, "1950-01-01"]}),
        "institutions": pd.DataFrame({"institution_id": [7], "kind": ["hospital"]}),
    }
    return write_claims(tables | ({} if items is None else {"items": items}), folder)


def vectors(claims: Claims, as_of: str = AS_OF) -> dict[str, pd.DataFrame]:
    with claims.at(as_of) as snapshot:
        found = {entity: behaviour(entity, snapshot, as_of) for entity in ENTITY_TYPES}
    for entity, frame in found.items():
        assert frame.index.is_unique
        assert frame.index.notna().all()
        assert not np.isinf(frame.select_dtypes("number").to_numpy()).any()
        peer_statistics(frame, load_catalogue(entity))
    return found


def test_three_tables_numbers_for_ids_one_house_and_ties(tmp_path: Path) -> None:
    found = vectors(one_house(tmp_path))
    assert {entity: len(frame) for entity, frame in found.items()} == {
        "claim": 6,
        "patient": 2,
        "doctor": 0,
        "institution": 1,
        "pharmacy": 0,
    }
    assert found["patient"]["claim_count_1m"].to_dict() == {"1": 3.0, "2": 3.0}
    assert found["patient"]["day_claims_max_12m"].tolist() == [3.0, 3.0]  # all in the same minute
    assert found["institution"].loc["7", "patient_count_12m"] == 2
    # what every row ties on tells nobody apart
    assert set(peer_statistics(found["claim"], load_catalogue("claim")).percentile["total_amount"]) == {50.0}


@pytest.mark.parametrize(
    "amounts",
    [[1e15, 1e15, -5.0, 0.0, 1e308, 1e308], [None] * 6, [0.0] * 6, [np.inf, 1.0, 1.0, 1.0, 1.0, np.nan]],
    ids=["huge", "unknown", "nought", "infinite"],
)
def test_amounts_that_no_bill_has_leave_no_infinity(tmp_path: Path, amounts: list[float]) -> None:
    items = pd.DataFrame({"line_id": range(6), "claim_id": range(6), "item_code": 5, "charge_type": "western_drug"})
    items = items.assign(quantity=[1e300, 0, None, -1, 1, 1], unit_price=[1e300, 0, None, 1, 0, 1], amount=[1e300, 0, None, -1, 0, 1])
    found = vectors(one_house(tmp_path, items, total_amount=amounts))
    assert found["patient"]["claim_count_12m"].sum() == 6


def test_silent_months_are_noughts(tmp_path: Path) -> None:
    patient = vectors(one_house(tmp_path, started_on=["2023-07-01"] * 3 + ["2024-06-30"] * 3))["patient"]
    assert patient["claim_count_1m"].sum() == patient["claim_count_3m"].sum() == 3
    assert patient["claim_count_12m"].sum() == 6


@pytest.mark.parametrize("as_of", ["2020-01-31", "2030-01-31"])
def test_a_day_before_or_after_all_claims_gives_no_rows_and_says_so(tmp_path: Path, caplog: Any, as_of: str) -> None:
    claims = one_house(tmp_path)
    with caplog.at_level(logging.WARNING, logger="fraudml"):
        frame = behaviour("patient", claims, as_of, features="claim_count_1m")
    assert frame.empty
    assert list(frame) == ["insurance_type", "age_band", "claim_count_1m"]
    assert f"no claim was settled in the 12 months up to {as_of}: the claims are of 2024-06-03 to 2024-06-03" in caplog.text


def test_one_name_is_one_feature_and_a_folder_is_no_open_claims(tmp_path: Path) -> None:
    claims = one_house(tmp_path)
    assert list(behaviour("patient", claims, AS_OF, features="claim_count_1m", peers=False)) == ["claim_count_1m"]
    with pytest.raises(FraudmlError, match=r"\[features.claims\].*fm.open_claims"):
        behaviour("patient", tmp_path, AS_OF)  # type: ignore[arg-type]
