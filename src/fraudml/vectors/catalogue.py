"""The catalogue of features: ``features/<entity>.yaml``, read and held against the tables that it names."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from fraudml.claims import Claims, Snapshot
from fraudml.contracts import CANONICAL, ENTITY_TYPES
from fraudml.engine import Engine, open_engine
from fraudml.errors import FraudmlError
from fraudml.resources import resource
from fraudml.vectors.aggregates import Entry, aggregate_sql
from fraudml.vectors.declarations import read_declarations, read_measures
from fraudml.vectors.declared import Catalogue, Feature
from fraudml.vectors.joined import join_claims


def load_catalogue(entity: str, conf_dir: str | Path | None = None) -> Catalogue:
    """The declared features of an entity.

    Parameters
    ----------
    entity : one of :data:`fraudml.contracts.ENTITY_TYPES`.
    conf_dir : a bureau's own folder; its ``features/<entity>.yaml`` adds to the shipped features, and a feature
        of the same name wins over the shipped one.

    Raises
    ------
    FraudmlError
        ``features.*`` with file, line and remedy for a wrong declaration.

    Examples
    --------
    >>> load_catalogue("patient").features["pharmacy_count_3m"].window
    3
    """
    if entity not in ENTITY_TYPES:
        raise FraudmlError("features.entity", f"“{entity}” has no behaviour vectors.", f"Entities: {', '.join(ENTITY_TYPES)}.")
    catalogue = _shipped(entity)
    own = Path(conf_dir) / "features" / f"{entity}.yaml" if conf_dir else None
    if own is not None and own.is_file():
        catalogue = read_declarations(entity, own, catalogue)
        _check_sql(catalogue)
    return replace(catalogue, conf_dir=str(conf_dir)) if conf_dir else catalogue


def load_measures(entity: str, conf_dir: str | Path | None = None) -> dict[str, Feature]:
    """The declared graph measures of an entity (columns of ``graph/measures.parquet``), by column.

    Parameters
    ----------
    conf_dir : a bureau's own folder; its ``features/graph.yaml`` adds to the shipped one and wins over it.

    Examples
    --------
    >>> load_measures("pharmacy")["prescriber_lift_12m"].unit
    'times'
    """
    peers = load_catalogue(entity, conf_dir).peers
    measures = read_measures(entity, resource("features") / "graph.yaml", peers)
    own = Path(conf_dir) / "features" / "graph.yaml" if conf_dir else None
    return measures | read_measures(entity, own, peers) if own is not None and own.is_file() else measures


@lru_cache
def _shipped(entity: str) -> Catalogue:
    catalogue = read_declarations(entity, resource("features") / f"{entity}.yaml")
    _check_sql(catalogue)
    return catalogue


def _check_sql(catalogue: Catalogue) -> None:
    """Binds every declaration against the canonical tables without a row: unknown columns and wrong types show before any data is read."""
    engine = _blank().engine
    entries: list[Entry] = [*catalogue.attributes.values(), *(feature for feature in catalogue.features.values() if feature.of is not None)]
    for of in dict.fromkeys(str(each.of) for each in entries):
        together = [each for each in entries if each.of == of]
        try:
            types = engine.check(_dated(aggregate_sql(catalogue, of, together)))
        except FraudmlError:
            types = {}
            for each in together:
                types |= _bind(engine, _dated(aggregate_sql(catalogue, of, [each])), each.where)
        for each in together:
            if isinstance(each, Feature) and not _NUMBERS.fullmatch(types[each.name]):
                raise FraudmlError("features.sql", f"{each.where}: a feature is a number, this is {types[each.name]}.", "Correct the SQL.")
    row = ", ".join(f'cast(null as double) as "{name}"' for name in catalogue.features)
    for feature in catalogue.features.values():
        if feature.of is None:
            _bind(engine, f"select {feature.sql} from (select {row})", feature.where)


_NUMBERS = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DOUBLE|FLOAT|DECIMAL\(.*\)|BOOLEAN|\"NULL\"")


def _bind(engine: Engine, sql: str, where: str) -> dict[str, str]:
    try:
        return engine.check(sql)
    except FraudmlError as error:
        told = re.sub(r"\s*LINE \d+.*", "", error.message)
        raise FraudmlError("features.sql", f"{where}: {told}.", "Correct the SQL; `fraudml features --list` shows working ones.") from error


def _dated(sql: str) -> str:
    return sql.replace("$as_of", "date '2000-01-01'").replace("$since", "date '1999-01-01'").replace("$horizon", "date '1998-01-01'")


class _BlankClaims(Claims):
    """Every canonical table, without a row."""

    def __init__(self) -> None:
        self.data_dir = Path()
        self.engine = open_engine()
        self.tables = frozenset(CANONICAL)

    def _expose(self, engine: Engine) -> None:
        for name, table in CANONICAL.items():
            columns = ", ".join(f'cast(null as {type_}) as "{column}"' for column, type_ in table.columns.items())
            engine.view(f"all_{name}", f"select {columns} where false")


@lru_cache(maxsize=1)
def _blank() -> Snapshot:
    snapshot = _BlankClaims().at(dt.date(2000, 1, 1))
    join_claims(snapshot)
    return snapshot
