"""The workbook: read in a minute, safe, and it comes back whole."""

from __future__ import annotations

import datetime as dt
import itertools
import shutil
import subprocess

import openpyxl
import pytest

from fraudml.findings import FINDINGS, HEAD_ROW, KEY_ROW, KEYS_SHEET
from fraudml.ledger.words import state_choices
from fraudml.report import dossiers
from fraudml.report.words import say
from fraudml.report.workbook import write_workbook
from fraudml.report.write import file_parts


def table(path):
    book = openpyxl.load_workbook(path)
    sheet = book[say("sheet_list", "zh")]
    keys = [cell.value for cell in sheet[KEY_ROW + 1]]
    rows = [dict(zip(keys, row, strict=True)) for row in sheet.iter_rows(min_row=HEAD_ROW + 2, values_only=True)]
    return book, sheet, rows


def test_sheets_and_list(written, ranked):
    book, sheet, rows = table(written / "leads.xlsx")
    assert book.sheetnames[:2] == [say("sheet_first", "zh"), say("sheet_list", "zh")]
    leads = ranked[1].leads
    assert [row["lead_id"] for row in rows] == leads["lead_id"].tolist()
    assert [row["rank"] for row in rows] == leads["rank"].tolist()
    assert [row["amount"] for row in rows] == leads["amount_at_risk"].tolist()
    assert sheet.column_dimensions["A"].hidden
    assert sheet.row_dimensions[1].hidden
    assert sheet.freeze_panes == "D3"
    assert sheet.auto_filter.ref


def test_findings_have_lists_and_protection_lets_sort_and_filter(written):
    _, sheet, _ = table(written / "leads.xlsx")
    assert sheet.protection.sheet
    assert sheet.protection.sort is False  # not forbidden
    assert sheet.protection.autoFilter is False
    kinds = [each.type for each in sheet.data_validations.dataValidation]
    assert kinds.count("list") == 2
    assert {"decimal", "date", "custom"} <= set(kinds)
    states = next(each for each in sheet.data_validations.dataValidation if each.type == "list")
    assert all(name in states.formula1 for name in state_choices("zh"))
    assert not any(cell.protection.locked for row in sheet.iter_rows(min_row=3, max_row=3) for cell in row)


def test_text_that_looks_like_a_formula_stays_text(written):
    book, *_ = table(written / "leads.xlsx")
    for sheet in book:
        for row in sheet.iter_rows():
            for cell in row:
                assert cell.data_type != "f", f"{sheet.title} {cell.coordinate} {cell.value!r}"
                if isinstance(cell.value, str) and cell.value[:1] in ("=", "+", "-", "@"):
                    assert cell.quotePrefix


def test_amounts_add_up_by_lead(written):
    book, _, rows = table(written / "leads.xlsx")
    sheet = book[say("sheet_claims", "zh")]
    head = [cell.value for cell in sheet[1]]
    sums: dict[int, float] = {}
    for row in sheet.iter_rows(min_row=2, values_only=True):
        cells = dict(zip(head, row, strict=True))
        sums[cells[say("rank", "zh")]] = sums.get(cells[say("rank", "zh")], 0) + (cells[say("in_question", "zh")] or 0)
    proven = [row for row in rows if not any(name in row["title"] for name in ("行为异常", "随机抽取"))]
    assert proven
    for row in proven:
        assert sums[row["rank"]] == pytest.approx(row["amount"])


def test_one_printed_page_per_lead(written, ranked):
    book, *_ = table(written / "leads.xlsx")
    sheet = book[say("sheet_pages", "zh")]
    assert len(sheet.row_breaks.brk) == len(ranked[1].leads) - 1
    assert sheet.print_area
    assert sheet.sheet_properties.pageSetUpPr.fitToPage
    assert sheet.page_setup.fitToHeight == 0
    ends = [0, *(each.id for each in sheet.row_breaks.brk), sheet.max_row]
    for start, end in itertools.pairwise(ends):
        points = sum(sheet.row_dimensions[row].height or 15 for row in range(start + 1, end + 1))
        assert points < 770


def written_as(path, leads):
    write_workbook(path, leads, as_of=dt.date(2024, 6, 30), start=dt.date(2023, 7, 1), lang="zh")
    return openpyxl.load_workbook(path)


def test_every_printed_page_has_each_part_however_long_the_others_are(ranked, tmp_path):
    """An inspector with the page in hand must know why, how to check, what to ask for, on what ground, and what would explain it."""
    long = [each | {"reasons": each["reasons"] * 6, "checks": [f"{n} {'核对' * 30}" for n in range(9)]} for each in dossiers(*ranked)]
    sheet = written_as(tmp_path / "long.xlsx", long)[say("sheet_pages", "zh")]
    ends = [0, *(each.id for each in sheet.row_breaks.brk), sheet.max_row]
    for each, (start, end) in zip(long, itertools.pairwise(ends), strict=True):
        page = "\n".join(str(row[0]) for row in sheet.iter_rows(min_row=start + 1, max_row=end, values_only=True) if row[0])
        assert all(clause["text"].split(":")[0] in page for clause in each["clauses"]), page
        parts = ("reasons", "checks", *(name for name in ("documents", "benign") if each[name]), "evidence", "finding")
        assert all(say(name, "zh") in page for name in parts), page
        assert sum(sheet.row_dimensions[row].height or 15 for row in range(start + 1, end + 1)) < 770


