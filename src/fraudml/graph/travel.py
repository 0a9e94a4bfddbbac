"""How far patients travel, and which nearer pharmacies they pass."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fraudml.claims.store import Snapshot
from fraudml.graph.structure import GraphIndex

EARTH_RADIUS_KM = 6371.0088
COORDINATES = ("patients.longitude", "patients.latitude", "institutions.longitude", "institutions.latitude")
MEASURES = ("travel_mean_12m", "travel_max_12m", "pharmacies_passed_12m")


def travel(index: GraphIndex, snapshot: Snapshot) -> pd.DataFrame:
    """Distances between homes and places of the claims of twelve months.

    Returns
    -------
    one row per node: ``travel_mean_12m``, ``travel_max_12m`` (km, great circle, over the entity's claims),
    ``pharmacies_passed_12m`` (pharmacies nearer to the patient's home than the one that sold, mean over the purchases of a patient or
    the sales of a pharmacy). Null without coordinates.
    """
    out = pd.DataFrame(np.nan, index=index.nodes.index, columns=list(MEASURES))
    if snapshot.missing(COORDINATES):
        return out
    snapshot.engine.table(
        "journeys",
        f"""
        select claim.claim_id, claim.patient_id, claim.doctor_id, claim.institution_id, claim.pharmacy_id,
            2 * {EARTH_RADIUS_KM} * asin(least(1.0, sqrt(
                power(sin(radians(place.latitude - person.latitude) / 2), 2)
                + cos(radians(person.latitude)) * cos(radians(place.latitude))
                * power(sin(radians(place.longitude - person.longitude) / 2), 2)))) as km
        from encounters as claim
        join patients as person on claim.patient_id = person.patient_id
        join institutions as place on claim.place_id = place.institution_id
        where person.longitude + person.latitude + place.longitude + place.latitude is not null""",
    )
    for kind in ("patient", "doctor", "institution", "pharmacy"):
        table = snapshot.query(f"""
            select {kind}_id as entity_id, avg(km) as mean_km, max(km) as max_km from journeys
            where {kind}_id is not null group by {kind}_id""")
        out.loc[index.numbers(kind, table["entity_id"]), list(MEASURES[:2])] = table[["mean_km", "max_km"]].to_numpy(dtype=float)
    passed = _passed(snapshot)
    for kind in ("patient", "pharmacy"):
        mean = passed.assign(total=passed["passed"] * passed["n"]).groupby(f"{kind}_id")[["total", "n"]].sum()
        out.loc[index.numbers(kind, mean.index), MEASURES[2]] = (mean["total"] / mean["n"]).to_numpy(dtype=float)
    return out


def _passed(snapshot: Snapshot) -> pd.DataFrame:
    """patient_id, pharmacy_id, n (purchases), passed (pharmacies with sales that lie nearer to the patient's home)."""
    from scipy.spatial import cKDTree

    pairs = snapshot.query("""
        select journey.patient_id, journey.pharmacy_id, count(*) as n, min(person.longitude) as longitude, min(person.latitude) as latitude,
            min(journey.km) as km
        from journeys as journey join patients as person on journey.patient_id = person.patient_id
        where journey.pharmacy_id is not null group by journey.patient_id, journey.pharmacy_id""")
    pharmacies = snapshot.query("""
        select institution_id, longitude, latitude from institutions
        where institution_id in (select pharmacy_id from journeys) order by institution_id""")
    if pairs.empty:
        return pairs.assign(passed=np.zeros(0))
    tree = cKDTree(_on_sphere(pharmacies))
    # a chord of the unit sphere instead of the arc; a hair less than the distance, so that the place itself is not counted
    chord = 2 * np.sin(np.minimum(pairs["km"].to_numpy(dtype=float) / (2 * EARTH_RADIUS_KM), np.pi / 2)) * (1 - 1e-9) - 1e-12
    nearer = tree.query_ball_point(_on_sphere(pairs), np.maximum(chord, 0), return_length=True)
    return pairs.assign(passed=nearer.astype(float))


def distances(points: pd.DataFrame, others: pd.DataFrame) -> np.ndarray:
    """Great-circle kilometres between all points and all others (longitude, latitude)."""
    chord = np.linalg.norm(_on_sphere(points)[:, None, :] - _on_sphere(others)[None, :, :], axis=2)
    return np.asarray(2 * EARTH_RADIUS_KM * np.arcsin(np.minimum(1.0, chord / 2)))


def _on_sphere(points: pd.DataFrame) -> np.ndarray:
    longitude, latitude = np.radians(points["longitude"].to_numpy(dtype=float)), np.radians(points["latitude"].to_numpy(dtype=float))
    return np.column_stack([np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)])
