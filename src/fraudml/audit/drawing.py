"""Lists and draws as SQL on the engine: who is measured, who is listed, and why the cut lies where it lies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fraudml.audit.declaration import UNITS, AuditList
from fraudml.engine import identifier, literal

UNKNOWN = "unknown"
"""Stratum of those whose attribute is null."""


def key_sql(seed: int, list_id: str, strata: Sequence[str], unit: str = "entity_id") -> str:
    """SQL of the draw key: SHA-256, in hexadecimal, of ``seed|list|stratum|id`` (strata joined by ``/``)."""
    return f"sha256(concat({literal(f'{seed}|{list_id}|')}, {stratum_sql(strata)}, '|', {unit}))"


def stratum_sql(strata: Sequence[str], of: str = "") -> str:
    """SQL of a stratum's name; ``of`` is the table's prefix."""
    return f"concat_ws('/', {', '.join(of + identifier(each) for each in strata)})" if strata else "''"


def stratum_columns(entry: AuditList) -> tuple[str, ...]:
    """Columns that make a list's strata: ``group`` first where the list has groups."""
    return (("group",) if entry.get("groups") else ()) + entry.strata


def measured_sql(entry: AuditList, only: str = "", shown: bool = False) -> str:
    """One row per stratum and unit of a ``top`` or ``sample`` list: what is measured of it.

    Parameters
    ----------
    only : a query of identifiers; nobody else is measured.
    shown : whether the figures that the list shows beside its measure are computed too.
    """
    unit = UNITS[entry["unit"]]
    strata = [f"coalesce(cast({identifier(each)} as varchar), '{UNKNOWN}')" for each in entry.strata]
    columns = [f"{sql} as {identifier(each)}" for sql, each in zip(strata, entry.strata, strict=True)]
    value = entry.measure.sql if entry.measure else "count(*)"
    columns += [
        "case when max(kind) = 'pharmacy' then 'pharmacy' else 'institution' end as entity_type"
        if unit == "institution_id"
        else f"'{entry['unit']}' as entity_type",
        f"{unit} as entity_id",
        f"round(cast({value} as double), 4) as value",
        f"cast({entry.get('tiebreak', '0')} as double) as tiebreak",
        f"coalesce({entry['include']['where'] if 'include' in entry.options else 'false'}, false) as is_included",
        f"coalesce({entry.get('beyond', 'true')}, false) as is_beyond",
    ]
    if shown:
        columns += [f"{figure.sql} as {identifier(name)}" for name, figure in entry.show.items()]
    parts = []
    for name, group in (entry.get("groups") or {None: {"where": "true"}}).items():
        where = [f"({entry.get('where', 'true')})", f"({group['where']})", f"{unit} is not null"]
        where += [f"{unit} in ({only})"] if only else []
        named = [f'{literal(name)} as "group"'] if name else []
        having = f"\nhaving {entry['having']}" if "having" in entry.options else ""
        parts.append(
            f"select {', '.join([*named, *columns])}\nfrom audited_{entry.get('of', 'claims')}\n"
            f"where {' and '.join(where)}\ngroup by {', '.join([*strata, unit])}{having}"
        )
    return "\nunion all\n".join(parts)


