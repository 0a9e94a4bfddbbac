"""Rewriting of declared SQL: which columns an expression reads, and an aggregate narrowed to a time window."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError

from fraudml.errors import FraudmlError

# aggregates of DuckDB that sqlglot takes for ordinary functions
AGGREGATES = frozenset({"entropy", "mad", "kurtosis_pop", "fsum", "favg", "geometric_mean", "sem", "histogram"})

# words of the field for measures that SQL has no name for; n is a count or an amount per counterpart, never negative
MEASURES = {
    "herfindahl": "sum(n * n) / nullif(sum(n) * sum(n), 0)",
    "top_share": "max(n) / nullif(sum(n), 0)",
    # Shannon's entropy in nats, from counts: ln N - sum(n ln n) / N
    "diversity": "ln(nullif(sum(n), 0)) - sum(case when n > 0 then n * ln(n) else 0 end) / nullif(sum(n), 0)",
    "share_of": "sum(case when n then 1 else 0 end) / nullif(cast(count(n) as double), 0)",
}


def parse(sql: str, where: str) -> exp.Expr:
    """Parses one expression or query of the DuckDB dialect; ``where`` (file and name) stands in the error."""
    return _parsed(str(sql), where).copy()


@lru_cache(maxsize=4096)
def _parsed(sql: str, where: str) -> exp.Expr:
    """A tree that nobody changes: the catalogue's expressions are asked for again and again, and parsing takes longest of all."""
    try:
        return sqlglot.parse_one(sql, read="duckdb")
    except ParseError as error:
        detail = error.errors[0] if error.errors else {}
        raise FraudmlError(
            "sql.syntax",
            f"{where}: {detail.get('description', error)} near “{detail.get('highlight', '')}”.",
            "Correct the SQL.",
        ) from error
    except TokenError as error:
        raise FraudmlError("sql.syntax", f"{where}: {str(error).splitlines()[0]}.", "Correct the SQL.") from error


def columns_of(sql: str, where: str = "expression") -> set[str]:
    """Names of the columns that an expression reads."""
    return {column.name for column in _parsed(str(sql), where).find_all(exp.Column)}


def has_query(sql: str, where: str = "expression") -> bool:
    """Whether an expression holds a query of its own, which could read any table.

    >>> has_query("max((select count(*) from all_claims))"), has_query("max(total_amount)")
    (True, False)
    """
    return _parsed(str(sql), where).find(exp.Query) is not None


def columns_needed(sql: str, where: str = "expression") -> set[str]:
    """Names of the columns without whose values an expression says nothing: not those that are only asked whether they are null.

    >>> sorted(columns_needed("count(a) filter (where b is null) + coalesce(c, d)"))
    ['a']
    """
    tree = _parsed(str(sql), where)
    excused = {id(column) for node in tree.find_all(exp.Is, exp.Coalesce) for column in node.find_all(exp.Column)}
    return {column.name for column in tree.find_all(exp.Column) if id(column) not in excused}


def windowed(sql: str, condition: str | None, where: str = "expression", rename: Mapping[str, str] | None = None) -> str:
    """The expression with every aggregate narrowed by ``condition``.

    Parameters
    ----------
    sql : an expression of the DuckDB dialect; may use :data:`MEASURES`.
    condition : what a row must meet to count; None leaves the aggregates as they are.
    where : file and name, for errors.
    rename : columns to read under another name (a measure that is kept once per window).

    >>> windowed("sum(amount) / count(*)", "age < 3")
    'SUM(amount) FILTER(WHERE age < 3) / COUNT(*) FILTER(WHERE age < 3)'
    >>> windowed("herfindahl(n)", "n_3 > 0", rename={"n": "n_3"})
    'SUM(n_3 * n_3) FILTER(WHERE n_3 > 0) / NULLIF(SUM(n_3) FILTER(WHERE n_3 > 0) * SUM(n_3) FILTER(WHERE n_3 > 0), 0)'
    """
    tree = _renamed(_expanded(parse(sql, where), where), rename or {})
    if condition is not None:
        narrow = parse(condition, where)
        tree = _walk(tree, lambda node: _narrowed(node, narrow))
    return str(tree.sql(dialect="duckdb"))


def inlined(sql: str, names: Mapping[str, str], where: str = "expression") -> str:
    """The expression with columns read under other names."""
    return str(_renamed(parse(sql, where), names).sql(dialect="duckdb"))


def is_total(sql: str, where: str = "expression") -> bool:
    """Whether an expression is a plain count or sum, which over no rows is zero rather than unknown.

    >>> is_total("count(*) filter (where x)"), is_total("sum(a) / sum(b)")
    (True, False)
    """
    tree = _parsed(str(sql), where)
    while isinstance(tree, (exp.Filter, exp.Paren, exp.Cast)):
        tree = tree.this
    return isinstance(tree, (exp.Count, exp.CountIf, exp.Sum))


def distinct_counted(sql: str, where: str = "expression") -> str | None:
    """The column whose different values an expression counts, and nothing else; None for another expression.

    >>> distinct_counted("count(distinct place)"), distinct_counted("count(distinct place) filter (where x)")
    ('place', None)
    """
    tree = _parsed(str(sql), where)
    if isinstance(tree, exp.Count) and isinstance(tree.this, exp.Distinct) and len(tree.this.expressions) == 1:
        counted = tree.this.expressions[0]
        return str(counted.name) if isinstance(counted, exp.Column) else None
    return None


