"""Speed of ``fraudml ingest`` against a bare DuckDB COPY of the same CSV files, in the same run.

    python -m benchmarks.ingest [--settlements 10000000] [--folder FOLDER] [--threads 2]

One line per size: seconds of both, the ratio bare/ingest (the aim is >= 0.6) and the peak memory of the ingest process. Where other work
runs on the machine the processor seconds tell more than the seconds on the wall. Writes `benchmarks/results/ingest.md`.
"""

# ruff: noqa: E501 - one source column after another

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from benchmarks import write_result

TABLES = {
    "setl_d": """
        select 'S' || lpad(i::varchar, 11, '0') as setl_id, 'M' || lpad(i::varchar, 11, '0') as mdtrt_id, 'P' || lpad((hash(i) % {persons})::varchar, 9, '0') as psn_no,
            case when hash(i) % 3 = 0 then '390' else '310' end as insutype, 'H' || lpad((hash(i + 1) % 900)::varchar, 5, '0') as fixmedins_code,
            'D' || lpad((hash(i + 2) % 20000)::varchar, 7, '0') as bilg_dr_codg, case hash(i) % 10 when 0 then '21' when 1 then '41' else '11' end as med_type,
            date '2024-01-01' + (i * 360 // {settlements})::int as begndate,
            date '2024-01-01' + (i * 360 // {settlements})::int + (case when hash(i) % 10 = 0 then hash(i) % 9 else 0 end)::int as enddate,
            timestamp '2024-01-01 10:00:00' + to_days((i * 360 // {settlements})::int + 9) as setl_time,
            300.00 as medfee_sumamt, 280.00 as inscp_scp_amt, 200.00 as fund_pay_sumamt, 40.00 as acct_pay, 60.00 as psn_cash_pay,
            0 as refd_setl_flag, null as init_setl_id, 1 as vali_flag, '02' as mdtrt_cert_type, '370100' as insu_admdvs, 0 as manl_reim_flag, 1 as pay_stas
        from range({settlements}) as t(i)""",
    "fee_list_d": """
        select 'F' || lpad(i::varchar, 12, '0') as bkkp_sn, 'S' || lpad((i // 3)::varchar, 11, '0') as setl_id,
            timestamp '2024-01-01 09:00:00' + to_days(((i // 3) * 360 // {settlements})::int) as fee_ocur_time, 'XA' || (hash(i) % 3000) as hilist_code,
            lpad((hash(i + 1) % 14 + 1)::varchar, 2, '0') as med_chrgitm_type, (hash(i) % 9 + 1) as cnt, round(100.0 / (hash(i) % 9 + 1), 4) as pric,
            100.00 as det_item_fee_sumamt, 95.00 as inscp_scp_amt, (hash(i) % 30) as prd_days, 'D' || lpad((hash(i + 2) % 20000)::varchar, 7, '0') as bilg_dr_codg,
            'A' || (hash(i) % 40) as acord_dept_codg, 0 as hi_nego_drug_flag, 0 as dual_chnl_flag, 0 as disc_flag
        from range({settlements} * 3) as t(i)""",
    "psn_info_b": """
        select 'P' || lpad(i::varchar, 9, '0') as psn_no, (i % 2 + 1) as gend, date '1940-01-01' + (hash(i) % 25000)::int as brdy, '370100' as live_admdvs
        from range({persons}) as t(i)""",
    "fixmedins_b": """
        select 'H' || lpad(i::varchar, 5, '0') as fixmedins_code, (i % 2 + 1) as fixmedins_type, '05' as hosp_lv from range(900) as t(i)""",
}


def make(folder: Path, settlements: int, threads: int) -> Path:
    """Writes the raw tables once."""
    raw = folder / f"raw-{settlements}"
    if not raw.is_dir():
        raw.mkdir(parents=True)
        connection = duckdb.connect()
        connection.execute(f"set threads = {threads}")
        for name, sql in TABLES.items():
            connection.execute(
                f"copy ({sql.format(settlements=settlements, persons=max(settlements // 10, 1))}) to '{raw / name}.csv' (header)"
            )
    return raw


COPY = """
import sys, duckdb
from pathlib import Path
raw, folder, threads = sys.argv[1:]
connection = duckdb.connect()
connection.execute(f"set threads = {threads}")
connection.execute("set preserve_insertion_order = false")
for path in sorted(Path(raw).glob("*.csv")):
    connection.execute(f"copy (select * from read_csv('{path}')) to '{folder}/{path.stem}.parquet'")
"""


def measured(command: list[str]) -> tuple[float, float, float]:
    """Seconds, processor seconds and peak GB of one process, start-up included."""
    start = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"failed: {' '.join(command)}")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 2**20


def ingest(raw: Path, folder: Path, threads: int) -> tuple[float, float, float]:
    """What the command takes."""
    data = folder / "data"
    shutil.rmtree(data, ignore_errors=True)
    found = measured([sys.executable, "-m", "fraudml.cli", "ingest", f"input={raw}", f"data_dir={data}", f"engine.threads={threads}"])
    for table, each in json.loads((data / "ingest.json").read_text())["tables"].items():
        assert each["read"] == each["accepted"] + each["quarantined"], table
    return found


def main() -> None:
    import pandas as pd

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settlements", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "ingest-benchmark")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    rows = []
    for settlements in given.settlements:
        raw = make(given.folder, settlements, given.threads)
        bare = measured([sys.executable, "-c", COPY, str(raw), str(given.folder), str(given.threads)])
        own = ingest(raw, given.folder, given.threads)
        rows.append(
            {
                "settlements": settlements,
                "bare COPY s": round(bare[0], 1),
                "ingest s": round(own[0], 1),
                "ratio": round(bare[0] / own[0], 2),
                "bare COPY processor s": round(bare[1], 1),
                "ingest processor s": round(own[1], 1),
                "processor ratio": round(bare[1] / own[1], 2),
                "peak GB": round(own[2], 2),
            }
        )
    write_result("ingest", pd.DataFrame(rows), f"CSV, three items a settlement, {given.threads} threads.")


if __name__ == "__main__":
    main()
