"""Reading returned workbooks: sorted, filtered, merged, re-saved, with renamed sheets and moved columns, in Chinese and English."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import re
import unicodedata
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fraudml.findings import FINDINGS, KEYS_SHEET, LEAD_ID
from fraudml.ledger.problems import Problem
from fraudml.ledger.words import plain

COLUMNS = (LEAD_ID, "rank", "entity", "amount", *FINDINGS)
"""Keys of the columns that are read: which lead, as it was handed out, and what was found."""

_HEAD_WITHIN = 30
"""A list's head stands within so many rows of its sheet's top."""


@dataclass(frozen=True)
class Line:
    """One row of a list: by column key the value and the cell's address (``Sheet!P12``)."""

    lead_id: str
    values: Mapping[str, Any]
    cells: Mapping[str, str]

    def is_blank(self) -> bool:
        """Whether nothing was filled in."""
        return all(self.values.get(name) is None for name in FINDINGS)

    def cell(self, name: str) -> str:
        """Where a column stands; a column that is missing is told by the lead's own cell."""
        return self.cells.get(name) or self.cells.get("lead_id") or next(iter(self.cells.values()), "")


@dataclass(frozen=True)
class Returned:
    """What a workbook says: its lines, and what could not be read."""

    name: str
    sha256: str
    lines: list[Line] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read_workbook(path: Path, titles: Mapping[str, str]) -> Returned:
    """The lines of every list in a workbook, on whatever sheet.

    Parameters
    ----------
    titles : shown title (any language) -> column key, for lists whose hidden first row was lost.
    """
    import openpyxl

    try:
        content = path.read_bytes()
    except OSError as error:
        return Returned(path.name, "", problems=[Problem("unreadable", path.name, values={"why": error.strerror or str(error)})])
    digest = hashlib.sha256(content).hexdigest()
    try:
        book = openpyxl.load_workbook(io.BytesIO(content), data_only=True)
        formulas = openpyxl.load_workbook(io.BytesIO(content)) if _has_formulas(content) else None
    except Exception as error:  # noqa: BLE001 - whatever a damaged file makes the library raise, it is this file's problem, not the command's
        return Returned(path.name, digest, problems=[Problem("unreadable", path.name, values={"why": f"{type(error).__name__} {error}"})])
    known = {plain(title): key for title, key in titles.items()}
    by_rank = _kept_keys(book)
    lines: list[Line] = []
    problems: list[Problem] = []
    found = False
    for sheet in book.worksheets:
        if sheet.title == KEYS_SHEET:
            continue
        for line in _lines(sheet, known, by_rank, formulas[sheet.title] if formulas else None):
            found = True
            if line is None:
                continue
            if line.lead_id:
                lines.append(line)
            elif not line.is_blank():
                cell = next(line.cells[name] for name in FINDINGS if line.values.get(name) is not None)
                problems.append(Problem("no_lead", path.name, cell))
    if not found:
        problems.append(Problem("no_list", path.name))
    return Returned(path.name, digest, lines, problems)


def _has_formulas(content: bytes) -> bool:
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        sheets = [name for name in packed.namelist() if name.startswith("xl/worksheets/") and name.endswith(".xml")]
        return any(b"<f>" in text or b"<f " in text for text in map(packed.read, sheets))


def _kept_keys(book: Any) -> dict[int, str]:
    """Rank -> lead id of the hidden sheet."""
    if KEYS_SHEET not in book.sheetnames:
        return {}
    rows = list(book[KEYS_SHEET].iter_rows(values_only=True))
    head = [str(each) for each in rows[0]] if rows else []
    if "rank" not in head or "lead_id" not in head:
        return {}
    rank, lead = head.index("rank"), head.index("lead_id")
    return {int(row[rank]): str(row[lead]) for row in rows[1:] if isinstance(row[rank], (int, float)) and row[lead]}


