"""All that is shown of a lead, gathered for all leads in a few queries: one mapping per lead."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from fraudml.claims import Snapshot
from fraudml.leads import UNEXPLAINED, Ranking, Scheme, pieces, probability_range, schemes
from fraudml.leads.table import each_row
from fraudml.report.activity import activity
from fraudml.report.drawing import Picture
from fraudml.report.evidence import MOST_CLAIMS, evidence_claims
from fraudml.report.maps import maps
from fraudml.report.peers import peers_pictures
from fraudml.report.pictures import months_picture, timeline_picture
from fraudml.report.ring_pictures import ring_picture
from fraudml.report.words import say
from fraudml.rules import load_clauses


def dossiers(snapshot: Snapshot, ranking: Ranking, *, lang: str = "zh", conf_dir: str | Path | None = None) -> list[dict[str, Any]]:
    """What workbook, page and notebook show, one mapping per lead in the order of rank.

    Parameters
    ----------
    snapshot : the claims of the last months as of the leads' day.
    ranking : leads and their evidence.

    Returns
    -------
    Mappings with: id, rank, drawn, type, entity, title, schemes, region, place, risk, amount, estimated, expected,
    low, high (of the recovery), basis,
    start, end,
    reasons, counterfact (empty where nobody asked),
    clauses (id, text), benign, checks, documents, members, claims (the evidence), claims_total,
    pictures (kind, name, caption, drawing: :class:`fraudml.report.drawing.Picture`).
    Amounts in yuan, days as ISO text.
    """
    leads = ranking.leads
    if leads.empty:
        return []
    book = schemes(lang, conf_dir)
    clauses = {number: clause.quoted(lang) for number, clause in load_clauses(conf_dir).items()}
    done = activity(snapshot, leads, ranking.evidence)
    claims = evidence_claims(snapshot, ranking.evidence)
    peers = peers_pictures(snapshot, leads, done, lang=lang, conf_dir=conf_dir)
    whereabouts = maps(snapshot, leads, lang)
    where = places(snapshot, leads, claims)
    loose = _loose(ranking.evidence)
    # claims to look at of a lead that only models rank prove nothing
    proven = set(ranking.evidence.loc[ranking.evidence["rule"] != UNEXPLAINED, "lead_id"])
    counts = pieces(ranking.evidence.rename(columns={"lead_id": "lead"}), {name: scheme.severity for name, scheme in book.items()})
    lows, highs = probability_range(leads["risk"], counts.reindex(leads["lead_id"]).fillna(0.0))
    out = []
    for lead, low, high in zip(leads.to_dict("records"), lows.tolist(), highs.tolist(), strict=True):
        identity = lead["lead_id"]
        own = [book[name] for name in lead["schemes"] if name in book]
        found = claims.get(identity, [])
        pictures = list(peers.get(identity, []))
        if lead["entity_type"] == "ring":
            pictures.insert(0, _picture("ring", ring_picture(lead["members"], done.visits(identity), lang)))
        if identity in whereabouts:
            pictures.append(_picture("map", whereabouts[identity]))
        if lanes := done.lanes(identity):
            first, last = done.first, done.last
            pictures.append(_picture("timeline", timeline_picture(first, last, lanes, lang)))
        if months := done.months(identity):
            pictures.append(_picture("months", months_picture(months, lang)))
        out.append(
            {
                "id": identity,
                "rank": lead["rank"],
                "drawn": lead["drawn"],
                "type": lead["entity_type"],
                "entity": lead["entity_id"],
                "title": _title(lead, own, lang),
                "first": _first(lead, own, lang),
                "schemes": [{"id": scheme.id, "row": scheme.row, "name": scheme.name} for scheme in own if not _no_suspicion(lead)],
                "risk": round(lead["risk"], 4),
                "amount": lead["amount_at_risk"],
                "estimated": identity not in proven,
                "expected": lead["expected_recovery"],
                "low": round(low * lead["amount_at_risk"], 2),
                "high": round(high * lead["amount_at_risk"], 2),
                "basis": _basis(lead, own, identity in proven, lang),
                "start": lead["period_start"].isoformat(),
                "end": lead["period_end"].isoformat(),
                "reasons": [{"text": each["text"], "percentile": each["peer_percentile"]} for each in lead["reasons"]],
                "counterfact": lead["counterfact"] if isinstance(lead["counterfact"], str) else "",
                "clauses": [{"id": number, "text": clauses.get(number, "")} for number in lead["clauses"]],
                "benign": _merged(own, "benign"),
                "checks": list(lead["check_steps"]),
                "documents": _merged(own, "documents"),
                "members": lead["members"],
                "claims": found[:MOST_CLAIMS],
                "claims_total": len(found),
                "rest_amount": round(sum(claim["amount"] for claim in found[MOST_CLAIMS:]), 2),
                "loose": loose.get(identity, []),
                "pictures": pictures,
                **where.get(identity, {"region": "", "place": ""}),
            }
        )
    return out


def _title(lead: Mapping[Any, Any], own: list[Scheme], lang: str) -> str:
    if _no_suspicion(lead):
        return say("drawn_random_title", lang)
    title = ("、" if lang == "zh" else ", ").join(scheme.name for scheme in own[:2])
    return title[:1].upper() + title[1:]


def _no_suspicion(lead: Mapping[Any, Any]) -> bool:
    """Whether only the draw brought it here: being drawn is no suspicion, and nothing shown may say one."""
    return bool(lead["drawn"] == "random" and list(lead["schemes"]) == [UNEXPLAINED])


def _first(lead: Mapping[Any, Any], own: list[Scheme], lang: str) -> str:
    return say("drawn_random_title", lang) if _no_suspicion(lead) else own[0].name


def places(snapshot: Snapshot, leads: pd.DataFrame, claims: Mapping[str, list[dict[str, Any]]]) -> dict[str, dict[str, str]]:
    """Region and institution of each lead: the institution's own, else of the place that most of the evidence names."""
    region = snapshot.query("select institution_id, region from institutions").set_index("institution_id")["region"]
    at_home = snapshot.query("select patient_id, region from patients").set_index("patient_id")["region"]
    out = {}
    for lead in each_row(leads):
        if lead.entity_type in ("institution", "pharmacy"):
            place = lead.entity_id
        else:
            weight: dict[str, float] = {}
            for claim in claims.get(lead.lead_id, []):
                weight[claim["institution"]] = weight.get(claim["institution"], 0.0) + 1 + claim["amount"]
            place = min(weight, key=lambda each: (-weight[each], each)) if weight else ""
        name = region.get(place)
        if not isinstance(name, str) and lead.entity_type == "patient":
            name = at_home.get(lead.entity_id)
        out[lead.lead_id] = {"place": place, "region": name if isinstance(name, str) else ""}
    return out


def _basis(lead: Mapping[Any, Any], own: list[Scheme], proven: bool, lang: str) -> str:
    """What the certainty rests on."""
    if not proven:
        return say("basis_model", lang)
    if lead["entity_type"] == "ring":
        return say("basis_ring", lang)
    return say("basis_clear" if any(scheme.severity == "clear" for scheme in own) else "basis_suspicious", lang)


def _picture(kind: str, drawing: Picture) -> dict[str, Any]:
    return {"kind": kind, "name": drawing.title, "drawing": drawing, "caption": ""}


def _merged(own: list[Scheme], what: str) -> list[str]:
    return list(dict.fromkeys(each for scheme in own for each in getattr(scheme, what)))


def _loose(evidence: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """By lead id the evidence that is no claim (a month's stock, a working day)."""
    out: dict[str, list[dict[str, Any]]] = {}
    for row in each_row(evidence[evidence["claim_id"].isna()]):
        out.setdefault(row.lead_id, []).append(
            {
                "day": row.occurred_on.date().isoformat() if pd.notna(row.occurred_on) else "",
                "text": row.text if isinstance(row.text, str) else "",
                "amount": row.amount,
            }
        )
    return out
