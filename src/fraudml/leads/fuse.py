"""One lead per real-world matter: what lies inside a larger matter is taken in by it, and no evidence counts twice.

Ways in which one matter takes in another, applied in this order:

1. *contained*: most of the smaller one's evidence (same claim, same line) is also evidence of the larger one;
2. *suspect*: a single claim belongs to whom its evidence speaks against, unless it alone is clear and of some amount;
3. *pattern*: several matters of one scheme gather at one institution, far beyond its share of all claims;
4. *unsupported*: what only models rank belongs to the claim's, doctor's or patient's larger matter that is at least about as risky.

Larger means: ring, then institution and pharmacy, doctor, patient, claim.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from fraudml.leads.candidates import TIERS
from fraudml.leads.policy import Policy
from fraudml.leads.table import each_row

WHOLE = ""
"""Stands for the whole claim where no line is named."""


def fuse(
    table: pd.DataFrame,
    evidence: pd.DataFrame,
    facts: pd.DataFrame,
    homes: pd.DataFrame,
    shares: pd.Series,
    policy: Policy,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Takes smaller matters into larger ones.

    Parameters
    ----------
    table : candidates (:func:`fraudml.leads.candidates.candidates`), indexed 0 … n-1.
    evidence : their evidence (:func:`fraudml.leads.candidates.units`).
    facts : claims by claim_id: patient_id, doctor_id, institution_id (may be empty).
    homes : where doctors and patients mostly go: entity_type, entity_id, institution_id, share (may be empty).
    shares : share of all claims by institution_id (may be empty).

    Returns
    -------
    table with ``root`` (the row that a row became part of, itself for a lead) and the roots' risk raised to what they took in;
    evidence with ``lead`` moved to the roots, each (claim, line, rule) once per lead.
    """
    table = table.assign(root=table.index.to_numpy(), home=_homes(table, evidence, facts, homes))
    _contained(table, evidence, policy)
    _suspects(table, evidence, policy)
    _patterns(table, evidence, facts, shares, policy)
    _unsupported(table, facts, policy)
    moved = evidence.assign(lead=evidence["lead"].map(table["root"])) if len(evidence) else evidence
    # a contained matter's own evidence outside the larger one stays out: the larger entity need not be concerned
    own = moved["lead"].to_numpy() == evidence["lead"].to_numpy() if len(evidence) else np.array([], dtype=bool)
    by_pattern = evidence["lead"].map(table["joined"].eq("pattern")).to_numpy(dtype=bool) if len(evidence) else own
    moved = moved[own | by_pattern]
    return table, moved.drop_duplicates(["lead", "rule", "claim_id", "line_id", "occurred_on", "facts"], ignore_index=True)


def _contained(table: pd.DataFrame, evidence: pd.DataFrame, policy: Policy) -> None:
    table["joined"] = None
    if evidence.empty:
        return
    unit = evidence.dropna(subset=["claim_id"])[["lead", "claim_id", "line_id", "rule"]].copy()
    unit["line_id"] = unit["line_id"].fillna(WHOLE)
    unit = unit.drop_duplicates()
    unit["tier"] = unit["lead"].map(table["tier"])
    size = unit.drop_duplicates(["lead", "claim_id", "line_id"]).groupby("lead").size()
    pairs = unit.merge(unit, on="claim_id", suffixes=("", "_in"))
    pairs = pairs[pairs["tier_in"] < pairs["tier"]]
    same = (
        (pairs["line_id"] == pairs["line_id_in"])
        | (pairs["line_id_in"] == WHOLE)
        | (pairs["rule"] == pairs["rule_in"])
        | (pairs["tier"] == TIERS["claim"])  # a claim's evidence is its owner's, whichever line
    )
    inside = pairs[same].drop_duplicates(["lead", "lead_in", "claim_id", "line_id"]).groupby(["lead", "lead_in"]).size().rename("count")
    if inside.empty:
        return
    found = inside.reset_index()
    found["share"] = found["count"] / found["lead"].map(size)
    found = found[found["share"] >= policy.contained]
    for column, name in (("tier", "tier_in"), ("risk", "risk_in"), ("entity_id", "id_in")):
        found[name] = found["lead_in"].map(table[column])
    found["risk"] = found["lead"].map(table["risk"])
    found["strong"] = found["risk_in"] >= policy.weaker * found["risk"]
    # several small matters inside one larger are its pattern, even where its own score is modest
    small = found[~found["strong"]].groupby("lead_in")["lead"].nunique()
    found["pattern"] = found["lead_in"].map(small).fillna(0) >= policy.pattern
    found = found[found["strong"] | found["pattern"]]
    found = found.sort_values(["lead", "share", "tier_in", "risk_in", "id_in"], ascending=[True, False, True, False, True])
    best = found.drop_duplicates("lead")
    _join(table, best.set_index("lead")["lead_in"], "contained")
    _raise_risk(table, best.loc[~best["strong"], "lead"])


