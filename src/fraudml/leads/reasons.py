"""Why a lead is on the list, in words: what the rules found, what the models saw, what a ring is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from fraudml.errors import FraudmlError
from fraudml.leads.schemes import Scheme, wordings
from fraudml.leads.table import each_row
from fraudml.wording import number, render, written_day

MOST_REASONS = 8
MOST_INSIDE = 2
OWN_DAY = {"zh": re.compile(r"\d{4}年\d"), "en": re.compile(r"(in )?(\d{1,2} )?[A-Z][a-z]+ \d{4}\b")}
"""How an example begins that says its own day or month."""

FIELDS = ("feature", "value", "unit", "peer_median", "peer_percentile", "contribution", "text")


def lead_reasons(
    lead: Mapping[str, Any],
    evidence: pd.DataFrame,
    frozen: pd.DataFrame,
    joined: Mapping[str, int],
    book: Mapping[str, Scheme],
    lang: str,
    inside: pd.DataFrame | None = None,
) -> list[dict[str, Any]]:
    """The reasons of one lead, most important first.

    What a rule or a ring shows comes first, because it can be checked on paper; then what the models saw, in the order of
    their contributions. Texts frozen at scoring are kept as they are.

    Parameters
    ----------
    lead : entity_type, schemes, members, amount_at_risk, drawn, estimated (no evidence adds up to the amount), likely and likelihood
        (the scheme that confirmed cases like it were).
    evidence : the lead's evidence rows with ``counted`` yuan, heaviest first.
    frozen : rows of :data:`fraudml.contracts.REASONS` of the entity.
    joined : how many matters of each entity type were taken in.
    inside : what rules found on the claims of a ring, against whomever (:data:`fraudml.contracts.EVIDENCE`).
    """
    say = wordings()["reasons"]
    rows: list[dict[str, Any]] = []
    if lead["drawn"] == "random":
        rows.append(_own("drawn:random", render(say["random"][lang], {}, lang)))
    if lead["entity_type"] == "ring":
        rows.append(_ring(lead, evidence, lang))
        rows += _inside(inside, lead["schemes"][0], book, lang)
    if lead["estimated"] and lead["schemes"][0] == lead.get("likely"):
        values = {"scheme": book[lead["schemes"][0]].name, "share": number(100 * lead["likelihood"], 0) + "%"}
        rows.append(_own("likely_scheme", render(say["likely"][lang], values, lang), float(lead["likelihood"]), "share"))
    scored = {str(row.feature): row for row in each_row(frozen)}
    for scheme in lead["schemes"]:
        found = evidence[(evidence["rule"] == scheme) & evidence["facts"].notna()]
        if len(found) and book[scheme].rule is not None:
            rows.append(_rule(found, book[scheme], scored.get(f"rule:{scheme}"), lang))
    if joined:
        types = [counted(kind, count, lang) for kind, count in sorted(joined.items())]
        rows.append(_own("joined", render(say["members"][lang], {"types": types}, lang), float(sum(joined.values()))))
    models = sorted(
        (row for name, row in scored.items() if not name.startswith(("rule:", "ring:"))),
        key=lambda row: (-float(row.contribution) if pd.notna(row.contribution) else 0.0, str(row.feature)),
    )
    spoken = [row for row in models if pd.notna(row.contribution) and row.contribution > 0] or models
    for row in spoken[: max(2, MOST_REASONS - len(rows))]:
        text = row.text_zh if lang == "zh" else row.text_en
        if isinstance(text, str) and text:
            rows.append(
                {
                    "feature": row.feature,
                    "value": _float(row.value),
                    "unit": row.unit if isinstance(row.unit, str) else None,
                    "peer_median": _float(row.peer_median),
                    "peer_percentile": _float(row.peer_percentile),
                    "contribution": _float(row.contribution),
                    "text": text,
                }
            )
    if not rows:
        rows.append(_own("model", render(say["model"][lang], {}, lang)))
    if lead["estimated"] and lead["amount_at_risk"] > 0:
        rows.append(_own("excess", render(say["excess"][lang], {"amount": lead["amount_at_risk"]}, lang), lead["amount_at_risk"], "yuan"))
    return rows


def example_text(row: Any, book: Mapping[str, Scheme], lang: str) -> str:
    """One piece of evidence in words; empty for what no rule worded."""
    rule = book[row.rule].rule if row.rule in book else None
    if rule is None or not isinstance(row.facts, str):
        return ""
    try:
        text: str = rule.text(row.facts, lang)
    except KeyError as error:
        raise FraudmlError(
            "leads.evidence", f"evidence of {row.rule} lacks {error}: another version of the rule made it.", "Run `fraudml score` again."
        ) from error
    return text


def _rule(found: pd.DataFrame, scheme: Scheme, scored: Any, lang: str) -> dict[str, Any]:
    say = wordings()["reasons"]
    # what another scheme asks back counts nothing here, and yet the larger bill is the better example
    order = ["strength", "counted", "amount_in_question", "claim_id"]
    best = found.sort_values(order, ascending=[False, False, False, True], kind="stable").iloc[0]
    example = _on_its_day(example_text(best, {scheme.id: scheme}, lang), best["occurred_on"], lang)
    claims, amount = found["claim_id"].nunique(), float(found["counted"].sum())
    alone = claims == len(found)  # one record each: to say both would say it twice
    extent = render(say["extent_claims"][lang], {"claims": claims}, lang) if claims and not alone else ""
    extent += render(say["extent_amount"][lang], {"amount": amount}, lang) if amount else ""
    values = {"count": len(found), "claims": claims, "extent": extent, "example": example}
    text = render(say["single" if len(found) == 1 else "settlements" if alone else "examples"][lang], values, lang)
    return {
        "feature": f"rule:{scheme.id}",
        "value": float(len(found)),
        "unit": "records",
        "peer_median": _float(scored.peer_median) if scored is not None else None,
        "peer_percentile": _float(scored.peer_percentile) if scored is not None else None,
        "contribution": _float(scored.contribution) if scored is not None else None,
        "text": f"{scheme.name}:{text}" if lang == "zh" else f"{scheme.name}: {text}",
    }


def _on_its_day(example: str, occurred_on: Any, lang: str) -> str:
    """An example with the day on which it happened, unless it says a day or a month of its own at once, or that very day anywhere."""
    if pd.isna(occurred_on) or OWN_DAY[lang].match(example) or written_day(occurred_on.date(), lang) in example:
        return example
    values = {"day": occurred_on.date(), "example": example, "figure": example[:1].isdigit()}
    return render(wordings()["reasons"]["on_day"][lang], values, lang)


def _inside(inside: pd.DataFrame | None, main: str, book: Mapping[str, Scheme], lang: str) -> list[dict[str, Any]]:
    """What rules found on a ring's claims, its main scheme first: facts without amounts, which the ring's claims carry already.

    A claim counts once for each rule: that the rule speaks against its patient, its doctor and its house makes no three records of it.
    """
    if inside is None or inside.empty:
        return []
    known = inside[[name in book and book[name].rule is not None for name in inside["rule"]]].assign(counted=0.0)
    known = known.sort_values(["strength", "amount_in_question", "claim_id", "facts"], ascending=[False, False, True, True], kind="stable")
    known = known.drop_duplicates(["rule", "claim_id"])
    counts = known.groupby("rule")["claim_id"].nunique().reset_index(name="claims")
    counts["main"] = counts["rule"] == main
    most = counts.sort_values(["main", "claims", "rule"], ascending=[False, False, True]).head(MOST_INSIDE)
    return [_rule(known[known["rule"] == rule], book[rule], None, lang) for rule in most["rule"]]


def _ring(lead: Mapping[str, Any], evidence: pd.DataFrame, lang: str) -> dict[str, Any]:
    counts = pd.Series([member["entity_type"] for member in lead["members"]]).value_counts()
    hubs = [counted(kind, int(counts[kind]), lang) for kind in ("institution", "doctor", "pharmacy") if kind in counts]
    values = {
        "who": [*hubs, counted("patient", int(counts["patient"]), lang)] if "patient" in counts else hubs,
        "claims": evidence["claim_id"].nunique(),
        "amount": lead["amount_at_risk"],
        "density": lead.get("density"),
        "expected": lead.get("expected_density"),
    }
    known = all(isinstance(values[name], float) and values[name] == values[name] for name in ("density", "expected"))
    if known:
        values |= {name: number(100 * values[name], 1) + "%" for name in ("density", "expected")}
    text = render(wordings()["reasons"]["ring" if known else "ring_plain"][lang], values, lang)
    return _own(f"ring:{lead['entity_id']}", text, float(len(lead["members"])), "members")


def counted(kind: str, count: int, lang: str) -> str:
    """How many of a kind: 3名医师, 3 doctors."""
    if lang == "zh":
        return f"{number(count)}{wordings()['measure'][kind]}{wordings()['entity_types'][kind]['zh']}"
    name = wordings()["entity_types"][kind]["en"]
    return f"{number(count)} {name if count == 1 else wordings()['plurals'][kind]}"


def _own(feature: str, text: str, value: float | None = None, unit: str | None = None) -> dict[str, Any]:
    return dict.fromkeys(FIELDS) | {"feature": feature, "value": value, "unit": unit, "text": text}


def _float(value: Any) -> float | None:
    return float(value) if pd.notna(value) else None
