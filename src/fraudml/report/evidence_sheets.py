"""The evidence sheets of the workbook: by settlement and by item line, to be filtered for one lead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fraudml.report.cells import INK, SOFT, Cells
from fraudml.report.words import say

_LEAD = (("rank", 6), ("suspected", 20), ("entity", 18), ("claim", 24), ("day", 12))
CLAIM_COLUMNS = (
    *_LEAD,
    ("visit", 10),
    ("institution", 16),
    ("doctor", 16),
    ("patient", 18),
    ("diagnosis", 10),
    ("total", 13),
    ("in_question", 13),
    ("what", 70),
)
LINE_COLUMNS = (*_LEAD, ("item_code", 22), ("item", 34), ("quantity", 10), ("price", 12), ("line_amount", 13), ("in_question", 13))
"""Wording key and width."""


def write_claims(cells: Cells, dossiers: Sequence[Mapping[str, Any]], lang: str) -> None:
    """One row per evidence claim; the amounts in question of a lead add up to its amount at risk."""
    columns = CLAIM_COLUMNS
    _head(cells, columns, lang)
    row = 1
    for each in dossiers:
        for claim in each["claims"]:
            values = (
                say(f"visit_{claim['kind']}", lang),
                claim["institution"],
                claim["doctor"],
                claim["patient"],
                claim["diagnosis"],
            )
            _who(cells, row, each)
            cells.text(row, 3, claim["claim"])
            cells.day(row, 4, claim["day"])
            for number, value in enumerate(values):
                cells.text(row, 5 + number, value)
            cells.money(row, 10, claim["total"])
            cells.money(row, 11, claim["amount"] if not each["estimated"] else None)
            cells.text(row, 12, "\n".join(claim["text"]), text_wrap=True)
            row += 1
        for loose in each["loose"]:
            _who(cells, row, each)
            cells.day(row, 4, loose["day"])
            cells.money(row, 11, loose["amount"])
            cells.text(row, 12, loose["text"], text_wrap=True)
            row += 1
        if each["rest_amount"] > 0:
            _who(cells, row, each)
            cells.text(row, 3, say("evidence_rest", lang))
            cells.money(row, 11, each["rest_amount"])
            row += 1
    _foot(cells, row, len(columns))


def write_lines(cells: Cells, dossiers: Sequence[Mapping[str, Any]], lang: str) -> None:
    """One row per item line in question."""
    columns = LINE_COLUMNS
    _head(cells, columns, lang)
    row = 1
    for each in dossiers:
        for claim in each["claims"]:
            for line in claim["lines"]:
                if not line["flagged"]:
                    continue
                _who(cells, row, each)
                cells.text(row, 3, claim["claim"])
                cells.day(row, 4, claim["day"])
                cells.text(row, 5, line["item"])
                cells.text(row, 6, line["name"])
                cells.number(row, 7, line["quantity"], num_format="#,##0.##")
                cells.money(row, 8, line["price"])
                cells.money(row, 9, line["amount"])
                cells.money(row, 10, line["asked"])
                row += 1
    _foot(cells, row, len(columns))


def _who(cells: Cells, row: int, dossier: Mapping[str, Any]) -> None:
    cells.number(row, 0, dossier["rank"])
    cells.text(row, 1, dossier["title"])
    cells.text(row, 2, dossier["entity"])


def _head(cells: Cells, columns: Sequence[tuple[str, int]], lang: str) -> None:
    for number, (name, width) in enumerate(columns):
        cells.sheet.set_column(number, number, width)
        cells.text(0, number, say(name, lang), bold=True, bg_color=SOFT, bottom=1, bottom_color=INK)
    cells.sheet.freeze_panes(1, 3)


def _foot(cells: Cells, rows: int, columns: int) -> None:
    cells.sheet.autofilter(0, 0, max(rows - 1, 1), columns - 1)
    cells.sheet.set_landscape()
    cells.sheet.set_paper(9)
    cells.sheet.fit_to_pages(1, 0)
    cells.sheet.repeat_rows(0)