def _suspects(table: pd.DataFrame, evidence: pd.DataFrame, policy: Policy) -> None:
    """Claims that stand alone become part of the matter of whom their evidence speaks against.

    One suspicious trace proves nothing by itself; it counts where its suspect is judged. One clear violation of at least
    ``policy.least`` yuan is a matter; several of one scheme and suspect are the suspect's, also where the others were settled in
    months that are not scored now and the suspect would be listed for them beside.
    """
    free = table[(table["root"] == table.index) & (table["entity_type"] == "claim")]
    found = evidence[evidence["lead"].isin(free.index) & (evidence["entity_type"] != "claim")] if len(evidence) else evidence
    if free.empty or found.empty:
        return
    found = found.assign(sure=found["severity"] == "clear")
    part = found.groupby(["lead", "entity_type", "entity_id", "rule"], as_index=False).agg(
        sure=("sure", "max"), amount=("amount_in_question", "sum"), strength=("strength", "sum")
    )
    place = table.loc[table["entity_type"] != "claim"].reset_index(names="lead_in")[["lead_in", "entity_type", "entity_id"]]
    part = part.merge(place, on=["entity_type", "entity_id"])
    part = part.sort_values(
        ["lead", "sure", "amount", "strength", "rule", "lead_in"], ascending=[True, False, False, False, True, True], kind="stable"
    )
    main = part.drop_duplicates("lead").set_index("lead")
    clear = main["sure"] & (main["amount"] >= policy.least)
    alike = clear.groupby([main["lead_in"], main["rule"]]).transform("sum")
    whose = evidence["lead"].map(table["entity_type"]) != "claim"
    others = evidence[whose].groupby(["lead", "rule"])["claim_id"].nunique()
    known = others.reindex(pd.MultiIndex.from_frame(main[["lead_in", "rule"]])).fillna(0).to_numpy() > 1
    known &= (main["lead_in"].map(table["risk"]) >= policy.floor).to_numpy()
    joined = main[~clear | (alike > 1) | known]
    _join(table, joined["lead_in"], "suspect")
    _raise_risk(table, joined.index[clear.loc[joined.index]])


def _patterns(table: pd.DataFrame, evidence: pd.DataFrame, facts: pd.DataFrame, shares: pd.Series, policy: Policy) -> None:
    if evidence.empty or shares.empty:
        return
    # what is too weak to be inspected makes no pattern either
    free = table[
        (table["root"] == table.index) & table["supported"] & (table["tier"] >= 2) & table["home"].notna() & (table["risk"] >= policy.floor)
    ]
    if free.empty:
        return
    first = _first_rules(evidence[evidence["lead"].isin(free.index)])
    free = free.assign(first=first.reindex(free.index))
    keys = ["entity_type", "first"]
    groups = free.groupby([*keys, "home"]).size().rename("count").reset_index()
    groups["all"] = groups.groupby(keys)["count"].transform("sum")
    groups["lift"] = groups["count"] / groups["all"] / groups["home"].map(shares).fillna(1.0)
    groups = groups[(groups["count"] >= policy.pattern) & (groups["lift"] >= policy.lift)]
    places = table[table["entity_type"].isin(["institution", "pharmacy"])]
    where = pd.Series(places.index, index=places["entity_id"])
    groups["lead_in"] = groups["home"].map(where)
    groups = groups.dropna(subset=["lead_in"])
    joined = free.reset_index(names="lead").merge(groups[[*keys, "home", "lead_in"]], on=[*keys, "home"])
    if joined.empty:
        return
    into = joined.set_index("lead")["lead_in"].astype(int)
    _join(table, into, "pattern")
    _raise_risk(table, into.index)


