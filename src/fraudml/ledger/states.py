"""The states of a lead and what may follow what; a lead's state is folded from its events.

handed out → checked → confirmed or not confirmed → measure (of what is confirmed) → closed. A step may be left out where the later one
says it all: an outcome of weight says that the matter is confirmed. Nothing is closed undecided.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

HANDED_OUT, CHECKED, CONFIRMED, NOT_CONFIRMED, MEASURE, CLOSED = (
    "handed_out",
    "checked",
    "confirmed",
    "not_confirmed",
    "measure",
    "closed",
)
PLACE = {HANDED_OUT: 0, CHECKED: 1, CONFIRMED: 2, NOT_CONFIRMED: 2, MEASURE: 3, CLOSED: 4}
NONE = "none"
MONEY = ("refused", "recovered", "fined")
"""Outcomes that are amounts."""

Outcomes = tuple[tuple[str, str, int | None], ...]
"""(outcome, recipient or "", cents or None) …"""


@dataclass(frozen=True)
class Entry:
    """What one row of a workbook, or one command, says of a lead. What it leaves out is None.

    ``happened_on`` is the day as written; ``amount`` (found) and those of the outcomes are cents.
    """

    state: str | None = None
    outcomes: Outcomes = ()
    amount: int | None = None
    happened_on: dt.date | None = None
    unit: str | None = None
    person: str | None = None
    remark: str | None = None
    scheme: str | None = None
    due_on: dt.date | None = None

    @property
    def decision(self) -> str | None:
        """Confirmed or not confirmed, where the entry says or implies it."""
        if self.state in (CONFIRMED, NOT_CONFIRMED):
            return self.state
        if self.state == MEASURE or any(outcome != NONE for outcome, _, _ in self.outcomes):
            return CONFIRMED
        return None

    @property
    def is_finding(self) -> bool:
        """Whether it says more than who is responsible."""
        return self.state not in (None, HANDED_OUT) or bool(self.outcomes) or self.amount is not None or self.scheme is not None


@dataclass
class Case:
    """One round of a lead, from being handed out to being closed.

    Attributes
    ----------
    round : 1, or more where it was handed out again after it had been closed.
    opened_on : day of the list that handed it out.
    decision, decided_on : confirmed or not_confirmed, and the day; None before. ``decision_is_dated``: somebody wrote that day.
    outcomes : (outcome, recipient) -> (cents or None, day).
    days : state -> the day that somebody wrote beside it.
    conflicts : events that contradict the ledger and wait to be resolved.
    """

    lead_id: str
    round: int
    opened_on: dt.date
    state: str = HANDED_OUT
    decision: str | None = None
    decided_on: dt.date | None = None
    decision_is_dated: bool = False
    closed_on: dt.date | None = None
    last_on: dt.date | None = None
    amount: int | None = None
    outcomes: dict[tuple[str, str], tuple[int | None, dt.date]] = field(default_factory=dict)
    unit: str | None = None
    person: str | None = None
    due_on: dt.date | None = None
    scheme: str | None = None
    remark: str | None = None
    days: dict[str, dt.date] = field(default_factory=dict)
    corrected: bool = False
    conflicts: list[Mapping[str, Any]] = field(default_factory=list)
    listing: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        return self.state != CLOSED

    @property
    def settled_on(self) -> dt.date | None:
        """The day from which the matter asks no further inspection: closed, else decided; None before."""
        return self.closed_on or self.decided_on

    def is_overdue(self, today: dt.date) -> bool:
        return self.is_open and self.due_on is not None and self.due_on < today

    def contradiction(self, entry: Entry) -> str:
        """Why an entry cannot follow; empty where it can: ``decision``, ``amount``, ``date``, ``undecided`` or ``backwards``."""
        if self.decision and entry.decision and entry.decision != self.decision:
            return "decision"
        known = {key: amount for key, (amount, _) in self.outcomes.items()}
        for outcome, recipient, amount in entry.outcomes:
            before = known.get((outcome, recipient))
            if before is not None and amount is not None and amount != before:
                return "amount"
        if entry.amount is not None and self.amount is not None and not entry.outcomes and entry.amount != self.amount:
            return "amount"
        if entry.state == CLOSED and not (self.decision or entry.decision):
            return "undecided"
        if entry.state not in (None, HANDED_OUT) and PLACE[entry.state] < PLACE[self.state]:
            return "backwards"
        if entry.state is None and entry.outcomes and not self.decision:
            return "undecided"
        is_new = any((outcome, recipient) not in known for outcome, recipient, _ in entry.outcomes)
        if entry.state in self.days and entry.happened_on not in (None, self.days[str(entry.state)]) and not is_new:
            return "date"
        return ""

    def apply(self, entry: Entry, day: dt.date, *, corrects: bool = False) -> None:
        """Takes an entry in; a correction replaces what it speaks of."""
        if corrects and entry.decision and entry.decision != self.decision:
            self.outcomes, self.amount, self.decision, self.decided_on = {}, None, None, None
        if corrects:
            self.corrected = True
        if entry.decision and (self.decision is None or corrects):
            self.decision, self.decided_on, self.decision_is_dated = entry.decision, day, entry.happened_on is not None
        elif self.decision and not self.decision_is_dated and entry.happened_on and entry.state not in (None, HANDED_OUT, CHECKED):
            # nobody wrote the day of the decision: what rests on it cannot be earlier
            if entry.state == self.decision or day < (self.decided_on or day):
                self.decided_on = day
            self.decision_is_dated = entry.state == self.decision
        if entry.state not in (None, HANDED_OUT):
            self.state = str(entry.state)
        elif entry.outcomes and self.state in (CHECKED, CONFIRMED):
            self.state = MEASURE
        if entry.state not in (None, HANDED_OUT) and entry.happened_on and (corrects or entry.state not in self.days):
            self.days[str(entry.state)] = entry.happened_on
        if self.state == CLOSED:
            self.closed_on = self.days.get(CLOSED, self.closed_on or day)
        else:
            self.closed_on = None
        for outcome, recipient, amount in entry.outcomes:
            before = self.outcomes.get((outcome, recipient))
            self.outcomes[outcome, recipient] = (amount if amount is not None or before is None else before[0], day)
        if entry.amount is not None:
            self.amount = entry.amount
        for name in ("unit", "person", "remark", "scheme", "due_on"):
            if (value := getattr(entry, name)) is not None:
                setattr(self, name, value)
        if entry.is_finding:
            self.last_on = max(day, self.last_on or day)

    def cents(self, outcome: str) -> int:
        """What an outcome brought, over all recipients."""
        return sum(amount or 0 for (name, _), (amount, _) in self.outcomes.items() if name == outcome)


def entry_of(event: Mapping[str, Any]) -> Entry:
    """What an event says."""
    return Entry(
        state=event["state"],
        outcomes=tuple((str(one), str(whom), None if cents is None else int(cents)) for one, whom, cents in event["outcomes"]),
        amount=event["amount"],
        happened_on=event["happened_on"] if event["is_dated"] else None,
        **{name: event[name] for name in ("unit", "person", "remark", "scheme", "due_on")},
    )


def fold(events: Sequence[Mapping[str, Any]], listings: Iterable[Mapping[str, Any]] = ()) -> list[Case]:
    """The rounds of one lead, oldest first, from its events in order of recording.

    Parameters
    ----------
    events : rows of ``events`` of one lead, by sequence.
    listings : rows of ``listings`` of the lead; each round gets the newest that handed it out or carried it.
    """
    cases: list[Case] = []
    for event in events:
        if event["kind"] == "handed_out":
            cases.append(Case(event["lead_id"], event["round"], event["happened_on"], unit=event["unit"], due_on=event["due_on"]))
            continue
        # a finding that was recorded before a later round belongs to its own round
        case = next((each for each in cases if each.round == event["round"]), None)
        if case is None:
            continue
        if event["kind"] == "conflict":
            case.conflicts.append(event)
        elif event["kind"] == "resolved":
            case.conflicts = []
        else:
            case.apply(entry_of(event), event["happened_on"], corrects=event["kind"] == "corrected")
    ordered = sorted(listings, key=lambda each: (each["as_of"], each["file_id"]))
    for case, following in zip(cases, [*cases[1:], None], strict=True):
        until = following.opened_on if following else dt.date.max
        own = [each for each in ordered if each["as_of"] < until] or ordered[:1]
        case.listing = own[-1] if own else {}
    return cases
