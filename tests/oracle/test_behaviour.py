"""Each kind of measure against a slow and obvious computation in pandas."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fraudml.vectors import behaviour

AS_OF = pd.Timestamp("2024-05-31")
STARTS = {1: pd.Timestamp("2024-04-30"), 3: pd.Timestamp("2024-02-29"), 12: pd.Timestamp("2023-05-31")}


_made: dict[str, Any] = {}


@pytest.fixture
def city(make_claims: Any, random_rows: Any) -> dict[str, Any]:
    if not _made:  # once: fifteen tests only look at it
        _made.update(_city(make_claims, random_rows))
    return _made


def _city(make_claims: Any, random_rows: Any) -> dict[str, Any]:
    rows = random_rows(seed=11, count=300)
    claims = make_claims(**rows)
    with claims.at(str(AS_OF.date())) as snapshot:
        vectors = {
            entity: behaviour(entity, snapshot, AS_OF.date()) for entity in ("patient", "doctor", "institution", "pharmacy", "claim")
        }
        net = snapshot.query("select * from claims")
        lines = snapshot.query("select * from items")
        diagnoses = snapshot.query("select * from diagnoses")
    people = pd.DataFrame(rows["patients"]).set_index("patient_id")
    places = pd.DataFrame(rows["institutions"]).set_index("institution_id")
    for name in ("started_on", "ended_on", "settled_on"):
        net[name] = pd.to_datetime(net[name])
    net = net[net.settled_on > STARTS[12]].copy()
    net["kind"] = net.institution_id.map(places.kind)
    net["address"] = net.patient_id.map(people.address_group)
    main = diagnoses[diagnoses.is_main].set_index("claim_id").diagnosis
    net["category"] = net.claim_id.map(main).str[:3]
    lines = lines[lines.claim_id.isin(net.claim_id)].copy()
    lines["kind"] = lines.institution_id.map(places.kind)
    lines["settled_on"] = pd.to_datetime(lines.settled_on)
    lines["level"] = lines.institution_id.map(places.level)
    return {"vectors": vectors, "claims": net, "items": lines, "people": people, "places": places, "rows": rows}


def check(vectors: pd.DataFrame, column: str, expected: Callable[[str], float]) -> None:
    """Holds one column against a computation per entity; both unknown counts as equal."""
    wanted = pd.Series({one: expected(one) for one in vectors.index}, dtype="float64")
    assert wanted.notna().any(), f"the oracle of {column} says nothing"
    np.testing.assert_allclose(vectors[column], wanted, rtol=1e-7, atol=1e-7, err_msg=column)


def within(rows: pd.DataFrame, window: int) -> pd.DataFrame:
    return rows[rows.settled_on > STARTS[window]]


def diversity(counts: pd.Series) -> float:
    share = counts / counts.sum()
    return float(-(share * np.log(share)).sum()) if len(share) else math.nan


def ratio(above: float, below: float) -> float:
    return above / below if below else math.nan


@pytest.mark.parametrize("window", [1, 3, 12])
def test_counts_sums_means_and_shares_of_patients(city, window):
    vectors, claims = city["vectors"]["patient"], city["claims"]

    def mine(one: str) -> pd.DataFrame:
        return within(claims[claims.patient_id == one], window)

    check(vectors, f"claim_count_{window}m", lambda one: len(mine(one)))
    check(vectors, f"total_amount_{window}m", lambda one: mine(one).total_amount.sum())
    check(vectors, f"purchase_count_{window}m", lambda one: (mine(one).kind == "pharmacy").sum())
    check(vectors, f"pharmacy_count_{window}m", lambda one: mine(one).query("kind == 'pharmacy'").institution_id.nunique())
    check(vectors, f"institution_count_{window}m", lambda one: mine(one).query("kind != 'pharmacy'").institution_id.nunique())
    check(vectors, f"active_days_{window}m", lambda one: mine(one).started_on.nunique())
    if window > 1:
        check(vectors, f"amount_mean_{window}m", lambda one: mine(one).total_amount.mean())
        check(vectors, f"account_share_{window}m", lambda one: ratio(mine(one).account_amount.sum(), mine(one).total_amount.sum()))
        check(vectors, f"typed_share_{window}m", lambda one: (mine(one).credential_type == "typed").mean())


def test_concentration_and_diversity(city):
    claims = city["claims"]

    def counts(one: str) -> pd.Series:
        return claims[(claims.patient_id == one) & (claims.kind != "pharmacy")].institution_id.value_counts()

    patients = city["vectors"]["patient"]
    check(
        patients,
        "institution_concentration_12m",
        lambda one: ((counts(one) / counts(one).sum()) ** 2).sum() if len(counts(one)) else np.nan,
    )
    check(patients, "diagnosis_diversity_12m", lambda one: diversity(claims[claims.patient_id == one].category.value_counts()))
    doctors = city["vectors"]["doctor"]
    check(
        doctors,
        "address_top_share_3m",
        lambda one: within(claims[claims.doctor_id == one], 3).address.value_counts(normalize=True).max(),
    )


def test_first_time_counterparts(city):
    claims = city["claims"]

    def share(one: str) -> float:
        mine = claims[(claims.institution_id == one)]
        old = set(mine[mine.settled_on <= STARTS[1]].patient_id)
        recent = within(mine, 1)
        return (~recent.patient_id.isin(old)).mean() if len(recent) else np.nan

    check(city["vectors"]["institution"], "new_patient_share_1m", share)
    check(city["vectors"]["pharmacy"], "new_patient_share_1m", share)


def test_days_bursts_and_tails(city):
    claims = city["claims"]
    institutions = city["vectors"]["institution"]

    def per_day(one: str, window: int) -> pd.Series:
        return within(claims[claims.institution_id == one], window).started_on.value_counts()

    check(institutions, "day_claims_max_12m", lambda one: per_day(one, 12).max())
    check(institutions, "burst_3m", lambda one: per_day(one, 3).max() / per_day(one, 3).mean())
    check(institutions, "amount_p90_12m", lambda one: claims[claims.institution_id == one].total_amount.quantile(0.9))
    check(
        institutions,
        "amount_spread_12m",
        lambda one: claims[claims.institution_id == one].total_amount.std() / claims[claims.institution_id == one].total_amount.mean(),
    )

    def neighbours(one: str) -> float:
        mine = claims[claims.institution_id == one]
        groups = mine.groupby(["address", "started_on"])
        return sum(len(group) for _, group in groups if group.patient_id.nunique() > 2) / len(mine)

    check(institutions, "group_visit_share_12m", neighbours)


def test_gaps_in_time(city):
    claims = city["claims"]

    def days(one: str) -> pd.Series:
        return claims[claims.patient_id == one].started_on.sort_values().diff().dt.days.dropna()

    check(city["vectors"]["patient"], "gap_median_12m", lambda one: days(one).median())

    def moved(one: str) -> float:
        mine = claims[claims.patient_id == one].sort_values("settled_at")
        minutes = mine.settled_at.diff().dt.total_seconds() / 60
        chosen = minutes[(mine.institution_id != mine.institution_id.shift()) & (minutes < 1440)]
        return chosen.min() if len(chosen) else np.nan

    check(city["vectors"]["patient"], "moved_minutes_min_12m", moved)


def test_stays(city):
    claims = city["claims"]
    stays = claims[claims.nights > 0]

    def gaps(one: str) -> list[int]:
        found = []
        for _, mine in stays[stays.institution_id == one].groupby("patient_id"):
            left = None
            for _, stay in mine.sort_values(["started_on", "ended_on", "total_amount"]).iterrows():
                if left is not None and left <= stay.started_on:
                    found.append((stay.started_on - left).days)
                left = stay.ended_on if left is None else max(left, stay.ended_on)
        return found

    def outside(one: str) -> float:
        mine = stays[stays.institution_id == one]
        if not len(mine):
            return np.nan
        others = claims[claims.nights == 0]
        hits = [
            ((others.patient_id == stay.patient_id) & (others.started_on > stay.started_on) & (others.started_on < stay.ended_on)).any()
            for _, stay in mine.iterrows()
        ]
        return float(np.mean(hits))

    def fullest_night(one: str) -> float:
        nights = [
            night
            for _, stay in stays[stays.institution_id == one].iterrows()
            for night in pd.date_range(stay.started_on, periods=stay.nights)
        ]
        return pd.Series(nights).value_counts().max() if nights else np.nan

    institutions = city["vectors"]["institution"]
    count = stays.institution_id.value_counts()
    check(institutions, "nights_total_12m", lambda one: stays[stays.institution_id == one].nights.sum())
    check(institutions, "return_share_12m", lambda one: ratio(sum(gap <= 15 for gap in gaps(one)), count.get(one, 0)))
    check(institutions, "outside_claim_share_12m", outside)
    check(institutions, "beds_used_max_12m", fullest_night)
    check(institutions, "bed_use", lambda one: fullest_night(one) / city["places"].beds[one])


def test_items_of_claims_are_added_up_without_multiplying_rows(city):
    items, claims = city["items"], city["claims"].set_index("claim_id")
    drugs = items[items.charge_type.isin(["western_drug", "herbal", "chinese_patent_drug"])]
    vectors = city["vectors"]["claim"]
    check(vectors, "drug_amount", lambda one: drugs[drugs.claim_id == one].amount.sum() if (items.claim_id == one).any() else np.nan)
    check(vectors, "item_count", lambda one: (items.claim_id == one).sum() or np.nan)
    check(
        city["vectors"]["patient"],
        "drug_share_12m",
        lambda one: ratio(drugs[drugs.patient_id == one].amount.sum(), claims[claims.patient_id == one].total_amount.sum()),
    )


def test_price_cap_of_the_level_and_day(city):
    items = city["items"]
    # the catalogue gives every item the cap 12 at all levels and times, so that a duplicate would show
    over = items[items.unit_price > 12.005]
    check(
        city["vectors"]["institution"],
        "over_cap_line_share_12m",
        lambda one: (over.institution_id == one).sum() / (items.institution_id == one).sum(),
    )


def test_supply_of_one_substance_over_institutions(city):
    items = city["items"]
    drugs = items[items.charge_type.isin(["western_drug", "herbal"])].copy()
    drugs["substance"] = drugs.item_code.replace({"western_drug0": "X1", "western_drug1": "X1"})

    def groups(one: str) -> Any:
        return within(drugs[drugs.patient_id == one], 3).groupby("substance")

    patients = city["vectors"]["patient"]
    check(patients, "supply_max_3m", lambda one: groups(one).days_supply.sum().max())
    check(patients, "supply_places_max_3m", lambda one: groups(one).institution_id.nunique().max())


def test_item_mix_against_houses_of_the_level(city):
    items = city["items"]

    def divergence(one: str) -> float:
        mine = items[items.institution_id == one]
        alike = items[(items.kind == "hospital") & (items.level == mine.level.iloc[0])]
        p, q = mine.item_code.value_counts(normalize=True), alike.item_code.value_counts(normalize=True)
        return float((p * np.log(p / q[p.index])).sum())

    check(city["vectors"]["institution"], "item_divergence_12m", divergence)


def test_stock_against_what_was_billed(city):
    items = city["items"].copy()
    items["month"] = items.settled_on.dt.to_period("M").astype(str)
    stock = pd.DataFrame(city["rows"]["inventory"])
    stock = stock[stock.month <= "2024-05-31"]

    def excess(one: str) -> float:
        mine = stock[stock.institution_id == one]
        if not len(mine):
            return np.nan
        above = billed_all = 0.0
        for code, months in mine.groupby("item_code"):
            sold = items[(items.institution_id == one) & (items.item_code == code) & items.month.isin(months.month.str[:7])].quantity.sum()
            above += max(0.0, sold - (months.opening + months.purchased - months.returned - months.closing).sum())
            billed_all += sold
        return ratio(above, billed_all)

    check(city["vectors"]["pharmacy"], "stock_excess_share_12m", excess)
    check(city["vectors"]["institution"], "stock_excess_share_12m", excess)


def test_ordering_doctors_and_prescribers(city):
    items, claims = city["items"], city["claims"]
    doctors = city["vectors"]["doctor"]
    # the ordering doctor of a line counts, and a pharmacy's sales are no doctor's orders
    mine = items[items.kind == "hospital"]
    check(
        doctors,
        "exam_share_12m",
        lambda one: (
            mine[(mine.doctor_id == one) & mine.charge_type.isin(["examination", "laboratory"])].amount.sum()
            / mine[mine.doctor_id == one].amount.sum()
        ),
    )
    check(doctors, "prescription_count_12m", lambda one: (claims.prescribing_doctor_id == one).sum())
    pharmacies = city["vectors"]["pharmacy"]
    check(
        pharmacies,
        "prescriber_top_share_12m",
        lambda one: claims[claims.institution_id == one].prescribing_doctor_id.value_counts(normalize=True).max(),
    )


def test_what_a_claim_follows(city):
    claims = city["claims"]
    of = claims.set_index("claim_id")

    def before(one: str, days: int) -> pd.DataFrame:
        claim = of.loc[one]
        return claims[
            (claims.patient_id == claim.patient_id)
            & (claims.started_on <= claim.started_on)
            & (claims.started_on >= claim.started_on - pd.Timedelta(days=days))
        ]

    vectors = city["vectors"]["claim"]
    check(vectors, "month_claims", lambda one: len(before(one, 30)))
    check(vectors, "quarter_claims", lambda one: len(before(one, 90)))

    def new_here(one: str) -> float:
        claim, earlier = of.loc[one], before(one, 90)
        return not ((earlier.institution_id == claim.institution_id) & (earlier.started_on < claim.started_on)).any()

    check(vectors, "is_new_here", new_here)
    assert 0.2 < vectors["is_new_here"].mean() < 0.95
    check(vectors, "month_amount", lambda one: before(one, 30).total_amount.sum())

    def case_ratio(one: str) -> float:
        claim = of.loc[one]
        group = claims[
            (claims.visit_type == claim.visit_type)
            & ((claims.drg_code == claim.drg_code) if pd.notna(claim.drg_code) else _same_category(claims, claim))
        ]
        return claim.total_amount / group.total_amount.mean() if len(group) >= 5 else np.nan

    check(vectors, "case_ratio", case_ratio)


def _same_category(claims: pd.DataFrame, claim: pd.Series) -> pd.Series:
    return claims.category.isna() if pd.isna(claim.category) else claims.category == claim.category


def test_change_and_rates(city):
    claims = city["claims"]

    def change(one: str) -> float:
        mine = claims[claims.patient_id == one]
        return len(within(mine, 1)) / (len(mine) / 12)

    check(city["vectors"]["patient"], "claim_change", change)


def test_distance(city):
    claims, people, places = city["claims"], city["people"], city["places"]

    def km(claim: pd.Series) -> float:
        a, b = people.loc[claim.patient_id], places.loc[claim.institution_id]

        # the angle between two points of the unit sphere
        def point(row: pd.Series) -> np.ndarray:
            lat, lon = math.radians(row.latitude), math.radians(row.longitude)
            return np.array([math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)])

        return 6371 * math.atan2(float(np.linalg.norm(np.cross(point(a), point(b)))), float(point(a) @ point(b)))

    by_claim = claims.set_index("claim_id")
    check(city["vectors"]["claim"], "distance_km", lambda one: km(by_claim.loc[one]))


def test_extremes_and_spreads(city):
    claims, vectors = city["claims"], city["vectors"]
    stays = claims[claims.nights > 0]

    def nights(one: str) -> pd.Series:
        return stays[stays.institution_id == one].nights

    institutions = vectors["institution"]
    check(institutions, "nights_mean_12m", lambda one: nights(one).mean())
    check(institutions, "nights_max_12m", lambda one: nights(one).max())
    check(institutions, "nights_p90_12m", lambda one: nights(one).quantile(0.9))
    check(institutions, "nights_spread_12m", lambda one: nights(one).std())
    check(vectors["patient"], "amount_max_12m", lambda one: claims[claims.patient_id == one].total_amount.max())

    def gap_spread(one: str) -> float:
        gaps = claims[claims.patient_id == one].started_on.sort_values().diff().dt.days.dropna()
        return ratio(gaps.std(), gaps.mean())

    check(vectors["patient"], "gap_spread_12m", gap_spread)


def test_shares_of_pairs_and_of_gaps(city):
    claims, vectors = city["claims"], city["vectors"]
    seen = claims[claims.kind != "pharmacy"]
    repeated = seen.groupby(["doctor_id", "patient_id"]).size().gt(1).groupby("doctor_id").mean()
    places = seen.groupby(["doctor_id", "started_on"]).institution_id.nunique().gt(1).groupby("doctor_id").mean()
    check(vectors["doctor"], "repeat_patient_share_12m", lambda one: repeated.get(one, np.nan))
    check(vectors["doctor"], "day_places_share_12m", lambda one: places.get(one, np.nan))

    def rapid(one: str, window: int) -> float:
        mine = claims[claims.institution_id == one].sort_values(["settled_at", "total_amount", "claim_id"])
        minutes = mine.settled_at.diff().dt.total_seconds() / 60
        inside = minutes[mine.settled_on > STARTS[window]].dropna()
        return (inside < 2).mean() if len(inside) else np.nan

    check(vectors["pharmacy"], "rapid_share_3m", lambda one: rapid(one, 3))
    check(vectors["pharmacy"], "rapid_share_12m", lambda one: rapid(one, 12))


def test_own_tables_of_a_person(city):
    rows, vectors = city["rows"], city["vectors"]

    def mine(table: str, key: str, one: str) -> pd.DataFrame:
        frame = pd.DataFrame(rows[table])
        return frame[frame[key] == one]

    birth = pd.to_datetime(city["people"].birth_date)
    check(vectors["patient"], "age", lambda one: (AS_OF - birth[one]).days / 365.25)
    check(vectors["patient"], "insurance_types", lambda one: mine("enrolments", "patient_id", one).insurance_type.nunique())
    check(vectors["patient"], "registered_count", lambda one: mine("registered_diseases", "patient_id", one).registered_disease.nunique())
    check(vectors["doctor"], "registration_count", lambda one: mine("registrations", "doctor_id", one).institution_id.nunique())


def test_a_price_against_the_other_houses_of_the_level(city):
    items = city["items"].dropna(subset=["unit_price", "item_code"])
    alike = [items.kind, items.level.fillna(-1), items.item_code]
    usual = items.groupby(alike).unit_price.transform("mean")
    has_peers = items.groupby(alike).institution_id.transform("nunique") > 1
    against = (items.unit_price / usual)[has_peers & (usual > 0)]

    def mean(one: str, window: int) -> float:
        return against[(items.institution_id == one) & (items.settled_on > STARTS[window])].mean()

    check(city["vectors"]["pharmacy"], "price_against_peers_12m", lambda one: mean(one, 12))


def test_the_stay_of_a_claim(city):
    claims, items = city["claims"].set_index("claim_id", drop=False), city["items"]
    stays = claims[claims.nights > 0]
    care = ["treatment", "surgery", "nursing", "examination", "laboratory", "western_drug", "herbal", "chinese_patent_drug"]
    vectors = city["vectors"]["claim"].loc[stays.index]

    def care_gap(one: str) -> float:
        days = pd.to_datetime(items[(items.claim_id == one) & items.charge_type.isin(care)].occurred_on)
        if not (items.claim_id == one).any():
            return np.nan
        return sum(night not in set(days) for night in pd.date_range(stays.started_on[one], periods=stays.nights[one]))

    def outside(one: str) -> float:
        stay = stays.loc[one]
        others = claims[(claims.nights == 0) & (claims.patient_id == stay.patient_id)]
        return ((others.started_on > stay.started_on) & (others.started_on < stay.ended_on)).sum()

    def return_gap(one: str) -> float:
        stay = stays.loc[one]
        here = (stays.patient_id == stay.patient_id) & (stays.institution_id == stay.institution_id)
        mine = stays[here].sort_values(["started_on", "ended_on", "total_amount"])
        left = mine.iloc[: list(mine.index).index(one)].ended_on.max()
        return (stay.started_on - left).days if left <= stay.started_on else np.nan

    check(vectors, "care_gap", care_gap)
    check(vectors, "outside_claims", outside)
    check(vectors, "return_gap", return_gap)


def test_supplies_beyond_the_days_and_examinations_on_several_days(city):
    items = city["items"]
    hospital = items[items.kind == "hospital"]
    drugs = items[items.charge_type.isin(["western_drug", "herbal"])].copy()
    drugs["substance"] = drugs.item_code.replace({"western_drug0": "X1", "western_drug1": "X1"})

    def supplies(rows: pd.DataFrame) -> pd.Series:
        return within(rows, 3).groupby(["patient_id", "substance"]).days_supply.sum(min_count=1).dropna()

    check(city["vectors"]["patient"], "supply_over_count_3m", lambda one: (supplies(drugs[drugs.patient_id == one]) > 93).sum())
    check(city["vectors"]["pharmacy"], "supply_over_share_3m", lambda one: (supplies(drugs[drugs.institution_id == one]) > 93).mean())
    ordered = drugs[drugs.kind == "hospital"]
    check(city["vectors"]["doctor"], "supply_over_share_3m", lambda one: (supplies(ordered[ordered.doctor_id == one]) > 93).mean())

    exams = within(hospital[hospital.charge_type.isin(["examination", "laboratory"])], 3)

    def repeated(rows: pd.DataFrame) -> float:
        return (rows.groupby(["patient_id", "item_code"]).occurred_on.nunique() > 1).mean()

    check(city["vectors"]["institution"], "exam_repeat_share_3m", lambda one: repeated(exams[exams.institution_id == one]))
    check(city["vectors"]["doctor"], "exam_repeat_share_3m", lambda one: repeated(exams[exams.doctor_id == one]))


def test_registered_diseases_are_per_patient_not_per_settlement(city):
    claims, known = city["claims"], pd.DataFrame(city["rows"]["registered_diseases"]).patient_id.value_counts()

    def mean(one: str) -> float:
        return np.mean([known.get(person, 0) for person in claims[claims.institution_id == one].patient_id.unique()])

    check(city["vectors"]["institution"], "registered_mean_12m", mean)
