"""Reasons tell one story once, the largest first."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from fraudml.contracts import REASONS
from fraudml.reasons import Standings, empty_reasons, feature_reasons, ordered, told_feature, unusual, worded_features
from fraudml.vectors import load_catalogue

WORDED = worded_features(load_catalogue("patient"))
NAMES = ["claim_count_3m", "claim_count_12m", "purchase_count_12m"]


def figures() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    random = np.random.default_rng(0)
    index = [f"P{number}" for number in range(50)]
    values = pd.DataFrame(random.integers(1, 60, size=(50, 3)).astype(float), columns=NAMES, index=index)
    percentile = (values.rank() - 0.5) / 50 * 100
    median = pd.DataFrame([values.median()] * 50, index=index)
    return values, median, percentile


def test_windows_of_one_feature_are_one_reason() -> None:
    values, median, percentile = figures()
    told = pd.DataFrame([[0.5, 0.2, 0.1]], columns=NAMES, index=["P1"])
    reasons = feature_reasons(told, values, median, percentile, WORDED, "patient")
    assert list(reasons.columns) == list(REASONS)
    assert list(reasons["feature"]) == ["claim_count_3m", "purchase_count_12m"]
    assert reasons["contribution"].round(9).tolist() == [0.7, 0.1]
    assert reasons["value"].iloc[0] == values.loc["P1", "claim_count_3m"]
    assert reasons["text_zh"].str.len().gt(5).all()
    assert reasons["text_en"].str.len().gt(5).all()


def test_what_lowers_the_risk_is_no_reason() -> None:
    values, median, percentile = figures()
    told = pd.DataFrame([[-0.5, -0.2, 0.0]], columns=NAMES, index=["P1"])
    assert feature_reasons(told, values, median, percentile, WORDED, "patient").empty


def test_without_a_model_the_far_values_are_told() -> None:
    percentile = pd.DataFrame([[99.0, 50.0, 5.0]], columns=NAMES, index=["P1"])
    parts = unusual(percentile, pd.Series({"P1": 0.4}), WORDED)
    assert parts.loc["P1"].round(9).tolist() == [0.4, 0.0, 0.0]  # few purchases are not suspicious


def test_a_value_on_the_harmless_side_is_told_only_where_nothing_else_is() -> None:
    values, median, percentile = figures()
    percentile.loc["P1"] = [40.0, 60.0, 95.0]
    told = pd.DataFrame([[0.9, 0.5, 0.1]], columns=NAMES, index=["P1"])
    assert list(feature_reasons(told, values, median, percentile, WORDED, "patient")["feature"]) == ["purchase_count_12m"]
    percentile.loc["P1"] = [40.0, 60.0, 50.0]
    assert list(feature_reasons(told, values, median, percentile, WORDED, "patient")["feature"]) == ["claim_count_3m", "purchase_count_12m"]


def test_what_can_be_checked_on_the_bill_comes_first() -> None:
    both = pd.DataFrame([["patient", "P1", "claim_count_3m", 0.9], ["patient", "P1", "rule:phantom_bed", 0.1]])
    both = both.set_axis(["entity_type", "entity_id", "feature", "contribution"], axis=1).reindex(columns=list(REASONS))
    assert list(ordered([both])["feature"]) == ["rule:phantom_bed", "claim_count_3m"]


def test_graph_measures_are_worded_from_their_declaration() -> None:
    for entity in ("patient", "doctor", "institution", "pharmacy"):
        catalogue = load_catalogue(entity)
        measures = {name: one for name, one in worded_features(catalogue).items() if name not in catalogue.features}
        assert measures
        for one in measures.values():
            for lang in ("zh", "en"):
                text = one.sentence(lang, 3.0, 1.0, 99.0)
                assert len(text) > 5
                assert "{" not in text


def test_a_measure_named_like_a_feature_gives_way_to_it() -> None:
    from fraudml.stages.inputs import measures_of

    catalogue = load_catalogue("doctor")
    assert "patient_concentration_12m" in catalogue.features
    rows = pd.DataFrame(
        {"entity_type": ["doctor", "patient"], "entity_id": ["D1", "P1"], "patient_concentration_12m": [0.5, 0.1], "ring_score": [0.9, 0.0]}
    )
    left = measures_of(rows, catalogue)
    assert left is not None
    assert list(left["entity_id"]) == ["D1"]
    assert "ring_score" in left
    assert "patient_concentration_12m" not in left


def test_nothing_gives_the_declared_columns() -> None:
    assert list(ordered([])) == list(REASONS) == list(empty_reasons())


@pytest.mark.parametrize("entity", ["patient", "doctor", "institution", "pharmacy", "claim"])
def test_a_figure_and_its_peers_median_are_counted_by_the_same_word(entity):
    """41张 is not set beside 0次."""
    for feature in worded_features(load_catalogue(entity)).values():
        words = feature.wording["zh"]
        own, peers = (re.findall(rf"\{{{name}\}}(人次|[次笔张个种条名家天元倍岁分公人]?)", words) for name in ("value", "peer_median"))
        if own and peers:
            assert own[0] == peers[0], f"{feature.name}: {words}"


def test_ages_are_whole_years():
    age = worded_features(load_catalogue("patient"))["age"]
    assert told_feature(age, "zh", 94.962, 85.13, 91.9) == "94岁(同类人中位数85岁,高于91.9%的同类)"


def test_peers_who_have_the_same_are_not_below() -> None:
    """R27: of ten others eight have one visit and two have two, as the patient: above 80 %, whatever the percentile of ties is."""
    table = pd.DataFrame(
        {"insurance_type": "employee", "age_band": "40-59", "claim_count_12m": [1.0] * 8 + [2.0] * 3}, index=list("ABCDEFGHIJK")
    )
    standings = Standings(table, load_catalogue("patient"), pd.Series("employee | 40-59", index=table.index))
    assert standings.of("K", "claim_count_12m") == (80.0, 0.0)
    assert standings.of("A", "claim_count_12m") == (0.0, 30.0)
    count = WORDED["claim_count_12m"]
    assert told_feature(count, "zh", 2.0, 1.0, 90.9, (80.0, 0.0)) == "近12个月结算2次(同类人中位数1次)"
    assert told_feature(count, "zh", 2.0, 1.0, 90.9, (93.75, 0.0)) == "近12个月结算2次(同类人中位数1次,高于93.7%的同类)"
    assert told_feature(count, "zh", 9.0, 1.0, 98.4, (100.0, 0.0)) == "近12个月结算9次(同类人中位数1次,高于所有同类)"
    assert told_feature(count, "en", 9.0, 1.0, 98.4, (100.0, 0.0)).endswith("(peers' median 1; above all of them)")


def test_a_widened_group_names_everyone_whose_attributes_begin_so() -> None:
    table = pd.DataFrame(
        {"insurance_type": ["employee"] * 3 + ["resident"], "age_band": list("aabb"), "claim_count_12m": [1.0, 2, 3, 9]}, index=list("ABCD")
    )
    group = pd.Series(["employee", "employee", "employee", "all"], index=table.index)
    standings = Standings(table, load_catalogue("patient"), group)
    assert standings.of("C", "claim_count_12m") == (100.0, 0.0)
    assert standings.of("D", "claim_count_12m") == (100.0, 0.0)
    assert standings.of("B", "claim_count_12m") == (50.0, 50.0)
