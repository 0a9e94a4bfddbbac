"""What scikit-learn, and people who know it, expect of the estimators."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from lightgbm import LGBMClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.utils.estimator_checks import check_estimator

import fraudml as fm


@pytest.fixture(scope="module")
def table() -> tuple[pd.DataFrame, np.ndarray]:
    random = np.random.default_rng(0)
    X = pd.DataFrame(random.normal(size=(240, 4)), columns=["a", "b", "c", "d"])
    y = (X["a"] + X["b"] * (X["c"] > 0) + random.normal(size=240) > 1).to_numpy().astype(int)
    X.loc[::7, "b"] = np.nan
    X.loc[3, "c"], X.loc[4, "c"] = np.inf, -np.inf
    X["kind"] = pd.Categorical(np.where(random.random(240) > 0.5, "x", "y"))
    X["empty"] = np.nan
    X["constant"] = 1.0
    return X, y


@pytest.fixture(scope="module")
def model(table: tuple[pd.DataFrame, np.ndarray]) -> fm.EntityScorer:
    return fm.EntityScorer(n_jobs=1).fit(*table)


@pytest.mark.parametrize(
    "estimator",
    [
        pytest.param(fm.EntityScorer(n_jobs=1, repeats=1), id="EntityScorer", marks=pytest.mark.soak),
        pytest.param(fm.EntityScorer(n_jobs=1, repeats=1, folds=2, members=("boosted", "linear")), id="without_forests"),
        pytest.param(fm.OutlierEnsemble(), id="OutlierEnsemble"),
    ],
)
def test_check_estimator(estimator: object) -> None:
    """What scikit-learn asks of an estimator; 400 random trees for each of its 130 fits are for the long run."""
    check_estimator(estimator, on_skip=None)


def test_reasons_add_up_to_the_score(model: fm.EntityScorer, table: tuple[pd.DataFrame, np.ndarray]) -> None:
    X, _ = table
    reasons = model.explain(X)
    assert list(reasons) == list(X)
    assert np.allclose(model.expected_value_ + reasons.sum(axis=1), model.margin(X), atol=1e-9)


def test_rows_it_was_trained_on_are_scored_by_models_that_did_not_see_them(table: tuple[pd.DataFrame, np.ndarray]) -> None:
    X, y = table
    names = np.array([f"E{number % 80}" for number in range(len(X))])
    model = fm.EntityScorer(n_jobs=1).fit(X, y, groups=names)
    assert np.allclose(model.margin(X, groups=names), model.oof_margin_, atol=1e-9)
    assert not np.allclose(model.margin(X), model.oof_margin_)
    reasons = model.explain(X, groups=names)
    assert np.allclose(model.expected_value_ + reasons.sum(axis=1), model.oof_margin_, atol=1e-9)
    strangers = np.array(["nobody"] * len(X))
    assert np.allclose(model.margin(X, groups=strangers), model.margin(X))


def test_entities_that_give_each_other_away_share_a_fold() -> None:
    random = np.random.default_rng(0)
    block = np.repeat(np.arange(30), 10)
    y = (block % 2).astype(float)  # all of a block are guilty or none, and what tells is only which block it is
    X = random.normal(size=(30, 5))[block] + random.normal(size=(300, 5)) * 0.01
    names, blocks = np.array([f"C{number}" for number in range(300)]), np.array([f"H{number}" for number in block])
    given_away = fm.EntityScorer(n_jobs=1, repeats=1, members=("boosted",)).fit(X, y, groups=names)
    model = fm.EntityScorer(n_jobs=1, repeats=1, members=("boosted",)).fit(X, y, groups=names, blocks=blocks)
    assert roc_auc_score(y, given_away.oof_margin_) > 0.9
    assert roc_auc_score(y, model.oof_margin_) < 0.75
    assert np.allclose(model.margin(X, groups=names), model.oof_margin_, atol=1e-9)  # a known entity by who saw none of its block
    with pytest.raises(ValueError, match="a block must hold whole groups"):
        model.fit(X, y, groups=np.repeat("C", 300), blocks=blocks)


def test_row_order_and_names_change_nothing(table: tuple[pd.DataFrame, np.ndarray]) -> None:
    X, y = table
    names = np.array([f"E{number // 3}" for number in range(len(X))])
    order = np.random.default_rng(1).permutation(len(X))
    renamed = np.array([f"Z{len(X) - number // 3}" for number in range(len(X))])
    here = fm.EntityScorer(n_jobs=1, repeats=1).fit(X, y, groups=names).predict_proba(X)
    there = fm.EntityScorer(n_jobs=1, repeats=1).fit(X.iloc[order], y[order], groups=renamed[order]).predict_proba(X)
    assert np.allclose(here, there, atol=1e-12)


def test_saved_models_are_text_and_come_back_whole(model: fm.EntityScorer, table: tuple[pd.DataFrame, np.ndarray], tmp_path: Path) -> None:
    X, _ = table
    model.save(tmp_path / "model")
    assert {path.suffix for path in (tmp_path / "model").iterdir()} <= {".txt", ".json", ".npz"}
    again = fm.EntityScorer.load(tmp_path / "model")
    assert np.array_equal(again.predict_proba(X), model.predict_proba(X))
    assert np.allclose(again.cross_fitted(X), model.cross_fitted(X))
    assert np.allclose(again.explain(X), model.explain(X))


def test_probabilities_are_calibrated_and_distinct() -> None:
    random = np.random.default_rng(3)
    X = random.normal(size=(3000, 5))
    chance = 1 / (1 + np.exp(2 - 1.5 * X[:, 0]))
    y = random.random(3000) < chance
    said = fm.EntityScorer(n_jobs=1, members=["boosted", "linear"]).fit(X[:1500], y[:1500]).predict_proba(X[1500:])[:, 1]
    assert abs(said.mean() - y[1500:].mean()) < 0.03
    assert np.abs(said - chance[1500:]).mean() < 0.06
    assert len(np.unique(said)) > 1400


def test_unseen_categories_are_missing(model: fm.EntityScorer, table: tuple[pd.DataFrame, np.ndarray]) -> None:
    X = table[0].assign(kind="never seen")
    assert np.isfinite(model.predict_proba(X)).all()


def test_categories_of_whole_numbers_are_the_same_once_one_is_missing() -> None:
    """Pandas makes 1.0 of 1 in a column that misses a value."""
    level = np.tile([1, 2, 3], 80)
    X = pd.DataFrame({"level": pd.Categorical(level), "other": np.random.default_rng(1).normal(size=240)})
    model = fm.EntityScorer(n_jobs=1, repeats=1).fit(X, (level == 2).astype(int))
    known = model.predict_proba(X)[:, 1]
    later = model.predict_proba(X.assign(level=np.where(np.arange(240) == 0, np.nan, level)))[:, 1]
    assert known[1] > 0.9 > known[2]
    assert (later[1:] == known[1:]).all()
    assert later[0] != known[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X, y: (X, np.zeros(len(X))), "one class"),
        (lambda X, y: (X, np.arange(len(X)) % 3), "binary"),
        (lambda X, y: (X.assign(day=pd.Timestamp("2024-01-01")), y), "day"),
    ],
)
def test_what_cannot_be_learnt_is_said(change: object, message: str, table: tuple[pd.DataFrame, np.ndarray]) -> None:
    with pytest.raises(ValueError, match=message):
        fm.EntityScorer().fit(*change(*table))  # type: ignore[operator]


def test_other_columns_than_trained_on_are_refused(model: fm.EntityScorer, table: tuple[pd.DataFrame, np.ndarray]) -> None:
    with pytest.raises(ValueError, match="feature names"):
        model.predict_proba(table[0].rename(columns={"a": "other"}))


def test_names_that_stand_twice_and_nested_values_are_named(table: tuple[pd.DataFrame, np.ndarray]) -> None:
    X, y = table
    with pytest.raises(ValueError, match=r"table.duplicate_names.*first: a"):
        fm.EntityScorer().fit(X.rename(columns={"b": "a"}), y)
    with pytest.raises(ValueError, match=r"table.nested_column.*“codes”"):
        fm.EntityScorer().fit(X.assign(codes=[[1]] * len(X)), y)


def test_what_only_columns_together_tell_is_learnt() -> None:
    X = np.random.default_rng(0).normal(size=(4000, 12))
    y = (X[:, 0] * X[:, 1] * X[:, 2] > 1.5).astype(int)
    train, test = slice(0, 1500), slice(1500, None)
    mine, plain = (
        average_precision_score(y[test], model.fit(X[train], y[train]).predict_proba(X[test])[:, 1])
        for model in (fm.EntityScorer(n_jobs=1), LGBMClassifier(verbose=-1, n_jobs=1))
    )
    assert mine > plain - 0.02


def test_what_adds_up_in_many_rows_is_learnt_as_by_a_linear_model() -> None:
    random = np.random.default_rng(0)
    X = random.normal(size=(20_000, 25))
    odds = X @ random.normal(size=25) + 2 * random.logistic(size=len(X))
    y = (odds > np.quantile(odds, 0.97)).astype(int)
    train, test = slice(0, 12_000), slice(12_000, None)
    model = fm.EntityScorer(n_jobs=1).fit(X[train], y[train])
    plain = LogisticRegression().fit(X[train], y[train]).predict_proba(X[test])[:, 1]
    assert average_precision_score(y[test], model.predict_proba(X[test])[:, 1]) > average_precision_score(y[test], plain) - 0.01
    reasons = model.explain(X[test][:50])
    assert np.allclose(model.expected_value_ + reasons.sum(axis=1), model.margin(X[test][:50]), atol=1e-9)


def test_codes_whose_order_means_nothing_have_a_coefficient_each(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    code = random.integers(0, 12, 1500)
    X = pd.DataFrame({"kind": [f"kind {each:02}" for each in code], "noise": random.normal(size=1500)})
    X.loc[:20, "kind"] = None
    chance = np.where(code % 2 == 1, 0.7, 0.1)  # every other code: no order helps
    y = (random.random(1500) < chance).astype(int)
    model = fm.EntityScorer(n_jobs=1, repeats=1, members=["linear"]).fit(X[:800], y[:800])
    assert roc_auc_score(y[800:], model.predict_proba(X[800:])[:, 1]) > roc_auc_score(y[800:], chance[800:]) - 0.02
    reasons = model.explain(X[800:])
    assert np.allclose(model.expected_value_ + reasons.sum(axis=1), model.margin(X[800:]))
    assert reasons["kind"].abs().mean() > 5 * reasons["noise"].abs().mean()
    assert model.importances_[0] > 0.8
    model.save(tmp_path)
    assert np.allclose(fm.EntityScorer.load(tmp_path).margin(X), model.margin(X))


def test_rows_given_as_lists_are_explained() -> None:
    X = np.random.default_rng(0).normal(size=(40, 2))
    model = fm.EntityScorer(n_jobs=1, repeats=1, members=["linear"]).fit(X.tolist(), (X[:, 0] > 0).tolist())
    assert np.allclose(model.explain(X.tolist()), model.explain(X))


def test_two_cases_are_enough_to_fit() -> None:
    X = np.random.default_rng(0).normal(size=(40, 3))
    y = np.zeros(40)
    y[:1] = 1
    assert np.isfinite(fm.EntityScorer(n_jobs=1).fit(X, y).predict_proba(X)).all()


def test_digits_written_as_text_are_numbers() -> None:
    random = np.random.default_rng(0)
    X = pd.DataFrame(random.integers(0, 50, size=(60, 3)), columns=["a", "b", "c"])
    y = (X["a"] > 35).to_numpy()
    plain = fm.EntityScorer(n_jobs=1, repeats=1, members=["linear"]).fit(X, y)
    for kind in ("str", object):
        text = X.assign(a=X["a"].astype(str).astype(kind))
        told = fm.EntityScorer(n_jobs=1, repeats=1, members=["linear"]).fit(text, y)
        assert np.allclose(told.predict_proba(text), plain.predict_proba(X))
    with pytest.raises(ValueError, match="column “a” holds text"):
        plain.predict_proba(X.assign(a="much"))


def test_columns_of_arrow_are_what_they_hold() -> None:
    """``read_parquet(dtype_backend="pyarrow")`` gives text whose dtype is none of pandas' own."""
    random = np.random.default_rng(0)
    plain = pd.DataFrame({"a": random.normal(size=80), "n": np.arange(80) % 7, "kind": random.choice(["x", "y"], 80)})
    y = (plain["a"] + (plain["kind"] == "x") > 0.5).to_numpy()
    kinds = {"a": pa.float64(), "n": pa.decimal128(10, 2), "kind": pa.string()}
    arrow = plain.assign(n=[Decimal(number) for number in plain["n"].tolist()]).astype(
        {name: pd.ArrowDtype(kind) for name, kind in kinds.items()}
    )
    model = fm.EntityScorer(n_jobs=1, repeats=1).fit(arrow, y)
    assert np.array_equal(model.predict_proba(arrow), fm.EntityScorer(n_jobs=1, repeats=1).fit(plain, y).predict_proba(plain))
    assert np.array_equal(model.predict_proba(plain), model.predict_proba(arrow))


