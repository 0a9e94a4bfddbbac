"""Prescribers and pharmacies that hold a share of each other's external prescriptions far above the null model.

How many patients of a prescriber should buy at a pharmacy? Innocent explanations are given their full weight:

- where the patients live: the pharmacy's share of the purchases of each patient's neighbours (address group, drawn towards the region,
  drawn towards everybody where there are few), without this prescriber's own patients: *the catchment*;
- where the prescriber works: its share among the patients of the other prescribers of the institution: *the pharmacy next door*;
- what lies next door: where there is no colleague to compare with, the share that the pharmacy nearest to an institution usually gets;
- how much both do: the product of their shares of all external prescriptions (the degree-preserving null).

The largest of them is the expectation; patients count once per pharmacy, since a regular customer's next purchase says nothing new.

Prescriptions that name no doctor are judged by their institution. It has no colleagues to compare with, so that what lies next door must be
known: without the institutions' coordinates they are left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from fraudml.claims.store import Snapshot
from fraudml.graph.candidates import SIGNIFICANCE, Candidate
from fraudml.graph.travel import EARTH_RADIUS_KM

PRIOR = 10.0
"""Patients' worth of weight of the wider area when a small one is judged."""

MIN_LIFT = 3.0
MIN_SHARE = 0.2
ONE_VILLAGE = 0.5

LEVELS = {
    "doctor": ("prescriber_id", "prescriber_id is not null", "doctor_id"),
    "institution": ("prescribing_institution_id", "prescriber_id is null and prescribing_institution_id is not null", "institution_id"),
}
"""Who prescribes -> its column in ``encounters`` of sales, which sales count, its column in those of visits."""

COLUMNS = (
    "level",
    "prescriber_id",
    "pharmacy_id",
    "patients",
    "of_prescriber",
    "of_pharmacy",
    "expected",
    "lift",
    "p_value",
    "from_one_address",
)


def prescription_pairs(snapshot: Snapshot) -> pd.DataFrame:
    """One row per prescriber and pharmacy with at least one external prescription.

    Returns
    -------
    level (doctor; institution where the prescriptions name no doctor), prescriber_id, pharmacy_id, patients (of the pair), of_prescriber
    and of_pharmacy (patients of either with external prescriptions, once per counterpart), expected (patients under the null), lift
    (patients / expected, or / 1 where less is expected), p_value
    (binomial tail, Bonferroni over the pairs), from_one_address (share of the pair's patients that live in the commonest address group; 0
    unknown).
    """
    levels = ["doctor"] if snapshot.missing(("institutions.longitude", "institutions.latitude")) else list(LEVELS)
    found = [_pairs(snapshot, level) for level in levels]
    pairs = [each for each in found if len(each)]
    return pd.concat(pairs, ignore_index=True) if pairs else found[0]


