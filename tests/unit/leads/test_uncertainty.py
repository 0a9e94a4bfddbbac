"""How sure the figures are: more evidence narrows, and weighs in the order."""

from __future__ import annotations

import pandas as pd
import pytest

import fraudml as fm
from fraudml.leads.uncertainty import pieces, probability_range


def test_more_evidence_narrows_the_range():
    low, high = probability_range([0.8] * 4, [0, 2, 10, 100])
    assert list(low) == sorted(low)
    assert list(high) == sorted(high, reverse=True)
    assert all(low <= 0.8)
    assert all(high >= 0.8)


@pytest.mark.parametrize("risk", [0.0, 1.0])
def test_certainty_has_no_range(risk):
    low, high = probability_range([risk], [5])
    assert low[0] == pytest.approx(risk, abs=1e-3)
    assert high[0] == pytest.approx(risk, abs=1e-3)


def test_a_claim_counts_once_by_its_most_serious_trace():
    found = pd.DataFrame(
        [("L1", "a", "C1"), ("L1", "b", "C1"), ("L1", "b", "C2"), ("L1", "b", None), ("L1", "b", None), ("L2", "unknown", "C9")],
        columns=["lead", "rule", "claim_id"],
    )
    assert pieces(found, {"a": "clear", "b": "suspicious"}).to_dict() == {"L1": 1.0 + 0.5 + 0.5 + 0.5, "L2": 0.0}


def test_of_two_alike_the_one_with_more_evidence_comes_first(score, hit):
    one = hit(("overpriced_charge", "institution", "H1", "C0", None, 1000.0))
    many = hit(*[("overpriced_charge", "institution", "H2", f"K{n}", None, 50.0) for n in range(20)])
    evidence = pd.concat([one, many], ignore_index=True)
    leads = fm.rank_leads({"institution": score(H1=0.6, H2=0.6)}, evidence=evidence, explore=0)
    assert leads["entity_id"].tolist() == ["H2", "H1"]
    assert leads["expected_recovery"].tolist() == [600.0, 600.0]
