"""A13, 自查规则库: which rules this data can run today, at which point of payment, and which columns the others lack."""

from __future__ import annotations

from fraudml.audit.declaration import AuditList
from fraudml.audit.listed import Listed, Run
from fraudml.audit.words import say
from fraudml.claims.coverage import coverage


def make(run: Run, entry: AuditList) -> Listed:
    """One row per rule, by row of the requirements."""
    import pandas as pd

    from fraudml.rules import load_rules

    lang = run.lang
    rules = load_rules(run.conf_dir)
    declared = [{"row": rule.row, "id": rule.id, "name": rule.name, "needs": rule.needs} for rule in rules.values()]
    found = coverage(run.snapshot.has, declared, run.source)
    rows = pd.DataFrame(
        {
            "rank": range(1, len(found) + 1),
            "stratum": "",
            "row": [each.row for each in found],
            "scheme": [each.id for each in found],
            "name": [each.name[lang] for each in found],
            "suspect": [rules[each.id].suspect for each in found],
            "payment_stage": [rules[each.id].stage for each in found],
            "can_run": [not each.missing for each in found],
            "missing": ["、".join(each.missing) for each in found],
            "wanted": ["、".join(each.wanted) for each in found],
        }
    )
    able = int(rows["can_run"].sum())
    visits = run.snapshot.engine.rows("select visit_type, count(*) from claims group by 1 order by 1")
    seen = dict(visits)
    notes = [
        say("note_rules", lang, able=able, count=len(rows)),
        say(
            "note_settings",
            lang,
            outpatient=seen.get("outpatient", 0) + seen.get("chronic", 0) + seen.get("emergency", 0),
            inpatient=seen.get("inpatient", 0) + seen.get("day_surgery", 0),
            pharmacy=seen.get("pharmacy", 0),
        ),
    ]
    strata = pd.DataFrame({"stratum": [""], "population": [len(rows)], "frame": [len(rows)], "quota": [len(rows)], "listed": [able]})
    return Listed(entry, rows, strata, notes=notes)
