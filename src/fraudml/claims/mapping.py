"""SQL that turns a source's rows into canonical ones: values of any usual shape, codes, lists."""

from __future__ import annotations

from collections.abc import Mapping

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

DATE_FORMATS = (
    *("%Y%m%d", "%Y%m%d%H%M%S", "%Y%m%d %H:%M:%S", "%Y%m%dT%H%M%S", "%Y%m%d%H%M", "%Y.%m.%d", "%Y.%m.%d %H:%M:%S"),
    *("%Y年%m月%d日", "%Y年%m月%d日 %H:%M:%S", "%Y年%m月%d日 %H:%M"),
    *("%Y年%m月%d日 %H时%M分%S秒", "%Y年%m月%d日 %H时%M分", "%Y年%m月%d日%H时%M分%S秒", "%Y年%m月%d日%H时%M分"),
)
"""Shapes beside the ISO ones that DuckDB reads by itself (``2024-01-05``, ``2024/1/5``, with or without a time)."""

WIDE, NARROW = "０１２３４５６７８９．，－＋：／", "0123456789.,-+:/"
"""What a Chinese keyboard leaves in full width."""
YES, NO = ("1", "1.0", "true", "t", "y", "yes", "是", "有"), ("0", "0.0", "false", "f", "n", "no", "否", "无")
FLAGS = dict.fromkeys(YES, True) | dict.fromkeys(NO, False)
MONTH_FORMATS = ("%Y-%m", "%Y%m", "%Y/%m")
FIRST_DAY, LAST_DAY = "1000-01-01", "9999-12-31"
"""Years have four digits: DuckDB also reads ``infinity``, ``1.2.3`` and a slip like ``20240-06-03`` as days."""
BLANKS = "".join(
    chr(code)
    for code in [*range(33), 0x7F, 0x85, 0xA0, 0x1680, *range(0x2000, 0x2010), *range(0x2028, 0x2030), 0x205F, 0x2060, 0x3000, 0xFEFF]
)
"""What may stand around a value and be no part of it: blanks of all widths and none, NUL that fills up fixed widths, tabs, line ends, marks
of reading direction."""
NO_WORD = "when {given} = 'nan' or {given} = 'NaN' then null"
NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
FRACTIONS = ("FLOAT", "DOUBLE", "DECIMAL")
TIDY = "TEXT"
"""Type of a column of text whose file was looked through: no value has a blank around it, none is empty. Otherwise text is VARCHAR."""
TEXTS = ("VARCHAR", TIDY)
SOURCE = "source."
"""Stands before the name of a column of the source row, beside the canonical ones."""


def source_column(name: str) -> str:
    """How a column of the source row is called beside the canonical ones."""
    return identifier(SOURCE + name)


def select(part: Part, table: str, types: Mapping[str, str], separator: str, zone: str | None) -> str:
    """SQL that gives a part's rows canonical columns.

    Beside them the source row as it came (:func:`source_column`) and ``_unread``: reason codes and columns of what could not be read.

    Parameters
    ----------
    types : lower-case source columns that the relation really has -> SQL type.
    separator : between the entries of a list.
    zone : whose clock tells times whose text names a zone; None: they are taken as they stand.
    """
    wanted = CANONICAL[table].columns | CONTROL.get(table, {})
    seen: dict[str, str] = {}
    usual, values, unread = [], [], []
    for name, type_ in wanted.items():
        given, of_type = _given(part.columns.get(name), types)
        if of_type == "NULL":
            values.append(f"cast(null as {type_}) as {identifier(name)}")
            continue
        column = part.columns[name]
        if type_ == "VARCHAR" and column.codes is None:
            value = _identity(given, of_type) if name.endswith("_id") or name in ("refund_of", "invoice_no") else _word(given, of_type)
            values.append(f"{value} as {identifier(name)}")
            continue
        text, quick = identifier(f"given.{name}"), identifier(f"usual.{name}")
        seen[text] = given
        value = _value(column, text, of_type, name, type_, separator, zone)
        if (reading := _usual(column, text, of_type, name, type_)) is not None:
            usual.append(f"{reading} as {quick}")
            value = f"case when {_readable(quick, type_)} then {quick} when {text} is not null then {value} end"
        values.append(f"{value} as {identifier(name)}")
        code = UNREAD[type_] if column.codes is None else "unknown_code"
        unread.append((f"{identifier(name)} is null and {text} is not null", _something(column, text, of_type, type_), f"{code}:{name}"))
    columns = ", ".join(map(identifier, wanted))
    source = ", ".join(map(source_column, types))
    raw = [*(f"{identifier(name)} as {source_column(name)}" for name in types), *(f"{sql} as {text}" for text, sql in seen.items())]
    where = f" where {part.where}" if part.where else ""
    # step by step, because a repeated expression would be worked out twice: what is given, its usual reading, the value, what has none
    return f"""
        select {columns}, {source}, {_told(unread)} as _unread
        from (select {", ".join([*values, source, *seen])}
            from (select {", ".join(["*", *usual])}
                from (select {", ".join(["*", *raw])} from {identifier(part.relation)}{where})))"""


