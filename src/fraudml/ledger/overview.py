"""Which leads are open, with whom, and since when: the rows of ``fraudml ledger list``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from fraudml.ledger.labels import scheme_of
from fraudml.ledger.states import Case, entry_of
from fraudml.ledger.told import told_entry

WHICH = ("open", "overdue", "disputed", "closed", "all")


def chosen(cases: Iterable[Case], which: str, today: dt.date, unit: str | None = None) -> list[Case]:
    """Cases of one kind: ``open``, ``overdue``, ``disputed`` (a conflict waits), ``closed`` or ``all``; of one unit, where it is named."""
    tests = {
        "open": lambda case: case.is_open,
        "overdue": lambda case: case.is_overdue(today),
        "disputed": lambda case: bool(case.conflicts),
        "closed": lambda case: not case.is_open,
        "all": lambda case: True,
    }
    found = [case for case in cases if tests[which](case) and (unit is None or case.unit == unit)]
    return sorted(
        found, key=lambda case: (case.unit or "", case.due_on or dt.date.max, case.opened_on, case.listing.get("rank") or 0, case.lead_id)
    )


def row_of(case: Case, today: dt.date) -> dict[str, Any]:
    """A case as a flat row: keys, state, days as dates, amounts in yuan."""
    return {
        "lead_id": case.lead_id,
        "round": case.round,
        "entity_type": case.listing.get("entity_type"),
        "entity_id": case.listing.get("entity_id"),
        "scheme": scheme_of(case),
        "origin": case.listing.get("origin"),
        "state": case.state,
        "decision": case.decision,
        "unit": case.unit,
        "person": case.person,
        "opened_on": case.opened_on,
        "due_on": case.due_on,
        "days_over": (today - case.due_on).days if case.is_overdue(today) and case.due_on else None,
        "decided_on": case.decided_on,
        "closed_on": case.closed_on,
        "amount_at_risk": case.listing.get("amount_at_risk", 0) / 100,
        "amount_found": None if case.amount is None else case.amount / 100,
        "refused": case.cents("refused") / 100,
        "recovered": case.cents("recovered") / 100,
        "fined": case.cents("fined") / 100,
        "outcomes": ";".join(f"{outcome}:{whom}" if whom else outcome for outcome, whom in sorted(case.outcomes)),
        "corrected": case.corrected,
        "disputed": bool(case.conflicts),
        "remark": case.remark,
    }


def offers_of(case: Case, lang: str) -> list[str]:
    """What waits to be decided, one line per offer with the number to resolve it with."""
    return [f"[{each['event_id']}] {told_entry(entry_of(each), lang)} ({each['cell']})" for each in case.conflicts]
