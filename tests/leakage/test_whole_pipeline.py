"""Appending the future changes nothing, and neither does the order of rows: from raw tables to leads."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd
import pytest

from fraudml.cli import main

AS_OF = "2023-10-31"
STAGES = (["ingest"], ["features"], ["graph"], ["train"], ["score", "months=2"], ["leads", "capacity=40"])
# tables whose rows belong to a settlement, by the column that names it
OF_SETTLEMENT = {"setl_d": "setl_id", "fee_list_d": "setl_id", "setl_diag_list_d": "setl_id", "mdtrt_d": "mdtrt_id"}


def through_all_stages(folder: Path) -> Path:
    for stage in STAGES:
        extra = [] if stage[0] == "ingest" else [f"as_of={AS_OF}"]
        assert main([*stage, *extra, f"data_dir={folder}", f"models_dir={folder / 'models'}"]) == 0, stage
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve months, judged as of the tenth."""
    folder = tmp_path_factory.mktemp("whole") / "data"
    assert main(["simulate", "city.persons=1500", "city.months=12", "seed=5", f"data_dir={folder}"]) == 0
    return through_all_stages(folder)


def raw_tables(folder: Path) -> dict[str, str]:
    return {path.name.split(".")[0]: f"'{path}'" for path in sorted((folder / "raw").iterdir())}


def copy_raw(whole: Path, folder: Path, query: dict[str, str], order: str = "") -> Path:
    """The raw tables again, each through ``query[table]``, and labels as they were decided."""
    (folder / "raw").mkdir(parents=True)
    for name, source in raw_tables(whole).items():
        sql = f"select * from {source} as t {query.get(name, '')} {order}"
        duckdb.execute(f"copy ({sql}) to '{folder}/raw/{name}.parquet' (format parquet)")
    pd.read_parquet(whole / "labels.parquet").to_parquet(folder / "labels.parquet")
    return folder


def same(left: Path, right: Path) -> None:
    for table in (
        *(f"features/{entity}" for entity in ("patient", "doctor", "institution", "pharmacy", "claim")),
        *(f"scores/as_of={AS_OF}/{entity}" for entity in ("patient", "doctor", "institution", "pharmacy", "claim")),
        "graph/measures",
    ):
        one, two = (
            pd.read_parquet(folder / f"{table}.parquet").sort_values(["entity_id"]).reset_index(drop=True) for folder in (left, right)
        )
        one, two = (frame.drop(columns=[c for c in frame if c.startswith("model_version")]) for frame in (one, two))
        if "entity_type" in one:
            one, two = (frame.sort_values(["entity_type", "entity_id"]).reset_index(drop=True) for frame in (one, two))
        pd.testing.assert_frame_equal(one, two, rtol=1e-7, atol=1e-9, obj=table)
    one, two = (pd.read_parquet(folder / "leads" / f"as_of={AS_OF}" / "leads.parquet") for folder in (left, right))
    assert one["lead_id"].tolist() == two["lead_id"].tolist()
    assert one["schemes"].map(list).tolist() == two["schemes"].map(list).tolist()


def test_the_future_changes_nothing(whole: Path, tmp_path: Path) -> None:
    setl = raw_tables(whole)["setl_d"]
    known = f"select {{key}} from {setl} where cast(setl_time as timestamp) < timestamp '{AS_OF}' + interval 1 day"
    query = {name: f"where t.{key} in ({known.format(key=key)})" for name, key in OF_SETTLEMENT.items()}
    past = through_all_stages(copy_raw(whole, tmp_path / "data", query))
    rows = {folder: duckdb.sql(f"select count(*) from {raw_tables(folder)['setl_d']}").fetchall()[0] for folder in (whole, past)}
    assert rows[past] < rows[whole]  # there is a future to hide
    same(whole, past)


@pytest.mark.soak
def test_the_order_of_rows_changes_nothing(whole: Path, tmp_path: Path) -> None:
    shuffled = through_all_stages(copy_raw(whole, tmp_path / "data", {}, order="order by hash(t)"))
    same(whole, shuffled)
