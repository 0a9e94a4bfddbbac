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
    keep: Callable[[str], str] | None = None,
) -> str:
    """The query in Spark's dialect.

    Parameters
    ----------
    sql : a query of the DuckDB dialect.
    schema : relation -> column -> DuckDB type, of every relation that the query may name.
    names : relation -> the name that it has in Spark.
    macros : name -> (parameters, expression), expanded in place.
    describe : columns of a query, for ``union all by name``.
    keep : computes a query of Spark's dialect once and names it; without it, whatever is named twice is computed twice.

    Raises
    ------
    FraudmlError
        ``sql.syntax`` where it cannot be read, ``sql.spark`` where it cannot be said in Spark's SQL.
    """
    try:
        tree = sqlglot.parse_one(sql, read="duckdb")
        tree = _expanded(tree, macros or {})
        tree = _unions_in_order(tree, describe)
        tree = _unnested_first(_ranked(tree))
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
        if keep is not None:
            tree = _computed_once(tree, keep)
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


def _ranked(tree: exp.Expr) -> exp.Expr:
    """A query's windows one step before ``qualify`` and ``unnest``: there they see columns before aliases, and whole rows, as in DuckDB."""
    for select in list(tree.find_all(exp.Select)):
        lists = [each for each in select.selects if isinstance(each, exp.Alias) and isinstance(each.this, exp.Explode)]
        has_window = any(each.find(exp.Window) for each in select.selects)
        if select.args.get("distinct") or not (select.args.get("qualify") or (lists and has_window)):
            continue
        condition = select.args["qualify"].this if select.args.get("qualify") else None
        select.set("qualify", None)
        names: list[str] = []
        for window in list(condition.find_all(exp.Window)) if condition is not None else []:
            names.append(f"rank{len(names)}_")
            select.append("expressions", exp.alias_(window.copy(), names[-1]))
            if window is condition:
                condition = exp.column(names[-1])
            else:
                window.replace(exp.column(names[-1]))
        for each in lists:
            each.set("this", each.this.this)
        members = ", ".join(f'unnest("{each.alias}") as "{each.alias}"' for each in lists)
        columns = (f" exclude ({', '.join(names)})" if names else "") + (f" replace ({members})" if lists else "")
        outer = sqlglot.parse_one(f"select *{columns} from ranked", read="duckdb")
        for key in ("with_", "order", "limit"):
            if select.args.get(key):
                outer.set(key, select.args[key])
                select.set(key, None)
        for column in outer.args["order"].find_all(exp.Column) if outer.args.get("order") else []:
            column.set("table", None)  # the tables of the query are behind it now, its columns are not
        if select.parent is None:
            tree = outer
        else:
            select.replace(outer)
        if condition is not None:
            outer.set("where", exp.Where(this=condition))
        outer.set("from_", exp.From(this=exp.Subquery(this=select, alias=exp.TableAlias(this=exp.to_identifier("ranked")))))
    return tree


def _unnested_first(tree: exp.Expr) -> exp.Expr:
    """An expression of ``unnest`` as one of the column that a query below unnests; in Spark it stands alone."""
    for select in list(tree.find_all(exp.Select)):
        for projection in select.selects:
            value = projection.this if isinstance(projection, exp.Alias) else None
            unnest = value.find(exp.Explode) if value is not None and not isinstance(value, exp.Explode) else None
            if value is None or unnest is None or select.args.get("group"):
                continue
            projection.set("this", unnest.copy())
            member = exp.column(projection.alias, "unnested")
            changed = value.transform(lambda each, unnest=unnest, member=member: member.copy() if each == unnest else each)
            outer: exp.Expr = sqlglot.parse_one(f'select * replace (null as "{projection.alias}") from unnested', read="duckdb")
            outer.expressions[0].args["replace"][0].set("this", changed)
            if select.parent is None:
                tree = outer
            else:
                select.replace(outer)
            outer.set("from_", exp.From(this=exp.Subquery(this=select, alias=exp.TableAlias(this=exp.to_identifier("unnested")))))
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


def _computed_once(tree: exp.Expr, keep: Callable[[str], str]) -> exp.Expr:
    """Common table expressions that are named more than once, as tables: Spark would compute them anew each time."""
    for with_ in [each for each in tree.find_all(exp.With, bfs=False) if each.find_ancestor(exp.CTE) is None]:
        inline: list[str] = []
        for cte in list(with_.expressions):
            readers = [each for each in with_.parent.find_all(exp.Table) if each.name == cte.alias] if with_.parent else []
            if len(readers) > 1:
                before = f"WITH {', '.join(inline)} " if inline else ""
                name = keep(before + cte.this.sql(dialect="spark", identify=True))
                for table in readers:
                    table.set("this", exp.to_identifier(name))
                cte.pop()
            else:
                inline.append(cte.sql(dialect="spark", identify=True))
        if not with_.expressions:
            with_.pop()
    return tree


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