def _pairs(snapshot: Snapshot, level: str) -> pd.DataFrame:
    from scipy.stats import binom

    column, counts, _ = LEVELS[level]
    engine = snapshot.engine
    engine.table(
        "prescribed",
        f"""
        select {column} as prescriber_id, pharmacy_id, patient_id, max(prescribing_institution_id) as prescribing_institution_id
        from encounters where {counts} and pharmacy_id is not null group by {column}, pharmacy_id, patient_id""",
    )
    if not engine.scalar("select count(*) from prescribed"):
        names = {name: "str" if name.endswith("_id") or name == "level" else float for name in COLUMNS}
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in names.items()})
    _expose_purchases(snapshot)
    pairs = snapshot.query(f"""
        with pair as (
            select prescriber_id, pharmacy_id, cast(count(*) as double) as patients,
                max(prescribing_institution_id) as prescribing_institution_id
            from prescribed group by prescriber_id, pharmacy_id
        ), by_prescriber as (
            select prescriber_id, cast(count(*) as double) as total from prescribed group by prescriber_id
        ), by_pharmacy as (
            select pharmacy_id, cast(count(*) as double) as total from prescribed group by pharmacy_id
        ), at_institution as (
            select prescribing_institution_id, cast(count(*) as double) as total from prescribed group by prescribing_institution_id
        ), at_institution_pharmacy as (
            select prescribing_institution_id, pharmacy_id, cast(count(*) as double) as total from prescribed group by all
        ), address as (
            select prescriber_id, pharmacy_id, max(persons) / sum(persons) as share from (
                select rx.prescriber_id, rx.pharmacy_id, person.address_group, cast(count(*) as double) as persons
                from prescribed as rx join homes as person on rx.patient_id = person.patient_id
                where person.address_group is not null group by all)
            group by all
        ), catchment as ({_catchment()})
        select pair.prescriber_id, pair.pharmacy_id, pair.prescribing_institution_id, pair.patients, by_prescriber.total as of_prescriber,
            by_pharmacy.total as of_pharmacy,
            by_prescriber.total * catchment.share as by_catchment,
            (at_institution_pharmacy.total - pair.patients + {PRIOR} * catchment.share)
                / (at_institution.total - by_prescriber.total + {PRIOR}) * by_prescriber.total as by_colleagues,
            at_institution.total - by_prescriber.total as colleagues,
            by_prescriber.total * by_pharmacy.total / (select count(*) from prescribed) as by_degree,
            coalesce(address.share, 0) as from_one_address
        from pair
        join by_prescriber on pair.prescriber_id = by_prescriber.prescriber_id
        join by_pharmacy on pair.pharmacy_id = by_pharmacy.pharmacy_id
        join catchment on pair.prescriber_id = catchment.prescriber_id and pair.pharmacy_id = catchment.pharmacy_id
        left join address on pair.prescriber_id = address.prescriber_id and pair.pharmacy_id = address.pharmacy_id
        left join at_institution on pair.prescribing_institution_id = at_institution.prescribing_institution_id
        left join at_institution_pharmacy on pair.prescribing_institution_id = at_institution_pharmacy.prescribing_institution_id
            and pair.pharmacy_id = at_institution_pharmacy.pharmacy_id
        order by pair.prescriber_id, pair.pharmacy_id""")
    explanations = pairs[["by_catchment", "by_colleagues", "by_degree"]].astype(float)
    explanations["by_next_door"] = _next_door(pairs, snapshot) * pairs["of_prescriber"]
    expected = np.minimum(explanations.max(axis=1), pairs["of_prescriber"])
    p = binom.sf(pairs["patients"] - 1, pairs["of_prescriber"], np.minimum(expected / pairs["of_prescriber"], 1.0))
    pairs = pairs.assign(
        level=level, expected=expected, lift=pairs["patients"] / np.maximum(expected, 1.0), p_value=np.minimum(1.0, p * len(pairs))
    )
    return pairs[list(COLUMNS)]


def _expose_purchases(snapshot: Snapshot) -> None:
    """Table ``purchases``: patient x pharmacy with the patient's region and address group."""
    snapshot.engine.table(
        "purchases",
        """
        select distinct claim.patient_id, claim.pharmacy_id, coalesce(person.region, '') as region,
            coalesce(person.address_group, claim.patient_id) as address_group
        from encounters as claim left join homes as person on claim.patient_id = person.patient_id
        where claim.pharmacy_id is not null""",
    )


