"""Which of a lead's schemes is its main matter, and what follows it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from fraudml.leads.amounts import counted_amounts
from fraudml.leads.schemes import UNEXPLAINED
from fraudml.leads.uncertainty import SEVERITY_WEIGHT

TAKEN_IN = 0.5
"""Evidence against somebody else that the matter took in says half as much about it as evidence against itself."""


def scheme_weights(leads: pd.DataFrame, found: pd.DataFrame, worth: pd.Series | None) -> pd.DataFrame:
    """How much each scheme of a lead weighs: lead, rule, weight.

    ``severity x mean strength x cube root of its money``: how sure its traces are, then how much hangs on it. The money of a
    scheme is counted as if it stood alone, because the lead's own amounts give a line that two schemes name to one of them.
    The cube root lets a thousand times the money weigh ten times as much: a trifle that is certain does not stand before
    the matter that is worth the inspection, nor does the largest bill push a proven charge aside.

    Parameters
    ----------
    leads : entity_type, entity_id by lead.
    found : ``lead`` and the columns of :data:`fraudml.contracts.EVIDENCE`.
    worth : net total amount by claim_id (yuan).
    """
    apart = found.assign(lead=found["lead"].astype(str) + "\x1f" + found["rule"].astype(str))
    kind, entity = found["lead"].map(leads["entity_type"]), found["lead"].map(leads["entity_id"])
    own = ((found["entity_type"] == kind) & (found["entity_id"] == entity)) | (kind == "claim")
    sure = found["severity"].map(SEVERITY_WEIGHT).fillna(SEVERITY_WEIGHT["suspicious"]) * found["strength"] * np.where(own, 1.0, TAKEN_IN)
    table = found[["lead", "rule"]].assign(sure=sure, alone=counted_amounts(apart, worth))
    table = table.groupby(["lead", "rule"], as_index=False).agg(sure=("sure", "mean"), alone=("alone", "sum"))
    # rounded: the last digits of a sum depend on the order of its rows
    return table[["lead", "rule"]].assign(weight=(table["sure"] * np.cbrt(1 + table["alone"])).round(6))


def ordered_schemes(
    leads: pd.DataFrame,
    found: pd.DataFrame,
    has_evidence: bool,
    worth: pd.Series | None,
    listed: Mapping[tuple[str, str], str],
    keep: float,
) -> pd.Series:
    """The schemes of each lead, its main matter first: of its evidence; without any, what confirmed cases like it were (``likely``).

    ``unexplained`` stands where nothing is named. Where no evidence is given at all, the schemes that the scores name stand for it.

    A lead's id is its entity and its first scheme. So that a matter keeps its id while two schemes weigh about the same, the one
    under which an open lead already stands stays first as long as it weighs ``keep`` of the heaviest.

    Parameters
    ----------
    leads : entity_type, entity_id, schemes, likely by lead.
    listed : first scheme of the open leads of the list before, by (entity_type, entity_id).
    """
    names: dict[int, list[str]] = {}
    if len(found):
        table = scheme_weights(leads, found, worth)
        first = [listed.get(pair) for pair in zip(leads["entity_type"], leads["entity_id"], strict=True)]
        before = table["lead"].map(pd.Series(first, index=leads.index, dtype=object))
        heaviest = table.groupby("lead")["weight"].transform("max")
        stays = (table["rule"] == before) & (table["weight"] >= keep * heaviest)
        table = table.assign(stays=stays).sort_values(["lead", "stays", "weight", "rule"], ascending=[True, False, False, True])
        for lead, rule in zip(table["lead"].tolist(), table["rule"].tolist(), strict=True):
            names.setdefault(int(lead), []).append(rule)
    given = leads["schemes"] if not has_evidence else [[]] * len(leads)
    likely = [[name] if isinstance(name, str) else [] for name in leads["likely"]]
    chosen = [
        names.get(index) or list(scored) or like or [UNEXPLAINED] for index, scored, like in zip(leads.index, given, likely, strict=True)
    ]
    return pd.Series(chosen, index=leads.index, dtype=object)
