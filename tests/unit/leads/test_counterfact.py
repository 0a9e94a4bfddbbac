"""What would have to be otherwise for a lead not to be listed."""

from __future__ import annotations

import pandas as pd
import pytest

from fraudml.contracts import REASONS
from fraudml.leads import ranking


def reasons(*rows: tuple[str, str, str, float | None]) -> pd.DataFrame:
    """(entity_type, entity_id, feature, risk_without)"""
    names = ("entity_type", "entity_id", "feature", "risk_without")
    table = pd.DataFrame([dict(zip(names, row, strict=True)) for row in rows]).reindex(columns=list(REASONS))
    return table.assign(contribution=1.0, text_zh="中文 " + table["feature"], text_en="words on " + table["feature"])


def told(scores, why: pd.DataFrame, capacity: int = 1, **more) -> dict[str, str | None]:
    leads = ranking({"doctor": scores}, capacity, reasons=why, lang="en", explore=0, **more).leads
    said = leads["counterfact"].astype(object)
    return dict(zip(leads["entity_id"], said.where(said.notna(), None), strict=True))


def test_of_several_reasons_the_one_that_changes_least_is_named(score):
    why = reasons(("doctor", "D1", "nights", 0.05), ("doctor", "D1", "visits", 0.6), ("doctor", "D1", "drugs", 0.8))
    (said,) = told(score(D1=0.9, D2=0.7), why).values()
    assert said == "this lead would not be on the list if one thing stood at the median of peers: words on visits"


def test_where_nobody_waits_only_the_floor_ends_the_list(score):
    why = reasons(("doctor", "D1", "nights", 0.05), ("doctor", "D1", "visits", 0.6))
    assert told(score(D1=0.9, D2=0.7), why, capacity=9)["D1"].endswith("words on nights")


def test_a_lead_that_stands_on_several_reasons_says_so(score):
    why = reasons(("doctor", "D1", "visits", 0.8), ("doctor", "D1", "nights", 0.85))
    assert told(score(D1=0.9, D2=0.7), why)["D1"] == "without any single one of its reasons this lead would still be on the list"


def test_of_evidence_it_is_the_scheme_without_which_it_falls(score, hit):
    evidence = hit(
        ("overpriced_charge", "doctor", "D1", "C1", "L1", 50.0),
        ("duplicate_charge", "doctor", "D1", "C2", "L2", 5000.0),
        ("overpriced_charge", "doctor", "D2", "C3", "L3", 300.0),
        facts=None,
    )
    why = reasons(("doctor", "D1", "rule:overpriced_charge", 0.88), ("doctor", "D1", "rule:duplicate_charge", 0.3))
    said = told(score(D1=0.9, D2=0.7), why, evidence=evidence)
    assert said["D1"] == "without the evidence of duplicate charge this lead would not be on the list"


def test_where_scores_did_not_ask_nothing_is_said(score):
    assert told(score(D1=0.9, D2=0.7), reasons(("doctor", "D1", "visits", None))) == {"D1": None}
    assert told(score(D1=0.9, D2=0.7), reasons(("doctor", "D1", "visits", 0.1)).drop(columns="risk_without")) == {"D1": None}


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_who_is_drawn_at_random_needs_no_reason_to_fall(score, lang):
    why = reasons(("doctor", "D2", "visits", 0.0))
    leads = ranking({"doctor": score(D1=0.9, D2=0.05)}, 2, reasons=why, lang=lang, explore=0.5).leads
    assert leads.set_index("drawn")["counterfact"].notna().to_dict() == {"ranked": False, "random": False}
