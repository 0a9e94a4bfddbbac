"""Seconds and memory of ``fraudml leads``: 500 leads with pictures, workbook and page from a million scored claims.

    python -m benchmarks.leads [--claims 1000000] [--capacity 500] [--folder /tmp/leads-benchmark]

The aim is below 60 s on 2 cores and below 3 GB. Every tenth claim is in question, so that fusing has as much to do as in a bad month.
"""

# ruff: noqa: E501 - one source column after another

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.parquet as pq

from benchmarks import write_result
from fraudml.contracts import CANONICAL

AS_OF = "2024-06-30"
RULES = {"overpriced_charge": "clear", "unbundled_charge": "clear", "unindicated_drug": "suspicious", "drug_resale": "suspicious"}

CLAIMS = """
    select 'C' || lpad(i::varchar, 9, '0') as claim_id, 'V' || i as visit_id, 'P' || (hash(i) % {persons}) as patient_id, '310' as insurance_type,
        'H' || (hash(i + 1) % 900) as institution_id, 'D' || (hash(i + 2) % 9000) as doctor_id, 'outpatient' as visit_type,
        date '2023-07-01' + (i * 365 // {claims})::int as started_on, date '2023-07-01' + (i * 365 // {claims})::int as ended_on, 0 as nights,
        timestamp '2023-07-01 10:00:00' + to_days((i * 365 // {claims})::int) as settled_at,
        date '2023-07-01' + (i * 365 // {claims})::int as settled_on, round(20 + hash(i + 3) % 900 + (hash(i + 4) % 100) / 100, 2) as total_amount,
        false as is_refund, false as is_manual, true as is_paid, false as is_online
    from range({claims}) as t(i)"""
ITEMS = """
    select 'L' || i as line_id, 'C' || lpad((i // 3)::varchar, 9, '0') as claim_id,
        timestamp '2023-07-01 09:00:00' + to_days(((i // 3) * 365 // {claims})::int) as occurred_at, 'X' || (hash(i) % 3000) as item_code,
        (hash(i) % 5 + 1)::double as quantity, 10.0 as unit_price, 10.0 * (hash(i) % 5 + 1) as amount
    from range({claims} * 3) as t(i)"""
RISK = "round(power((hash({id}) % 1000000) / 1000000.0, 4), 6)"
OWNERS = {"patient": "patient_id", "doctor": "doctor_id", "institution": "institution_id"}


def make(folder: Path, claims: int) -> Path:
    """Claims and scores of a made-up year."""
    data = folder / f"data-{claims}"
    if (data / "scores").is_dir():
        return data
    connection = duckdb.connect()
    (data / "claims").mkdir(parents=True, exist_ok=True)
    scores = data / "scores" / f"as_of={AS_OF}"
    (scores / "evidence").mkdir(parents=True)
    size = {"claims": claims, "persons": max(claims // 10, 1)}

    def table(name: str, sql: str) -> None:
        """Writes a canonical table; what is not made up is null."""
        made = {row[0] for row in connection.execute(f"describe {sql}").fetchall()}
        columns = ", ".join(
            f"cast({column if column in made else 'null'} as {kind}) as {column}" for column, kind in CANONICAL[name].columns.items()
        )
        write(f"select {columns} from ({sql})", data / "claims" / f"{name}.parquet")

    def write(sql: str, path: Path) -> None:
        connection.execute(f"copy ({sql}) to '{path}' (format parquet)")

    connection.execute(f"create table claims as {CLAIMS.format(**size)}")
    table("claims", "select * from claims")
    table("items", ITEMS.format(**size))
    table(
        "institutions",
        "select distinct institution_id, 'hospital' as kind, 2 as level, '4301' || hash(institution_id) % 9 as region, "
        "112.5 + hash(institution_id) % 1000 / 1000.0 as longitude, 27.8 + hash(institution_id || 'n') % 700 / 1000.0 as latitude from claims",
    )
    table(
        "patients",
        "select distinct patient_id, '430102' as region, 112.5 + hash(patient_id) % 1000 / 1000.0 as longitude, "
        "27.8 + hash(patient_id || 'n') % 700 / 1000.0 as latitude from claims",
    )
    columns = (
        f"date '{AS_OF}' as as_of, 0.5 as outlier, null::double as supervised, 0.0 as graph, []::varchar[] as rules, 'v1' as model_version"
    )
    for kind, column in {"claim": "claim_id", **OWNERS}.items():
        write(
            f"select {column} as entity_id, {RISK.format(id=column)} as risk, {columns} from (select distinct {column} from claims)",
            scores / f"{kind}.parquet",
        )
    cases = ", ".join(f"({n}, '{rule}', '{severity}')" for n, (rule, severity) in enumerate(RULES.items()))
    write(
        f"""select rule, 'R00' as row, severity, case when rule = 'drug_resale' then 'patient' when severity = 'clear' then 'institution' else 'doctor' end
            as entity_type, case entity_type when 'patient' then patient_id when 'doctor' then doctor_id else institution_id end as entity_id,
            claim_id, null::varchar as line_id, started_on as occurred_on, round(total_amount / 3, 2) as amount_in_question,
            0.5 + (hash(claim_id) % 50) / 100.0 as strength,
            case when rule = 'drug_resale' then '{{"sign": "hoard"}}' else '{{}}' end as facts
        from claims join (values {cases}) as kind(n, rule, severity) on hash(claim_id || 'rule') % 40 = kind.n""",
        scores / "evidence" / "hits.parquet",
    )
    (data / "ingest.json").write_text(json.dumps({"dataset": "benchmark", "tables": {}}))
    return data


def _rows(path: Path) -> int:
    return pq.read_metadata(path).num_rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--claims", type=int, default=1_000_000)
    parser.add_argument("--capacity", type=int, default=500)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/leads-benchmark"))
    given = parser.parse_args()
    data = make(given.folder, given.claims)
    start = time.perf_counter()
    command = [sys.executable, "-m", "fraudml.cli", "leads", f"data_dir={data}", f"as_of={AS_OF}", f"capacity={given.capacity}"]
    subprocess.run(command, check=True)
    seconds = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    out = data / "leads" / f"as_of={AS_OF}"
    hits = data / "scores" / f"as_of={AS_OF}" / "evidence" / "hits.parquet"
    row = {
        "scored claims": f"{given.claims:,}",
        "evidence rows": f"{_rows(hits):,}",
        "leads": _rows(out / "leads.parquet"),
        "seconds": f"{seconds:.1f}",
        "CPU seconds": f"{used.ru_utime + used.ru_stime:.1f}",
        "peak MB": round(used.ru_maxrss / 1024),
        "page MB": f"{(out / 'leads.html').stat().st_size / 1e6:.1f}",
        "workbook MB": f"{(out / 'leads.xlsx').stat().st_size / 1e6:.1f}",
    }
    write_result("leads", pd.DataFrame([row]), (__doc__ or "").split("\n")[0])


if __name__ == "__main__":
    main()