@pytest.mark.parametrize(
    "days",
    [
        pd.Series([datetime.date(2024, 1, 1 + number) for number in range(20)], dtype=object),  # a DATE as most databases give it
        pd.Series(pd.period_range("2024-01", periods=20, freq="M")),
        pd.Series(pd.to_timedelta(np.arange(20), "D")),
    ],
    ids=["objects", "periods", "durations"],
)
def test_days_are_refused_in_whatever_dress(days: pd.Series) -> None:
    X, y = pd.DataFrame({"a": np.arange(20.0), "day": days}), np.arange(20) % 2
    for fit in (lambda: fm.EntityScorer().fit(X, y), lambda: fm.OutlierEnsemble().fit(X)):
        with pytest.raises(ValueError, match=r"table.date_column.*“day”"):
            fit()


def test_whole_numbers_beyond_64_bits_are_numbers() -> None:
    X = pd.DataFrame({"n": [10**30 * number for number in range(40)]})  # as categories no later row would have its like
    assert fm.EntityScorer(n_jobs=1, repeats=1).fit(X, np.arange(40) > 25).predict_proba(pd.DataFrame({"n": [10**32]}))[0, 1] > 0.5


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"folds": 2.5}, "scorer.folds"),
        ({"folds": 0}, "scorer.folds"),
        ({"repeats": 0}, "scorer.repeats"),
        ({"members": []}, "scorer.members"),
        ({"members": "boosted"}, "scorer.members"),
        ({"members": ["forest"]}, "scorer.members"),
        ({"random_state": -1}, "estimator.random_state"),
        ({"random_state": "a"}, "estimator.random_state"),
        ({"boosting": {"metric": "auc"}}, "scorer.boosting"),
    ],
)
def test_parameters_without_meaning_are_named(parameters: dict[str, object], message: str) -> None:
    X = np.random.default_rng(0).normal(size=(30, 2))
    with pytest.raises(ValueError, match=message):
        fm.EntityScorer(**parameters).fit(X, np.arange(30) % 2)  # type: ignore[arg-type]