def _told(conditions: list[tuple[str, str, str]]) -> str:
    """SQL of the names of the conditions that hold, joined by ``|``; null where none does.

    Parameters
    ----------
    conditions : a condition that is quick to see and seldom holds, what must hold beside it, and the name.
    """
    if not conditions:
        return "cast(null as varchar)"
    seldom = " or ".join(f"({quick})" for quick, _, _ in conditions)
    details = ", ".join(f"case when {quick} then case when {beside} then {literal(name)} end end" for quick, beside, name in conditions)
    return f"case when {seldom} then nullif(concat_ws('|', {details}), '') end"


def _given(column: Column | None, types: Mapping[str, str]) -> tuple[str, str]:
    """SQL of what the source gives for a column, and its type (``ANY`` for an expression, ``NULL`` for nothing)."""
    if column is None:
        return "null", "NULL"
    if column.sql is not None:
        return f"({column.sql})", "ANY"
    present = [each.lower() for each in column.names if each.lower() in types]
    if not present:
        return "null", "NULL"
    if len(present) == 1:
        return identifier(present[0]), types[present[0]]
    kinds = {types[each] for each in present}
    if len(kinds) == 1 and not kinds & {*TEXTS}:
        return f"coalesce({', '.join(map(identifier, present))})", types[present[0]]
    texts = (
        _unless_empty(name, types[each]) if types[each] in TEXTS else as_text(name, types[each])
        for each in present
        for name in [identifier(each)]
    )
    return f"coalesce({', '.join(texts)})", TIDY if kinds == {TIDY} else "VARCHAR"


def _something(column: Column, seen: str, of_type: str, type_: str) -> str:
    """Condition that a given value is more than blanks, and no code that is declared to mean nothing."""
    text = as_text(seen, of_type) if type_ in ("DOUBLE", "INTEGER") and column.codes is None else _word(seen, of_type)
    nothing = [code for code, value in (column.codes or {}).items() if value is None]
    return " and ".join([f"{text} is not null", *(f"{text} <> {literal(code)}" for code in nothing)])


def _readable(value: str, type_: str) -> str:
    """Condition that a value is one to reckon with: a finite number, a day of the calendar."""
    if type_ in ("DATE", "TIMESTAMP"):
        return f"cast({value} as date) between date '{FIRST_DAY}' and date '{LAST_DAY}'"
    return f"isfinite({value})" if type_ == "DOUBLE" else f"{value} is not null"


def _usual(column: Column, given: str, of_type: str, name: str, type_: str) -> str | None:
    """SQL of the reading that nearly every text has, null for the others; None where there is but one way to read."""
    if of_type not in TEXTS or name == "month":
        return None
    if column.codes is not None:
        return f"cast({_matched(column, given)} as {type_})"
    if type_ == "BOOLEAN":
        return f"case {given} when '1' then true when '0' then false end"
    if type_ in ("DATE", "TIMESTAMP"):
        # a day, or a time to the second: no zone; what else bears none is told by a look at its end, which takes longer
        plain = f"strlen({given}) <= 10 or (strlen({given}) = 19 and not contains({given}, '+'))"
        return f"case when {plain} or not {_bears_zone(given)} then try_cast({given} as {type_}) end"
    return f"try_cast({given} as {type_})" if type_ == "DOUBLE" else None


