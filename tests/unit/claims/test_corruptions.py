"""Any corruption of a valid month is set apart with the right code or leaves the accepted rows as they were (property test).

What stands in single cells is test_every_column's; here is what other rows and tables have to do with it: one ingest for each corruption.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fraudml.claims.ingest import Options, ingest
from fraudml.claims.judge import STANDING
from fraudml.engine import open_engine

KEYS = {"setl_d": "setl_id", "fee_list_d": "bkkp_sn", "psn_info_b": "psn_no", "fixmedins_b": "fixmedins_code"}
CANONICAL = {"setl_d": "claims", "fee_list_d": "items", "psn_info_b": "patients", "fixmedins_b": "institutions"}
WRONG = [
    *((table, column, blank, "missing_value") for table, column in KEYS.items() for blank in ("", "\t\u3000")),
    ("setl_d", "begndate", "2024-02-30", "not_a_date"),
    ("setl_d", "medfee_sumamt", "十元", "not_a_number"),
    ("fixmedins_b", "fixmedins_type", "?", "unknown_code"),
    ("setl_d", "psn_no", "P99", "unknown_patient"),
    ("setl_d", "fixmedins_code", "H99", "unknown_institution"),
    ("setl_d", "medfee_sumamt", "-3.00", "negative_amount"),
    ("setl_d", "vali_flag", "0", "invalid_settlement"),
    ("setl_d", "enddate", "2024-05-01", "dates_reversed"),
    ("fee_list_d", "setl_id", "S99", "orphan"),
]
SAME = [  # another way to write what was written
    ("setl_d", "begndate", "20240603"),
    ("setl_d", "setl_time", "2024/6/3 10:00"),
    ("setl_d", "medfee_sumamt", " 100 "),
    ("setl_d", "medfee_sumamt", "¥100.000"),
    ("setl_d", "psn_no", " P1\t"),
    ("setl_d", "med_type", "110104"),
    ("setl_d", "vali_flag", "是"),
    ("fee_list_d", "med_chrgitm_type", " 09"),
    ("fee_list_d", "cnt", "1e1"),
    ("psn_info_b", "gend", "男"),
    ("psn_info_b", "brdy", "1960年1月31日"),
]

corruptions = st.one_of(
    st.tuples(st.just("wrong"), st.sampled_from(WRONG), st.integers(0, 9)),
    st.tuples(st.just("same"), st.sampled_from(SAME), st.just(0)),
    st.tuples(st.just("again"), st.sampled_from(sorted(KEYS)), st.integers(0, 9)),
    st.tuples(st.just("gone"), st.sampled_from(sorted(KEYS)), st.integers(0, 9)),
    st.tuples(st.just("encoded"), st.sampled_from(sorted(KEYS)), st.just(0)),
)


@pytest.fixture
def month(raw, new_settlement, new_line):
    """A valid month: six settlements, eight lines, a memo in Chinese."""
    raw["setl_d"] += [new_settlement(f"S{number}", memo="急诊转入院") for number in range(3, 7)]
    raw["fee_list_d"] += [new_line(f"L{number}", f"S{number}") for number in range(3, 9) if number < 7] + [
        new_line(f"L{number}", "S6", det_item_fee_sumamt="0", pric="0") for number in (7, 8)
    ]
    return raw


@pytest.fixture
def accepted(source, csv_bytes):
    """``accepted(tables, encodings)``: counts by table, and the accepted rows by table and key."""
    engine, declared = open_engine(threads=1), source("nhsa")

    def go(tables, encodings=None):
        with tempfile.TemporaryDirectory() as name:
            raw, data = Path(name) / "raw", Path(name) / "data"
            raw.mkdir()
            for table, rows in tables.items():
                (raw / f"{table}.csv").write_bytes(csv_bytes(rows, (encodings or {}).get(table, "utf-8")))
            ingest(engine, raw, data, declared, Options())
            counts = json.loads((data / "ingest.json").read_text(encoding="utf-8"))["tables"]
            rows = {}
            for table in CANONICAL.values():
                found = engine.arrow(f"select * from read_parquet('{data}/claims/{table}.parquet')").to_pylist()
                rows[table] = {row[next(iter(row))]: row for row in found}
                assert len(rows[table]) == len(found)
            return counts, rows

    return go


@pytest.fixture
def before(month, accepted):
    """The accepted rows of the valid month."""
    return accepted(month)[1]


@settings(max_examples=18, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(corruption=corruptions)
def test_a_corruption_is_told_or_changes_nothing(month, accepted, before, corruption):
    how, what, place = corruption
    table = what if isinstance(what, str) else what[0]
    rows = month[table]
    place %= len(rows)
    row = rows[place]
    changed, encodings, reason = list(rows), {}, None
    if how == "wrong":
        changed[place], reason = row | {what[1]: what[2]}, what[3]
    elif how == "same":
        changed[place] = row | {what[1]: what[2]}
    elif how == "again":
        changed.insert(0, dict(row))
        reason = "repeated_row" if CANONICAL[table] in STANDING else "duplicate_key"
    elif how == "gone":
        del changed[place]
    else:
        encodings = {table: "gb18030"}
    counts, after = accepted(month | {table: changed}, encodings)

    assert all(each["read"] == each["accepted"] + each["quarantined"] for each in counts.values())
    assert {name: counts[CANONICAL[name]]["read"] for name in KEYS} == {name: len((month | {table: changed})[name]) for name in KEYS}
    if reason:
        assert counts[CANONICAL[table]]["reasons"][reason]["count"] == 1
    lost = {name: before[name].keys() - after[name].keys() for name in before}
    assert all(after[name][key] == before[name][key] for name in before for key in after[name])  # nothing new, nothing altered
    if how in ("same", "again", "encoded"):
        assert not any(lost.values())
    else:  # the row itself, and what hangs on it
        key = row[KEYS[table]]
        assert lost[CANONICAL[table]] == {key}
        gone_with_it = {each["setl_id"] for each in month["setl_d"] if key in (each["setl_id"], each["psn_no"], each["fixmedins_code"])}
        assert lost["claims"] <= gone_with_it
        assert {before["items"][line]["claim_id"] for line in lost["items"]} <= (gone_with_it | {row.get("setl_id")})
        assert sum(each["quarantined"] for each in counts.values()) >= sum(map(len, lost.values())) - (how == "gone")
