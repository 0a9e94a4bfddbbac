"""Lists that were handed out enter the ledger: every lead with responsible unit and deadline."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fraudml.errors import FraudmlError
from fraudml.ledger.states import HANDED_OUT, Case
from fraudml.ledger.store import Ledger, Writer

ORIGINS = {"ranked": "lead", "random": "random"}
"""Why a lead is on a list -> why the case was looked at."""


@dataclass(frozen=True)
class Terms:
    """On what terms leads are handed out.

    Attributes
    ----------
    days : from the list's day to the deadline.
    units : region -> responsible office; a region that is not named is its own office's name.
    unit : the office for leads without a region; None leaves them unassigned.
    """

    days: int = 90
    units: Mapping[str, str] = field(default_factory=dict)
    unit: str | None = None

    def unit_of(self, region: str) -> str | None:
        return self.units.get(region, region) if region else self.unit


def take_in_lists(ledger: Ledger, data_dir: Path, *, by: str, today: dt.date, terms: Terms, before: dt.date | None = None) -> int:
    """Takes in every list below ``data_dir/leads/as_of=*/`` that the ledger does not know yet; returns how many there were.

    A list that was made anew for the same day is another list; leads that stand on both stay one matter. A lead that was
    decided and that a later list hands out again, with new evidence, opens a new round; the history stays.

    Parameters
    ----------
    before : only lists of earlier days.
    """
    found = []
    for path in sorted(data_dir.glob("leads/as_of=*/leads.parquet")):
        as_of = _day_of(path)
        if before is None or as_of < before:
            content = path.read_bytes()
            found.append((as_of, path, content, hashlib.sha256(content).hexdigest()))
    known = {(row["as_of"], row["sha256"]) for row in ledger.all_lists()}
    if all((as_of, sha256) in known for as_of, _, _, sha256 in found):
        return 0
    taken = 0
    with ledger.writing() as writer:
        for as_of, path, content, sha256 in found:
            name = path.relative_to(data_dir).as_posix()
            if writer.known_file("list", name, sha256) is None:
                _take_in(writer, name, as_of, content, sha256, _manifest(path), by, today, terms)
                taken += 1
    return taken


def _day_of(path: Path) -> dt.date:
    try:
        return dt.date.fromisoformat(path.parent.name.removeprefix("as_of="))
    except ValueError as error:
        raise FraudmlError("ledger.list", f"{path.parent.name} names no day.", "Remove or rename the folder.") from error


def _manifest(path: Path) -> dict[str, Any]:
    manifest = path.with_name("manifest.json")
    return json.loads(manifest.read_text(encoding="utf-8")) if manifest.is_file() else {}


def _take_in(
    writer: Writer,
    name: str,
    as_of: dt.date,
    content: bytes,
    sha256: str,
    manifest: Mapping[str, Any],
    by: str,
    today: dt.date,
    terms: Terms,
) -> None:
    import pyarrow.parquet as pq

    leads = pq.read_table(io.BytesIO(content)).to_pylist()
    facts = {"counts": manifest.get("counts", {}), "rest": manifest.get("rest", {}), "made": manifest.get("made")}
    file_id = writer.file("list", name, sha256, by, as_of=as_of, facts=facts)
    regions = manifest.get("regions", {})
    rows = [_listing(lead, file_id, as_of, regions.get(lead["lead_id"], "")) for lead in leads]
    hand_out(writer, rows, by=by, terms=terms)


def hand_out(writer: Writer, rows: Sequence[Mapping[str, Any]], *, by: str, terms: Terms) -> None:
    """Records listings, and opens a round for each lead that has none undecided."""
    writer.listings(rows)
    newest: dict[str, Case] = {}
    for case in writer.cases(row["lead_id"] for row in rows):
        newest[case.lead_id] = case
    opened = []
    for row in rows:
        last = newest.get(row["lead_id"])
        if last is not None and (last.settled_on is None or row["as_of"] <= last.settled_on):
            continue  # carried, not repeated
        opened.append(
            {
                "lead_id": row["lead_id"],
                "round": last.round + 1 if last else 1,
                "kind": "handed_out",
                "happened_on": row["as_of"],
                "is_dated": True,
                "recorded_by": by,
                "file_id": row["file_id"],
                "state": HANDED_OUT,
                "unit": terms.unit_of(row["region"]),
                "due_on": row["as_of"] + dt.timedelta(days=terms.days),
            }
        )
    writer.events(opened)


def add_case(
    ledger: Ledger,
    lead_id: str,
    entity_type: str,
    entity_id: str,
    scheme: str,
    *,
    origin: str,
    day: dt.date,
    amount: int,
    by: str,
    terms: Terms,
) -> None:
    """Enters a case that no list named: a report, a self-declaration, a check at random. ``amount`` in question in cents."""
    with ledger.writing() as writer:
        row = {
            "lead_id": lead_id,
            "file_id": writer.file("command", "ledger add", None, by),
            "as_of": day,
            "rank": None,
            "entity_type": entity_type,
            "entity_id": entity_id,
            "members": [],
            "schemes": [scheme],
            "origin": origin,
            "risk": None,
            "amount_at_risk": amount,
            "region": "",
            "period_start": None,
            "period_end": None,
            "evidence_claim_ids": [],
            "reasons": [],
            "model_version": None,
        }
        hand_out(writer, [row], by=by, terms=terms)


def _listing(lead: Mapping[str, Any], file_id: int, as_of: dt.date, region: str) -> dict[str, Any]:
    return {
        "lead_id": lead["lead_id"],
        "file_id": file_id,
        "as_of": as_of,
        "rank": lead["rank"],
        "entity_type": lead["entity_type"],
        "entity_id": lead["entity_id"],
        "members": list(lead["members"] or []),
        "schemes": list(lead["schemes"] or []),
        "origin": ORIGINS.get(lead["drawn"], "lead"),
        "risk": lead["risk"],
        "amount_at_risk": round((lead["amount_at_risk"] or 0.0) * 100),
        "region": region,
        "period_start": lead["period_start"],
        "period_end": lead["period_end"],
        "evidence_claim_ids": list(lead["evidence_claim_ids"] or []),
        "reasons": list(lead["reasons"] or []),
        "model_version": lead["model_version"],
    }
