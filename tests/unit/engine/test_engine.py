"""The engine: sessions, atomic writes, rewriting of aggregates."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from fraudml.engine import columns_of, open_engine, windowed
from fraudml.engine.duck import DuckEngine
from fraudml.errors import FraudmlError


def test_sessions_do_not_see_each_others_views() -> None:
    engine = open_engine()
    one, two = engine.session(), engine.session()
    one.view("claims", "select 1 as n")
    two.view("claims", "select 2 as n")
    assert (one.scalar("select n from claims"), two.scalar("select n from claims")) == (1, 2)


def test_a_failed_write_leaves_the_old_file_whole(tmp_path: Path) -> None:
    engine = open_engine()
    path = tmp_path / "t.parquet"
    assert engine.write("select 1 as n", path) == 1
    with pytest.raises(Exception, match="no such thing"):
        engine.write("select error('no such thing') as n from range(10)", path)
    assert pd.read_parquet(path)["n"].tolist() == [1]
    assert [each.name for each in tmp_path.iterdir()] == ["t.parquet"]


def test_a_path_with_a_quote(tmp_path: Path) -> None:
    engine = open_engine()
    engine.write("select 1 as n", tmp_path / "it's.parquet")
    engine.parquet("t", tmp_path / "it's.parquet")
    assert engine.scalar("select n from t") == 1


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("sum(x)", 3.0),
        ("count(distinct y) filter (where x > 0)", 2),
        ("sum(x) / count(*)", 1.5),
        ("coalesce(max(x), 0) - min(x)", 1.0),
        ("entropy(y)", 1.0),
        ("median(x)", 1.5),
    ],
)
def test_windowed_narrows_every_aggregate(sql: str, expected: float) -> None:
    engine = open_engine()
    engine.view("t", "select * from (values (1.0::double, 'a', 0), (2.0, 'b', 0), (9.0, 'c', 5)) as v(x, y, age)")
    assert float(engine.scalar(f"select {windowed(sql, 'age < 3')} from t")) == expected


def test_columns_of() -> None:
    assert columns_of("sum(a) filter (where b = 'c') / count(*)") == {"a", "b"}


def test_wrong_sql_names_its_place() -> None:
    with pytest.raises(FraudmlError, match=r"patient\.yaml: visit_count"):
        windowed("sum(", "age < 3", where="patient.yaml: visit_count")


class _FailsWithinItself:
    """A connection whose statements fail DuckDB's own assertion; counts them."""

    def __init__(self) -> None:
        self.statements = 0

    def execute(self, sql: str, parameters: list[object]) -> None:
        import duckdb

        self.statements += 1
        raise duckdb.InternalException("INTERNAL Error: a cache changed identity")


def test_a_failure_within_duckdb_is_one_clear_error_and_not_repeated() -> None:
    connection = _FailsWithinItself()
    with pytest.raises(FraudmlError, match="changed identity") as caught:
        DuckEngine(connection).execute("create or replace temp table t as select 1")  # type: ignore[arg-type]
    assert caught.value.code == "engine.internal"
    assert connection.statements == 1  # a stream of batches or a file written beside would be read or written twice


def test_no_session_keeps_dictionaries_in_the_caches_between_operators() -> None:
    assert open_engine().session().scalar("select current_setting('enable_caching_operators')") is False
