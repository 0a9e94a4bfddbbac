"""Patients who turn up together, again and again, more often than chance has it.

Two patients *co-visit* when they meet the same provider on the same day. In a small place that happens by itself; in a family
it is life. What counts is the excess over a null model that keeps every patient's number of visits to every provider (their
degrees, and with them the provider's catchment) and every day's number of visitors, and shuffles the rest.

A provider with ``n_t`` visitors on day *t* and ``N`` visits in all brings two of its visits together with probability
``S = sum n_t (n_t - 1) / (N (N - 1))`` (the configuration model of its patient-day graph), so that patients with ``d_i`` and ``d_j``
visits are expected to meet on ``d_i d_j S`` days. Whatever else may explain the meetings gets an expectation of its own, and the
largest counts:

- courses of treatment: ``d_i d_j`` per month, over the provider's open days of a month;
- weekly rhythms (dialysis, rehabilitation, market days): ``d_i d_j`` per weekday, over its open days of that weekday;
- the address group: families, and villages that a doctor visits on fixed days: ``S`` within the group, for pairs of one group.

Open days are estimated from the days on which anybody came, by Chao's (1984) lower bound for what was not seen: a small clinic is
open on days without visitors. The number of shared days is a sum of rare events whose upper tail is bounded by the Poisson
one (Hodges & Le Cam 1960, on the Poisson-binomial).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fraudml.claims.store import Snapshot

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

CHANCE = {
    "": "coalesce(provider.meeting, 0)",
    "month": "12 / provider.open_days",
    "weekday": "provider.visits / (provider.open_days * weekday.visits)",
    "address_group": "coalesce(address_group.meeting, 0)",
}
"""What may explain a meeting: stratum of the visits -> chance that two visits of it fall on one day."""

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
    limit = _expose_presence(snapshot, pair_budget)
    snapshot.engine.table(
        "covisit_pairs",
        f"""
        select a.patient_id as patient_a, b.patient_id as patient_b, count(distinct a.met_on) as days,
            count(distinct a.provider) as providers
        from presence as a join presence as b on a.provider = b.provider and a.met_on = b.met_on and a.patient_id < b.patient_id
        group by a.patient_id, b.patient_id having count(distinct a.met_on) >= {MIN_DAYS}""",
    )
    _expose_providers(snapshot)
    pairs = snapshot.query(f"""
        {_with_expectation("covisit_pairs")}
        select pair.patient_a, pair.patient_b, pair.days, pair.providers, expectation.expected,
            coalesce(a.address_group = b.address_group, false) as same_address
        from covisit_pairs as pair
        join expectation on pair.patient_a = expectation.patient_a and pair.patient_b = expectation.patient_b
        left join patients as a on pair.patient_a = a.patient_id
        left join patients as b on pair.patient_b = b.patient_id
        order by pair.patient_a, pair.patient_b""")
    tested = int(
        snapshot.engine.scalar("""
            select coalesce(sum(cast(visitors as double) * (visitors - 1) / 2), 0)
            from (select count(distinct patient_id) as visitors from presence group by provider)""")
    )
    return CoVisits(_tail(pairs, tested), tested, limit)


def _expose_presence(snapshot: Snapshot, pair_budget: int) -> int:
    """Table ``presence``: patient x provider x day, where the provider is the place, or in big places each of its doctors."""
    engine = snapshot.engine
    engine.table(
        "presence_at_place",
        "select distinct place_id, patient_id, met_on from encounters where place_id is not null and met_on is not null",
    )
    # a big place is many consulting rooms: whoever comes together sits in the same one
    engine.table(
        "big_places",
        """
        select place_id from (select place_id, met_on, count(*) as visitors from presence_at_place group by place_id, met_on)
        group by place_id having quantile_cont(visitors, 0.9) > 30""",
    )
    engine.table(
        "attendance",
        """
        select claim_id, patient_id, met_on,
            case when place_id in (select place_id from big_places) then place_id || '/' || coalesce(doctor_id, '') else place_id end
                as provider
        from encounters where place_id is not null and met_on is not null""",
    )
    engine.table(
        "presence_everywhere",
        """
        select provider, patient_id, met_on, count(*) over (partition by provider, met_on) as visitors
        from (select distinct provider, patient_id, met_on from attendance)""",
    )
    limit = engine.scalar(f"""
        select max(visitors) from (
            select visitors, sum(pairs) over (order by visitors) as cumulated
            from (select visitors, sum((cast(visitors as double) - 1) / 2) as pairs from presence_everywhere group by visitors))
        where cumulated <= {pair_budget}""")
    engine.table(
        "presence",
        f"""
        select presence_everywhere.provider, presence_everywhere.patient_id, presence_everywhere.met_on,
            year(met_on) * 12 + month(met_on) as month, dayofweek(met_on) as weekday, patients.address_group
        from presence_everywhere left join patients on presence_everywhere.patient_id = patients.patient_id
        where visitors <= {limit or 0}""",
    )
    return int(limit or 0)


def _expose_providers(snapshot: Snapshot) -> None:
    """Tables ``provider_by_*``: visits, chance that two of them fall on one day (``meeting``), and days open, of a provider."""
    for stratum in ("", "weekday", "address_group"):
        by = f"provider, {stratum}" if stratum else "provider"
        snapshot.engine.table(
            f"provider_by_{stratum or 'day'}",
            f"""
            select {by}, cast(sum(visitors) as double) as visits,
                cast(sum(visitors * (visitors - 1)) as double) / nullif(cast(sum(visitors) as double) * (sum(visitors) - 1), 0) as meeting,
                least(365.0, count(*) + cast(count(*) filter (where visitors = 1) * (count(*) filter (where visitors = 1) - 1) as double)
                    / (2.0 * (count(*) filter (where visitors = 2) + 1))) as open_days
            from (select {by}, met_on, count(*) as visitors from presence group by all)
            group by {by}""",
        )


def expected_company(snapshot: Snapshot, groups: Sequence[Sequence[str]]) -> list[tuple[float, float]]:
    """Meetings of pairs (pair x day) within each group under the null model: mean and variance.

    With *m* of the group expected on a day, its number is about Poisson: the pairs have the mean ``m^2 / 2`` and the variance
    ``m^2 / 2 (1 + 2 m)``. The sum over pairs of ``d_i d_j`` is ``((sum d)^2 - sum d^2) / 2``, so that large groups cost no more than
    their visits. At each provider the largest of the explanations by days, months and weekdays counts for all pairs, and the address
    group's in addition for its own.
    """
    import pandas as pd

    members = pd.DataFrame([(number, one) for number, group in enumerate(groups) for one in group], columns=["number", "patient_id"])
    snapshot.engine.register("company_members", members)
    snapshot.engine.table(
        "company_visits",
        "select member.number, presence.* from presence join company_members as member on presence.patient_id = member.patient_id",
    )

    def explained(stratum: str, chance: str) -> str:
        by = f", {stratum}" if stratum else ""
        odds = (
            f"join provider_by_{stratum} as {stratum} on own.provider = {stratum}.provider and own.{stratum} = {stratum}.{stratum}"
            if stratum in ("weekday", "address_group")
            else ""
        )
        return f"""
            select own.number, own.provider, sum(own.meetings * least(1.0, {chance})) as mean,
                sum(own.meetings * least(1.0, {chance}) * (1 + 2 * own.visits * least(1.0, {chance}))) as variance
            from (
                select number, provider{by}, sum(visits) as visits, (sum(visits) * sum(visits) - sum(visits * visits)) / 2 as meetings
                from (select number, provider, patient_id{by}, cast(count(*) as double) as visits from company_visits group by all)
                group by all) as own
            join provider_by_day as provider on own.provider = provider.provider {odds}
            group by own.number, own.provider"""

    table = snapshot.query(f"""
        with by_day as ({explained("", CHANCE[""])}), by_month as ({explained("month", CHANCE["month"])}),
        by_weekday as ({explained("weekday", CHANCE["weekday"])}), by_address as ({explained("address_group", CHANCE["address_group"])})
        select by_day.number,
            sum(greatest(by_day.mean, by_month.mean, by_weekday.mean) + coalesce(by_address.mean, 0)) as mean,
            sum(greatest(by_day.variance, by_month.variance, by_weekday.variance) + coalesce(by_address.variance, 0)) as variance
        from by_day
        join by_month on by_day.number = by_month.number and by_day.provider = by_month.provider
        join by_weekday on by_day.number = by_weekday.number and by_day.provider = by_weekday.provider
        left join by_address on by_day.number = by_address.number and by_day.provider = by_address.provider
        group by by_day.number""").set_index("number")
    return [(float(table["mean"].get(number, 0.0)), float(table["variance"].get(number, 0.0))) for number in range(len(groups))]


def expose_surprise(snapshot: Snapshot) -> None:
    """Table ``surprises``: presence (patient x provider x day) with ``surprise``, -log of the chance that the patient is there on that
    day."""
    snapshot.engine.table(
        "surprises",
        """
        with counted as (
            select provider, patient_id, met_on, month, weekday,
                cast(count(*) over (partition by provider, met_on) as double) as visitors,
                cast(count(*) over (partition by provider, patient_id) as double) as visits,
                cast(count(*) over (partition by provider, patient_id, month) as double) as in_month,
                cast(count(*) over (partition by provider, patient_id, weekday) as double) as on_weekday
            from presence
        )
        select counted.provider, counted.patient_id, counted.met_on, -ln(least(1.0, greatest(
            counted.visits * counted.visitors / provider.visits,
            counted.in_month * 12 / provider.open_days,
            counted.on_weekday * provider.visits / (provider.open_days * weekday.visits)))) as surprise
        from counted
        join provider_by_day as provider on counted.provider = provider.provider
        join provider_by_weekday as weekday on counted.provider = weekday.provider and counted.weekday = weekday.weekday""",
    )


def _with_expectation(pairs: str) -> str:
    """``with expectation as (…)``: patient_a, patient_b, expected: the largest of the explanations of each pair of a relation."""
    return f"""with explanations as (
            {" union all ".join(_explanation(pairs, stratum, chance) for stratum, chance in CHANCE.items())}
        ), expectation as (
            select patient_a, patient_b, max(expected) as expected from explanations group by patient_a, patient_b
        )"""


def _explanation(pairs: str, stratum: str, chance: str) -> str:
    """Expected shared days of each pair when visits meet with ``chance`` within a stratum."""
    by = f", {stratum}" if stratum else ""
    same = f" and a.{stratum} = b.{stratum}" if stratum else ""
    visits = f"(select provider, patient_id{by}, cast(count(*) as double) as visits from presence group by all)"
    odds = (
        f"join provider_by_{stratum} as {stratum} on a.provider = {stratum}.provider and a.{stratum} = {stratum}.{stratum}"
        if stratum in ("weekday", "address_group")
        else ""
    )
    return f"""
        select pair.patient_a, pair.patient_b, sum(a.visits * b.visits * least(1.0, {chance})) as expected
        from {pairs} as pair
        join {visits} as a on pair.patient_a = a.patient_id
        join {visits} as b on pair.patient_b = b.patient_id and a.provider = b.provider{same}
        join provider_by_day as provider on a.provider = provider.provider
        {odds}
        group by pair.patient_a, pair.patient_b"""


def _tail(pairs: pd.DataFrame, tested: int) -> pd.DataFrame:
    """p- and q-values by two tests at half the error rate each.

    One looks at all pairs that could have met. The other looks only at those that did meet on three days, given that they did (their
    count is a truncated Poisson variable): far fewer tests, more power for long-lasting company.
    """
    import numpy as np
    from scipy.stats import poisson

    days = pairs["days"].to_numpy(dtype=float)
    expected = pairs["expected"].to_numpy(dtype=float)
    p = poisson.sf(days - 1, expected)
    truncated = np.exp(np.minimum(0.0, poisson.logsf(days - 1, expected) - poisson.logsf(MIN_DAYS - 1, expected)))
    q = np.minimum(adjusted(p, tested), adjusted(truncated, len(pairs)))
    return pairs.assign(p_value=p, q_value=np.minimum(1.0, 2 * q))


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
