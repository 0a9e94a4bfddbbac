"""What the ledger knows when a new list is drawn up: matters that are undecided, and matters that are settled."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fraudml.leads.closed import ClosedMatter
from fraudml.stages.ledger import opened

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class KnownLeads:
    """The ledger as of a list's day.

    Attributes
    ----------
    open : ranked leads of earlier lists that are undecided (entity_type, entity_id, schemes), the newest last: they keep their id.
    since : lead id -> ISO day of the list that handed it out first.
    closed : decided matters, which do not come back without new evidence.
    """

    open: pd.DataFrame
    since: dict[str, str] = field(default_factory=dict)
    closed: list[ClosedMatter] = field(default_factory=list)


def known_leads(config: Any, as_of: str) -> KnownLeads:
    """What earlier lists handed out and what became of it until the day; lists of the day itself or later are not looked at."""
    import pandas as pd

    day = dt.date.fromisoformat(as_of)
    with opened(config, before=day) as ledger:
        cases = [case for case in ledger.cases(as_of=day) if case.opened_on < day and case.listing]
    newest = {case.lead_id: case for case in cases}  # of several rounds the last
    still = sorted((case for case in newest.values() if case.settled_on is None), key=lambda case: (case.listing["as_of"], case.lead_id))
    ranked = [case.listing for case in still if case.listing["origin"] != "random" and case.listing["schemes"]]
    columns = ("entity_type", "entity_id", "schemes")
    return KnownLeads(
        open=pd.DataFrame([{name: row[name] for name in columns} for row in ranked], columns=list(columns)),
        since={case.lead_id: case.opened_on.isoformat() for case in still},
        closed=[
            ClosedMatter(
                case.listing["entity_type"],
                case.listing["entity_id"],
                frozenset([*case.listing["schemes"], *([case.scheme] if case.scheme else [])]),
                frozenset(case.listing["evidence_claim_ids"]),
                case.settled_on,
            )
            for case in cases
            if case.settled_on is not None
        ],
    )
