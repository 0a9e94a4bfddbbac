"""A case or an entry in one line of words."""

from __future__ import annotations

import datetime as dt

from fraudml.ledger.states import HANDED_OUT, Case, Entry
from fraudml.ledger.words import name_of, outcome_name, say
from fraudml.wording import number, written_day


def told_case(case: Case, lang: str) -> str:
    """What the ledger says of a case: state, outcomes with amounts, days."""
    if case.state == HANDED_OUT:
        return say("nothing_yet", lang)
    parts = [name_of("states", case.state, lang)]
    if case.decision and case.decision != case.state:
        parts.append(name_of("states", case.decision, lang))
    parts += [_outcome(outcome, whom, cents, lang) for (outcome, whom), (cents, _) in sorted(case.outcomes.items())]
    return _told(parts, case.amount, case.closed_on or case.decided_on or case.last_on, lang)


def told_entry(entry: Entry, lang: str) -> str:
    """What an entry says."""
    parts = [name_of("states", entry.state, lang)] if entry.state else []
    parts += [_outcome(outcome, whom, cents, lang) for outcome, whom, cents in entry.outcomes]
    parts += [each for each in (entry.unit, entry.person, entry.remark) if each]
    return _told(parts, entry.amount, entry.happened_on, lang)


def yuan(cents: int, lang: str) -> str:
    """An amount in words.

    >>> yuan(123450, "zh"), yuan(100, "en")
    ('1,234.5元', 'CNY 1')
    """
    return say("yuan", lang, amount=number(cents / 100))


def _outcome(outcome: str, whom: str, cents: int | None, lang: str) -> str:
    name = outcome_name(outcome, whom, lang)
    return name if cents is None else f"{name} {yuan(cents, lang)}"


def _told(parts: list[str], amount: int | None, day: dt.date | None, lang: str) -> str:
    if amount is not None:
        parts.append(yuan(amount, lang))
    if day is not None:
        parts.append(written_day(day, lang))
    return (" " if lang == "zh" else ", ").join(parts)
