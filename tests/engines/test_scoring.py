"""Scores on Spark: rows stay on the workers, peers, evidence and model go to them, and what comes out is what DuckDB gives."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

import fraudml as fm
from fraudml.config import compose
from fraudml.contracts import ENTITY_TYPES
from fraudml.detectors.combine import LABELLED_PRIOR, Combiner
from fraudml.detectors.registered import RegisteredModel
from fraudml.engine import Engine
from fraudml.stages import features, graph, score

pytestmark = pytest.mark.soak

AS_OF = "2024-01-31"


@pytest.fixture(scope="module")
def scored(city: Path, spark: Engine, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of the day's scores by engine; patients have a model."""
    folder = tmp_path_factory.mktemp("scored") / "data"
    shutil.copytree(city, folder)
    keys = [f"data_dir={folder}", f"models_dir={folder / 'models'}", f"as_of={AS_OF}"]
    for stage in (features, graph):
        stage.run(compose(keys))
    table = fm.model_table("patient", folder, as_of=AS_OF)
    guilty = (table["total_amount_12m"] > table["total_amount_12m"].quantile(0.8)).astype(int)
    combiner = Combiner(-3.0, LABELLED_PRIOR, dict.fromkeys(LABELLED_PRIOR, 0.0))
    model = RegisteredModel("patient-1", fm.EntityScorer(folds=2, repeats=1).fit(table, guilty, groups=table.index), combiner, {})
    model.save(folder / "models" / "patient")
    out = {}
    for engine in ("duckdb", "spark"):
        score.run(compose([*keys, f"engine={engine}", *(["engine.master=local[2]"] if engine == "spark" else [])]))
        out[engine] = (folder / "scores" / f"as_of={AS_OF}").rename(folder / f"scores of {engine}")
    return out


@pytest.mark.parametrize("table", [*(f"{entity}.parquet" for entity in ENTITY_TYPES), "evidence/reasons.parquet"])
def test_scores_and_reasons_are_the_same(table: str, scored: dict[str, Path]) -> None:
    expected, found = (pd.read_parquet(scored[engine] / table) for engine in ("duckdb", "spark"))
    assert len(expected) > 3
    pd.testing.assert_frame_equal(found, expected, rtol=1e-9, atol=1e-12)


def test_the_model_was_asked(scored: dict[str, Path]) -> None:
    patients = pd.read_parquet(scored["spark"] / "patient.parquet")
    assert set(patients["model_version"]) == {"patient-1"}
    assert patients["supervised"].nunique() > 10
