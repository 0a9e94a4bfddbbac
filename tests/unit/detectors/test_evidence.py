"""How much rule evidence is worth against an entity."""

from __future__ import annotations

import pandas as pd

from fraudml.detectors.combine import Combiner, shares, without_labels
from fraudml.detectors.evidence import claim_evidence, either, graph_score, rule_evidence


def hit(
    entity: str, rule: str = "overpriced_charge", severity: str = "clear", strength: float = 1.0, claim: str = "C1"
) -> dict[str, object]:
    return {
        "rule": rule,
        "row": "R07",
        "severity": severity,
        "entity_type": "institution",
        "entity_id": entity,
        "claim_id": claim,
        "line_id": None,
        "occurred_on": pd.Timestamp("2024-06-01"),
        "amount_in_question": 10.0,
        "strength": strength,
        "facts": "{}",
    }


EXPOSURE = pd.Series({"H1": 1000.0, "H2": 1000.0, "H3": 1000.0})


def test_the_same_share_of_doubtful_claims_as_everywhere_is_worth_little() -> None:
    everywhere = pd.DataFrame([hit(f"H{n}", claim=f"C{n}{k}", severity="suspicious") for n in (1, 2, 3) for k in range(10)])
    heaped = pd.DataFrame([hit("H1", claim=f"C{k}", severity="suspicious") for k in range(30)])
    spread = rule_evidence(everywhere, EXPOSURE)["worth"].max()
    assert spread < 0.15
    assert rule_evidence(heaped, EXPOSURE)["worth"].max() > 2 * spread


def test_clear_violations_weigh_more_than_suspicious_ones_and_screens_accuse_nobody() -> None:
    worth = {
        severity: rule_evidence(pd.DataFrame([hit("H1", severity=severity)]), EXPOSURE)["worth"].iloc[0]
        for severity in ("clear", "suspicious", "screen")
    }
    assert worth["clear"] > worth["suspicious"] > worth["screen"] == 0


def test_more_and_stronger_evidence_never_counts_less() -> None:
    few = rule_evidence(pd.DataFrame([hit("H1", claim="C1", strength=0.5)]), EXPOSURE)["worth"].iloc[0]
    more = rule_evidence(pd.DataFrame([hit("H1", claim="C1", strength=0.5), hit("H1", claim="C2", strength=0.9)]), EXPOSURE)
    assert more["worth"].iloc[0] > few


def test_no_hits_give_an_empty_table() -> None:
    empty = pd.DataFrame([hit("H1")]).iloc[:0]
    assert rule_evidence(empty, EXPOSURE).empty
    assert claim_evidence(empty).empty


def test_evidence_about_a_claim_counts_whoever_it_speaks_against() -> None:
    hits = pd.DataFrame([hit("H1", claim="C9"), hit("D1", claim="C9"), hit("H1", claim=None)])
    table = claim_evidence(hits)
    assert list(table["entity_id"]) == ["C9"]
    assert 0.5 < table["worth"].iloc[0] < 1


def test_either_is_a_noisy_or() -> None:
    found = either(pd.Series([0.5, 0.5, 0.2]), pd.Series(["a", "a", "b"]))
    assert found.round(9).to_dict() == {"a": 0.75, "b": 0.2}


def test_rings_and_partners_raise_the_graph_score() -> None:
    measures = pd.DataFrame({"entity_id": ["a", "b", "c"], "ring_score": [0.9, 0.0, None], "pharmacy_lift_evidence_12m": [None, 10.0, 0.0]})
    score = graph_score(measures)
    assert score["a"] > score["b"] > score["c"] == 0


PARTS = pd.DataFrame(
    {"rules": [0.9, 0.0, 0.0], "graph": [0.0, 0.0, 0.9], "outlier": [0.5, 0.999, 0.5], "supervised": [0.5, 0.5, 0.5]}, index=["a", "b", "c"]
)


def test_without_labels_clear_evidence_beats_being_unusual() -> None:
    risk = without_labels(PARTS)
    assert risk["a"] > 0.85
    assert risk["b"] <= 0.25
    assert 0.6 < risk["c"] < 0.8


def test_more_of_any_part_never_lowers_the_risk() -> None:
    import numpy as np

    random = np.random.default_rng(0)
    parts = pd.DataFrame(random.random((400, 4)), columns=["rules", "graph", "outlier", "supervised"])
    y = (random.random(400) < parts["supervised"] ** 2).to_numpy().astype(float)
    model = Combiner.fit(parts, y, np.ones(400))
    base = pd.DataFrame([[0.3, 0.3, 0.3, 0.3]], columns=parts.columns)
    for name in parts:
        assert model.risk(base.assign(**{name: 0.9})).iloc[0] >= model.risk(base).iloc[0]
    assert abs(model.risk(parts).mean() - y.mean()) < 0.03
    again = Combiner(**model.as_dict())
    assert np.array_equal(again.risk(parts), model.risk(parts))


def test_shares_add_up_to_one_where_something_raises_the_risk() -> None:
    pushes = pd.DataFrame({"rules": [1.0, -1.0], "graph": [1.0, 0.0], "outlier": [-2.0, 0.0], "supervised": [2.0, 0.0]})
    found = shares(pushes)
    assert found.iloc[0].to_dict() == {"share_rules": 0.25, "share_graph": 0.25, "share_outlier": 0.0, "share_supervised": 0.5}
    assert found.iloc[1].sum() == 0
