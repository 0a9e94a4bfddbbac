"""From scores to the list: fused matters, ranked, with evidence and reasons."""

from __future__ import annotations

import datetime as dt
import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from fraudml.claims import Claims, Snapshot
from fraudml.claims.store import day, months_before
from fraudml.contracts import LEADS
from fraudml.errors import FraudmlError
from fraudml.leads import facts as known
from fraudml.leads.amounts import counted_amounts, once_over_the_list
from fraudml.leads.candidates import candidates, stacked_scores, units, usable_evidence, with_rings
from fraudml.leads.counterfact import counterfact, edge_of, own_risks
from fraudml.leads.fuse import fuse
from fraudml.leads.identity import lead_id
from fraudml.leads.order import diversified, drawn, merit, worth_ranking
from fraudml.leads.policy import Policy
from fraudml.leads.reasons import example_text, lead_reasons
from fraudml.leads.scheme_order import ordered_schemes
from fraudml.leads.schemes import UNEXPLAINED, Scheme, schemes
from fraudml.leads.table import EVIDENCE_OF_LEADS, each_row, groups, typed
from fraudml.leads.uncertainty import SEVERITY_WEIGHT, pieces

log = logging.getLogger("fraudml")

POOL = 20
"""Of each entity type that only models rank, so many times the capacity may become leads: the rest would not reach the list."""


@dataclass(frozen=True)
class Ranking:
    """A list and what proves it.

    Attributes
    ----------
    leads : :data:`fraudml.contracts.LEADS`.
    evidence : one row per lead and piece of evidence, heaviest first: :data:`fraudml.leads.table.EVIDENCE_OF_LEADS`;
        ``amount`` adds up to the lead's ``amount_at_risk`` unless that is an estimate (``unexplained``).
    counts : how many were scored, stood as candidates, were taken into larger matters, ranked, drawn.
    rest : by entity type how many the random draws were drawn from: scored, neither listed nor part of a listed matter.
    """

    leads: pd.DataFrame
    evidence: pd.DataFrame
    counts: Mapping[str, int]
    rest: Mapping[str, int] = field(default_factory=dict)


