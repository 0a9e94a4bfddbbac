"""Behaviour vectors of patients, doctors and institutions: fraudml on DuckDB against a hand-written Polars script, in the same run.

    python -m benchmarks.vectors --data FOLDER [FOLDER …] [--threads 2] [--memory 6GB]

Each FOLDER holds ``claims/`` as ``fraudml ingest`` writes it (``python -m benchmarks.vectors --make FOLDER --from CITY --settlements N``
makes one by copying a simulated city's last twelve months under new ids). Both compute the columns of :data:`FEATURES` as of the last day
from the same Parquet files, refunds netted, and the values are compared. Every run is a process of its own; processor seconds tell more
than the wall's where other work runs on the machine. Writes `benchmarks/results/vectors.md`.
"""

# ruff: noqa: E501 - tables of copied columns

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import write_result

AS_OF = "2024-06-30"

FEATURES = {
    "patient": [
        *(f"claim_count_{w}m" for w in (1, 3, 12)),
        *(f"outpatient_count_{w}m" for w in (1, 3, 12)),
        *(f"purchase_count_{w}m" for w in (1, 3, 12)),
        *(f"total_amount_{w}m" for w in (1, 3, 12)),
        *(f"fund_amount_{w}m" for w in (1, 12)),
        "amount_mean_12m",
        "amount_max_12m",
        "account_share_12m",
        "weekend_share_12m",
        *(f"institution_count_{w}m" for w in (1, 3, 12)),
        "institution_concentration_12m",
        *(f"pharmacy_count_{w}m" for w in (1, 3, 12)),
        *(f"doctor_count_{w}m" for w in (3, 12)),
        "doctor_top_share_12m",
        *(f"active_days_{w}m" for w in (1, 3, 12)),
        "day_claims_max_12m",
        *(f"drug_amount_{w}m" for w in (1, 3, 12)),
        "drug_share_12m",
        "exam_share_12m",
    ],
    "doctor": [
        *(f"claim_count_{w}m" for w in (1, 3, 12)),
        *(f"patient_count_{w}m" for w in (1, 3, 12)),
        "amount_mean_12m",
        "day_claims_max_12m",
        "patient_concentration_12m",
        "repeat_patient_share_12m",
    ],
    "institution": [
        *(f"claim_count_{w}m" for w in (1, 3, 12)),
        *(f"patient_count_{w}m" for w in (1, 3, 12)),
        *(f"total_amount_{w}m" for w in (1, 3, 12)),
        "doctor_top_share_12m",
        "doctor_concentration_12m",
        "patient_concentration_12m",
        "day_claims_max_12m",
        "weekend_share_12m",
        "drug_share_12m",
        "exam_share_12m",
    ],
}
"""What both compute."""


def with_fraudml(data: Path, out: Path, threads: int, memory: str) -> None:
    from fraudml.claims import Claims
    from fraudml.engine import open_engine
    from fraudml.vectors import load_catalogue
    from fraudml.vectors.computed import behaviour_sql, prepare

    claims = Claims(data, open_engine(memory, threads))
    wanted = [(load_catalogue(entity), names) for entity, names in FEATURES.items()]
    with claims.at(AS_OF, months=12) as snapshot:
        prepare(snapshot, wanted, peers=False)
        for catalogue, names in wanted:
            snapshot.engine.write(behaviour_sql(catalogue, snapshot, names, peers=False), out / f"{catalogue.entity}.parquet")


