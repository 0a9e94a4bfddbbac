"""Monthly figures of the ledger, and the paragraph that a bureau's report needs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from fraudml.ledger.labels import entities_of, scheme_of
from fraudml.ledger.states import CONFIRMED, MONEY, NONE, NOT_CONFIRMED, Case
from fraudml.ledger.words import name_of, words
from fraudml.wording import number, written_day

FIGURES = ("opened", "confirmed", "not_confirmed", "closed", "open", "handled", *MONEY)

GROUPS = (("institutions", ("institution", "pharmacy")), ("doctors", ("doctor",)), ("patients", ("patient",)))
"""Parties that the paragraph tells apart; the entity types of each."""


def monthly(cases: Sequence[Case], start: dt.date | None = None, end: dt.date | None = None) -> list[dict[str, Any]]:
    """Figures by month and scheme, every month from the first to the last with an event.

    Returns
    -------
    Rows: month (``YYYY-MM``), scheme, opened, confirmed, not_confirmed, closed, open (at the end of the month), handled (entities with an
    outcome in the month), refused, recovered, fined (yuan). Schemes without an event and nothing open are left out.
    """
    days = [day for case in cases for day in _days(case)]
    if not days:
        return []
    rows = []
    for month in _months(start or min(days), end or max(days)):
        first, last = month, _next(month) - dt.timedelta(days=1)
        by_scheme: dict[str, list[Case]] = {}
        for case in cases:
            by_scheme.setdefault(scheme_of(case), []).append(case)
        for scheme in sorted(by_scheme):
            row = figures(by_scheme[scheme], first, last)
            if any(row.values()):
                rows.append({"month": f"{month:%Y-%m}", "scheme": scheme, **row})
    return rows


def figures(cases: Iterable[Case], first: dt.date, last: dt.date) -> dict[str, Any]:
    """The figures of a span of days, both included; money in yuan."""
    within: Callable[[dt.date | None], bool] = lambda day: day is not None and first <= day <= last  # noqa: E731 - one word for one test
    counts = dict.fromkeys(FIGURES, 0)
    cents = dict.fromkeys(MONEY, 0)
    handled: set[tuple[str, str]] = set()
    for case in cases:
        counts["opened"] += within(case.opened_on)
        counts["confirmed"] += case.decision == CONFIRMED and within(case.decided_on)
        counts["not_confirmed"] += case.decision == NOT_CONFIRMED and within(case.decided_on)
        counts["closed"] += within(case.closed_on)
        counts["open"] += case.opened_on <= last and (case.closed_on is None or case.closed_on > last)
        for (outcome, _), (amount, day) in case.outcomes.items():
            if outcome != NONE and within(day):
                handled.update(entities_of(case) or [(case.listing.get("entity_type", ""), case.listing.get("entity_id", ""))])
                if outcome in cents:
                    cents[outcome] += amount or 0
    return counts | {"handled": len(handled)} | {name: value / 100 for name, value in cents.items()}


def paragraph(cases: Sequence[Case], first: dt.date, last: dt.date, lang: str, today: dt.date) -> str:
    """The figures of a span of days as a paragraph for a report: leads, then institutions, doctors and insured persons with what was done.

    Only what happened is told; money from ten thousand yuan in 万元 in Chinese.
    """
    said = words()["paragraph"]
    whole = figures(cases, first, last)
    sentences = [
        said["leads"][lang].format(
            first=written_day(first, lang),
            last=written_day(last, lang),
            overdue=sum(case.is_overdue(min(today, last)) for case in cases),
            **{name: whole[name] for name in ("opened", "confirmed", "not_confirmed", "closed", "open")},
        )
    ]
    for group, kinds in GROUPS:
        own = [case for case in cases if any(kind in kinds for kind, _ in entities_of(case))]
        if text := _group(own, group, kinds, first, last, lang):
            sentences.append(text)
    others = [case for case in cases if case.listing.get("entity_type") == "claim"]
    if any((row := figures(others, first, last))[name] for name in MONEY):
        told = [said[name][lang].format(amount=_money(row[name], lang)) for name in MONEY if row[name]]
        sentences.append(said["claims"][lang].format(done=said["between"][lang].join(told)))
    reports = sum(case.listing.get("origin") == "report" and first <= case.opened_on <= last for case in cases)
    if reports:
        sentences.append(said["reports"][lang].format(count=reports))
    return ("" if lang == "zh" else " ").join(sentences)


def _group(cases: Sequence[Case], group: str, kinds: Sequence[str], first: dt.date, last: dt.date, lang: str) -> str:
    """One party's sentence: how many, what came back, what was done."""
    said = words()["paragraph"]
    counter = said["counters"][group][lang]
    # a ring's money is told once, with its first party; the measures with every one of its members
    counted: dict[tuple[str, str], set[tuple[str, str]]] = {}
    cents = dict.fromkeys(MONEY, 0)
    handled: list[tuple[str, str]] = []
    for case in cases:
        done = {key: amount for key, (amount, day) in case.outcomes.items() if key[0] != NONE and first <= day <= last}
        parties = [each for each in entities_of(case) if each[0] in kinds]
        handled += parties if done else []
        tells_money = _first_group(case) == group
        for key, amount in done.items():
            counted.setdefault(key, set()).update(parties)
            if key[0] in cents and tells_money:
                cents[key[0]] += amount or 0
    if not handled:
        return ""
    parts = []
    for name in MONEY:
        paid = {one for (outcome, _), ones in counted.items() if outcome == name for one in ones}
        if name == "fined" and paid:
            parts.append(said["fined_count"][lang].format(count=len(paid), counter=counter, amount=_money(cents[name] / 100, lang)))
        elif cents[name]:
            parts.append(said[name][lang].format(amount=_money(cents[name] / 100, lang)))
    for name in ("interviewed", "suspended", "terminated"):
        if number_of := len(counted.get((name, ""), ())):
            parts.append(said.get(f"{name}_{group}", said[name])[lang].format(count=number_of, counter=counter))
    whom = {key[1]: ones for key, ones in counted.items() if key[0] == "transferred"}
    if whom:
        each = [
            said["to"][lang].format(count=len(ones), counter=counter, whom=name_of("recipients", name or "other", lang))
            for name, ones in sorted(whom.items(), key=lambda pair: (-len(pair[1]), pair[0]))
        ]
        total = len({one for ones in whom.values() for one in ones})
        parts.append(said["transferred"][lang].format(count=total, counter=counter, each=said["listed"][lang].join(each)))
    # institutions are counted by times (家次), people by heads
    head = said[group][lang].format(count=len(handled) if group == "institutions" else len(set(handled)))
    return head + "".join(said["between"][lang] + part for part in parts) + said["stop"][lang]


def _first_group(case: Case) -> str:
    """The party that a case's money is told with: of a ring the institutions, else the doctors, else the patients."""
    kinds = {kind for kind, _ in entities_of(case)}
    return next((group for group, own in GROUPS if kinds.intersection(own)), "")


def _money(yuan: float, lang: str) -> str:
    if lang == "zh":
        return number(yuan / 10_000, 2) + "万元" if yuan >= 10_000 else number(yuan) + "元"
    return "CNY " + number(yuan)


def _days(case: Case) -> list[dt.date]:
    return [
        day for day in (case.opened_on, case.decided_on, case.closed_on, *(day for _, day in case.outcomes.values())) if day is not None
    ]


def _months(first: dt.date, last: dt.date) -> list[dt.date]:
    month, out = first.replace(day=1), []
    while month <= last:
        out.append(month)
        month = _next(month)
    return out


def _next(month: dt.date) -> dt.date:
    return (month + dt.timedelta(days=31)).replace(day=1)