def _bears_zone(text: str) -> str:
    """Condition that a time says whose clock it was read from (``…Z``, ``…+08``, ``…+08:00``, ``… UTC``): DuckDB passes over it."""
    return f"regexp_matches({text}, ':[0-9]{{2}}([.][0-9]+)?(Z| UTC| GMT|[-+][0-9]{{2}}(:?[0-9]{{2}})?)$')"


def _value(column: Column, given: str, of_type: str, name: str, type_: str, separator: str, zone: str | None) -> str:
    if column.codes is not None:
        return f"cast({_translated(column, given, of_type)} as {type_})"
    if of_type == type_ and type_ in ("BOOLEAN", "INTEGER", "VARCHAR[]"):
        return given
    if of_type == "ANY":
        return f"try_cast({given} as {type_})"
    return _read(given, of_type, name, type_, separator, zone)


def _translated(column: Column, given: str, of_type: str) -> str:
    """The canonical value of a code, without blanks around it; what is not listed is other.

    Programs that take codes for numbers cost them their leading zeros and leave ``9.0`` of ``09``; others write ``02`` for ``2``.
    """
    text = _word(given, of_type)
    width = min(len(code) for code in column.codes or {})

    def padded(digits: str) -> str:
        return f"lpad({digits}, cast(greatest(length({digits}), {width}) as integer), '0')"

    if of_type in NUMBERS or of_type.startswith(FRACTIONS):
        value = _matched(column, padded(text))
    else:
        as_number = _once(
            "case when regexp_full_match(code, '[0-9]+([.]0+)?') then split_part(code, '.', 1) end",
            "digits",
            f"""
            coalesce({_matched(column, padded("digits"))}, {_matched(column, "ltrim(digits, '0')")})""",
        )
        value = _once(text, "code", f"coalesce({_matched(column, 'code')}, {as_number})")
    if column.other is None:
        return value
    return f"coalesce({value}, case when {text} is not null then {literal(column.other)} end)"


def _once(value: str, name: str, expression: str) -> str:
    """SQL of an expression over a value that is named in it, so that a long value is written (and planned) once."""
    return f"list_transform([{value}], lambda {name}: {expression})[1]"


def _matched(column: Column, text: str) -> str:
    codes = {code: value for code, value in (column.codes or {}).items() if value is not None}
    cases = " ".join(f"when {literal(code)} then {literal(value)}" for code, value in codes.items())
    whole = f"case {text} {cases} end"
    if not column.prefix:
        return whole
    by_length = [whole]  # to cut a text is slower than to compare it
    for length in sorted({len(code) for code in codes}, reverse=True):  # the longest first
        cases = " ".join(f"when {literal(code)} then {literal(value)}" for code, value in codes.items() if len(code) == length)
        by_length.append(f"case left({text}, {length}) {cases} end")
    return f"coalesce({', '.join(by_length)})"


def _identity(given: str, of_type: str) -> str:
    """SQL of an identifier as text: pandas writes a column of numbers with gaps as ``1001.0``, and other tables know it as ``1001``."""
    number = f"when ends_with({given}, '.0') and regexp_full_match({given}, '[0-9]+[.]0') then split_part({given}, '.', 1)"
    return _cleaned(given, of_type, f"{NO_WORD.format(given=given)} {number}") if of_type in TEXTS else as_text(given, of_type)


def _word(given: str, of_type: str) -> str:
    """SQL of a value as text, for what is no number: there ``nan`` is how programs wrote an empty cell."""
    return _cleaned(given, of_type, NO_WORD.format(given=given)) if of_type in TEXTS else as_text(given, of_type)


