"""Behaviour vectors: one row per entity, computed from the catalogue in a few grouped passes."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from fraudml.claims import Claims, Snapshot
from fraudml.claims.store import day
from fraudml.engine import columns_of, identifier
from fraudml.errors import FraudmlError
from fraudml.vectors.aggregates import MONTHS, columns_read, relation_under, vectors_sql
from fraudml.vectors.catalogue import load_catalogue
from fraudml.vectors.declared import Catalogue, Feature
from fraudml.vectors.joined import join_claims
from fraudml.vectors.relations import population_sql

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger("fraudml")
_announced: set[tuple[str, str]] = set()


def behaviour(
    entity: str,
    claims: Claims | Snapshot,
    as_of: str | dt.date,
    features: Iterable[str] | None = None,
    catalogue: Catalogue | None = None,
) -> pd.DataFrame:
    """Behaviour vectors of an entity as they could be known at the end of ``as_of``.

    Parameters
    ----------
    entity : patient, doctor, institution, pharmacy or claim.
    claims : the canonical tables, or a snapshot of them as of the same day (its joined tables are then reused).
    as_of : the day; windows are ``(as_of - w months, as_of]`` by day of settlement.
    features : columns wanted (``pharmacy_count_3m``); all by default.
    catalogue : another catalogue than the shipped one.

    Returns
    -------
    DataFrame
        One row per entity that had a settlement in the last twelve months (claims: that were settled then), sorted by
        ``entity_id`` (the index). First the peer attributes (category, ``unknown`` where not known), then the
        features (float64). What the data has no table or column for is left out and named once in the log.

    Raises
    ------
    FraudmlError
        ``features.unknown`` for a feature that the catalogue lacks; ``features.as_of`` for a snapshot of another day.
    """
    catalogue = catalogue or load_catalogue(entity)
    if isinstance(claims, Snapshot):
        if claims.as_of != day(as_of):
            raise FraudmlError("features.as_of", f"the snapshot is of {claims.as_of}, not of {as_of}.", "Give both the same day.")
        return _frame(catalogue, claims, features)
    with claims.at(as_of, months=MONTHS, materialise=("claims",)) as snapshot:
        return _frame(catalogue, snapshot, features)


def behaviour_sql(catalogue: Catalogue, snapshot: Snapshot, wanted: Iterable[str] | None = None) -> str:
    """The query behind :func:`behaviour`; makes the joined tables in the snapshot's session first."""
    join_claims(snapshot)
    chosen = _with_inputs(catalogue, wanted)
    shown = set(chosen) if wanted is None else set(wanted)
    missing = _missing(catalogue, snapshot, chosen)
    _announce(catalogue.entity, missing)
    chosen = {name: feature for name, feature in chosen.items() if feature.base not in missing}
    attributes = [each for each in catalogue.attributes.values() if not snapshot.missing(relation_under(catalogue, each.of).tables)]
    population = population_sql(catalogue.entity, lambda relation: not snapshot.missing(relation.tables))
    return vectors_sql(catalogue, chosen, attributes, population, shown).replace("$as_of", f"date '{snapshot.as_of}'")


def _frame(catalogue: Catalogue, snapshot: Snapshot, wanted: Iterable[str] | None) -> pd.DataFrame:
    import pandas as pd

    frame = snapshot.query(behaviour_sql(catalogue, snapshot, wanted)).set_index("entity_id")
    for name in catalogue.attributes.keys() & set(frame.columns):
        values = frame[name].astype("str").where(frame[name].notna(), "unknown")
        frame[name] = pd.Categorical(values, categories=sorted(values.unique()))
    return frame


def _with_inputs(catalogue: Catalogue, wanted: Iterable[str] | None) -> dict[str, Feature]:
    """The features asked for and those that their expressions read, in catalogue order."""
    if wanted is None:
        return dict(catalogue.features)
    needed: set[str] = set()
    waiting = list(wanted)
    while waiting:
        name = waiting.pop()
        if name not in catalogue.features:
            raise FraudmlError(
                "features.unknown", f"{catalogue.entity} has no feature {name}.", "`fraudml features --list` prints the catalogue."
            )
        feature = catalogue.features[name]
        if name not in needed and feature.of is None:
            waiting += columns_of(feature.sql, feature.where)
        needed.add(name)
    return {name: feature for name, feature in catalogue.features.items() if name in needed}


def _missing(catalogue: Catalogue, snapshot: Snapshot, chosen: dict[str, Feature]) -> dict[str, str]:
    """Declared names that this data cannot serve -> the table or column they lack."""
    empty: dict[str, set[str]] = {}

    def empty_columns(table: str) -> set[str]:
        if table not in empty:
            names = list(snapshot.engine.columns(table))
            counts = snapshot.engine.rows("select " + ", ".join(f"count({identifier(name)})" for name in names) + f" from {table}")[0]
            empty[table] = {name for name, count in zip(names, counts, strict=True) if count == 0}
        return empty[table]

    lacking: dict[str, str] = {}
    for feature in chosen.values():
        if feature.of is None:
            inputs = [catalogue.features[name].base for name in sorted(columns_of(feature.sql, feature.where))]
            lacks = [lacking[base] for base in inputs if base in lacking]
        else:
            relation = relation_under(catalogue, feature.of)
            lacks = snapshot.missing((*relation.tables, *feature.needs))
            if not lacks:
                lacks = sorted(columns_read(catalogue, feature) & empty_columns(relation.base))
        if lacks:
            lacking.setdefault(feature.base, lacks[0])
    return lacking


def _announce(entity: str, missing: dict[str, str]) -> None:
    """Names what is left out, once per process."""
    reasons: dict[str, list[str]] = {}
    for base, lack in missing.items():
        if (entity, base) not in _announced:
            reasons.setdefault(lack, []).append(base)
            _announced.add((entity, base))
    for lack, names in sorted(reasons.items()):
        log.info("%s: without %s there is no %s", entity, lack, ", ".join(names))
