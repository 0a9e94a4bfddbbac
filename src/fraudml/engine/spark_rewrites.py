"""What DuckDB and Spark mean differently, one function per difference: a node of DuckDB's meaning in, Spark's expression of it out.

A function returns the node itself where there is nothing to put right. Arguments have been rewritten already.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp

INFINITY = "DOUBLE('Infinity')"
DAY = 86_400_000_000
"""Microseconds."""

WHOLE = exp.DataType.INTEGER_TYPES
LISTS = (exp.ArrayFilter, exp.Transform, exp.Array, exp.ArrayConcat, exp.ArraySlice)


def call(name: str, *arguments: exp.Expr | str | int) -> exp.Expr:
    return exp.Anonymous(
        this=name, expressions=[exp.maybe_parse(str(each)) if isinstance(each, (str, int)) else each.copy() for each in arguments]
    )


def raw(text: str) -> exp.Expr:
    """Spark SQL that is right as it stands."""
    return exp.Var(this=text)


def when(condition: exp.Expr, yes: exp.Expr, no: exp.Expr | None = None) -> exp.Expr:
    made = exp.Case().when(condition, yes)
    return made.else_(no) if no is not None else made


def is_a(node: exp.Expr, *kinds: Any) -> bool:
    return node.type is not None and node.type.this in kinds


def is_list(node: exp.Expr) -> bool:
    return is_a(node, exp.DataType.Type.ARRAY, exp.DataType.Type.LIST) or isinstance(node, LISTS)


def as_double(node: exp.Expr) -> exp.Expr:
    if is_a(node, exp.DataType.Type.DOUBLE) or isinstance(node, exp.Literal):
        return node
    return exp.cast(exp.paren(node) if isinstance(node, exp.Binary) else node, "double")


def inner(node: exp.Expr) -> exp.Expr:
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def is_never_zero(node: exp.Expr) -> bool:
    """A literal, or a divisor that its author guarded."""
    node = inner(node)
    if isinstance(node, exp.Var):  # a number with a point, rewritten
        return float(node.name.rstrip("D")) != 0
    return isinstance(node, exp.Nullif) or (isinstance(node, exp.Literal) and float(node.name) != 0)


# ---------------------------------------------------------------------------------------------------------------- numbers
def number(node: exp.Literal) -> exp.Expr:
    """With a point it is a double: Spark's DECIMAL would be rounded to a few places on division."""
    if node.is_string or node.name.isdigit():
        return node
    made = raw(f"{node.name}D")
    made.type = exp.DataType.build("double")
    return made


def division(node: exp.Div) -> exp.Expr:
    """``/`` is floating-point division: by zero it gives an infinity, and nought through nought no number; in Spark it fails."""
    left, right = node.this, node.expression
    plain = exp.Div(this=as_double(left), expression=right, typed=False, safe=False)
    if is_never_zero(right):
        return plain
    return exp.paren(
        when(
            exp.EQ(this=exp.paren(right.copy()), expression=exp.Literal.number(0)),
            exp.Mul(this=exp.paren(as_double(left.copy())), expression=raw(INFINITY)),
            plain,
        )
    )


def remainder(node: exp.Mod) -> exp.Expr:
    """By zero: null for Spark only where asked."""
    if is_never_zero(node.expression):
        return node
    return exp.Mod(this=node.this, expression=exp.Nullif(this=node.expression, expression=exp.Literal.number(0)))


def logarithm(node: exp.Ln) -> exp.Expr:
    """Of zero: minus infinity; in Spark null."""
    if is_never_zero(node.this):
        return node
    return exp.paren(when(exp.EQ(this=exp.paren(node.this.copy()), expression=exp.Literal.number(0)), raw(f"-{INFINITY}"), node.copy()))


def rounding(node: exp.Round) -> exp.Expr:
    """To decimals by way of a multiplication, as DuckDB does; Spark rounds the number's shortest text."""
    places = node.args.get("decimals")
    if places is None or not isinstance(places, exp.Literal) or int(places.name) <= 0 or is_a(node.this, *WHOLE):
        return node
    power = raw(f"1e{places.name}D")
    scaled = exp.Mul(this=exp.paren(as_double(node.this)), expression=power)
    return exp.paren(exp.Div(this=exp.Round(this=scaled), expression=power.copy(), typed=False, safe=False))


