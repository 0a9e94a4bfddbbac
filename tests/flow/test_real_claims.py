"""Real public claims through every stage: trained on the labels that are there, and without any."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from fraudml.cli import main

SHARED = Path(__file__).parents[3] / "shared" / "data" / "kaggle_provider"
pytestmark = [pytest.mark.soak, pytest.mark.skipif(not SHARED.is_dir(), reason="the public claims are not beside the checkout")]


def run(folder: Path, part: str, months: int) -> pd.DataFrame:
    common = [f"data_dir={folder / 'data'}", f"models_dir={folder / 'models'}"]
    for stage in (
        ["ingest", "source=kaggle_provider", f"input={SHARED / part}"],
        ["features", "as_of=2009-12-31"],
        ["graph", "as_of=2009-12-31"],
        ["train", "as_of=2009-12-31"],
        ["score", "as_of=2009-12-31", f"months={months}"],
        ["leads", "as_of=2009-12-31", "capacity=50", "lang=en"],
    ):
        assert main([*stage, *common]) == 0, stage
    return pd.read_parquet(folder / "data" / "scores" / "as_of=2009-12-31" / "institution.parquet")


def test_training_part_scores_the_unlabelled_providers_too(tmp_path: Path) -> None:
    scores = run(tmp_path, "train", months=12)
    labelled = set(pd.read_csv(SHARED / "train" / "Train-labels.csv")["Provider"])
    assert scores["supervised"].notna().all()
    assert (~scores["entity_id"].isin(labelled)).sum() > 300
    leads = pd.read_parquet(tmp_path / "data" / "leads" / "as_of=2009-12-31" / "leads.parquet")
    assert "institution" in set(leads["entity_type"])
    assert (tmp_path / "data" / "leads" / "as_of=2009-12-31" / "leads.xlsx").is_file()


def test_part_without_labels_scores_without_error(tmp_path: Path) -> None:
    scores = run(tmp_path, "test", months=1)
    assert scores["supervised"].isna().all()
    assert len(scores) > 500
