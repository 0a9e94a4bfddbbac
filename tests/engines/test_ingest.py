"""Ingest on Spark: from a messy folder of Parquet to the same tables, quarantine and report as with DuckDB."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fraudml.claims.ingest import Options, ingest
from fraudml.claims.source import Source, load_source
from fraudml.config import compose, read_yaml
from fraudml.engine import Engine
from fraudml.errors import UsageError
from fraudml.resources import resource
from fraudml.stages import ingest as stage

SHANGHAI = dt.timezone(dt.timedelta(hours=8))


def settlement(number: int, **over: Any) -> dict[str, Any]:
    """An outpatient settlement of 100.50 yuan by P1 at H1, as text; the fifth of June for 5."""
    day = f"2024-06-{number % 28 + 1:02}"
    return {
        "SETL_ID": f"S{number}",
        "mdtrt_id": f"M{number}",
        "psn_no": "P1",
        "insutype": "310",
        "fixmedins_code": "H1",
        "bilg_dr_codg": "D1",
        "med_type": "11",
        "begndate": day,
        "enddate": day,
        "setl_time": f"{day} 10:00:00",
        "medfee_sumamt": "100.50",
        "inscp_scp_amt": "90",
        "fund_pay_sumamt": "70.5",
        "acct_pay": "10",
        "psn_cash_pay": "20",
        "refd_setl_flag": "0",
        "init_setl_id": None,
        "vali_flag": "1",
        "memo": None,
    } | over


REFUND = {"refd_setl_flag": "1", "medfee_sumamt": "-100.5", "fund_pay_sumamt": "-70.5", "acct_pay": "-10", "psn_cash_pay": "-20"}
SETTLEMENTS = [
    settlement(1),
    settlement(2, psn_no=" P2\t", fixmedins_code="\u3000Y1", med_type="4101", insutype="390.0", bilg_dr_codg="nan", memo="急诊 “复诊” "),
    settlement(3, begndate="2024/6/3", enddate="20240605.0", setl_time="2024年6月5日 08:30", med_type="21", medfee_sumamt="1,234.50"),
    settlement(4, begndate="no day"),
    settlement(5, medfee_sumamt="much", vali_flag="maybe"),
    settlement(6, vali_flag="0", memo='in "quotes", and more'),
    settlement(7, psn_no="P9"),
    settlement(8, psn_no=None),
    settlement(9, fixmedins_code="H9"),
    settlement(10, medfee_sumamt="-1"),
    settlement(11, enddate="2024-06-01"),
    settlement(12, setl_time="2044-06-01 00:00:00"),
    settlement(13, mdtrt_id="M1", setl_time="2024-06-13 10:00:00", **REFUND),  # of S1, which it does not name
    settlement(14, mdtrt_id="M1", init_setl_id="S13", **REFUND | {"medfee_sumamt": "-1"}),  # names a refund
    settlement(15, init_setl_id="S15", mdtrt_id="M15", **REFUND),  # names itself: nothing
    settlement(16, **REFUND | {"medfee_sumamt": "5"}),
    settlement(17, fund_pay_sumamt="1e2", inscp_scp_amt="1000000000.25"),
    settlement(18, med_type="9", insutype="77", setl_time="2024-06-02T08:00:00.123"),
    settlement(19),
    settlement(19, memo="the fuller one stays"),
    settlement(19, bilg_dr_codg=None, medfee_sumamt="0.1"),
    settlement(20, setl_time="2024-05-31 23:59:59", begndate="infinity"),
    settlement(21, setl_time="2024-05-31 23:59:59", begndate="2024-05-30", enddate="2024-05-31"),
]


def typed(rows: list[dict[str, Any]]) -> pa.Table:
    """Settlements as a database writes them: numbers, decimals, days, moments with a zone, nanoseconds, bytes, things that nobody reads."""
    table = pa.Table.from_pylist(rows)
    columns = {
        "medfee_sumamt": pa.array([Decimal("12345678.90")] * len(rows), pa.decimal128(12, 2)),
        "bilg_dr_codg": pa.array([Decimal("123456789012345678")] * len(rows), pa.decimal128(20, 0)),
        "psn_no": pa.array([1001] * len(rows), pa.int64()),
        "insutype": pa.array([310.0, None, 1e20, 0.00001][: len(rows)], pa.float64()),
        "acct_pay": pa.array([0.1] * len(rows), pa.float32()),
        "vali_flag": pa.array([True, True, True, False][: len(rows)]),
        "begndate": pa.array([dt.date(2024, 6, 30)] * len(rows)),
        "enddate": pa.array([dt.datetime(2024, 6, 30, 5, 4, 3)] * len(rows), pa.timestamp("ns")),
        "setl_time": pa.array([dt.datetime(2024, 7, 1, 0, 30, tzinfo=SHANGHAI)] * len(rows), pa.timestamp("us", "Asia/Shanghai")),
        "memo": pa.array(["备注".encode(), b"\xff\x00'", None, b"plain"][: len(rows)], pa.binary()),
        "serial": pa.array([2**64 - 1] * len(rows), pa.uint64()),
        "photo": pa.array([{"kind": "png", "size": 3}] * len(rows)),
        "words": pa.array([["a", None, "b"]] * len(rows)),
    }
    for name, values in columns.items():
        table = table.drop_columns([name]) if name in table.column_names else table
        table = table.append_column(name, values)
    return table


def tables() -> Mapping[str, pa.Table]:
    """File below the input folder -> its rows."""
    lines = [
        {"bkkp_sn": number, "setl_id": setl, "fee_ocur_time": when, "hilist_code": item, "cnt": 2.0, "pric": 50.25, "amount": None}
        | {"det_item_fee_sumamt": amount, "drug_trac_codg": traces}
        for number, (setl, when, item, amount, traces) in enumerate(
            [
                ("S1", "2024-06-02 09:00:00", "XA01", 100.5, "a |\tb\u3000|"),
                ("S2", "2024-06-20 09:00:00", "XA02", 99.0, ""),
                ("S3 ", None, "XA01", 1234.5, None),
                ("S4", "2024-06-02 09:00:00", "XA01", 100.5, None),
                ("S404", "2024-06-02 09:00:00", "XA01", 100.5, None),
                ("S13", "2024-06-02 09:00:00", "XA01", -100.5, None),
                ("S21", "2024-05-31 09:00:00", "XA01", 7.0, None),
                (None, None, None, None, None),
            ]
        )
    ]
    return {
        "SETL_D/old.parquet": pa.Table.from_pylist(SETTLEMENTS),
        "SETL_D/new.parquet": typed([settlement(number) for number in range(31, 35)]),
        "fee_list_d.parquet": pa.Table.from_pylist(lines),
        "setl_diag_list_d.parquet": pa.Table.from_pylist(
            [{"setl_id": each, "diag_code": "I10.x00", "maindiag_flag": flag} for each, flag in (("S1", "1"), ("S1", "是"), ("S5", "0"))]
        ),
        "psn_info_b.parquet": pa.Table.from_pylist(
            [
                {"psn_no": "P1", "gend": "1", "brdy": "1960-01-31", "die_date": "2024-06-10"},
                {"psn_no": "P2", "gend": "2", "brdy": "19851201", "die_date": None},
                {"psn_no": "P2", "gend": "2", "brdy": "1985-12-01", "die_date": None},  # the same, of another month's folder
                {"psn_no": "P1", "gend": "1", "brdy": "1959-01-31", "die_date": "2024-06-10"},  # another birthday under one key
                {"psn_no": "1001", "gend": "7", "brdy": "1885-12-01", "die_date": "1800-01-01"},
            ]
        ),
        "psn_insu_d.parquet": pa.Table.from_pylist([{"psn_no": "P1", "insutype": 310, "psn_insu_date": dt.date(2024, 6, 3)}]),
        "fixmedins_b.parquet": pa.Table.from_pylist(
            [
                {"fixmedins_code": "H1", "fixmedins_type": 1, "hosp_lv": "02", "aprv_bed_cnt": 100.0},
                {"fixmedins_code": "Y1", "fixmedins_type": 2, "hosp_lv": None, "aprv_bed_cnt": 0.5},
            ]
        ),
        "hilist_b.parquet": pa.Table.from_pylist([{"hilist_code": "XA01", "hilist_name": "一种药", "begndate": "2020-01-01"}]),
        "dr_b.parquet": pa.Table.from_pylist(
            [{"dr_codg": "D1", "fixmedins_code": "H7", "begndate": "2024-01-01", "enddate": "2023-01-01"}]
        ),
        "inventory_d.parquet": pa.Table.from_pylist(
            [{"fixmedins_code": "Y1", "hilist_code": "XA01", "period": each, "closing": -1.0} for each in ("2024-06", "202405", "late")]
        ),
    }


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    for name, table in tables().items():
        (folder / name).parent.mkdir(exist_ok=True)
        pq.write_table(table, folder / name)
    return folder


@pytest.fixture(scope="module")
def source() -> Source:
    return load_source(read_yaml(resource("conf") / "source" / "nhsa.yaml"))


def written(data_dir: Path) -> dict[str, Any]:
    """All that an ingest leaves: rows of each file in an order of their own, and the report."""
    files = sorted(data_dir.rglob("*.parquet"))
    found: dict[str, Any] = {str(path.relative_to(data_dir)): rows_of(path) for path in files}
    found["ingest.json"] = json.loads((data_dir / "ingest.json").read_text())
    found["ingest.html"] = (data_dir / "ingest.html").read_text()
    return found


def rows_of(path: Path) -> tuple[list[str], list[str]]:
    table = pq.read_table(path)
    columns = [f"{field.name} {field.type}" for field in table.schema]
    return columns, sorted(map(repr, table.to_pylist()))


def assert_same(spark: Path, duck: Path) -> None:
    one, other = written(spark), written(duck)
    assert one.keys() == other.keys()
    for name in other:
        assert one[name] == other[name], name


def test_the_same_tables_quarantine_and_report(spark: Engine, duck: Engine, raw: Path, source: Source, tmp_path: Path) -> None:
    for name, engine in (("spark", spark), ("duck", duck)):
        report = ingest(engine.session(), raw, tmp_path / name, source)
        assert {"duplicate_key", "unknown_patient", "not_a_date", "after_death"} <= report.tables["claims"].reasons.keys()
        assert {"repeated_row", "duplicate_key"} <= report.tables["patients"].reasons.keys()
        assert report.tables["claims"].accepted > 10 < report.tables["claims"].quarantined
    assert_same(tmp_path / "spark", tmp_path / "duck")


@pytest.mark.soak
def test_a_month_beside_others_and_pseudonyms(spark: Engine, duck: Engine, raw: Path, source: Source, tmp_path: Path) -> None:
    """May first, then June, then June again with a correction; persons and doctors under pseudonyms all the while."""
    key, corrected = tmp_path / "key", tmp_path / "corrected"
    key.write_bytes(b"0123456789abcdef")
    for name, table in tables().items():
        (corrected / name).parent.mkdir(parents=True, exist_ok=True)
        rows = table.slice(0, 20) if name == "SETL_D/old.parquet" else table
        pq.write_table(rows, corrected / name)
    for name, engine in (("spark", spark), ("duck", duck)):
        for month, given in (("2024-05", raw), ("2024-06", raw), ("2024-06", corrected)):
            report = ingest(engine.session(), given, tmp_path / name, source, Options(month=month, key_file=key, negative="refund"))
        assert report.months == ["2024-05", "2024-06"]
        back = tmp_path / name / "private" / "pseudonyms.parquet"
        assert back.stat().st_mode & 0o077 == 0
        assert {"P1", "D1"} <= set(pq.read_table(back)["id"].to_pylist())
        claims = pq.read_table(tmp_path / name / "claims" / "claims.parquet")
        assert not {"P1", "P2"} & set(claims["patient_id"].to_pylist())
    assert_same(tmp_path / "spark", tmp_path / "duck")


def test_what_is_no_parquet_is_refused_before_spark_is_asked(tmp_path: Path) -> None:
    (tmp_path / "setl_d.csv").write_text("setl_id\nS1\n")
    for given, told in ((tmp_path, "setl_d.csv"), ("postgresql://reader:secret@host/claims", "a database")):
        with pytest.raises(UsageError, match=rf"not {told}.*engine=duckdb") as caught:
            stage.run(compose(["engine=spark", f"input={given}", f"data_dir={tmp_path / 'data'}", "engine.master=nowhere"]))
        assert caught.value.code == "ingest.engine" and "secret" not in str(caught.value)
    assert not (tmp_path / "data").exists()


def test_an_engine_that_reads_no_text_refuses_it_itself(spark: Engine, source: Source, tmp_path: Path) -> None:
    (tmp_path / "setl_d.csv").write_text("setl_id\nS1\n")
    with pytest.raises(UsageError, match=r"setl_d\.csv"):
        ingest(spark.session(), tmp_path, tmp_path / "data", source)
