"""How well the rules find what was planted, row by row of REQUIREMENTS.md, and what they leave alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = {
    "row": "str",
    "scheme": "str",
    "perpetrators": "int64",
    "found": "int64",
    "recall": "float64",
    "cases_found": "int64",
    "guilty_claims": "int64",
    "claim_recall": "float64",
    "lookalikes": "int64",
    "lookalikes_flagged": "int64",
    "lookalike_rate": "float64",
    "evidence": "int64",
    "precision": "float64",
}
"""Columns of :func:`scheme_table`."""


def scheme_table(evidence: pd.DataFrame, truth: pd.DataFrame, lookalikes: pd.DataFrame) -> pd.DataFrame:
    """What each rule found of its own scheme.

    Parameters
    ----------
    evidence : rows of :data:`fraudml.contracts.EVIDENCE`, of one run of the rules.
    truth : one row per guilty claim and culprit: ``claim_id, scheme, entity_type, entity_id`` and, where known, ``role``; a person
        whose role is ``victim`` is no perpetrator. Give only claims that the run could see: settled in its window.
    lookalikes : claims that only look like a scheme: ``claim_id, scheme``.

    Returns
    -------
    One row per scheme that has a rule, truth or a look-alike, ordered by row of REQUIREMENTS.md:

    - ``perpetrators`` entities in the truth, ``found`` those that evidence of this scheme names, ``recall`` their share;
    - ``cases_found`` perpetrators that are named, or one of whose guilty claims is evidence against anybody (an inspector who opens
      that claim stands before the case);
    - ``guilty_claims`` and ``claim_recall``, the share of them that is evidence of this scheme;
    - ``lookalikes`` claims, ``lookalikes_flagged`` those that are evidence of the scheme they look like, ``lookalike_rate``;
    - ``evidence`` distinct claims (or entities, where evidence names no claim) and ``precision``, the share of them that is guilty of
      this scheme. Shares of nothing are missing.

    Examples
    --------
    >>> scheme_table(evidence, truth, lookalikes)[["row", "recall", "lookalike_rate"]]  # doctest: +SKIP
    """
    import pandas as pd

    from fraudml.rules import load_rules

    rows = {rule.id: rule.row for rule in load_rules().values()}
    schemes = set(rows) | set(truth["scheme"]) | set(lookalikes["scheme"]) | set(evidence["rule"])
    ordered = sorted(schemes, key=lambda scheme: (rows.get(scheme, "R99"), scheme))
    table = pd.DataFrame([_line(scheme, rows.get(scheme, ""), evidence, truth, lookalikes) for scheme in ordered], columns=list(COLUMNS))
    return table.astype(COLUMNS)


def _line(scheme: str, row: str, evidence: pd.DataFrame, truth: pd.DataFrame, lookalikes: pd.DataFrame) -> dict[str, object]:
    found = evidence[evidence["rule"] == scheme]
    guilty = truth[truth["scheme"] == scheme]
    alike = set(lookalikes.loc[lookalikes["scheme"] == scheme, "claim_id"])
    named = set(zip(found["entity_type"], found["entity_id"], strict=True))
    accused = guilty[guilty["role"] != "victim"] if "role" in guilty else guilty
    culprits = set(zip(accused["entity_type"], accused["entity_id"], strict=True))
    claims, guilty_claims = set(found["claim_id"].dropna()), set(guilty["claim_id"])
    seen = accused[accused["claim_id"].isin(claims)]
    at_hand = culprits & (named | set(zip(seen["entity_type"], seen["entity_id"], strict=True)))
    whole = found[found["claim_id"].isna()]
    entities = set(zip(whole["entity_type"], whole["entity_id"], strict=True))
    pieces = len(claims) + len(entities)
    return {
        "row": row,
        "scheme": scheme,
        "perpetrators": len(culprits),
        "found": len(culprits & named),
        "recall": _share(len(culprits & named), len(culprits)),
        "cases_found": len(at_hand),
        "guilty_claims": len(guilty_claims),
        "claim_recall": _share(len(guilty_claims & claims), len(guilty_claims)),
        "lookalikes": len(alike),
        "lookalikes_flagged": len(alike & claims),
        "lookalike_rate": _share(len(alike & claims), len(alike)),
        "evidence": pieces,
        "precision": _share(len(claims & guilty_claims) + len(entities & culprits), pieces),
    }


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
