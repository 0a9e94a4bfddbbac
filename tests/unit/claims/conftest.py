"""A tiny set of national-standard tables, one readable row at a time."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fraudml.claims.ingest import Options, ingest
from fraudml.claims.source import Source, load_source
from fraudml.config import read_yaml
from fraudml.engine import open_engine
from fraudml.resources import resource

Tables = dict[str, list[dict[str, Any]]]


def settlement(setl_id: str, **over: Any) -> dict[str, Any]:
    """An outpatient settlement of 100 yuan by P1 at H1."""
    return {
        "setl_id": setl_id,
        "mdtrt_id": f"M{setl_id}",
        "psn_no": "P1",
        "insutype": "310",
        "fixmedins_code": "H1",
        "bilg_dr_codg": "D1",
        "med_type": "11",
        "begndate": "2024-06-03",
        "enddate": "2024-06-03",
        "setl_time": "2024-06-03 10:00:00",
        "medfee_sumamt": "100.00",
        "inscp_scp_amt": "90.00",
        "fund_pay_sumamt": "70.00",
        "acct_pay": "10.00",
        "psn_cash_pay": "20.00",
        "refd_setl_flag": "0",
        "init_setl_id": "",
        "vali_flag": "1",
        "manl_reim_flag": "0",
        "memo": "",
    } | over


def line(bkkp_sn: str, setl_id: str, **over: Any) -> dict[str, Any]:
    """A drug line of 10 × 10 yuan."""
    return {
        "bkkp_sn": bkkp_sn,
        "setl_id": setl_id,
        "fee_ocur_time": "2024-06-03 09:30:00",
        "hilist_code": "XA01",
        "med_chrgitm_type": "09",
        "cnt": "10",
        "pric": "10.00",
        "det_item_fee_sumamt": "100.00",
        "drug_trac_codg": "",
    } | over


@pytest.fixture
def raw() -> Tables:
    """Two persons, a hospital, a pharmacy, two settlements with a line each."""
    return {
        "setl_d": [
            settlement("S1"),
            settlement("S2", psn_no="P2", fixmedins_code="Y1", med_type="41", insutype="390", bilg_dr_codg=""),
        ],
        "fee_list_d": [line("L1", "S1"), line("L2", "S2")],
        "setl_diag_list_d": [{"setl_id": "S1", "diag_code": "I10.x00", "maindiag_flag": "1"}],
        "psn_info_b": [
            {"psn_no": "P1", "gend": "1", "brdy": "1960-01-31", "die_date": ""},
            {"psn_no": "P2", "gend": "2", "brdy": "1985-12-01", "die_date": ""},
        ],
        "fixmedins_b": [
            {"fixmedins_code": "H1", "fixmedins_type": "1", "hosp_lv": "02", "natu": "public"},
            {"fixmedins_code": "Y1", "fixmedins_type": "2", "hosp_lv": "", "natu": "private"},
        ],
    }


@pytest.fixture
def new_settlement() -> Callable[..., dict[str, Any]]:
    return settlement


@pytest.fixture
def new_line() -> Callable[..., dict[str, Any]]:
    return line


@pytest.fixture
def csv_bytes() -> Callable[..., bytes]:
    """The bytes of a table as CSV in an encoding."""

    def build(rows: list[dict[str, Any]], encoding: str = "utf-8", delimiter: str = ",") -> bytes:
        out = io.StringIO()
        names = list(dict.fromkeys(name for row in rows for name in row))
        writer = csv.DictWriter(out, names, delimiter=delimiter, restval="")
        writer.writeheader()
        writer.writerows(rows)
        return out.getvalue().encode(encoding)

    return build


@pytest.fixture
def write_raw(tmp_path: Path, csv_bytes: Callable[..., bytes]) -> Callable[..., Path]:
    """Writes tables as CSV files and returns their folder."""

    def write(tables: Tables, encoding: str = "utf-8", packed: bool = False) -> Path:
        folder = tmp_path / "raw"
        folder.mkdir(exist_ok=True)
        for name, rows in tables.items():
            content = csv_bytes(rows, encoding)
            path = folder / (f"{name}.csv.gz" if packed else f"{name}.csv")
            path.write_bytes(gzip.compress(content) if packed else content)
        return folder

    return write


@pytest.fixture
def source() -> Callable[[str], Source]:
    """A shipped source by name."""
    return lambda name="nhsa": load_source(read_yaml(resource("conf") / "source" / f"{name}.yaml"))


@pytest.fixture
def run(tmp_path: Path, source: Callable[[str], Source], write_raw: Callable[..., Path]) -> Callable[..., tuple[dict[str, Any], Any]]:
    """``run(tables)``: ingests them; returns ``ingest.json`` and ``read("claims")``, which gives a written table's rows as dicts."""

    def go(tables: Tables | Path, **options: Any) -> tuple[dict[str, Any], Callable[..., list[dict[str, Any]]]]:
        engine = open_engine(threads=1)
        given = tables if isinstance(tables, Path) else write_raw(tables)
        summary = ingest(engine, given, tmp_path / "data", options.pop("source", None) or source("nhsa"), Options(**options)).content()

        def read(table: str, below: str = "claims") -> list[dict[str, Any]]:
            path = tmp_path / "data" / below / f"{table}.parquet"
            return engine.arrow(f"select * from read_parquet('{path}') order by 1, 2").to_pylist() if path.exists() else []

        return summary, read

    return go