def test_random_states_are_all_that_scikit_learn_knows() -> None:
    X = np.random.default_rng(0).normal(size=(200, 3))
    y = X[:, 0] + X[:, 1] > 0.5
    told = [fm.EntityScorer(n_jobs=1, repeats=1, random_state=np.random.RandomState(3)).fit(X, y).predict_proba(X) for _ in range(2)]
    assert np.array_equal(*told)
    for state in (None, np.random.default_rng(0), 2**31):
        assert np.isfinite(fm.EntityScorer(n_jobs=1, repeats=1, random_state=state).fit(X, y).predict_proba(X)).all()
        assert np.isfinite(fm.OutlierEnsemble(random_state=state).fit(X).p_values(X)).all()


def test_a_model_that_a_search_found_can_be_kept(tmp_path: Path) -> None:
    """Searches set parameters as NumPy's numbers, which JSON does not know."""
    X = np.random.default_rng(0).normal(size=(60, 2))
    model = fm.EntityScorer(n_jobs=1, folds=np.int64(3), repeats=1, boosting={"learning_rate": np.float64(0.1)}).fit(X, X[:, 0] > 0)
    model.save(tmp_path)
    assert np.array_equal(fm.EntityScorer.load(tmp_path).predict_proba(X), model.predict_proba(X))
    model.set_params(boosting={"learning_rate": object()})
    with pytest.raises(ValueError, match=r"scorer.parameter"):
        model.save(tmp_path)
    assert np.array_equal(fm.EntityScorer.load(tmp_path).predict_proba(X), model.predict_proba(X))  # what was there is still whole


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_missing_labels_are_counted(missing: object) -> None:
    X, y = np.random.default_rng(0).normal(size=(30, 2)), pd.Series(np.arange(30) % 2).astype(object)
    y[:4] = missing
    with pytest.raises(ValueError, match=r"4 of 30 labels are missing.*pu=True"):
        fm.EntityScorer().fit(X, y)