def _catchment() -> str:
    """Mean over a prescriber's patients of the pharmacy's share in the purchases of their neighbours who are not."""
    return f"""
        with bought as (select pharmacy_id, cast(count(*) as double) as n from purchases group by pharmacy_id),
        bought_in_region as (select region, pharmacy_id, cast(count(*) as double) as n from purchases group by all),
        region_total as (select region, sum(n) as n from bought_in_region group by region),
        bought_in_group as (select address_group, pharmacy_id, cast(count(*) as double) as n from purchases group by all),
        group_total as (select address_group, sum(n) as n from bought_in_group group by address_group),
        own as (
            select distinct rx.prescriber_id, rx.patient_id, person.region, person.address_group
            from prescribed as rx join purchases as person on rx.patient_id = person.patient_id
        ),
        own_bought as (
            select own.prescriber_id, own.region, own.address_group, purchase.pharmacy_id, cast(count(*) as double) as n
            from own join purchases as purchase on own.patient_id = purchase.patient_id group by all
        ),
        -- of each prescriber: how many patients live in each region and address group, and what these patients bought themselves
        lives as (select prescriber_id, region, address_group, cast(count(*) as double) as persons from own group by all),
        own_region as (select prescriber_id, region, pharmacy_id, sum(n) as n from own_bought group by all),
        own_region_total as (select prescriber_id, region, sum(n) as n from own_region group by all),
        own_group as (select prescriber_id, address_group, pharmacy_id, sum(n) as n from own_bought group by all),
        own_group_total as (select prescriber_id, address_group, sum(n) as n from own_group group by all),
        pair as (select distinct prescriber_id, pharmacy_id from prescribed)
        select pair.prescriber_id, pair.pharmacy_id,
            sum(lives.persons * (
                coalesce(bought_in_group.n, 0) - coalesce(own_group.n, 0)
                + {PRIOR} * (coalesce(bought_in_region.n, 0) - coalesce(own_region.n, 0)
                    + {PRIOR} * bought.n / (select sum(n) from bought))
                    / (region_total.n - own_region_total.n + {PRIOR})
            ) / (group_total.n - own_group_total.n + {PRIOR})) / sum(lives.persons) as share
        from pair
        join lives on pair.prescriber_id = lives.prescriber_id
        join bought on pair.pharmacy_id = bought.pharmacy_id
        join region_total on lives.region = region_total.region
        join group_total on lives.address_group = group_total.address_group
        join own_region_total on lives.prescriber_id = own_region_total.prescriber_id and lives.region = own_region_total.region
        join own_group_total on lives.prescriber_id = own_group_total.prescriber_id and lives.address_group = own_group_total.address_group
        left join bought_in_region on lives.region = bought_in_region.region and pair.pharmacy_id = bought_in_region.pharmacy_id
        left join bought_in_group on lives.address_group = bought_in_group.address_group and pair.pharmacy_id = bought_in_group.pharmacy_id
        left join own_region on pair.prescriber_id = own_region.prescriber_id and lives.region = own_region.region
            and pair.pharmacy_id = own_region.pharmacy_id
        left join own_group on pair.prescriber_id = own_group.prescriber_id and lives.address_group = own_group.address_group
            and pair.pharmacy_id = own_group.pharmacy_id
        group by pair.prescriber_id, pair.pharmacy_id"""


def _next_door(pairs: pd.DataFrame, snapshot: Snapshot) -> np.ndarray:
    """Share that the pharmacy nearest to an institution usually gets, for the pairs whose pharmacy is that one; 0 for the others."""
    from scipy.spatial import cKDTree

    if snapshot.missing(("institutions.longitude", "institutions.latitude")):
        return np.zeros(len(pairs))
    places = snapshot.query(
        "select institution_id, longitude, latitude from institutions where longitude + latitude is not null"
    ).set_index("institution_id")
    radians = np.radians(places[["longitude", "latitude"]].to_numpy(dtype=float))
    places["x"] = np.cos(radians[:, 1]) * np.cos(radians[:, 0]) * EARTH_RADIUS_KM
    places["y"] = np.cos(radians[:, 1]) * np.sin(radians[:, 0]) * EARTH_RADIUS_KM
    places["z"] = np.sin(radians[:, 1]) * EARTH_RADIUS_KM
    pharmacies = places.loc[places.index.isin(pairs["pharmacy_id"])].sort_index()
    homes = places.loc[places.index.isin(pairs["prescribing_institution_id"])].sort_index()
    if pharmacies.empty or homes.empty:
        return np.zeros(len(pairs))
    _, nearest = cKDTree(pharmacies[["x", "y", "z"]]).query(homes[["x", "y", "z"]])
    beside = pairs["prescribing_institution_id"].map(pd.Series(pharmacies.index[nearest], index=homes.index)) == pairs["pharmacy_id"]
    by_institution = pairs.assign(beside=np.where(beside, pairs["patients"], 0.0)).groupby("prescribing_institution_id")
    share = by_institution["beside"].sum() / by_institution["patients"].sum()
    # each institution is measured by the others
    usual = (share.sum() - share) / max(len(share) - 1, 1)
    return np.where(beside, pairs["prescribing_institution_id"].map(usual).fillna(0.0), 0.0)


