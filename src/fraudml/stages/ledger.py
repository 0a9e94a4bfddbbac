"""``fraudml ledger COMMAND …``: findings come in, and what the ledger knows goes out."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fraudml.config import as_of_days
from fraudml.errors import FraudmlError, MissingInput, UsageError
from fraudml.ledger import Entry, Ledger, open_ledger
from fraudml.ledger.importing import import_workbooks, record, resolve
from fraudml.ledger.lists import Terms, add_case, take_in_lists
from fraudml.ledger.overview import WHICH, chosen, offers_of, row_of
from fraudml.ledger.states import MONEY, entry_of
from fraudml.ledger.store import whoever
from fraudml.ledger.told import told_entry
from fraudml.ledger.words import name_of, origin_of, outcome_of, say, state_of
from fraudml.ledger.workbook import cents_of, day_of
from fraudml.stages.ledger_shown import answer, scheme_titles, shown, table
from fraudml.wording import LANGUAGES


def run(config: Any) -> None:
    """Runs one command; lists that were handed out since the last one enter the ledger first."""
    if config.lang not in LANGUAGES:
        raise UsageError("ledger.lang", f"lang={config.lang}.", f"Languages: {', '.join(LANGUAGES)}.")
    command = COMMANDS.get(str(config.ledger.do))
    if command is None:
        raise UsageError("ledger.command", f"there is no command “{config.ledger.do}”.", f"Commands: {', '.join(COMMANDS)}.")
    with opened(config) as ledger:
        command(config, ledger)


def opened(config: Any, *, before: dt.date | None = None) -> Ledger:
    """The ledger of a configuration, with every list below ``data_dir`` (of days before ``before``) taken in."""
    data_dir = Path(config.data_dir)
    if not data_dir.is_dir():
        raise MissingInput("ledger.data_dir", f"{data_dir} is no folder.", "Run `fraudml leads` first, or name the folder with data_dir.")
    ledger = open_ledger(config.ledger.uri or data_dir / "ledger.sqlite")
    take_in_lists(ledger, data_dir, by=who(config), today=today(config), terms=terms(config), before=before)
    return ledger


def terms(config: Any) -> Terms:
    """On what terms leads are handed out."""
    days = config.ledger.days
    if isinstance(days, bool) or not isinstance(days, int) or days < 1:
        raise UsageError("ledger.days", f"ledger.days={days}.", "Give a number of days, 1 or more.")
    if not isinstance(config.ledger.units, Mapping):
        raise UsageError(
            "ledger.units",
            f"ledger.units={config.ledger.units}.",
            "Give region: office, as {430102: 一科}, best in conf_dir/ledger/default.yaml.",
        )
    return Terms(days, {str(region): str(unit) for region, unit in config.ledger.units.items()}, config.ledger.default_unit)


def who(config: Any) -> str:
    """Who runs the command."""
    return str(config.ledger.by or whoever())


def today(config: Any) -> dt.date:
    """The day as of which the ledger answers."""
    days = as_of_days(config)
    if len(days) > 1:
        raise UsageError("ledger.as_of", "the ledger answers as of one day.", "Give one as_of.")
    return dt.date.fromisoformat(days[0]) if days else dt.date.today()


def _import(config: Any, ledger: Ledger) -> None:
    words = _words(config)
    if not words:
        raise UsageError("ledger.files", "no workbook is named.", "fraudml ledger import FILE …")
    paths = [path for word in words for path in (sorted(Path(word).glob("*.xlsx")) if Path(word).is_dir() else [Path(word)])]
    missing = [str(path) for path in paths if not path.is_file()]
    if missing or not paths:
        raise MissingInput("ledger.file", f"{', '.join(missing or words)}: no such workbook.", "Check the path.")
    from fraudml.stages.ledger_sanctions import told_duplicates

    done = import_workbooks(
        ledger, paths, by=who(config), today=today(config), titles=_titles(), schemes=_scheme_names(config), lang=config.lang
    )
    counts = {name: getattr(done, name) for name in ("files", "taken", "known", "blank", "refused")}
    answer(say("imported", config.lang, **counts, conflicts=len(done.conflicts)))
    lines = [problem.text(config.lang) for problem in done.problems] + [conflict.text(config.lang) for conflict in done.conflicts]
    if done.conflicts:
        lines.append(say("resolve_with", config.lang))
    twice = told_duplicates(ledger, config.lang, None, done.leads) if done.leads else []
    for line in [*lines, *twice]:
        print(line, file=sys.stderr)  # noqa: T201 - what was not taken is told line by line
    if lines:
        raise FraudmlError(
            "ledger.not_taken",
            f"{done.refused} lines refused, {len(done.conflicts)} in conflict; {done.taken} taken, {done.known} known.",
            "Correct the lines above and import the file again, or resolve the conflicts; what is taken stays.",
        )


def _list(config: Any, ledger: Ledger) -> None:
    words = _words(config) or ["open"]
    if len(words) > 1 or words[0] not in WHICH:
        raise UsageError("ledger.which", f"there is no list “{' '.join(words)}”.", f"Lists: {', '.join(WHICH)}.")
    day, lang = today(config), config.lang
    cases = chosen(ledger.cases(as_of=day), words[0], day, config.ledger.unit)
    names = scheme_titles(config)
    rows = [shown(row_of(case, day), names, lang) for case in cases]
    columns = ("lead_id", "entity_type", "entity_id", "scheme", "state", "unit", "person", "due_on", "days_over", "amount_at_risk")
    answer(table(rows, columns, lang) if rows else say("nothing_open", lang))
    for case in cases:
        for line in offers_of(case, lang):
            answer(f"{case.lead_id} {line}")
    counts = {
        "count": len(cases),
        "overdue": sum(case.is_overdue(day) for case in cases),
        "disputed": sum(bool(case.conflicts) for case in cases),
    }
    answer(say("counted", lang, **counts))


def _show(config: Any, ledger: Ledger) -> None:
    wanted = set(_leads_named(config))
    found = [event for event in ledger.events() if event["lead_id"] in wanted]
    if missing := sorted(wanted - {event["lead_id"] for event in found}):
        raise FraudmlError("ledger.unknown_lead", f"the ledger has no lead {', '.join(missing)}.", "`fraudml ledger list all` names them.")
    for event in sorted(found, key=lambda each: (each["lead_id"], each["sequence"])):
        parts = [event["lead_id"], event["happened_on"].isoformat(), name_of("kinds", event["kind"], config.lang)]
        parts += [told_entry(entry_of(event), config.lang), event["recorded_by"], event["file"], event["cell"] or ""]
        answer("  ".join(part for part in parts if part))


def _record(config: Any, ledger: Ledger) -> None:
    leads = _leads_named(config)
    count = record(ledger, leads, _entry(config), by=who(config), today=today(config), corrects=bool(config.ledger.correct))
    answer(say("recorded", config.lang, count=count))


def _resolve(config: Any, ledger: Ledger) -> None:
    take = config.ledger.take
    if isinstance(take, bool) or not isinstance(take, int) or take < 0:
        raise UsageError("ledger.take", f"ledger.take={take}.", "Give the number of an offer, or 0 to keep the ledger.")
    count = resolve(ledger, _leads_named(config), take, by=who(config), today=today(config))
    answer(say("recorded", config.lang, count=count))


def _entry(config: Any) -> Entry:
    """What ``record`` was told."""
    given = config.ledger
    state = None if given.state is None else state_of(given.state)
    if given.state is not None and state is None:
        raise UsageError("ledger.state", f"ledger.state={given.state}.", "Use a word of the workbook's list.")
    cents = None if given.amount is None else cents_of(given.amount)
    if given.amount is not None and cents is None:
        raise UsageError("ledger.amount", f"ledger.amount={given.amount}.", "Give yuan, 0 or more.")
    days: dict[str, dt.date | None] = {}
    for name in ("date", "due"):
        days[name] = None if given[name] is None else day_of(given[name])
        if given[name] is not None and days[name] is None:
            raise UsageError(f"ledger.{name}", f"ledger.{name}={given[name]}.", "Write YYYY-MM-DD.")
    outcome = None if given.outcome is None else outcome_of(given.outcome)
    if given.outcome is not None and outcome is None:
        raise UsageError("ledger.outcome", f"ledger.outcome={given.outcome}.", "Use a word of the workbook's list.")
    if given.scheme is not None and str(given.scheme) not in scheme_titles(config):
        raise UsageError("ledger.scheme", f"there is no scheme “{given.scheme}”.", "Give the id of a rule, or unexplained.")
    is_payment = outcome is not None and outcome[0] in MONEY
    entry = Entry(
        state=state,
        outcomes=((*outcome, cents if is_payment else None),) if outcome else (),
        amount=None if is_payment else cents,
        happened_on=days["date"],
        due_on=days["due"],
        **{name: None if given[name] is None else str(given[name]) for name in ("unit", "person", "remark", "scheme")},
    )
    if entry == Entry():
        raise UsageError("ledger.nothing", "nothing is to be recorded.", "Give ledger.state, outcome, unit, person, due …")
    return entry


def _statistics(config: Any, ledger: Ledger) -> None:
    from fraudml.stages.ledger_statistics import statistics

    rows, columns, told = statistics(config, ledger, today(config), scheme_titles(config))
    if rows:
        answer(table(rows, columns, config.lang))
    for text in told:
        answer("\n" + text)


def _labels(config: Any, ledger: Ledger) -> None:
    from fraudml.engine import open_engine
    from fraudml.ledger.labels import labels
    from fraudml.rules import load_rules
    from fraudml.stages.ledger_labels import merge_labels

    suspects = {name: rule.suspect for name, rule in load_rules(config.conf_dir).items()}
    day = today(config) if config.as_of is not None else None
    rows = labels(ledger.cases(as_of=day), suspects)
    engine = open_engine(config.engine.memory_limit, config.engine.threads, config.engine.temp_dir)
    merge_labels(engine, Path(config.data_dir) / "labels.parquet", rows)


def _words(config: Any) -> list[str]:
    return [str(each) for each in config.ledger.what]


def _leads_named(config: Any) -> list[str]:
    leads = list(dict.fromkeys(_words(config)))
    if not leads:
        raise UsageError("ledger.leads", "no lead is named.", f"fraudml ledger {config.ledger.do} LEAD …")
    return leads


def _titles() -> dict[str, str]:
    """Shown title -> key of the workbook's columns, in both languages."""
    from fraudml.findings import LEAD_ID
    from fraudml.ledger.workbook import COLUMNS
    from fraudml.report.words import say as reported

    return {reported(key, lang): key for lang in LANGUAGES for key in COLUMNS if key != LEAD_ID} | {LEAD_ID: LEAD_ID}


