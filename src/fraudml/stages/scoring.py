"""The one function that turns features into scores: a table of some entities' rows in, their scores out, wherever the rows lie.

DuckDB hands it rows on the driver, Spark on its workers (``mapInArrow``): :meth:`fraudml.engine.Engine.mapped`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fraudml.claims import Snapshot
from fraudml.claims.store import months_before
from fraudml.stages import inputs
from fraudml.stages.parts import Judge
from fraudml.stages.stored import as_table

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from fraudml.detectors.registered import RegisteredModel
    from fraudml.vectors import Catalogue

REFERENCE_ROWS = 300_000
"""Entities of a type that peers are learnt from; of a larger population a part, so that it fits the driver."""

MEASURE = "graph:"
"""What a graph measure's name begins with in a row to score: a feature may bear the same name."""

DECIMALS = 12
"""Of scores: what lies behind them differs with the rows that happen to be judged together, and would decide between equals."""

SCORED = {
    "entity_id": "VARCHAR",
    "risk": "DOUBLE",
    "outlier": "DOUBLE",
    "supervised": "DOUBLE",
    "graph": "DOUBLE",
    "evidence": "DOUBLE",  # what rules say, in [0, 1]
    "rules": "VARCHAR[]",
    "model_version": "VARCHAR",
    "strangeness": "DOUBLE",  # the outlier ensemble's score: orders those of one outlier value
    "peer_group": "VARCHAR",
    "share_rules": "DOUBLE",  # share of each part in what raises the risk
    "share_graph": "DOUBLE",
    "share_outlier": "DOUBLE",
    "share_supervised": "DOUBLE",
}
"""Columns of the scores of a row, before anything is looked up for the riskiest."""


@dataclass(frozen=True)
class Scoring:
    """Scores rows of one entity type on one day. It holds all it needs (peers, evidence, model) and can be sent to workers.

    Attributes
    ----------
    prior : as :func:`fraudml.detectors.combine.without_labels` takes it.
    """

    judge: Judge
    model: RegisteredModel | None
    prior: float

    def __call__(self, rows: pa.Table) -> pa.Table:
        """:data:`SCORED` of rows of :func:`expose_rows`."""
        import pandas as pd

        from fraudml.detectors.combine import shares

        vectors, measures = split(rows.to_pandas())
        judged = self.judge.judge(vectors, measures)
        here = judged.values.index
        parts = self.with_model(judged.values, self.table(vectors, measures, judged.evidence))
        found = judged.evidence.groupby("entity_id", sort=False)["rule"].agg(list)
        scores = parts.rename(columns={"rules": "evidence"}).assign(
            risk=self.risk(parts).clip(0.0, 1.0),
            rules=pd.Series({name: found.get(name, []) for name in here}, dtype="object"),
            model_version="none" if self.model is None else self.model.version,
            peer_group=judged.group,
        )
        scores = scores.join(shares(self.pushes(parts))).round(DECIMALS)
        return as_table(scores.rename_axis("entity_id").reset_index(), SCORED)

    def table(self, vectors: pd.DataFrame, measures: pd.DataFrame | None, evidence: pd.DataFrame) -> pd.DataFrame | None:
        """What the model reads of rows; None without a model."""
        from fraudml.detectors.learning import aligned, learning_table

        if self.model is None:
            return None
        return aligned(learning_table(vectors, measures, evidence), self.model.scorer.feature_names_in_)

    def with_model(self, parts: pd.DataFrame, table: pd.DataFrame | None) -> pd.DataFrame:
        """The parts with ``supervised``, unknown without a model."""
        if self.model is None or table is None:
            return parts.assign(supervised=np.nan)
        return parts.assign(supervised=self.model.scorer.predict_proba(table, groups=table.index)[:, 1])

    def risk(self, parts: pd.DataFrame) -> pd.Series:
        from fraudml.detectors.combine import without_labels

        return without_labels(parts, self.prior) if self.model is None else self.model.combiner.risk(parts)

    def pushes(self, parts: pd.DataFrame) -> pd.DataFrame:
        """What each part adds to the log-odds of the rows, entities x parts."""
        from fraudml.detectors.combine import pushes_without_labels

        return pushes_without_labels(parts) if self.model is None else self.model.combiner.pushes(parts)


def expose_rows(snapshot: Snapshot, catalogue: Catalogue, months: int) -> tuple[str, str]:
    """Names two relations: all entities of a type with vectors and graph measures, and those of them with claims in the last months.

    Measures are those of ``graph/measures.parquet`` of the day; what the behaviour vectors declare under the same name is theirs.
    """
    engine, entity = snapshot.engine, catalogue.entity
    everyone, active = f"rows_{entity}", f"active_{entity}"
    vectors = inputs.expose_vectors(engine, snapshot.data_dir, entity, str(snapshot.as_of))
    measured = inputs.expose_measures(engine, snapshot.data_dir, str(snapshot.as_of))
    names = [] if measured is None else [name for name in engine.columns(measured) if name not in ("entity_type", "entity_id")]
    placed = "".join(f', place."{name}" as "{MEASURE}{name}"' for name in names if name not in catalogue.features)
    join = f"left join (select * from {measured} where entity_type = '{entity}') as place on vector.entity_id = place.entity_id"
    engine.view(everyone, f"select vector.*{placed} from {vectors} as vector {join if placed else ''}")
    since = months_before(snapshot.as_of, months)
    seen = inputs.appearances(entity, f"claim.settled_on > date '{since}'")
    engine.view(active, f"select row.* from {everyone} as row semi join ({seen}) as seen on row.entity_id = seen.entity_id")
    return everyone, active


def rows_of(snapshot: Snapshot, relation: str, condition: str) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Vectors and graph measures of some rows of :func:`expose_rows`, by entity_id, in its order."""
    return split(snapshot.query(f"select * from {relation} where {condition} order by entity_id"))


def split(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Vectors by entity_id, and a table of graph measures or None where there are none, from rows that hold both."""
    placed = [name for name in rows if name.startswith(MEASURE)]
    vectors = inputs.as_vectors(rows.drop(columns=placed))
    measures = rows[["entity_id", *placed]].rename(columns=lambda name: name.removeprefix(MEASURE)) if placed else None
    return vectors, measures


def parts_of(scored: pd.DataFrame) -> pd.DataFrame:
    """The parts (:class:`Parts`) with ``supervised``, by entity_id, of rows of :data:`SCORED`."""
    columns = {"evidence": "rules", "graph": "graph", "outlier": "outlier", "strangeness": "strangeness", "supervised": "supervised"}
    return scored.set_index("entity_id")[list(columns)].rename(columns=columns).astype(float)
