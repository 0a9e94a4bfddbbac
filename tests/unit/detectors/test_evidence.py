"""How much rule evidence is worth against an entity."""

from __future__ import annotations

import pandas as pd

from fraudml.detectors.combine import Combiner, shares, without_labels
from fraudml.detectors.evidence import claim_evidence, graph_score, rule_evidence, together


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


EXPOSURE = pd.Series({f"H{number}": 1000.0 for number in range(1, 31)})


def test_what_every_third_peer_shows_is_no_sign() -> None:
    everywhere = pd.DataFrame([hit(f"H{n}", claim=f"C{n}{k}", severity="clear") for n in range(1, 13) for k in range(4)])
    heaped = pd.DataFrame([hit("H1", claim=f"C{k}", severity="clear") for k in range(48)])
    assert rule_evidence(everywhere, EXPOSURE)["worth"].max() == 0
    assert rule_evidence(heaped, EXPOSURE)["worth"].max() > 0.8


def test_the_same_evidence_weighs_less_where_there_are_more_claims() -> None:
    pieces = pd.DataFrame([hit("H1", claim=f"C{k}", severity="suspicious") for k in range(4)])
    few = rule_evidence(pieces, EXPOSURE.replace({1000.0: 200.0}))["worth"].iloc[0]
    many = rule_evidence(pieces, EXPOSURE.where(EXPOSURE.index != "H1", 50_000.0))["worth"].iloc[0]
    assert many < few / 3


def test_clear_violations_weigh_more_than_suspicious_ones_and_screens_accuse_nobody() -> None:
    worth = {
        severity: rule_evidence(pd.DataFrame([hit("H1", severity=severity)]), EXPOSURE)["worth"].iloc[0]
        for severity in ("clear", "suspicious", "screen")
    }
    assert worth["clear"] > worth["suspicious"] > worth["screen"] == 0


def test_one_patients_pieces_are_one_matter_seen_again_where_patients_are_known() -> None:
    pieces = pd.DataFrame([hit("H1", claim=f"C{k}", severity="suspicious", strength=0.8) for k in range(6)])
    everyone = pd.Series({f"C{k}": f"P{k}" for k in range(6)})
    (several,), (one,) = (
        rule_evidence(pieces, EXPOSURE, holders)["worth"] for holders in (everyone, everyone.replace(dict.fromkeys(everyone, "P0")))
    )
    assert several == rule_evidence(pieces, EXPOSURE)["worth"].iloc[0]
    assert rule_evidence(pieces.head(2), EXPOSURE)["worth"].iloc[0] < one < several
    stock = pieces.assign(claim_id=None, line_id=[f"L{k}" for k in range(6)])  # what names no claim has no patient
    assert rule_evidence(stock, EXPOSURE, everyone)["worth"].iloc[0] == several


def test_many_lines_of_one_claim_are_one_piece() -> None:
    lines = pd.DataFrame([hit("H1") | {"line_id": f"L{number}"} for number in range(30)])
    one, many = (rule_evidence(part, EXPOSURE).iloc[0] for part in (lines.head(1), lines))
    assert many["worth"] == one["worth"]
    assert many["amount"] == 300.0


def test_more_and_stronger_evidence_never_counts_less() -> None:
    few = rule_evidence(pd.DataFrame([hit("H1", claim="C1", strength=0.5)]), EXPOSURE)["worth"].iloc[0]
    more = rule_evidence(pd.DataFrame([hit("H1", claim="C1", strength=0.5), hit("H1", claim="C2", strength=0.9)]), EXPOSURE)
    assert more["worth"].iloc[0] > few


def test_peers_figures_of_evidence_count_those_without_any() -> None:
    found = rule_evidence(pd.DataFrame([hit("H1", claim=f"C{k}") for k in range(3)]), EXPOSURE).iloc[0]
    assert found["peer_median"] == 0
    assert found["peer_percentile"] > 95


def test_no_hits_give_an_empty_table() -> None:
    empty = pd.DataFrame([hit("H1")]).iloc[:0]
    assert rule_evidence(empty, EXPOSURE).empty
    assert claim_evidence(empty, 100).empty


def test_evidence_about_a_claim_counts_whoever_it_speaks_against() -> None:
    hits = pd.DataFrame([hit("H1", claim="C9"), hit("D1", claim="C9"), hit("H1", claim=None)])
    table = claim_evidence(hits, 1000)
    assert list(table["entity_id"]) == ["C9"]
    assert 0.5 < table["worth"].iloc[0] < 1


def test_one_suspicious_trace_on_a_single_claim_gives_a_modest_risk_and_a_clear_one_a_high_one() -> None:
    risk = {}
    for severity in ("suspicious", "clear"):
        rules = claim_evidence(pd.DataFrame([hit("H1", claim="C9", severity=severity)]), 1000)["worth"].iloc[0]
        risk[severity] = without_labels(pd.DataFrame({"rules": [rules], "graph": [0.0], "outlier": [0.5]}), 0.02).iloc[0]
    assert risk["suspicious"] < 0.3
    assert 0.6 < risk["clear"] < 0.9


def test_what_every_tenth_claim_bears_is_no_sign_on_any() -> None:
    hits = pd.DataFrame([hit("H1", claim=f"C{number}") for number in range(20)])
    assert (claim_evidence(hits, 100)["worth"] == 0).all()
    assert (claim_evidence(hits, 10_000)["worth"] > 0.7).all()


def test_the_strongest_rule_counts_whole_and_further_ones_less_and_less() -> None:
    found = together(pd.Series([0.5, 0.5, 0.2]), pd.Series(["a", "a", "b"]))
    assert found.round(9).to_dict() == {"a": round(1 - 0.5**1.5, 9), "b": 0.2}
    many = together(pd.Series([0.2] * 30), pd.Series(["a"] * 30))
    assert many["a"] < 1 - 0.8**2


def test_rings_and_partners_raise_the_graph_score() -> None:
    measures = pd.DataFrame({"entity_id": ["a", "b", "c"], "ring_score": [0.9, 0.0, None], "pharmacy_lift_evidence_12m": [None, 10.0, 0.0]})
    score = graph_score(measures)
    assert score["a"] > score["b"] > score["c"] == 0


PARTS = pd.DataFrame(
    {"rules": [0.9, 0.0, 0.0], "graph": [0.0, 0.0, 0.9], "outlier": [0.5, 0.999, 0.5], "supervised": [0.5, 0.5, 0.5]}, index=["a", "b", "c"]
)


def test_without_labels_clear_evidence_beats_being_unusual() -> None:
    risk = without_labels(PARTS, 0.02)
    assert risk["a"] > 0.85
    assert risk["b"] < 0.1
    assert 0.1 < risk["c"] < 0.3
    assert without_labels(pd.DataFrame({"rules": [0.0], "graph": [1.0], "outlier": [1.0]}), 0.05).iloc[0] < 0.8


def test_without_evidence_the_risk_is_about_the_prior() -> None:
    nothing = pd.DataFrame({"rules": [0.0], "graph": [0.0], "outlier": [0.5]})
    for prior in (0.01, 0.05):
        assert abs(without_labels(nothing, prior).iloc[0] - prior) < 0.2 * prior


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
