"""Who could be a lead: scored entities and rings, with the evidence that speaks against each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

from fraudml.claims.store import months_before
from fraudml.contracts import ENTITY_TYPES, EVIDENCE, LIKELY_SCHEME, SCORE_COLUMNS
from fraudml.errors import FraudmlError
from fraudml.leads.table import each_row

TIERS = {"ring": 0, "institution": 1, "pharmacy": 1, "doctor": 2, "patient": 3, "claim": 4}
"""Larger matters first: a smaller tier takes in what lies inside it."""

LIKELY = ("likely", "likelihood")
"""What :data:`fraudml.contracts.LIKELY_SCHEME` is called among candidates, where ``scheme`` is what a lead says."""

SCREEN_SUPPORT = 0.5
"""A screen alone ranks nobody: an entity needs this much from a trained model or the graph beside it."""


def stacked_scores(scores: Mapping[str, pd.DataFrame] | pd.DataFrame) -> pd.DataFrame:
    """All scores in one table: entity_type, :data:`fraudml.contracts.SCORE_COLUMNS`, and of :data:`fraudml.contracts.LIKELY_SCHEME`
    ``likely`` and ``likelihood``.

    Raises
    ------
    FraudmlError
        When ``entity_type``, ``entity_id`` or ``risk`` is missing, a risk lies outside [0, 1] or an entity stands twice.
    """
    if isinstance(scores, pd.DataFrame):
        if "entity_type" not in scores:
            raise FraudmlError(
                "leads.scores", "scores have no column entity_type.", "Give {entity_type: scores} or name the type in a column."
            )
        parts = [scores]
    else:
        parts = [frame.assign(entity_type=name) for name, frame in scores.items()]
    parts = [part for part in parts if len(part)]
    if not parts:
        return pd.DataFrame({name: pd.Series(dtype=object) for name in ("entity_type", *SCORE_COLUMNS, *LIKELY)})
    table = pd.concat(parts, ignore_index=True)
    for name in ("entity_id", "risk"):
        if name not in table:
            raise FraudmlError("leads.scores", f"scores have no column {name}.", "See fraudml.contracts.SCORE_COLUMNS.")
    unknown = sorted(set(table["entity_type"]) - set(ENTITY_TYPES))
    if unknown:
        raise FraudmlError("leads.scores", f"unknown entity_type {', '.join(map(str, unknown))}.", f"Known: {', '.join(ENTITY_TYPES)}.")
    for name in (*SCORE_COLUMNS, *LIKELY_SCHEME):
        if name not in table:
            table[name] = None
    table = table.rename(columns=dict(zip(LIKELY_SCHEME, LIKELY, strict=True)))
    table["likely"] = table["likely"].astype(object).where(table["likely"].notna(), None)
    for name in ("risk", "outlier", "supervised", "graph", "likelihood"):
        table[name] = pd.to_numeric(table[name]).astype(float)
    table["entity_id"] = table["entity_id"].astype(str)
    table["risk"] = table["risk"].fillna(0.0)
    if not table["risk"].between(0, 1).all():
        raise FraudmlError("leads.risk", f"{(~table['risk'].between(0, 1)).sum()} risks lie outside [0, 1].", "Calibrate them first.")
    twice = table.duplicated(["entity_type", "entity_id"])
    if twice.any():
        raise FraudmlError(
            "leads.scores", f"{twice.sum()} entities are scored twice (first: {table.loc[twice, 'entity_id'].iloc[0]}).", "Give one as_of."
        )
    return table[["entity_type", *SCORE_COLUMNS, *LIKELY]]


def usable_evidence(evidence: pd.DataFrame | None, as_of: dt.date, months: int, pharmacies: Collection[str]) -> pd.DataFrame:
    """Evidence of the last months that speaks for itself: no screens; a pharmacy is a pharmacy, whatever the rule called it."""
    if evidence is None or evidence.empty:
        return pd.DataFrame({name: pd.Series(dtype=object) for name in EVIDENCE})
    table = evidence.reindex(columns=list(EVIDENCE))
    occurred = pd.to_datetime(table["occurred_on"])
    recent = (occurred > pd.Timestamp(months_before(as_of, months))) & (occurred <= pd.Timestamp(as_of))
    table = table[recent & (table["severity"] != "screen")].copy()
    table["occurred_on"] = pd.to_datetime(table["occurred_on"])
    for name in ("entity_type", "entity_id", "rule", "severity", "claim_id", "line_id"):
        table[name] = table[name].astype(object).where(table[name].notna(), None)
    table["amount_in_question"] = table["amount_in_question"].astype(float).fillna(0.0).clip(lower=0.0)
    table["strength"] = table["strength"].astype(float).fillna(1.0)
    sold = (table["entity_type"] == "institution") & table["entity_id"].isin(list(pharmacies))
    table.loc[sold, "entity_type"] = "pharmacy"
    order = ["rule", "entity_type", "entity_id", "claim_id", "line_id", "occurred_on", "amount_in_question"]
    return table.sort_values(order, ignore_index=True)


def candidates(
    scores: pd.DataFrame, evidence: pd.DataFrame, has_evidence: bool, screens: Collection[str], pharmacies: Collection[str], pool: int
) -> pd.DataFrame:
    """Scored entities that may become leads, one row each, indexed 0 … n-1.

    Adds ``tier``, ``schemes`` (of rules, without screens, strongest first) and ``supported`` (rule evidence speaks
    against it). An entity that only a screen ranks is left out; of those that only models rank, the ``pool`` with the
    highest risk of each type are kept.
    """
    table = scores[scores["risk"] > 0].copy()
    table = table[~((table["entity_type"] == "institution") & table["entity_id"].isin(list(pharmacies)))]
    named = table["rules"].map(lambda rules: rules is not None and np.ndim(rules) > 0 and len(rules) > 0).to_numpy(dtype=bool)
    table["schemes"] = pd.Series([[]] * len(table), index=table.index, dtype=object)
    kept = [[rule for rule in rules if rule not in screens] for rules in table.loc[named, "rules"]]
    table.loc[named, "schemes"] = pd.Series(kept, index=table.index[named], dtype=object)
    some = pd.Series(False, index=table.index)
    some.iloc[np.flatnonzero(named)] = np.array([len(rules) > 0 for rules in kept], dtype=bool)
    table["supported"] = _accused(table, evidence) if has_evidence else some
    model = table[["supervised", "graph"]].max(axis=1).fillna(0.0) >= SCREEN_SUPPORT
    table = table[table["supported"] | ~named | model | some]
    table = table.sort_values(["risk", "outlier", "entity_id"], ascending=[False, False, True], na_position="last", kind="stable")
    unsupported = ~table["supported"]
    place = unsupported.groupby(table["entity_type"]).cumsum()
    table = table[~unsupported | (place <= pool)].copy()
    table["tier"] = table["entity_type"].map(TIERS)
    return table.reset_index(drop=True)


def _accused(table: pd.DataFrame, evidence: pd.DataFrame) -> pd.Series:
    """Whether evidence speaks against an entity; against a claim speaks whatever names it."""
    accused = pd.Series(False, index=table.index)
    for kind, ids in evidence.groupby("entity_type")["entity_id"]:
        accused |= (table["entity_type"] == kind) & table["entity_id"].isin(ids.unique())
    return accused | ((table["entity_type"] == "claim") & table["entity_id"].isin(evidence["claim_id"].dropna().unique()))


def with_rings(table: pd.DataFrame, rings: pd.DataFrame | None, scores: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """The candidates and the rings found as of the day, with columns ``members`` and ``claim_ids``.

    A ring is as risky as those who hold it together: the mean risk of its doctors, institutions and pharmacies, or of its
    patients or its claims where that is more; times 1 - p (its chance under the null model).
    """
    table = table.assign(members=None, claim_ids=None)
    if rings is None or rings.empty:
        return table
    now = rings[pd.to_datetime(rings["as_of"]).dt.date == as_of].sort_values("ring_id")
    risk = scores.set_index(["entity_type", "entity_id"])["risk"]
    version = scores["model_version"].dropna().min() if len(scores) else None
    rows: list[dict[str, Any]] = []
    for ring in each_row(now):
        members = [dict(member) for member in ring.members]
        keys = [(member["entity_type"], member["entity_id"]) for member in members]
        known = risk.reindex(pd.MultiIndex.from_tuples(keys)).to_numpy() if keys else np.array([])
        hubs = np.array([kind != "patient" for kind, _ in keys], dtype=bool)
        claims = list(ring.claim_ids) if ring.claim_ids is not None else []
        of_claims = risk.reindex(pd.MultiIndex.from_product([["claim"], claims])).to_numpy() if claims else np.array([])
        means = [float(np.nanmean(part)) for part in (known[hubs], known[~hubs], of_claims) if np.isfinite(part).any()]
        if not means:
            continue
        chance = float(ring.p_value) if pd.notna(ring.p_value) else 0.0
        rows.append(
            {
                "entity_type": "ring",
                "entity_id": str(ring.ring_id),
                "risk": max(means) * (1 - min(max(chance, 0.0), 1.0)),
                "schemes": [ring.scheme] if isinstance(ring.scheme, str) and ring.scheme else ["collusive_group"],
                "supported": True,
                "tier": TIERS["ring"],
                "members": members,
                "claim_ids": claims,
                "amount": float(ring.amount) if pd.notna(ring.amount) else 0.0,
                "model_version": version,
            }
        )
    rows = [row for row in rows if row["risk"] > 0]
    return pd.concat([pd.DataFrame(rows), table], ignore_index=True) if rows else table


def units(table: pd.DataFrame, evidence: pd.DataFrame, facts: pd.DataFrame) -> pd.DataFrame:
    """The evidence of each candidate: :data:`fraudml.contracts.EVIDENCE` and ``lead`` (row of ``table``).

    A claim's evidence is whatever names the claim; a ring's are its claims, whole.

    Parameters
    ----------
    facts : claims by claim_id with ``total_amount`` and ``settled_on`` (may be empty).
    """
    lead = table.reset_index(names="lead")[["lead", "entity_type", "entity_id"]]
    own = evidence.merge(lead, on=["entity_type", "entity_id"])
    single = lead[lead["entity_type"] == "claim"].drop(columns="entity_type").rename(columns={"entity_id": "claim_id"})
    other = evidence[evidence["entity_type"] != "claim"].merge(single, on="claim_id")
    ring_rows = []
    for index, ring in table[table["entity_type"] == "ring"].iterrows():
        count = max(len(ring["claim_ids"]), 1)
        for claim in sorted(ring["claim_ids"]):
            known = claim in facts.index
            ring_rows.append(
                {
                    "lead": index,
                    "rule": ring["schemes"][0],
                    "severity": "suspicious",
                    "entity_type": "ring",
                    "entity_id": ring["entity_id"],
                    "claim_id": claim,
                    "line_id": None,
                    "occurred_on": facts.loc[claim, "started_on"] if known else pd.NaT,
                    "amount_in_question": facts.loc[claim, "total_amount"] if known else ring["amount"] / count,
                    "strength": 1.0,
                    "facts": None,
                }
            )
    parts = [part for part in (own, other, pd.DataFrame(ring_rows)) if len(part)]
    if not parts:
        return pd.DataFrame({name: pd.Series(dtype=object) for name in ("lead", *EVIDENCE)})
    found = pd.concat(parts, ignore_index=True)
    found["occurred_on"] = pd.to_datetime(found["occurred_on"])
    return found