def _unsupported(table: pd.DataFrame, facts: pd.DataFrame, policy: Policy) -> None:
    free = table[(table["root"] == table.index) & ~table["supported"]]
    if free.empty:
        return
    larger = table.loc[table["entity_type"] != "claim", ["entity_type", "entity_id"]]
    place = dict(zip(zip(larger["entity_type"], larger["entity_id"], strict=True), larger.index.tolist(), strict=True))
    claims = free.loc[free["entity_type"] == "claim", "entity_id"]
    own = facts.loc[facts.index.intersection(claims), ["doctor_id", "patient_id"]] if len(facts) else facts
    whose = dict(zip(own.index, own.itertuples(index=False, name=None), strict=True)) if len(own) else {}
    rings: dict[tuple[str, str], list[int]] = {}
    for ring in each_row(table[table["entity_type"] == "ring"]):
        for member in ring.members:
            rings.setdefault((member["entity_type"], member["entity_id"]), []).append(ring.Index)
    into: dict[int, int] = {}
    siblings: dict[str, int] = {}
    risk = table["risk"].to_numpy()
    root = table["root"].to_numpy()
    tier = table["tier"].to_numpy()
    for row in each_row(free.sort_values(["tier", "risk", "entity_id"], ascending=[True, False, True])):
        chain = rings.get((row.entity_type, row.entity_id), []).copy()
        if isinstance(row.home, str):
            chain += [place[key] for key in (("institution", row.home), ("pharmacy", row.home)) if key in place]
        doctor, patient = whose.get(row.entity_id, (None, None)) if row.entity_type == "claim" else (None, None)
        chain += [place[key] for key in (("doctor", doctor), ("patient", patient)) if key in place]
        if patient in siblings:  # one odd patient is one matter, not one for each claim
            into[row.Index] = siblings[patient]
            continue
        roots = {int(into.get(int(root[each]), int(root[each]))) for each in chain} - {row.Index}
        fit = [each for each in roots if tier[each] < row.tier and risk[each] >= policy.weaker * row.risk]
        if fit:
            into[row.Index] = min(fit, key=lambda each: (tier[each], -risk[each], table.loc[each, "entity_id"]))
        elif isinstance(patient, str):
            siblings[patient] = row.Index
    _join(table, pd.Series(into, dtype=int), "unsupported")


def _join(table: pd.DataFrame, into: pd.Series, how: str) -> None:
    """Follows the way up to the root; ways only lead to larger matters, so they end."""
    if into.empty:
        return
    table.loc[into.index, "root"] = into.to_numpy()
    table.loc[into.index, "joined"] = how
    root = table["root"].to_numpy()
    while (root[root] != root).any():
        root = root[root]
    table["root"] = root


def _raise_risk(table: pd.DataFrame, joined: pd.Index | pd.Series) -> None:
    """A matter made of several smaller ones is at least as certain as they are on average."""
    part = table.loc[joined]
    means = part.groupby("root")["risk"].mean()
    table.loc[means.index, "risk"] = np.maximum(table.loc[means.index, "risk"], means)


def _first_rules(evidence: pd.DataFrame) -> pd.Series:
    weight = evidence.groupby(["lead", "rule"])["strength"].sum().reset_index()
    weight = weight.sort_values(["lead", "strength", "rule"], ascending=[True, False, True])
    return weight.drop_duplicates("lead").set_index("lead")["rule"]


def _homes(table: pd.DataFrame, evidence: pd.DataFrame, facts: pd.DataFrame, homes: pd.DataFrame) -> pd.Series:
    """The institution that a candidate mostly belongs to: of its evidence, else of its money; none where it has no majority."""
    home = pd.Series(None, index=table.index, dtype=object)
    places = table["entity_type"].isin(["institution", "pharmacy"])
    home[places] = table.loc[places, "entity_id"]
    if len(facts):
        claims = table["entity_type"] == "claim"
        home[claims] = table.loc[claims, "entity_id"].map(facts["institution_id"]).astype(object)
    if len(homes):
        most = homes[homes["share"] >= 0.5].set_index(["entity_type", "entity_id"])["institution_id"]
        people = table["entity_type"].isin(["doctor", "patient"])
        keys = pd.MultiIndex.from_frame(table.loc[people, ["entity_type", "entity_id"]])
        home[people] = most.reindex(keys).to_numpy()
    if len(evidence) and len(facts):
        seen = evidence[["lead", "claim_id"]].dropna().drop_duplicates()
        seen = seen[~seen["lead"].map(places).astype(bool)]
        seen["institution_id"] = seen["claim_id"].map(facts["institution_id"])
        counts = seen.dropna().groupby(["lead", "institution_id"]).size().rename("count").reset_index()
        counts["share"] = counts["count"] / counts.groupby("lead")["count"].transform("sum")
        counts = counts.sort_values(["lead", "share", "institution_id"], ascending=[True, False, True]).drop_duplicates("lead")
        counts = counts.set_index("lead")
        home.loc[counts.index] = counts["institution_id"].where(counts["share"] >= 0.5, None).astype(object)
    return home.where(home.notna(), None)