def finite(node: exp.Anonymous) -> exp.Expr:
    return exp.paren(exp.LT(this=call("abs", node.expressions[0]), expression=raw(INFINITY)))


def cast(node: exp.Cast) -> exp.Expr:
    """A double becomes the nearest whole number (ties to even); Spark cuts it off. A time of day is microseconds since midnight."""
    if node.to.this == exp.DataType.Type.TIME:
        if isinstance(node.this, exp.Literal):
            hours, minutes, seconds = node.this.name.split(":")
            return exp.Literal.number(int(((int(hours) * 60 + int(minutes)) * 60 + float(seconds)) * 1_000_000))
        return call("pmod", call("unix_micros", exp.cast(node.this, "timestamptz")), DAY)
    if node.to.this in WHOLE and (
        is_a(node.this, exp.DataType.Type.DOUBLE, exp.DataType.Type.FLOAT) or isinstance(inner(node.this), exp.Div)
    ):
        return exp.Cast(this=call("rint", node.this), to=node.to)
    if node.to.this == exp.DataType.Type.DECIMAL:
        return exp.Cast(this=node.this, to=exp.DataType.build("double"))
    return node


# ------------------------------------------------------------------------------------------------------------------- time
def difference(node: exp.Sub) -> exp.Expr:
    """Day minus day is a number of days; in Spark an interval."""
    day = exp.DataType.Type.DATE
    if is_a(node.this, day) and is_a(node.expression, day):
        return call("datediff", node.this, node.expression)
    return shifted(node)


def shifted(node: exp.Sub | exp.Add) -> exp.Expr:
    """Day plus days: Spark wants an INT."""
    for key, other in (("expression", "this"), ("this", "expression")):
        if is_a(node.args[other], exp.DataType.Type.DATE) and is_a(node.args[key], *WHOLE) and not isinstance(node.args[key], exp.Literal):
            node.set(key, exp.cast(exp.paren(node.args[key]), "int"))
    return node


def date_difference(node: exp.DateDiff) -> exp.Expr:
    """Boundaries crossed between two moments; Spark counts whole units."""
    later, earlier, unit = node.this, node.expression, str(node.args.get("unit") or "day").lower()
    if unit == "day":
        return call("datediff", later, earlier)
    parts: list[exp.Expr]
    if unit in ("month", "year"):
        parts = [exp.paren(_whole_months(each)) if unit == "month" else call("year", each) for each in (later, earlier)]
        return exp.paren(exp.Sub(this=parts[0], expression=parts[1]))
    seconds = {"second": 1, "minute": 60, "hour": 3600}[unit]
    parts = [_floored(call("unix_seconds", exp.cast(each, "timestamptz")), seconds) for each in (later, earlier)]
    return exp.paren(exp.Sub(this=parts[0], expression=parts[1]))


def _whole_months(node: exp.Expr) -> exp.Expr:
    return exp.Add(this=exp.Mul(this=call("year", node), expression=exp.Literal.number(12)), expression=call("month", node))


def _floored(node: exp.Expr, by: int) -> exp.Expr:
    return node if by == 1 else call("floor", exp.Div(this=node, expression=exp.Literal.number(by), typed=False, safe=False))


def day_of_week(node: exp.DayOfWeek) -> exp.Expr:
    """Sunday is 0; in Spark 1."""
    return exp.paren(exp.Sub(this=call("dayofweek", node.this), expression=exp.Literal.number(1)))


def iso_day_of_week(node: exp.DayOfWeekIso) -> exp.Expr:
    """Monday is 1; Spark's ``weekday`` begins with 0."""
    return exp.paren(exp.Add(this=call("weekday", node.this), expression=exp.Literal.number(1)))


def truncated_moment(node: exp.TimestampTrunc) -> exp.Expr:
    """Without a time zone."""
    return exp.Cast(this=node, to=exp.DataType.build("timestamp_ntz", dialect="spark"))


