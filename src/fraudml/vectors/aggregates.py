"""From declarations to SQL: one pass over a relation gives all its features and windows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fraudml.engine import columns_of, windowed
from fraudml.engine.sql import columns_needed, distinct_counted, is_total, merged_by
from fraudml.vectors.declared import Attribute, Catalogue, Feature
from fraudml.vectors.joined import COLUMNS, VALUED
from fraudml.vectors.relations import Grouping, Relation, relations_of

MONTHS = 12
"""The widest window: what is older is not read at all."""

Entry = Feature | Attribute


def relation_under(catalogue: Catalogue, of: str) -> Relation:
    """The relation that a feature's rows come from: that of a grouping is the one it groups."""
    return relations_of(catalogue.entity)[name_under(catalogue, of)]


def name_under(catalogue: Catalogue, of: str) -> str:
    """Name of the relation that a feature's rows come from."""
    return catalogue.groupings[of].of if of in catalogue.groupings else of


def aggregate_sql(catalogue: Catalogue, of: str, entries: Iterable[Entry]) -> str:
    """One row per entity with the features and attributes of one relation."""
    if of in catalogue.groupings:
        grouping = catalogue.groupings[of]
        return _of_pairs(grouping, relations_of(catalogue.entity)[grouping.of], list(entries))
    relation = relations_of(catalogue.entity)[of]
    entries = list(entries)
    columns = []
    for each in entries:
        window = _window(each)
        condition = f"w <= {window}" if relation.windowed and window != MONTHS else None
        sql = each.sql if relation.single else windowed(each.sql, condition, each.where)
        columns.append(f'{sql} as "{each.name}"')
    rows = _rows(relation, set().union(*(columns_of(each.sql, each.where) for each in entries)))
    return f"select entity_id, {', '.join(columns)} from ({rows}){'' if relation.single else ' group by entity_id'}"


def _rows(relation: Relation, read: set[str]) -> str:
    """The relation's query; over the valued items only where they are read, because that join has its price."""
    return relation.sql.replace("joined_items", "valued_items") if read & VALUED else relation.sql


def _of_pairs(grouping: Grouping, relation: Relation, entries: list[Entry]) -> str:
    """Aggregates over a pair relation, whose measures are kept once per window: ``n`` is read as ``n_3``."""
    measures = {"n": "count(*)", **grouping.measures}
    kept: dict[tuple[str, int], str] = {}  # the measure as declared, narrowed to a window
    columns = []
    for each in entries:
        window = _window(each)
        within = _within(window)
        for measure in (columns_of(each.sql, each.where) & measures.keys()) | {"n"}:
            kept[measure, window] = windowed(measures[measure], within, grouping.where_declared)
        rename = {measure: f"{measure}_{window}" for measure in measures}
        columns.append(f'{windowed(each.sql, f"n_{window} > 0" if within else None, each.where, rename)} as "{each.name}"')
    known = " and ".join([f"{key} is not null" for key in grouping.by] + ([f"({grouping.where})"] if grouping.where else []))
    rows = f"{_rows(relation, set().union(*(columns_of(sql, grouping.where_declared) for sql in kept.values())))}"
    oldest = any("oldest" in columns_of(each.sql, each.where) for each in entries)
    return f"""
        select entity_id, {", ".join(columns)}
        from ({_pairs(grouping, measures, kept, f"select * from ({rows}) where {known}", oldest)})
        group by entity_id"""


def _within(window: int) -> str | None:
    return f"w <= {window}" if window != MONTHS else None


