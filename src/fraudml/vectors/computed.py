"""Behaviour vectors: one row per entity, computed from the catalogue in a few grouped passes."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from fraudml.claims import Claims, Snapshot
from fraudml.claims.store import day, months_before, refuse_unopened
from fraudml.engine import columns_of, identifier
from fraudml.errors import FraudmlError
from fraudml.vectors.aggregates import MONTHS, Parts, columns_read, columns_wanted, name_under, relation_under, vectors_sql
from fraudml.vectors.catalogue import load_catalogue
from fraudml.vectors.declared import Attribute, Catalogue, Feature
from fraudml.vectors.joined import COLUMNS, VALUED, join_claims
from fraudml.vectors.relations import acting_relations, population_sql, relations_of

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger("fraudml")
_announced: set[tuple[str, str]] = set()


def behaviour(
    entity: str,
    claims: Claims | Snapshot,
    as_of: str | dt.date,
    features: str | Iterable[str] | None = None,
    catalogue: Catalogue | None = None,
    peers: bool = True,
) -> pd.DataFrame:
    """Behaviour vectors of an entity as they could be known at the end of ``as_of``.

    Parameters
    ----------
    entity : patient, doctor, institution, pharmacy or claim.
    claims : the canonical tables, or a snapshot of them as of the same day (its joined tables are then reused).
    as_of : the day; windows are ``(as_of - w months, as_of]`` by day of settlement.
    features : column or columns wanted (``pharmacy_count_3m``); all by default. A selection costs what it reads.
    catalogue : another catalogue than the shipped one.
    peers : whether to give the peer attributes too.

    Returns
    -------
    DataFrame
        One row per entity that had a settlement in the last twelve months (claims: that were settled then; doctors also by ordering
        items or prescribing, where the features read these), sorted by
        ``entity_id`` (the index). First the peer attributes (category, ``unknown`` where not known), then the
        features (float64). What the data has no table or column for is left out and named once in the log; months without a claim give
        no rows, and a warning.

    Raises
    ------
    FraudmlError
        ``features.unknown`` for a feature that the catalogue lacks; ``features.as_of`` for a snapshot of another day;
        ``features.claims`` for anything but open claims.
    """
    features = [features] if isinstance(features, str) else features
    refuse_unopened(claims, "features")
    catalogue = catalogue or load_catalogue(entity)
    if isinstance(claims, Snapshot):
        if claims.as_of != day(as_of):
            raise FraudmlError("features.as_of", f"the snapshot is of {claims.as_of}, not of {as_of}.", "Give both the same day.")
        return _frame(catalogue, claims, features, peers)
    with claims.at(as_of, months=MONTHS) as snapshot:
        return _frame(catalogue, snapshot, features, peers)


def prepare(snapshot: Snapshot, wanted: Iterable[tuple[Catalogue, Iterable[str] | None]], peers: bool = True) -> None:
    """Makes the joined tables in the snapshot's session with what all the wanted vectors read, and no more.

    Parameters
    ----------
    wanted : catalogues, each with the columns wanted of it (None: all).
    """
    wanted = list(wanted)
    join_claims(snapshot, joined_columns(wanted, peers), conf_dir=next((each.conf_dir for each, _ in wanted if each.conf_dir), None))


def joined_columns(wanted: Iterable[tuple[Catalogue, Iterable[str] | None]], peers: bool = True) -> dict[str, set[str]]:
    """Columns of the joined tables that the wanted vectors read, see :func:`prepare`."""
    columns: dict[str, set[str]] = {table: set() for table in COLUMNS}
    for catalogue, names in wanted:
        for table, read in _needed(catalogue, _with_inputs(catalogue, names), _attributes(catalogue, peers), names is None).items():
            columns[table] |= read
    return columns


def _acting(catalogue: Catalogue, chosen: Mapping[str, Feature], whole: bool) -> tuple[str, ...]:
    read = None if whole else {name_under(catalogue, each.of) for each in chosen.values() if each.of is not None}
    return acting_relations(catalogue.entity, read)


def _needed(catalogue: Catalogue, chosen: Mapping[str, Feature], attributes: Iterable[Attribute], whole: bool) -> dict[str, set[str]]:
    return columns_wanted(catalogue, chosen, attributes, _acting(catalogue, chosen, whole))


def _attributes(catalogue: Catalogue, peers: bool) -> list[Attribute]:
    return list(catalogue.attributes.values()) if peers else []


def behaviour_sql(
    catalogue: Catalogue,
    snapshot: Snapshot,
    wanted: Iterable[str] | None = None,
    peers: bool = True,
    since: dt.date | None = None,
    in_parts: Mapping[str, Parts] | None = None,
) -> str:
    """The query behind :func:`behaviour`, in no order; makes the joined tables in the snapshot's session first.

    A selection of features costs what it needs: the joined tables then hold only the columns that it reads. Of claims only those settled
    after ``since`` are judged (all of the window by default), against all that came before. ``in_parts`` are relations in monthly parts.
    """
    chosen = _with_inputs(catalogue, wanted)
    needed = _needed(catalogue, chosen, _attributes(catalogue, peers), wanted is None)
    # whoever asks one snapshot for all of an entity will ask it for the next entity too
    join_claims(snapshot, needed, made=COLUMNS if wanted is None else needed, conf_dir=catalogue.conf_dir)
    shown = set(chosen) if wanted is None else set(wanted)
    missing = _missing(catalogue, snapshot, chosen)
    _announce(catalogue.entity, missing)
    chosen = {name: feature for name, feature in chosen.items() if feature.base not in missing}
    attributes = [each for each in _attributes(catalogue, peers) if not snapshot.missing(relation_under(catalogue, each.of).tables)]
    acting = [
        name for name in _acting(catalogue, chosen, wanted is None) if not snapshot.missing(relations_of(catalogue.entity)[name].tables)
    ]
    one_row_each = acting == ["claims"] and any(each.of == "claims" for each in chosen.values())
    population = "" if one_row_each else population_sql(catalogue.entity, acting)
    since = since or dt.date.min
    return (
        vectors_sql(catalogue, chosen, attributes, population, shown, in_parts)
        .replace("$as_of", f"date '{snapshot.as_of}'")
        .replace("$since", f"date '{since}'")
        .replace("$horizon", f"date '{_horizon(snapshot, since)}'")
    )


def _horizon(snapshot: Snapshot, since: dt.date) -> dt.date:
    """The first day that a claim settled after ``since`` looks back on: a stay may have begun long before it."""
    if since == dt.date.min:
        return since
    earliest = snapshot.engine.scalar(f"select min(started_on) from joined_claims where settled_on > date '{since}'")
    return (earliest or since) - dt.timedelta(days=90)


def _frame(catalogue: Catalogue, snapshot: Snapshot, wanted: Iterable[str] | None, peers: bool) -> pd.DataFrame:
    import pandas as pd

    frame = snapshot.query(behaviour_sql(catalogue, snapshot, wanted, peers) + " order by entity_id").set_index("entity_id")
    if frame.empty:
        warn_without_claims(snapshot)
    for name in catalogue.attributes.keys() & set(frame.columns):
        values = frame[name].astype("str").where(frame[name].notna(), "unknown")
        frame[name] = pd.Categorical(values, categories=sorted(values.unique()))
    return frame


def warn_without_claims(snapshot: Snapshot) -> None:
    """Says so where nothing was settled in the months looked back on, and when something was."""
    since = months_before(snapshot.as_of, MONTHS)
    if snapshot.engine.scalar(
        f"select 1 from all_claims where settled_on > date '{since}' and settled_on <= date '{snapshot.as_of}' limit 1"
    ):
        return
    first, last = snapshot.engine.rows("select min(settled_on), max(settled_on) from all_claims")[0]
    log.warning(
        "no claim was settled in the %d months up to %s%s",
        MONTHS,
        snapshot.as_of,
        f": the claims are of {first} to {last}" if first else ": there are no claims at all",
    )


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
    found: dict[tuple[str, str], bool] = {}
    columns: dict[str, set[str]] = {}

    def there(table: str) -> set[str]:
        if table not in columns:
            columns[table] = snapshot.engine.columns(table).keys() | (VALUED if table == "joined_items" else set())
        return columns[table]

    def is_empty(table: str, column: str) -> bool:
        if (table, column) not in found:
            found[table, column] = snapshot.engine.scalar(f"select 1 from {_source_of(table, column)} limit 1") is None
        return found[table, column]

    lacking: dict[str, str] = {}
    for feature in chosen.values():
        if feature.of is None:
            inputs = [catalogue.features[name].base for name in sorted(columns_of(feature.sql, feature.where))]
            lacks = [lacking[base] for base in inputs if base in lacking]
        else:
            relation = relation_under(catalogue, feature.of)
            lacks = snapshot.missing((*relation.tables, *feature.needs))
            if not lacks:
                read = sorted({relation.derived.get(name, name) for name in columns_read(catalogue, feature)} & there(relation.base))
                lacks = [name for name in read if is_empty(relation.base, name)]
        if lacks:
            lacking.setdefault(feature.base, lacks[0])
    return lacking


def _source_of(table: str, column: str) -> str:
    """Where a column has values: rows of its table, or what all houses together say of an item."""
    if column in VALUED:
        return "usual_items" + (" where has_peers and usual_price > 0" if column == "price_against_peers" else "")
    return f"{table} where {identifier(column)} is not null"


def _announce(entity: str, missing: dict[str, str]) -> None:
    """Names what is left out, once per process."""
    reasons: dict[str, list[str]] = {}
    for base, lack in missing.items():
        if (entity, base) not in _announced:
            reasons.setdefault(lack, []).append(base)
            _announced.add((entity, base))
    for lack, names in sorted(reasons.items()):
        log.info("%s: without %s there is no %s", entity, lack, ", ".join(names))