def listed_sql(entry: AuditList, measured: str, seed: int) -> str:
    """Every measured unit with its rank, its draw key, its stratum's population and whether it is listed.

    ``top``: the largest values of each stratum; nothing below or at nought. Equal values at the cut stay together (``ties: together``) or
    are cut by the draw key (``ties: drawn``). ``sample``: those with the smallest draw keys. A stratum smaller than its quota is whole.
    """
    strata = stratum_columns(entry)
    by = f"partition by {', '.join(identifier(each) for each in strata)}" if strata else ""
    keyed = f"""
        select *, {key_sql(seed, entry.id, strata)} as draw_key, count(*) over ({by}) as population
        from ({measured}) {"where value > 0" if entry.kind == "top" else ""}"""
    quota = _quota(entry)
    if entry.kind == "top":
        place = "rank() over" if entry.get("ties", "together") == "together" else "row_number() over"
        order = "value desc" if entry.get("ties", "together") == "together" else "value desc, tiebreak desc, draw_key, entity_id"
        ranked = f"select *, rank() over ({by} order by value desc) as rank, {place} ({by} order by {order}) as place from ({keyed})"
        listed = f"place <= {quota}"
        if "beyond" in entry.options:
            listed = f"place <= {entry['least']} or (place <= {quota} and is_beyond)"
        if "include" in entry.options:
            own = f"{by + ', is_included' if by else 'partition by is_included'}"
            ranked = f"select *, {place} ({own} order by {order}) as own_place from ({ranked})"
            kept = f"(is_included and own_place <= {entry['include']['least']})"
            if entry["include"]["by"] == "extend":
                listed = f"place <= {quota} or {kept}"
            else:  # the last of the others make room for those that must be among them
                ranked = f"select *, {kept} as kept, count(*) filter (where {kept}) over ({by}) as kept_count from ({ranked})"
                others = f"{by + ', kept' if by else 'partition by kept'}"
                ranked = f"select *, {place} ({others} order by {order}) as rest_place from ({ranked})"
                listed = f"kept or rest_place <= {quota} - kept_count"
        return f"""select *, coalesce({listed}, false) as listed, {quota} as quota,
            case when population <= {quota} then 'whole' else 'ranked' end as drawn from ({ranked})"""
    eligible = "true"
    if "among" in entry.options:
        among = entry["among"]
        top = str(among["size"]) if "size" in among else f"greatest({among.get('least', 1)}, ceil({among['share']} * population))"
        keyed = f"select *, rank() over ({by} order by value desc) <= {top} as eligible from ({keyed})"
        eligible = "eligible"
    ranked = f"select *, {eligible} as can_be_drawn from ({keyed})"
    own = f"{by + ', can_be_drawn' if by else 'partition by can_be_drawn'}"
    ranked = f"select *, row_number() over ({own} order by draw_key, entity_id) as rank, count(*) over ({own}) as frame from ({ranked})"
    quota = _quota(entry, "frame")
    return f"""select *, can_be_drawn and rank <= {quota} as listed, {quota} as quota,
        case when frame <= {quota} then 'whole' else 'random' end as drawn from ({ranked})"""


def _quota(entry: AuditList, population: str = "population") -> str:
    """SQL of how many a stratum gives."""
    if "size" in entry.options:
        return str(entry["size"])
    # 0.1 * 30 is 3.0000000000000004 in binary: rounded before it is rounded up
    return f"cast(greatest({entry.get('least', 1)}, ceil(round({entry['share']} * {population}, 6))) as bigint)"


def summary_sql(entry: AuditList, listed: str) -> str:
    """One row per stratum: population, quota, how many are listed, the value at the cut, how many share it, and the median."""
    strata = stratum_columns(entry)
    names = ", ".join(identifier(each) for each in strata)
    frame = "count(*) filter (where can_be_drawn)" if entry.kind == "sample" else "count(*)"
    return f"""
        select {stratum_sql(strata)} as stratum{", " + names if names else ""}, count(*) as population,
            {frame} as frame, max(quota) as quota,
            count(*) filter (where listed) as listed,
            min(value) filter (where listed) as cut_value, count(*) filter (where listed and value = cut) as at_cut,
            round(median(value), 4) as median_value, round(sum(value), 2) as total_value
        from (select *, min(value) filter (where listed) over ({f"partition by {names}" if names else ""}) as cut from ({listed}))
        group by {names or "()"} order by stratum"""


def rows_sql(entry: AuditList, listed: str) -> str:
    """The listed rows with the figures shown, in the order of strata, rank and identifier."""
    strata = stratum_columns(entry)
    names = [*strata, "rank", "entity_type", "entity_id", "value"]
    columns = ", ".join([*(f"listed.{identifier(each)}" for each in names), *(f"shown.{identifier(each)}" for each in entry.show)])
    order = ", ".join([*(f"listed.{identifier(each)}" for each in strata), "listed.rank", "listed.entity_id"])
    # what is shown is computed for those listed only
    shown = measured_sql(entry, only=f"select entity_id from ({listed}) where listed", shown=True) if entry.show else ""
    keys = " and ".join(f"listed.{identifier(each)} = shown.{identifier(each)}" for each in (*strata, "entity_id"))
    joined = f"left join ({shown}) as shown on {keys}" if shown else ""
    return f"""
        select {stratum_sql(strata, "listed.")} as stratum, {columns}, listed.drawn, listed.draw_key
        from (select * from ({listed}) where listed) as listed {joined} order by {order}"""


def example_key(seed: int, list_id: str, stratum: str, identity: str) -> tuple[str, str]:
    """The text that is hashed and its key, as the protocol shows them: whoever has the data can repeat the draw."""
    import hashlib

    text = f"{seed}|{list_id}|{stratum}|{identity}"
    return text, hashlib.sha256(text.encode()).hexdigest()


def plain(value: Any) -> Any:
    """A value of an engine's row as Python's own."""
    return value.item() if hasattr(value, "item") else value
