"""The evidence of all leads as claims with their lines, heaviest first."""

from __future__ import annotations

from typing import Any

import pandas as pd

from fraudml.claims import Snapshot

MOST_CLAIMS = 60
"""Claims of one lead that page and workbook show; evidence.parquet holds all."""

MOST_TEXTS = 3

MOST_LINES = 8
"""Item lines shown of one claim, those in question first."""


def evidence_claims(snapshot: Snapshot, evidence: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """By lead id its evidence claims in the order of the evidence.

    Each with: claim, day, ended, kind, institution, doctor, patient, diagnosis, total (yuan, net of refunds), amount (yuan in question),
    text (what is in question), lines (item, name, quantity, price, amount, asked: yuan in question).
    """
    named = evidence.dropna(subset=["claim_id"])
    if named.empty:
        return {}
    snapshot.engine.register("asked_claims", pd.DataFrame({"claim_id": pd.Series(sorted(set(named["claim_id"])), dtype="str")}))
    facts = _claims(snapshot)
    lines = _lines(snapshot, named)
    out: dict[str, list[dict[str, Any]]] = {}
    seen: dict[tuple[str, str], dict[str, Any]] = {}
    # row by row without pandas: there are far more claims than leads
    for lead, claim, amount, text in zip(*(named[name].tolist() for name in ("lead_id", "claim_id", "amount", "text")), strict=True):
        if claim not in facts:
            continue
        entry = seen.get((lead, claim))
        if entry is None:
            of_lead = out.setdefault(lead, [])
            shown = lines.get((lead, claim), []) if len(of_lead) < MOST_CLAIMS else []
            entry = seen[lead, claim] = {"claim": claim, **facts[claim], "amount": 0.0, "text": [], "lines": shown}
            of_lead.append(entry)
        entry["amount"] = round(entry["amount"] + amount, 2)
        if isinstance(text, str) and text and text not in entry["text"] and len(entry["text"]) < MOST_TEXTS:
            entry["text"].append(text)
    return out


def _claims(snapshot: Snapshot) -> dict[str, dict[str, Any]]:
    diagnosis = (
        "(select arg_min(diagnosis, (not coalesce(is_main, false), diagnosis)) from diagnoses as d where d.claim_id = claim.claim_id)"
        if snapshot.has("diagnoses")
        else "cast(null as varchar)"
    )
    rows = snapshot.engine.rows(f"""
        select claim.claim_id, cast(claim.started_on as varchar), cast(claim.ended_on as varchar), claim.visit_type, claim.institution_id,
            claim.doctor_id, claim.patient_id, {diagnosis}, claim.total_amount
        from claims as claim semi join asked_claims using (claim_id)""")
    names = ("day", "ended", "kind", "institution", "doctor", "patient", "diagnosis", "total")
    return {row[0]: {name: "" if value is None else value for name, value in zip(names, row[1:], strict=True)} for row in rows}


def _lines(snapshot: Snapshot, named: pd.DataFrame) -> dict[tuple[str, str], list[dict[str, Any]]]:
    if not snapshot.has("items"):
        return {}
    asked = named[["lead_id", "claim_id", "line_id", "amount"]].copy()
    asked["place"] = asked.groupby("lead_id")["claim_id"].transform(lambda ids: pd.factorize(ids)[0])
    asked = asked[asked["place"] < MOST_CLAIMS].drop(columns="place")
    snapshot.engine.register("asked_lines", asked.astype({"lead_id": "str", "claim_id": "str", "line_id": "str"}))
    catalogue = (
        """left join (select item_code, any_value(name order by started_on desc, name) as name from catalogue group by item_code) as entry
            using (item_code)"""
        if snapshot.has("catalogue.name")
        else ""
    )
    name = "entry.name" if catalogue else "cast(null as varchar)"
    rows = snapshot.engine.rows(f"""
        with claim as (select distinct lead_id, claim_id from asked_lines),
        line as (select lead_id, claim_id, line_id, sum(amount) as asked from asked_lines where line_id is not null group by all)
        select claim.lead_id, claim.claim_id, item.item_code, {name}, item.quantity, item.unit_price, item.amount, coalesce(line.asked, 0),
            line.line_id is not null
        from claim join items as item using (claim_id) {catalogue}
            left join line on line.lead_id = claim.lead_id and line.claim_id = claim.claim_id and line.line_id = item.line_id
        qualify row_number() over (partition by claim.lead_id, claim.claim_id
            order by (line.line_id is null), coalesce(line.asked, 0) desc, item.amount desc, item.line_id) <= {MOST_LINES}
        order by claim.lead_id, claim.claim_id, (line.line_id is null), coalesce(line.asked, 0) desc, item.amount desc, item.line_id""")
    out: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for lead, claim, code, title, quantity, price, amount, in_question, flagged in rows:
        out.setdefault((lead, claim), []).append(
            {
                "item": code,
                "name": title or "",
                "quantity": quantity,
                "price": price,
                "amount": amount,
                "asked": round(in_question, 2),
                "flagged": flagged,
            }
        )
    return out
