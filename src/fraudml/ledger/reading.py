"""What a line of a returned workbook says, as an entry of the ledger; or what is wrong with it, cell by cell."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from fraudml.ledger.problems import Problem
from fraudml.ledger.states import HANDED_OUT, MONEY, NONE, NOT_CONFIRMED, Entry, Outcomes
from fraudml.ledger.words import TRANSFERRED, outcome_of, plain, recipient_of, state_of
from fraudml.ledger.workbook import Line, cents_of, day_of

_BETWEEN = re.compile(r"[;;、,,|/+\n]+")


class Reader:
    """Reads the lines of one file.

    Parameters
    ----------
    file : its name, for the problems.
    today : no finding lies behind it.
    schemes : name or id of a scheme -> id: an inspector may write in the remark what it was.
    shown : column key -> title, to name columns as the workbook does.
    """

    def __init__(self, file: str, today: dt.date, schemes: Mapping[str, str], shown: Mapping[str, str]) -> None:
        self.file, self.today, self.schemes, self.shown = file, today, schemes, shown

    def entry(self, line: Line, listed: Iterable[Mapping[str, Any]], opened_on: dt.date) -> tuple[Entry | None, list[Problem]]:
        """The entry of a line, or None with what is wrong.

        Parameters
        ----------
        listed : the lead as the lists handed it out.
        opened_on : the day on which it was first handed out.
        """
        problems = self._altered(line, list(listed))
        state = amount = day = None
        outcomes: Outcomes = ()
        value = line.values.get
        if (said := value("finding_state")) is not None:
            state = state_of(said)
            if state is None:
                problems.append(self._problem("bad_state", line, "finding_state", value=said))
        if (said := value("finding_date")) is not None:
            day = day_of(said)
            if day is None:
                problems.append(self._problem("bad_date", line, "finding_date", value=said))
            elif day > self.today:
                problems.append(self._problem("late_date", line, "finding_date", value=day))
            elif day < opened_on:
                problems.append(self._problem("early_date", line, "finding_date", value=day, was=opened_on))
        outcomes, amount, wrong = self._outcomes(line)
        problems += wrong
        if state in (None, HANDED_OUT) and value("finding_state") is None and (outcomes or amount is not None):
            problems.append(self._problem("no_state", line, "finding_state"))
        if state == NOT_CONFIRMED and (amount or any(outcome != NONE for outcome, _, _ in outcomes)):
            at = "finding_amount" if value("finding_amount") else "finding_outcome"
            problems.append(self._problem("amount_unconfirmed", line, at, value=value(at)))
        if problems:
            return None, problems
        remark = _text(value("finding_remark"))
        return Entry(
            state=state,
            outcomes=tuple((one, whom or self._whom(one, remark), cents) for one, whom, cents in outcomes),
            amount=amount,
            happened_on=day,
            unit=_text(value("finding_unit")),
            person=_text(value("finding_person")),
            remark=remark,
            scheme=self._scheme(remark),
        ), []

    def _outcomes(self, line: Line) -> tuple[Outcomes, int | None, list[Problem]]:
        said, paid = line.values.get("finding_outcome"), line.values.get("finding_amount")
        named: list[tuple[str, str]] = []
        for part in _BETWEEN.split(str(said)) if said is not None else []:
            if not part.strip():
                continue
            outcome = outcome_of(part)
            if outcome is None:
                return (), None, [self._problem("bad_outcome", line, "finding_outcome", value=part)]
            named.append(outcome)
        several = isinstance(paid, str) and len(named) > 1 and len(parts := re.split(r"[;;、|/+]+", paid)) == len(named)
        amounts = [cents_of(each) for each in (parts if several else [paid] if paid is not None else [])]
        if None in amounts:
            return (), None, [self._problem("bad_amount", line, "finding_amount", value=paid)]
        if several:
            each = tuple(
                (outcome, whom, cents if outcome in MONEY else None) for (outcome, whom), cents in zip(named, amounts, strict=True)
            )
            return each, None, []
        money = [outcome for outcome, _ in named if outcome in MONEY]
        if amounts and len(money) > 1:
            return (), None, [self._problem("which_amount", line, "finding_amount", value=paid)]
        only = amounts[0] if amounts else None
        each = tuple((outcome, whom, only if outcome in MONEY else None) for outcome, whom in named)
        # an amount beside no payment is what was found
        return each, None if money else only, []

    def _whom(self, outcome: str, remark: str | None) -> str:
        """To whom a case went, where the outcome's cell does not say it: a body that the remark names."""
        return (recipient_of(remark) or "") if outcome == TRANSFERRED and remark else ""

    def _scheme(self, remark: str | None) -> str | None:
        """The scheme that a remark names, where it names exactly one."""
        if not remark:
            return None
        said = plain(remark)
        found = [name for name in self.schemes if name in said]
        # “重复收费” inside a longer name of another scheme does not count for itself
        found = [name for name in found if not any(name != other and name in other for other in found)]
        named = {self.schemes[name] for name in found}
        return named.pop() if len(named) == 1 else None

    def _altered(self, line: Line, listed: list[Mapping[str, Any]]) -> list[Problem]:
        """What was handed out and reads differently now: the finding might belong to another lead, or rest on other figures."""
        problems = []
        entity = line.values.get("entity")
        if entity is not None and listed and not any(_same_name(entity, row["entity_id"]) for row in listed):
            problems.append(
                self._problem(
                    "altered", line, "entity", column=self.shown.get("entity", "entity"), was=listed[-1]["entity_id"], value=entity
                )
            )
        amount = line.values.get("amount")
        if amount is not None and listed:
            cents = cents_of(amount)
            if not any(cents is not None and abs(cents - row["amount_at_risk"]) <= 1 for row in listed):
                was = f"{listed[-1]['amount_at_risk'] / 100:.2f}"
                problems.append(self._problem("altered", line, "amount", column=self.shown.get("amount", "amount"), was=was, value=amount))
        return problems

    def _problem(self, code: str, line: Line, at: str, **values: Any) -> Problem:
        return Problem(code, self.file, line.cell(at), line.lead_id, values)


def listed_on(line: Line, listed: Iterable[Mapping[str, Any]]) -> dt.date | None:
    """The day of the newest list that a line may have been cut from: its rank and amount as they stood there; None where none fits."""
    rank, amount = line.values.get("rank"), line.values.get("amount")
    if rank is None or amount is None:
        return None
    days = [row["as_of"] for row in listed if row["rank"] == rank and row["amount_at_risk"] == cents_of(amount)]
    return max(days, default=None)


def digest_of(lead_id: str, entry: Entry) -> str:
    """What a line says, as a fingerprint: the same words come again however the file was sorted, merged or saved."""
    said = [
        lead_id,
        entry.state,
        sorted([one, whom, cents] for one, whom, cents in entry.outcomes),
        entry.amount,
        str(entry.happened_on or ""),
        *(plain(each or "") for each in (entry.unit, entry.person, entry.remark)),
        entry.scheme,
    ]
    return hashlib.sha256(json.dumps(said, ensure_ascii=False).encode()).hexdigest()


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip() or None


def _same_name(shown: Any, entity_id: str) -> bool:
    """Whether a cell still names the entity; programs turn digits into numbers and keep fifteen of them."""
    if isinstance(shown, (int, float)) and not isinstance(shown, bool):
        try:
            return float(entity_id) == float(shown)
        except ValueError:
            return False
    return plain(shown) == plain(entity_id) or plain(shown) == plain(entity_id[:250])