def rank_leads(
    scores: Mapping[str, pd.DataFrame] | pd.DataFrame,
    capacity: int = 200,
    *,
    evidence: pd.DataFrame | None = None,
    reasons: pd.DataFrame | None = None,
    rings: pd.DataFrame | None = None,
    claims: Claims | Snapshot | None = None,
    lang: str = "zh",
    as_of: str | dt.date | None = None,
    explore: float | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """The ranked list of leads: one per real-world matter.

    Parameters
    ----------
    scores : ``{entity_type: scores}`` or one table with ``entity_type``; columns :data:`fraudml.contracts.SCORE_COLUMNS`
        (``entity_id`` and ``risk`` suffice).
    capacity : how many inspections there are; rows in total.
    evidence, reasons, rings : :data:`fraudml.contracts.EVIDENCE`, ``REASONS``, ``RINGS``.
    claims : the claims; without them amounts come from the evidence alone and what models rank has no amount.
    lang : ``zh`` or ``en``, the language of the reasons.
    as_of : the day; default that of the scores.
    explore : share drawn at random from the rest of the scored; default that of ``conf/leads/default.yaml``.
    seed : of the draw.

    Returns
    -------
    DataFrame with the columns of :data:`fraudml.contracts.LEADS`, best first; at most ``capacity`` rows.

    Raises
    ------
    FraudmlError
        For scores without the needed columns or with risks outside [0, 1].

    Examples
    --------
    >>> import pandas as pd
    >>> scores = pd.DataFrame({"entity_id": ["D1", "D2"], "as_of": "2024-06-30", "risk": [0.9, 0.2]})
    >>> rank_leads({"doctor": scores}, capacity=1, explore=0).entity_id.tolist()
    ['D1']
    """
    return ranking(
        scores, capacity, evidence=evidence, reasons=reasons, rings=rings, claims=claims, lang=lang, as_of=as_of, explore=explore, seed=seed
    ).leads


def ranking(
    scores: Mapping[str, pd.DataFrame] | pd.DataFrame,
    capacity: int = 200,
    *,
    evidence: pd.DataFrame | None = None,
    reasons: pd.DataFrame | None = None,
    rings: pd.DataFrame | None = None,
    claims: Claims | Snapshot | None = None,
    lang: str = "zh",
    as_of: str | dt.date | None = None,
    explore: float | None = None,
    seed: int = 0,
    policy: Policy | None = None,
    conf_dir: str | Path | None = None,
    before: pd.DataFrame | None = None,
) -> Ranking:
    """:func:`rank_leads` with the evidence behind the list; ``policy`` in place of the shipped one.

    ``before`` is the list of the month before (entity_type, entity_id, schemes): its matters keep their first scheme, and so
    their id, while that still weighs ``policy.keep`` of the heaviest.
    """
    policy = policy or Policy.read()
    explore = policy.explore if explore is None else explore
    if capacity < 0:
        raise FraudmlError("leads.capacity", f"capacity is {capacity}.", "Give the number of inspections, 0 or more.")
    table = stacked_scores(scores)
    now = day(as_of) if as_of is not None else _day_of(table)
    book = schemes(lang, conf_dir)
    if now is None or capacity == 0:
        return Ranking(typed([]), EVIDENCE_OF_LEADS.empty(), {"scored": len(table)})
    return _Run(table, now, capacity, evidence, reasons, rings, claims, lang, explore, seed, policy, book, before).ranking()


def _day_of(table: pd.DataFrame) -> dt.date | None:
    days = list(pd.to_datetime(table["as_of"]).dropna().unique()) if len(table) else []
    if len(table) and len(days) != 1:
        raise FraudmlError("leads.as_of", f"the scores name {len(days)} days.", "Give the scores of one day, or as_of.")
    return pd.Timestamp(days[0]).date() if len(days) else None


class _Run:
    """One ranking: the tables it works on, step by step."""

    def __init__(
        self,
        scores: pd.DataFrame,
        as_of: dt.date,
        capacity: int,
        evidence: pd.DataFrame | None,
        reasons: pd.DataFrame | None,
        rings: pd.DataFrame | None,
        claims: Claims | Snapshot | None,
        lang: str,
        explore: float,
        seed: int,
        policy: Policy,
        book: Mapping[str, Scheme],
        before: pd.DataFrame | None,
    ) -> None:
        self.scores, self.as_of, self.capacity, self.lang, self.seed = scores, as_of, capacity, lang, seed
        self.policy, self.book, self.rings, self.reasons = policy, book, rings, reasons
        self.random = min(capacity, round(explore * capacity))
        self.snapshot = known.opened(claims, as_of, policy.months) if claims is not None else None
        pharmacies = known.pharmacy_ids(self.snapshot) if self.snapshot else set()
        self.pharmacies = pharmacies | set(scores.loc[scores["entity_type"] == "pharmacy", "entity_id"])
        self.usable = usable_evidence(evidence, as_of, policy.months, self.pharmacies)
        self.has_evidence = evidence is not None
        self.rest: dict[str, int] = {}
        listed = each_row(before) if before is not None else []
        self.listed = {(row.entity_type, row.entity_id): row.schemes[0] for row in listed}
        screens = {scheme.id for scheme in book.values() if scheme.severity == "screen"}
        if evidence is not None and len(evidence):
            screens |= set(evidence.loc[evidence["severity"] == "screen", "rule"])
        self.screens = screens
        # a lead says only what the book can word and what may stand alone
        self.scores["likely"] = self.scores["likely"].where(self.scores["likely"].isin(book.keys() - screens), None)

    def ranking(self) -> Ranking:
        table = candidates(self.scores, self.usable, self.has_evidence, self.screens, self.pharmacies, POOL * self.capacity)
        table = with_rings(table, self.rings, self.scores, self.as_of)
        facts = self._facts(table)
        found = units(table, self.usable, facts)
        homes, shares = self._homes(table)
        table, found = fuse(table, found, facts, homes, shares, self.policy)
        leads = table[table["root"] == table.index].copy()
        found = self._counted(found, facts)
        place = _places(leads, found, self.policy)
        found = self._counted(_owned_once(found, place), facts)
        found["counted"] = once_over_the_list(found, found["lead"].map(place))
        leads = leads[~leads["supported"] | leads.index.isin(found["lead"]) | (not self.has_evidence)]
        leads = self._valued(leads, found, facts)
        order = worth_ranking(leads, self.capacity, len(self.usable) > 0, self.snapshot is not None, self.policy).sort_values(
            ["merit", "risk", "amount_at_risk", "tier", "entity_id"], ascending=[False, False, False, True, True]
        )
        ranked = diversified(order, self.capacity - self.random, self.policy)
        self.edge = edge_of(order, ranked, self.capacity - self.random, self.snapshot is not None, self.policy)
        chosen = leads.loc[ranked].assign(drawn="ranked")
        chosen = pd.concat([chosen, self._random(table, chosen, found, facts)]).assign(rank=lambda each: range(1, len(each) + 1))
        counts = {
            "scored": len(self.scores),
            "candidates": len(table),
            "joined": int((table["root"] != table.index).sum()),
            "ranked": len(ranked),
            "random": len(chosen) - len(ranked),
        }
        return self._written(chosen, table, found, counts)

    # ------------------------------------------------------------------ what the claims say
    def _facts(self, table: pd.DataFrame) -> pd.DataFrame:
        if self.snapshot is None:
            return pd.DataFrame(columns=["patient_id", "doctor_id", "institution_id", "total_amount", "settled_on", "started_on"])
        asked = set(self.usable["claim_id"].dropna()) | set(table.loc[table["entity_type"] == "claim", "entity_id"])
        asked |= {claim for ids in table["claim_ids"].dropna() for claim in ids}
        return known.claim_facts(self.snapshot, asked)

    def _homes(self, table: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
        if self.snapshot is None:
            return pd.DataFrame(columns=["entity_type", "entity_id", "institution_id", "share"]), pd.Series(dtype=float)
        return known.main_institutions(self.snapshot, table[["entity_type", "entity_id"]]), known.institution_shares(self.snapshot)

    def _counted(self, found: pd.DataFrame, facts: pd.DataFrame) -> pd.DataFrame:
        worth = facts["total_amount"] if self.snapshot is not None else None
        return found.assign(counted=counted_amounts(found, worth) if len(found) else pd.Series(dtype=float))

    # ------------------------------------------------------------------ worth and schemes
    def _valued(self, leads: pd.DataFrame, found: pd.DataFrame, facts: pd.DataFrame) -> pd.DataFrame:
        """Adds schemes, amount_at_risk, estimated (no evidence adds up to it), expected_recovery, merit, scheme (the first)."""
        worth = facts["total_amount"] if self.snapshot is not None else None
        names = ordered_schemes(leads, found, self.has_evidence, worth, self.listed, self.policy.keep)
        leads = leads.assign(schemes=names)
        leads["scheme"] = [each[0] for each in names]
        by_models = (leads["scheme"] == UNEXPLAINED) | (leads["scheme"] == leads["likely"])
        leads["estimated"] = by_models & ~leads.index.isin(found["lead"])
        amount = found.groupby("lead")["counted"].sum().reindex(leads.index) if len(found) else pd.Series(index=leads.index, dtype=float)
        if self.snapshot is not None and leads["estimated"].any():
            excess = known.excess_over_peers(self.snapshot, leads.loc[leads["estimated"], ["entity_type", "entity_id"]])
            if len(excess):
                keys = pd.MultiIndex.from_frame(leads[["entity_type", "entity_id"]])
                amount = amount.fillna(pd.Series(excess.reindex(keys).to_numpy(), index=leads.index))
        leads["amount_at_risk"] = amount.fillna(0.0).astype(float).round(2)
        leads["expected_recovery"] = (leads["risk"].astype(float) * leads["amount_at_risk"]).round(2)
        leads["merit"] = merit(leads["risk"].astype(float), leads["amount_at_risk"], _pieces(leads, found), self.policy)
        return leads

    def _random(self, table: pd.DataFrame, chosen: pd.DataFrame, found: pd.DataFrame, facts: pd.DataFrame) -> pd.DataFrame:
        """Entities drawn from the scored that are neither on the list nor part of a matter on it."""
        # what only models rank and a listed matter took in has not been looked at: it may be drawn
        listed = table[table["root"].isin(chosen.index) & (table["joined"] != "unsupported")]
        members = [(each["entity_type"], each["entity_id"]) for ids in listed["members"].dropna() for each in ids]
        taken = pd.MultiIndex.from_frame(listed[["entity_type", "entity_id"]]).append(
            pd.MultiIndex.from_tuples(members, names=["entity_type", "entity_id"])
            if members
            else listed.set_index(["entity_type", "entity_id"]).index[:0]
        )
        in_evidence = set(found.loc[found["lead"].isin(chosen.index), "claim_id"].dropna())
        rest = self.scores[~pd.MultiIndex.from_frame(self.scores[["entity_type", "entity_id"]]).isin(taken)]
        rest = rest[~((rest["entity_type"] == "claim") & rest["entity_id"].isin(in_evidence))]
        rest = rest[~((rest["entity_type"] == "institution") & rest["entity_id"].isin(self.pharmacies))]
        self.rest = {str(kind): int(size) for kind, size in rest.groupby("entity_type").size().items()}
        picked = drawn(rest, self.random, self.seed, str(self.as_of))
        if picked.empty:
            return chosen.iloc[:0]
        same = table[table["entity_id"].isin(picked["entity_id"])]
        place = {(row.entity_type, row.entity_id): row.Index for row in each_row(same[["entity_type", "entity_id"]])}
        fresh = iter(range(len(table), len(table) + len(picked)))
        index = [
            key if (key := place.get((row.entity_type, row.entity_id))) is not None and table.loc[key, "root"] == key else next(fresh)
            for row in each_row(picked)
        ]
        picked = picked.set_axis(index).assign(
            members=None,
            claim_ids=None,
            tier=9,
            home=None,
            schemes=pd.Series([[]] * len(index), index=index, dtype=object),
            supported=False,
            likely=None,  # being drawn is no suspicion
        )
        return self._valued(picked, found[found["lead"].isin(index)], facts).assign(drawn="random")

    # ------------------------------------------------------------------ the list as rows
    def _written(self, chosen: pd.DataFrame, table: pd.DataFrame, found: pd.DataFrame, counts: dict[str, int]) -> Ranking:
        found = self._proof(chosen, found[found["lead"].isin(chosen.index)])
        frozen, scored = self._frozen(chosen), own_risks(self.scores, chosen)
        nothing = self.reasons.iloc[:0] if self.reasons is not None else pd.DataFrame(columns=["feature", "contribution"])
        by_lead = groups(found, "lead")
        # claims are the evidence itself, and what only models saw in the members adds no fact
        joined = table[
            (table["root"] != table.index) & table["root"].isin(chosen.index) & table["supported"] & (table["entity_type"] != "claim")
        ]
        took = _others(joined, chosen)
        measures = _ring_measures(self.rings, self.as_of)
        rows, proofs = [], []
        for index, row in zip(chosen.index, self._records(chosen), strict=True):
            proof = by_lead.get(index, found.iloc[:0])
            identity = lead_id(row["entity_type"], row["entity_id"], row["scheme"])
            row |= measures.get(row["entity_id"], {}) if row["entity_type"] == "ring" else {}
            start, end = self._period(proof)
            key = (row["entity_type"], row["entity_id"])
            own = frozen.get(key, nothing)
            rows.append(
                {name: row.get(name) for name in LEADS}
                | {
                    "lead_id": identity,
                    "as_of": self.as_of,
                    "period_start": start,
                    "period_end": end,
                    "members": row["members"] if row["entity_type"] == "ring" else [],
                    "reasons": lead_reasons(
                        row,
                        proof,
                        own,
                        took.get(index, {}),
                        self.book,
                        self.lang,
                        self._inside(row, proof),
                    ),
                    "counterfact": counterfact(row, proof, own, scored.get(key), self.edge, self.book, self.lang),
                    "evidence_claim_ids": list(dict.fromkeys(proof["claim_id"].dropna())),
                    "clauses": _merged(self.book, row["schemes"], "clauses"),
                    "check_steps": _merged(self.book, row["schemes"], "check"),
                }
            )
            proofs.append(self._evidence_rows(identity, proof))
        evidence = EVIDENCE_OF_LEADS.frame(pd.concat(proofs, ignore_index=True) if proofs else None)
        return Ranking(typed(rows), evidence, counts, self.rest)

    @staticmethod
    def _records(chosen: pd.DataFrame) -> list[dict[str, Any]]:
        return [{str(name): value for name, value in record.items()} for record in chosen.to_dict("records")]

    def _proof(self, chosen: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
        """Evidence of the chosen, heaviest first; claims to look at for those that only models rank."""
        found = found.assign(weight=found["severity"].map(SEVERITY_WEIGHT).fillna(0.5) * found["strength"] * (1 + found["counted"]))
        bare = chosen[~chosen.index.isin(found["lead"])].reset_index(names="lead")
        if self.snapshot is not None and len(bare):
            risk = self.scores.loc[self.scores["entity_type"] == "claim", ["entity_id", "risk"]].rename(columns={"entity_id": "claim_id"})
            most = known.heaviest_claims(self.snapshot, bare[["lead", "entity_type", "entity_id"]], risk, self.policy.evidence_claims)
            most = most.assign(
                rule=UNEXPLAINED, occurred_on=pd.to_datetime(most["started_on"]), counted=0.0, weight=-most.index.to_numpy(dtype=float)
            )
            found = pd.concat([found, most.drop(columns=["started_on", "settled_on", "total_amount"])], ignore_index=True)
        heavy = found.groupby(["lead", "claim_id"], dropna=False)["weight"].transform("sum")
        return found.assign(heavy=heavy).sort_values(
            ["lead", "heavy", "claim_id", "weight", "line_id", "rule"], ascending=[True, False, True, False, True, True], kind="stable"
        )

    def _inside(self, row: Mapping[str, Any], proof: pd.DataFrame) -> pd.DataFrame | None:
        if row["entity_type"] != "ring" or self.usable.empty:
            return None
        return self.usable[self.usable["claim_id"].isin(proof["claim_id"].dropna())]

    def _frozen(self, chosen: pd.DataFrame) -> dict[tuple[str, str], pd.DataFrame]:
        if self.reasons is None or self.reasons.empty:
            return {}
        keys = pd.MultiIndex.from_frame(chosen[["entity_type", "entity_id"]])
        own = self.reasons[pd.MultiIndex.from_frame(self.reasons[["entity_type", "entity_id"]]).isin(keys)]
        return {(str(kind), str(entity)): part for (kind, entity), part in own.groupby(["entity_type", "entity_id"], sort=False)}

    def _period(self, proof: pd.DataFrame) -> tuple[dt.date, dt.date]:
        first = months_before(self.as_of, self.policy.months) + dt.timedelta(days=1)
        days = proof["occurred_on"].dropna()
        if days.empty:
            return first, self.as_of
        return max(days.min().date(), first), min(max(days.max().date(), first), self.as_of)

    def _evidence_rows(self, identity: str, proof: pd.DataFrame) -> pd.DataFrame:
        texts = [example_text(row, self.book, self.lang) for row in each_row(proof)]
        return pd.DataFrame(
            {
                "lead_id": identity,
                "place": range(1, len(proof) + 1),
                "claim_id": proof["claim_id"].to_numpy(),
                "line_id": proof["line_id"].to_numpy(),
                "rule": proof["rule"].to_numpy(),
                "occurred_on": proof["occurred_on"].to_numpy(),
                "amount": proof["counted"].to_numpy(),
                "strength": proof["strength"].to_numpy(),
                "text": texts,
            }
        )


def _places(leads: pd.DataFrame, found: pd.DataFrame, policy: Policy) -> pd.Series:
    """Who comes first where two matters ask for the same: by lead 0, 1, 2 …, the one that is worth more first."""
    amount = found.groupby("lead")["counted"].sum().reindex(leads.index).fillna(0.0)
    worth = merit(leads["risk"].astype(float), amount, _pieces(leads, found), policy)
    order = worth.to_frame("merit").assign(tier=leads["tier"], entity_id=leads["entity_id"])
    order = order.sort_values(["merit", "tier", "entity_id"], ascending=[False, True, True])
    return pd.Series(range(len(order)), index=order.index)


def _owned_once(found: pd.DataFrame, place: pd.Series) -> pd.DataFrame:
    """Evidence that two matters share belongs to the one that comes first, so that nothing is proved twice."""
    if found.empty:
        return found
    found = found.assign(place=found["lead"].map(place))
    named = found["claim_id"].notna()
    keys = ["claim_id", "line_id", "rule"]
    best = found[named].groupby(keys, dropna=False)["place"].transform("min")
    return found[~named | (found["place"] == best.reindex(found.index))].drop(columns="place").reset_index(drop=True)


def _pieces(leads: pd.DataFrame, found: pd.DataFrame) -> pd.Series:
    severity = found.drop_duplicates("rule").set_index("rule")["severity"] if len(found) else {}
    return pieces(found, severity).reindex(leads.index).fillna(0.0)


def _others(joined: pd.DataFrame, chosen: pd.DataFrame) -> dict[int, Counter[str]]:
    """By lead how many matters of each entity type it took in, beside the members that a ring names already."""
    own = {
        (lead, member["entity_type"], member["entity_id"])
        for lead, members in chosen["members"].items()
        if isinstance(members, list)
        for member in members
    }
    keys = zip(joined["root"], joined["entity_type"], joined["entity_id"], strict=True)
    others = joined[pd.Series([key not in own for key in keys], index=joined.index, dtype=bool)]
    return {lead: Counter(part["entity_type"]) for lead, part in groups(others, "root").items()}


def _ring_measures(rings: pd.DataFrame | None, as_of: dt.date) -> dict[str, dict[str, float]]:
    if rings is None or rings.empty:
        return {}
    now = rings[pd.to_datetime(rings["as_of"]).dt.date == as_of]
    return {str(row.ring_id): {"density": row.density, "expected_density": row.expected_density} for row in each_row(now)}


def _merged(book: Mapping[str, Scheme], names: list[str], what: str) -> list[Any]:
    return list(dict.fromkeys(each for name in names if name in book for each in getattr(book[name], what)))
