"""Decisions as labels (L04): whose, when, from where; corrections replace the ledger's own earlier row."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from fraudml.audit import load_programme
from fraudml.audit.standing import standing_cases
from fraudml.engine import open_engine
from fraudml.ledger.importing import record
from fraudml.ledger.labels import labels
from fraudml.ledger.lists import Terms, take_in_lists
from fraudml.ledger.states import Entry
from fraudml.stages.ledger_labels import merge_labels

DAY = dt.date(2024, 7, 15)
TODAY = dt.date(2024, 8, 31)


def decide(ledger, number, entry, **more):
    record(ledger, [f"L-AAAAAA-00000{number}"], entry, by="me", today=TODAY, **more)


def facts(rows):
    return [(row["entity_type"], row["entity_id"], row["is_fraud"], row["scheme"], row["origin"]) for row in rows]


def test_entities_claims_origins_and_days(ledger):
    decide(ledger, 1, Entry("confirmed", happened_on=DAY))
    decide(ledger, 2, Entry("not_confirmed", happened_on=DAY))
    decide(ledger, 4, Entry("measure", (("refused", "", 100),), happened_on=DAY, scheme="phantom_bed"))
    decide(ledger, 5, Entry("not_confirmed", happened_on=DAY))
    rows = labels(ledger.cases())
    assert facts(rows) == [
        ("claim", "C9", 1, "phantom_bed", "lead"),
        ("doctor", "D1", 0, "", "lead"),
        ("institution", "H1", 1, "overpriced_charge", "lead"),
        ("patient", "43012345678901", 0, "", "random"),
    ]
    assert {row["decided_on"] for row in rows} == {"2024-07-15"}
    assert labels(ledger.cases(as_of=DAY - dt.timedelta(1))) == []  # what was not decided then is not known then


def test_a_ring_speaks_of_its_patients_only_where_patients_commit_it(ledger):
    decide(ledger, 3, Entry("confirmed", happened_on=DAY))
    assert {row["entity_id"] for row in labels(ledger.cases())} == {"Y1", "D2"}
    assert {row["entity_id"] for row in labels(ledger.cases(), {"drug_resale": "patient"})} == {"Y1", "D2", "P1"}


def test_an_appeal_leaves_one_row_with_its_own_day(ledger):
    decide(ledger, 1, Entry("confirmed", happened_on=DAY))
    decide(ledger, 1, Entry("not_confirmed", happened_on=dt.date(2024, 8, 20)), corrects=True)
    rows = labels(ledger.cases())
    assert [(row["is_fraud"], row["decided_on"]) for row in rows] == [(0, "2024-08-20")]


def test_l04_a17_another_round_of_the_matter_is_no_review_of_the_first(ledger, hand_out):
    """What was confirmed in June stands, though what came up later of the same lead was not confirmed: points stay."""
    decide(ledger, 1, Entry("confirmed", happened_on=DAY))
    again = [("L-AAAAAA-000001", "institution", "H1", ["overpriced_charge"], 70.0, "ranked")]
    take_in_lists(ledger, hand_out("2024-07-31", again), by="importer", today=TODAY, terms=Terms(days=30))
    decide(ledger, 1, Entry("not_confirmed", happened_on=dt.date(2024, 8, 20)))
    rows = labels(ledger.cases())
    assert {row["lead_id"]: row["is_fraud"] for row in rows} == {"L-AAAAAA-000001": 1, "L-AAAAAA-000001/2": 0}
    points = next(each for each in load_programme("points_and_blacklist").lists if each.id == "points")
    cases = standing_cases(pd.DataFrame(rows), points, TODAY, None)[("institution", "H1")]
    assert ([each.scheme for each in cases["standing"]], cases["overturned"]) == (["overpriced_charge"], 0)


def test_merged_with_labels_from_elsewhere_and_again(ledger, tmp_path):
    path, engine = tmp_path / "labels.parquet", open_engine(threads=1)
    merge_labels(engine, path, [])
    assert not path.exists()
    others = pd.DataFrame({"entity_type": ["doctor"], "entity_id": ["D7"], "is_fraud": [True], "scheme": ["drug_resale"]})
    others.assign(decided_on=pd.Timestamp("2024-01-05").date(), origin="report", note="x").to_parquet(path)
    decide(ledger, 1, Entry("confirmed", happened_on=DAY))
    for _ in range(2):
        merge_labels(engine, path, labels(ledger.cases()))
        table = pd.read_parquet(path)
        assert table[["entity_id", "is_fraud", "decided_on", "origin"]].to_numpy().tolist() == [
            ["D7", 1, "2024-01-05", "report"],
            ["H1", 1, "2024-07-15", "lead"],
        ]
        assert table["note"].tolist()[0] == "x"
    decide(ledger, 1, Entry("not_confirmed", happened_on=dt.date(2024, 8, 20)), corrects=True)
    merge_labels(engine, path, labels(ledger.cases()))
    assert pd.read_parquet(path)["is_fraud"].tolist() == [1, 0]