def test_groups_of_other_rows_are_refused(model: fm.EntityScorer, table: tuple[pd.DataFrame, np.ndarray]) -> None:
    with pytest.raises(ValueError, match="2 groups for 240 rows"):
        model.predict_proba(table[0], groups=["E1", "E2"])


def test_names_that_stand_twice_are_refused_at_scoring_too(table: tuple[pd.DataFrame, np.ndarray]) -> None:
    X = table[0][["a", "b"]]
    model = fm.EntityScorer(n_jobs=1, repeats=1).fit(X, table[1])
    with pytest.raises(ValueError, match=r"table.duplicate_names"):
        model.predict_proba(X.assign(c=True).rename(columns={"c": "b"}))


def test_ten_labels_score_a_single_row() -> None:
    X = np.random.default_rng(0).normal(size=(10, 3))
    y = np.arange(10) % 2
    model = fm.EntityScorer(n_jobs=1, repeats=1).fit(X, y)
    assert model.predict_proba(X[:1]).shape == (1, 2)
    assert np.allclose(model.expected_value_ + model.explain(X[:1]).sum(axis=1), model.margin(X[:1]))


def test_columns_that_say_nothing_leave_the_base_rate() -> None:
    X = pd.DataFrame({"empty": np.full(60, np.nan), "constant": 1.0})
    y = np.arange(60) < 15
    said = fm.EntityScorer(n_jobs=1, repeats=1).fit(X, y, groups=np.arange(60)).predict_proba(X)[:, 1]
    assert np.ptp(said) == 0
    assert abs(said[0] - 0.25) < 0.05


