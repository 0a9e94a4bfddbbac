"""Speed of ``fraudml ingest`` against a bare DuckDB COPY of the same CSV files, in the same run.

    python benchmarks/ingest.py [--settlements 10000000] [--folder /tmp/ingest-benchmark] [--threads 2]

Prints one line per size: seconds of both, their ratio (the aim is >= 0.6) and the peak memory of the ingest process.
"""

# ruff: noqa: E501 - one source column after another

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import duckdb

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


def bare(raw: Path, folder: Path, threads: int) -> float:
    """Seconds of a COPY of every file to Parquet."""
    connection = duckdb.connect()
    connection.execute(f"set threads = {threads}")
    connection.execute("set preserve_insertion_order = false")
    start = time.perf_counter()
    for path in sorted(raw.glob("*.csv")):
        connection.execute(f"copy (select * from read_csv('{path}')) to '{folder / path.stem}.parquet'")
    return time.perf_counter() - start


def ingest(raw: Path, folder: Path, threads: int) -> float:
    """Seconds of the command, start-up included."""
    data = folder / "data"
    shutil.rmtree(data, ignore_errors=True)
    start = time.perf_counter()
    command = [sys.executable, "-m", "fraudml.cli", "ingest", f"input={raw}", f"data_dir={data}", f"engine.threads={threads}"]
    subprocess.run(command, check=True)
    seconds = time.perf_counter() - start
    for table, each in json.loads((data / "ingest.json").read_text())["tables"].items():
        assert each["read"] == each["accepted"] + each["quarantined"], table
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settlements", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--folder", type=Path, default=Path("/tmp/ingest-benchmark"))
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    print("| settlements | bare COPY s | ingest s | bare/ingest | peak MB |\n|---|---|---|---|---|")
    for settlements in given.settlements:
        raw = make(given.folder, settlements, given.threads)
        seconds, own = bare(raw, given.folder, given.threads), ingest(raw, given.folder, given.threads)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"| {settlements} | {seconds:.1f} | {own:.1f} | {seconds / own:.2f} | {peak:.0f} |", flush=True)


if __name__ == "__main__":
    main()
