"""The cost of twelve monthly snapshots of all behaviour vectors beside the cost of one: ``fraudml features`` with one day and with twelve.

    python -m benchmarks.snapshots --data FOLDER [--threads 2] [--memory 6GB]

FOLDER holds ``claims/`` as ``fraudml ingest`` writes it, at best with 24 months (a shorter history makes the early snapshots cheap). Every
run is a process of its own on an empty ``features/``. Writes `benchmarks/results/snapshots.md`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks import write_result
from benchmarks.vectors import measured

MONTHS = 12


def main() -> None:
    import pandas as pd

    from fraudml.claims import open_claims
    from fraudml.claims.store import months_before

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", default="6GB")
    given = parser.parse_args()
    claims = open_claims(given.data)
    last = claims.last_month_end()
    days = [months_before(last, back).isoformat() for back in reversed(range(MONTHS))]
    settlements, first = claims.engine.rows("select count(*), min(settled_on) from all_claims")[0]
    found = {}
    for which, chosen in (("one", days[-1:]), ("twelve", days)):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("claims", "ingest.json"):
                if (given.data / name).exists():
                    (Path(folder) / name).symlink_to((given.data / name).absolute())
            command = [sys.executable, "-m", "fraudml.cli", "features", f"data_dir={folder}", f"as_of={','.join(chosen)}"]
            command += [f"engine.threads={given.threads}", f"engine.memory_limit={given.memory}"]
            found[which] = measured(command)
    one, twelve = found["one"], found["twelve"]
    row = {
        "settlements": f"{settlements:,}",
        "since": str(first),
        "last snapshot": days[-1],
        "one: processor s": round(one[1], 1),
        "twelve: processor s": round(twelve[1], 1),
        "processor ratio (aim 2.5)": round(twelve[1] / one[1], 2),
        "one: s": round(one[0], 1),
        "twelve: s": round(twelve[0], 1),
        "one: peak GB": round(one[2], 2),
        "twelve: peak GB": round(twelve[2], 2),
    }
    write_result("snapshots", pd.DataFrame([row]), "`fraudml features` of all entities: one day, and twelve month ends in one run.")


if __name__ == "__main__":
    main()
