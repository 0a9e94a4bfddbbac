"""From declarations to SQL: one pass over a relation gives all its features and windows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fraudml.engine import columns_of, windowed
from fraudml.engine.sql import columns_needed, is_total
from fraudml.vectors.declared import Attribute, Catalogue, Feature
from fraudml.vectors.relations import Grouping, Relation, relations_of

MONTHS = 12
"""The widest window: what is older is not read at all."""

Entry = Feature | Attribute


def relation_under(catalogue: Catalogue, of: str) -> Relation:
    """The relation that a feature's rows come from: that of a grouping is the one it groups."""
    return relations_of(catalogue.entity)[catalogue.groupings[of].of if of in catalogue.groupings else of]


def aggregate_sql(catalogue: Catalogue, of: str, entries: Iterable[Entry]) -> str:
    """One row per entity with the features and attributes of one relation."""
    if of in catalogue.groupings:
        grouping = catalogue.groupings[of]
        return _of_pairs(grouping, relations_of(catalogue.entity)[grouping.of], list(entries))
    relation = relations_of(catalogue.entity)[of]
    columns = []
    for each in entries:
        window = _window(each)
        condition = f"w <= {window}" if relation.windowed and window != MONTHS else None
        sql = each.sql if relation.single else windowed(each.sql, condition, each.where)
        columns.append(f'{sql} as "{each.name}"')
    return f"select entity_id, {', '.join(columns)} from ({relation.sql}){'' if relation.single else ' group by entity_id'}"


def _of_pairs(grouping: Grouping, relation: Relation, entries: list[Entry]) -> str:
    """Aggregates over a pair relation, whose measures are kept once per window: ``n`` is read as ``n_3``."""
    measures = {"n": "count(*)", **grouping.measures}
    kept: dict[str, str] = {}
    columns = []
    for each in entries:
        window = _window(each)
        within = f"w <= {window}" if window != MONTHS else None
        for measure in (columns_of(each.sql, each.where) & measures.keys()) | {"n"}:
            kept[f"{measure}_{window}"] = windowed(measures[measure], within, grouping.where_declared)
        rename = {measure: f"{measure}_{window}" for measure in measures}
        columns.append(f'{windowed(each.sql, f"n_{window} > 0" if within else None, each.where, rename)} as "{each.name}"')
    keys = ", ".join(grouping.by)
    known = " and ".join([f"{key} is not null" for key in grouping.by] + ([f"({grouping.where})"] if grouping.where else []))
    measured = ", ".join(f"{sql} as {name}" for name, sql in kept.items())
    return f"""
        select entity_id, {", ".join(columns)}
        from (select entity_id, {keys}, max(w) as oldest, {measured} from ({relation.sql}) where {known} group by entity_id, {keys})
        group by entity_id"""


def _window(entry: Entry) -> int:
    return (entry.window if isinstance(entry, Feature) else None) or MONTHS


def is_zero_without_rows(catalogue: Catalogue, feature: Feature) -> bool:
    """Whether an entity without rows has a value of nought (counts and sums) rather than none."""
    relation = None if feature.of in catalogue.groupings else relations_of(catalogue.entity)[str(feature.of)]
    return not (relation is not None and relation.single) and is_total(feature.sql, feature.where)


def columns_read(catalogue: Catalogue, feature: Feature) -> set[str]:
    """Columns of the underlying relation that a feature cannot do without."""
    read = columns_needed(feature.sql, feature.where)
    if feature.of is None or feature.of not in catalogue.groupings:
        return read
    grouping = catalogue.groupings[feature.of]
    texts = [
        *grouping.by,
        *([grouping.where] if grouping.where else []),
        *(grouping.measures[name] for name in read & grouping.measures.keys()),
    ]
    return read.union(*(columns_needed(text, grouping.where_declared) for text in texts))


def vectors_sql(
    catalogue: Catalogue, chosen: Mapping[str, Feature], attributes: Iterable[Attribute], population: str, shown: set[str]
) -> str:
    """One row per entity of ``population``: attributes, then features.

    Parameters
    ----------
    chosen : the features to compute, expressions after what they read.
    attributes : those whose relations are there.
    population : query that yields each ``entity_id`` once.
    shown : names of the features to return.
    """
    attributes = list(attributes)
    parts = [f"entity as ({population})"]
    joins, columns = [], []
    for of in dict.fromkeys([each.of for each in attributes] + [each.of for each in chosen.values() if each.of is not None]):
        entries: list[Entry] = [each for each in attributes if each.of == of]
        entries += [each for each in chosen.values() if each.of == of]
        parts.append(f'"of {of}" as ({aggregate_sql(catalogue, of, entries)})')
        joins.append(f'left join "of {of}" on entity.entity_id = "of {of}".entity_id')
        for each in entries:
            zero = isinstance(each, Feature) and is_zero_without_rows(catalogue, each)
            columns.append(f'coalesce("of {of}"."{each.name}", 0) as "{each.name}"' if zero else f'"of {of}"."{each.name}"')
    select = f"select entity.entity_id{''.join(', ' + column for column in columns)} from entity {' '.join(joins)}"
    for feature in chosen.values():
        if feature.of is None:
            select = f'select *, ({feature.sql}) as "{feature.name}" from ({select})'
    final = ["entity_id"] + [f'cast("{each.name}" as varchar) as "{each.name}"' for each in attributes]
    # nought through nought is unknown, not infinite; the last digits of a sum depend on the order of its rows
    final += [
        f'case when isfinite(cast("{name}" as double)) then round(cast("{name}" as double), 8) end as "{name}"'
        for name in catalogue.features
        if name in chosen and name in shown
    ]
    return f"with {', '.join(parts)} select {', '.join(final)} from ({select}) order by entity_id"
