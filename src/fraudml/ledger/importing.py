"""Taking returned workbooks in: what is new is added, what is known is left, what contradicts waits for a decision."""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fraudml.errors import FraudmlError
from fraudml.ledger.problems import Conflict, Problem
from fraudml.ledger.reading import Reader, digest_of, listed_on
from fraudml.ledger.states import HANDED_OUT, NONE, NOT_CONFIRMED, PLACE, Case, Entry
from fraudml.ledger.store import Ledger, Writer
from fraudml.ledger.told import told_case, told_entry
from fraudml.ledger.workbook import Line, Returned, read_workbook


@dataclass
class Imported:
    """What an import did: counts of lines, and what is wrong, a line each.

    ``taken`` are new entries, ``known`` lines say what the ledger knows, ``blank`` ones nothing, ``refused`` ones were not taken.
    ``leads`` are those of which something was taken.
    """

    files: int = 0
    taken: int = 0
    known: int = 0
    blank: int = 0
    refused: int = 0
    problems: list[Problem] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    leads: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class _Offer:
    """A line that was read: who offers what, and where it stands."""

    lead_id: str
    entry: Entry
    digest: str
    book: Returned
    cell: str
    listed_on: dt.date | None

    def round_of(self, rounds: list[Case]) -> Case:
        """The round that the list of this line opened or carried; where no list is recognised, the last that was open on its day."""
        until = self.listed_on or self.entry.happened_on
        return rounds[-1] if until is None else next((case for case in reversed(rounds) if case.opened_on <= until), rounds[0])


def import_workbooks(
    ledger: Ledger,
    paths: Sequence[Path],
    *,
    by: str,
    today: dt.date,
    titles: Mapping[str, str] | None = None,
    schemes: Mapping[str, str] | None = None,
    lang: str = "zh",
) -> Imported:
    """Takes returned workbooks in, all in one transaction; the same again changes nothing.

    Lines that cannot be read are named with their cell and left out, the rest is taken. Where two lines contradict each other, or one
    the ledger, nothing of that lead is taken: every line that is new is kept as an offer, and :func:`resolve` decides.

    Parameters
    ----------
    by : who imports.
    today : findings behind this day are refused.
    titles : shown title -> column key of the list, for lists that lost their hidden first row.
    schemes : name -> id of the schemes that a remark may name.
    lang : language in which conflicts are told.
    """
    titles = titles or {}
    books = [read_workbook(path, titles) for path in paths]
    done = Imported(files=len(books), problems=[problem for book in books for problem in book.problems])
    done.refused = sum(problem.code == "no_lead" for problem in done.problems)
    shown = {key: title for title, key in reversed(list(titles.items()))}
    with ledger.writing() as writer:
        ids = {line.lead_id for book in books for line in book.lines}
        cases = _by_lead(writer.cases(ids))
        listed = writer.listed(ids)
        offers: dict[str, list[_Offer]] = {}
        for book in books:
            reader = Reader(book.name, today, schemes or {}, shown)
            for line in book.lines:
                offer = _offered(line, book, reader, cases, listed, done)
                if offer is not None:
                    offers.setdefault(line.lead_id, []).append(offer)
        known = writer.digests(ids)
        for lead_id in sorted(offers):
            _judge(writer, cases[lead_id], offers[lead_id], known, by, today, lang, done)
    return done


def _by_lead(cases: Iterable[Case]) -> dict[str, list[Case]]:
    out: dict[str, list[Case]] = {}
    for case in cases:
        out.setdefault(case.lead_id, []).append(case)
    return out


def _offered(
    line: Line, book: Returned, reader: Reader, cases: Mapping[str, list[Case]], listed: Mapping[str, list[Any]], done: Imported
) -> _Offer | None:
    if line.lead_id not in cases:
        done.problems.append(Problem("unknown_lead", book.name, line.cell("lead_id"), "", {"value": line.lead_id}))
        done.refused += 1
        return None
    entry, problems = reader.entry(line, listed.get(line.lead_id, []), cases[line.lead_id][0].opened_on)
    done.problems += problems
    if entry is None:
        done.refused += 1
        return None
    if not (entry.is_finding or entry.unit or entry.person or entry.remark):
        done.blank += 1
        return None
    cell = next(line.cells[name] for name in line.cells if name.startswith("finding_") and line.values.get(name) is not None)
    return _Offer(line.lead_id, entry, digest_of(line.lead_id, entry), book, cell, listed_on(line, listed.get(line.lead_id, [])))


