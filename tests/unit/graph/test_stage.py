"""The stage: tables on disk, snapshots that accumulate, rings that keep their ids."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fraudml.cli import main
from fraudml.contracts import RINGS
from fraudml.graph import PAIRS

TABLES = {f"edges_{pair}" for pair in PAIRS} | {"measures", "rings"}


@pytest.fixture
def data_dir(make_claims, tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    days = pd.date_range("2023-05-02", "2024-06-28")
    ring = [(person, f"H{day % 3}", day) for day in range(5, 420, 17) for person in range(7) if rng.random() < 0.9]
    quiet = [(int(rng.integers(7, 120)), f"H{rng.integers(6)}", int(rng.integers(len(days)))) for _ in range(1500)]
    claims = [
        {"patient_id": f"P{person}", "institution_id": place, "doctor_id": "D" + place, "started_on": str(days[day].date())}
        for person, place, day in ring + quiet
    ]
    make_claims(claims=claims, data_dir=tmp_path / "data")
    return tmp_path / "data"


def run(data_dir: Path, as_of: str) -> dict[str, pd.DataFrame]:
    assert main(["graph", f"data_dir={data_dir}", f"as_of={as_of}"]) == 0
    return {path.stem: pd.read_parquet(path) for path in (data_dir / "graph").glob("*.parquet")}


def days_of(table: pd.DataFrame) -> list[str]:
    return sorted({str(pd.Timestamp(day).date()) for day in table["as_of"]})


def test_snapshots_accumulate_and_are_replaced(data_dir: Path) -> None:
    first = run(data_dir, "2024-05-31")
    assert first.keys() == TABLES
    assert first["rings"].columns.tolist() == list(RINGS)
    both = run(data_dir, "2024-06-30")
    assert all(days_of(table) == ["2024-05-31", "2024-06-30"] for table in both.values() if len(table))
    again = run(data_dir, "2024-05-31,2024-06-30")
    for name in ("measures", "edges_patient_doctor", "edges_patient_institution"):
        pd.testing.assert_frame_equal(both[name], again[name])
    assert both["rings"]["ring_id"].nunique() == 1  # the same ring in both months


def test_rows_of_another_dataset_are_dropped(data_dir: Path) -> None:
    (data_dir / "ingest.json").write_text(json.dumps({"dataset": "one"}))
    run(data_dir, "2024-05-31")
    (data_dir / "ingest.json").write_text(json.dumps({"dataset": "two"}))
    assert days_of(run(data_dir, "2024-06-30")["measures"]) == ["2024-06-30"]


def test_the_last_complete_month_is_the_default(data_dir: Path) -> None:
    assert main(["graph", f"data_dir={data_dir}"]) == 0
    assert days_of(pd.read_parquet(data_dir / "graph" / "measures.parquet")) == ["2024-06-30"]
