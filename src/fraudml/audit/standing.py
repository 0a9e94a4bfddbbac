"""A17: points (记分) for decided cases, and a blacklist with entry and exit; both replayed from the decisions known on the day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fraudml.audit.declaration import AuditList
from fraudml.audit.listed import Listed, Run, empty, skipped
from fraudml.audit.words import say
from fraudml.claims.store import months_before

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Decision:
    """A confirmed case that stands: not overturned by the day."""

    scheme: str
    decided_on: dt.date
    points: float
    under_appeal: bool
    lead_id: str = ""


def make_points(run: Run, entry: AuditList) -> Listed:
    """Points of every entity with decided cases: what counts today, what has lapsed, what was overturned, what is under appeal."""
    import pandas as pd

    lang = run.lang
    if run.decisions is None or run.decisions.empty:
        return skipped(entry, say("note_no_decisions", lang))
    rows, overturned = [], 0
    for (kind, identity), cases in standing_cases(run.decisions, entry, run.as_of, run.conf_dir).items():
        live = [each for each in cases["standing"] if not lapsed(each, entry["expire_months"], run.as_of)]
        firm = [each for each in live if not each.under_appeal]
        overturned += cases["overturned"]
        rows.append(
            {
                "stratum": kind,
                "entity_type": kind,
                "entity_id": identity,
                "value": round(sum(each.points for each in firm), 2),
                "points_under_appeal": round(sum(each.points for each in live if each.under_appeal), 2),
                "decision_count": len(firm),
                "lapsed_count": len(cases["standing"]) - len(live),
                "overturned_count": cases["overturned"],
                "schemes": "、".join(sorted({each.scheme for each in live})),
                "last_decided_on": max((each.decided_on for each in cases["standing"]), default=None),
                "next_lapse_on": min((expires(each, entry["expire_months"]) for each in firm), default=None),
            }
        )
    frame = pd.DataFrame(rows) if rows else empty()
    if len(frame):
        frame = frame.sort_values(["stratum", "value", "decision_count", "entity_id"], ascending=[True, False, False, True], kind="stable")
        frame.insert(1, "rank", frame.groupby("stratum")["value"].rank(method="min", ascending=False).astype("int64"))
        frame["drawn"] = "ranked"
        for name in ("last_decided_on", "next_lapse_on"):
            frame[name] = pd.to_datetime(frame[name])
    notes = [say("note_points", lang, months=entry["expire_months"], count=len(frame), overturned=overturned)]
    return Listed(
        entry,
        frame.reset_index(drop=True),
        _by_stratum(frame),
        headings={"value": say("points", lang)},
        units={"value": "number", "last_decided_on": "day", "next_lapse_on": "day"},
        notes=notes,
    )


def make_blacklist(run: Run, entry: AuditList) -> Listed:
    """Who is on the blacklist on the day and why, and who has left it."""
    import pandas as pd

    lang = run.lang
    if run.decisions is None or run.decisions.empty:
        return skipped(entry, say("note_no_decisions", lang))
    points = run.done[entry["points"]].entry
    rows = []
    for (kind, identity), cases in standing_cases(run.decisions, points, run.as_of, run.conf_dir, entry["units"]).items():
        spells = listed_spells(cases["standing"], entry["enter"], entry["leave"], points["expire_months"], run.as_of)
        if not spells:
            continue
        entered, left, why = spells[-1]
        rows.append(
            {
                "stratum": kind,
                "entity_type": kind,
                "entity_id": identity,
                "is_listed": left is None,
                "entered_on": entered,
                "left_on": left,
                "reason": "、".join(say(f"enter_{each}", lang) for each in why),
                "spell_count": len(spells),
                "value": _points_on(cases["standing"], points["expire_months"], run.as_of),
                "earliest_exit_on": None if left else earliest_exit(cases["standing"], entry["leave"]),
            }
        )
    frame = pd.DataFrame(rows) if rows else empty()
    if len(frame):
        frame = frame.sort_values(["stratum", "is_listed", "entered_on", "entity_id"], ascending=[True, False, False, True], kind="stable")
        frame.insert(1, "rank", frame.groupby("stratum").cumcount() + 1)
        frame["drawn"] = "ranked"
        for name in ("entered_on", "left_on", "earliest_exit_on"):
            frame[name] = pd.to_datetime(frame[name])
    on = int(frame["is_listed"].sum()) if len(frame) else 0
    days = dict.fromkeys(("entered_on", "left_on", "earliest_exit_on"), "day")
    return Listed(
        entry,
        frame.reset_index(drop=True),
        _by_stratum(frame),
        headings={"value": say("points", lang)},
        units={"value": "number"} | days,
        notes=[say("note_blacklist", lang, on=on, left=len(frame) - on)],
    )


def standing_cases(
    decisions: pd.DataFrame, points: AuditList, as_of: dt.date, conf_dir: str | None, units: Sequence[str] | None = None
) -> dict[tuple[str, str], dict[str, Any]]:
    """By entity: the confirmed cases that stand on a day with their points, oldest first, and how many were overturned.

    A later decision “not confirmed” on the same lead, or on the same entity and scheme (a successful appeal or review), takes the
    earlier ones away; one that names neither is another matter. A second case of one scheme counts ``repeated`` times. A case whose
    ``state`` is ``appealed`` is kept apart until it is decided.
    """
    import pandas as pd

    from fraudml.rules import load_rules

    severity = {name: rule.severity for name, rule in load_rules(conf_dir).items()}
    frame = decisions.reindex(columns=["entity_type", "entity_id", "is_fraud", "scheme", "decided_on", "state", "lead_id"]).copy()
    frame["decided_on"] = pd.to_datetime(frame["decided_on"]).dt.date
    frame = frame[frame["entity_type"].isin(units or points["units"]) & frame["decided_on"].notna()]
    frame = frame[frame["decided_on"] <= as_of].fillna({"scheme": "", "state": "", "lead_id": ""}).drop_duplicates()
    order = ["entity_type", "entity_id", "decided_on", "is_fraud", "scheme"]
    out: dict[tuple[str, str], dict[str, Any]] = {}
    for key, own in frame.sort_values(order, kind="stable").groupby(["entity_type", "entity_id"], sort=True):
        standing: list[Decision] = []
        overturned = 0
        for row in own.itertuples():
            if not row.is_fraud:
                gone = [each for each in standing if each.lead_id == (row.lead_id or None) or each.scheme == (row.scheme or None)]
                overturned += len(gone)
                standing = [each for each in standing if each not in gone]
                continue
            again = any(each.scheme == row.scheme for each in standing)
            worth = points_of(row.scheme, severity, points["points"]) * (points["points"]["repeated"] if again else 1)
            standing.append(Decision(row.scheme, row.decided_on, worth, row.state == "appealed", row.lead_id))
        if standing or overturned:
            out[key] = {"standing": standing, "overturned": overturned}
    return out


def points_of(scheme: str, severity: Mapping[str, str], rules: Mapping[str, Any]) -> float:
    """Points of one confirmed case: its scheme's own, else those of the scheme's severity, else those of ``other``."""
    if scheme in rules["schemes"]:
        return float(rules["schemes"][scheme])
    return float(rules["severity"].get(severity.get(scheme, "other"), rules["severity"].get("other", 0)))


def expires(case: Decision, months: int) -> dt.date:
    """The last day on which a case counts: ``months`` after its decision."""
    return months_before(case.decided_on, -months)


def lapsed(case: Decision, months: int, on: dt.date) -> bool:
    return expires(case, months) < on


def listed_spells(
    cases: Sequence[Decision], enter: Mapping[str, Any], leave: Mapping[str, Any], expire_months: int, as_of: dt.date
) -> list[tuple[dt.date, dt.date | None, list[str]]]:
    """When an entity was on the blacklist: entered, left (None: still there), why; from its standing cases, oldest first.

    It enters on the day of the decision that fulfils a condition. It leaves on the first day after ``leave.months`` without a new decision
    on which its points are not above ``leave.points``. A case under appeal puts nobody on the list.
    """
    firm = [each for each in cases if not each.under_appeal]
    spells: list[tuple[dt.date, dt.date | None, list[str]]] = []
    for number, case in enumerate(firm):
        if spells and spells[-1][1] is None:
            gone = _leaves(firm[:number], leave, expire_months)
            if gone <= case.decided_on:
                spells[-1] = (spells[-1][0], gone, spells[-1][2])
        if (not spells or spells[-1][1] is not None) and (why := _reasons(firm[: number + 1], enter, expire_months)):
            spells.append((case.decided_on, None, why))
    if spells and spells[-1][1] is None:
        gone = _leaves(firm, leave, expire_months)
        if gone <= as_of:
            spells[-1] = (spells[-1][0], gone, spells[-1][2])
    return spells


def earliest_exit(cases: Sequence[Decision], leave: Mapping[str, Any]) -> dt.date:
    """The day before which nobody is taken from the list: ``leave.months`` after the last decision."""
    return months_before(max(each.decided_on for each in cases if not each.under_appeal), -leave["months"])


def _reasons(cases: Sequence[Decision], enter: Mapping[str, Any], expire_months: int) -> list[str]:
    """Which conditions of entry hold on the day of the last case."""
    last = cases[-1]
    recent = [each for each in cases if each.decided_on > months_before(last.decided_on, enter.get("months", 12))]
    holds = {
        "schemes": last.scheme in enter.get("schemes", ()),
        "decisions": "decisions" in enter and len(recent) >= enter["decisions"],
        "points": "points" in enter and _points_on(cases, expire_months, last.decided_on) >= enter["points"],
    }
    return [name for name, true in holds.items() if true]


def _leaves(cases: Sequence[Decision], leave: Mapping[str, Any], expire_months: int) -> dt.date:
    """The first day on which an entity with these cases, and no further one, may leave."""
    day = months_before(cases[-1].decided_on, -leave["months"])
    for on in sorted({day, *(expires(each, expire_months) + dt.timedelta(days=1) for each in cases)}):
        if on >= day and _points_on(cases, expire_months, on) <= leave.get("points", float("inf")):
            return on
    return max(expires(each, expire_months) for each in cases) + dt.timedelta(days=1)


def _points_on(cases: Sequence[Decision], expire_months: int, on: dt.date) -> float:
    return round(sum(each.points for each in cases if not each.under_appeal and not lapsed(each, expire_months, on)), 2)


def _by_stratum(frame: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    if frame.empty:
        return pd.DataFrame({"stratum": pd.Series(dtype="str")})
    table = frame.groupby("stratum").size().rename("population").reset_index()
    return table.assign(frame=table["population"], quota=table["population"], listed=table["population"])