def _pairs(grouping: Grouping, measures: Mapping[str, str], kept: Mapping[tuple[str, int], str], rows: str, oldest: bool) -> str:
    """One row per entity and counterpart with its measures.

    Different values of a column are counted by grouping twice, which costs a fraction of a distinct count within each group and window.
    """
    keys = ", ".join(grouping.by)
    counted = {measure: distinct_counted(measures[measure], grouping.where_declared) for measure, _ in kept}
    columns = set(counted.values()) - {None}
    merging = {measure: merged_by(measures[measure], grouping.where_declared) for measure, _ in kept}
    if len(columns) != 1 or not all(counted[measure] or merging[measure] for measure in counted):
        measured = ", ".join(f"{sql} as {measure}_{window}" for (measure, window), sql in kept.items())
        return f"select entity_id, {keys}, {'max(w) as oldest, ' if oldest else ''}{measured} from ({rows}) group by entity_id, {keys}"
    (column,) = columns
    parts, wholes = ["max(w) as oldest"] if oldest else [], ["max(oldest) as oldest"] if oldest else []
    for (measure, window), sql in kept.items():
        name = f"{measure}_{window}"
        if counted[measure]:
            wholes.append(f"count(*) filter (where counted is not null and n_{window} > 0) as {name}")
        else:
            parts.append(f"{sql} as {name}")
            whole = f"{merging[measure]}({name})"
            wholes.append(f"{f'cast({whole} as bigint)' if measure == 'n' else whole} as {name}")
    return f"""
        select entity_id, {keys}, {", ".join(wholes)}
        from (select entity_id, {keys}, {column} as counted, {", ".join(parts)} from ({rows}) group by entity_id, {keys}, {column})
        group by entity_id, {keys}"""


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


def columns_wanted(
    catalogue: Catalogue, chosen: Mapping[str, Feature], attributes: Iterable[Attribute], acting: Iterable[str]
) -> dict[str, set[str]]:
    """Columns of the joined tables that the chosen features, the peer attributes and the population read."""
    wanted: dict[str, set[str]] = {table: set() for table in COLUMNS}
    relations = relations_of(catalogue.entity)
    entries: list[Entry] = [*attributes, *(feature for feature in chosen.values() if feature.of is not None)]
    used = {name: relations[name] for name in acting}
    read: dict[str, set[str]] = {name: set() for name in used}
    for each in entries:
        of = str(each.of)
        grouping, under = catalogue.groupings.get(of), name_under(catalogue, of)
        used[under] = relations[under]
        read.setdefault(under, set()).update(columns_of(each.sql, each.where), _grouped_columns(grouping, each))
    for name, relation in used.items():
        names = read[name] | columns_of(relation.sql)
        for table, columns in COLUMNS.items():
            if table in relation.sql:
                wanted[table] |= (names | {"w"}) & columns
    return wanted


def _grouped_columns(grouping: Grouping | None, entry: Entry) -> set[str]:
    if grouping is None:
        return set()
    measures = columns_of(entry.sql, entry.where) & grouping.measures.keys()
    texts = [*grouping.by, *([grouping.where] if grouping.where else []), *(grouping.measures[name] for name in measures)]
    return set().union(*(columns_of(text, grouping.where_declared) for text in texts))


def vectors_sql(
    catalogue: Catalogue, chosen: Mapping[str, Feature], attributes: Iterable[Attribute], population: str, shown: set[str]
) -> str:
    """One row per entity of ``population``: attributes, then features.

    Parameters
    ----------
    chosen : the features to compute, expressions after what they read.
    attributes : those whose relations are there.
    population : query that yields each ``entity_id`` once; empty where the claims' own features have one row for each.
    shown : names of the features to return.
    """
    attributes = list(attributes)
    parts = [f"entity as ({population})"] if population else []
    base = "entity" if population else '"of claims"'
    joins, columns = [], []
    for of in dict.fromkeys([each.of for each in attributes] + [each.of for each in chosen.values() if each.of is not None]):
        entries: list[Entry] = [each for each in attributes if each.of == of]
        entries += [each for each in chosen.values() if each.of == of]
        parts.append(f'"of {of}" as ({aggregate_sql(catalogue, of, entries)})')
        if f'"of {of}"' != base:
            joins.append(f'left join "of {of}" on {base}.entity_id = "of {of}".entity_id')
        for each in entries:
            zero = isinstance(each, Feature) and is_zero_without_rows(catalogue, each)
            columns.append(f'coalesce("of {of}"."{each.name}", 0) as "{each.name}"' if zero else f'"of {of}"."{each.name}"')
    select = f"select {base}.entity_id{''.join(', ' + column for column in columns)} from {base} {' '.join(joins)}"
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
    return f"with {', '.join(parts)} select {', '.join(final)} from ({select})"
