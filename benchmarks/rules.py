"""CPU seconds of every rule beside one grouped scan of the items, on a simulated city.

    python -m benchmarks.rules [--persons 3000] [--months 15] [--data DIR] [--as-of 2024-03-31]

The aim: all rules together cost at most four grouped scans of the items per rule: amount and quantity per
institution, item and month of a year.
``shared`` is what is prepared once for all of them. ``--data`` takes a folder with ``claims/`` in place of a new city.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

import fraudml as fm
from benchmarks import write_result
from fraudml.claims import Claims
from fraudml.config import compose
from fraudml.engine import Engine
from fraudml.rules import load_rules, run_rules

SCAN = """
    select institution_id, item_code, date_trunc('month', occurred_on) as month, count(*) as lines,
        sum(quantity) as quantity, sum(amount) as amount
    from items where settled_on > date '{as_of}' - 366 group by all"""


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def city(folder: Path, persons: int, months: int) -> Claims:
    """A new city, ingested below ``folder``."""
    from fraudml.stages import ingest, simulate

    keys = [f"data_dir={folder}", f"models_dir={folder}/models"]
    simulate.run(compose([*keys, f"city.persons={persons}", f"city.months={months}"]))
    ingest.run(compose([*keys, "source=nhsa", f"input={folder}/raw"]))
    return fm.open_claims(folder)


def timed_rules(claims: Claims, as_of: str) -> tuple[pd.DataFrame, float]:
    """CPU seconds per statement of one run over all rules, and of the whole run."""
    spent: list[dict[str, Any]] = []
    plain = Engine.table
    order = list(load_rules().values())

    def table(engine: Engine, name: str, sql: str) -> None:
        before = cpu_seconds()
        plain(engine, name, sql)
        spent.append({"statement": name, "cpu": cpu_seconds() - before, "sql": sql})

    Engine.table = table  # type: ignore[method-assign]
    try:
        before = cpu_seconds()
        run_rules(claims, as_of)
        whole = cpu_seconds() - before
    finally:
        Engine.table = plain  # type: ignore[method-assign]
    rows = []
    for each in spent:
        rule = next((rule for rule in order if f"select '{rule.id}' as rule" in each["sql"]), None)
        rows.append({"row": rule.row if rule else "shared", "statement": rule.id if rule else each["statement"], "cpu": each["cpu"]})
    return pd.DataFrame(rows), whole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--persons", type=int, default=3000)
    parser.add_argument("--months", type=int, default=15)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--as-of")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        claims = fm.open_claims(chosen.data) if chosen.data else city(Path(folder), chosen.persons, chosen.months)
        as_of = chosen.as_of or str(claims.last_month_end())
        with claims.at(as_of) as snapshot:
            sizes = {name: snapshot.engine.scalar(f"select count(*) from {name}") for name in ("claims", "items")}
            before = cpu_seconds()
            snapshot.engine.table("scan", SCAN.format(as_of=as_of))
            scan = cpu_seconds() - before
        table, whole = timed_rules(claims, as_of)
    table = table[table.cpu >= 0.01].sort_values(["cpu", "statement"], ascending=[False, True])
    total = pd.DataFrame(
        [{"row": "all", "statement": "run_rules", "cpu": whole}, {"row": "", "statement": "one grouped scan", "cpu": scan}]
    )
    table = pd.concat([total, table], ignore_index=True)
    table["scans"] = (table.cpu / scan).round(2)
    table["cpu"] = table.cpu.round(2)
    per_rule = whole / scan / len(load_rules())
    about = (
        f"{sizes['claims']:,} claims and {sizes['items']:,} items as of {as_of}: {per_rule:.2f} grouped scans per rule (aim: 4 at most)."
    )
    write_result("rules", table.rename(columns={"cpu": "CPU seconds"}), about)


if __name__ == "__main__":
    main()