def test_unlabelled_cases_do_not_pull_probabilities_down() -> None:
    random = np.random.default_rng(5)
    X = random.normal(size=(2000, 3))
    truth = X[:, 0] > 1
    seen = truth & (random.random(2000) < 0.3)
    plain = fm.EntityScorer(n_jobs=1, members=["boosted"]).fit(X, seen).predict_proba(X)[truth, 1].mean()
    aware = fm.EntityScorer(n_jobs=1, members=["boosted"], pu=True).fit(X, seen).predict_proba(X)[truth, 1].mean()
    assert plain < 0.5 < aware


@pytest.fixture(scope="module")
def lists() -> pd.DataFrame:
    """Of sixteen fits to ordinary rows: shares of new ordinary rows by p-value, and what a list at a false-discovery rate of 0.1 holds."""
    from scipy.stats import false_discovery_control

    rows = []
    for seed in range(16):
        random = np.random.default_rng(seed)
        model = fm.OutlierEnsemble().fit(random.normal(size=(400, 5)))
        odd = np.sign(random.normal(size=(100, 5))) * 3 + random.normal(size=(100, 5))
        p = model.p_values(np.vstack([random.normal(size=(900, 5)), odd]))
        listed = false_discovery_control(p, method="bh") <= 0.1
        row = {level: (p[:900] <= level).mean() for level in (0.01, 0.05, 0.1, 0.5)}
        rows.append(row | {"false": listed[:900].sum() / max(listed.sum(), 1), "found": listed[900:].mean()})
    return pd.DataFrame(rows)


