"""From the DuckDB dialect to Spark's, with the meaning kept.

sqlglot rewrites the grammar. What the two engines *mean* differently is put right here, on the typed tree: each rule of
:data:`REWRITES` names one difference, and ``tests/engines`` holds both engines against each other rule by rule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import OptimizeError, SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify

from fraudml.engine.spark_rewrites import REWRITES
from fraudml.errors import FraudmlError

Schema = Mapping[str, Mapping[str, str]]
Macros = Mapping[str, tuple[Sequence[str], str]]


def translated(
    sql: str,
    schema: Schema,
    *,
    names: Mapping[str, str] | None = None,
    macros: Macros | None = None,
    describe: Callable[[str], Mapping[str, str]] | None = None,
) -> str:
    """The query in Spark's dialect.

    Parameters
    ----------
    sql : a query of the DuckDB dialect.
    schema : relation -> column -> DuckDB type, of every relation that the query may name.
    names : relation -> the name that it has in Spark.
    macros : name -> (parameters, expression), expanded in place.
    describe : columns of a query, for ``union all by name``.

    Raises
    ------
    FraudmlError
        ``sql.syntax`` where it cannot be read, ``sql.spark`` where it cannot be said in Spark's SQL.
    """
    try:
        tree = sqlglot.parse_one(sql, read="duckdb")
        tree = _expanded(tree, macros or {})
        tree = _unions_in_order(tree, describe)
        tree = _unnested(tree)
        tree = qualify(
            tree,
            schema=dict(schema),
            dialect="duckdb",
            validate_qualify_columns=False,
            quote_identifiers=False,
        )
        tree = annotate_types(tree, schema=dict(schema), expression_metadata=_TYPES, dialect="duckdb")
        tree = _rewritten(tree)
        tree = _renamed(tree, names or {})
        return str(tree.sql(dialect="spark", identify=True))
    except (OptimizeError, SqlglotError) as error:
        told = " ".join(str(error).split())[:300]
        raise FraudmlError("sql.spark", f"a query cannot be said in Spark's SQL: {told}.", "Run the stage with engine=duckdb.") from error


def _typed_difference(annotator: Any, node: exp.Sub) -> None:
    """Day minus day is a number; sqlglot takes it for a day."""
    annotator._annotate_binary(node)
    if all(each.is_type("date") for each in (node.this, node.expression)):
        node.type = exp.DataType.build("bigint")


def _typed_list(annotator: Any, node: exp.Expr) -> None:
    """What a function of lists gives is a list; sqlglot does not always say so."""
    del annotator
    of = node.this if isinstance(node.this, exp.Expr) else None
    node.type = of.type if of is not None and of.is_type("array", "list") else exp.DataType.build("array")


_TYPES: dict[Any, Any] = {
    **DuckDB.EXPRESSION_METADATA,
    exp.Sub: {"annotator": _typed_difference},
    **{each: {"annotator": _typed_list} for each in (exp.ArrayDistinct, exp.ArrayFilter, exp.ArraySort, exp.ArrayConcat, exp.Transform)},
}


def _expanded(tree: exp.Expr, macros: Macros) -> exp.Expr:
    """Macros written out, innermost arguments first."""

    def visit(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.Anonymous) or node.name.lower() not in macros:
            return node
        names, body = macros[node.name.lower()]
        given = dict(zip(names, node.expressions, strict=True))

        def fill(each: exp.Expr) -> exp.Expr:
            return (
                exp.paren(given[each.name], copy=True) if isinstance(each, exp.Column) and each.name in given and not each.table else each
            )

        return exp.paren(_expanded(sqlglot.parse_one(body, read="duckdb").transform(fill), macros))

    return tree.transform(visit)


def with_parameters(sql: str, parameters: Sequence[Any]) -> str:
    """The query with values in the place of its ``?``, in order."""
    tree, values = sqlglot.parse_one(sql, read="duckdb"), iter(parameters)
    for node in list(tree.find_all(exp.Placeholder, bfs=False)):
        node.replace(exp.convert(next(values)))
    return str(tree.sql("duckdb"))


def _unions_in_order(tree: exp.Expr, describe: Callable[[str], Mapping[str, str]] | None) -> exp.Expr:
    """``union all by name`` as a union by position, with the columns of every branch in one order and null where one is missing."""
    unions = [node for node in tree.find_all(exp.Union) if node.args.get("by_name") and not _inside_by_name(node)]
    for union in reversed(unions):  # innermost first
        branches = list(_branches(union))
        before = _visible(union)
        columns = []
        for branch in branches:
            query = branch.copy()
            sql = f"with {', '.join(before)} select * from ({query.sql('duckdb')})" if before else query.sql("duckdb")
            columns.append(list((describe or _cannot)(sql)))
        order = list(dict.fromkeys(name for names in columns for name in names))
        aligned = [
            exp.select(
                *(exp.column(name, quoted=True) if name in names else exp.alias_(exp.null(), name, quoted=True) for name in order)
            ).from_(exp.Subquery(this=branch.copy(), alias=exp.TableAlias(this=exp.to_identifier(f"branch_{number}"))))
            for number, (branch, names) in enumerate(zip(branches, columns, strict=True))
        ]
        whole: exp.Expr = aligned[0]
        for each in aligned[1:]:
            whole = exp.Union(this=whole, expression=each, distinct=union.args.get("distinct"))
        for key in ("with_", "order", "limit"):
            if union.args.get(key):
                whole.set(key, union.args[key])
        if union is tree:
            tree = whole
        else:
            union.replace(whole)
    return tree


def _unnested(tree: exp.Expr) -> exp.Expr:
    """``unnest`` among what a query selects, as a relation where the query computes with its result; Spark has it stand alone."""
    for select in list(tree.find_all(exp.Select)):
        for projection in list(select.selects):
            made = projection.this if isinstance(projection, exp.Alias) else None
            if not isinstance(made, exp.Explode) or not any(isinstance(each.unalias(), exp.Window) for each in select.selects):
                continue
            name = projection.alias
            source = exp.TableAlias(this=exp.to_identifier(f"each_{name}"), columns=[exp.to_identifier(name)])
            projection.replace(exp.column(name, f"each_{name}"))
            select.append("joins", exp.Join(this=exp.Unnest(expressions=[made.this], alias=source), kind="CROSS"))
    return tree


def _inside_by_name(node: exp.Expr) -> bool:
    return isinstance(node.parent, exp.Union) and bool(node.parent.args.get("by_name"))


def _branches(union: exp.Union) -> list[exp.Expr]:
    out: list[exp.Expr] = []
    for side in (union.left, union.right):
        out += (
            _branches(side)
            if isinstance(side, exp.Union) and side.args.get("by_name")
            else [side.unnest() if isinstance(side, exp.Subquery) else side]
        )
    return out


def _visible(node: exp.Expr) -> list[str]:
    """The common table expressions that a query may name, outermost first."""
    found: list[list[str]] = []
    child: exp.Expr = node
    parent: exp.Expr | None = node
    while parent is not None:
        with_ = parent.args.get("with_") if isinstance(parent, exp.Query) else None
        if with_ is not None:
            mine = []
            for cte in with_.expressions:
                if cte is child:
                    break
                mine.append(cte.sql("duckdb"))
            found.append(mine)
        if isinstance(parent, exp.CTE):
            child = parent
        parent = parent.parent
    return [sql for each in reversed(found) for sql in each]


def _cannot(sql: str) -> Mapping[str, str]:
    raise FraudmlError("sql.spark", "union by name needs the tables to be known.", "Name the columns.")


def _rewritten(node: exp.Expr) -> exp.Expr:
    """Applies the rewrites from the leaves upwards: what a rewrite makes is not rewritten again."""
    for key, value in list(node.args.items()):
        if isinstance(value, exp.Expr):
            node.set(key, _rewritten(value))
        elif isinstance(value, list):
            node.set(key, [_rewritten(each) if isinstance(each, exp.Expr) else each for each in value])
    rewrite = REWRITES.get(node.name.lower() if isinstance(node, exp.Anonymous) else type(node))
    made = node if rewrite is None else rewrite(node)
    if made is not node and made.type is None:
        made.type = node.type
    return made


def _renamed(tree: exp.Expr, names: Mapping[str, str]) -> exp.Expr:
    """Tables under the names that they have in Spark; common table expressions of the same name go before."""
    own = {cte.alias for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        if table.name in names and table.name not in own:
            if not table.alias:
                table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name)))
            table.set("this", exp.to_identifier(names[table.name]))
    # a table and a column of one name are told apart by DuckDB only
    columns = list(tree.find_all(exp.Column))
    shared = {each.name for each in columns} & {each.table for each in columns}
    for alias in tree.find_all(exp.TableAlias):
        if alias.name in shared and not isinstance(alias.parent, exp.CTE):
            alias.set("this", exp.to_identifier(f"{alias.name}_table"))
    for column in columns:
        if column.table in shared:
            column.set("table", exp.to_identifier(f"{column.table}_table"))
    return tree
