"""``fraudml graph``: pair edges, measures and rings of each ``as_of``."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fraudml.claims import open_claims
from fraudml.config import as_of_days
from fraudml.engine import Engine, configured_engine
from fraudml.progress import step

if TYPE_CHECKING:
    import pandas as pd

    from fraudml.graph import ClaimGraph

log = logging.getLogger("fraudml")


def run(config: Any) -> None:
    """Adds the snapshots of ``as_of`` to ``graph/``; other days' rows stay, unless they came from another dataset."""
    engine = configured_engine(config.engine)
    claims = open_claims(config.data_dir, engine)
    from fraudml.graph import claim_graph  # slow to load: only once the claims are known to be there
    from fraudml.graph.rings import with_earlier_ids

    folder = Path(config.data_dir) / "graph"
    dataset = _dataset(Path(config.data_dir) / "ingest.json")
    keep = _dataset(folder / "source.json") == dataset
    for as_of in as_of_days(config) or [str(claims.last_month_end())]:
        with step(f"graph as of {as_of}"):
            graph = claim_graph(claims, as_of, seed=config.seed)
        if keep:
            graph = replace(graph, rings=with_earlier_ids(graph.rings, _rings_before(graph, folder, engine)))
        _add(graph, folder, engine, keep)
        keep = True
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / ".source.json.part"
    beside.write_text(json.dumps({"dataset": dataset}), encoding="utf-8")
    beside.replace(folder / "source.json")


def _rings_before(graph: ClaimGraph, folder: Path, engine: Engine) -> pd.DataFrame:
    """Rings of the latest day before the graph's."""
    path = folder / "rings.parquet"
    if not path.is_file():
        return graph.rings.iloc[:0]
    engine.parquet("earlier_rings", path)
    return engine.query(f"""
        select ring_id, members from earlier_rings
        where as_of = (select max(as_of) from earlier_rings where as_of < date '{graph.as_of}') order by ring_id""")


def _dataset(path: Path) -> str | None:
    return json.loads(path.read_text(encoding="utf-8")).get("dataset") if path.is_file() else None


def _add(graph: ClaimGraph, folder: Path, engine: Engine, keep: bool) -> None:
    from fraudml.graph.tables import arrow_tables

    for name, table in arrow_tables(graph).items():
        path = folder / f"{name}.parquet"
        engine.register("snapshot_rows", table)
        rows = "select * from snapshot_rows"
        if keep and path.is_file():
            engine.parquet("earlier_rows", path)
            rows = f"select * from earlier_rows where as_of <> date '{graph.as_of}' union all by name {rows}"
        count = engine.write(f"select * from ({rows}) order by as_of, {_order(name)}", path)
        log.info("graph/%s.parquet: %d rows, %d of them as of %s", name, count, table.num_rows, graph.as_of)


def _order(name: str) -> str:
    return {"measures": "entity_type, entity_id", "rings": "p_value, amount desc, ring_id"}.get(name, "1, 2")
