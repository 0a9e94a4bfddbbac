"""SQL that turns a source's rows into canonical ones: values of any usual shape, codes, lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fraudml.claims.source import CONTROL, Column, Part
from fraudml.contracts import CANONICAL
from fraudml.engine import identifier, literal

UNREAD = {
    "DATE": "not_a_date",
    "TIMESTAMP": "not_a_date",
    "DOUBLE": "not_a_number",
    "INTEGER": "not_a_number",
    "BOOLEAN": "not_a_flag",
    "VARCHAR[]": "not_a_list",
}
"""Canonical type -> reason code of a value that has no reading as that type."""

DATE_FORMATS = ("%Y%m%d", "%Y%m%d%H%M%S", "%Y%m%d %H:%M:%S", "%Y.%m.%d", "%Y年%m月%d日", "%Y%m%d%H%M", "%Y.%m.%d %H:%M:%S")
"""Shapes beside the ISO ones that DuckDB reads by itself (``2024-01-05``, ``2024/1/5``, with or without a time)."""

MONTH_FORMATS = ("%Y-%m", "%Y%m", "%Y/%m")
NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
FRACTIONS = ("FLOAT", "DOUBLE", "DECIMAL")


@dataclass(frozen=True)
class Value:
    """SQL of one canonical value.

    Attributes
    ----------
    sql : the value.
    failed : condition “the source has something here that cannot be read”, None where that cannot be.
    noted : condition “the source has a code here that is not listed and reads as other”.
    code : reason code of a failure.
    """

    sql: str
    failed: str | None = None
    noted: str | None = None
    code: str = ""


def select(part: Part, table: str, types: Mapping[str, str], separator: str) -> str:
    """SQL that gives a part's rows canonical columns.

    Beside them ``_unread`` (reason codes and columns of what could not be read), ``_noted`` (unlisted codes that read as other) and
    ``_source`` (the row as it came, a struct).

    Parameters
    ----------
    types : lower-case source columns that the relation really has -> SQL type.
    """
    wanted = CANONICAL[table].columns | CONTROL.get(table, {})
    values = {
        name: _value(part.columns[name], name, type_, types, separator) if name in part.columns else Value(f"cast(null as {type_})")
        for name, type_ in wanted.items()
    }
    columns = ",\n    ".join(f"{value.sql} as {identifier(name)}" for name, value in values.items())
    unread = _told([(value.failed, f"{value.code}:{name}") for name, value in values.items() if value.failed])
    noted = _told([(value.noted, f"unknown_code:{name}") for name, value in values.items() if value.noted])
    source = ", ".join(f"{literal(name)}: {identifier(name)}" for name in types)
    where = f" where {part.where}" if part.where else ""
    return f"""
        select {columns},
            {unread} as _unread, {noted} as _noted, {{{source}}} as _source
        from {identifier(part.relation)}{where}"""


def _told(conditions: list[tuple[str, str]]) -> str:
    """SQL of the names of the conditions that hold, joined by ``|``; null where none does."""
    if not conditions:
        return "cast(null as varchar)"
    details = ", ".join(f"case when {sql} then {literal(name)} end" for sql, name in conditions)
    return f"case when {' or '.join(sql for sql, _ in conditions)} then concat_ws('|', {details}) end"


def _value(column: Column, name: str, type_: str, types: Mapping[str, str], separator: str) -> Value:
    if column.sql is not None:
        given, of_type = f"({column.sql})", "ANY"
    else:
        present = [each.lower() for each in column.names if each.lower() in types]
        if not present:
            return Value(f"cast(null as {type_})")
        if len({types[each] for each in present}) > 1:  # fallbacks of several types: all as text
            given, of_type = f"coalesce({', '.join(_text(identifier(each), types[each]) for each in present)})", "VARCHAR"
        elif types[present[0]] == "VARCHAR" and len(present) > 1:
            given, of_type = f"coalesce({', '.join(_text(identifier(each), 'VARCHAR') for each in present)})", "VARCHAR"
        else:
            of_type = types[present[0]]
            given = identifier(present[0]) if len(present) == 1 else f"coalesce({', '.join(map(identifier, present))})"
    if column.codes is not None:
        return _translated(column, _text(given, of_type), of_type, type_)
    if type_ == "VARCHAR":
        return Value(f"nullif(trim({_text(given, of_type)}), '')")
    if of_type == type_ and type_ in ("DATE", "BOOLEAN", "INTEGER", "VARCHAR[]"):
        return Value(f"cast(date_trunc('month', {given}) as date)" if name == "month" else given)
    if of_type == "ANY":
        value = f"try_cast({given} as {type_})"
        return Value(value, f"({given} is not null and {value} is null)", None, UNREAD[type_])
    read = _read(given, of_type, name, type_, separator)
    return Value(read, f"({_text(given, of_type)} is not null and {read} is null)", None, UNREAD[type_])


def _translated(column: Column, text: str, of_type: str, type_: str) -> Value:
    codes = dict(sorted((column.codes or {}).items(), key=lambda each: (-len(each[0]), each[0])))
    if codes and (of_type in NUMBERS or of_type.startswith(FRACTIONS)):  # numbers lose a code's leading zeros
        text = f"lpad({text}, greatest(length({text}), {min(len(code) for code in codes)}), '0')"
    matches = {code: f"starts_with({text}, {literal(code)})" if column.prefix else f"{text} = {literal(code)}" for code in codes}
    cases = " ".join(f"when {matches[code]} then {'null' if value is None else literal(value)}" for code, value in codes.items())
    other = "null" if column.other is None else literal(column.other)
    value = f"cast(case {cases} when {text} is not null then {other} end as {type_})"
    unlisted = f"({text} is not null and not ({' or '.join(matches.values())}))"
    if column.other is None:
        return Value(value, unlisted, None, "unknown_code")
    return Value(value, None, unlisted)


def _text(given: str, of_type: str) -> str:
    if of_type == "VARCHAR":
        return f"nullif(trim({given}), '')"
    if of_type.startswith(FRACTIONS):  # pandas writes codes with gaps as 310.0
        return f"case when {given} = floor({given}) then cast(cast({given} as hugeint) as varchar) else cast({given} as varchar) end"
    return f"cast({given} as varchar)"


def _read(given: str, of_type: str, name: str, type_: str, separator: str) -> str:
    """SQL that reads a value of another type as ``type_``, null where it cannot be read."""
    text = _text(given, of_type)
    if type_ in ("DATE", "TIMESTAMP"):
        if of_type in ("DATE", "TIMESTAMP") or of_type.startswith("TIMESTAMP"):
            value = f"cast({given} as {type_})"
        else:
            formats = ", ".join(literal(each) for each in (MONTH_FORMATS if name == "month" else ()) + DATE_FORMATS)
            value = f"coalesce(try_cast({text} as {type_}), cast(try_strptime({text}, [{formats}]) as {type_}))"
        return f"cast(date_trunc('month', {value}) as date)" if name == "month" else value
    if type_ == "BOOLEAN":
        return (
            f"case lower({text}) when '1' then true when '0' then false when 'true' then true when 'false' then false when 'y' then true "
            "when 'n' then false when 'yes' then true when 'no' then false when 't' then true when 'f' then false "
            "when '是' then true when '否' then false end"
        )
    if type_ == "VARCHAR[]":
        if of_type.endswith("[]"):
            return f"cast({given} as varchar[])"
        return (
            f"case when {text} is not null then list_filter(list_transform(string_split({text}, {literal(separator)}), "
            "lambda each: trim(each)), lambda each: each <> '') end"
        )
    if of_type in NUMBERS or of_type.startswith(FRACTIONS):
        number = f"cast({given} as double)"
    else:
        number = f"coalesce(try_cast({text} as double), try_cast(replace(ltrim({text}, '¥¥￥ '), ',', '') as double))"
    if type_ == "INTEGER":
        return f"case when {number} = floor({number}) then try_cast({number} as integer) end"
    return f"case when isfinite({number}) then {number} end"
