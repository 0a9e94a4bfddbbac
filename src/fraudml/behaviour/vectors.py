"""Behaviour vectors: one row per entity, computed from the catalogue in a few grouped passes."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from fraudml.behaviour.catalogue import WINDOWS, Attribute, Catalogue, Feature, load_catalogue
from fraudml.behaviour.joined import join_claims
from fraudml.behaviour.relations import Grouping, Relation, relations_of
from fraudml.claims import Claims, Snapshot
from fraudml.claims.store import day
from fraudml.engine import columns_of, windowed
from fraudml.engine.sql import is_total
from fraudml.errors import FraudmlError

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger("fraudml")
MONTHS = max(WINDOWS)
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
        return _vectors(catalogue, claims, features)
    with claims.at(as_of, months=MONTHS, materialise=("claims",)) as snapshot:
        return _vectors(catalogue, snapshot, features)


def _vectors(catalogue: Catalogue, snapshot: Snapshot, wanted: Iterable[str] | None) -> pd.DataFrame:
    import pandas as pd

    frame = snapshot.query(vectors_sql(catalogue, snapshot, wanted)).set_index("entity_id")
    for name in catalogue.attributes:
        if name in frame:
            values = frame[name].astype("str").where(frame[name].notna(), "unknown")
            frame[name] = pd.Categorical(values, categories=sorted(values.unique()))
    return frame


def vectors_sql(catalogue: Catalogue, snapshot: Snapshot, wanted: Iterable[str] | None = None) -> str:
    """The query behind :func:`behaviour`; makes the joined tables in the snapshot's session first."""
    join_claims(snapshot)
    chosen = _with_inputs(catalogue, wanted)
    relations = relations_of(catalogue.entity)
    missing = _missing(catalogue, snapshot, relations, chosen)
    chosen = {name: feature for name, feature in chosen.items() if feature.base not in missing}
    _announce(catalogue.entity, missing)

    parts: list[str] = [f"entity as ({_population(catalogue, snapshot, relations)})"]
    joins: list[str] = []
    columns: list[str] = []
    attributes = [each for each in catalogue.attributes.values() if not snapshot.missing(_relation(catalogue, relations, each.of).tables)]
    for of in dict.fromkeys([each.of for each in attributes] + [f.of for f in chosen.values() if f.of is not None]):
        mine = [each for each in attributes if each.of == of]
        of_features = [feature for feature in chosen.values() if feature.of == of]
        parts.append(f'"{of}" as ({_aggregate(catalogue, relations, of, of_features, mine)})')
        joins.append(f'left join "{of}" on entity.entity_id = "{of}".entity_id')
        columns += [f'"{of}"."{each.name}"' for each in mine]
        columns += [
            f'coalesce("{of}"."{f.name}", 0) as "{f.name}"' if _is_total(relations, f) else f'"{of}"."{f.name}"' for f in of_features
        ]
    select = f"select entity.entity_id, {', '.join(columns)} from entity {' '.join(joins)}"
    # expressions of other features, innermost first
    for feature in (f for f in chosen.values() if f.of is None):
        select = f'select *, ({feature.sql}) as "{feature.name}" from ({select})'
    asked = set(wanted) if wanted is not None else set(chosen)
    final = ["entity_id"] + [f'cast("{each.name}" as varchar) as "{each.name}"' for each in attributes]
    # nought through nought is unknown, not infinite; the last digits of a sum depend on the order of its rows
    final += [
        f'case when isfinite(cast("{name}" as double)) then round(cast("{name}" as double), 8) end as "{name}"'
        for name in catalogue.features
        if name in chosen and name in asked
    ]
    query = f"with {', '.join(parts)} select {', '.join(final)} from ({select}) order by entity_id"
    return query.replace("$as_of", f"date '{snapshot.as_of}'")


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


def _relation(catalogue: Catalogue, relations: dict[str, Relation], of: str) -> Relation:
    return relations[catalogue.groupings[of].of if of in catalogue.groupings else of]


def _is_total(relations: dict[str, Relation], feature: Feature) -> bool:
    single = feature.of in relations and relations[feature.of].single
    return not single and is_total(feature.sql, feature.where)


def _population(catalogue: Catalogue, snapshot: Snapshot, relations: dict[str, Relation]) -> str:
    """Who was active in the last twelve months: named on a claim, ordering an item, prescribing for a pharmacy."""
    acting = [name for name in ("claims", "items", "prescriptions") if name in relations and not snapshot.missing(relations[name].tables)]
    if catalogue.entity != "doctor":
        acting = ["claims"]
    return " union ".join(f"select distinct entity_id from ({relations[name].sql})" for name in acting)