def interval(node: exp.Interval) -> exp.Expr:
    if isinstance(node.this, exp.Paren) and isinstance(inner(node.this), exp.Literal):
        node.set("this", exp.Literal.string(inner(node.this).name))
    return node


def series(node: exp.GenerateSeries) -> exp.Expr:
    """Empty where the end lies before the start; Spark fails."""
    start, end = node.args["start"], node.args["end"]
    step = [node.args["step"]] if node.args.get("step") else []
    return exp.paren(
        when(exp.LTE(this=exp.paren(start.copy()), expression=exp.paren(end.copy())), call("sequence", start, end, *step), call("array"))
    )


# ---------------------------------------------------------------------------------------------------------------- windows
def window(node: exp.Window) -> exp.Expr:
    """Different values in a window: Spark counts them as a set. A window's name ends at a bracket: ``over w - 1`` is misread."""
    counted = node.this
    if isinstance(counted, exp.Count) and isinstance(counted.this, exp.Distinct) and len(counted.this.expressions) == 1:
        node.set("this", call("collect_set", counted.this.expressions[0]))
        return call("size", node)
    return exp.paren(node) if node.alias else node


# ------------------------------------------------------------------------------------------------------------- aggregates
def with_filter(node: exp.Filter) -> exp.Expr:
    """A filter on what has become an expression of aggregates narrows each of them."""
    if node.this.meta.get("aggregate") or not any(each.meta.get("aggregate") for each in node.this.walk()):
        return node
    condition = node.expression.this

    def narrowed(each: exp.Expr) -> exp.Expr:
        if isinstance(each, exp.Anonymous) and each.meta.get("aggregate"):
            return exp.Filter(this=each, expression=exp.Where(this=condition.copy()))
        return each

    return node.this.transform(narrowed)


def aggregate(name: str, *arguments: exp.Expr | str) -> exp.Expr:
    made = call(name, *arguments)
    made.meta["aggregate"] = True
    return made


def any_value(node: exp.AnyValue) -> exp.Expr:
    """The first known value; in Spark the first row's."""
    return _first(node.this.this if isinstance(node.this, exp.HavingMax) else node.this, known=True)


def first(node: exp.First) -> exp.Expr:
    return _first(node.this, known=False)


def _first(value: exp.Expr, known: bool) -> exp.Expr:
    if isinstance(value, exp.Order):
        ordered = _sorted_list(value.this, value.expressions)
        return call("try_element_at", ordered, 1)
    return aggregate("first", value, raw("TRUE")) if known else aggregate("first", value)


def extreme(name: str) -> Callable[[exp.ArgMax | exp.ArgMin], exp.Expr]:
    """``arg_max``: rows count where both are known; a tuple's unknown members are the largest."""

    def made(node: exp.ArgMax | exp.ArgMin) -> exp.Expr:
        key = node.expression
        if isinstance(inner(key), exp.Tuple):
            key = call(
                "struct", *(part for each in inner(key).expressions for part in (exp.Is(this=each.copy(), expression=exp.null()), each))
            )
        known = when(exp.not_(exp.Is(this=exp.paren(node.this.copy()), expression=exp.null())), key)
        return aggregate(name, node.this, known)

    return made


def least_several(name: str) -> Callable[[exp.Min | exp.Max], exp.Expr]:
    """``min(x, n)``: the n smallest."""

    def made(node: exp.Min | exp.Max) -> exp.Expr:
        count = node.args.get("count")
        if count is None:
            return node
        values = call("sort_array", aggregate("collect_list", node.this), raw("TRUE" if name == "min" else "FALSE"))
        return call("nullif", call("slice", values, 1, count), call("array"))

    return made


def quantile(node: exp.PercentileCont) -> exp.Expr:
    return aggregate("percentile", node.this, node.expression)


def median(node: exp.Median) -> exp.Expr:
    return aggregate("percentile", node.this, raw("0.5D"))