def test_days_of_evidence_are_dates(written):
    """Only dates can be filtered by month and year."""
    book, *_ = table(written / "leads.xlsx")
    for name in ("sheet_claims", "sheet_lines"):
        sheet = book[say(name, "zh")]
        column = [cell.value for cell in sheet[1]].index(say("day", "zh")) + 1
        days = [sheet.cell(row, column).value for row in range(2, sheet.max_row + 1)]
        assert all(isinstance(day, dt.datetime) for day in days if day is not None)
        assert any(days)


def test_the_first_sheet_leaves_no_scheme_out_and_calls_a_random_draw_no_suspicion(ranked, tmp_path):
    one = dossiers(*ranked)[0]
    leads = [one | {"id": f"L{n}", "rank": n + 1, "first": f"情形{n}", "amount": 10.0} for n in range(20)]
    leads += [one | {"id": "LR", "rank": 21, "drawn": "random", "first": "随机抽取核查", "amount": 1e6}]
    sheet = written_as(tmp_path / "first.xlsx", leads)[say("sheet_first", "zh")]
    rows = [row for row in sheet.iter_rows(values_only=True) if isinstance(row[2], int)]
    assert sum(row[2] for row in rows if row[1].startswith(("情形", "随机抽取核查"))) == 21
    assert "共21条线索(其中随机抽取1条) · 疑点线索涉及金额约200元" in sheet["B3"].value


def test_lead_ids_are_kept_twice(written, ranked):
    book, *_ = table(written / "leads.xlsx")
    sheet = book[KEYS_SHEET]
    assert sheet.sheet_state == "veryHidden"
    assert [row[1] for row in sheet.iter_rows(min_row=2, values_only=True)] == ranked[1].leads["lead_id"].tolist()


def test_a_region_gets_its_own_leads_only(written):
    _, _, every = table(written / "leads.xlsx")
    _, _, own = table(written / "leads-R2.xlsx")
    assert [row["lead_id"] for row in own] == [row["lead_id"] for row in every if row["region"] == "R2"]
    assert 0 < len(own) < len(every)


def test_regions_together_are_the_whole_list(written):
    _, _, every = table(written / "leads.xlsx")
    parts = sorted(written.glob("leads-*.xlsx"))
    rows = [row for path in parts for row in table(path)[2]]
    assert sorted(row["lead_id"] for row in rows) == sorted(row["lead_id"] for row in every)
    assert sum(row["amount"] for row in rows) == pytest.approx(sum(row["amount"] for row in every))
    assert all(path.with_suffix(".html").is_file() for path in parts)


def test_a_regions_files_know_nothing_of_other_regions(written):
    _, _, every = table(written / "leads.xlsx")
    others = [row["lead_id"] for row in every if row["region"] != "R2"]
    book, *_ = table(written / "leads-R2.xlsx")
    cells = {cell.value for sheet in book for row in sheet.iter_rows() for cell in row if isinstance(cell.value, str)}
    page = (written / "leads-R2.html").read_text(encoding="utf-8")
    assert others
    assert not cells & set(others)
    assert not any(each in page for each in others)


def test_names_of_regions_are_safe_and_stay_apart():
    parts = file_parts(["", "unknown", "../../etc", "A", "a", "长沙县", "x" * 300])
    assert len({part.casefold() for part in parts.values()}) == 7
    assert not any("/" in part or "." in part or len(part) > 70 for part in parts.values())
    assert parts["长沙县"] == "长沙县"


def test_printed_pages_have_two_pictures_that_say_in_words_what_they_show(written, ranked):
    book, *_ = table(written / "leads.xlsx")
    sheet = book[say("sheet_pages", "zh")]
    assert len(ranked[1].leads) <= len(sheet._images) <= 2 * len(ranked[1].leads)
    words = [cell.value for row in sheet.iter_rows() for cell in row if cell.value]
    assert any("同类中位数" in str(each) for each in words)


def test_a_lead_says_how_sure_it_is_and_on_what_it_rests(written):
    _, _, rows = table(written / "leads.xlsx")
    assert all(row["certainty"] and row["basis"] and row["range"] for row in rows)


def test_the_same_input_gives_the_same_bytes(ranked, tmp_path):
    from fraudml.report import write_reports

    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_reports(*ranked, tmp_path / name)
    for file in ("leads.xlsx", "leads.html"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_it_comes_back_from_libreoffice_with_findings(written, tmp_path, ranked):
    office = shutil.which("soffice")
    if office is None:
        pytest.skip("LibreOffice is not installed")
    book, sheet, _ = table(written / "leads.xlsx")
    keys = [cell.value for cell in sheet[KEY_ROW + 1]]
    filled = {"finding_state": state_choices("zh")[2], "finding_amount": 1234.5, "finding_remark": "=1+1 已核"}
    for name, value in filled.items():
        cell = sheet.cell(row=3, column=keys.index(name) + 1)
        cell.value = value
        cell.data_type = "n" if isinstance(value, float) else "s"
    book.save(tmp_path / "returned.xlsx")
    command = [office, "--headless", f"-env:UserInstallation=file://{tmp_path}/profile", "--convert-to", "xlsx:Calc MS Excel 2007 XML"]
    subprocess.run(
        [*command, "--outdir", str(tmp_path / "office"), str(tmp_path / "returned.xlsx")], check=True, capture_output=True, timeout=120
    )
    _, _, rows = table(tmp_path / "office" / "returned.xlsx")
    assert [row["lead_id"] for row in rows] == ranked[1].leads["lead_id"].tolist()
    assert {name: rows[0][name] for name in filled} == filled
    assert all(rows[1][name] is None for name in FINDINGS)