def _aggregate(catalogue: Catalogue, relations: dict[str, Relation], of: str, features: list[Feature], attributes: list[Attribute]) -> str:
    """One pass over a relation that gives all its features."""
    if of in catalogue.groupings:
        return _grouped(catalogue.groupings[of], relations, features, attributes)
    relation = relations[of]
    columns = [f'{each.sql} as "{each.name}"' for each in attributes]
    for feature in features:
        condition = f"w <= {feature.window}" if relation.windowed and feature.window not in (None, MONTHS) else None
        sql = feature.sql if relation.single else windowed(feature.sql, condition, feature.where)
        columns.append(f'{sql} as "{feature.name}"')
    grouped = "" if relation.single else " group by entity_id"
    return f"select entity_id, {', '.join(columns)} from ({relation.sql}){grouped}"


def _grouped(grouping: Grouping, relations: dict[str, Relation], features: list[Feature], attributes: list[Attribute]) -> str:
    """A pair relation with its measures once per window, and the aggregates over it."""
    measures = {"n": "count(*)", **grouping.measures}
    used: dict[str, str] = {}
    columns = []
    entries: list[Feature | Attribute] = [*attributes, *features]
    for each in entries:
        window = each.window or MONTHS if isinstance(each, Feature) else MONTHS
        condition = f"w <= {window}" if window != MONTHS else None
        for measure in (columns_of(each.sql, each.where) & measures.keys()) | {"n"}:
            used[f"{measure}_{window}"] = windowed(measures[measure], condition, each.where)
        rename = {measure: f"{measure}_{window}" for measure in measures}
        columns.append(f'{windowed(each.sql, f"n_{window} > 0" if condition else None, each.where, rename)} as "{each.name}"')
    keys = ", ".join(grouping.by)
    known = " and ".join([f"{key} is not null" for key in grouping.by] + ([f"({grouping.where})"] if grouping.where else []))
    pairs = f"""select entity_id, {keys}, max(w) as oldest, {", ".join(f"{sql} as {name}" for name, sql in used.items())}
        from ({relations[grouping.of].sql}) where {known} group by entity_id, {keys}"""
    return f"select entity_id, {', '.join(columns)} from ({pairs}) group by entity_id"


def _missing(catalogue: Catalogue, snapshot: Snapshot, relations: dict[str, Relation], chosen: dict[str, Feature]) -> dict[str, str]:
    """Base features that this data cannot serve, with what they lack."""
    filled: dict[str, set[str]] = {}

    def empty_columns(base: str) -> set[str]:
        if base not in filled:
            names = list(snapshot.engine.columns(base))
            counts = snapshot.engine.rows(f"select {', '.join(f'count({chr(34)}{n}{chr(34)})' for n in names)} from {base}")[0]
            filled[base] = {name for name, count in zip(names, counts, strict=True) if count == 0}
        return filled[base]

    lacking: dict[str, str] = {}
    for feature in chosen.values():
        if feature.base in lacking:
            continue
        if feature.of is None:
            read = [catalogue.features[name].base for name in columns_of(feature.sql, feature.where)]
            lacks = [lacking[base] for base in read if base in lacking]
        else:
            relation = _relation(catalogue, relations, feature.of)
            lacks = snapshot.missing((*relation.tables, *feature.needs))
            if not lacks:
                read_columns = columns_of(feature.sql, feature.where)
                if feature.of in catalogue.groupings:
                    grouping = catalogue.groupings[feature.of]
                    for measure in read_columns & grouping.measures.keys():
                        read_columns |= columns_of(grouping.measures[measure], feature.where)
                    read_columns |= set().union(*(columns_of(key, feature.where) for key in grouping.by))
                    if grouping.where:
                        read_columns |= columns_of(grouping.where, feature.where)
                lacks = sorted(read_columns & empty_columns(relation.base))
        if lacks:
            lacking[feature.base] = lacks[0]
    return lacking


def _announce(entity: str, missing: dict[str, str]) -> None:
    news = {base: lack for base, lack in missing.items() if (entity, base) not in _announced}
    _announced.update((entity, base) for base in news)
    if news:
        reasons: dict[str, list[str]] = {}
        for base, lack in news.items():
            reasons.setdefault(lack, []).append(base)
        text = "; ".join(f"{lack}: {', '.join(names)}" for lack, names in sorted(reasons.items()))
        log.info("features of %s left out for want of %s", entity, text)
