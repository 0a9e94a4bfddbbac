"""What a Spark session does beside answering queries: naming, writing, refusing."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fraudml.config import compose
from fraudml.engine import Engine, configured_engine
from fraudml.errors import FraudmlError, UsageError


def test_sessions_do_not_see_each_others_relations(spark: Engine) -> None:
    one, other = spark.session(), spark.session()
    one.table("claims", "select 1 as n")
    other.table("claims", "select 2 as n")
    assert (one.scalar("select n from claims"), other.scalar("select n from claims")) == (1, 2)
    one.drop("claims")
    assert not one.exists("claims") and other.exists("claims")
    one.close()


def test_a_table_keeps_its_rows_and_a_view_does_not(spark: Engine) -> None:
    session = spark.session()
    session.register("source", pd.DataFrame({"n": [1, 2]}))
    session.view("seen", "select sum(n) as n from source")
    session.table("kept", "select sum(n) as n from source")
    session.table("kept", "select n + 1 as n from kept")
    assert (session.scalar("select n from seen"), session.scalar("select n from kept")) == (3, 4)


def test_a_query_is_checked_before_spark_sees_it(spark: Engine) -> None:
    with pytest.raises(FraudmlError) as caught:
        spark.view("wrong", "select missing from (select 1 as n)")
    assert caught.value.code == "sql.invalid"


def test_a_file_is_written_whole_with_its_note(spark: Engine, duck: Engine, tmp_path: Path) -> None:
    session, path = spark.session(), tmp_path / "out" / "rows.parquet"
    session.register("source", pd.DataFrame({"id": list("cab"), "day": pd.to_datetime(["2024-01-01"] * 3), "x": [1.5, None, 2.5]}))
    sql = "select id, cast(day as date) as day, day as moment, x, [id] as ids from source order by id"
    assert session.write(sql, path, note="of d1") == 3
    assert [each.name for each in path.parent.iterdir()] == ["rows.parquet"]
    assert session.note_of(path) == duck.note_of(path) == "of d1"
    assert session.filled(path)["x"] == 2
    duck.parquet("written", path)
    assert duck.columns("written") == {"id": "VARCHAR", "day": "DATE", "moment": "TIMESTAMP", "x": "DOUBLE", "ids": "VARCHAR[]"}
    assert duck.rows("select id, x from written order by id") == [("a", None), ("b", 2.5), ("c", 1.5)]
    assert session.write("select id from source where false", path) == 0
    assert pq.read_metadata(path).num_rows == 0


def test_rows_are_set_apart(spark: Engine, duck: Engine, tmp_path: Path) -> None:
    path, apart = tmp_path / "rows.parquet", tmp_path / "apart.json"
    sql = "select n, case when n > 1 then 'large' end as fault from (values (1), (2), (3)) as entry(n)"
    for session in (spark.session(), duck.session()):
        assert session.write_apart(sql, path, apart, "n", "fault", "to_json({'n': n, 'of': {'fault': fault}})::varchar") == 1
        assert sorted(apart.read_text().splitlines()) == ['{"n":2,"of":{"fault":"large"}}', '{"n":3,"of":{"fault":"large"}}']
        session.json_lines("told", apart, ["n", "of"])
        assert sorted(session.rows("select n, of from told")) == [("2", '{"fault":"large"}'), ("3", '{"fault":"large"}')]
        session.numbered("written", path)
        assert session.rows("select n, file_row_number from written") == [(1, 0)]


def test_rows_judged_by_themselves_are_the_embedded_engines(spark: Engine, duck: Engine, tmp_path: Path) -> None:
    """Days in odd shapes, numbers as text, decimals and types that Spark has no name for: one reading, of one engine."""
    rows = pa.table(
        {
            "a.day": pa.array(["2024/1/5", "2024-01-05 10:00", "20240-06-03", None]),
            "amount": pa.array([1e16, 0.00001, 1e7, None]),
            "id": pa.array([Decimal("123456789012345678"), Decimal("1"), None, Decimal("2")], pa.decimal128(20, 0)),
            "at": pa.array([dt.datetime(2024, 1, 5, 10)] * 4, pa.timestamp("ns")),
            "size": pa.array([2**64 - 1, 0, 1, None], pa.uint64()),
            "box": pa.array([{"kind": "x"}, None, {"kind": "y"}, {"kind": None}]),
        }
    )
    pq.write_table(rows, tmp_path / "part.parquet")
    found = []
    for session in (spark.session(), duck.session()):
        session.macro("named", "(kind, n) as kind || ':' || n")
        session.parquet_parts("part", [tmp_path / "part.parquet"])
        session.by_row("read", 'select *, try_cast("a.day" as date) as day, cast(amount as varchar) as text from part', of="part")
        session.by_row("told", "select *, named('id', id) as name, box.kind as kind from read", of="read")
        session.view("whole", "select * from told where size > 0 union all by name select * from told where size = 0")
        columns = session.columns("whole")
        assert (columns["id"], columns["box"]) == ("DECIMAL(20,0)", "STRUCT(kind VARCHAR)")
        sql = 'select "a.day", day, text, cast(id as varchar) as id, name, kind, "at", cast(size as varchar) as size from whole'
        found.append(sorted(map(repr, session.rows(sql))))
    assert found[0] == found[1] and len(found[0]) == 3


def test_what_does_not_fit_the_driver_is_refused_with_the_remedy(spark: Engine) -> None:
    wide = "repeat(cast(n as varchar), 200)"
    with pytest.raises(FraudmlError) as caught:
        spark.query(f"select {wide} as text from (select unnest(generate_series(1, 100000)) as n)")
    assert caught.value.code == "engine.driver_limit"
    assert "engine.driver_limit" in caught.value.hint


def test_settings_are_pairs() -> None:
    config = compose(["engine=spark", "engine.master=local[2]", "engine.settings=spark.ui.enabled"])
    with pytest.raises(UsageError, match="key=value"):
        configured_engine(config.engine)
