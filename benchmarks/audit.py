"""How long the lists of yixing_outpatient take as claims grow: a city's claims copied under new identifiers.

``python -m benchmarks.audit DATA_DIR [CLAIMS …]``: DATA_DIR is what ``fraudml ingest`` wrote; CLAIMS are sizes (250000 and 1000000).
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from benchmarks import write_result
from fraudml.audit import load_programme, run_programme
from fraudml.claims import Claims, open_claims
from fraudml.engine import open_engine

COPIED = {
    "claims": ("claim_id", "visit_id", "patient_id"),
    "items": ("line_id", "claim_id"),
    "patients": ("patient_id",),
    "registered_diseases": ("patient_id",),
}


def grown(source: Claims, copies: int, folder: Path) -> Claims:
    """The claims ``copies`` times over, persons and settlements under new identifiers; institutions and catalogue as they are."""
    for table in sorted(source.tables & {*COPIED, "institutions", "registrable_diseases"}):
        sql = f"select * from all_{table}"
        if table in COPIED:
            renamed = ", ".join(f"concat({name}, '-', number) as {name}" for name in COPIED[table])
            also = ", case when refund_of is not null then concat(refund_of, '-', number) end as refund_of" if table == "claims" else ""
            sql = f"select * exclude (number) replace ({renamed}{also}) from all_{table}, range({copies}) as copy(number)"
        source.engine.write(sql, folder / "claims" / f"{table}.parquet")
    return Claims(folder, open_engine())


def main(data_dir: str, sizes: list[int]) -> None:
    source = open_claims(data_dir)
    count = source.engine.scalar("select count(*) from all_claims")
    rows = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            claims = grown(source, max(1, round(size / count)), Path(folder))
            whole = claims.engine.scalar("select count(*) from all_claims")
            started, wall = time.process_time(), time.perf_counter()
            result = run_programme(claims, load_programme("yixing_outpatient"))
            listed = sum(len(each.rows) for each in result.lists.values())
            rows.append(
                (whole, listed, len(result.key_targets), round(time.process_time() - started, 1), round(time.perf_counter() - wall, 1))
            )
    table = pd.DataFrame(rows, columns=["settlements", "rows listed", "key targets", "processor seconds", "seconds"])
    write_result("audit", table, "All lists of `yixing_outpatient` (A02-A13) from canonical claims, without writing the workbook.")


if __name__ == "__main__":
    main(sys.argv[1], [int(each) for each in sys.argv[2:]] or [250_000, 1_000_000])
