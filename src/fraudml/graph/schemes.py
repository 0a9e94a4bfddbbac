"""Which scheme a group of patients that move together looks like."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fraudml.claims.store import Snapshot
from fraudml.graph.candidates import Candidate, address_groups

DRUGS = ("western_drug", "chinese_patent_drug", "herbal")
MANY_PLACES = 3.0
"""Effective number of places (exp of the entropy of the joint claims over them) from which a group shops around."""


def looks_like(candidate: Candidate, snapshot: Snapshot) -> str:
    """Scheme id of a group that moves together.

    Stays of mostly one address group in one house that is not public: ``induced_admission``. Outpatients of mostly one address group with
    one doctor: ``nursing_home_collusion``. Sales on external prescriptions: ``external_prescription_collusion``. High-value drugs at many
    places: ``drug_resale``. Else ``collusive_group``.
    """
    if candidate.scheme != "collusive_group":
        return candidate.scheme
    claims = candidate.claims
    home = address_groups(snapshot).reindex(candidate.patients)
    from_one_address = home.value_counts().max() / len(home) if home.notna().any() else 0.0
    place_share = claims["place_id"].value_counts(normalize=True)
    doctor_share = claims["doctor_id"].value_counts().max() / len(claims) if claims["doctor_id"].notna().any() else 0.0
    stays = claims["is_stay"].mean()
    if stays > 0.5 and place_share.max() > 0.5 and from_one_address > 0.5 and not _is_public(str(place_share.idxmax()), snapshot):
        return "induced_admission"
    if stays <= 0.5 and from_one_address > 0.5 and doctor_share > 0.5:
        return "nursing_home_collusion"
    if claims["prescriber_id"].notna().mean() > 0.5:
        return "external_prescription_collusion"
    if np.exp(-(place_share * np.log(place_share)).sum()) >= MANY_PLACES and _buys_dearly(claims, snapshot):
        return "drug_resale"
    return "collusive_group"


def _is_public(institution_id: str, snapshot: Snapshot) -> bool:
    found = snapshot.engine.rows("select ownership = 'public' from institutions where institution_id = ?", [institution_id])
    return bool(found and found[0][0])


def _buys_dearly(claims: pd.DataFrame, snapshot: Snapshot) -> bool:
    """Whether the group's typical bill for drugs lies in the upper quarter of all bills for drugs.

    Without item lines, all bills of outpatients and sales stand for them.
    """
    if snapshot.has("items"):
        listed = ", ".join(f"'{kind}'" for kind in DRUGS)
        bills = f"select claim_id, sum(amount) as amount from items where charge_type in ({listed}) group by claim_id"
    else:
        bills = "select claim_id, amount from encounters where not is_stay"
    snapshot.engine.register("joint_claims", claims[["claim_id"]])
    own, all_others = snapshot.engine.rows(f"""
        select median(amount) filter (where claim_id in (select claim_id from joint_claims)), quantile_cont(amount, 0.75) from
        ({bills})""")[0]
    return own is not None and own >= all_others