class TestOutlierEnsemble:
    def test_text_is_refused_by_name_and_not_by_its_value(self) -> None:
        X = pd.DataFrame({"a": np.arange(20.0), "who": ["Zhang"] * 20})
        with pytest.raises(ValueError, match="column “who” holds text") as told:
            fm.OutlierEnsemble().fit(X)
        assert "Zhang" not in str(told.value)
        assert np.isfinite(fm.OutlierEnsemble().fit(X.assign(who=None)).p_values(X.assign(who=None))).all()
        with pytest.raises(ValueError, match=r"table.duplicate_names"):
            fm.OutlierEnsemble().fit(X[["a", "a"]])

    @pytest.mark.parametrize("share", [-0.1, 1.0, float("nan"), "auto"])
    def test_what_is_no_share_is_refused(self, share: object) -> None:
        with pytest.raises(ValueError, match=r"outlier.contamination"):
            fm.OutlierEnsemble(contamination=share).fit(np.eye(9))  # type: ignore[arg-type]

    def test_what_lies_apart_ranks_first(self) -> None:
        random = np.random.default_rng(0)
        X = np.vstack([random.normal(size=(300, 4)), random.normal(8, 1, size=(6, 4))])
        scores = fm.OutlierEnsemble().fit(X).decision_scores_
        assert set(np.argsort(-scores)[:6]) == set(range(300, 306))
        assert len(np.unique(scores)) > 290

    def test_p_values_of_ordinary_rows_are_uniform(self, lists: pd.DataFrame) -> None:
        for level, most in ((0.01, 0.004), (0.05, 0.01), (0.1, 0.015), (0.5, 0.025)):  # about two standard errors of sixteen fits
            assert abs(lists[level].mean() - level) < most

    def test_a_list_keeps_the_false_discovery_rate_that_it_was_drawn_at(self, lists: pd.DataFrame) -> None:
        assert lists["false"].mean() <= 0.1
        assert lists["found"].mean() > 0.9

    def test_p_values_of_rows_that_repeat_are_valid_and_find(self) -> None:
        def ordinary(rows: int) -> np.ndarray:
            return random.lognormal(size=(rows, 4)) * (random.random((rows, 1)) < 0.3)  # most are zero throughout

        random = np.random.default_rng(7)
        shares = []
        for _ in range(8):
            p = fm.OutlierEnsemble().fit(ordinary(400)).p_values(np.vstack([ordinary(1000), np.zeros((1, 4)), np.full((1, 4), 100.0)]))
            shares.append([(p[:1000] <= level).mean() for level in (0.05, 0.1, 0.3)])
            assert p[-2] > 0.9
            assert p[-1] <= 2 / 401
        assert np.allclose(np.mean(shares, axis=0), (0.05, 0.1, 0.3), atol=0.02)

    def test_p_values_of_training_rows_come_from_an_ensemble_that_did_not_see_them(self) -> None:
        X = np.random.default_rng(5).normal(size=(300, 4))
        X[0] = 9.0
        model = fm.OutlierEnsemble().fit(X)
        p = model.p_values(X)
        assert p.argmin() == 0
        assert p[0] == 2 / 301
        for level in (0.05, 0.1, 0.5):
            assert level - 0.01 <= (p <= level).mean() <= level

    def test_p_values_do_not_hang_on_order_or_company(self) -> None:
        X = np.random.default_rng(2).normal(size=(120, 3))
        order = np.random.default_rng(3).permutation(120)
        here, there = fm.OutlierEnsemble().fit(X), fm.OutlierEnsemble().fit(X[order])
        assert np.array_equal(here.p_values(X)[order], there.p_values(X[order]))
        assert np.array_equal(here.p_values(X)[:5], here.p_values(X[:5]))

    @pytest.mark.parametrize("rows", [2, 3, 10])
    def test_p_values_of_few_rows_are_defined(self, rows: int) -> None:
        X = np.random.default_rng(0).normal(size=(rows, 3))
        p = fm.OutlierEnsemble().fit(X).p_values(np.vstack([X, X + 50.0]))
        assert (p >= 1 / (rows + 1)).all()
        assert (p <= 1).all()

    def test_where_rows_are_too_few_or_all_the_same_nothing_is_unusual(self) -> None:
        assert (fm.OutlierEnsemble().fit(np.eye(3)).p_values(np.full((1, 3), 9.0)) == 1).all()
        assert (fm.OutlierEnsemble().fit(np.ones((20, 3))).p_values(np.array([[1.0, 1, 1], [2, 2, 2]])) == 1).all()

    def test_row_order_changes_nothing(self) -> None:
        X = np.random.default_rng(2).normal(size=(120, 3))
        order = np.random.default_rng(3).permutation(120)
        assert np.array_equal(
            fm.OutlierEnsemble().fit(X).decision_scores_[order],
            fm.OutlierEnsemble().fit(X[order]).decision_scores_,
        )

    def test_missing_infinite_and_constant_values_are_borne(self) -> None:
        X = np.random.default_rng(4).normal(size=(50, 4))
        X[0, 0], X[1, 1], X[:, 2], X[:, 3] = np.inf, np.nan, np.nan, 7.0
        model = fm.OutlierEnsemble().fit(X)
        assert np.isfinite(model.decision_function(X)).all()
        assert model.decision_scores_.argmax() == 0


