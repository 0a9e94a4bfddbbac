"""``fraudml ledger draft``: a rule draft from a confirmed lead that no rule explained (L08).

What the confirmed evidence has in common and other claims have seldom becomes the condition; how much more of it the entity had than its
peers becomes the threshold. The draft runs as it is, and is a draft: population, clause and benign causes are a person's to settle.
"""

from __future__ import annotations

import datetime as dt
import logging
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fraudml.errors import FraudmlError
from fraudml.ledger import Case, Ledger
from fraudml.ledger.states import CONFIRMED
from fraudml.ledger.words import say

if TYPE_CHECKING:
    from fraudml.claims import Snapshot

log = logging.getLogger("fraudml")

UNEXPLAINED = "unexplained"
COLUMN = {
    "patient": "patient_id",
    "doctor": "doctor_id",
    "institution": "institution_id",
    "pharmacy": "institution_id",
    "claim": "claim_id",
}
ATTRIBUTES = ("visit_type", "insurance_type", "credential_type", "is_manual", "is_online", "registered_disease", "drg_code")
DETAILS = {"items": "item_code", "diagnoses": "substr(diagnosis, 1, 3)"}
SHARED, RARER, MOST = 0.5, 1.5, 3
"""A sign is shared by half of the evidence and so many times rarer among all claims; at most three signs make a condition."""


@dataclass(frozen=True)
class Sign:
    """What evidence claims have in common: the SQL condition on ``claims`` and how often it holds in the evidence and at large."""

    sql: str
    within: float
    at_large: float

    @property
    def lift(self) -> float:
        return self.within / max(self.at_large, 1e-9)


def draft(config: Any, ledger: Ledger, lead_id: str) -> None:
    """Writes ``data_dir/drafts/rules/draft_<lead>.yaml``, loads it as the rule base would, runs it once and says what it names.

    Raises
    ------
    FraudmlError
        ``ledger.unknown_lead``; ``ledger.draft`` where the lead is not confirmed, has a scheme, or left no claims to learn from.
    """
    import yaml

    from fraudml.claims import open_claims
    from fraudml.engine import open_engine
    from fraudml.rules import load_rules, run_rules

    case = _confirmed(ledger, lead_id)
    data_dir = Path(config.data_dir)
    engine = open_engine(config.engine.memory_limit, config.engine.threads, config.engine.temp_dir)
    claims = open_claims(data_dir, engine)
    as_of = case.listing["as_of"]
    with claims.at(str(as_of), months=12) as snapshot:
        column = COLUMN.get(case.listing["entity_type"], "doctor_id")
        evidence = sorted(case.listing["evidence_claim_ids"])
        if not _present(snapshot, evidence):
            raise FraudmlError(
                "ledger.draft", f"none of the evidence claims of {lead_id} is in the claims.", "Ingest the claims of its year."
            )
        signs = common_signs(snapshot, evidence)
        count, usual = _counts(snapshot, signs, column, case.listing["entity_id"])
    content = written(case, signs, column, count, usual, as_of)
    folder = data_dir / "drafts"
    path = folder / "rules" / f"{content['id']}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    head = "".join(f"# {line}\n" for line in _origin(case, signs))
    beside.write_text(head + yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=140), encoding="utf-8")
    beside.replace(path)
    load_rules(folder)  # it must stand the checks of every rule
    hits = run_rules(claims, as_of=str(as_of), rules=[content["id"]], conf_dir=folder)
    own = case.listing["entity_id"] in set(hits["entity_id"])
    counts = {"entities": hits["entity_id"].nunique(), "claims": hits["claim_id"].nunique()}
    told = {"path": str(path), "folder": str(folder), "own": say("own_found" if own else "own_missed", config.lang), **counts}
    print(say("drafted", config.lang, **told))  # noqa: T201


def _confirmed(ledger: Ledger, lead_id: str) -> Case:
    rounds = ledger.cases(lead_ids=[lead_id])
    if not rounds:
        raise FraudmlError("ledger.unknown_lead", f"the ledger has no lead {lead_id}.", "`fraudml ledger list all` names them.")
    case = next((each for each in reversed(rounds) if each.decision == CONFIRMED), None)
    if case is None:
        raise FraudmlError("ledger.draft", f"{lead_id} is not confirmed.", "A rule is drafted from what an inspection confirmed.")
    if case.listing["schemes"] != [UNEXPLAINED]:
        raise FraudmlError(
            "ledger.draft", f"{lead_id} has a rule: {', '.join(case.listing['schemes'])}.", "Change that rule in conf_dir/rules."
        )
    return case


def _present(snapshot: Snapshot, claim_ids: list[str]) -> int:
    return (
        int(snapshot.query(f"select count(*) as n from claims where claim_id in ({_listed(claim_ids)})")["n"].iloc[0]) if claim_ids else 0
    )


