"""A07, 延伸稽核: from each listed person to the institutions that supplied most of its services or drugs."""

from __future__ import annotations

from fraudml.audit.declaration import AuditList
from fraudml.audit.listed import Listed, Run, skipped
from fraudml.audit.words import say
from fraudml.engine import identifier


def make(run: Run, entry: AuditList) -> Listed:
    """The main suppliers of everyone on the lists that the entry names, in the period in which they are listed.

    For each measure (services, drugs), a person's institutions are taken from the largest on until together they supplied more than
    ``share`` of the person's total: one where it supplied more than half, several where none did; institutions with equal figures at that
    point stay together. ``rows`` has one row per institution; ``pictures["links"]`` holds the pairs (person, period, institution).
    """
    import pandas as pd

    lang, engine = run.lang, run.snapshot.engine
    if missing := run.snapshot.missing(entry.needs):
        return skipped(entry, say("note_missing", lang, needs=missing))
    listed = [run.done[name].rows for name in entry["lists"]]
    persons = [_persons(rows, run) for rows in listed if not rows.empty]
    if not persons:
        return skipped(entry, say("note_no_persons", lang))
    every = pd.concat(persons, ignore_index=True).drop_duplicates().sort_values(["patient_id", "period"])
    engine.register("listed_persons_given", every)
    engine.table(
        "listed_persons", "select cast(patient_id as varchar) as patient_id, cast(period as varchar) as period from listed_persons_given"
    )
    share = float(entry.get("share", 0.5))
    measures = entry["measures"]
    sums = ", ".join(f"round(cast({figure.sql} as double), 4) as {identifier(name)}" for name, figure in measures.items())
    engine.table(
        "supplied",
        f"""select claim.patient_id, claim.period, claim.institution_id, max(claim.kind) as kind, {sums}
            from audited_claims as claim join listed_persons as person
                on claim.patient_id = person.patient_id and claim.period = person.period
            where claim.visit_type not in ('inpatient', 'day_surgery')
            group by claim.patient_id, claim.period, claim.institution_id""",
    )
    ranked = ", ".join(
        f"""sum({identifier(name)}) over (partition by patient_id, period) as {identifier(name + "_all")},
            coalesce(sum({identifier(name)}) over (partition by patient_id, period order by {identifier(name)} desc
                range between unbounded preceding and current row exclude group), 0) as {identifier(name + "_before")}"""
        for name in measures
    )
    mains = {
        name: f"({identifier(name)} > 0 and {identifier(name + '_before')} <= {share} * {identifier(name + '_all')})" for name in measures
    }
    shares = [
        f"round({identifier(name)} / nullif({identifier(name + '_all')}, 0), 4) as {identifier(name + '_share')}" for name in measures
    ]
    engine.table(
        "main_suppliers",
        f"""select patient_id, period, institution_id, kind, {", ".join(identifier(name) for name in measures)},
            {", ".join(shares)},
            {", ".join(f"{main} as {identifier('main_' + name)}" for name, main in mains.items())}
        from (select *, {ranked} from supplied) where {" or ".join(mains.values())}""",
    )
    links = engine.query("select * from main_suppliers order by patient_id, period, institution_id")
    totals = ", ".join(f"round(sum({identifier(name)}), 2) as {identifier(name)}" for name in measures)
    rows = engine.query(
        f"""
        with place as (
            select institution_id, case when max(kind) = 'pharmacy' then 'pharmacy' else 'institution' end as entity_type,
                count(distinct patient_id) as value, count(*) as pair_count, {totals}
            from main_suppliers group by institution_id)
        select '' as stratum, rank() over (order by value desc, pair_count desc) as rank, entity_type, institution_id as entity_id, value,
            pair_count, {", ".join(identifier(name) for name in measures)}, 'ranked' as drawn
        from place order by rank, entity_id"""
    )
    rows["value"] = rows["value"].astype("float64")
    strata = pd.DataFrame({"stratum": [""], "population": [len(rows)], "frame": [len(rows)], "quota": [len(rows)], "listed": [len(rows)]})
    return Listed(
        entry,
        rows,
        strata,
        headings={name: figure.name[lang] for name, figure in measures.items()} | {"value": say("listed_persons", lang)},
        units={name: figure.unit for name, figure in measures.items()} | {"value": "count", "pair_count": "count"},
        notes=[say("note_suppliers", lang, persons=every["patient_id"].nunique(), share=share, places=len(rows))],
        pictures={"links": links},
    )


def _persons(rows: object, run: Run) -> object:
    """Patients of a list with their period; where a list has no periods, with all of them."""
    import pandas as pd

    frame = rows[rows["entity_type"] == "patient"]  # type: ignore[index]
    if "period" in frame:
        return frame[["entity_id", "period"]].rename(columns={"entity_id": "patient_id"})
    names = [each.name for each in run.periods]
    return pd.DataFrame({"patient_id": [one for one in frame["entity_id"] for _ in names], "period": names * len(frame)})
