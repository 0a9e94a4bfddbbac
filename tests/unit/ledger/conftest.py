"""A ledger of five leads, in both databases, and the workbook that was handed out for them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet as pq
import pytest

from fraudml.findings import FINDINGS
from fraudml.leads.table import arrow_leads
from fraudml.ledger import Ledger, open_ledger
from fraudml.ledger.importing import Imported, import_workbooks
from fraudml.ledger.lists import Terms, take_in_lists
from fraudml.report.words import say
from fraudml.wording import LANGUAGES

TODAY = dt.date(2024, 8, 31)
TERMS = Terms(days=30, units={"R1": "一分局"})
TITLES = {say(key, lang): key for lang in LANGUAGES for key in ("rank", "entity", "amount", *FINDINGS)} | {"lead_id": "lead_id"}
LEADS = [
    ("L-AAAAAA-000001", "institution", "H1", ["overpriced_charge"], 1000.0, "ranked"),
    ("L-AAAAAA-000002", "doctor", "D1", ["excessive_prescription"], 500.0, "ranked"),
    ("L-AAAAAA-000003", "ring", "G1", ["drug_resale"], 800.0, "ranked"),
    ("L-AAAAAA-000004", "claim", "C9", ["duplicate_charge"], 60.0, "ranked"),
    ("L-AAAAAA-000005", "patient", "43012345678901", ["unexplained"], 0.0, "random"),
]
MEMBERS = [{"entity_type": kind, "entity_id": one, "role": kind} for kind, one in (("patient", "P1"), ("pharmacy", "Y1"), ("doctor", "D2"))]


@pytest.fixture
def hand_out(tmp_path: Path) -> Callable[..., Path]:
    """``hand_out(as_of, leads=LEADS)`` writes ``data/leads/as_of=…`` and returns the data folder."""

    def write(as_of: str = "2024-06-30", leads: list[Any] | None = None, **manifest: Any) -> Path:
        day = dt.date.fromisoformat(as_of)
        rows = [
            {
                "lead_id": identity,
                "rank": rank,
                "as_of": day,
                "period_start": dt.date(day.year, 1, 1),
                "period_end": day,
                "entity_type": kind,
                "entity_id": entity,
                "members": MEMBERS if kind == "ring" else [],
                "schemes": schemes,
                "risk": 0.9,
                "amount_at_risk": amount,
                "evidence_claim_ids": [f"C{rank}", "C0"],
                "reasons": [],
                "drawn": drawn,
                "model_version": "v1",
            }
            for rank, (identity, kind, entity, schemes, amount, drawn) in enumerate(LEADS if leads is None else leads, 1)
        ]
        folder = tmp_path / "data" / "leads" / f"as_of={as_of}"
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(arrow_leads(rows), folder / "leads.parquet")
        regions = {LEADS[0][0]: "R1", LEADS[1][0]: "R2"}
        (folder / "manifest.json").write_text(json.dumps({"regions": regions} | manifest))
        return tmp_path / "data"

    return write


@pytest.fixture(params=["sqlite", "postgresql"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of an empty ledger: a file, then a PostgreSQL database."""
    return str(tmp_path / "ledger.sqlite") if request.param == "sqlite" else request.getfixturevalue("postgresql")


@pytest.fixture
def ledger(uri: str, hand_out: Callable[..., Path]) -> Iterator[Ledger]:
    """A ledger with the five leads of June."""
    with open_ledger(uri) as opened:
        take_in_lists(opened, hand_out(), by="importer", today=TODAY, terms=TERMS)
        yield opened


@pytest.fixture
def workbook(tmp_path: Path) -> Callable[..., Path]:
    """``workbook({number: {finding…}}, name=…)``: a list like the one handed out, with findings; columns as the report writes them."""

    def write(findings: dict[int, dict[str, Any]], name: str = "returned.xlsx", lang: str = "zh", **changes: Any) -> Path:
        book = openpyxl.Workbook()
        sheet = book.active
        sheet.title = changes.get("sheet", say("sheet_list", lang))
        columns = ["lead_id", "rank", "entity", "amount", *FINDINGS]
        if changes.get("keys", True):
            sheet.append(columns)
        sheet.append(["lead_id", *(say(each, lang) for each in columns[1:])])
        for rank in changes.get("order", range(1, len(LEADS) + 1)):
            identity, _, entity, _, amount, _ = LEADS[rank - 1]
            filled = findings.get(rank, {})
            sheet.append([identity, rank, entity, amount, *(filled.get(each.removeprefix("finding_")) for each in FINDINGS)])
        path = tmp_path / name
        book.save(path)
        return path

    return write


@pytest.fixture
def take_in(ledger: Ledger) -> Callable[..., Imported]:
    """``take_in(path, …)``: imports workbooks as of the end of August."""

    def do(*paths: Path, today: dt.date = TODAY, by: str = "importer") -> Imported:
        schemes = {"重复收费": "duplicate_charge", "超量开药": "excessive_prescription", "挂床住院": "phantom_bed"}
        return import_workbooks(ledger, list(paths), by=by, today=today, titles=TITLES, schemes=schemes)

    return do