def test_labels_that_bear_other_ids_than_the_table_are_refused(table: tuple[pd.DataFrame, np.ndarray]) -> None:
    X = table[0].set_axis([f"D{number:03d}" for number in range(240)])
    y = pd.Series(table[1], index=X.index)
    with pytest.raises(ValueError, match=r"\[scorer.index\] 240 of 240 rows of y .*y\.loc\[X\.index\]"):
        fm.EntityScorer(members=["linear"]).fit(X, y[::-1])
    with pytest.raises(ValueError, match=r"\[scorer.index\] 240 of 240 rows of sample_weight"):
        fm.EntityScorer(members=["linear"]).fit(X, y, sample_weight=pd.Series(1.0, index=X.index[::-1]))
    by_name = fm.EntityScorer(members=["linear"]).fit(X, y).margin(X)
    for same in (y.loc[X.index], y.to_numpy(), y.reset_index(drop=True), y.set_axis(X.index.astype("category"))):
        assert np.array_equal(fm.EntityScorer(members=["linear"]).fit(X, same).margin(X), by_name)


@pytest.mark.parametrize("none", [None, np.nan, pd.NA, pd.NaT])
def test_rows_without_a_group_are_refused(table: tuple[pd.DataFrame, np.ndarray], model: fm.EntityScorer, none: object) -> None:
    groups = [none, none, *range(238)]
    with pytest.raises(ValueError, match=r"\[scorer.groups\] 2 of 240 groups are missing"):
        fm.EntityScorer(members=["linear"]).fit(*table, groups=groups)
    with pytest.raises(ValueError, match=r"\[scorer.groups\] 2 of 240 groups are missing"):
        model.predict_proba(table[0], groups=groups)
    with pytest.raises(ValueError, match=r"\[scorer.groups\] 1 groups for 240 rows"):
        fm.EntityScorer(members=["linear"]).fit(*table, groups="D001")


@pytest.mark.parametrize("rows", [200, 1000])
def test_training_rows_seem_a_little_more_ordinary_as_new_ones(rows: int) -> None:
    X = np.random.default_rng(rows).normal(size=(rows, 5))
    model = fm.OutlierEnsemble().fit(X)
    assert (model.decision_scores_ > model.threshold_).mean() == pytest.approx(0.1)
    assert (model.decision_function(X) <= model.decision_scores_ + 1e-9).all()
    assert 0.05 < model.predict(X).mean() <= 0.1
