"""What would have to be otherwise for a lead not to be on the list, in one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from fraudml.leads.order import merit
from fraudml.leads.policy import Policy
from fraudml.leads.schemes import Scheme, wordings
from fraudml.leads.table import each_row
from fraudml.leads.uncertainty import pieces
from fraudml.wording import render


@dataclass(frozen=True)
class Edge:
    """Where the list ends.

    Attributes
    ----------
    merit : of the best lead that found no room; None where there was room for all.
    least : yuan of recovery below which what only models rank is not ranked.
    policy : below whose floor nothing is ranked.
    """

    merit: float | None
    least: float
    policy: Policy

    def outside(self, cases: pd.DataFrame) -> pd.Series:
        """Whether leads of such ``risk``, ``amount``, ``count`` of pieces and ``estimated`` would not be listed."""
        out = cases["risk"] < self.policy.floor
        out |= cases["estimated"] & (cases["risk"] * cases["amount"] < self.least)
        if self.merit is not None:
            out |= cases["merit"] < self.merit
        return out


def counterfact(
    lead: Mapping[str, Any],
    proof: pd.DataFrame,
    frozen: pd.DataFrame,
    scored: float | None,
    edge: Edge,
    book: Mapping[str, Scheme],
    lang: str,
) -> str | None:
    """The least that would have to be otherwise: a scheme without evidence, or, of what models rank, one reason at the peers' median.

    Parameters
    ----------
    lead : drawn, entity_type, risk, amount_at_risk, estimated.
    proof : its evidence (``rule``, ``claim_id``, ``severity``, ``counted``).
    frozen : reasons of the entity with ``risk_without`` (:data:`fraudml.contracts.REASONS`).
    scored : the entity's own risk.

    Returns
    -------
    A sentence; None for rings, for what was drawn at random, for matters that are as risky as what they took in, and where the scores did
    not ask what the risk would be.
    """
    if lead["drawn"] != "ranked" or lead["entity_type"] == "ring" or "risk_without" not in frozen or scored is None:
        return None
    if abs(scored - float(lead["risk"])) > 1e-9:
        return None
    known = frozen[frozen["risk_without"].notna()]
    cases = _of_features(lead, known) if lead["estimated"] else _of_schemes(lead, proof, known, book)
    if cases.empty:
        return None
    cases["merit"] = merit(cases["risk"], cases["amount"], cases["count"], edge.policy)
    outside = cases[edge.outside(cases)]
    say = wordings()["counterfact"]
    if outside.empty:
        return render(say["none"][lang], {}, lang)
    # the smallest change that is enough: what would remain is the most
    least = outside.sort_values(["merit", "risk", "name"], ascending=[False, False, True]).iloc[0]
    if lead["estimated"]:
        return render(say["feature"][lang], {"reason": least[f"text_{lang}"]}, lang)
    return render(say["scheme"][lang], {"scheme": book[str(least["name"])].name}, lang)


def _of_features(lead: Mapping[str, Any], known: pd.DataFrame) -> pd.DataFrame:
    told = known[~known["feature"].str.startswith(("rule:", "ring:"))]
    return pd.DataFrame(
        {
            "name": told["feature"],
            "risk": told["risk_without"].astype(float),
            "amount": float(lead["amount_at_risk"]),
            "count": 0.0,
            "estimated": True,
            "text_zh": told["text_zh"],
            "text_en": told["text_en"],
        }
    )


def _of_schemes(lead: Mapping[str, Any], proof: pd.DataFrame, known: pd.DataFrame, book: Mapping[str, Scheme]) -> pd.DataFrame:
    """The lead without each scheme that was asked about: less money, fewer pieces of evidence, less risk."""
    without = dict(zip(known["feature"], known["risk_without"].astype(float), strict=True))
    severity = {name: scheme.severity for name, scheme in book.items()}
    rows = []
    for scheme in lead["schemes"]:
        if f"rule:{scheme}" not in without:
            continue
        rest = proof[proof["rule"] != scheme]
        count = pieces(rest.assign(lead=0), severity)
        rows.append(
            {
                "name": scheme,
                "risk": without[f"rule:{scheme}"],
                "amount": float(rest["counted"].sum()),
                "count": float(count.sum()),
                "estimated": rest.empty,
            }
        )
    return pd.DataFrame(rows, columns=["name", "risk", "amount", "count", "estimated"])


def edge_of(order: pd.DataFrame, ranked: list[int], room: int, has_claims: bool, policy: Policy) -> Edge:
    """Where a list ends: of ``order`` (``merit``) the rows ``ranked`` are on it, and there was ``room`` for so many."""
    left_out = order.loc[order.index.difference(ranked), "merit"]
    best = float(left_out.max()) if len(ranked) >= room and len(left_out) else None
    return Edge(best, policy.least if has_claims else 0.0, policy)


def own_risks(scores: pd.DataFrame, chosen: pd.DataFrame) -> dict[tuple[str, str], float]:
    """The scored risk of each chosen entity by (entity_type, entity_id)."""
    mine = scores[scores["entity_id"].isin(chosen["entity_id"])]
    return {(row.entity_type, row.entity_id): float(row.risk) for row in each_row(mine)}