def with_polars(data: Path, out: Path) -> None:
    """The script that a good analyst would write: lazy scans, narrow columns, one join of the items, groupings shared between columns."""
    import polars as pl

    end = pl.date(2024, 6, 30)
    starts = {1: pl.date(2024, 5, 31), 3: pl.date(2024, 3, 31)}
    rows = pl.scan_parquet(data / "claims" / "claims" / "*.parquet").filter(
        (pl.col("settled_on") > pl.date(2023, 6, 30)) & (pl.col("settled_on") <= end)
    )
    amounts = ["total_amount", "fund_amount", "account_amount"]
    refunds = (
        rows.filter(pl.col("is_refund") & pl.col("refund_of").is_not_null())
        .group_by("refund_of")
        .agg(pl.col(name).sum().alias(f"{name}_back") for name in amounts)
    )
    kinds = pl.scan_parquet(data / "claims" / "institutions.parquet").select("institution_id", "kind")
    net = (
        rows.filter(~pl.col("is_refund"))
        .select("claim_id", "patient_id", "institution_id", "doctor_id", "visit_type", "started_on", "settled_on", *amounts)
        .join(refunds, left_on="claim_id", right_on="refund_of", how="left")
        .filter(pl.col("total_amount_back").is_null() | (pl.col("total_amount") + pl.col("total_amount_back") > 0.005))
        .with_columns(*((pl.col(name) + pl.col(f"{name}_back").fill_null(0)).round(4) for name in amounts))
        .join(kinds, on="institution_id", how="left")
        .with_columns(
            w=pl.when(pl.col("settled_on") > starts[1]).then(1).when(pl.col("settled_on") > starts[3]).then(3).otherwise(12).cast(pl.Int8),
            is_pharmacy=(pl.col("kind") == "pharmacy").fill_null(pl.col("visit_type") == "pharmacy"),
            is_hospital=(pl.col("kind") == "hospital").fill_null(value=False),
            is_weekend=pl.col("started_on").dt.weekday() >= 6,
        )
        .drop("kind", "settled_on", "fund_amount_back", "account_amount_back")
    )
    lines = pl.scan_parquet(data / "claims" / "items" / "*.parquet").select("claim_id", "charge_type", "amount")
    drug = pl.col("charge_type").is_in(["western_drug", "herbal", "chinese_patent_drug"])
    exam = pl.col("charge_type").is_in(["examination", "laboratory"])
    bills = lines.group_by("claim_id").agg(
        pl.when(drug).then(pl.col("amount")).otherwise(0).sum().alias("drug_amount"),
        pl.when(exam).then(pl.col("amount")).otherwise(0).sum().alias("exam_amount"),
    )
    # what refunds took back of each claim's lines: the refund's own lines, negative
    back = (
        rows.filter(pl.col("is_refund") & pl.col("refund_of").is_not_null())
        .select("claim_id", "refund_of")
        .join(bills, on="claim_id")
        .group_by("refund_of")
        .agg(pl.col("drug_amount").sum().alias("drug_back"), pl.col("exam_amount").sum().alias("exam_back"))
    )
    claims = (
        net.join(bills, on="claim_id", how="left")
        .join(back, left_on="claim_id", right_on="refund_of", how="left")
        .with_columns(*(pl.col(f"{kind}_amount") + pl.col(f"{kind}_back").fill_null(0) for kind in ("drug", "exam")))
        .drop("claim_id", "drug_back", "exam_back")
        .collect(engine="streaming")
        .lazy()
    )

    def within(w: int) -> pl.Expr:
        return pl.col("w") <= w

    def counted(rows: pl.LazyFrame, by: list[str]) -> pl.LazyFrame:
        return rows.group_by(by).agg(
            within(1).sum().cast(pl.Float64).alias("n_1"),
            within(3).sum().cast(pl.Float64).alias("n_3"),
            pl.len().cast(pl.Float64).alias("n_12"),
        )

    def sums(what: pl.Expr, name: str, windows: tuple[int, ...]) -> list[pl.Expr]:
        return [what.filter(within(w)).sum().alias(f"{name}_{w}m") for w in windows]

    def counts(where: pl.Expr, name: str, windows: tuple[int, ...]) -> list[pl.Expr]:
        return [(where & within(w)).sum().alias(f"{name}_{w}m") for w in windows]

    def pairs(of: pl.LazyFrame, key: str, other: str, name: str, windows: tuple[int, ...], more: list[pl.Expr]) -> pl.LazyFrame:
        distinct = [(pl.col(f"n_{w}") > 0).sum().alias(f"{name}_{w}m") for w in windows]
        return counted(of.filter(pl.col(other).is_not_null()), [key, other]).group_by(key).agg(*distinct, *more)

    n = pl.col("n_12")
    concentration = (n * n).sum() / n.sum() ** 2
    everything = pl.lit(value=True)
    total = pl.col("total_amount")
    shares = [
        (pl.col("drug_amount").sum() / total.sum()).alias("drug_share_12m"),
        (pl.col("exam_amount").sum() / total.sum()).alias("exam_share_12m"),
    ]
    weekend = pl.col("is_weekend").mean().alias("weekend_share_12m")
    three = (1, 3, 12)

    base = claims.group_by("patient_id").agg(
        *counts(everything, "claim_count", three),
        *counts(pl.col("visit_type").is_in(["outpatient", "emergency", "chronic"]), "outpatient_count", three),
        *counts(pl.col("is_pharmacy"), "purchase_count", three),
        *sums(total, "total_amount", three),
        *sums(pl.col("fund_amount"), "fund_amount", (1, 12)),
        total.mean().alias("amount_mean_12m"),
        total.max().alias("amount_max_12m"),
        (pl.col("account_amount").sum() / total.sum()).alias("account_share_12m"),
        weekend,
        *sums(pl.col("drug_amount"), "drug_amount", three),
        *shares,
    )
    hospital, pharmacy = claims.filter(~pl.col("is_pharmacy")), claims.filter(pl.col("is_pharmacy"))
    patient = (
        base.join(
            pairs(
                hospital, "patient_id", "institution_id", "institution_count", three, [concentration.alias("institution_concentration_12m")]
            ),
            on="patient_id",
            how="left",
        )
        .join(pairs(pharmacy, "patient_id", "institution_id", "pharmacy_count", three, []), on="patient_id", how="left")
        .join(
            pairs(hospital, "patient_id", "doctor_id", "doctor_count", (3, 12), [(n.max() / n.sum()).alias("doctor_top_share_12m")]),
            on="patient_id",
            how="left",
        )
        .join(
            pairs(claims, "patient_id", "started_on", "active_days", three, [n.max().alias("day_claims_max_12m")]),
            on="patient_id",
            how="left",
        )
    )
    mine = hospital.filter(pl.col("doctor_id").is_not_null())
    doctor = (
        mine.group_by("doctor_id")
        .agg(*counts(everything, "claim_count", three), total.mean().alias("amount_mean_12m"))
        .join(
            pairs(
                mine,
                "doctor_id",
                "patient_id",
                "patient_count",
                three,
                [concentration.alias("patient_concentration_12m"), (n > 1).mean().alias("repeat_patient_share_12m")],
            ),
            on="doctor_id",
        )
        .join(pairs(mine, "doctor_id", "started_on", "_days", (12,), [n.max().alias("day_claims_max_12m")]), on="doctor_id")
    )
    own = claims.filter(pl.col("is_hospital"))
    institution = (
        own.group_by("institution_id")
        .agg(*counts(everything, "claim_count", three), *sums(total, "total_amount", three), weekend, *shares)
        .join(
            pairs(own, "institution_id", "patient_id", "patient_count", three, [concentration.alias("patient_concentration_12m")]),
            on="institution_id",
        )
        .join(
            pairs(
                own,
                "institution_id",
                "doctor_id",
                "_doctors",
                (12,),
                [(n.max() / n.sum()).alias("doctor_top_share_12m"), concentration.alias("doctor_concentration_12m")],
            ),
            on="institution_id",
            how="left",
        )
        .join(pairs(own, "institution_id", "started_on", "_days", (12,), [n.max().alias("day_claims_max_12m")]), on="institution_id")
    )
    out.mkdir(parents=True, exist_ok=True)
    done = pl.collect_all([patient, doctor, institution], engine="streaming")
    for entity, vectors in zip(FEATURES, done, strict=True):
        vectors.rename({f"{entity}_id": "entity_id"}).select("entity_id", *FEATURES[entity]).write_parquet(out / f"{entity}.parquet")


