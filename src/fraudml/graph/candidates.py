"""What a suspected ring is before it has a name: its people, its joint claims, and how improbable it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fraudml.claims.store import Snapshot

if TYPE_CHECKING:
    import pandas as pd

FAMILY_SIZE = 5
"""A group of one address group that is not larger may be a family: never a ring."""

SIGNIFICANCE = 0.01
"""A ring's p-value, corrected for all the groups that were or could have been looked at."""


@dataclass(frozen=True)
class Candidate:
    """A group of patients, or a prescriber and a pharmacy with their patients.

    Attributes
    ----------
    scheme : id of the scheme that this kind of search looks for.
    patients : ids, sorted.
    claims : the joint claims, rows of ``encounters``.
    synchrony : in [0, 1]: share of the patients' claims at the places of the joint claims that are joint claims.
    density, expected_density : in [0, 1], and what the null model expects. Of people who move together: the share of their pairs that are
        seen together on three days or more. Of waves: the share of the people who are there on a wave's day. Of prescribers and pharmacies:
        the share of the prescribers' patients that buy there.
    p_value : corrected.
    providers : (entity type, id) of those that the search itself names; the others follow from their share of the joint claims.
    """

    scheme: str
    patients: list[str]
    claims: pd.DataFrame
    synchrony: float
    density: float
    expected_density: float
    p_value: float
    providers: tuple[tuple[str, str], ...] = ()


def claims_of_patients(snapshot: Snapshot, groups: list[list[str]]) -> list[pd.DataFrame]:
    """``encounters`` of each group of patients, by day and claim."""
    import pandas as pd

    if not groups:
        return []
    members = pd.DataFrame(
        [(number, patient) for number, group in enumerate(groups) for patient in group], columns=["group_number", "patient_id"]
    )
    snapshot.engine.register("group_members", members)
    claims = snapshot.query("""
        select member.group_number, claim.* from encounters as claim join group_members as member on claim.patient_id = member.patient_id
        order by member.group_number, claim.met_on, claim.claim_id""")
    by_group = dict(list(claims.groupby("group_number")))
    return [by_group[number].drop(columns="group_number") for number in range(len(groups))]


def is_family(patients: list[str], addresses: pd.Series) -> bool:
    """Whether the patients may be one family: few, and not known to live in different places."""
    return len(patients) <= FAMILY_SIZE and len(set(addresses.reindex(patients).dropna())) <= 1


def address_groups(snapshot: Snapshot) -> pd.Series:
    """Address group by patient id, of those that have one."""
    table = snapshot.query("select patient_id, address_group from homes where address_group is not null")
    return table.set_index("patient_id")["address_group"]
