"""Methods for labels that are few, selected and sometimes wrong; and which scheme a case is like."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from fraudml.detectors.combine import PARTS, Combiner, without_labels
from fraudml.detectors.doubt import DOUBTED_WEIGHT, trusted
from fraudml.detectors.scheme_classifier import SchemeClassifier


def city(seed: int, count: int = 20_000, frequency: float = 0.03) -> tuple[pd.DataFrame, np.ndarray]:
    """Parts of entities of whom so many are guilty; rules see half of the guilty and a few of the others."""
    random = np.random.default_rng(seed)
    guilty = random.random(count) < frequency
    parts = pd.DataFrame({name: np.zeros(count) for name in PARTS})
    seen = np.where(guilty, random.random(count) < 0.5, random.random(count) < 0.01)
    parts["rules"] = np.where(seen, random.uniform(0.3, 0.9, count), 0.0)
    parts["outlier"] = random.random(count)
    parts["supervised"] = 1 / (1 + np.exp(-np.where(guilty, random.normal(1, 1.5, count), random.normal(-3, 1.5, count))))
    return parts, guilty.astype(float)


def test_frequency_is_the_populations_not_that_of_those_looked_at() -> None:
    parts, guilty = city(0)
    random = np.random.default_rng(1)
    decided = np.where(guilty == 1, random.random(len(guilty)) < 0.5, random.random(len(guilty)) < 0.02)
    y = guilty * decided
    model = Combiner.fit(parts, y, np.ones(len(y)), decided, np.ones(len(y)))
    risk = model.risk(parts)
    assert abs(risk.mean() - guilty.mean()) < 0.01
    assert abs(risk[guilty == 1].mean() - risk[guilty == 0].mean()) > 0.4


def test_the_guilty_among_those_nobody_looked_at_do_not_teach_that_evidence_means_nothing() -> None:
    parts, guilty = city(2)
    decided = np.zeros(len(guilty), dtype=bool)
    decided[np.flatnonzero(guilty == 1)[:60]] = True  # one in ten comes to light
    decided[np.flatnonzero(guilty == 0)[:60]] = True
    model = Combiner.fit(parts, guilty * decided, np.ones(len(guilty)), decided, np.ones(len(guilty)))
    assert model.coefficients["rules"] > 1.5


def test_with_confirmed_cases_only_the_others_stand_in_for_negatives() -> None:
    parts, guilty = city(3)
    decided = (guilty == 1) & (np.arange(len(guilty)) % 2 == 0)
    model = Combiner.fit(parts, guilty * decided, np.ones(len(guilty)), decided, np.ones(len(guilty)))
    assert model.labelled_share < 1
    assert model.risk(parts)[guilty == 1].mean() > 5 * model.risk(parts)[guilty == 0].mean()


def test_with_confirmed_cases_only_guilt_is_as_frequent_as_prior_and_evidence_say() -> None:
    parts, guilty = city(3)
    decided = np.zeros(len(guilty), dtype=bool)
    decided[np.flatnonzero(guilty == 1)[::15]] = True  # few come to light; the others together weigh as much when learning
    weight = np.where(decided, 1.0, decided.sum() / (~decided).sum())
    model = Combiner.fit(parts, guilty * decided, weight, decided, np.ones(len(guilty)), prior=0.02)
    risk, alone = model.risk(parts), without_labels(parts, 0.02)
    assert abs(risk.mean() - alone.mean()) < 0.001
    innocent = guilty == 0
    assert (risk[innocent] > 0.5).mean() <= (alone[innocent] > 0.5).mean()
    assert risk[guilty == 1].mean() > alone[guilty == 1].mean()


def test_guilt_is_never_thought_rarer_than_confirmed() -> None:
    parts, guilty = city(3)
    decided = (guilty == 1) & (np.arange(len(guilty)) % 2 == 0)
    everyone = np.ones(len(guilty))
    model = Combiner.fit(parts.assign(outlier=0.0), guilty * decided, everyone, decided, everyone, prior=1e-6)
    assert model.risk(parts).mean() > 0.99 * decided.mean()


def test_few_labels_leave_the_risk_about_where_it_was_without_any() -> None:
    parts, guilty = city(4)
    few = np.concatenate([np.flatnonzero(guilty == 1)[:10], np.flatnonzero(guilty == 0)[:10]])
    model = Combiner.fit(parts.iloc[few], guilty[few], np.ones(20))
    for name, alone in (("rules", 3.0), ("graph", 3.0), ("outlier", 1.2)):
        assert abs(model.coefficients[name] - alone) < 1.0
    ranks = model.risk(parts.assign(supervised=0.5)).rank().corr(without_labels(parts, 0.02).rank())
    assert ranks > 0.99


def test_a_few_wrong_decisions_are_doubted_and_rare_cases_still_count() -> None:
    y = np.array([1.0] * 100 + [0.0] * 100)
    held_out = np.where(y == 1, 0.8, 0.1)
    held_out[:2], held_out[100:102] = 0.01, 0.95  # two of each look like the other class
    trust = trusted(held_out, y, np.ones(200, bool))
    assert list(np.flatnonzero(trust < 1)) == [0, 1, 100, 101]
    assert trust.min() == DOUBTED_WEIGHT
    assert (trusted(held_out[::5], y[::5], np.ones(40, bool)) == 1).all()  # too few to tell a mistake from a rare case


def schemed(seed: int = 0) -> tuple[pd.DataFrame, pd.Series, np.ndarray]:
    random = np.random.default_rng(seed)
    scheme = np.repeat(["account_cash_out", "drug_resale", "impersonation"], [30, 30, 3])
    table = pd.DataFrame(random.normal(size=(63, 6)), columns=list("abcdef"))
    table.loc[scheme == "account_cash_out", "a"] += 4
    table.loc[scheme == "drug_resale", "b"] += 4
    table["kind"] = np.where(random.random(63) > 0.5, "x", "y")
    return table, pd.Series(scheme), np.array([f"P{number}" for number in range(63)])


def test_the_likely_scheme_is_named_where_cases_tell(tmp_path: Path) -> None:
    table, scheme, groups = schemed()
    model = SchemeClassifier.fit(table, scheme, groups, threads=1)
    assert model is not None
    assert model.schemes == ["account_cash_out", "drug_resale"]  # three cases of the third are too few
    fresh, truth, _ = schemed(1)
    said = model.predict(fresh)
    named = said["scheme"].notna() & truth.isin(model.schemes)
    assert (said["scheme"][named] == truth[named]).mean() > 0.9
    model.save(tmp_path)
    again = SchemeClassifier.load(tmp_path)
    assert again is not None
    pd.testing.assert_frame_equal(again.predict(fresh), said)


def test_where_cases_do_not_tell_schemes_apart_nothing_is_named() -> None:
    _, scheme, groups = schemed()
    shuffled = pd.Series(np.random.default_rng(5).permutation(scheme.to_numpy()[:60]))
    noise = pd.DataFrame(np.random.default_rng(6).normal(size=(60, 3)), columns=list("abc"))
    model = SchemeClassifier.fit(noise, shuffled, groups[:60], threads=1)
    assert model is None or model.named < 0.5


def test_one_scheme_or_none_noted_teaches_nothing() -> None:
    table, scheme, groups = schemed()
    assert SchemeClassifier.fit(table.head(30), scheme.head(30), groups[:30]) is None
    assert SchemeClassifier.fit(table, pd.Series([None] * 63, dtype="str"), groups) is None