def median_absolute_deviation(node: exp.Anonymous) -> exp.Expr:
    """Median distance from the median."""
    value = node.expressions[0]
    middle = aggregate("percentile", value, raw("0.5D"))
    distances = exp.Lambda(this=call("abs", exp.Sub(this=exp.column("each"), expression=middle)), expressions=[exp.to_identifier("each")])
    ordered = call("array_sort", call("transform", aggregate("collect_list", value), distances))
    size = call("size", ordered.copy())
    low = call("try_element_at", ordered.copy(), exp.cast(call("ceil", exp.Div(this=size.copy(), expression=raw("2D"))), "int"))
    high = call(
        "try_element_at",
        ordered.copy(),
        exp.cast(exp.Add(this=call("floor", exp.Div(this=size.copy(), expression=raw("2D"))), expression=exp.Literal.number(1)), "int"),
    )
    return exp.paren(
        when(
            exp.GT(this=size, expression=exp.Literal.number(0)),
            exp.Div(this=exp.paren(exp.Add(this=low, expression=high)), expression=raw("2D")),
        )
    )


def collected(node: exp.ArrayAgg) -> exp.Expr:
    """``list(x)``: with unknown values, in the order asked for, null over no rows; Spark leaves nulls out and gives an empty list."""
    value = node.this
    if isinstance(value, exp.Order):
        return _nullable(_sorted_list(value.this, value.expressions))
    name = "collect_list"
    if isinstance(value, exp.Distinct):
        name, value = "collect_set", value.expressions[0]
    rows = aggregate(name, exp.Struct(expressions=[exp.PropertyEQ(this=exp.to_identifier("value"), expression=value.copy())]))
    return _nullable(call("transform", rows, raw("row -> row.value")))


def _nullable(node: exp.Expr) -> exp.Expr:
    return call("nullif", node, call("array"))


def joined_text(node: exp.GroupConcat) -> exp.Expr:
    value, separator = node.this, node.args.get("separator") or exp.Literal.string(",")
    rows = _sorted_list(value.this, value.expressions) if isinstance(value, exp.Order) else aggregate("collect_list", value)
    return call("array_join", _nullable(rows), separator)


def _sorted_list(value: exp.Expr, order: list[exp.Expr]) -> exp.Expr:
    """Values in an order: collected with their keys, sorted by a comparison of key after key."""
    parts: list[exp.Expr] = [exp.PropertyEQ(this=exp.to_identifier("value"), expression=value.copy())]
    steps = []
    for number, each in enumerate(order):
        parts.append(exp.PropertyEQ(this=exp.to_identifier(f"key{number}"), expression=each.this.copy()))
        one, two = f"one.key{number}", f"two.key{number}"
        before, after = ("1", "-1") if each.args.get("desc") else ("-1", "1")
        missing = "-1" if each.args.get("nulls_first") else "1"
        other = "1" if missing == "-1" else "-1"
        steps.append(f"WHEN {one} IS NULL AND {two} IS NOT NULL THEN {missing} WHEN {one} IS NOT NULL AND {two} IS NULL THEN {other}")
        steps.append(f"WHEN {one} < {two} THEN {before} WHEN {one} > {two} THEN {after}")
    rows = aggregate("collect_list", exp.Struct(expressions=parts))
    return call("transform", call("array_sort", rows, raw(f"(one, two) -> CASE {' '.join(steps)} ELSE 0 END")), raw("row -> row.value"))


# -------------------------------------------------------------------------------------------------------- lists and texts
def contains(node: exp.ArrayContains) -> exp.Expr:
    """False, not unknown, in a list with unknown members."""
    found = call("coalesce", call("array_contains", node.this, node.expression), exp.false())
    known = exp.and_(*(exp.not_(exp.Is(this=exp.paren(each.copy()), expression=exp.null())) for each in (node.this, node.expression)))
    return exp.paren(when(known, found))


def length(node: exp.Length) -> exp.Expr:
    """``len`` of a list or of a text."""
    return call("array_size" if is_list(node.this) else "char_length", node.this)


def different(node: exp.ArrayDistinct) -> exp.Expr:
    """Unknown members are left out."""
    made = call("array_distinct", call("array_compact", node.this))
    made.type = exp.DataType.build("array<string>", dialect="spark")
    return made


def element(node: exp.Bracket) -> exp.Expr:
    """Null beyond the list's end; Spark fails."""
    return call("get", node.this, node.expressions[0]) if len(node.expressions) == 1 and is_list(node.this) else node