def _lines(sheet: Any, titles: Mapping[str, str], by_rank: Mapping[int, str], formulas: Any) -> Iterator[Line | None]:
    """Rows below a head; None for the head itself. A head that comes again (lists pasted below one another) counts anew.

    Parameters
    ----------
    formulas : the sheet with its formulas as text, None where it has none. One that no program has worked out is taken for what it says:
        that is neither a state nor an amount, and is told, where an empty cell would pass for nothing said.
    """
    spread = _merged(sheet)
    columns: dict[str, int] = {}
    by_key = False
    for number, row in enumerate(sheet.iter_rows(), 1):
        head, named = _head(row, titles)
        if head and (named or not by_key or number > _HEAD_WITHIN):
            columns, by_key = head, named
            yield None
            continue
        if head or not columns:
            if not columns and number > _HEAD_WITHIN:
                return
            continue
        values: dict[str, Any] = {}
        cells = {}
        for name, place in columns.items():
            if place >= len(row):
                continue
            cell = row[place]
            value = spread.get((cell.row, cell.column), cell.value) if name in FINDINGS else cell.value
            if value is None and formulas is not None and name in FINDINGS:
                value = formulas.cell(cell.row, cell.column).value
            if isinstance(value, str) and not value.strip():
                value = None
            values[name], cells[name] = value, f"{sheet.title}!{cell.coordinate}"
        if all(value is None for value in values.values()):
            continue
        lead = str(values.get("lead_id") or "").strip()
        rank = values.get("rank")
        if not lead and isinstance(rank, (int, float)) and rank == int(rank):
            lead = by_rank.get(int(rank), "")
        yield Line(lead, values, cells)


def _head(row: Any, titles: Mapping[str, str]) -> tuple[dict[str, int], bool]:
    """Column key -> place where a row is a list's head, and whether it names the columns by key."""
    texts = {place: cell.value.strip() for place, cell in enumerate(row) if isinstance(cell.value, str) and cell.value.strip()}
    by_title: dict[str, int] = {}
    for place, text in texts.items():
        if (key := titles.get(plain(text))) is not None:
            by_title.setdefault(key, place)
    for found, named in (({text: place for place, text in texts.items() if text in COLUMNS}, True), (by_title, False)):
        if "finding_state" in found and ("lead_id" in found or "rank" in found):
            return found, named
    return {}, False


def _merged(sheet: Any) -> dict[tuple[int, int], Any]:
    """What stands in merged cells, for each cell that they cover: one entry for several leads."""
    spread: dict[tuple[int, int], Any] = {}
    for area in sheet.merged_cells.ranges:
        value = sheet.cell(area.min_row, area.min_col).value
        if value is not None and area.min_col == area.max_col:
            spread |= {(row, area.min_col): value for row in range(area.min_row, area.max_row + 1)}
    return spread


def cents_of(value: Any) -> int | None:
    """An amount in yuan as cents; None where it is none.

    >>> cents_of(1234.5), cents_of("¥1,234.50元"), cents_of("1.2万"), cents_of("-3"), cents_of(float("nan")), cents_of("一千")
    (123450, 123450, 1200000, None, None, None)
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        number = float(value)
    else:
        text = re.sub(r"[\s,]", "", unicodedata.normalize("NFKC", str(value)).lower())
        text = re.sub(r"^(cny|rmb|人民币|¥)|(元整|元|圆|cny|yuan)$", "", text)
        times = 10_000 if text.endswith("万") else 1
        try:
            number = float(text.removesuffix("万")) * times
        except ValueError:
            return None
    # a bureau's whole yearly fund is below 1e12; a nan compares with nothing
    return round(number * 100) if 0 <= number < 1e12 else None


def day_of(value: Any) -> dt.date | None:
    """A day, however it was written; None where it is none.

    >>> day_of("2024年7月5日"), day_of("2024/7/5"), day_of(45478), day_of("20240705 10:30"), day_of("5月")
    (datetime.date(2024, 7, 5), datetime.date(2024, 7, 5), datetime.date(2024, 7, 5), datetime.date(2024, 7, 5), None)
    """
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)) and 36_526 <= value < 73_051:  # a day that lost its format: 2000 … 2099 as a serial number
        return dt.date(1899, 12, 30) + dt.timedelta(days=int(value))
    text = plain(value)
    found = re.match(r"(\d{4})\s*[年/. ]\s*(\d{1,2})\s*[月/. ]\s*(\d{1,2})\s*日?(?!\d)", text) or re.match(
        r"(\d{4})(\d{2})(\d{2})(?!\d)", text
    )
    if not found:
        return None
    try:
        return dt.date(*(int(each) for each in found.groups()))
    except ValueError:
        return None
