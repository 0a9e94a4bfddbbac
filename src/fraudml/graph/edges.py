"""Pair edges: who met whom in the last twelve months, how often and for how much.

One grouping over the claims of a snapshot gives each pair. Everything else in this package (measures, null models,
rings) is computed from the ``encounters`` relation that is made here, so that all of it sees the same claims.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from fraudml.claims.store import Snapshot, months_before

if TYPE_CHECKING:
    import pandas as pd

WINDOWS = (1, 3, 12)
"""Look-back windows in months; the longest bounds what the graph sees."""

PAIRS: dict[str, tuple[tuple[str, str], tuple[str, str]]] = {
    "patient_doctor": (("patient", "patient_id"), ("doctor", "doctor_id")),
    "patient_institution": (("patient", "patient_id"), ("institution", "institution_id")),
    "patient_pharmacy": (("patient", "patient_id"), ("pharmacy", "pharmacy_id")),
    "doctor_institution": (("doctor", "doctor_id"), ("institution", "institution_id")),
    "prescriber_pharmacy": (("doctor", "prescriber_id"), ("pharmacy", "pharmacy_id")),
}
"""Edge table -> (entity type, column of ``encounters``) of its two ends."""

EDGE_COLUMNS: dict[str, str] = {
    "as_of": "DATE",
    **{f"n_{window}m": "BIGINT" for window in WINDOWS},  # claims
    **{f"amount_{window}m": "DOUBLE" for window in WINDOWS},  # total amount, CNY, net of refunds
    "fund_amount_12m": "DOUBLE",  # CNY
    "days_12m": "BIGINT",  # distinct days
    "first_on": "DATE",
    "last_on": "DATE",
}


def end_columns(pair: str) -> tuple[str, str]:
    """Names of the two id columns of an edge table: ``patient_id``, ``doctor_id``, ``institution_id`` or ``pharmacy_id``."""
    (left, _), (right, _) = PAIRS[pair]
    return f"{left}_id", f"{right}_id"


def expose_encounters(snapshot: Snapshot) -> None:
    """Makes the table ``encounters`` in the snapshot's session: one row per claim of the last twelve months.

    Columns: claim_id, patient_id, doctor_id (of a hospital or clinic), prescriber_id (of a sale in a pharmacy on an external
    prescription), institution_id or pharmacy_id (never both), place_id (the one of the two), visit_type, is_stay, met_on (day of
    service; of admission for a stay), settled_on, amount, fund_amount, cash_amount.

    And the table ``homes``: patient_id, region, longitude, latitude, address_group (about a square kilometre where no address is given).
    """
    snapshot.engine.table(
        "encounters",
        """
        with placed as (
            select claim.*, coalesce(place.kind, case when claim.visit_type = 'pharmacy' then 'pharmacy' else 'hospital' end) as kind
            from claims as claim left join institutions as place on claim.institution_id = place.institution_id
        )
        select claim_id, patient_id,
            case when kind <> 'pharmacy' then doctor_id end as doctor_id,
            case when kind = 'pharmacy' then prescribing_doctor_id end as prescriber_id,
            case when kind <> 'pharmacy' then institution_id end as institution_id,
            case when kind = 'pharmacy' then institution_id end as pharmacy_id,
            institution_id as place_id, prescribing_institution_id, visit_type, coalesce(is_stay, false) as is_stay,
            started_on as met_on, coalesce(ended_on, started_on) as ended_on, settled_on,
            coalesce(total_amount, 0) as amount, coalesce(fund_amount, 0) as fund_amount, coalesce(cash_amount, 0) as cash_amount
        from placed""",
    )
    snapshot.engine.table(
        "homes",
        """
        select patient_id, region, longitude, latitude, coalesce(address_group, 'cell ' || cast(floor(longitude * 100) as integer) || ' '
            || cast(floor(latitude * 100) as integer)) as address_group
        from patients""",
    )


def pair_edges(snapshot: Snapshot, pair: str) -> pd.DataFrame:
    """One row per pair that met in the last twelve months.

    Parameters
    ----------
    snapshot : of twelve months, with ``encounters``.
    pair : a key of :data:`PAIRS`.

    Returns
    -------
    the two id columns (:func:`end_columns`), then :data:`EDGE_COLUMNS`; sorted by the ids.
    """
    (_, left), (_, right) = PAIRS[pair]
    left_name, right_name = end_columns(pair)
    since = {window: _since(snapshot.as_of, window) for window in WINDOWS}
    counts = ", ".join(f"count(*) filter (where settled_on > {since[window]}) as n_{window}m" for window in WINDOWS)
    amounts = ", ".join(
        f"coalesce(round(sum(amount) filter (where settled_on > {since[window]}), 2), 0) as amount_{window}m" for window in WINDOWS
    )
    return snapshot.query(f"""
        select {left} as {left_name}, {right} as {right_name}, date '{snapshot.as_of}' as as_of,
            {counts}, {amounts}, round(sum(fund_amount), 2) as fund_amount_12m,
            count(distinct met_on) as days_12m, min(met_on) as first_on, max(met_on) as last_on
        from encounters where {left} is not null and {right} is not null
        group by {left}, {right} order by {left}, {right}""")


def _since(as_of: dt.date, months: int) -> str:
    return f"date '{months_before(as_of, months)}'"
