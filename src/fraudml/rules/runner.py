"""Loads the rule base and runs it over claims as they were known on a day."""

from __future__ import annotations

import datetime as dt
import logging
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fraudml.claims import Claims, Snapshot
from fraudml.claims.store import day, months_before, refuse_unopened
from fraudml.config import declarations, line_of
from fraudml.contracts import CANONICAL, EVIDENCE
from fraudml.engine import open_engine
from fraudml.errors import FraudmlError
from fraudml.knowledge import expose_knowledge, load_clauses
from fraudml.rules.declaration import Rule, literal, parsed, placeholders, where_in_sql
from fraudml.rules.one_doctor import one_doctor
from fraudml.rules.relations import MACROS, RELATIONS, all_read, needed

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger("fraudml")

CONTEXT_MONTHS = 6
"""How far before the window item lines stay visible: supply and validity of an item reach back that far at most."""

_TRIAL: dict[str, Any] = {"as_of": dt.date(2000, 1, 31), "since": dt.date(1999, 12, 31), "months": 1, "context": dt.date(1999, 6, 30)}
_REQUIRED = ("entity_id", "claim_id", "occurred_on", "amount_in_question")
_OPTIONAL = {"entity_type": "VARCHAR", "line_id": "VARCHAR", "strength": "DOUBLE"}
_ITEM_EXTRAS = {
    "occurred_on": "DATE",
    **{name: CANONICAL["claims"].columns[name] for name in ("patient_id", "institution_id", "visit_type", "insurance_type")},
    **dict.fromkeys(("started_on", "ended_on", "settled_on"), "DATE"),
}


def load_rules(conf_dir: str | Path | None = None) -> dict[str, Rule]:
    """The rule base: the shipped rules with a bureau's own in their place, by scheme id in the order of their rows.

    Parameters
    ----------
    conf_dir : a bureau's conf folder. Its ``rules/<id>.yaml`` may give only the keys that differ from the shipped file.

    Raises
    ------
    FraudmlError
        ``rules.*``, ``knowledge.*`` with file and line, for anything that could not run: nothing runs before all of it is right.
    """
    paths = declarations("rules", conf_dir)
    stamps = tuple((str(path), path.stat().st_mtime_ns) for path in (*paths, *declarations("knowledge", conf_dir)))
    return dict(_load(tuple(paths), stamps, None if conf_dir is None else str(conf_dir)))


@lru_cache(maxsize=4)
def _load(paths: tuple[Path, ...], stamps: tuple[tuple[str, int], ...], conf_dir: str | None) -> dict[str, Rule]:
    rules = sorted((parsed(path) for path in paths), key=lambda rule: rule.row)
    clauses = load_clauses(conf_dir)
    for rule in rules:
        for clause in rule.clauses:
            if clause not in clauses:
                where = f"{rule.path.name}:{line_of(rule.path, 'clause')}"
                raise FraudmlError("rules.clause", f"{where}: clause {clause} has no text.", "Add it to knowledge/clauses.yaml.")
    with tempfile.TemporaryDirectory() as folder, _empty_claims(Path(folder)).at(_TRIAL["as_of"]) as snapshot:
        expose_knowledge(snapshot.engine, conf_dir)  # whole: a wrong entry is told even where no rule reads its table
        _prepare(snapshot, _TRIAL["since"], _TRIAL["context"], rules)
        return {rule.id: replace(rule, facts=_facts(rule, snapshot)) for rule in rules}


