"""Held-out figures of a target: what an inspection finds, at every capacity and beside what needs no model."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from fraudml.evaluate.held_out import assess


@pytest.fixture
def rows():
    """A hundred and twenty entities of 1 to 120 thousand yuan; the thirty with the least are cases."""
    number = np.arange(1, 121)
    return SimpleNamespace(
        table=pd.DataFrame({"total_amount_12m": number * 1000.0, "claim_count_12m": 1.0 + number % 7}),
        y=(number <= 30).astype(float),
        groups=number.astype(str),
        decided=np.ones(120, dtype=bool),
        population=np.ones(120),
        cases=pd.DataFrame({"origin": ["lead"] * 120}),
    )


def parts_of(rows, rules):
    return pd.DataFrame({"rules": rules, "graph": 0.0, "outlier": 0.5, "supervised": 0.5}, index=rows.table.index)


def test_amount_found_per_inspection_and_lift_at_every_capacity(rows):
    rules = np.where((rows.y == 1) | (np.arange(120) >= 90), 0.5, 0.0)  # all cases, and the thirty largest that are none
    found = assess(rows, parts_of(rows, rules), np.where(rows.y == 1, 0.9, 0.1)).metrics
    assert found["amount_per_inspection_at_50"] == pytest.approx(30 * 31 / 2 * 1000 / 50)
    assert found["amount_per_inspection_at_100"] == pytest.approx(30 * 31 / 2 * 1000 / 100)
    # rules by amount: thirty who are no case first, then the twenty largest cases
    assert found["rules_by_amount.amount_per_inspection_at_50"] == pytest.approx(sum(range(11, 31)) * 1000 / 50)
    assert found["lift_over_rules_by_amount_at_50"] == pytest.approx(465 / 410)
    assert found["lift_over_random_at_50"] == pytest.approx(120 / 50)
    assert "lift_over_total_amount_at_50" not in found  # which finds nothing among the first fifty: no number is so many times that
    assert found["lift_over_total_amount_at_100"] == pytest.approx(465 / sum(range(21, 31)))
    assert not [name for name in found if name.endswith("_at_200")]  # more than there are


def test_the_page_shows_money_of_each_ranking(rows, tmp_path):
    from fraudml.evaluate.page import target_page

    found = assess(rows, parts_of(rows, rows.y * 0.5), np.where(rows.y == 1, 0.9, 0.1))
    report = {"target": "patient", "metrics": found.metrics, "intervals": found.intervals, "against_truth": {}}
    page = target_page(report | {"model_version": "patient-1", "as_of": "2024-06-30"}, found, "zh")
    assert "前50名平均每次查获金额(元)" in page
    assert "前100名查获金额为规则按金额排序的倍数" in page


@pytest.mark.parametrize(
    ("lang", "bound", "decided"), [("zh", "为下限", "仅已决定者: AUC"), ("en", "lower bound", "among the decided only: AUC")]
)
def test_the_page_says_what_nobody_looked_at_counts_as(rows, lang, bound, decided):
    from fraudml.evaluate.page import target_page

    rows.decided = rows.y == 1
    rows.decided[60:90] = True
    found = assess(rows, parts_of(rows, rows.y * 0.5), np.where(rows.y == 1, 0.9, 0.1))
    report = {"target": "patient", "metrics": found.metrics, "intervals": found.intervals, "against_truth": {}}
    page = target_page(report | {"model_version": "patient-1", "as_of": "2024-06-30"}, found, lang)
    assert bound in page
    assert decided in page


@pytest.mark.parametrize("pu", [True, False])
def test_the_card_says_what_its_figures_count(rows, pu):
    from fraudml.detectors import EntityScorer
    from fraudml.detectors.combine import Combiner
    from fraudml.detectors.registered import RegisteredModel
    from fraudml.evaluate.card import model_card

    parts = parts_of(rows, rows.y * 0.5)
    found = assess(rows, parts, np.where(rows.y == 1, 0.9, 0.1))
    about = {
        "target": "patient",
        "as_of": "2024-06-30",
        "entities": 120,
        "decided": 120,
        "confirmed": 30,
        "pu": pu,
        "dataset": "",
        "features": [],
    }
    scorer = EntityScorer(members=["linear"]).fit(rows.table, rows.y)
    about |= {"metrics": found.metrics | {"decided.auc": 0.75, "decided.average_precision": 0.5}, "weights": scorer.weights_}
    combiner = Combiner.fit(parts, rows.y, np.ones(120))
    card = model_card(RegisteredModel("patient-1", scorer, combiner, about, None, None), combiner)
    assert "Among the decided only: auc 0.750, average_precision 0.500." in card
    assert "learnt from the same cases" in card
    assert ("nobody looked at count as no case" in card) == pu
