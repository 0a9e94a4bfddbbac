"""``NAME.xlsx``: key targets first, a sheet per list, the counts of every stratum, and the protocol."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fraudml.audit.listed import Listed
from fraudml.audit.programme import AuditResult
from fraudml.audit.words import heading, is_empty, overview, say, value_in_words
from fraudml.report.cells import QUIET, RULE, SOFT, YELLOW, Cells, lines_of, width_of

if TYPE_CHECKING:
    import pandas as pd

HIDDEN = ("stratum", "list_ids", "kind")
"""Columns that the tables keep for machines: strata have columns of their own."""

WIDEST = 60
FORMATS = {"count": "#,##0", "yuan": "#,##0.00", "share": "0.0%", "number": "#,##0.####"}
FINDINGS = ("finding", "amount", "checked_by_person", "checked_day")


def write_workbook(result: AuditResult, path: Path) -> Path:
    """Writes the workbook; the same result gives the same file."""
    import xlsxwriter

    lang = result.lang
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
    with xlsxwriter.Workbook(str(path), options) as book:
        book.set_properties({"title": result.programme.name[lang], "created": dt.datetime.combine(result.as_of, dt.time())})
        names: set[str] = set()
        first = Cells(book, book.add_worksheet(_sheet_name(say("sheet_overview", lang), names)))
        if result.programme.crossing:
            cells = Cells(book, book.add_worksheet(_sheet_name(say("key_targets", lang), names)))
            _table(
                cells, result.key_targets, {}, {"list_count": "count", "place_count": "count", "best_place": "share"}, lang, findings=True
            )
        sheets = {}
        for identity, listed in result.lists.items():
            sheets[identity] = _sheet_name(f"{listed.entry.row} {listed.entry.name[lang]}", names)
            _list(Cells(book, book.add_worksheet(sheets[identity])), listed, lang)
        _counts(Cells(book, book.add_worksheet(_sheet_name(say("sheet_counts", lang), names))), result)
        _protocol(Cells(book, book.add_worksheet(_sheet_name(say("sheet_protocol", lang), names))), result)
        _overview(first, result, sheets)
    return path


def _sheet_name(wanted: str, names: set[str]) -> str:
    """A name that Excel takes: 31 characters, none of ``[]:*?/\\``, no two alike."""
    plain = re.sub(r"[\[\]:*?/\\']", " ", wanted).strip()[:31]
    number = 1
    while plain.lower() in names:
        number += 1
        plain = f"{plain[: 30 - len(str(number))]} {number}"
    names.add(plain.lower())
    return plain


def _overview(cells: Cells, result: AuditResult, sheets: dict[str, str]) -> None:
    """The programme on one page: what each list holds, with a link to it."""
    lang, sheet = result.lang, cells.sheet
    sheet.hide_gridlines(2)
    for column, width in enumerate((3, 7, 34, 12, 12, 64)):
        sheet.set_column(column, column, width)
    cells.text(1, 1, result.programme.name[lang], font_size=18, bold=True)
    sheet.set_row(1, 30)
    periods = [each.name for each in result.periods] if result.programme.uses_periods else []
    cells.text(2, 1, overview(result.as_of, periods, result.seed, lang), font_color=QUIET)
    cells.text(3, 1, result.programme.source[lang], font_color=QUIET)
    head: dict[str, Any] = {"bold": True, "bg_color": SOFT, "bottom": 1, "bottom_color": RULE}
    for column, name in enumerate(("row", "list_name", "population", "listed", "notes"), 1):
        cells.text(5, column, heading(name, lang), **head, align="right" if name in ("population", "listed") else "left")
    row = 6
    for identity, listed in result.lists.items():
        cells.text(row, 1, listed.entry.row)
        link = f"internal:'{sheets[identity]}'!A1"
        sheet.write_url(row, 2, link, cells.format(font_color="#1f5fa8", underline=1, text_wrap=True), listed.entry.name[lang])
        cells.number(row, 3, float(listed.strata["population"].sum()) if "population" in listed.strata else None, num_format="#,##0")
        cells.number(row, 4, float(len(listed.rows)), num_format="#,##0")
        note = listed.notes[0] if listed.notes else ""
        cells.text(row, 5, note, text_wrap=True, font_color=QUIET)
        sheet.set_row(row, 15 * max(lines_of(note, 60), lines_of(listed.entry.name[lang], 32)) + 5)
        row += 1
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.activate()


def _list(cells: Cells, listed: Listed, lang: str) -> None:
    """A list's sheet: what it is, then its rows."""
    drawn = "drawn" in listed.rows and (listed.rows["drawn"] == "random").any()
    _table(
        cells,
        listed.rows if drawn else listed.rows.drop(columns=["draw_key"], errors="ignore"),
        listed.headings,
        listed.units,
        lang,
        about=[listed.entry.about[lang], *listed.notes[:3]],
        findings=listed.entry.crosses,
    )


