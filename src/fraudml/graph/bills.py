"""Bills that are written in bulk: near-identical among themselves, unlike the place's other bills, and no smaller.

A fee that the place charges many people, for a contract or a check-up, is alike everywhere and proves nothing.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from fraudml.claims.store import Snapshot

SAME_BILL = 0.02
"""Bills that differ by less, relatively, count as near-identical."""
BULK_SIGNIFICANCE = 1e-4
BULK_LIFT = 3.0
"""So many times more alike than the place's other bills."""


def written_in_bulk(snapshot: Snapshot, own: pd.DataFrame, addresses: list[str]) -> bool:
    """Whether outpatients' claims at one place look copied on each day, against bills of the same kinds at that place.

    Parameters
    ----------
    own : rows of ``encounters`` of one place.
    addresses : the address groups in question, whose other bills are no measure.
    """
    from scipy.stats import binom

    others = snapshot.engine.query(
        """
        select claim.amount from encounters as claim left join homes as person on claim.patient_id = person.patient_id
        where claim.place_id = ? and not claim.is_stay and claim.visit_type in (select unnest(?))
            and (person.address_group is null or person.address_group not in (select unnest(?)))
            and claim.claim_id not in (select unnest(?))""",
        [str(own["place_id"].iloc[0]), sorted(set(own["visit_type"])), addresses, sorted(own["claim_id"])],
    )["amount"].to_numpy(dtype=float)
    alike, compared, usual = 0.0, 0, 0.0
    for _, day in own.groupby("met_on"):
        amounts = day["amount"].to_numpy(dtype=float)
        if len(amounts) < 2:
            continue
        median = np.median(amounts)
        near = np.abs(amounts - median) <= SAME_BILL * abs(median)
        alike += max(0, near.sum() - 1)
        compared += len(amounts) - 1
        usual += (len(amounts) - 1) * ((np.abs(others - median) <= SAME_BILL * abs(median)).sum() + 1) / (len(others) + 2)
    if compared == 0 or alike < compared / 2 or alike < BULK_LIFT * usual:
        return False
    by_chance = float(binom.sf(alike - 1, compared, min(1.0, usual / compared)))
    peers = float(np.median(others)) if len(others) else 0.0
    return by_chance <= BULK_SIGNIFICANCE and float(own["amount"].median()) >= peers