def _scheme_names(config: Any) -> dict[str, str]:
    """What a remark may call a scheme, in both languages -> id."""
    from fraudml.leads import schemes
    from fraudml.ledger.words import plain

    named = {plain(scheme.name): name for lang in LANGUAGES for name, scheme in schemes(lang, config.conf_dir).items()}
    return named | {plain(name): name for name in named.values()}


def _add(config: Any, ledger: Ledger) -> None:
    from fraudml.contracts import ENTITY_TYPES
    from fraudml.leads.identity import lead_id

    words, day = _words(config), today(config)
    if len(words) != 3 or words[0] not in ENTITY_TYPES:
        raise UsageError("ledger.add", f"“{' '.join(words)}”.", f"fraudml ledger add KIND ID SCHEME; kinds: {', '.join(ENTITY_TYPES)}.")
    kind, entity, scheme = words
    if scheme not in scheme_titles(config):
        raise UsageError("ledger.scheme", f"there is no scheme “{scheme}”.", "Give the id of a rule, or unexplained.")
    origin, cents = origin_of(config.ledger.origin), cents_of(config.ledger.amount or 0)
    if origin is None or cents is None:
        raise UsageError(
            "ledger.add", f"origin {config.ledger.origin}, amount {config.ledger.amount}.", "Origins: lead, random, report, self."
        )
    listed = day if config.ledger.date is None else day_of(config.ledger.date)
    if listed is None or listed > day:
        raise UsageError("ledger.date", f"ledger.date={config.ledger.date}.", "Write YYYY-MM-DD, not in the future.")
    identity = lead_id(kind, entity, scheme)
    add_case(ledger, identity, kind, entity, scheme, origin=origin, day=listed, amount=cents, by=who(config), terms=terms(config))
    answer(say("added", config.lang, lead=identity))


