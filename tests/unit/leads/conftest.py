"""Small scores and evidence by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from fraudml.contracts import EVIDENCE


@pytest.fixture
def score() -> Callable[..., pd.DataFrame]:
    """``score(D1=0.9, D2=0.1)``: scores of one entity type as of 2024-06-30."""

    def make(**risks: float) -> pd.DataFrame:
        return pd.DataFrame(
            {"entity_id": list(risks), "as_of": "2024-06-30", "risk": list(risks.values()), "outlier": 0.5, "rules": [[] for _ in risks]}
        ).assign(model_version="v1")

    return make


@pytest.fixture
def hit() -> Callable[..., pd.DataFrame]:
    """``hit(("overpriced_charge", "institution", "H1", "C1", "L1", 20.0), …)``: evidence rows."""

    def make(*rows: tuple[str, str, str, str | None, str | None, float], **more: Any) -> pd.DataFrame:
        names = ("rule", "entity_type", "entity_id", "claim_id", "line_id", "amount_in_question")
        table = pd.DataFrame([dict(zip(names, row, strict=True)) for row in rows])
        plain = {"row": "R00", "severity": "clear", "occurred_on": pd.Timestamp("2024-06-03"), "strength": 1.0}
        plain["facts"] = json.dumps({"sign": "hoard"} if (table["rule"] == "drug_resale").any() else {})  # which of R16's sentences
        return table.assign(**(plain | more))[list(EVIDENCE)]

    return make