def sorted_list(node: exp.ArraySort) -> exp.Expr:
    return call("array_sort", node.this)


def concatenated(node: exp.Concat) -> exp.Expr:
    """Unknown parts are left out."""
    return call("concat", *(call("coalesce", exp.cast(each, "string"), exp.Literal.string("")) for each in node.expressions))


def text_of_struct(node: exp.Anonymous) -> exp.Expr:
    """JSON keeps fields that are null."""
    return call("to_json", node.expressions[0], raw("map('ignoreNullFields', 'false', 'timestampNTZFormat', 'yyyy-MM-dd HH:mm:ss')"))


def fingerprint(node: exp.Anonymous) -> exp.Expr:
    """A hash is only ever compared with others of the same run; a decimal, so that sums of it are exact."""
    return exp.cast(call("xxhash64", *node.expressions), exp.DataType.build("decimal(38, 0)"))


def row_in(node: exp.In) -> exp.Expr:
    """``(a, b) in (select (c, d) …)``: members that are both unknown are equal; Spark's columns would be unknown."""
    query = node.args.get("query")
    select = query.unnest() if isinstance(query, exp.Subquery) else query
    row = inner(node.this)
    if not isinstance(row, exp.Tuple) or not isinstance(select, exp.Select) or len(select.selects) != 1:
        return node
    only = inner(select.selects[0].unalias())
    if not isinstance(only, exp.Tuple):
        return node
    pairs = list(zip(row.expressions, only.expressions, strict=True))
    tables = {each.alias_or_name for each in select.find_all(exp.Table, exp.Subquery)}
    asked = {column.table for each in row.expressions for column in each.find_all(exp.Column)}
    if not any(select.args.get(key) for key in ("group", "having", "limit", "distinct", "with_")) and not tables & asked:
        # no query around the query: Spark 4.3 may remove names there that the comparison still needs
        select.set("expressions", [exp.Literal.number(1)])
        return exp.Exists(this=select.where(*(_same(each, other) for each, other in pairs)))
    names = [f"member{number}" for number in range(len(pairs))]
    select.set("expressions", [exp.alias_(other.copy(), name) for (_, other), name in zip(pairs, names, strict=True)])
    same = [_same(each, exp.column(name, "members")) for (each, _), name in zip(pairs, names, strict=True)]
    return exp.Exists(this=exp.select(exp.Literal.number(1)).from_(select.subquery("members")).where(*same))


def _same(one: exp.Expr, other: exp.Expr) -> exp.Expr:
    return exp.NullSafeEQ(this=exp.paren(one.copy()), expression=exp.paren(other.copy()))


REWRITES: dict[type[exp.Expr] | str, Callable[..., exp.Expr]] = {
    exp.Literal: number,
    exp.Div: division,
    exp.Mod: remainder,
    exp.Ln: logarithm,
    exp.Round: rounding,
    "isfinite": finite,
    exp.Cast: cast,
    exp.Sub: difference,
    exp.Add: shifted,
    exp.DateDiff: date_difference,
    exp.DayOfWeek: day_of_week,
    exp.DayOfWeekIso: iso_day_of_week,
    exp.TimestampTrunc: truncated_moment,
    exp.Interval: interval,
    exp.GenerateSeries: series,
    exp.Window: window,
    exp.Filter: with_filter,
    exp.AnyValue: any_value,
    exp.First: first,
    exp.ArgMax: extreme("max_by"),
    exp.ArgMin: extreme("min_by"),
    exp.Min: least_several("min"),
    exp.Max: least_several("max"),
    exp.PercentileCont: quantile,
    exp.Median: median,
    "mad": median_absolute_deviation,
    exp.ArrayAgg: collected,
    exp.GroupConcat: joined_text,
    exp.ArrayContains: contains,
    exp.Length: length,
    exp.Bracket: element,
    exp.ArraySort: sorted_list,
    exp.ArrayDistinct: different,
    exp.Concat: concatenated,
    "to_json": text_of_struct,
    "hash": fingerprint,
    exp.In: row_in,
}
