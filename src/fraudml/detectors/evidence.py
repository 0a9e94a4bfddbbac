"""How strongly rule evidence and the graph speak against each entity, as numbers in [0, 1]."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

SEVERITY = {"clear": 0.9, "suspicious": 0.84, "screen": 0.0}
"""What full evidence of a severity is worth. A clear violation is a fact of the bill; a suspicious pattern has benign readings;
a screen ranks for the audit programmes and accuses nobody."""

ALONE = {"clear": 0.75, "suspicious": 0.15, "screen": 0.0}
"""Share of full evidence that pieces earn by being there; the rest they earn by exceeding what peers with as many claims show."""

HALF_PIECES = {"clear": 1.0, "suspicious": 2.0, "screen": 2.0}
"""Pieces of full strength that earn half of that share at somebody with few claims."""

ERRORS = 0.001
"""Pieces per claim that slips of entry and coding bring anywhere: evidence counts beyond them."""

HALF_EXCESS = 3.0
"""Standard deviations above expectation that earn half."""

EVERYBODY = 1 / 3
"""Share of peers showing as much of a rule's evidence from which it is no sign at all."""

OUTLYING = 5.0
"""Standard deviations above expectation from which an entity does not help to say what is usual."""

FEWEST_PEERS = 10
"""Peers that a share of peers is at least taken from."""

COLUMNS = {"entity_id": "str", "rule": "str", "severity": "str"} | dict.fromkeys(
    ("count", "amount", "strength", "excess", "usual", "worth", "peer_median", "peer_percentile"), "float64"
)
"""Columns of :func:`rule_evidence`."""

PIECE = {"clear": 0.75, "suspicious": 0.4, "screen": 0.0}
"""Share of full evidence that one piece is on a single claim, which has no pattern to show."""

CLAIMS_HIT = 0.1
"""Share of all claims with evidence of a rule from which it is no sign on any of them."""


def rule_evidence(hits: pd.DataFrame, exposure: pd.Series, patients: pd.Series | None = None) -> pd.DataFrame:
    """Worth of each rule's evidence against each entity.

    Every busy institution has some doubtful lines. Evidence therefore counts by how much there is beyond what the same number of claims
    brings elsewhere (an overdispersed Poisson excess against the entities of the type, those far out left aside), by the strength of its
    strongest piece, and the less the more peers show as much of it.

    Parameters
    ----------
    hits : evidence rows against entities of one type (:data:`fraudml.contracts.EVIDENCE`).
    exposure : claims of each entity in the window, by entity_id, of all entities of the type.
    patients : whose claim it is, by claim_id, where one patient's pieces are one matter seen again (against a place): the second counts
        half, the third a third, and so on; all count whole by default.

    Returns
    -------
    one row per entity and rule: entity_id, rule, severity, count (claims with evidence, or pieces where none is named), amount, strength
    (of the strongest piece), excess (standard deviations above expectation), usual (share of peers with half as much per claim or more),
    worth in [0, 1), peer_median and peer_percentile of the count among all entities of the type; strongest first within an entity.
    """
    import pandas as pd

    if hits.empty:
        return _nothing()
    table = _pieces(hits, patients)
    claims = np.maximum(table["entity_id"].map(exposure).astype(float).fillna(1.0).to_numpy(), 1.0)
    parts = [_beyond_peers(part, claims[rows], exposure) for part, rows in _by_rule(table)]
    table = pd.concat(parts).sort_index()
    alone, half = (table["severity"].map(share).astype(float).fillna(0.0) for share in (ALONE, HALF_PIECES))
    there = table["mass"] / (table["mass"] + half + ERRORS * claims)
    share = alone * there + (1 - alone) * table["excess"] / (table["excess"] + HALF_EXCESS)
    return _ordered(table.assign(worth=_worth(table, share * (1 - table["usual"] / EVERYBODY).clip(lower=0.0))))


def claim_evidence(hits: pd.DataFrame, claims: int) -> pd.DataFrame:
    """Worth of each rule's evidence about each claim, whoever it speaks against; columns of :func:`rule_evidence`.

    A claim shows no pattern: its evidence counts by its strength, and the less the more claims bear it.

    Parameters
    ----------
    claims : number of claims in the window.
    """
    about = hits.loc[hits["claim_id"].notna()]
    if about.empty:
        return _nothing()
    about = about.assign(entity_id=about["claim_id"]).drop_duplicates(["entity_id", "rule", "line_id", "occurred_on", "facts"])
    table = _pieces(about).assign(excess=np.nan)
    table["count"] = about.groupby(["entity_id", "rule", "severity"], observed=True).size().to_numpy(dtype=float)
    table["usual"] = table["rule"].map(table["rule"].value_counts()) / max(claims, 1)
    table["peer_median"] = 0.0
    table["peer_percentile"] = 100 * (1 - table["usual"] / 2)
    share = table["severity"].map(PIECE).astype(float).fillna(0.0)
    return _ordered(table.assign(worth=_worth(table, share * (1 - table["usual"] / CLAIMS_HIT).clip(lower=0.0))))


