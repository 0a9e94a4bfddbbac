"""Pairs of patients that keep meeting, and their communities: fraudml against the same steps in networkx, in one run.

    python -m benchmarks.rings [--edges 100000 1000000 5000000] [--networkx-edges 100000]

The data: patients of a region visit the places of their neighbourhood on random days of a year (one patient-place-day is one edge), and
twenty planted groups of ten go out together on twelve days. Steps of both: the bipartite graph patient x (place, day) is projected on the
patients, every pair with three shared days is held against the degree-preserving expectation (a Poisson tail, Benjamini-Hochberg), and
communities are sought among what is significant (Leiden; networkx: Louvain). Beyond ``--networkx-edges`` networkx is extrapolated by the
number of pairs that the projection has to go through, and marked ``~``. Writes `benchmarks/results/rings.md`.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

from benchmarks import write_result

TOWN = """
    select 'P' || patient as patient_id, 'H' || place as institution_id, date '2023-07-01' + day as started_on from (
        select hash(i) % {patients} as patient, (hash(i) % {patients}) * {places} // {patients} as home, i from range({edges}) as t(i)
    ) as visit, lateral (select (home + hash(i, 1) % 5) % {places} as place, cast(hash(i, 2) % 360 as integer) as day)
    union all
    select 'P' || (hash(ring, 3) + member * 7919) % {patients}, 'H' || hash(ring, 4) % {places},
        date '2023-07-01' + cast(hash(ring, day, 5) % 360 as integer)
    from range(20) as r(ring), range(10) as m(member), range(12) as d(day)"""


def make(folder: Path, edges: int) -> Path:
    """Canonical claims of a town with so many patient-place-day edges: ten a patient, 2,500 a place."""
    from fraudml.claims import conform
    from fraudml.engine import open_engine

    engine = open_engine()
    town = TOWN.format(edges=edges, patients=max(edges // 10, 100), places=max(edges // 2500, 6))
    order = "patient_id, institution_id, started_on"
    engine.table("visits_made", f"select row_number() over (order by {order}) as number, * from (select distinct * from ({town}))")
    claims = """
        select 'C' || number as claim_id, patient_id, institution_id, 'outpatient' as visit_type, started_on, started_on as ended_on,
            0 as nights, started_on as settled_on, cast(started_on as timestamp) as settled_at, 100.0 as total_amount,
            false as is_refund
        from visits_made"""
    tables = {
        "claims": claims,
        "patients": "select distinct patient_id from visits_made",
        "institutions": "select distinct institution_id, 'hospital' as kind from visits_made",
    }
    for name, sql in tables.items():
        engine.table("made", sql)
        engine.write(conform("made", name, engine.columns("made")), folder / "claims" / f"{name}.parquet")
    return folder


def with_fraudml(data: Path, threads: int) -> tuple[float, int, list[list[str]]]:
    """Processor seconds, significant pairs, communities."""
    from fraudml.claims import Claims
    from fraudml.engine import open_engine
    from fraudml.graph.communities import communities
    from fraudml.graph.covisits import co_visits
    from fraudml.graph.edges import expose_encounters

    with Claims(data, open_engine(threads=threads)).at("2024-06-30", months=12) as snapshot:
        start = time.process_time()
        expose_encounters(snapshot)
        pairs = co_visits(snapshot).significant()
        groups = communities(pairs)
        return time.process_time() - start, len(pairs), groups


def with_networkx(data: Path) -> tuple[float, int, list[list[str]]]:
    """The same steps with networkx; reading is not counted."""
    import networkx as nx
    import pandas as pd
    from scipy.stats import false_discovery_control, poisson

    claims = pd.read_parquet(data / "claims" / "claims.parquet", columns=["patient_id", "institution_id", "started_on"])
    visits = list(claims.drop_duplicates().itertuples(index=False, name=None))
    start = time.process_time()
    graph = nx.Graph()
    graph.add_edges_from((patient, (place, day)) for patient, place, day in visits)
    degree: dict[str, Counter[str]] = defaultdict(Counter)
    crowd: dict[str, list[int]] = defaultdict(list)
    for node in graph:
        if isinstance(node, tuple):
            crowd[node[0]].append(graph.degree(node))
    for patient, place, _ in visits:
        degree[patient][place] += 1
    meeting = {place: sum(n * (n - 1) for n in sizes) / max(sum(sizes) * (sum(sizes) - 1), 1) for place, sizes in crowd.items()}
    together = nx.bipartite.weighted_projected_graph(graph, {patient for patient, _, _ in visits})
    tested = together.number_of_edges()
    found = []
    for a, b, weight in together.edges(data="weight"):
        if weight >= 3:
            expected = sum(degree[a][place] * degree[b][place] * meeting[place] for place in degree[a].keys() & degree[b].keys())
            found.append((a, b, poisson.sf(weight - 1, expected)))
    # what was not looked at has a p-value of one
    values = [p for *_, p in found] + [1.0] * (tested - len(found))
    adjusted = false_discovery_control(values) if values else []
    significant = nx.Graph([(a, b) for (a, b, _), q in zip(found, adjusted, strict=False) if q <= 0.01])
    groups = [sorted(each) for each in nx.community.louvain_communities(significant, seed=0)] if len(significant) else []
    return time.process_time() - start, significant.number_of_edges(), groups


def projected(data: Path) -> int:
    """Pairs that a projection goes through: the sum of n (n - 1) / 2 over the days of the places."""
    from fraudml.engine import open_engine

    path = data / "claims" / "claims.parquet"
    crowds = f"select count(distinct patient_id) as n from '{path}' group by institution_id, started_on"
    return int(open_engine().scalar(f"select sum(n * (n - 1) / 2) from ({crowds})"))


def planted(groups: list[list[str]]) -> str:
    """How many communities have eight to twelve members, of all."""
    return f"{sum(8 <= len(each) <= 12 for each in groups)} of {len(groups)}"


def main() -> None:
    import pandas as pd

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--edges", type=int, nargs="+", default=[100_000, 1_000_000, 5_000_000])
    parser.add_argument("--networkx-edges", type=int, default=100_000)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:  # loads the libraries before anything is measured
        with_fraudml(make(Path(folder), 1000), given.threads)
    rows, rate = [], None
    for edges in sorted(given.edges):
        with tempfile.TemporaryDirectory() as folder:
            data = make(Path(folder), edges)
            seconds, significant, groups = with_fraudml(data, given.threads)
            work = projected(data)
            row = {"edges": f"{edges:,}", "pairs projected": f"{work:,}", "fraudml processor s": round(seconds, 1)}
            if edges <= given.networkx_edges:
                other, theirs, their_groups = with_networkx(data)
                rate = other / work
                row |= {"networkx processor s": f"{other:.1f}", "times": f"{other / seconds:.0f}"}
                row |= {"significant pairs": f"{significant} ({theirs})", "groups of ten": f"{planted(groups)} ({planted(their_groups)})"}
            else:
                told = "" if rate is None else f"~{rate * work:.0f}"
                row |= {"networkx processor s": told, "times": "" if rate is None else f"~{rate * work / seconds:.0f}"}
                row |= {"significant pairs": str(significant), "groups of ten": planted(groups)}
            rows.append(row)
    about = (
        "Co-visits against the null model and communities among them; twenty groups of ten are planted. In brackets what networkx finds;"
        " ~ is extrapolated by the number of pairs projected. fraudml tests more explanations"
        " (months, weekdays, calendar rhythms, address groups)."
    )
    write_result("rings", pd.DataFrame(rows), about)


if __name__ == "__main__":
    main()
