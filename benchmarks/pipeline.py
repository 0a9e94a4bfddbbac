"""Time and peak memory of every stage on the simulated city: `python -m benchmarks.pipeline [persons] [months]`.

Each stage runs as a process of its own, as a night job would run it. Writes `benchmarks/results/pipeline.md`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import write_result

STAGES = (
    ["simulate"],
    ["ingest"],
    ["features", "as_of={day}"],
    ["graph", "as_of={day}"],
    ["train", "as_of={day}"],
    ["score", "as_of={day}"],
    ["evaluate", "as_of={day}"],
    ["leads", "as_of={day}"],
)


def measured(command: list[str]) -> tuple[float, float]:
    """Seconds and peak GB of one process."""
    start = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"failed: {' '.join(command)}")
    return time.perf_counter() - start, usage.ru_maxrss / 2**20


def main(persons: int = 20_000, months: int = 18) -> None:
    import pandas as pd

    day = (pd.Timestamp("2023-01-01") + pd.offsets.MonthEnd(months)).date().isoformat()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for words in STAGES:
            keys = [each.format(day=day) for each in words]
            if words[0] == "simulate":
                keys += [f"city.persons={persons}", f"city.months={months}", "seed=1"]
            seconds, peak = measured(["fraudml", *keys, f"data_dir={folder}/data", f"models_dir={folder}/models"])
            rows.append({"stage": words[0], "seconds": round(seconds, 1), "peak GB": round(peak, 2)})
        claims = len(pd.read_parquet(Path(folder) / "data" / "raw" / "setl_d.parquet", columns=["setl_id"]))
    table = pd.DataFrame(rows)
    total = {"stage": "all", "seconds": round(table["seconds"].sum(), 1), "peak GB": table["peak GB"].max()}
    table = pd.concat([table, pd.DataFrame([total])], ignore_index=True)
    write_result("pipeline", table, f"{persons:,} persons, {months} months, {claims:,} settlements")


if __name__ == "__main__":
    main(*(int(each) for each in sys.argv[1:]))