def _discretion(config: Any, ledger: Ledger) -> None:
    from fraudml.stages.ledger_sanctions import show_discretion

    show_discretion(config, ledger, today(config))


def _duplicates(config: Any, ledger: Ledger) -> None:
    from fraudml.stages.ledger_sanctions import show_duplicates

    show_duplicates(config, ledger, today(config))


def _draft(config: Any, ledger: Ledger) -> None:
    from fraudml.stages.ledger_draft import draft

    leads = _leads_named(config)
    if len(leads) > 1:
        raise UsageError("ledger.leads", "a draft is made from one lead.", "fraudml ledger draft LEAD")
    draft(config, ledger, leads[0])


def _export(config: Any, ledger: Ledger) -> None:
    from fraudml.ledger.export import export

    words = _words(config)
    if len(words) != 1:
        raise UsageError("ledger.export", "one file is to be named.", "fraudml ledger export FILE.xlsx (or .csv, .parquet)")
    for path in export(ledger, Path(words[0]), today(config)):
        answer(str(path))


COMMANDS = {
    "import": _import,
    "list": _list,
    "show": _show,
    "record": _record,
    "resolve": _resolve,
    "stats": _statistics,
    "labels": _labels,
    "add": _add,
    "discretion": _discretion,
    "duplicates": _duplicates,
    "draft": _draft,
    "export": _export,
}
