"""Models are judged on later decisions and on schemes that they never saw."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from fraudml.evaluate.fairness import by_attribute, steadiness
from fraudml.evaluate.generalise import forward, unseen_schemes
from fraudml.evaluate.held_out import as_population
from fraudml.evaluate.page import list_page


@dataclass(frozen=True)
class Rows:
    """What the measures read of a learning set."""

    y: np.ndarray
    weight: np.ndarray
    groups: np.ndarray
    days: np.ndarray
    decided: np.ndarray
    population: np.ndarray
    cases: pd.DataFrame
    table: pd.DataFrame

    def rows(self, chosen: np.ndarray) -> Rows:
        return Rows(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))


def rows_of(count: int, day: str, decided_on: str, first: int = 0, scheme: str = "drug_resale") -> Rows:
    y = (np.arange(count) % 2).astype(float)
    return Rows(
        y,
        np.ones(count),
        np.array([f"P{first + number}" for number in range(count)]),
        np.full(count, day),
        np.ones(count, bool),
        np.ones(count),
        pd.DataFrame({"scheme": np.where(y == 1, scheme, None), "decided_on": pd.Timestamp(decided_on)}),
        pd.DataFrame({"x": y * 2 - 1}),
    )


def joined(*parts: Rows) -> Rows:
    return Rows(
        *(
            pd.concat([getattr(one, name) for one in parts], ignore_index=True)
            if name in ("cases", "table")
            else np.concatenate([getattr(one, name) for one in parts])
            for name in Rows.__dataclass_fields__
        )
    )


def test_forward_learns_what_was_decided_by_then_and_judges_others_decided_since() -> None:
    early, late = rows_of(20, "2024-01-31", "2024-01-10"), rows_of(20, "2024-06-30", "2024-06-10", first=100)
    known_again = replace(rows_of(4, "2024-06-30", "2024-06-10"), y=np.ones(4))
    seen = []

    def learn(part):
        seen.append(set(part.groups))
        return lambda others: others.table["x"].to_numpy()

    found = forward(joined(early, late, known_again), 60, learn)
    assert seen == [set(early.groups)]
    assert found["forward.entities"] == 20  # those who stood on the earlier side are not judged
    assert found["forward.auc"] == 1


def test_one_snapshot_has_no_forward_figures() -> None:
    assert forward(rows_of(40, "2024-06-30", "2024-06-10"), 60, lambda part: None) == {}


def test_a_scheme_is_looked_for_by_models_that_never_saw_it() -> None:
    first, second = rows_of(20, "d", "2024-01-01"), rows_of(20, "d", "2024-01-01", first=50, scheme="phantom_bed")
    rows = joined(first, second)
    learnt_from = []

    def learn(part):
        learnt_from.append(set(part.cases["scheme"].dropna()))
        known = bool((part.table["x"] > 0).any())
        return lambda others: np.where(others.table["x"] > 0, 0.9 if known else 0.0, 0.1)

    blank = lambda target, rows, scheme: replace(rows, table=rows.table * 0)  # noqa: E731
    table = unseen_schemes({"patient": rows}, learn, {"patient": rows.table["x"].to_numpy()}, blank, 20)
    assert list(table["scheme"]) == ["drug_resale", "phantom_bed"]
    assert all(len(schemes) == 1 for schemes in learnt_from)
    assert list(table["recall"]) == [1.0, 1.0]
    assert (table["recall_without_rule"] < 0.6).all()


def test_decided_entities_stand_for_all() -> None:
    y = np.array([1.0] * 10 + [0.0] * 10 + [0.0] * 80)
    decided = np.arange(100) < 20
    weight = as_population(y, decided, np.ones(100), np.where(y == 1, 0.9, 0.1))
    assert abs(weight.sum() - 100) < 1e-9
    assert abs(weight[:10].sum() - 18) < 1e-9  # the risk expects eighteen cases
    assert (weight[20:] == 0).all()


def test_who_is_listed_more_and_whether_it_is_borne_out() -> None:
    scored = pd.DataFrame(
        {
            "entity_type": ["institution", "institution", "pharmacy", "institution"],
            "entity_id": list("abcd"),
            "risk": [0.9, 0.8, 0.1, 0.2],
            "ownership": ["private", "private", "public", None],
        }
    )
    decided = pd.Series({("patient", "b"): 1.0, ("institution", "a"): 1.0, ("institution", "b"): 0.0, ("pharmacy", "c"): 0.0})
    table = by_attribute(scored, np.array([True, True, False, False]), decided)
    private = table[(table["attribute"] == "ownership") & (table["value"] == "private")].iloc[0]
    assert (private["share_flagged"], private["cases"], private["decided"]) == (1.0, 1, 2)
    assert private["case_low"] < 0.5 < private["case_high"]
    report = {"as_of": "2024-06-30", "first": 2, "against_truth": {}, "steadiness": [], "fairness": table.to_dict("records")}
    page = list_page(report, "zh")  # in the reader's language down to the sorts
    assert "民营" in page
    assert "private" not in page


def test_lists_of_two_months_are_compared_without_claims() -> None:
    month = pd.DataFrame({"entity_type": ["patient"] * 3 + ["claim"], "entity_id": ["a", "b", "c", "x"], "risk": [0.9, 0.5, 0.1, 1.0]})
    later = month.assign(entity_id=["a", "c", "b", "y"])
    table = steadiness({"2024-02-29": later, "2024-01-31": month}, 2)
    assert pd.isna(table["kept"].iloc[0])
    assert table["kept"].iloc[1] == 0.5