def merged_by(sql: str, where: str = "expression") -> str | None:
    """The aggregate that puts partial results of an expression together (sum, max, min); None where parts do not tell the whole.

    >>> merged_by("count(*) filter (where x)"), merged_by("max(a)"), merged_by("avg(a)"), merged_by("count(distinct a)")
    ('sum', 'max', None, None)
    """
    tree = _parsed(str(sql), where)
    while isinstance(tree, (exp.Filter, exp.Cast)):
        tree = tree.this
    return _MERGED.get(type(tree)) if _is_plain(tree) else None


_MERGED: dict[type, str] = {exp.Count: "sum", exp.Sum: "sum", exp.Max: "max", exp.Min: "min"}


def _is_plain(call: exp.Expr) -> bool:
    return not isinstance(call.this, (exp.Distinct, exp.Order)) and not call.args.get("expressions")


def in_parts(sql: str, where: str = "expression", nought: bool = True) -> tuple[dict[str, str], str] | None:
    """An expression in two steps: aggregates of parts of the rows, by name, and the expression over those.

    None where parts do not tell the whole (medians, different values).
    ``nought``: a count over no parts is 0, as over no rows; else null.

    >>> parts, whole = in_parts("max(a) / avg(b)")
    >>> list(parts.values()), whole.count("part_")
    (['MAX(a)', 'COUNT(b)', 'SUM(b)'], 3)
    >>> in_parts("median(a)") is None, in_parts("count(distinct a)") is None
    (True, True)
    """
    parts: dict[str, str] = {}
    whole = True

    def part(call: exp.Expr, condition: exp.Expr | None) -> exp.Expr:
        aggregate = exp.Filter(this=call, expression=exp.Where(this=condition.copy())) if condition is not None else call
        text = str(aggregate.sql(dialect="duckdb"))
        name = f"part_{hashlib.sha256(text.encode()).hexdigest()[:12]}"
        parts[name] = text
        return exp.column(name)

    def total(call: exp.Expr, condition: exp.Expr | None) -> exp.Expr:
        return exp.Sum(this=part(call, condition))

    def visit(node: exp.Expr) -> exp.Expr:
        nonlocal whole
        call, condition = (node.this, node.expression.this) if isinstance(node, exp.Filter) else (node, None)
        if isinstance(call, exp.Avg) and _is_plain(call):
            counted = total(exp.Count(this=call.this.copy()), condition)
            return exp.paren(exp.Div(this=total(exp.Sum(this=call.this.copy()), condition), expression=exp.func("nullif", counted, "0")))
        if type(call) in _MERGED and _is_plain(call):
            if isinstance(call, exp.Count):
                counted = exp.cast(total(call, condition), "bigint")
                return exp.func("coalesce", counted, "0") if nought else counted
            return type(call)(this=part(call, condition))
        if isinstance(call, (exp.AggFunc, exp.AnonymousAggFunc, exp.Anonymous, exp.IgnoreNulls, exp.Window)):
            whole = whole and isinstance(call, exp.Anonymous) and call.name.lower() not in AGGREGATES
        return node

    tree = _walk(_expanded(parse(sql, where), where), visit)
    return (parts, str(tree.sql(dialect="duckdb"))) if whole and parts else None


def _expanded(tree: exp.Expr, where: str) -> exp.Expr:
    """Writes out the words of :data:`MEASURES`; a filter on one of them narrows each of its aggregates."""

    def visit(node: exp.Expr) -> exp.Expr:
        call = node.this if isinstance(node, exp.Filter) else node
        if not isinstance(call, exp.Anonymous) or call.name.lower() not in MEASURES:
            return node
        if len(call.expressions) != 1:
            raise FraudmlError("sql.arguments", f"{where}: {call.name} takes one argument.", "Write e.g. herfindahl(n).")
        argument = exp.paren(call.expressions[0]) if isinstance(call.expressions[0], exp.Binary) else call.expressions[0]
        body = _walk(
            parse(MEASURES[call.name.lower()], where),
            lambda each: argument.copy() if isinstance(each, exp.Column) and each.name == "n" else each,
        )
        if isinstance(node, exp.Filter):
            condition = node.expression.this
            body = _walk(body, lambda each: _narrowed(each, condition))
        return body if node is tree else exp.paren(body)

    return _walk(tree, visit)


def _renamed(tree: exp.Expr, rename: Mapping[str, str]) -> exp.Expr:
    if not rename:
        return tree
    return _walk(tree, lambda node: exp.column(rename[node.name]) if isinstance(node, exp.Column) and node.name in rename else node)


def _narrowed(node: exp.Expr, narrow: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Filter):
        return exp.Filter(this=node.this, expression=exp.Where(this=exp.and_(node.expression.this, narrow.copy())))
    aggregate = node.this if isinstance(node, exp.IgnoreNulls) else node
    if isinstance(aggregate, (exp.AggFunc, exp.AnonymousAggFunc)) or (
        isinstance(aggregate, exp.Anonymous) and aggregate.name.lower() in AGGREGATES
    ):
        return exp.Filter(this=node, expression=exp.Where(this=narrow.copy()))
    return node


def _walk(node: exp.Expr, visit: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
    """Replaces nodes from the root downwards; what was replaced is not entered again."""
    replaced = visit(node)
    if replaced is not node:
        return replaced
    for key, value in list(node.args.items()):
        if isinstance(value, exp.Expr):
            node.set(key, _walk(value, visit))
        elif isinstance(value, list):
            node.set(key, [_walk(each, visit) if isinstance(each, exp.Expr) else each for each in value])
    return node
