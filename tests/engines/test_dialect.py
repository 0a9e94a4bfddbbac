"""One query per difference between the dialects, written for DuckDB: Spark gives the same rows."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from fraudml.engine import Engine

DAY = dt.date(2024, 1, 31)
VISITS = pd.DataFrame(
    {
        "id": ["a", "b", "c", "d", "e", "f"],
        "place": ["x", "x", "x", "y", "y", None],
        "day": [DAY, DAY + dt.timedelta(1), DAY + dt.timedelta(40), DAY, None, DAY + dt.timedelta(3)],
        "moment": pd.to_datetime(
            ["2024-01-31 10:00:59", "2024-01-31 23:59:59.5", "2024-02-01 00:00:00", None, "2024-03-03 06:07:08", "2024-03-03 06:08:01"],
            format="mixed",
        ),
        "amount": [1.005, 2.5, -3.5, 0.0, None, 1234.56785],
        "n": [1, 2, 3, 0, None, 7],
        "ok": [True, False, None, True, None, False],
    }
)

QUERIES = {
    # numbers
    "division is of doubles": "select id, n / 2 as half, 7 / n as by_nought, amount / n as ratio, n / (n - n) as undefined from t",
    "division of sums": "select place, sum(n) / count(*) as mean, sum(amount) / sum(n) as ratio from t group by place",
    "decimal literals are doubles": "select n * 1.0 / 3 as third, 0.1 + 0.2 as sum, 6371.0 * n as far, n > 0.5 as more from t",
    "whole division": "select n // 2 as half, -n // 2 as less from t",
    "remainder": "select n % 2 as odd, amount % 10 = 0 as round from t",
    "rounding is of the double": "select round(amount, 2) as cents, round(amount, 4) as fine, round(n / 3, 8) as third from t",
    "casting rounds to even": "select cast(cast(n as double) / 2 as integer) as half, cast(amount as bigint) as whole from t",
    "logarithm of nought": "select ln(n) as ln, ln(n / 2) as half from t where n >= 0",
    "finite": "select id, isfinite(7 / n) as finite, isfinite(amount) as known from t",
    "least and greatest pass over nulls": "select least(1.0, amount, n) as least, greatest(n - 2, 0) as greatest from t",
    "not a number is the largest": "select max(n / n) as largest, count(*) filter (where n / n > 5) as more from t",
    # time
    "day minus day": "select id, day - date '2024-01-01' as days, (day - date '2000-01-01') / 365.25 as years from t",
    "latest minus earliest day": "select place, max(day) - min(day) as days from t group by place",
    "day minus the day before": "select id, day - lag(day) over (order by day, id) as gap from t",
    "day plus days": "select id, day + 1 as next, day + cast(n as integer) as later, day - 30 as earlier from t",
    "day minus interval": """select id, day > date '2024-03-31' - interval 2 month as late,
        day < date '2024-01-31' + interval 1 day as early from t""",
    "boundaries crossed": """select id, date_diff('day', date '2023-12-31', day) as days,
        date_diff('month', date '2023-12-31', day) as months,
        date_diff('second', timestamp '2024-01-31 10:00:00', moment) as seconds,
        date_diff('minute', timestamp '2024-01-31 10:00:00', moment) as minutes from t""",
    "days of the week": "select id, dayofweek(day) as sunday_first, isodow(day) as monday_first, dayofyear(day) as in_year from t",
    "time of day": """select id, case when cast(moment as time) <> time '00:00:00' then hour(moment) end as hour,
        minute(moment) as minute from t""",
    "months": "select id, date_trunc('month', day) as month, last_day(day) as last, strftime(day, '%Y-%m') as text from t",
    "day of a moment": "select id, cast(moment as date) as day, cast(day as timestamp) as midnight from t",
    "series of days": """select id, unnest(generate_series(date '2024-02-01', day, interval 1 day)) as night from t
        where day <= date '2024-02-03'""",
    # windows
    "range of days": """select id, count(*) over month as n, sum(amount) over month as total from t where day is not null
        window month as (partition by place order by day range between interval 30 days preceding and current row)""",
    "range of months": """select id,
        sum(n) over (order by day range between interval 6 month preceding and interval 1 month preceding) as before
        from t where day is not null""",
    "filtered window": "select id, sum(n) filter (where ok) over (partition by place) as total from t",
    "different values in a window": "select id, count(distinct day) over (partition by place) as days from t",
    "named window in a sum": "select id, count(*) over place - n as others from t window place as (partition by t.place)",
    "window over groups": "select place, cast(count(*) as double) / sum(count(*)) over () as share from t group by place",
    "qualify": "select * from t qualify row_number() over (partition by place order by day desc, id) = 1",
    "order after qualify": """select t.* from t join (select 'x' as place) as other on t.place = other.place
        qualify dense_rank() over (partition by t.day order by t.id) = 1 order by t.day, t.id""",
    "qualify sees columns before aliases": "select id, -n as n from t qualify row_number() over (order by n, id) <= 2 order by n",
    "nulls come last": "select id, row_number() over (order by day, id) as up, row_number() over (order by n desc, id) as down from t",
    # aggregates
    "filters": "select place, count(*) filter (where ok) as yes, count(distinct day) filter (where n > 0) as days from t group by place",
    "quantiles": "select place, quantile_cont(amount, 0.9) as high, median(n) as middle from t group by place",
    "filtered quantile": "select median(n) filter (where n > 0) as middle, quantile_cont(amount, 0.25) filter (where ok) as low from t",
    "median absolute deviation": "select place, mad(n) as spread, mad(amount) filter (where n > 0) as other from t group by place",
    "deviation of one": "select place, stddev_samp(amount) as spread from t group by place",
    "value at the largest": """select max_by(place, n) as of_n, arg_min(id, amount) as least, max_by(place, (n, place)) as of_pair,
        arg_max(id, n) filter (where ok) as known from t""",
    "any known value": "select place, any_value(ok) as ok from t where ok is not false group by place",
    "first in order": """select place, first(id order by n desc, id) as largest, first(id order by amount) as least
        from t group by place""",
    "lists": """select place, list_sort(list(distinct n)) as values, list(id order by day desc, id) as ids,
        list(n) filter (where n > 100) as none from t group by place""",
    "texts joined": "select place, string_agg(id, '|' order by n desc, id) as ids from t group by place",
    "the smallest few": "select min(id, 2) as first from t",
    "booleans": "select place, bool_or(ok) as some, bool_and(ok) as every from t group by place",
    "regression": "select regr_slope(amount, n) as slope, stddev_samp(n) as spread from t",
    # lists, texts, structs
    "list membership": "select id, list_contains([n, null], 2) as two, not list_contains([n], 2) as other from t",
    "lengths": "select id, len([n, 1]) as list, len(place) as text, len(list_distinct([n, n])) as different from t",
    "list element": "select id, [id, place][2] as second, [id][3] as beyond from t",
    "list filter": "select id, len(list_filter([1, 2, n], lambda each : each >= 2)) as many, list_min([n, 5]) as least from t",
    "unnest": "select id, unnest([n, 10]) as each from t",
    "expression of unnest": "select id, cast(unnest(generate_series(day, day + 1, interval 1 day)) as date) + 1 as next from t",
    "unnest beside a window": """select place, unnest([n, 10]) as n, row_number() over (partition by place order by n, id) as k
        from t qualify k <= 2""",
    "concatenation": """select id, concat(place, '-', id) as lenient, place || '-' || id as strict,
        concat_ws('/', place, id) as joined from t""",
    "texts": """select id, starts_with(id, 'a') as begins, substr(id, 1, 1) as first, contains('abc', id) as inside,
        regexp_matches(id, '[ab]') as found, regexp_extract('x12-3', '([0-9]+)$', 1) as number, place like 'x%' as like_x from t""",
    "fingerprint": "select id, md5(array_to_string(list_sort(['b', id]), '|')) as key from t",
    "same hash for the same": "select count(distinct h) as different from (select hash(place, n) as h from t)",
    "facts": """select id, cast(to_json(struct_pack(place := place, day := day, n := n, amount := amount)) as varchar) as facts
        from t where n < 4""",
    # structure
    "stars": "select * exclude (ok) replace (n + 1 as n) from t",
    "renamed star": "select * rename (n as number) from t",
    "union by name": """select id, n from t where ok union all by name select amount, id from t where not ok""",
    "union by name in a common table": """with part as (select id, n from t),
        whole as (select * from part union all by name select * from part) select * from whole""",
    "group by all": "select place, ok, sum(n) as n from t group by all",
    "aliases in conditions": "select id, n * 2 as twice from t where twice > 2",
    "distinct on": "select distinct on (place) place, id from t order by place, n desc, id",
    "anti join": "select t.id from t anti join (select 'a' as id) as known on t.id = known.id",
    "join using": """select id, place, other.many
        from t join (select place, count(*) as many from t group by place) as other using (place)""",
    "rows in a query": "select id from t where (place, n) in (select (place, max(n)) from t group by place)",
    "rows not in a query": """select id from t
        where not ok or (place, n) not in (select (place, max(n)) from t where id <> 'd' group by place)""",
    "rows of another table": """with known as (select place, n from t where ok), wanted as (select id, place, n from t)
        select id from wanted where (place, n) not in (select (place, n) from known)""",
    "membership as a condition": """select id, case when place in (select place from t where ok) then id end as beside,
        case when n not in (select n from t where n > 2) and not coalesce(ok, false) then id end as other from t""",
    "largest pair": "select place, max(struct_pack(at := day, id := id)).id as latest from t where day is not null group by place",
    "part of a text": "select id, split_part(place || '/' || id, '/', 2) as second, regexp_extract('ab:c', '^[a-z]+') as head from t",
    "correlated existence": "select id from t where exists (select 1 from t as other where other.place = t.place and other.n > t.n)",
    "null-safe comparison": "select a.id from t as a join t as b on a.place is not distinct from b.place and a.n = b.n",
    "values": "select * from (values ('a', 1), ('b', null)) as entry(id, number)",
    "tuples counted": "select count(distinct (place, ok)) as pairs from t",
}


@pytest.fixture(scope="module", autouse=True)
def rows_of_visits(spark: Engine, duck: Engine) -> None:
    for engine in (spark, duck):
        engine.register("t", VISITS.astype({"n": "Int64", "ok": "boolean"}))


@pytest.mark.parametrize("sql", QUERIES.values(), ids=QUERIES)
def test_spark_gives_the_same_rows(sql: str, spark: Engine, duck: Engine) -> None:
    assert plain(spark.rows(sql)) == plain(duck.rows(sql))


def plain(rows: list[tuple[Any, ...]]) -> list[str]:
    """Rows in an order of their own, numbers to 12 digits."""
    return sorted(repr(tuple(_value(each) for each in row)) for row in rows)


def _value(each: Any) -> Any:
    if isinstance(each, float | Decimal):
        each = float(each)
        return "nan" if math.isnan(each) else float(f"{each:.12g}") + 0.0
    if isinstance(each, list):
        return [_value(one) for one in each]
    return each


def test_parameters_are_values(spark: Engine, duck: Engine) -> None:
    sql = "select id from t where place = ? and n > ? and id in (select unnest(?))"
    assert plain(spark.rows(sql, ["x", 1, ["b", "c"]])) == plain(duck.rows(sql, ["x", 1, ["b", "c"]])) != []


def test_macros_are_expanded(spark: Engine, duck: Engine) -> None:
    for engine in (spark, duck):
        engine.macro("twice", "(n) as 2 * n")
        engine.macro("far", "(a, b) as twice(a - b) + 0.5")
    sql = "select id, far(n, 1) / 2 as far from t"
    assert plain(spark.rows(sql)) == plain(duck.rows(sql))
