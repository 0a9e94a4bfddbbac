"""What measures were taken for what (裁量基准), and the same fact sanctioned twice (一事不两罚)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any

from fraudml.ledger.labels import entities_of, scheme_of
from fraudml.ledger.states import CONFIRMED, MONEY, NONE, Case


def found_cents(case: Case) -> int:
    """The amount that a case was found to be about: as written, else what was recovered or refused."""
    return case.amount if case.amount is not None else max(case.cents("recovered"), case.cents("refused"))


def discretion(cases: Iterable[Case], bands: Sequence[float]) -> list[dict[str, Any]]:
    """The spread of past measures, by scheme, band of the amount found, and measure.

    Parameters
    ----------
    bands : lower ends of the bands, yuan, ascending.

    Returns
    -------
    Rows: scheme, band (its lower end, yuan), measure, cases (confirmed in the band), share of them with the measure, and of its amounts
    least, lower (quartile), median, upper, most (yuan; None where it is no payment), times (median of a fine over the amount found).
    """
    import numpy as np

    groups: dict[tuple[str, float], list[Case]] = {}
    for case in cases:
        if case.decision == CONFIRMED and case.outcomes:
            yuan = found_cents(case) / 100
            groups.setdefault((scheme_of(case), max((each for each in bands if each <= yuan), default=min(bands))), []).append(case)
    rows = []
    for (scheme, band), own in sorted(groups.items()):
        for measure in sorted({outcome for case in own for outcome, _ in case.outcomes}):
            having = [case for case in own if any(outcome == measure for outcome, _ in case.outcomes)]
            paid = [case.cents(measure) / 100 for case in having if case.cents(measure)] if measure in MONEY else []
            times = [case.cents(measure) / found_cents(case) for case in having if measure == "fined" and found_cents(case)]
            spread = np.quantile(paid, (0, 0.25, 0.5, 0.75, 1)).round(2).tolist() if paid else [None] * 5
            rows.append(
                {"scheme": scheme, "band": float(band), "measure": measure, "cases": len(own), "share": len(having) / len(own)}
                | dict(zip(("least", "lower", "median", "upper", "most"), spread, strict=True))
                | {"times": round(float(np.median(times)), 2) if times else None}
            )
    return rows


def duplicates(cases: Iterable[Case]) -> list[dict[str, Any]]:
    """Pairs of cases in which one fact was sanctioned twice.

    Two fines on one party whose evidence shares claims (where no claims are known: one scheme and periods that overlap), whatever the
    schemes: one act is fined once, also where it breaks several provisions (行政处罚法 art. 29). And two recoveries or refusals of one
    claim for one scheme, whoever paid.

    Returns
    -------
    Rows: first, second (lead ids, the earlier decision first), same (``fine`` or ``money``), claims (how many they share).
    """
    sanctioned = [case for case in cases if any(outcome != NONE for outcome, _ in case.outcomes) and case.listing]
    sanctioned.sort(key=lambda case: (case.decided_on or case.opened_on, case.lead_id, case.round))
    by_fact: dict[tuple[str, ...], list[int]] = {}
    for place, case in enumerate(sanctioned):
        keys = {("claim", claim) for claim in case.listing["evidence_claim_ids"]} | {("party", *each) for each in entities_of(case)}
        for key in keys:
            by_fact.setdefault(key, []).append(place)
    pairs = sorted({pair for places in by_fact.values() for pair in combinations(places, 2)})
    rows = []
    for one, other in pairs:
        first, second = sanctioned[one], sanctioned[other]
        shared = set(first.listing["evidence_claim_ids"]) & set(second.listing["evidence_claim_ids"])
        for same in ("fine", "money"):
            if _is_same(first, second, shared, same):
                rows.append({"first": first.lead_id, "second": second.lead_id, "same": same, "claims": len(shared)})
    return rows


def _is_same(first: Case, second: Case, shared: set[str], same: str) -> bool:
    one_scheme = bool({scheme_of(first), *first.listing["schemes"]} & {scheme_of(second), *second.listing["schemes"]} - {"unexplained"})
    if same == "money":
        return bool(shared) and one_scheme and all(case.cents("recovered") or case.cents("refused") for case in (first, second))
    if not all(any(outcome == "fined" for outcome, _ in case.outcomes) for case in (first, second)):
        return False
    if not set(entities_of(first)) & set(entities_of(second)):
        return False
    if first.listing["evidence_claim_ids"] and second.listing["evidence_claim_ids"]:
        return bool(shared)
    starts, ends = ([case.listing[name] for case in (first, second)] for name in ("period_start", "period_end"))
    return one_scheme and None not in (*starts, *ends) and max(starts) <= min(ends)