def prescription_rings(snapshot: Snapshot, pairs: pd.DataFrame) -> list[Candidate]:
    """Prescribers and pharmacies whose tie no explanation covers, with the patients between them.

    A pair counts when it is significant after correction, at least three times the expectation, and a fifth of what one of the two does in
    external prescriptions, unless most of its patients live in one address group: a village has its clinic and its pharmacy. Pairs that
    share a prescriber or a pharmacy make one ring. Its claims are the sales, and the patient's visits to the prescriber in the three days
    before.
    """
    share = pairs["patients"] / pairs[["of_prescriber", "of_pharmacy"]].min(axis=1)
    strong = pairs[
        (pairs["p_value"] <= SIGNIFICANCE) & (pairs["lift"] >= MIN_LIFT) & (share >= MIN_SHARE) & (pairs["from_one_address"] <= ONE_VILLAGE)
    ]
    out = []
    for level, group in [(name, each) for name in LEVELS for each in _connected(strong[strong["level"] == name])]:
        column, counts, visited = LEVELS[level]
        snapshot.engine.register("tied_pairs", group[["prescriber_id", "pharmacy_id"]])
        claims = snapshot.query(f"""
            with sale as (
                select claim.* from (select * from encounters where {counts}) as claim
                join tied_pairs as pair on claim.{column} = pair.prescriber_id and claim.pharmacy_id = pair.pharmacy_id
            )
            select * from sale
            union all
            select claim.* from encounters as claim where exists (
                select 1 from sale where sale.patient_id = claim.patient_id and sale.{column} = claim.{visited}
                    and claim.met_on between sale.met_on - 3 and sale.met_on)
            order by met_on, claim_id""")
        sales = claims[claims["pharmacy_id"].notna()]
        on_day = sales.groupby(["pharmacy_id", "met_on"])["patient_id"].transform("nunique")
        synchrony = float((on_day >= 2).mean())
        by_chance = 1 - np.exp(-len(sales) / ((sales["met_on"].max() - sales["met_on"].min()).days + 1))
        of_prescribers = group.drop_duplicates("prescriber_id")["of_prescriber"].sum()
        ends = [(level, one) for one in sorted(set(group["prescriber_id"]))] + [
            ("pharmacy", one) for one in sorted(set(group["pharmacy_id"]))
        ]
        out.append(
            Candidate(
                # patients who come to the till together are in it; those who come one by one are sent there
                scheme="collusive_group" if synchrony > (1 + by_chance) / 2 else "external_prescription_collusion",
                patients=sorted(set(claims["patient_id"])),
                claims=claims,
                synchrony=synchrony,
                density=min(1.0, float(group["patients"].sum() / of_prescribers)),
                expected_density=min(1.0, float(group["expected"].sum() / of_prescribers)),
                p_value=float(group["p_value"].min()),
                providers=tuple(ends),
            )
        )
    return out


def in_company(ring: Candidate, together: Sequence[Candidate]) -> Candidate:
    """The ring as a ``collusive_group`` where most of its patients move together: patients, prescribers and pharmacy are in it jointly."""
    for each in together:
        if len(set(each.patients) & set(ring.patients)) > len(ring.patients) / 2:
            claims = (
                pd.concat([ring.claims, each.claims], ignore_index=True).drop_duplicates("claim_id").sort_values(["met_on", "claim_id"])
            )
            return replace(
                each,
                patients=sorted(set(claims["patient_id"])),
                claims=claims,
                p_value=min(ring.p_value, each.p_value),
                providers=ring.providers + each.providers,
            )
    return ring


def _connected(pairs: pd.DataFrame) -> list[pd.DataFrame]:
    """The pairs by connected component, in order of their first row."""
    from scipy import sparse
    from scipy.sparse.csgraph import connected_components

    if pairs.empty:
        return []
    prescribers, pharmacies = pd.factorize(pairs["prescriber_id"])[0], pd.factorize(pairs["pharmacy_id"])[0]
    ends = prescribers.max() + 1 + pharmacies
    size = int(ends.max()) + 1
    _, component = connected_components(sparse.coo_array((np.ones(len(pairs)), (prescribers, ends)), shape=(size, size)), directed=False)
    return [part for _, part in pairs.groupby(component[prescribers], sort=True)]
