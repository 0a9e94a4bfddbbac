"""Rewriting of declared SQL: which columns an expression reads, and an aggregate narrowed to a time window."""

from __future__ import annotations

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError

from fraudml.errors import FraudmlError


def parse(sql: str, where: str) -> exp.Expr:
    """Parses one expression or query of the DuckDB dialect; ``where`` (file and name) stands in the error."""
    try:
        return sqlglot.parse_one(sql, read="duckdb")
    except ParseError as error:
        detail = error.errors[0] if error.errors else {}
        raise FraudmlError(
            "sql.syntax",
            f"{where}: {detail.get('description', error)} near “{detail.get('highlight', '')}”.",
            "Correct the SQL.",
        ) from error


def columns_of(sql: str, where: str = "expression") -> set[str]:
    """Names of the columns that an expression reads."""
    return {column.name for column in parse(sql, where).find_all(exp.Column)}


def windowed(sql: str, condition: str, where: str = "expression") -> str:
    """The expression with every aggregate narrowed by ``condition``.

    >>> windowed("sum(amount) / count(*)", "age < 3")
    'SUM(amount) FILTER(WHERE age < 3) / COUNT(*) FILTER(WHERE age < 3)'
    """
    tree = parse(sql, where)
    narrow = parse(condition, where)

    def visit(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Filter):
            both = exp.and_(node.expression.this, narrow.copy())
            return exp.Filter(this=node.this, expression=exp.Where(this=both))
        if isinstance(node, (exp.AggFunc, exp.AnonymousAggFunc)):
            return exp.Filter(this=node, expression=exp.Where(this=narrow.copy()))
        return node

    def walk(node: exp.Expr) -> exp.Expr:
        replaced = visit(node)
        if replaced is not node:
            return replaced
        for key, value in list(node.args.items()):
            if isinstance(value, exp.Expr):
                node.set(key, walk(value))
            elif isinstance(value, list):
                node.set(key, [walk(each) if isinstance(each, exp.Expr) else each for each in value])
        return node

    return walk(tree).sql(dialect="duckdb")
