"""Patients who turn up together, again and again, more often than chance has it.

Two patients *co-visit* when they meet the same provider on the same day. In a small place that happens by itself; in a family
it is life. What counts is the excess over what their habits explain (:mod:`fraudml.graph.habits`). The number of shared days is a sum of
rare events whose upper tail is bounded by the Poisson one (Hodges & Le Cam 1960, on the Poisson-binomial).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fraudml.claims.store import Snapshot
from fraudml.graph.habits import expose_habits, expose_providers
from fraudml.graph.presence import expose_presence

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

MIN_DAYS = 3
"""Fewer shared days in a year are no pattern, whatever the odds."""


@dataclass(frozen=True)
class CoVisits:
    """Pairs of patients that share at least :data:`MIN_DAYS` days.

    Attributes
    ----------
    pairs : patient_a < patient_b, days (shared days), providers (distinct shared), expected (days under the null), p_value, q_value
        (Benjamini-Hochberg), same_address.
    tested : number of pairs that could have met.
    day_limit : days of a provider with more visitors than this were left out: sharing them says nothing.
    """

    pairs: pd.DataFrame
    tested: int
    day_limit: int

    def significant(self, false_discovery_rate: float = 0.01) -> pd.DataFrame:
        """The pairs that the null model does not explain."""
        return self.pairs[self.pairs["q_value"] <= false_discovery_rate].reset_index(drop=True)


def co_visits(snapshot: Snapshot, pair_budget: int = 40_000_000) -> CoVisits:
    """Tests all pairs of patients that met the same providers on the same days.

    Parameters
    ----------
    snapshot : with ``encounters``.
    pair_budget : bound on the pairs that are joined; it sets ``day_limit``, so that a day in a big hospital with 500 visitors
        does not cost 125 000 pairs that mean nothing.
    """
    engine = snapshot.engine
    limit = expose_presence(snapshot, pair_budget)
    expose_providers(snapshot)
    # whoever was somewhere on fewer days shares none; two passes, because distinct days are costly to count for millions of pairs
    engine.table(
        "frequent",
        f"""
        with accompanied as (select visitor, provider_number, met_on from presence where visitors > 1)
        select * from accompanied where visitor in (select visitor from accompanied group by visitor having count(*) >= {MIN_DAYS})""",
    )
    engine.table(
        "meeting_pairs",
        f"""
        select a.visitor as visitor_a, b.visitor as visitor_b
        from frequent as a join frequent as b on a.provider_number = b.provider_number and a.met_on = b.met_on and a.visitor < b.visitor
        group by a.visitor, b.visitor having count(*) >= {MIN_DAYS}""",
    )
    engine.table(
        "covisit_days",
        f"""
        with meeting as (
            select pair.visitor_a, pair.visitor_b, a.provider_number, a.met_on
            from meeting_pairs as pair
            join frequent as a on pair.visitor_a = a.visitor
            join frequent as b on pair.visitor_b = b.visitor and a.provider_number = b.provider_number and a.met_on = b.met_on
        ), pair as (
            select visitor_a, visitor_b, count(distinct met_on) as days from meeting group by visitor_a, visitor_b
            having count(distinct met_on) >= {MIN_DAYS}
        ), at_provider as (
            select visitor_a, visitor_b, provider_number, count(*) as days from meeting group by visitor_a, visitor_b, provider_number
        )
        select pair.visitor_a, pair.visitor_b, at_provider.provider_number, pair.days, at_provider.days as days_here
        from pair join at_provider on pair.visitor_a = at_provider.visitor_a and pair.visitor_b = at_provider.visitor_b""",
    )
    expose_habits(snapshot, "select visitor_a as visitor from covisit_days union select visitor_b from covisit_days")
    meetings = snapshot.query("""
        with covisit_pair as (
            select distinct visitor_a, visitor_b from covisit_days
        ), explained as (
            select pair.visitor_a, pair.visitor_b, a.provider_number, a.explanation,
                sum(a.visits * b.reach + b.visits * a.reach) / 2 as expected
            from covisit_pair as pair
            join habits as a on pair.visitor_a = a.visitor
            join habits as b on pair.visitor_b = b.visitor and a.provider_number = b.provider_number
                and a.explanation = b.explanation and a.stratum = b.stratum
            group by pair.visitor_a, pair.visitor_b, a.provider_number, a.explanation
        ), expectation as (
            select visitor_a, visitor_b, provider_number, max(expected) as expected from explained
            group by visitor_a, visitor_b, provider_number
        )
        select a.patient_id as patient_a, b.patient_id as patient_b, expectation.expected,
            coalesce(here.days_here, 0) as days_here, coalesce(max(here.days) over (partition by expectation.visitor_a,
                expectation.visitor_b), 0) as days,
            coalesce(a.address = b.address, false) as same_address
        from expectation
        left join covisit_days as here on expectation.visitor_a = here.visitor_a and expectation.visitor_b = here.visitor_b
            and expectation.provider_number = here.provider_number
        join visitor_numbers as a on expectation.visitor_a = a.visitor
        join visitor_numbers as b on expectation.visitor_b = b.visitor
        order by patient_a, patient_b, expectation.provider_number""")
    tested = int(
        engine.scalar("""
            select coalesce(sum(cast(visitors as double) * (visitors - 1) / 2), 0)
            from (select count(distinct visitor) as visitors from presence group by provider_number)""")
    )
    return CoVisits(_tested(meetings, tested), tested, limit)


def _tested(meetings: pd.DataFrame, tested: int) -> pd.DataFrame:
    """Pairs with p- and q-values.

    A pair is judged by its days at all providers together and at each of them (two tests at half the error rate, the second shared among
    the providers). People who go on from one place to the next meet at both on one trip: such meetings come in clumps, and fewer days are
    expected by their mean size (Aldous, Probability Approximations via the Poisson Clumping Heuristic, 1989).

    Each is done twice, at half the error rate. Once among all pairs that could have met; and once among those only that did meet on three
    days, given that they did (their count is a truncated Poisson variable): far fewer tests, more power for long-lasting company.
    """
    import numpy as np

    keys = ["patient_a", "patient_b"]
    meetings = meetings.astype({"days": float, "days_here": float, "expected": float})
    providers = meetings["days_here"].gt(0).groupby([meetings[key] for key in keys]).transform("sum").to_numpy(dtype=float)
    own, own_given = _tails(meetings["days_here"].to_numpy(), meetings["expected"].to_numpy())
    meetings = meetings.assign(
        own=np.minimum(1.0, own * providers), own_given=np.minimum(1.0, own_given * providers), met=meetings["days_here"] > 0
    )
    pairs = meetings.groupby(keys, as_index=False, sort=True).agg(
        days=("days", "first"),
        providers=("met", "sum"),
        expected=("expected", "sum"),
        presences=("days_here", "sum"),
        same_address=("same_address", "first"),
        own=("own", "min"),
        own_given=("own_given", "min"),
    )
    pairs["expected"] *= pairs["days"] / pairs["presences"]
    jointly, jointly_given = _tails(pairs["days"].to_numpy(), pairs["expected"].to_numpy())
    p = np.minimum(1.0, 2 * np.minimum(jointly, pairs["own"].to_numpy()))
    given = np.minimum(1.0, 2 * np.minimum(jointly_given, pairs["own_given"].to_numpy()))
    q = np.minimum(adjusted(p, tested), adjusted(given, len(pairs)))
    pairs = pairs.astype({"days": int, "providers": int})
    pairs = pairs.assign(p_value=p, q_value=np.minimum(1.0, 2 * q))
    return pairs[[*keys, "days", "providers", "expected", "same_address", "p_value", "q_value"]]


def _tails(days: np.ndarray, expected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Chance of so many days; and given that they are :data:`MIN_DAYS`, 1 for fewer."""
    import numpy as np
    from scipy.stats import poisson

    given = np.exp(np.minimum(0.0, poisson.logsf(days - 1, expected) - poisson.logsf(MIN_DAYS - 1, expected)))
    return poisson.sf(days - 1, expected), np.where(days >= MIN_DAYS, given, 1.0)


def adjusted(p_values: np.ndarray, tested: int) -> np.ndarray:
    """Benjamini-Hochberg q-values of the smallest p-values among ``tested`` (Benjamini & Hochberg 1995).

    >>> import numpy as np
    >>> [round(float(q), 3) for q in adjusted(np.array([0.001, 0.02, 0.01]), tested=10)]
    [0.01, 0.067, 0.05]
    """
    import numpy as np

    if len(p_values) == 0:
        return np.zeros(0)
    order = np.argsort(p_values, kind="stable")
    ranked = p_values[order] * max(tested, len(p_values)) / np.arange(1, len(p_values) + 1)
    smallest_from_here = np.minimum.accumulate(ranked[::-1])[::-1]
    q = np.empty(len(p_values))
    q[order] = np.minimum(smallest_from_here, 1.0)
    return q
