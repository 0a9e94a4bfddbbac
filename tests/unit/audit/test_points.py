"""A17: points lapse, fall with overturned cases, wait during an appeal; the blacklist has entry and exit."""

from __future__ import annotations

import pandas as pd
import pytest

from fraudml.audit import run_programme

COLUMNS = ["entity_type", "entity_id", "is_fraud", "scheme", "decided_on", "lead_id", "state"]


@pytest.fixture
def on_day(make_claims, conf_dir):
    """``on_day(day, rows, **changes)``: points and blacklist as of a day, by entity."""

    def run(day, rows, **changes):
        frame = pd.DataFrame([(*row, *[""] * (len(COLUMNS) - len(row))) for row in rows], columns=COLUMNS)
        claims = make_claims(claims=[{"started_on": "2022-01-05"}])
        result = run_programme(
            claims, "own", day, periods=["2022"], conf_dir=conf_dir("points", "blacklist"), decisions=frame, changes=changes
        )
        return [result.lists[name].rows.set_index("entity_id") for name in ("points", "blacklist")]

    return run


def test_a17_points_by_gravity_repetition_and_age(on_day):
    rows = [
        ("institution", "H1", True, "overpriced_charge", "2024-01-10"),  # clear: 3
        ("institution", "H1", True, "overpriced_charge", "2024-03-10"),  # again: 6
        ("institution", "H1", True, "forged_invoice", "2022-12-01"),  # lapsed
        ("doctor", "D1", True, "unexplained", "2024-05-01"),
        ("patient", "P1", True, "drug_resale", "2024-05-01"),  # persons have no points
        ("doctor", "D2", True, "forged_invoice", "2024-07-01"),  # not known yet
    ]
    points, _ = on_day("2024-06-30", rows)
    assert points["value"].to_dict() == {"D1": 2.0, "H1": 9.0}
    assert points.loc["H1", ["decision_count", "lapsed_count"]].tolist() == [2, 1]
    assert str(points.loc["H1", "next_lapse_on"])[:10] == "2025-01-10"


def test_a17_overturned_cases_take_their_points_with_them(on_day):
    rows = [
        ("institution", "H1", True, "overpriced_charge", "2024-01-10", "L1"),
        ("institution", "H1", False, "", "2024-04-10", "L1"),  # the same lead, reviewed
        ("institution", "H2", True, "overpriced_charge", "2024-01-10", "L2"),
        ("institution", "H2", False, "", "2024-04-10", "L9"),  # another matter that was not confirmed
        ("institution", "H3", True, "overpriced_charge", "2024-01-10"),
        ("institution", "H3", False, "overpriced_charge", "2024-04-10"),
        ("institution", "H4", True, "overpriced_charge", "2024-01-10", "L4", "appealed"),
    ]
    points, _ = on_day("2024-06-30", rows)
    assert points["value"].to_dict() == {"H1": 0.0, "H2": 3.0, "H3": 0.0, "H4": 0.0}
    assert points["overturned_count"].to_dict() == {"H1": 1, "H2": 0, "H3": 1, "H4": 0}
    assert points.loc["H4", "points_under_appeal"] == 3.0
    before, _ = on_day("2024-03-31", rows)
    assert before.loc["H1", "value"] == 3.0


def test_a17_the_blacklist_is_entered_and_left(on_day):
    rows = [
        ("patient", "P1", True, "drug_resale", "2022-01-10"),  # grave: at once; two years without another: out
        ("patient", "P2", True, "high_frequency", "2024-05-10"),
        *(("institution", "H1", True, scheme, "2024-02-10") for scheme in ("overpriced_charge", "duplicate_charge", "stock_mismatch")),
        ("institution", "H2", True, "overpriced_charge", "2024-02-10"),
        ("doctor", "D1", True, "forged_invoice", "2024-02-10", "L", "appealed"),
    ]
    _, black = on_day("2024-06-30", rows)
    assert black["is_listed"].to_dict() == {"H1": True, "P1": False}
    assert (str(black.loc["P1", "entered_on"])[:10], str(black.loc["P1", "left_on"])[:10]) == ("2022-01-10", "2024-01-10")
    assert black.loc["H1", "reason"] == "多次确认" and str(black.loc["H1", "earliest_exit_on"])[:10] == "2026-02-10"
    _, earlier = on_day("2023-12-31", rows)
    assert earlier["is_listed"].to_dict() == {"P1": True}


def test_a17_a_new_decision_keeps_somebody_on_the_list_and_one_after_leaving_enters_again(on_day):
    rows = [("patient", "P1", True, "drug_resale", day) for day in ("2022-01-10", "2023-06-10")]
    _, black = on_day("2024-06-30", rows)
    assert black.loc["P1", "is_listed"] and black.loc["P1", "spell_count"] == 1
    rows = [("patient", "P1", True, "drug_resale", day) for day in ("2022-01-10", "2024-03-10")]
    _, black = on_day("2024-06-30", rows)
    assert black.loc["P1", "is_listed"] and black.loc["P1", "spell_count"] == 2


def test_a17_without_decisions_the_protocol_says_so(make_claims, conf_dir):
    result = run_programme(make_claims(claims=[{}]), "own", "2024-06-30", periods=["2024"], conf_dir=conf_dir("points", "blacklist"))
    assert all(listed.skipped for listed in result.lists.values())