def _table(
    cells: Cells,
    frame: pd.DataFrame,
    headings: dict[str, str],
    units: dict[str, str],
    lang: str,
    *,
    about: list[str] | None = None,
    findings: bool = False,
) -> None:
    """A frame as a sheet: text stays text, figures are figures, days are days; columns for the finding where somebody will check."""
    sheet = cells.sheet
    columns = [name for name in frame if name not in HIDDEN or (name == "kind" and "week" in frame)]
    row = 0
    for text in [each for each in about or () if each]:
        cells.text(row, 0, text, font_color=QUIET)
        row += 1
    top = row + 1 if row else 0
    head: dict[str, Any] = {"bold": True, "bottom": 1, "bottom_color": RULE, "text_wrap": True, "valign": "vcenter"}
    titles = [headings.get(name) or heading(name, lang) for name in columns]
    for column, title in enumerate(titles):
        cells.text(top, column, title, bg_color=SOFT, **head)
    extra = FINDINGS if findings else ()
    for column, name in enumerate(extra, len(columns)):
        cells.text(top, column, heading(name, lang), bg_color=YELLOW, **head)
        sheet.set_column(column, column, 16)
    sheet.set_row(top, 15 * max([lines_of(title, 12) for title in titles] or [1]) + 8)
    for column, name in enumerate(columns):
        values = list(frame[name])
        widest = width_of(titles[column]) / 2
        for number, value in enumerate(values, top + 1):
            said = _cell(cells, number, column, name, value, units.get(name, ""), lang)
            widest = max(widest, width_of(said))
        sheet.set_column(column, column, min(max(widest + 2, 8), WIDEST))
    for number in range(top + 1, top + 1 + len(frame)):
        for column in range(len(columns), len(columns) + len(extra)):
            sheet.write_blank(number, column, None, cells.format(bg_color=YELLOW, bottom=4, bottom_color=RULE))
    if columns:
        sheet.autofilter(top, 0, top + max(len(frame), 1), len(columns) + len(extra) - 1)
    sheet.freeze_panes(top + 1, 0)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(top)
    sheet.set_footer("&C&P / &N")


def _cell(cells: Cells, row: int, column: int, name: str, value: Any, unit: str, lang: str) -> str:
    """Writes one value; returns about how it reads, for the column's width."""
    value = value.item() if hasattr(value, "item") else value
    if is_empty(value):
        cells.text(row, column, "")
        return ""
    if unit == "day" or isinstance(value, (dt.date, dt.datetime)) or hasattr(value, "to_pydatetime"):
        text = str(value)[:10]
        cells.text(row, column, text)
        return text
    if isinstance(value, bool):
        text = say("yes" if value else "no", lang)
        cells.text(row, column, text, **({"bold": True, "font_color": "#a8321f"} if name == "is_key_target" and value else {}))
        return text
    if isinstance(value, (int, float)):
        cells.number(row, column, float(value), num_format=FORMATS.get(unit, "#,##0.####"))
        return f"{value:,.2f}"
    text = "、".join(map(str, value)) if isinstance(value, (list, tuple)) else value_in_words(name, value, lang)
    cells.text(row, column, text, text_wrap=width_of(text) > WIDEST)
    return text


def _counts(cells: Cells, result: AuditResult) -> None:
    lang = result.lang
    table = result.strata.rename(columns={"stratum": "stratum_name"})
    table["list"] = [result.lists[each].entry.name[lang] for each in table["list"]]
    _table(cells, table, {}, dict.fromkeys(("population", "frame", "quota", "listed", "at_cut"), "count"), lang)


def _protocol(cells: Cells, result: AuditResult) -> None:
    lang, sheet = result.lang, cells.sheet
    for column, width in enumerate((26, 24, 110)):
        sheet.set_column(column, column, width)
    head: dict[str, Any] = {"bold": True, "bg_color": SOFT, "bottom": 1, "bottom_color": RULE}
    for column, name in enumerate(("part", "item", "value")):
        cells.text(0, column, heading(f"protocol_{name}", lang), **head)
    before = ""
    for number, row in enumerate(result.protocol.itertuples(), 1):
        part = value_in_words("part", row.part, lang)
        edge = {"top": 1, "top_color": RULE} if row.part != before else {}
        cells.text(number, 0, part if row.part != before else "", bold=True, **edge)
        cells.text(number, 1, row.item, font_color=QUIET, **edge)
        cells.text(number, 2, row.value, text_wrap=True, **edge)
        sheet.set_row(number, 15 * lines_of(row.value, 104) + 2)
        before = row.part
    sheet.freeze_panes(1, 0)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