def run_rules(
    claims: Claims | Snapshot,
    as_of: str | dt.date,
    rules: str | Iterable[str] | None = None,
    *,
    months: int = 12,
    parameters: Mapping[str, Mapping[str, Any]] | None = None,
    conf_dir: str | Path | None = None,
) -> pd.DataFrame:
    """Evidence of the schemes, as claims were known at the end of ``as_of``.

    Parameters
    ----------
    claims : the canonical tables, or a snapshot of them that is no older than ``as_of``.
    as_of : the day; nothing later is visible.
    rules : scheme id or ids, all by default. A rule whose needs the data lacks is skipped and named in the log.
    months : evidence is about claims settled in ``(as_of - months, as_of]``; what came before is seen as context.
    parameters : rule id -> parameter -> value, in place of the declared defaults.
    conf_dir : a bureau's conf folder.

    Returns
    -------
    DataFrame with the columns of :data:`fraudml.contracts.EVIDENCE`, one row per piece of evidence, ordered by rule (row of
    REQUIREMENTS.md), entity, claim and line. ``facts`` is JSON for :meth:`Rule.text`. Amounts in CNY, net of refunds; several
    rules may question one line: :func:`deduplicate_amounts` counts it once.

    Raises
    ------
    FraudmlError
        ``rules.unknown`` for an id that is not in the rule base, ``rules.parameter`` for a wrong parameter, ``rules.claims`` for anything
        but open claims.

    Examples
    --------
    >>> evidence = run_rules(open_claims("data"), "2024-06-30", rules=["overpriced_charge"])  # doctest: +SKIP
    """
    refuse_unopened(claims, "rules")
    as_of = day(as_of)
    rules = [rules] if isinstance(rules, str) else rules
    base = load_rules(conf_dir)
    chosen = [base[name] for name in _known(rules, base)]
    own = dict(parameters or {})
    _known(own, base)
    if isinstance(claims, Snapshot):
        if as_of > claims.as_of:
            raise FraudmlError("rules.as_of", f"the snapshot knows nothing after {claims.as_of}.", f"Open one as of {as_of}.")
        claims = Claims(claims.data_dir, claims.engine.session())
    since = months_before(as_of, months)
    context = months_before(as_of, months + CONTEXT_MONTHS)
    given = {"as_of": as_of, "since": since, "months": months, "context": context}
    bound = {rule.id: rule.bound(given, own.get(rule.id, {})) for rule in chosen}
    with claims.at(as_of, materialise=["claims"]) as snapshot:
        runnable = []
        for rule in chosen:
            if missing := snapshot.missing(rule.needs):
                log.warning("rule %s (%s) skipped: the data has no %s", rule.id, rule.row, ", ".join(missing))
            else:
                runnable.append(rule)
        expose_knowledge(snapshot.engine, conf_dir, read_by=all_read(rule.sql for rule in runnable))
        _prepare(snapshot, since, context, runnable)
        for number, rule in enumerate(runnable):
            snapshot.engine.table(f"found_{number}", _found(rule, bound[rule.id], snapshot))
        whole = " union all ".join(f"select {number} as place, * from found_{number}" for number in range(len(runnable)))
        ordered = [rule.id for rule in runnable if rule.one_doctor]
        return snapshot.query(_evidence(whole or nothing({"place": "INTEGER"} | EVIDENCE), since, as_of, ordered))


def _known(names: Iterable[str] | None, base: Mapping[str, Rule]) -> list[str]:
    wanted = list(base) if names is None else list(names)
    for name in wanted:
        if name not in base:
            raise FraudmlError("rules.unknown", f"there is no rule “{name}”.", f"Known: {', '.join(base)}.")
    return [name for name in base if name in wanted]


def _prepare(snapshot: Snapshot, since: dt.date, context: dt.date, rules: Iterable[Rule]) -> None:
    """Gives the session every canonical table (empty where the source lacks it), macros and the shared relations in use."""
    engine = snapshot.engine
    for table, declared in CANONICAL.items():
        if table not in snapshot.tables:
            columns = declared.columns | (_ITEM_EXTRAS if table == "items" else {})
            engine.view(
                table, "select " + ", ".join(f'cast(null as {kind}) as "{name}"' for name, kind in columns.items()) + " where false"
            )
    for name, body in MACROS.items():
        engine.macro(name, body)
    for name in needed(rule.sql for rule in rules):
        relation = RELATIONS[name]
        sql = relation.sql.replace("$context", literal(context)).replace("$since", literal(since))
        (engine.table if relation.kept else engine.view)(name, sql)


