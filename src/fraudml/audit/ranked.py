"""Lists of kind ``top`` and ``sample``."""

from __future__ import annotations

from fraudml.audit.declaration import AuditList
from fraudml.audit.drawing import example_key, listed_sql, measured_sql, plain, rows_sql, stratum_columns, stratum_sql, summary_sql
from fraudml.audit.listed import Listed, Run, skipped
from fraudml.audit.sampling import sample_says
from fraudml.audit.words import say

BINS = 40


def make(run: Run, entry: AuditList) -> Listed:
    """Draws the list on the engine; only the listed rows come to Python."""
    lang, engine = run.lang, run.snapshot.engine
    if missing := run.snapshot.missing(entry.needs):
        return skipped(entry, say("note_missing", lang, needs=missing))
    name = f"list_{entry.id}"
    engine.table(f"measured_{entry.id}", measured_sql(entry))
    engine.table(name, listed_sql(entry, f"select * from measured_{entry.id}", run.seed))
    rows = engine.query(rows_sql(entry, f"select * from {name}"))
    strata = engine.query(summary_sql(entry, f"select * from {name}"))
    shown = dict(entry.show) | ({"value": entry.measure} if entry.measure else {})
    listed = Listed(
        entry,
        rows,
        strata,
        headings={column: figure.name[lang] for column, figure in shown.items()},
        units={column: figure.unit for column, figure in shown.items()},
    )
    if entry.measure and entry.measure.unit in ("count", "yuan"):
        _per_year(run, listed)
    elif not entry.measure:
        listed.rows = listed.rows.drop(columns="value")
    if "exchange" in entry.options:
        _exchange(run, listed)
    _note(run, listed)
    if entry.measure and len(rows):
        listed.pictures["histogram"] = _histogram(run, entry, name)
    return listed


def _per_year(run: Run, listed: Listed) -> None:
    """The value as a rate per year: nine months of 2021 stand beside twelve of 2020."""
    length = {each.name: each.months for each in run.periods}
    months = listed.rows["period"].map(length) if "period" in listed.rows else run.months()
    listed.rows.insert(int(listed.rows.columns.get_loc("value")) + 1, "per_year", (listed.rows["value"] * 12 / months).round(2))
    listed.units["per_year"] = listed.units["value"]


def _exchange(run: Run, listed: Listed) -> None:
    """Who checks whom: every stratum is checked by another one, each checks one; the seed turns the circle."""
    column = listed.entry["exchange"]
    names = sorted(listed.rows[column].unique())
    if len(names) < 2:
        listed.notes.append(say("note_no_exchange", run.lang))
        return
    _, key = example_key(run.seed, listed.entry.id, "", "exchange")
    turn = 1 + int(key, 16) % (len(names) - 1)
    listed.rows["checked_by"] = listed.rows[column].map({name: names[(place + turn) % len(names)] for place, name in enumerate(names)})


def _note(run: Run, listed: Listed) -> None:
    """What the protocol must say: strata taken whole, ties at the cut, what a sample can prove."""
    entry, lang, strata = listed.entry, run.lang, listed.strata
    if strata.empty:
        listed.notes.append(say("note_nobody", lang))
        return
    whole = strata[strata["frame"] <= strata["quota"]]
    if len(whole):
        names = [f"{stratum or say('all', lang)} ({count})" for stratum, count in zip(whole["stratum"], whole["frame"], strict=True)]
        listed.notes.append(
            say("note_whole", lang, count=len(whole), strata=names[:12] + ([f"… +{len(names) - 12}"] if len(names) > 12 else []))
        )
    if entry.kind == "top":
        beyond = strata[(strata["listed"] > strata["quota"])]
        if len(beyond) and "include" not in entry.options:
            listed.notes.append(say("note_ties", lang, count=len(beyond), more=int((beyond["listed"] - beyond["quota"]).sum())))
        if "include" in entry.options:
            listed.notes.append(
                say(f"note_include_{entry['include']['by']}", lang, least=entry["include"]["least"], quota=entry.get("size"))
            )
        return
    drawn = listed.rows[listed.rows["drawn"] == "random"]
    if len(drawn):
        first = drawn.iloc[0]
        text, key = example_key(run.seed, entry.id, str(first["stratum"]), str(first["entity_id"]))
        listed.notes.append(say("note_draw", lang, text=text, key=key[:16]))
    listed.notes += sample_says(
        [(str(row.stratum), int(row.frame), int(row.listed)) for row in strata.itertuples()], entry.get("precision", {}), lang
    )


def _histogram(run: Run, entry: AuditList, name: str) -> list[tuple[str, list[tuple[float, float, int, int]]]]:
    """Per stratum, of the six largest: bins (low, high, how many, how many listed); edges grow by a factor where values spread far."""
    strata = stratum_columns(entry)
    label = stratum_sql(strata)
    rows = run.snapshot.engine.rows(
        f"""
        with big as (select {label} as label, min(value) as low, max(value) as high, count(*) as n from {name}
            where value > 0 group by all order by n desc, label limit 6),
        placed as (
            select big.label, big.low, big.high, item.listed,
                least({BINS - 1}, cast(floor({BINS} * case when high <= low then 0
                    when high > 50 * low then ln(value / low) / ln(high / low) else (value - low) / (high - low) end) as integer)) as bin
            from (select *, {label} as label from {name} where value > 0) as item join big on item.label = big.label)
        select label, any_value(low), any_value(high), bin, count(*), count(*) filter (where listed) from placed group by label, bin
        order by label, bin"""
    )
    found: dict[str, list[tuple[float, float, int, int]]] = {}
    for label, low, high, at, count, listed in rows:
        found.setdefault(str(label), []).append((*_edges(plain(low), plain(high), int(at)), int(count), int(listed)))
    return list(found.items())


def _edges(low: float, high: float, at: int) -> tuple[float, float]:
    if high <= low:
        return low, high
    if high > 50 * low:
        step = (high / low) ** (1 / BINS)
        return low * step**at, low * step ** (at + 1)
    step = (high - low) / BINS
    return low + step * at, low + step * (at + 1)