def common_signs(snapshot: Snapshot, claim_ids: list[str]) -> list[Sign]:
    """What the evidence claims share and claims at large have seldom, the most telling first; at least one.

    Signs are values of the claim, items billed on it and main chapters of its diagnoses; equal ones are ordered by their text.
    """
    rows = [
        f"select claim_id, '{name}' as kind, cast({name} as varchar) as value from claims where {name} is not null" for name in ATTRIBUTES
    ]
    rows += [
        f"select distinct claim_id, '{table}', {value} from {table} where {value} is not null"
        for table, value in DETAILS.items()
        if table in snapshot.tables
    ]
    table = snapshot.query(f"""
        with sign as ({" union all ".join(rows)}), proof as (select claim_id from claims where claim_id in ({_listed(claim_ids)}))
        select kind, value, count(*) / (select count(*) from claims) as at_large,
            count(*) filter (where claim_id in (select claim_id from proof)) / (select count(*) from proof) as within
        from sign where claim_id in (select claim_id from claims) group by kind, value having within > 0 order by kind, value""")
    signs = [Sign(_is(row.kind, row.value), float(row.within), float(row.at_large)) for row in table.itertuples()]
    telling = [sign for sign in signs if sign.within >= SHARED and sign.lift >= RARER]
    if not telling:  # nothing sets the claims apart: what most of them are
        return sorted(signs, key=lambda sign: (-sign.within, sign.at_large, sign.sql))[:1]
    return sorted(telling, key=lambda sign: (-sign.within * math.log(sign.lift), sign.sql))[:MOST]


def _is(kind: str, value: str) -> str:
    """The condition on ``claims`` that a sign holds."""
    if kind in DETAILS:
        return f"claim_id in (select claim_id from {kind} where {DETAILS[kind]} = {_listed([value])})"
    return f"cast({kind} as varchar) = {_listed([value])}"


def _condition(signs: list[Sign]) -> str:
    # claims share most signs, not always all of them: more than half must hold
    if len(signs) == 1:
        return signs[0].sql
    held = " + ".join(f"cast({sign.sql} as integer)" for sign in signs)
    return f"{held} >= {len(signs) // 2 + 1}"


def _counts(snapshot: Snapshot, signs: list[Sign], column: str, entity_id: str) -> tuple[int, float]:
    """Claims of the kind of the lead's entity, and the median of entities that have any."""
    table = snapshot.query(
        f"select {column} as entity_id, count(*) as n from claims where {_condition(signs)} and {column} is not null group by 1"
    )
    own = table.loc[table["entity_id"] == entity_id, "n"]
    return (int(own.iloc[0]) if len(own) else 1), (float(table["n"].median()) if len(table) else 1.0)


def written(case: Case, signs: list[Sign], column: str, count: int, usual: float, as_of: dt.date) -> dict[str, Any]:
    """The rule file's content. Thresholds stand halfway between peers and the confirmed case."""
    kind = case.listing["entity_type"] if case.listing["entity_type"] in COLUMN else "doctor"
    identity = "draft_" + "".join(letter if letter.isalnum() else "_" for letter in case.lead_id.lower())
    times = round(max(1.0, math.sqrt(max(count, 1) / max(usual, 1.0))), 2)
    least = max(1, math.ceil(count / 2))
    tables = ["claims", *(name for name in ("items", "diagnoses") if any(f"from {name} " in sign.sql for sign in signs))]
    sql = f"""with marked as (
    select {column} as entity_id, claim_id, settled_on, total_amount from claims
    where settled_on > $since and {column} is not null and {_condition(signs)}
), counted as (
    select entity_id, count(*) as claim_count from marked group by entity_id
), usual as (
    select median(claim_count) as usual_count from counted
)
select marked.entity_id, marked.claim_id, marked.settled_on as occurred_on, marked.total_amount as amount_in_question,
    0.5 as strength, counted.claim_count, usual.usual_count
from marked join counted on marked.entity_id = counted.entity_id cross join usual
where counted.claim_count >= $claims and counted.claim_count >= $times * usual.usual_count
"""
    return {
        "id": identity,
        "row": "R99",
        "name": {"zh": f"草案:{case.lead_id}", "en": f"draft from {case.lead_id}"},
        "kind": "management",
        "severity": "suspicious",
        "stage": "after",
        "suspect": kind,
        "clause": [],
        "needs": tables,
        "parameters": {
            "claims": {"default": least, "unit": "claims", "min": 1},
            "times": {"default": times, "unit": "times the peers' median", "min": 1},
        },
        "sql": sql,
        "zh": "同类结算{claim_count}笔(同类对象中位数{usual_count}笔)",
        "en": "{claim_count} settlements of the kind (peers' median {usual_count})",
    }


def _origin(case: Case, signs: list[Sign]) -> list[str]:
    """The evidence behind the draft, as comments at its head."""
    lines = [f"Draft from lead {case.lead_id}, confirmed {case.decided_on}, listed {case.listing['as_of']}; to be checked before use."]
    lines += [f"  reason: {each['text']}".replace("\n", " ") for each in case.listing["reasons"][:8]]
    lines += [f"  in {sign.within:.0%} of its evidence, {sign.at_large:.1%} of all claims: {sign.sql}" for sign in signs]
    claims = case.listing["evidence_claim_ids"]
    return [*lines, "  evidence claims: " + ", ".join(claims[:20]) + (" …" if len(claims) > 20 else "")]


def _listed(values: list[str]) -> str:
    return ", ".join("'" + value.replace("'", "''") + "'" for value in values)
