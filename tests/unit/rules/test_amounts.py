"""The amount in question is never counted twice for one line or claim."""

import pandas as pd

from fraudml.rules import deduplicate_amounts


def evidence(*rows):
    columns = ["rule", "entity_type", "entity_id", "claim_id", "line_id", "amount_in_question"]
    return pd.DataFrame(rows, columns=columns).assign(occurred_on=pd.Timestamp("2024-06-01"))


def test_a_line_counts_once_at_its_largest_amount():
    frame = evidence(
        ("overpriced_charge", "institution", "H1", "C1", "L1", 30.0),
        ("duplicate_charge", "institution", "H1", "C1", "L1", 100.0),
        ("duplicate_charge", "doctor", "D1", "C1", "L1", 100.0),
        ("overpriced_charge", "institution", "H1", "C1", "L2", 20.0),
    )
    assert list(deduplicate_amounts(frame).amount_in_question) == [0.0, 0.0, 100.0, 20.0]


def test_lines_add_nothing_to_a_claim_in_question_as_a_whole():
    frame = evidence(
        ("phantom_bed", "institution", "H1", "C1", None, 500.0),
        ("overpriced_charge", "institution", "H1", "C1", "L1", 300.0),
        ("overpriced_charge", "institution", "H1", "C1", "L2", 250.0),
        ("split_admission", "institution", "H1", "C1", None, 400.0),
    )
    assert deduplicate_amounts(frame).amount_in_question.sum() == 550.0


def test_order_and_index_do_not_matter():
    frame = evidence(
        ("a", "institution", "H1", "C1", "L1", 10.0),
        ("b", "institution", "H1", "C1", "L1", 10.0),
        ("c", "institution", "H1", None, None, 7.0),
        ("d", "institution", "H1", None, None, 9.0),
    )
    frame.index = [5, 5, 5, 5]
    forward, backward = deduplicate_amounts(frame), deduplicate_amounts(frame.iloc[::-1])
    assert forward.amount_in_question.sum() == backward.amount_in_question.sum() == 19.0
    assert list(forward.amount_in_question) == list(backward.amount_in_question)[::-1]
    assert deduplicate_amounts(frame.iloc[:0]).empty
