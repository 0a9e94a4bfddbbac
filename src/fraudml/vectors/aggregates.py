"""From declarations to SQL: one pass over a relation gives all its features and windows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from fraudml.engine import columns_of, windowed
from fraudml.engine.sql import columns_needed, distinct_counted, is_total, merged_by
from fraudml.vectors.declared import Attribute, Catalogue, Feature
from fraudml.vectors.joined import COLUMNS, VALUED
from fraudml.vectors.relations import Grouping, Relation, relations_of

MONTHS = 12
"""The widest window: what is older is not read at all."""

UNTIED = 1.23e-10
"""Added before rounding to 8 decimals: shares such as 1/512 end in a 5 there, and the last digit of a sum would decide."""

Entry = Feature | Attribute


def relation_under(catalogue: Catalogue, of: str) -> Relation:
    """The relation that a feature's rows come from: that of a grouping is the one it groups."""
    return relations_of(catalogue.entity)[name_under(catalogue, of)]


def name_under(catalogue: Catalogue, of: str) -> str:
    """Name of the relation that a feature's rows come from."""
    return catalogue.groupings[of].of if of in catalogue.groupings else of


@dataclass(frozen=True)
class Parts:
    """A relation whose rows somebody has put together by months.

    Attributes
    ----------
    rows : relation of the session: one row per entity (pair) and month, with ``w``.
    wholes : entry (of a pair relation: measure) -> its expression over these rows.
    """

    rows: str
    wholes: Mapping[str, str]


def aggregate_sql(catalogue: Catalogue, of: str, entries: Iterable[Entry], parts: Parts | None = None) -> str:
    """One row per entity with the features and attributes of one relation, over its parts where these are given."""
    if of in catalogue.groupings:
        grouping = catalogue.groupings[of]
        return _of_pairs(grouping, relations_of(catalogue.entity)[grouping.of], list(entries), parts)
    relation = relations_of(catalogue.entity)[of]
    entries = list(entries)
    columns = []
    for each in entries:
        window = _window(each)
        condition = f"w <= {window}" if relation.windowed and window != MONTHS else None
        sql = each.sql if relation.single else windowed(parts.wholes[each.name] if parts else each.sql, condition, each.where)
        columns.append(f'{sql} as "{each.name}"')
    rows = f"select * from {parts.rows}" if parts else _rows(relation, set().union(*(columns_of(each.sql, each.where) for each in entries)))
    return f"select entity_id, {', '.join(columns)} from ({rows}){'' if relation.single else ' group by entity_id'}"


def _rows(relation: Relation, read: set[str]) -> str:
    """The relation's query; over the valued items only where they are read, because that join has its price."""
    return relation.sql.replace("joined_items", "valued_items") if read & VALUED else relation.sql


def _of_pairs(grouping: Grouping, relation: Relation, entries: list[Entry], parts: Parts | None) -> str:
    """Aggregates over a pair relation, whose measures are kept once per window: ``n`` is read as ``n_3``."""
    measures = parts.wholes if parts else {"n": "count(*)", **grouping.measures}
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
    if parts:
        rows = f"select * from {parts.rows}"
    else:
        read = set().union(*(columns_of(sql, grouping.where_declared) for sql in kept.values()))
        rows = f"select * from ({_rows(relation, read)}) where {known}"
    oldest = any("oldest" in columns_of(each.sql, each.where) for each in entries)
    return f"""
        select entity_id, {", ".join(columns)}
        from ({_pairs(grouping, measures, kept, rows, oldest)})
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


def _from_parts_or_rows(
    catalogue: Catalogue, of: str, entries: list[Entry], parts: Parts | None
) -> Iterator[tuple[str, list[Entry], Parts | None]]:
    """Names of subqueries with the entries of a relation that each computes: of a pair relation all from the same rows."""
    if of in catalogue.groupings or parts is None:
        yield f"of {of}", entries, parts
        return
    for name, some, known in (
        (f"of {of}", [each for each in entries if each.name not in parts.wholes], None),
        (f"parts of {of}", [each for each in entries if each.name in parts.wholes], parts),
    ):
        if some:
            yield name, some, known


def vectors_sql(
    catalogue: Catalogue,
    chosen: Mapping[str, Feature],
    attributes: Iterable[Attribute],
    population: str,
    shown: set[str],
    in_parts: Mapping[str, Parts] | None = None,
) -> str:
    """One row per entity of ``population``: attributes, then features.

    Parameters
    ----------
    chosen : the features to compute, expressions after what they read.
    attributes : those whose relations are there.
    population : query that yields each ``entity_id`` once; empty where the claims' own features have one row for each.
    shown : names of the features to return.
    in_parts : relation -> its monthly parts, where somebody has them.
    """
    attributes = list(attributes)
    parts = [f"entity as ({population})"] if population else []
    base = "entity" if population else '"of claims"'
    joins, columns = [], []
    for of in dict.fromkeys([each.of for each in attributes] + [each.of for each in chosen.values() if each.of is not None]):
        entries: list[Entry] = [each for each in attributes if each.of == of]
        entries += [each for each in chosen.values() if each.of == of]
        for name, some, known in _from_parts_or_rows(catalogue, of, entries, (in_parts or {}).get(str(of))):
            parts.append(f'"{name}" as ({aggregate_sql(catalogue, of, some, known)})')
            if f'"{name}"' != base:
                joins.append(f'left join "{name}" on {base}.entity_id = "{name}".entity_id')
            for each in some:
                zero = isinstance(each, Feature) and is_zero_without_rows(catalogue, each)
                columns.append(f'coalesce("{name}"."{each.name}", 0) as "{each.name}"' if zero else f'"{name}"."{each.name}"')
    select = f"select {base}.entity_id{''.join(', ' + column for column in columns)} from {base} {' '.join(joins)}"
    for feature in chosen.values():
        if feature.of is None:
            select = f'select *, ({feature.sql}) as "{feature.name}" from ({select})'
    final = ["entity_id"] + [f'cast("{each.name}" as varchar) as "{each.name}"' for each in attributes]
    # nought through nought is unknown, not infinite; the last digits of a sum depend on the order of its rows
    final += [
        f'case when isfinite(cast("{name}" as double)) then round(cast("{name}" as double) + {UNTIED}, 8) end as "{name}"'
        for name in catalogue.features
        if name in chosen and name in shown
    ]
    return f"with {', '.join(parts)} select {', '.join(final)} from ({select})"
