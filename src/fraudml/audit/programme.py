"""Runs a programme: every list of it in order, their crossings, and the record of how all of it was drawn."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fraudml.audit import grades as grading
from fraudml.audit import high_cost_patients, past_items, ranked, rule_check, schedule, standing, suppliers
from fraudml.audit.crossing import crossings, mark
from fraudml.audit.declaration import AuditList, Programme, load_programme
from fraudml.audit.drawing import listed_sql, measured_sql, rows_sql
from fraudml.audit.listed import Listed, Run
from fraudml.audit.periods import Period, covered_months, covers, latest_years, parse_periods
from fraudml.audit.population import COLUMNS, prepare_claims, prepare_evidence, prepare_institutions
from fraudml.audit.protocol import protocol
from fraudml.audit.words import say
from fraudml.claims import Claims
from fraudml.claims.store import day, months_before
from fraudml.errors import FraudmlError
from fraudml.progress import step

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger("fraudml")

MAKERS: dict[str, Callable[[Run, AuditList], Listed]] = {
    "top": ranked.make,
    "sample": ranked.make,
    "suppliers": suppliers.make,
    "high_cost_patients": high_cost_patients.make,
    "past_items": past_items.make,
    "rule_check": rule_check.make,
    "schedule": schedule.make,
    "grades": grading.make,
    "points": standing.make_points,
    "blacklist": standing.make_blacklist,
}
USES_EVIDENCE = ("doubt", "amount_in_question", "evidence_claims", "rules")
"""Columns of the populations that come from rule evidence."""


@dataclass(frozen=True)
class AuditResult:
    """A programme as run.

    Attributes
    ----------
    lists : list id -> :class:`Listed`, in the programme's order.
    key_targets : A12: who stands on several lists (empty where the programme does not cross).
    protocol : one row per statement: ``part, item, value`` (texts). With it and the data anyone can repeat every draw.
    """

    programme: Programme
    as_of: dt.date
    periods: tuple[Period, ...]
    seed: int
    lang: str
    lists: Mapping[str, Listed]
    key_targets: pd.DataFrame
    protocol: pd.DataFrame

    @property
    def strata(self) -> pd.DataFrame:
        """One row per list and stratum: population, frame, quota, listed, value at the cut, how many share it, median."""
        import pandas as pd

        wanted = ["row", "list", "stratum", "population", "frame", "quota", "listed", "cut_value", "at_cut", "median_value"]
        parts = [
            listed.strata.assign(list=identity, row=listed.entry.row).reindex(columns=wanted)
            for identity, listed in self.lists.items()
            if "population" in listed.strata
        ]
        frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=wanted)
        return frame.astype({"row": "str", "list": "str", "stratum": "str"} | dict.fromkeys(wanted[3:], "float64"))


def run_programme(
    claims: Claims,
    programme: str | Programme,
    as_of: str | dt.date | None = None,
    *,
    periods: str | Sequence[str | int] | None = None,
    seed: int = 0,
    lang: str = "zh",
    conf_dir: str | Path | None = None,
    changes: Mapping[str, Mapping[str, Any]] | None = None,
    evidence: pd.DataFrame | Callable[[], pd.DataFrame] | None = None,
    scores: pd.DataFrame | None = None,
    ledger: pd.DataFrame | None = None,
    decisions: pd.DataFrame | None = None,
    source: Any = None,
) -> AuditResult:
    """Draws all lists of an audit programme.

    Parameters
    ----------
    claims : the canonical tables.
    programme : name of a file in ``conf/audit/`` (or in ``conf_dir/audit/``), or what :func:`load_programme` gave.
    as_of : the day; nothing later is visible. Default: the last month end that the claims cover.
    periods : in place of the programme's, as ``["2019", "2020", "2021-01..2021-09"]`` or with commas in one text.
    seed : of every draw.
    changes : list id -> key -> value, in place of what the files say.
    evidence : rows of :data:`fraudml.contracts.EVIDENCE` or a function that finds them; default: the rules are run when a list needs them.
    scores : claims' ``entity_id`` and ``risk``, for lists that rank by risk.
    ledger : past doubtful items: ``lead_id, entity_type, entity_id, scheme, state, handed_out_on, deadline, checked_on``.
    decisions : decided cases: ``entity_type, entity_id, is_fraud, scheme, decided_on, origin``.
    source : the source's mapping, so that missing columns are named as the bureau knows them.

    Returns
    -------
    AuditResult

    Raises
    ------
    FraudmlError
        ``audit.*`` with file and line for a wrong declaration, before anything is computed.

    Examples
    --------
    >>> result = run_programme(open_claims("data"), "yixing_outpatient")   # doctest: +SKIP
    >>> result.lists["outpatient_visits"].rows.head()                      # doctest: +SKIP
    """
    if isinstance(programme, str):
        programme = load_programme(programme, conf_dir, changes)
    check_queries(programme)
    as_of = day(as_of) if as_of is not None else claims.last_month_end()
    with claims.at(as_of, materialise=("claims",)) as snapshot:
        chosen, told = choose_periods(snapshot, programme, periods, as_of, lang)
        for text in told if programme.uses_periods else ():
            log.warning("%s", text)
        run = Run(snapshot, chosen, seed, lang, as_of, str(conf_dir) if conf_dir else None)
        run.ledger, run.decisions, run.source = ledger, decisions, source
        if _wants_evidence(programme):
            run.evidence = _evidence(evidence, claims, as_of, conf_dir)
        prepare_evidence(snapshot.engine, run.evidence, scores)
        with step("population"):
            prepare_claims(snapshot, chosen, programme.by)
            prepare_institutions(snapshot, months_before(as_of, 12))
        for entry in programme.lists:
            with step(entry.id):
                run.done[entry.id] = MAKERS[entry.kind](run, entry)
            if run.done[entry.id].skipped:
                log.warning("%s (%s): %s", entry.id, entry.row, run.done[entry.id].skipped)
        key_targets = crossings(run.done, programme.crossing, lang) if programme.crossing else crossings({}, 1, lang)
        if programme.crossing:
            mark(run.done, key_targets, lang)
        record = protocol(run, programme, key_targets, told)
    return AuditResult(programme, as_of, chosen, seed, lang, run.done, key_targets, record)


def choose_periods(
    snapshot: Any, programme: Programme, given: str | Sequence[str | int] | None, as_of: dt.date, lang: str
) -> tuple[tuple[Period, ...], list[str]]:
    """The periods to audit, and what the protocol must say of the choice."""
    counts = dict(
        snapshot.engine.rows(
            f"select cast(date_trunc('month', {programme.by}) as date), count(*) from claims group by 1 having count(*) > 0"
        )
    )
    months = covered_months({month: count for month, count in counts.items() if month is not None}, as_of)
    if given is not None:
        periods = parse_periods(given)
        bare = [each.name for each in periods if not covers(months, each)]
        return periods, [say("note_periods_bare", lang, periods=bare)] if bare else []
    declared = parse_periods(programme.periods) if programme.periods else ()
    if declared and all(covers(months, each) for each in declared):
        return declared, []
    if not months:
        raise FraudmlError("audit.empty", "no month is covered by claims.", "Ingest claims, or name the periods with audit.periods=….")
    found = latest_years(months, programme.years)
    told = [say("note_periods", lang, declared=[each.name for each in declared], used=[each.name for each in found])] if declared else []
    if len(found) < programme.years:
        told.append(say("note_periods_few", lang, count=len(found), wanted=programme.years))
    return found, told


def check_queries(programme: Programme) -> None:
    """Binds the SQL of every list against empty tables.

    Raises
    ------
    FraudmlError
        ``audit.sql`` with file and list for a column that does not exist or a type that does not fit.
    """
    from fraudml.audit.trial import trial_session

    with trial_session() as snapshot:
        for entry in programme.lists:
            if entry.kind in ("top", "sample"):
                _bound(snapshot, entry, rows_sql(entry, listed_sql(entry, measured_sql(entry), 0)))
            elif entry.kind in ("suppliers", "high_cost_patients", "grades", "schedule"):
                for sql in fragments(entry):
                    _bound(snapshot, entry, sql)


def fragments(entry: AuditList) -> list[str]:
    """Queries that use the SQL of a list of its own kind, to be bound on trial."""
    if entry.kind == "suppliers":
        return [f"select {figure.sql} from audited_claims" for figure in entry["measures"].values()]
    if entry.kind == "high_cost_patients":
        wheres = [f"select 1 from audited_claims where ({group['where']})" for group in entry["groups"].values()]
        return [f"select {entry['measure'].sql} from audited_claims", *wheres]
    where = [f"select 1 from audited_institutions where ({entry.get('where', 'true')})"]
    if entry.kind == "grades":
        where += [f"select cast({part['sql']} as double) from graded_claims" for part in entry["parts"].values()]
    return where


def _bound(snapshot: Any, entry: AuditList, sql: str) -> None:
    try:
        snapshot.engine.check(sql)
    except FraudmlError as error:
        base = entry.get("of", "claims")
        raise FraudmlError(
            "audit.sql", f"{entry.path.name}, list “{entry.id}”: {error.message}", f"It may name {COLUMNS[base]}."
        ) from error


def _wants_evidence(programme: Programme) -> bool:
    text = " ".join(
        " ".join([str(each.get("where", "")), str(each.get("having", "")), *(figure.sql for figure in each.show.values())])
        + (each.measure.sql if each.measure else "")
        for each in programme.lists
    )
    return any(word in text for word in USES_EVIDENCE) or any(each.kind in ("grades", "schedule") for each in programme.lists)


def _evidence(given: Any, claims: Claims, as_of: dt.date, conf_dir: str | Path | None) -> pd.DataFrame:
    if given is None:
        from fraudml.rules import run_rules

        return run_rules(claims, as_of, conf_dir=conf_dir)
    return given() if callable(given) else given
