"""How often leads are confirmed, without the bias of what was chosen to be looked at.

Cases are looked at because the models ranked them, so the share of confirmed cases among all that were decided says how well the bureau
chooses, not how much there is. The random share of every list is drawn from all that was scored and not listed, each entity of a type
with the same chance: weighted by how many it stands for, it tells what the list leaves out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from fraudml.ledger.labels import CONFIRMED
from fraudml.ledger.store import Ledger

LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A share with its 95 % interval, from ``confirmed`` among ``decided`` cases."""

    share: float
    low: float
    high: float
    decided: int
    confirmed: int


@dataclass(frozen=True)
class Precision:
    """What the decisions say; None where nothing was decided.

    Attributes
    ----------
    listed : share confirmed of what the models ranked.
    rest : share that would be confirmed of what was scored and not listed, from the random draws.
    scored : of all that was scored, listed or not: both parts by their size.
    naive : share confirmed of all that was decided, as if it had been drawn at random.
    """

    listed: Estimate | None
    rest: Estimate | None
    scored: Estimate | None
    naive: Estimate | None


@dataclass(frozen=True)
class Stratum:
    """One entity type of one list: how many it stands for, how many were decided and confirmed."""

    size: int
    decided: int
    confirmed: int


def precision(ledger: Ledger, *, as_of: dt.date | None = None) -> Precision:
    """Estimates over the newest list of every day; those made before lists said how many they were drawn from count as listed only.

    Parameters
    ----------
    as_of : decisions after this day are not seen.
    """
    lists = {row["file_id"]: row["facts"].get("rest") or {} for row in ledger.lists(as_of=as_of)}
    decided: dict[str, list[tuple[dt.date, bool]]] = {}
    for case in ledger.cases(as_of=as_of):
        if case.decision is not None:
            decided.setdefault(case.lead_id, []).append((case.opened_on, case.decision == CONFIRMED))
    ranked: list[bool] = []
    drawn: dict[tuple[int, str], list[bool]] = {}
    listed = 0
    for row in ledger.listed(list(lists)):
        # the round that this list opened or carried
        verdicts = [verdict for opened, verdict in decided.get(row["lead_id"], []) if opened <= row["as_of"]]
        listed += row["origin"] != "random"
        if verdicts and row["origin"] == "random":
            drawn.setdefault((row["file_id"], row["entity_type"]), []).append(verdicts[-1])
        elif verdicts:
            ranked.append(verdicts[-1])
    strata = [
        Stratum(int(size), len(found), sum(found))
        for file_id, sizes in lists.items()
        for kind, size in sorted(sizes.items())
        if (found := drawn.get((file_id, kind), []))
    ]
    every = ranked + [verdict for found in drawn.values() for verdict in found]
    rest = of_strata(strata)
    return Precision(
        listed=of_sample(sum(ranked), len(ranked)),
        rest=rest,
        scored=together(listed, of_sample(sum(ranked), len(ranked)), sum(each.size for each in strata), rest),
        naive=of_sample(sum(every), len(every)),
    )


def of_sample(confirmed: int, decided: int) -> Estimate | None:
    """A share with Clopper and Pearson's exact interval (Biometrika 26, 1934).

    >>> found = of_sample(0, 20)
    >>> found.share, found.low, round(found.high, 3)
    (0.0, 0.0, 0.168)
    """
    if not decided:
        return None
    low, high = _clopper_pearson(confirmed, decided)
    return Estimate(confirmed / decided, low, high, decided, confirmed)


def of_strata(strata: Sequence[Stratum]) -> Estimate | None:
    """The share over strata of known size, each sampled by itself, with Korn and Graubard's interval.

    The interval is Clopper and Pearson's at the effective size of the sample (Survey Methodology 24, 1998; National Center for Health
    Statistics, Series 2 No. 175, 2017), which keeps its coverage for rare events. The effective size is the smaller of what the variance
    and what the unequal weights (Kish) say, so that no confirmed case in a small stratum passes for certainty about a large one.
    """
    strata = [each for each in strata if each.decided and each.size]
    if not strata:
        return None
    total = sum(each.size for each in strata)
    share = sum(each.size / total * each.confirmed / each.decided for each in strata)
    squares = sum((each.size / total) ** 2 / each.decided for each in strata)
    effective = 1 / squares  # Kish: weights of cases are size over decided
    variance = sum(
        (each.size / total) ** 2 * (part := each.confirmed / each.decided) * (1 - part) / (each.decided - 1)
        for each in strata
        if each.decided > 1
    )
    if variance > 0:
        effective = min(effective, share * (1 - share) / variance)
    decided = sum(each.decided for each in strata)
    effective = min(effective, decided)
    low, high = _clopper_pearson(share * effective, effective)
    return Estimate(share, low, high, decided, sum(each.confirmed for each in strata))


def together(listed: int, of_listed: Estimate | None, rest: int, of_rest: Estimate | None) -> Estimate | None:
    """Both parts by their size. What was listed is taken as its decided cases are; the uncertainty is the rest's."""
    if of_rest is None:
        return None
    if of_listed is None:
        return of_rest
    weight = listed / (listed + rest)
    share, low, high = (weight * of_listed.share + (1 - weight) * part for part in (of_rest.share, of_rest.low, of_rest.high))
    return Estimate(share, low, high, of_listed.decided + of_rest.decided, of_listed.confirmed + of_rest.confirmed)


def _clopper_pearson(confirmed: float, decided: float) -> tuple[float, float]:
    from scipy.stats import beta

    tail = (1 - LEVEL) / 2
    low = float(beta.ppf(tail, confirmed, decided - confirmed + 1)) if confirmed > 0 else 0.0
    high = float(beta.ppf(1 - tail, confirmed + 1, decided - confirmed)) if confirmed < decided else 1.0
    return low, high
