"""The same vectors and scores on DuckDB and on Spark ``local[2]``, and from which size a cluster pays.

    python -m benchmarks.spark --data FOLDER [FOLDER …] [--as-of 2024-06-30]

Each FOLDER holds ``claims/`` as ``fraudml ingest`` writes it (``python -m benchmarks.vectors --make`` makes large ones); where it holds
``raw/`` too (Parquet, as ``fraudml simulate`` writes it), these are ingested. Every run is a process of its own; processor seconds include
Spark's Java and Python workers. Values are compared. Scored are the patients' vectors, ten times over, by the function of
``fraudml score`` (peers, outliers, a model of patients, combined). Writes `benchmarks/results/spark.md`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import write_result
from benchmarks.vectors import FEATURES

if TYPE_CHECKING:
    from fraudml.engine import Engine
    from fraudml.vectors import Catalogue

ENGINES = ("duckdb", "spark")
SPARK = ["engine.master=local[2]", "engine.settings=spark.ui.enabled=false spark.driver.memory=3g spark.sql.shuffle.partitions=8"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", nargs="+", required=True)
    parser.add_argument("--as-of", default="2024-06-30")
    parser.add_argument("--run", choices=ENGINES, help="one run in this process")
    parser.add_argument("--out", type=Path, default=Path("/tmp/fraudml-benchmark-spark"))
    given = parser.parse_args()
    if given.run:
        print(json.dumps(one_run(given.run, Path(given.data[0]), given.as_of, given.out)))
        return
    import pandas as pd

    rows = []
    for folder in given.data:
        took = {}
        for engine in ENGINES:
            command = [sys.executable, "-m", "benchmarks.spark", "--run", engine, "--data", folder, "--as-of", given.as_of]
            done = subprocess.run([*command, "--out", str(given.out)], check=True, capture_output=True, text=True)
            took[engine] = json.loads(done.stdout.splitlines()[-1])
        rows.append(
            {
                "settlements": f"{took['duckdb']['settlements']:,}",
                "columns": sum(map(len, FEATURES.values())),
                **{f"{engine} s": f"{took[engine]['seconds']:.0f}" for engine in ENGINES},
                **{f"{engine} processor s": f"{took[engine]['processor']:.0f}" for engine in ENGINES},
                "processor ratio": f"{took['spark']['processor'] / took['duckdb']['processor']:.1f}",
                "values that differ": different(given.out),
                "rows scored": f"{took['duckdb']['scored']:,}",
                **{f"{engine} score processor s": f"{took[engine]['score processor']:.0f}" for engine in ENGINES},
                "settlements ingested": f"{took['duckdb']['ingested']:,}",
                **{f"{engine} ingest processor s": f"{took[engine]['ingest processor']:.0f}" for engine in ENGINES},
            }
        )
    about = (
        f"Vectors of patients, doctors and institutions as of {given.as_of} from Parquet to Parquet; DuckDB with 2 threads, "
        "Spark local[2], its start (some seconds) included. Where other work runs on the machine, processor seconds count."
    )
    write_result("spark", pd.DataFrame(rows), about)


def one_run(kind: str, folder: Path, as_of: str, out: Path) -> dict[str, float]:
    """Seconds, processor seconds of this process and its children, and the number of settlements."""
    from fraudml.claims import open_claims
    from fraudml.config import compose
    from fraudml.engine import configured_engine
    from fraudml.vectors.catalogue import load_catalogue
    from fraudml.vectors.computed import behaviour_sql, prepare

    started = time.perf_counter()
    keys = [f"engine={kind}", *(SPARK if kind == "spark" else ["engine.threads=2"])]
    config = compose(keys)
    claims = open_claims(folder, configured_engine(config.engine))
    catalogues = {entity: load_catalogue(entity) for entity in FEATURES}
    with claims.at(as_of, months=12) as snapshot:
        prepare(snapshot, [(catalogues[entity], FEATURES[entity]) for entity in FEATURES])
        for entity, names in FEATURES.items():
            snapshot.engine.write(behaviour_sql(catalogues[entity], snapshot, names), out / kind / f"{entity}.parquet")
        settlements = snapshot.engine.scalar("select count(*) from settlements")
    vectors, finished = processor(), time.perf_counter()
    scored = score(claims.engine, out / kind / "patient.parquet", catalogues["patient"])
    score_end = processor()
    ingested = ingest(folder / "raw", out / kind / "city", keys)
    return {
        "seconds": finished - started,
        "processor": vectors,
        "settlements": settlements,
        "scored": scored,
        "score processor": score_end - vectors,
        "ingested": ingested,
        "ingest processor": processor() - score_end,
    }


def ingest(raw: Path, data: Path, keys: list[str]) -> int:
    """Ingests national tables by ``fraudml ingest``; the number of settlements accepted, 0 where there are no tables."""
    from fraudml.cli import main as command

    if not raw.is_dir():
        return 0
    if command(["ingest", f"input={raw}", f"data_dir={data}", *keys]):
        raise SystemExit(f"{raw} was not ingested")
    return int(json.loads((data / "ingest.json").read_text(encoding="utf-8"))["tables"]["claims"]["accepted"])


def processor() -> float:
    """Processor seconds of this process and all that it started and that still run."""
    import psutil

    me = psutil.Process()
    times = [each.cpu_times() for each in (me, *me.children(recursive=True))]
    return sum(each.user + each.system for each in times)


def score(engine: Engine, path: Path, catalogue: Catalogue) -> int:
    """Scores the vectors of a file ten times over with a small model; the number of rows."""
    import pandas as pd

    import fraudml as fm
    from fraudml.contracts import EVIDENCE
    from fraudml.detectors.combine import LABELLED_PRIOR, Combiner
    from fraudml.detectors.evidence import claim_evidence
    from fraudml.detectors.peers import UsualAmongPeers
    from fraudml.detectors.registered import RegisteredModel
    from fraudml.stages.inputs import as_vectors
    from fraudml.stages.parts import Judge
    from fraudml.stages.scoring import SCORED, Scoring
    from fraudml.vectors import PeerGroups

    rows = as_vectors(pd.read_parquet(path).head(20_000))
    hits = pd.DataFrame({name: pd.Series(dtype="object") for name in EVIDENCE})
    groups = PeerGroups(rows, catalogue.peers)
    usual = UsualAmongPeers(rows, catalogue.peers, rows.select_dtypes("number"), groups.of(rows))
    guilty = (rows["total_amount_12m"] > rows["total_amount_12m"].quantile(0.9)).astype(int)
    model = fm.EntityScorer().fit(rows, guilty, groups=rows.index)
    combiner = Combiner(-3.0, LABELLED_PRIOR, dict.fromkeys(LABELLED_PRIOR, 0.0))
    scoring = Scoring(Judge(groups, usual, claim_evidence(hits, 1), hits), RegisteredModel("patient-1", model, combiner, {}), 0.01)
    engine.parquet("vectors_to_score", path)
    ten_times = """select row.* replace (row.entity_id || '-' || cast(times.n as varchar) as entity_id)
        from vectors_to_score as row, (select unnest(generate_series(1, 10)) as n) as times"""
    engine.mapped("scored", ten_times, scoring, SCORED)
    return int(engine.scalar("select count(*) from scored"))


def different(out: Path) -> int:
    """Values that differ by more than 1e-9, relatively."""
    import numpy as np
    import pandas as pd

    count = 0
    for entity in FEATURES:
        one, other = (pd.read_parquet(out / kind / f"{entity}.parquet").set_index("entity_id").sort_index() for kind in ENGINES)
        if not one.index.equals(other.index):
            return max(len(one), len(other))
        numeric = list(one.select_dtypes("number"))
        count += int((~np.isclose(one[numeric], other[numeric], rtol=1e-9, atol=0, equal_nan=True)).sum())
    return count


if __name__ == "__main__":
    main()
