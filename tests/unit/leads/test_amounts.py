"""Money in question counts once per line and claim and never above the claim's worth."""

import pandas as pd

from fraudml.leads.amounts import counted_amounts, once_over_the_list


def test_a_line_that_two_rules_question_counts_once(hit):
    evidence = hit(
        ("overpriced_charge", "institution", "H1", "C1", "L1", 20.0), ("duplicate_charge", "institution", "H1", "C1", "L1", 50.0)
    ).assign(lead=1)
    assert counted_amounts(evidence).tolist() == [0.0, 50.0]


def test_each_lead_counts_for_itself(hit):
    evidence = hit(("overpriced_charge", "institution", "H1", "C1", "L1", 20.0), ("overpriced_charge", "doctor", "D1", "C1", "L1", 20.0))
    assert counted_amounts(evidence.assign(lead=[1, 2])).tolist() == [20.0, 20.0]


def test_a_claim_counts_at_most_what_it_is_worth_after_refunds(hit):
    evidence = hit(
        ("phantom_bed", "institution", "H1", "C1", None, 900.0), ("overpriced_charge", "institution", "H1", "C1", "L1", 1200.0)
    ).assign(lead=1)
    counted = counted_amounts(evidence, pd.Series({"C1": 300.01}))
    assert abs(counted.sum() - 300.01) <= 0.02
    assert counted.sum() <= 300.01


def test_what_was_refunded_whole_counts_nothing(hit):
    evidence = hit(("phantom_bed", "institution", "H1", "C1", None, 900.0)).assign(lead=1)
    assert counted_amounts(evidence, pd.Series({"C1": -5.0})).tolist() == [0.0]


def test_evidence_without_a_claim_counts_for_itself(hit):
    evidence = hit(("stock_mismatch", "pharmacy", "Y1", None, None, 70.0)).assign(lead=1)
    assert counted_amounts(evidence, pd.Series({"C1": 5.0})).tolist() == [70.0]


def test_the_line_that_one_lead_asks_back_is_not_asked_of_the_whole_claim_again(hit):
    """R12, R14: an institution answers for a line, a doctor for the whole prescription; only what the line leaves is asked twice."""
    evidence = hit(
        ("restricted_item_misuse", "institution", "H1", "C1", "L1", 420.0),
        ("excessive_prescription", "doctor", "D1", "C1", None, 433.5),
        ("duplicate_charge", "institution", "H2", "C2", "L2", 50.0),
        ("overpriced_charge", "doctor", "D1", "C2", "L3", 30.0),
        ("overpriced_charge", "doctor", "D1", "C2", "L2", 60.0),
    ).assign(lead=[1, 2, 1, 2, 2])
    evidence["counted"] = counted_amounts(evidence)
    assert once_over_the_list(evidence, evidence["lead"]).tolist() == [420.0, 13.5, 50.0, 30.0, 10.0]
    assert once_over_the_list(evidence, -evidence["lead"]).tolist() == [0.0, 433.5, 0.0, 30.0, 60.0]