def make(folder: Path, city: Path, settlements: int) -> None:
    """Copies of the city's last twelve months under new ids, in a file per month; three items a settlement."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("set threads = 2; set preserve_insertion_order = false; set memory_limit = '4GB'")
    source, target = city / "claims", folder / "claims"
    ids = {
        "claim_id",
        "visit_id",
        "patient_id",
        "institution_id",
        "doctor_id",
        "refund_of",
        "prescribing_institution_id",
        "prescribing_doctor_id",
    }
    ids |= {"line_id", "executing_doctor_id", "pharmacist_id", "mother_id", "invoice_no", "address_group"}
    year = f"settled_on > date '{AS_OF}' - interval 1 year and settled_on <= date '{AS_OF}'"
    connection.execute(f"create table year as select *, strftime(settled_on, '%Y-%m') as month from '{source}/claims.parquet' where {year}")
    (rows,) = connection.execute("select count(*) from year").fetchall()[0]
    copies = max(1, round(settlements / rows))
    touched = "select unnest([claim_id, refund_of]) from year where is_refund and refund_of is not null"
    months = [month for (month,) in connection.execute("select distinct month from year order by 1").fetchall()]
    for path in sorted(source.glob("*.parquet")):
        name = path.stem
        columns = [column for column, *_ in connection.execute(f"describe select * from '{path}'").fetchall()]
        new = [f"{column} || '_' || k as {column}" for column in columns if column in ids]
        selected = f"table_.* replace ({', '.join(new)})" if new else "table_.*"
        every = f", range({copies}) as copy(k)" if new else ""
        by_month = name in ("claims", "items", "diagnoses")
        for month in months if by_month else [""]:
            mine = f"claim_id in (select claim_id from year where month = '{month}')" if by_month else "true"
            # three items a settlement; bills that were refunded keep their lines, so that what a refund takes back is there
            mine += f" and (hash(line_id) % 100 < 84 or claim_id in ({touched}))" if name == "items" else ""
            file = target / name / f"{month}.parquet" if by_month else target / f"{name}.parquet"
            file.parent.mkdir(parents=True, exist_ok=True)
            connection.execute(f"copy (select {selected} from (select * from '{path}' where {mine}) as table_{every}) to '{file}'")


def measured(command: list[str], **environment: str) -> tuple[float, float, float]:
    """Seconds, processor seconds and peak GB of one process, start-up included."""
    start = time.perf_counter()
    process = subprocess.Popen(command, env=os.environ | environment)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"failed: {' '.join(command)}")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 2**20


def differences(left: Path, right: Path) -> tuple[int, int, str]:
    """Columns compared, values that differ by more than 1e-6 (relative), and where most do."""
    import numpy as np
    import pandas as pd

    compared, apart, worst = 0, 0, ("", 0)
    for entity, names in FEATURES.items():
        a, b = (pd.read_parquet(folder / f"{entity}.parquet").set_index("entity_id") for folder in (left, right))
        a, b = a.align(b, join="outer", axis=0)
        for name in names:
            compared += 1
            x, y = a[name].fillna(0).to_numpy(float), b[name].fillna(0).to_numpy(float)
            count = int((np.abs(x - y) > 1e-6 * np.maximum(1, np.abs(y))).sum())
            apart += count
            worst = max(worst, (f"{entity}.{name}", count), key=lambda each: each[1])
    return compared, apart, worst[0]


def main() -> None:
    import pandas as pd

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, nargs="+", default=[])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", default="6GB")
    parser.add_argument("--make", type=Path)
    parser.add_argument("--from", dest="city", type=Path)
    parser.add_argument("--settlements", type=int, default=10_000_000)
    parser.add_argument("--only", choices=["fraudml", "polars"])
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if not given.make and not given.data:
        parser.error("give --data, or --make a folder first")
    if given.make:
        make(given.make, given.city, given.settlements)
        return
    if given.only:
        data = given.data[0]
        if given.only == "fraudml":
            with_fraudml(data, given.out, given.threads, given.memory)
        else:
            with_polars(data, given.out)
        return
    rows = []
    for data in given.data:
        import pyarrow.dataset as ds

        size = [ds.dataset(data / "claims" / table).count_rows() for table in ("claims", "items")]
        found = {}
        for which in ("polars", "fraudml"):
            command = [sys.executable, "-m", "benchmarks.vectors", "--data", str(data), "--only", which, "--out", str(data / which)]
            command += ["--threads", str(given.threads), "--memory", given.memory]
            found[which] = measured(command, POLARS_MAX_THREADS=str(given.threads))
        compared, apart, worst = differences(data / "fraudml", data / "polars")
        own, other = found["fraudml"], found["polars"]
        rows.append(
            {
                "settlements": f"{size[0]:,}",
                "items": f"{size[1]:,}",
                "columns": compared,
                "fraudml s": round(own[0], 1),
                "polars s": round(other[0], 1),
                "ratio": round(own[0] / other[0], 2),
                "fraudml processor s": round(own[1], 1),
                "polars processor s": round(other[1], 1),
                "processor ratio": round(own[1] / other[1], 2),
                "fraudml peak GB": round(own[2], 2),
                "polars peak GB": round(other[2], 2),
                "values that differ": f"{apart} ({worst})" if apart else "0",
            }
        )
    about = (
        f"Vectors of patients, doctors and institutions as of {AS_OF} from Parquet, {given.threads} threads, engine.memory_limit {given.memory};"
        " reading, netting of refunds (of bills and of their lines) and writing included."
    )
    write_result("vectors", pd.DataFrame(rows), about)


if __name__ == "__main__":
    main()