def _judge(
    writer: Writer,
    rounds: list[Case],
    offers: list[_Offer],
    known: set[tuple[str, str]],
    by: str,
    today: dt.date,
    lang: str,
    done: Imported,
) -> None:
    """Takes the offers for one lead, or none of them."""
    fresh: dict[str, _Offer] = {}
    for offer in offers:
        if (offer.lead_id, offer.digest) in known or offer.digest in fresh:
            done.known += 1
        else:
            fresh[offer.digest] = offer
    # a line's later state stands behind its earlier one whichever file came first
    ordered = sorted(fresh.values(), key=lambda each: (PLACE[each.entry.state or HANDED_OUT], each.entry.happened_on or today, each.digest))
    trial = copy.deepcopy(rounds)
    why, taken, wrong = "", [], []
    for offer in ordered:
        case = offer.round_of(trial)
        day = offer.entry.happened_on or today
        contradiction = "waiting" if case.conflicts else case.contradiction(offer.entry)
        if contradiction:
            why = contradiction
            break
        if _is_before_decision(case, offer.entry):
            values = {"value": day, "was": case.decided_on}
            wrong.append(Problem("before_decision", offer.book.name, offer.cell, offer.lead_id, values))
            continue
        case.apply(offer.entry, day)
        taken.append((offer, case.round))
    if why:
        _keep_as_offers(writer, rounds, ordered, why, by, today, lang, done)
        return
    done.problems += wrong
    done.refused += len(wrong)
    for offer, number in taken:
        file_id = writer.file("workbook", offer.book.name, offer.book.sha256, by)
        kind = "finding" if offer.entry.is_finding else "assigned"
        writer.events([event_of(offer.lead_id, number, kind, offer.entry, today, by, file_id, cell=offer.cell, digest=offer.digest)])
        done.taken += 1
        done.leads.add(offer.lead_id)


def _keep_as_offers(
    writer: Writer, rounds: list[Case], offers: list[_Offer], why: str, by: str, today: dt.date, lang: str, done: Imported
) -> None:
    for offer in offers:
        case = offer.round_of(rounds)
        file_id = writer.file("workbook", offer.book.name, offer.book.sha256, by)
        event = event_of(offer.lead_id, case.round, "conflict", offer.entry, today, by, file_id, cell=offer.cell, digest=offer.digest)
        number = writer.events([event])[0]
        done.conflicts.append(
            Conflict(offer.lead_id, why, offer.book.name, offer.cell, number, told_case(case, lang), told_entry(offer.entry, lang))
        )


def _is_before_decision(case: Case, entry: Entry) -> bool:
    """Whether a measure or the closing bears an earlier day than the decision it rests on, both as somebody wrote them."""
    if entry.happened_on is None or case.decided_on is None or not case.decision_is_dated:
        return False
    return PLACE[entry.state or HANDED_OUT] > PLACE[str(case.decision)] and entry.happened_on < case.decided_on


def event_of(lead_id: str, number: int, kind: str, entry: Entry, today: dt.date, by: str, file_id: int, **more: Any) -> dict[str, Any]:
    """An entry as a row of ``events``; a day that nobody wrote is that of recording."""
    return {
        "lead_id": lead_id,
        "round": number,
        "kind": kind,
        "happened_on": entry.happened_on or today,
        "is_dated": entry.happened_on is not None,
        "recorded_by": by,
        "file_id": file_id,
        "state": entry.state,
        "amount": entry.amount,
        "outcomes": [list(each) for each in entry.outcomes],
        **{name: getattr(entry, name) for name in ("unit", "person", "remark", "scheme", "due_on")},
        **more,
    }


