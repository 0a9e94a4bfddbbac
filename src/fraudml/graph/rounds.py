"""Whether people who keep meeting may be a doctor's round: neighbours who are visited, or fetched, on common days.

Family doctors visit villages, estates and nursing homes on days that need not be regular, several on one tour; health centres invite them
to check-ups, and afterwards many buy in the shop around the corner. Their company is real, and no ring. So it takes more among neighbours:
they go on together from one place to another that is not next door, both away from where they live, or their bills are written in bulk.
Where nobody's home is known, nothing can be said, and the group stands.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from fraudml.claims.store import Snapshot
from fraudml.graph.bills import written_in_bulk
from fraudml.graph.covisits import MIN_DAYS
from fraudml.graph.travel import distances

NEIGHBOURHOOD_KM = 1.0
NEIGHBOURS = 0.2
"""People are neighbours when the typical one of them has this share of the others around (where only addresses are known: at the same)."""

A_PARTY = 0.2
"""A day on which this share of the group is at a place is the group's; fewer are couples among them."""


def may_be_a_round(patients: list[str], joint: pd.DataFrame, snapshot: Snapshot) -> bool:
    """Whether a group that moves together may be neighbours on common days.

    Parameters
    ----------
    joint : the group's joint claims, rows of ``encounters``.
    """
    snapshot.engine.register("met_patients", pd.DataFrame({"patient_id": patients}))
    homes = snapshot.query("""
        select patient_id, address_group, longitude, latitude from homes where patient_id in (select patient_id from met_patients)
        order by patient_id""")
    if not _neighbours(homes, len(patients)):
        return False
    together = joint.groupby(["place_id", "met_on"])["patient_id"].nunique()
    days = together[together >= max(2.0, A_PARTY * len(patients))].groupby("place_id").size()
    if _elsewhere(days[days >= MIN_DAYS].index, homes, snapshot) >= 2:
        return False
    visits = joint[~joint["is_stay"] & joint["institution_id"].notna()]
    if visits.empty:
        return True
    usual = visits[visits["place_id"] == visits["place_id"].mode().iloc[0]]
    return not written_in_bulk(snapshot, usual, sorted(homes["address_group"].dropna().unique()))


def _neighbours(homes: pd.DataFrame, people: int) -> bool:
    on_map = homes.dropna(subset=["longitude", "latitude"])
    if len(on_map) >= people / 2 and len(on_map) > 1:
        near = distances(on_map, on_map) <= NEIGHBOURHOOD_KM
        around = (near.sum(axis=1) - 1) / (len(on_map) - 1)
    else:
        address = homes["address_group"].dropna()
        if len(address) < max(people / 2, 2):
            return False
        around = (address.map(address.value_counts()) - 1) / (len(address) - 1)
    return bool(np.median(around) >= NEIGHBOURS)


def _elsewhere(venues: pd.Index, homes: pd.DataFrame, snapshot: Snapshot) -> int:
    """How many of the places lie away from the homes and from each other; of a place that is on no map, nobody can say that it does."""
    places = snapshot.query("select institution_id, longitude, latitude from institutions").set_index("institution_id")
    places = places.reindex(venues).dropna()
    on_map = homes.dropna(subset=["longitude", "latitude"])
    if places.empty or on_map.empty:
        return 0
    away = np.median(distances(places, on_map), axis=1) > NEIGHBOURHOOD_KM
    apart = distances(places, places)
    chosen: list[int] = []
    for number in np.flatnonzero(away):
        if all(apart[number, other] > NEIGHBOURHOOD_KM for other in chosen):
            chosen.append(int(number))
    return len(chosen)
