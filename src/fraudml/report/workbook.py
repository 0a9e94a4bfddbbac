"""``leads.xlsx``: read it in a minute, work down the list, print one page per lead, write the findings in and send it back."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fraudml.findings import FINDINGS, HEAD_ROW, KEY_ROW, KEYS, KEYS_SHEET
from fraudml.ledger.words import outcome_choices, state_choices
from fraudml.report.cells import INK, QUIET, RULE, SOFT, YELLOW, Cells, lines_of
from fraudml.report.evidence_sheets import write_claims, write_lines
from fraudml.report.lead_page import open_since, write_lead_pages
from fraudml.report.words import certainty, period, recovery_range, say, subtitle

Dossiers = Sequence[Mapping[str, Any]]

_LIST = {
    "lead_id": 4,
    "rank": 6,
    "title": 24,
    "kind": 10,
    "entity": 18,
    "region": 10,
    "place": 16,
    "amount": 15,
    "certainty": 9,
    "basis": 16,
    "expected": 15,
    "range": 18,
    "main_reason": 62,
    "period": 24,
    "drawn": 12,
    "finding_state": 12,
    "finding_outcome": 12,
    "finding_amount": 14,
    "finding_date": 12,
    "finding_unit": 16,
    "finding_person": 12,
    "finding_remark": 28,
}


def write_workbook(path: Path, dossiers: Dossiers, *, as_of: dt.date, start: dt.date, lang: str) -> Path:
    """Writes the workbook: summary, list with finding columns, evidence by settlement and by line, one page per lead."""
    import xlsxwriter

    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
    with xlsxwriter.Workbook(str(path), options) as book:
        # the same input gives the same file
        book.set_properties({"title": say("title", lang), "created": dt.datetime(as_of.year, as_of.month, as_of.day)})
        sheets = {
            name: book.add_worksheet(say(name, lang))
            for name in ("sheet_first", "sheet_list", "sheet_pages", "sheet_claims", "sheet_lines")
        }
        anchors = write_lead_pages(Cells(book, sheets["sheet_pages"]), dossiers, lang)
        _summary(Cells(book, sheets["sheet_first"]), dossiers, as_of, start, lang)
        _list(Cells(book, sheets["sheet_list"]), dossiers, anchors, lang)
        write_claims(Cells(book, sheets["sheet_claims"]), dossiers, lang)
        write_lines(Cells(book, sheets["sheet_lines"]), dossiers, lang)
        _keys(Cells(book, book.add_worksheet(KEYS_SHEET)), dossiers)
    return path


def _summary(cells: Cells, dossiers: Dossiers, as_of: dt.date, start: dt.date, lang: str) -> None:
    sheet = cells.sheet
    sheet.hide_gridlines(2)
    for column, width in enumerate((3, 34, 14, 22, 14)):
        sheet.set_column(column, column, width)
    cells.text(1, 1, say("title", lang), font_size=20, bold=True)
    cells.text(2, 1, subtitle(dossiers, start, as_of, lang), font_size=12)
    sheet.set_row(1, 32)
    sheet.set_row(2, 22)
    row = 4
    cells.across(row, 1, 4, say("intro", lang), text_wrap=True, font_color=QUIET)
    sheet.set_row(row, 15 * lines_of(say("intro", lang), 84) + 6)
    row = _heading(cells, row + 2, say("how_to", lang))
    for number in (1, 2, 3):
        content = f"{number}. " + say(f"how_to_{number}", lang)
        cells.across(row, 1, 4, content, text_wrap=True)
        sheet.set_row(row, 15 * lines_of(content, 84) + 4)
        row += 1
    groups: tuple[tuple[str, Callable[[Mapping[str, Any]], str]], ...] = (
        ("by_scheme", lambda each: each["first"]),
        ("by_type", lambda each: say(f"type_{each['type']}", lang)),
        ("drawn", lambda each: say(f"drawn_{each['drawn']}", lang)),
    )
    for title, key in groups:
        row = _heading(cells, row + 1, say(title, lang))
        head = {"bottom": 1, "bottom_color": RULE, "font_color": QUIET}
        cells.text(row, 1, "", **head)
        cells.text(row, 2, say("count", lang), align="right", **head)
        cells.text(row, 3, say("amount", lang), align="right", **head)
        row += 1
        counts = Counter(key(each) for each in dossiers)
        for name, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])):
            cells.text(row, 1, name)
            cells.number(row, 2, count, num_format="#,##0", align="right")
            cells.money(row, 3, sum(each["amount"] for each in dossiers if key(each) == name))
            row += 1
    sheet.set_portrait()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 1)
    sheet.print_area(0, 0, row, 4)
    sheet.activate()


def _heading(cells: Cells, row: int, title: str) -> int:
    cells.text(row, 1, title, bold=True, font_size=12)
    cells.sheet.set_row(row, 20)
    return row + 1


def _list(cells: Cells, dossiers: Dossiers, anchors: Mapping[str, int], lang: str) -> None:
    sheet = cells.sheet
    names = list(_LIST)
    place = {name: number for number, name in enumerate(names)}
    for name, width in _LIST.items():
        sheet.set_column(place[name], place[name], width, None, {"hidden": name == "lead_id"})
        cells.text(KEY_ROW, place[name], name)
        fill = YELLOW if name in FINDINGS else SOFT
        title = name if name == "lead_id" else say("suspected" if name == "title" else name, lang)
        cells.text(HEAD_ROW, place[name], title, bold=True, bg_color=fill, bottom=1, bottom_color=INK, text_wrap=True, valign="vcenter")
    sheet.set_row(KEY_ROW, None, None, {"hidden": True})
    sheet.set_row(HEAD_ROW, 30)
    # sorting a protected sheet needs unlocked cells: what must not change is guarded by validation instead
    plain = {"locked": False, "bottom": 4, "bottom_color": RULE}
    wrapped = plain | {"text_wrap": True}
    for number, each in enumerate(dossiers):
        row = HEAD_ROW + 1 + number
        reason = each["reasons"][0]["text"] if each["reasons"] else ""
        cells.text(row, place["lead_id"], each["id"], **plain)
        cells.number(row, place["rank"], each["rank"], **plain)
        cells.text(row, place["title"], each["title"], bold=True, **wrapped)
        cells.text(row, place["kind"], say(f"type_{each['type']}", lang), **plain)
        link = f"internal:'{say('sheet_pages', lang)}'!A{anchors[each['id']] + 1}"
        sheet.write_url(
            row, place["entity"], link, cells.format(font_color="#1f5fa8", underline=1, quote_prefix=True, **wrapped), each["entity"][:250]
        )
        cells.text(row, place["region"], each["region"], **plain)
        cells.text(row, place["place"], each["place"], **wrapped)
        cells.money(row, place["amount"], each["amount"], **plain)
        cells.text(row, place["certainty"], certainty(each["risk"], lang), **plain)
        cells.text(row, place["basis"], each["basis"], **wrapped)
        cells.money(row, place["expected"], each["expected"], **plain)
        cells.text(row, place["range"], recovery_range(each, lang), **(plain | {"align": "right"}))
        cells.text(row, place["main_reason"], reason, **wrapped)
        cells.text(row, place["period"], period(each, lang), **wrapped)
        drawn = " · ".join(filter(None, (say(f"drawn_{each['drawn']}", lang), open_since(each, lang))))
        cells.text(row, place["drawn"], drawn, **wrapped)
        for name in FINDINGS:
            kind = {"finding_amount": {"num_format": "#,##0.00"}, "finding_date": {"num_format": "yyyy-mm-dd"}}.get(name, {})
            sheet.write_blank(row, place[name], None, cells.format(bg_color=YELLOW, **kind, **wrapped))
        height = max(
            lines_of(reason, _LIST["main_reason"] * 0.95),
            lines_of(each["title"], _LIST["title"] * 0.9),
            lines_of(period(each, lang), _LIST["period"] * 0.9),
        )
        sheet.set_row(row, min(15 * height + 5, 300))
    last = HEAD_ROW + max(len(dossiers), 1)
    sheet.autofilter(HEAD_ROW, 0, last, len(names) - 1)
    sheet.freeze_panes(HEAD_ROW + 1, place["kind"])
    _validations(sheet, place, last, lang)
    sheet.protect("", {"sort": True, "autofilter": True, "format_rows": True, "select_locked_cells": True, "select_unlocked_cells": True})
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(HEAD_ROW)
    sheet.set_footer("&C&P / &N")
    sheet.print_area(HEAD_ROW, place["rank"], last, place["drawn"])


def _validations(sheet: Any, place: Mapping[str, int], last: int, lang: str) -> None:
    first = HEAD_ROW + 1

    def guard(name: str, rule: dict[str, Any]) -> None:
        sheet.data_validation(first, place[name], last, place[name], {"error_title": say("finding", lang)} | rule)

    for name, choices in (("finding_state", state_choices(lang)), ("finding_outcome", outcome_choices(lang))):
        guard(name, {"validate": "list", "source": choices, "error_message": say("invalid_choice", lang)})
    guard("finding_amount", {"validate": "decimal", "criteria": ">=", "value": 0, "error_message": say("invalid_number", lang)})
    guard("finding_date", {"validate": "date", "criteria": ">=", "value": dt.date(2000, 1, 1), "error_message": say("invalid_date", lang)})
    sheet.data_validation(
        first,
        0,
        last,
        place["drawn"],
        {
            "validate": "custom",
            "value": "=FALSE",
            "ignore_blank": False,
            "error_title": say("finding", lang),
            "error_message": say("read_only", lang),
        },
    )


def _keys(cells: Cells, dossiers: Dossiers) -> None:
    for column, name in enumerate(KEYS):
        cells.text(0, column, name)
    for row, each in enumerate(dossiers, 1):
        cells.number(row, 0, each["rank"])
        for column, name in enumerate(("id", "type", "entity"), 1):
            cells.text(row, column, each[name])
        cells.money(row, 4, each["amount"])
    cells.sheet.very_hidden()
