"""The population that a model judges on a day, and what of it later months are held against."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fraudml.claims import Claims, Snapshot
from fraudml.claims.store import day, months_before
from fraudml.errors import FraudmlError
from fraudml.stages import inputs
from fraudml.stages.evidence import WINDOW, evidence_as_of
from fraudml.stages.scoring import REFERENCE_ROWS, expose_rows, rows_of

if TYPE_CHECKING:
    import pandas as pd

    from fraudml.detectors.supervised import EntityScorer
    from fraudml.vectors import Catalogue

MOST_ROWS = 50_000  # of a large population a part that depends on content only says the same


def model_table(
    entity: str, data_dir: str | Path, *, as_of: str | dt.date, conf_dir: str | Path | None = None, peers: bool = False
) -> pd.DataFrame:
    """All that models know of the entities of a type on a day: behaviour, place in the graph, rule hits.

    Parameters
    ----------
    entity : patient, doctor, institution, pharmacy or claim.
    data_dir : a folder for which ``fraudml features`` and ``fraudml graph`` have run as of that day; rule evidence is looked up there, or
        found and kept there.
    as_of : the day, a date or ``YYYY-MM-DD``.
    conf_dir : the bureau's own conf folder.
    peers : whether to add where each feature stands in the entity's peer group: ``peer_z:<feature>`` (robust z-score) and
        ``peer_percentile:<feature>`` (0 to 100). Models do not read these: trees split at any value, and reasons name the peers themselves.

    Returns
    -------
    DataFrame
        One row per entity that has a behaviour vector, by ``entity_id``: peer attributes, features, graph measures (where there is a
        graph of the day), and ``rule:<id>`` (how far the evidence goes beyond peers), ``rule_amount:<id>`` (CNY), ``rule_count:<id>``
        (claims with evidence) for each rule that found anything. ``fraudml features --list`` words the columns.

    Raises
    ------
    MissingInput
        When ``features/`` has no snapshot of that day.
    FraudmlError
        ``as_of.format`` for what is no day; ``features.data_dir`` for anything but a folder's path.

    Examples
    --------
    >>> import fraudml as fm
    >>> doctors = fm.model_table("doctor", "data", as_of="2024-06-30")                  # doctest: +SKIP
    >>> doctors.filter(like="rule_count:").sum().sort_values(ascending=False)           # doctest: +SKIP
    """
    from fraudml.claims import open_claims
    from fraudml.config import compose
    from fraudml.vectors import beside_peers, load_catalogue

    if not isinstance(data_dir, str | Path):
        raise FraudmlError("features.data_dir", f"{type(data_dir).__name__} is no path.", "Give the folder that fraudml ingest wrote to.")
    config = compose([f"data_dir={data_dir}", *([f"conf_dir={conf_dir}"] if conf_dir else [])])
    catalogue = load_catalogue(entity, conf_dir)
    table = population(config, open_claims(data_dir), catalogue, str(day(as_of)), most=None)[0]
    return table.join(beside_peers(table, catalogue)) if peers else table


def population(
    config: Any, claims: Claims, catalogue: Catalogue, as_of: str, most: int | None = MOST_ROWS
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Learning features of everyone of a type who has a behaviour vector on a day (at most ``most`` of them), and claims settled by month.

    Returns
    -------
    tuple of the table on entity_id, and :func:`claims_by_month`.
    """
    target = catalogue.entity
    inputs.expose_vectors(claims.engine, claims.data_dir, target, as_of)  # what is missing is said before rules run
    hits = evidence_as_of(config, claims, as_of)
    with claims.at(as_of, months=WINDOW, materialise=("claims",)) as snapshot:
        everyone, _ = expose_rows(snapshot, catalogue, WINDOW)
        count = int(snapshot.engine.scalar(f"select count(*) from {everyone}"))
        return part_of_everyone(snapshot, everyone, inputs.weighed(hits, snapshot, target, count), most), claims_by_month(snapshot)


def part_of_everyone(snapshot: Snapshot, everyone: str, evidence: pd.DataFrame, most: int | None = MOST_ROWS) -> pd.DataFrame:
    """Learning features of the entities of a relation (:func:`fraudml.stages.scoring.expose_rows`), at most ``most`` of them.

    Parameters
    ----------
    evidence : rule evidence of the type (:func:`fraudml.stages.inputs.weighed`).
    """
    from fraudml.detectors.learning import learning_table
    from fraudml.detectors.table import row_keys

    vectors, measures = rows_of(snapshot, everyone, inputs.part_of(snapshot.engine, everyone, most and REFERENCE_ROWS))
    if most is not None and len(vectors) > most:
        keys = row_keys(vectors.select_dtypes("number").to_numpy(dtype=float))
        vectors = vectors.iloc[np.sort(np.argsort(keys, kind="stable")[:most])]
    return learning_table(vectors, measures, evidence)


def claims_by_month(snapshot: Snapshot) -> dict[str, int]:
    """Claims settled in each of the twelve months up to the snapshot's day, oldest first, by the month's last day; months before the first
    claim are left out.
    """
    ends = [snapshot.as_of, *(months_before(snapshot.as_of, number) for number in range(1, WINDOW + 1))]
    daily = snapshot.query("select cast(settled_on as varchar) as day, count(*) as n from claims group by settled_on")
    spans = zip(ends[-2::-1], ends[:0:-1], strict=True)
    counts = {str(end): int(daily["n"][(daily["day"] > str(start)) & (daily["day"] <= str(end))].sum()) for end, start in spans}
    known = [end for end, count in counts.items() if count]
    return {end: count for end, count in counts.items() if known and end >= known[0]}


def reference_of(config: Any, claims: Claims, catalogue: Catalogue, as_of: str, model: EntityScorer) -> dict[str, Any]:
    """What :func:`fraudml.evaluate.drift.drift` compares later months with, for a model that was trained as of this day."""
    from fraudml.detectors.learning import aligned
    from fraudml.evaluate.drift import reference

    table, monthly = population(config, claims, catalogue, as_of)
    table = aligned(table, model.feature_names_in_)
    return reference(table, model.predict_proba(table, groups=table.index)[:, 1], monthly)