def record(ledger: Ledger, lead_ids: Sequence[str], entry: Entry, *, by: str, today: dt.date, corrects: bool = False) -> int:
    """Records one entry for leads without a workbook: an assignment, a finding, or a correction (appeal, review) that replaces one.

    Returns
    -------
    How many leads it was recorded for: all, or none.

    Raises
    ------
    FraudmlError
        ``ledger.unknown_lead``, ``ledger.contradiction``, ``ledger.amount`` or ``ledger.date``.
    """
    with ledger.writing() as writer:
        cases = _by_lead(writer.cases(lead_ids))
        if missing := [each for each in lead_ids if each not in cases]:
            raise FraudmlError(
                "ledger.unknown_lead", f"the ledger has no lead {', '.join(missing)}.", "`fraudml ledger list all` names them."
            )
        file_id = writer.file("command", "ledger record", None, by)
        for lead_id in lead_ids:
            case = next((each for each in reversed(cases[lead_id]) if each.opened_on <= (entry.happened_on or today)), cases[lead_id][0])
            day = entry.happened_on or today
            if not case.opened_on <= day <= max(today, case.opened_on):
                raise FraudmlError("ledger.date", f"{lead_id}: {day} is before it was handed out or in the future.", "Correct ledger.date.")
            if entry.due_on is not None and entry.due_on < case.opened_on:
                told = f"{lead_id}: due on {entry.due_on}, before it was handed out ({case.opened_on})."
                raise FraudmlError("ledger.date", told, "Correct ledger.due.")
            _refuse_amount(case, entry)
            why = "waiting" if case.conflicts else case.contradiction(entry)
            if entry.is_finding and why and not (corrects and why in ("decision", "amount", "date", "backwards")):
                raise FraudmlError(
                    "ledger.contradiction",
                    f"{lead_id}: {why}; the ledger says: {told_case(case, 'en')}.",
                    _REMEDIES.get(why, "Add ledger.correct=true if this replaces it."),
                )
            if not corrects and _is_before_decision(case, entry):
                told = f"{lead_id}: {entry.happened_on} is before the decision ({case.decided_on})."
                raise FraudmlError("ledger.date", told, "Correct ledger.date.")
            kind = "corrected" if corrects else "finding" if entry.is_finding else "assigned"
            writer.events([event_of(lead_id, case.round, kind, entry, today, by, file_id)])
    return len(lead_ids)


_REMEDIES = {"waiting": "Resolve its conflict first.", "undecided": "Record first whether it is confirmed or not."}


def _refuse_amount(case: Case, entry: Entry) -> None:
    """Refuses what no workbook may say either: money of a matter that is not confirmed, or of which nobody said what it is.

    Raises
    ------
    FraudmlError
        ``ledger.amount``
    """
    paid = entry.amount or any(outcome != NONE for outcome, _, _ in entry.outcomes)
    if entry.state == NOT_CONFIRMED and paid:
        told = f"{case.lead_id}: not confirmed, yet with an amount or an outcome."
        raise FraudmlError("ledger.amount", told, "Leave out ledger.amount and ledger.outcome, or correct ledger.state.")
    if entry.state in (None, HANDED_OUT) and entry.amount is not None and case.decision is None:
        raise FraudmlError("ledger.amount", f"{case.lead_id}: an amount without a state.", "Add ledger.state.")


def resolve(ledger: Ledger, lead_ids: Sequence[str], take: int, *, by: str, today: dt.date) -> int:
    """Decides the conflicts of leads: takes the offer with number ``take`` in place of what it contradicts, or keeps the ledger (0).

    Raises
    ------
    FraudmlError
        ``ledger.no_conflict`` where there is none, ``ledger.no_offer`` where the number is none of the lead's.
    """
    with ledger.writing() as writer:
        cases = _by_lead(writer.cases(lead_ids))
        file_id = writer.file("command", "ledger resolve", None, by)
        for lead_id in lead_ids:
            case = next((each for each in reversed(cases.get(lead_id, [])) if each.conflicts), None)
            if case is None:
                raise FraudmlError("ledger.no_conflict", f"{lead_id} has no conflict.", "`fraudml ledger list disputed` names them.")
            offers = {each["event_id"]: each for each in case.conflicts}
            if take and take not in offers:
                numbers = ", ".join(map(str, [0, *offers]))
                raise FraudmlError("ledger.no_offer", f"{lead_id} has no offer {take}.", f"Give ledger.take={numbers}.")
            blank = Entry()
            rows = [event_of(lead_id, case.round, "resolved", blank, today, by, file_id, about=take or None)]
            if take:
                chosen = offers[take]
                kept = (
                    "happened_on",
                    "is_dated",
                    "state",
                    "amount",
                    "outcomes",
                    "unit",
                    "person",
                    "remark",
                    "scheme",
                    "due_on",
                    "cell",
                    "digest",
                )
                rows.append({name: chosen[name] for name in kept} | {
                    "lead_id": lead_id, "round": case.round, "kind": "corrected", "recorded_by": by, "file_id": chosen["file_id"]
                })  # fmt: skip
            writer.events(rows)
    return len(lead_ids)