def _cleaned(given: str, of_type: str, other: str = "") -> str:
    if of_type == TIDY:
        return f"case {other} else {given} end" if other else given
    # only what may have something around it is trimmed: to look is cheaper
    looks_blank = f"contains({given}, ' ') or contains({given}, '\t') or contains({given}, '\0') or strlen({given}) <> length({given})"
    return f"case when {given} < '!' or {given} > '~' or {looks_blank} then {_trimmed(given)} {other} else {given} end"


def _unless_empty(given: str, of_type: str) -> str:
    """SQL of a text as it is, null where there is nothing but blanks in it: whoever reads it trims it."""
    blank = "" if of_type == TIDY else f"when {given} < '!' or {given} > '~' then {_trimmed(given)}"
    return f"case {blank} {NO_WORD.format(given=given)} else {given} end"


def _trimmed(text: str) -> str:
    return f"nullif(trim({text}, {literal(BLANKS)}), '')"


def as_text(given: str, of_type: str) -> str:
    """SQL of a source value as text: without blanks around it, a whole number without a fraction, null where nothing is left."""
    if of_type in TEXTS:
        return _cleaned(given, of_type)
    if of_type.startswith(FRACTIONS):  # pandas writes codes with gaps as 310.0
        return f"case when {given} = floor({given}) then cast(cast({given} as hugeint) as varchar) else cast({given} as varchar) end"
    if of_type == "ANY":
        return _trimmed(f"cast({given} as varchar)")
    return f"cast({given} as varchar)"


def _read(given: str, of_type: str, name: str, type_: str, separator: str, zone: str | None) -> str:
    """SQL that reads a value of another type as ``type_``, null where it cannot be read: the usual shape first, then the others."""
    text = as_text(given, of_type)
    if of_type in TEXTS and type_ in ("DATE", "TIMESTAMP", "DOUBLE", "INTEGER"):
        text = f"translate({text}, '{WIDE}', '{NARROW}')"
    numeric = of_type in NUMBERS or of_type.startswith(FRACTIONS)
    if type_ in ("DATE", "TIMESTAMP"):
        if of_type == "DATE" or of_type.startswith("TIMESTAMP"):
            value = f"cast({given} as {type_})"
        else:
            formats = ", ".join(literal(each) for each in (MONTH_FORMATS if name == "month" else ()) + DATE_FORMATS)
            usual = "" if numeric else f"try_cast({given} as {type_}), try_cast({text} as {type_}), "
            value = f"coalesce({usual}cast(try_strptime(regexp_replace({text}, '[.]0+$', ''), [{formats}]) as {type_}))"
            if zone and not numeric:
                told = f"cast(timezone({literal(zone)}, try_cast({text} as timestamptz)) as {type_})"
                value = f"case when {_bears_zone(text)} then {told} else {value} end"
        value = _once(value, "day", f"case when {_readable('day', type_)} then day end")
        return f"cast(date_trunc('month', {value}) as date)" if name == "month" else value
    if type_ == "BOOLEAN":
        # a case, not an IN: a long list would become a join of every row
        cases = " ".join(f"when {literal(word)} then {str(meaning).lower()}" for word, meaning in FLAGS.items())
        return f"case lower({text}) {cases} end"
    if type_ == "VARCHAR[]":
        if of_type.endswith("[]"):
            return f"cast({given} as varchar[])"
        return f"""case when {given} is not null then nullif(list_filter(list_transform(string_split({given}, {literal(separator)}),
            lambda each: {_trimmed("each")}), lambda each: each is not null), []) end"""
    if numeric:
        number = f"cast({given} as double)"
    else:
        grouped = "regexp_full_match(bare, '[-+]?[0-9]{1,3}(,[0-9]{3})+([.][0-9]*)?')"
        plain = f"try_cast(case when {grouped} then replace(bare, ',', '') else bare end as double)"
        number = _once(f"ltrim(rtrim({text}, ' 元'), '¥¥￥ ')", "bare", plain)
    if type_ == "INTEGER":
        return _once(number, "number", "case when number = floor(number) then try_cast(number as integer) end")
    readable = "case when {} then {} end"
    if numeric:
        return readable.format(_readable(number, type_), number)
    return _once(number, "number", readable.format(_readable("number", type_), "number"))
