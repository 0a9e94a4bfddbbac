"""The record of a programme: what was drawn from what, by which rule and seed, so that anyone with the data can repeat it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from fraudml.audit.declaration import AuditList, Figure, Programme
from fraudml.audit.listed import Run
from fraudml.audit.words import say, value_in_words
from fraudml.wording import number, written_day

if TYPE_CHECKING:
    import pandas as pd


def protocol(run: Run, programme: Programme, key_targets: pd.DataFrame, told: Sequence[str]) -> pd.DataFrame:
    """One row per statement: ``part`` (general, exclusions, or a list's id), ``item``, ``value``."""
    import pandas as pd

    lang = run.lang
    rows: list[tuple[str, str, str]] = []

    def add(part: str, item: str, value: Any) -> None:
        rows.append((part, say(f"item_{item}", lang), str(value)))

    add("general", "programme", f"{programme.name[lang]} ({programme.id})")
    if programme.source[lang]:
        add("general", "source", programme.source[lang])
    add("general", "as_of", written_day(run.as_of, lang))
    for each in run.periods if programme.uses_periods else ():
        add("general", "period", f"{each.name}: {written_day(each.start, lang)} – {written_day(each.end, lang)} ({number(each.months)})")
    for text in told if programme.uses_periods else ():
        add("general", "periods_note", text)
    if programme.uses_periods:
        add("general", "by", say(f"by_{programme.by}", lang))
    add("general", "seed", run.seed)
    add("general", "draw_rule", say("draw_rule", lang))
    add("general", "version", f"fraudml {version('fraudml')}")
    if programme.crossing:
        add("general", "crossing", say("crossing_rule", lang, least=programme.crossing, count=len(key_targets)))
    for item, count in _exclusions(run, programme) if programme.uses_periods else ():
        add("exclusions", item, number(count))
    for identity, listed in run.done.items():
        entry = listed.entry
        add(identity, "list", f"{entry.row} {entry.name[lang]} ({identity})")
        if entry.about[lang]:
            add(identity, "about", entry.about[lang])
        for key, value in _parameters(entry, lang):
            rows.append((identity, key, value))
        if "population" in listed.strata:
            add(identity, "population", number(int(listed.strata["population"].sum())))
            add(identity, "strata_count", number(len(listed.strata)))
        add(identity, "listed", number(len(listed.rows)))
        for note in listed.notes:
            add(identity, "note", note)
    return pd.DataFrame(rows, columns=["part", "item", "value"])


def _exclusions(run: Run, programme: Programme) -> list[tuple[str, int]]:
    """What the data hold that no list sees."""
    engine = run.snapshot.engine
    whole = "from settlements where not coalesce(is_refund, false)"
    counts = {
        "settlements": f"select count(*) {whole}",
        "refunded_whole": f"select count(*) {whole} and claim_id not in (select claim_id from claims)",
        "refunded_partly": "select count(*) from claims where refunded_amount > 0",
        "outside_periods": f"""select count(*) from claims where not exists (
            select 1 from audited_periods where claims.{programme.by} between first_day and last_day)""",
        "in_periods": "select count(*) from audited_claims",
        "no_insurance_type": "select count(*) from audited_claims where insurance_type is null",
        "no_disease": "select count(*) from audited_claims where visit_type = 'chronic' and registered_disease is null",
        "two_insurance_types": """select count(*) from (
            select patient_id from audited_claims group by 1 having count(distinct insurance_type) > 1)""",
    }
    return [(name, int(engine.scalar(sql) or 0)) for name, sql in counts.items()]


def _parameters(entry: AuditList, lang: str) -> list[tuple[str, str]]:
    """Every entry of the list's file, as it was used."""
    shown = []
    for key, value in entry.options.items():
        if isinstance(value, Figure):
            text = f"{value.name[lang]} = {value.sql}"
        elif isinstance(value, dict) and all(isinstance(each, Figure) for each in value.values()):
            text = "; ".join(f"{each.name[lang]} = {each.sql}" for each in value.values())
        elif key == "groups":
            text = "; ".join(f"{each[lang]} ({name}): {each['where']}" for name, each in value.items())
        elif key == "parts":
            text = "; ".join(f"{each[lang]} ×{each['weight']:g} = {each['sql']}" for each in value.values())
        elif isinstance(value, dict):
            text = ", ".join(f"{name}={_plain(each)}" for name, each in value.items())
        else:
            text = _plain(value)
        shown.append((value_in_words("parameter", key, lang), " ".join(text.split())))
    return shown


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_plain(each)}" for name, each in value.items()) + "}"
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