def _pieces(hits: pd.DataFrame, patients: pd.Series | None = None) -> pd.DataFrame:
    """Evidence by entity and rule; many lines of one claim are one piece, and pieces of one of ``patients`` count less and less."""
    hits = hits.assign(strength=hits["strength"].fillna(1.0).clip(0.0, 1.0).astype(float))
    apart = hits["claim_id"].isna()
    hits["piece"] = hits["claim_id"].astype("object").where(~apart, hits["line_id"].astype("object").fillna("") + hits["facts"].fillna(""))
    keys = ["entity_id", "rule", "severity"]
    one = hits.groupby([*keys, "piece"], observed=True).agg(strength=("strength", "max"), amount=("amount_in_question", "sum"))
    one = one.reset_index()
    one["mass"] = one["strength"]
    if patients is not None:
        one["patient"] = one["piece"].map(patients).astype("object").fillna(one["piece"])
        strongest = one.sort_values("strength", ascending=False, kind="stable")
        one["mass"] /= 1 + strongest.groupby([*keys, "patient"], observed=True).cumcount()
    table = one.groupby(keys, observed=True).agg(
        count=("strength", "size"), mass=("mass", "sum"), strength=("strength", "max"), amount=("amount", "sum")
    )
    return table.reset_index()


def _by_rule(table: pd.DataFrame) -> list[tuple[pd.DataFrame, np.ndarray]]:
    rules = table["rule"].to_numpy()
    return [(table[rules == rule], np.flatnonzero(rules == rule)) for rule in sorted(set(rules))]


def _beyond_peers(mine: pd.DataFrame, claims: np.ndarray, exposure: pd.Series) -> pd.DataFrame:
    """One rule's evidence with ``excess`` and ``usual`` among all entities of ``exposure``; those without evidence count as zeros."""
    mass = mine["mass"].to_numpy()
    silent = exposure[~exposure.index.isin(mine["entity_id"])].to_numpy(dtype=float)
    everyone = np.concatenate([mass, np.zeros(len(silent))])
    volume = np.concatenate([claims, np.maximum(silent, 1.0)])
    inside = np.ones(len(everyone), dtype=bool)
    for _ in range(3):
        expected = volume * max(everyone[inside].sum() / volume[inside].sum(), ERRORS)
        deviation = (everyone - expected) ** 2 / (expected + 1.0)
        spread = np.sqrt(max(float(deviation[inside].mean()), 1.0))
        excess = np.maximum(everyone - expected, 0.0) / (spread * np.sqrt(expected + 1.0))
        inside = excess < OUTLYING
        if not inside.any():
            break
    rate = everyone / (volume + np.median(volume))
    ranked = np.sort(rate)
    as_much = len(rate) - np.searchsorted(ranked, rate[: len(mass)] / 2, side="left") - 1
    count = np.sort(np.concatenate([mine["count"].to_numpy(dtype=float), np.zeros(len(silent))]))
    below, upto = (np.searchsorted(count, mine["count"], side=side) for side in ("left", "right"))
    return mine.assign(
        excess=excess[: len(mass)],
        usual=as_much / max(len(rate) - 1, FEWEST_PEERS),
        peer_median=np.median(count),
        peer_percentile=50 * (below + upto) / len(count),
    )


def _worth(table: pd.DataFrame, share: pd.Series) -> pd.Series:
    most = table["severity"].map(SEVERITY).astype(float).fillna(0.0)
    return 1 - (1 - most) ** (share * table["strength"])


def _ordered(table: pd.DataFrame) -> pd.DataFrame:
    table = table.sort_values(["entity_id", "worth", "strength", "rule"], ascending=[True, False, False, True], kind="stable")
    return table[list(COLUMNS)].astype({name: type_ for name, type_ in COLUMNS.items() if type_ == "float64"}).reset_index(drop=True)


def _nothing() -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({name: pd.Series(dtype=type_) for name, type_ in COLUMNS.items()})


def together(worths: pd.Series, entities: pd.Series) -> pd.Series:
    """Worth of several rules' evidence against one entity.

    Different rules often see one cause, and somebody with many claims is asked by every rule: the strongest counts whole, each further
    one half as much as the one before (as exponents of a noisy-or).
    """
    strength = -np.log1p(-worths.clip(0.0, 1 - 1e-9))
    place = strength.groupby(entities).rank(method="first", ascending=False)
    return 1 - np.exp(-(strength * 0.5 ** (place - 1)).groupby(entities).sum())


def graph_score(measures: pd.DataFrame) -> pd.Series:
    """How far an entity's place in the graph speaks against it, in [0, 1), by ``entity_id``.

    Noisy-or of belonging to a ring, of a partner in external prescriptions beyond chance and of companions beyond chance. What is only
    unusual (degrees, centrality) is left to the outlier detector.

    Parameters
    ----------
    measures : rows of ``graph/measures.parquet`` of one entity type and day.
    """
    import pandas as pd

    quiet = pd.Series(0.0, index=measures["entity_id"].to_numpy())
    for name, most, half in (
        ("ring_score", 1.0, None),
        ("pharmacy_lift_evidence_12m", 0.6, 10.0),
        ("prescriber_lift_evidence_12m", 0.6, 10.0),
        ("companion_evidence_12m", 0.3, 20.0),
    ):
        if name in measures:
            value = measures[name].fillna(0.0).clip(lower=0.0).to_numpy(dtype=float)
            share = value if half is None else value / (value + half)
            quiet += np.log1p(-np.minimum(most * share, 1 - 1e-9))
    return 1 - np.exp(quiet)
