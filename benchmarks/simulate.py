"""Settlements a minute and peak memory of `fraudml simulate`: `python -m benchmarks.simulate [persons …]`.

The aim is at least a million settlements (with their items) a minute on two idle cores, and under 4 GB for ten million. Writes
`benchmarks/results/simulate.md`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import write_result


def main(*sizes: int) -> None:
    import pandas as pd
    import pyarrow.parquet as pq

    rows = []
    for persons in sizes or (20_000, 80_000):
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            process = subprocess.Popen(["fraudml", "simulate", f"city.persons={persons}", "seed=1", f"data_dir={folder}"])
            _, status, usage = os.wait4(process.pid, 0)
            if status:
                raise SystemExit(f"failed with {persons} persons")
            seconds, processor = time.perf_counter() - start, usage.ru_utime + usage.ru_stime
            counts = {name: pq.read_metadata(Path(folder) / "raw" / f"{name}.parquet").num_rows for name in ("setl_d", "fee_list_d")}
        rows.append(
            {
                "persons": persons,
                "settlements": counts["setl_d"],
                "items": counts["fee_list_d"],
                "seconds": round(seconds, 1),
                "processor seconds": round(processor, 1),
                "settlements a minute": round(counts["setl_d"] * 60 / seconds),
                "settlements a processor minute": round(counts["setl_d"] * 60 / processor),
                "peak GB": round(usage.ru_maxrss / 2**20, 2),
            }
        )
    write_result(
        "simulate", pd.DataFrame(rows), "18 months; processor seconds tell what the run costs where the machine is busy with other things."
    )


if __name__ == "__main__":
    main(*(int(each) for each in sys.argv[1:]))
