"""A row's score is its own: neither the rows that come with it nor how many there are change it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import fraudml as fm
from fraudml.contracts import EVIDENCE
from fraudml.detectors.combine import LABELLED_PRIOR, Combiner
from fraudml.detectors.evidence import rule_evidence
from fraudml.detectors.peers import UsualAmongPeers
from fraudml.detectors.registered import RegisteredModel
from fraudml.engine import open_engine
from fraudml.stages.inputs import as_vectors, part_of
from fraudml.stages.parts import Judge
from fraudml.stages.scoring import MEASURE, SCORED, Scoring, split
from fraudml.vectors import PeerGroups

PEERS = ("insurance_type", "age_band")


def population(count: int = 400) -> pd.DataFrame:
    """Rows as they come from the engine: attributes (some unknown), features, graph measures (some have no place in the graph)."""
    random = np.random.default_rng(4)
    ring = np.where(random.random(count) < 0.1, random.random(count), np.nan)
    return pd.DataFrame(
        {
            "entity_id": [f"P{number:04}" for number in range(count)],
            "insurance_type": random.choice(["employee", "resident", None], count),
            "age_band": random.choice(["0-17", "18-59", "60+"], count, p=[0.02, 0.6, 0.38]),
            "total_amount_12m": random.lognormal(6, 1, count).round(2),
            "claim_count_12m": random.poisson(9, count).astype(float),
            f"{MEASURE}ring_score": ring,
        }
    )


def scoring_of(rows: pd.DataFrame, with_model: bool) -> Scoring:
    vectors, _ = split(rows.copy())
    hits = pd.DataFrame({name: pd.Series([None] * 40, dtype="object") for name in EVIDENCE}).assign(
        rule="drug_resale", severity="suspicious", entity_type="patient", entity_id=[f"P{n * 7:04}" for n in range(20)] * 2,
        claim_id=[f"C{n}" for n in range(40)], strength=0.9, amount_in_question=50.0,
    )  # fmt: skip
    groups = PeerGroups(vectors, PEERS)
    usual = UsualAmongPeers(vectors, PEERS, vectors.select_dtypes("number"), groups.of(vectors))
    judge = Judge(groups, usual, rule_evidence(hits, pd.Series(10, index=vectors.index)), hits)
    if not with_model:
        return Scoring(judge, None, 0.01)
    guilty = (vectors["total_amount_12m"] > 1000).astype(int)
    scorer = fm.EntityScorer(folds=2, repeats=1).fit(vectors, guilty, groups=vectors.index)
    return Scoring(
        judge, RegisteredModel("patient-1", scorer, Combiner(-3.0, LABELLED_PRIOR, dict.fromkeys(LABELLED_PRIOR, 0.0)), {}), 0.01
    )


@pytest.mark.parametrize("with_model", [True, False])
def test_rows_may_come_in_any_company(with_model: bool) -> None:
    rows = population()
    scoring = scoring_of(rows, with_model)
    together = scoring(pa.Table.from_pandas(rows, preserve_index=False)).to_pandas().set_index("entity_id")
    assert list(together.reset_index()) == list(SCORED)
    assert together["risk"].nunique() > 20
    assert set(map(tuple, together["rules"])) == {(), ("drug_resale",)}
    shuffled = rows.sample(frac=1, random_state=1)
    apart = [scoring(pa.Table.from_pandas(shuffled[start : start + 37], preserve_index=False)) for start in range(0, 400, 37)]
    found = pa.concat_tables(apart).to_pandas().set_index("entity_id").loc[together.index]
    pd.testing.assert_frame_equal(found, together, rtol=0, atol=1e-11)


def test_an_engine_maps_every_row_whatever_it_hands_over_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fraudml.engine.duck.BATCH", 100)
    rows = population()
    scoring = scoring_of(rows, with_model=False)
    engine = open_engine(memory_limit="500MB", threads=1)
    engine.register("rows", rows)
    for name, condition in (("everyone", "true"), ("nobody", "false")):
        engine.mapped(name, f"select * from rows where {condition}", scoring, SCORED)
        assert engine.columns(name) == SCORED
    expected = scoring(pa.Table.from_pandas(rows, preserve_index=False)).to_pandas()
    pd.testing.assert_frame_equal(
        engine.query("select * from everyone order by entity_id"), expected, check_dtype=False, atol=1e-11, rtol=0
    )
    assert engine.scalar("select count(*) from nobody") == 0


def test_of_a_large_population_a_part_stands_for_it() -> None:
    engine = open_engine(memory_limit="500MB", threads=1)
    engine.table("many", "select 'P' || n as entity_id from range(20000) as numbers(n)")
    assert part_of(engine, "many", None) == part_of(engine, "many", 20000) == "true"
    count = engine.scalar(f"select count(*) from many where {part_of(engine, 'many', 2000)}")
    assert 1800 <= count <= 2200
    fewer, more = (set(engine.rows(f"select entity_id from many where {part_of(engine, 'many', most)}")) for most in (1000, 3000))
    assert fewer < more


def test_who_is_not_in_the_part_is_judged_by_it() -> None:
    rows = population()
    part, rest = rows[::2], rows[1::2]
    found = scoring_of(part, with_model=False)(pa.Table.from_pandas(rest, preserve_index=False)).to_pandas()
    assert len(found) == 200
    known = set(PeerGroups(as_vectors(part.copy()), PEERS).of(as_vectors(part.copy())))
    assert set(found["peer_group"]) <= known | {"all"}
    assert found["outlier"].between(0, 1).all()
    assert found["outlier"].nunique() > 50
