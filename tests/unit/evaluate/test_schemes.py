"""What rules found of what was planted, counted by hand."""

import pandas as pd
import pytest

from fraudml.contracts import EVIDENCE
from fraudml.evaluate.schemes import COLUMNS, scheme_table

TRUTH = pd.DataFrame(
    [
        ("C1", "phantom_bed", "institution", "H1"),
        ("C2", "phantom_bed", "institution", "H1"),
        ("C3", "phantom_bed", "institution", "H2"),
        ("C4", "phantom_bed", "institution", "H3"),
        ("C5", "stock_mismatch", "institution", "H4"),
    ],
    columns=["claim_id", "scheme", "entity_type", "entity_id"],
)
LOOKALIKES = pd.DataFrame([("L1", "phantom_bed"), ("L2", "phantom_bed")], columns=["claim_id", "scheme"])


def evidence(*rows):
    frame = pd.DataFrame(rows, columns=["rule", "entity_type", "entity_id", "claim_id"], dtype="str")
    return frame.reindex(columns=list(EVIDENCE))


FOUND = evidence(
    ("phantom_bed", "institution", "H1", "C1"),
    ("phantom_bed", "institution", "H1", "C1"),  # two pieces on one claim
    ("phantom_bed", "doctor", "D2", "C3"),  # the right claim, another entity
    ("phantom_bed", "institution", "H9", "L1"),  # a look-alike
    ("phantom_bed", "institution", "H9", "C9"),  # nobody's guilt
    ("stock_mismatch", "institution", "H4", None),  # evidence without a claim
)


@pytest.fixture
def table():
    return scheme_table(FOUND, TRUTH, LOOKALIKES).set_index("scheme")


def test_perpetrators_are_found_when_they_are_named(table):
    row = table.loc["phantom_bed"]
    assert (row["perpetrators"], row["found"], row["cases_found"]) == (3, 1, 2)
    assert row["recall"] == pytest.approx(1 / 3)
    assert row["claim_recall"] == pytest.approx(2 / 4)


def test_lookalikes_and_strangers_cost_precision(table):
    row = table.loc["phantom_bed"]
    assert (row["lookalikes"], row["lookalikes_flagged"], row["lookalike_rate"]) == (2, 1, 0.5)
    assert (row["evidence"], row["precision"]) == (4, 0.5)


def test_evidence_without_a_claim_counts_by_entity(table):
    row = table.loc["stock_mismatch"]
    assert (row["evidence"], row["precision"], row["recall"]) == (1, 1.0, 1.0)


def test_every_rule_has_its_line_in_the_order_of_the_rows(table):
    assert list(table.columns) == [name for name in COLUMNS if name != "scheme"]
    assert list(table["row"]) == sorted(table["row"])
    assert pd.isna(table.loc["impersonation", "recall"])


def test_nothing_at_all():
    empty = scheme_table(evidence(), TRUTH.iloc[:0], LOOKALIKES.iloc[:0])
    assert empty["perpetrators"].sum() == 0
    assert empty["precision"].isna().all()


def test_a_victim_is_no_perpetrator():
    truth = TRUTH.assign(role=["perpetrator", "perpetrator", "victim", "perpetrator", "perpetrator"])
    row = scheme_table(FOUND, truth, LOOKALIKES).set_index("scheme").loc["phantom_bed"]
    assert (row["perpetrators"], row["cases_found"], row["guilty_claims"]) == (2, 1, 4)