def _found(rule: Rule, sql: str, snapshot: Snapshot) -> str:
    """What a rule's SQL finds, in the columns of evidence."""
    columns = snapshot.engine.check(f"select * from (\n{sql}\n)")
    facts = [name for name in columns if name not in _REQUIRED and name not in _OPTIONAL]
    # rounded, so that the order in which threads add up does not show
    values = {name: f'round(found."{name}", 4)' if columns[name] in ("DOUBLE", "FLOAT") else f'found."{name}"' for name in facts}
    packed = "struct_pack(" + (", ".join(f'"{name}" := {value}' for name, value in values.items()) or "nothing := null") + ")"
    entity_type = f"coalesce(found.entity_type, '{rule.suspect}')" if "entity_type" in columns else f"'{rule.suspect}'"
    line = "found.line_id" if "line_id" in columns else "cast(null as varchar)"
    strength = "least(1.0, greatest(0.01, coalesce(found.strength, 1.0)))" if "strength" in columns else "1.0"
    return f"""
        select '{rule.id}' as rule, '{rule.row}' as row, '{rule.severity}' as severity, {entity_type} as entity_type,
            cast(found.entity_id as varchar) as entity_id, cast(found.claim_id as varchar) as claim_id,
            cast({line} as varchar) as line_id, cast(found.occurred_on as date) as occurred_on,
            round(cast(coalesce(found.amount_in_question, 0) as double), 2) as amount_in_question,
            round(cast({strength} as double), 4) as strength, cast(to_json({packed}) as varchar) as facts
        from ({sql}) as found where found.entity_id is not null"""


def _evidence(found: str, since: dt.date, as_of: dt.date, ordered: list[str]) -> str:
    """Evidence of the window from what all rules found, in one look at the claims; of ``ordered`` also against a doctor."""
    return f"""
        with found as ({found}), dated as (
            select * from (
                select found.*, coalesce(claim.settled_on, found.occurred_on) as known_on,
                    claim.institution_id, claim.doctor_id, claim.is_stay
                from found left join claims as claim on found.claim_id = claim.claim_id)
            where known_on > date '{since}' and known_on <= date '{as_of}'
        ), {one_doctor(ordered, since)}
        select {", ".join(name for name in EVIDENCE)} from (
            select dated.* replace (case when dated.entity_type = 'institution' and shop.institution_id is not null then 'pharmacy'
                else dated.entity_type end as entity_type)
            from dated left join (select distinct institution_id from institutions where kind = 'pharmacy') as shop
                on dated.entity_id = shop.institution_id
            union all by name
            select dated.* replace ('doctor' as entity_type, sole.doctor_id as entity_id)
            from dated join sole on dated.rule = sole.rule and dated.entity_id = sole.institution_id and dated.is_stay = sole.is_stay
                and dated.institution_id = sole.institution_id and dated.doctor_id = sole.doctor_id
            where dated.entity_type = 'institution')
        order by place, entity_type, entity_id, claim_id, line_id, occurred_on, facts"""


def nothing(columns: Mapping[str, str]) -> str:
    """A query of these columns and no rows."""
    return "select " + ", ".join(f'cast(null as {kind}) as "{name}"' for name, kind in columns.items()) + " where false"


def _facts(rule: Rule, snapshot: Snapshot) -> tuple[str, ...]:
    sql = rule.bound(_TRIAL, {})
    try:
        columns = snapshot.engine.check(f"select * from (\n{sql}\n)")
    except FraudmlError as error:
        raise FraudmlError("rules.sql", f"{where_in_sql(rule, error.message, 1)}: {error.message}", "Correct the rule's SQL.") from error
    missing = [name for name in _REQUIRED if name not in columns]
    if missing:
        raise FraudmlError("rules.sql", f"{where_in_sql(rule, '', 1)}: the SQL does not yield {', '.join(missing)}.")
    facts = tuple(name for name in columns if name not in _REQUIRED and name not in _OPTIONAL)
    for lang, wording in rule.wording.items():
        if unknown := sorted(placeholders(wording) - set(facts)):
            raise FraudmlError(
                "rules.wording",
                f"{rule.path.name}:{line_of(rule.path, lang)}: the wording ({lang}) names {', '.join(unknown)}, "
                "which the SQL does not yield.",
                f"It yields {', '.join(facts) or 'no facts'}.",
            )
    return facts


def _empty_claims(folder: Path) -> Claims:
    engine = open_engine(memory_limit="500MB", threads=1)
    for table, declared in CANONICAL.items():
        engine.write(nothing(declared.columns), folder / "claims" / f"{table}.parquet")
    return Claims(folder, engine)
