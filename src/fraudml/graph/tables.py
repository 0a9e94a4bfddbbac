"""The graph as Arrow tables with declared types: what the stage writes, also where there is nothing to write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from fraudml.contracts import RINGS
from fraudml.graph.edges import EDGE_COLUMNS, PAIRS, end_columns

if TYPE_CHECKING:
    import pandas as pd

    from fraudml.graph.claim_graph import ClaimGraph

_ARROW = {
    "VARCHAR": pa.string(),
    "DATE": pa.date32(),
    "DOUBLE": pa.float64(),
    "BIGINT": pa.int64(),
    "VARCHAR[]": pa.list_(pa.string()),
    RINGS["members"]: pa.list_(pa.struct([("entity_type", pa.string()), ("entity_id", pa.string()), ("role", pa.string())])),
}


def arrow_tables(graph: ClaimGraph) -> dict[str, pa.Table]:
    """``edges_<pair>``, ``measures`` and ``rings`` as Arrow tables."""
    out = {}
    for pair in PAIRS:
        columns = dict.fromkeys(end_columns(pair), "VARCHAR") | EDGE_COLUMNS
        out[f"edges_{pair}"] = _table(graph.edges[pair], columns)
    keys = {"entity_type": "VARCHAR", "entity_id": "VARCHAR", "as_of": "DATE"}
    out["measures"] = _table(graph.measures, {name: keys.get(name, "DOUBLE") for name in graph.measures.columns})
    out["rings"] = _table(graph.rings, RINGS)
    return out


def _table(frame: pd.DataFrame, columns: dict[str, str]) -> pa.Table:
    schema = pa.schema([(name, _ARROW[type_]) for name, type_ in columns.items()])
    return pa.Table.from_pandas(frame[list(columns)], schema=schema, preserve_index=False)
