"""What the rules cost, and what they find.

    python -m benchmarks.rules [--persons 3000] [--months 15] [--data DIR …] [--as-of 2024-03-31]
    python -m benchmarks.rules --found [--seeds 11 12 13] [--persons 12000] [--cities default=DIR high=DIR …]

Cost: CPU seconds of every rule beside one grouped scan of the items (amount and quantity per institution, item and month of a year),
on a simulated city or on each folder of ``--data`` (with ``claims/``); ``shared`` is what is prepared once for all of them. The aim: all
rules together cost at most four such scans per rule. Found: over several seeds, at default and high subtlety, the perpetrators of each
row that its rule names, and the look-alikes that it flags.
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
from fraudml.evaluate.schemes import scheme_table
from fraudml.rules import load_rules, run_rules

SCAN = """
    select institution_id, item_code, date_trunc('month', occurred_on) as month, count(*) as lines,
        sum(quantity) as quantity, sum(amount) as amount
    from items where settled_on > date '{as_of}' - 366 group by all"""


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def city(folder: Path, persons: int, months: int, *more: str) -> Claims:
    """A new city, ingested below ``folder``."""
    from fraudml.stages import ingest, simulate

    keys = [f"data_dir={folder}", f"models_dir={folder}/models"]
    simulate.run(compose([*keys, f"city.persons={persons}", f"city.months={months}", *more]))
    ingest.run(compose([*keys, "source=nhsa", f"input={folder}/raw"]))
    return fm.open_claims(folder)


def timed_rules(claims: Claims, as_of: str) -> tuple[pd.DataFrame, float]:
    """CPU seconds per statement of one run over all rules, and of the whole run."""
    spent: list[dict[str, Any]] = []
    kind = type(claims.engine)
    plain = kind.table
    order = list(load_rules().values())

    def table(engine: Engine, name: str, sql: str) -> None:
        before = cpu_seconds()
        plain(engine, name, sql)
        spent.append({"statement": name, "cpu": cpu_seconds() - before, "sql": sql})

    kind.table = table  # type: ignore[method-assign]
    try:
        before = cpu_seconds()
        run_rules(claims, as_of)
        whole = cpu_seconds() - before
    finally:
        kind.table = plain  # type: ignore[method-assign]
    rows = []
    for each in spent:
        rule = next((rule for rule in order if f"select '{rule.id}' as rule" in each["sql"]), None)
        rows.append({"row": rule.row if rule else "shared", "statement": rule.id if rule else each["statement"], "cpu": each["cpu"]})
    return pd.DataFrame(rows), whole


def cost(claims: Claims, as_of: str) -> tuple[pd.DataFrame, str]:
    """CPU seconds and scans per statement, and the sum in words."""
    with claims.at(as_of) as snapshot:
        sizes = {name: snapshot.engine.scalar(f"select count(*) from {name}") for name in ("claims", "items")}
        before = cpu_seconds()
        snapshot.engine.table("scan", SCAN.format(as_of=as_of))
        scan = cpu_seconds() - before
    table, whole = timed_rules(claims, as_of)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    table = table[table.cpu >= 0.01].sort_values(["cpu", "statement"], ascending=[False, True])
    total = pd.DataFrame(
        [{"row": "all", "statement": "run_rules", "cpu": whole}, {"row": "", "statement": "one grouped scan", "cpu": scan}]
    )
    table = pd.concat([total, table], ignore_index=True)
    table["scans"] = (table.cpu / scan).round(2)
    table["cpu"] = table.cpu.round(2)
    about = (
        f"{sizes['claims']:,} claims and {sizes['items']:,} items as of {as_of}: {whole / scan / len(load_rules()):.2f} grouped scans per "
        f"rule (aim: 4 at most); the process held {peak:.1f} GB at most."
    )
    return table.rename(columns={"cpu": "CPU seconds"}), about


def found(cities: list[tuple[str, Claims]]) -> pd.DataFrame:
    """Per row and subtlety, over all cities: perpetrators, how many their rule names, guilty claims in evidence, look-alikes flagged."""
    tables = []
    for subtlety, claims in cities:
        as_of = claims.last_month_end()
        year = claims.sql(f"select claim_id from all_claims where settled_on > date '{as_of}' - 366 and settled_on <= date '{as_of}'")
        truth, alike = (
            frame[frame["claim_id"].isin(set(year["claim_id"]))]
            for frame in (pd.read_parquet(claims.data_dir / f"{name}.parquet") for name in ("truth", "lookalikes"))
        )
        tables.append(scheme_table(run_rules(claims, as_of), truth, alike).assign(subtlety=subtlety))
    counts = ["perpetrators", "found", "guilty_claims", "lookalikes", "lookalikes_flagged", "evidence"]
    whole = pd.concat(tables)
    whole["claims_found"] = (whole["claim_recall"].fillna(0) * whole["guilty_claims"]).round()
    pooled = whole.groupby(["row", "scheme", "subtlety"])[[*counts, "claims_found"]].sum().reset_index()
    pooled["recall"] = (pooled.found / pooled.perpetrators).round(3)
    pooled["claim_recall"] = (pooled.pop("claims_found") / pooled.guilty_claims).round(3)
    pooled["lookalike_rate"] = (pooled.lookalikes_flagged / pooled.lookalikes).round(3)
    return pooled


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--persons", type=int)
    parser.add_argument("--months", type=int, default=15)
    parser.add_argument("--data", type=Path, nargs="+")
    parser.add_argument("--as-of")
    parser.add_argument("--found", action="store_true")
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12, 13])
    parser.add_argument("--cities", nargs="+", help="subtlety=DIR: ready cities in place of new ones")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        if chosen.found:
            if chosen.cities:
                named = [each.split("=", 1) for each in chosen.cities]
                cities = [(subtlety, fm.open_claims(folder)) for subtlety, folder in named]
            else:
                cities = [
                    (subtlety, city(Path(scratch) / f"{subtlety}{seed}", chosen.persons or 12000, chosen.months, f"seed={seed}",
                                    f"city.subtlety={subtlety}"))
                    for seed in chosen.seeds
                    for subtlety in ("default", "high")
                ]  # fmt: skip
            about = f"{len(cities)} simulated cities, {chosen.months} months each, evidence of the last year."
            write_result("rules_found", found(cities), about)
            return
        given = [fm.open_claims(folder) for folder in chosen.data or []] or [city(Path(scratch), chosen.persons or 3000, chosen.months)]
        results = [cost(claims, chosen.as_of or str(claims.last_month_end())) for claims in given]
    write_result("rules", results[-1][0], "\n\n".join(about for _, about in results) + "\n\nBy statement, of the last:")


if __name__ == "__main__":
    main()
