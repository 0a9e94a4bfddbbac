"""Returned workbooks (L01, L02, L03): what comes in, how often, and what is refused."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess

import openpyxl
import pytest

from fraudml.ledger.lists import take_in_lists
from fraudml.ledger.states import CLOSED, CONFIRMED, HANDED_OUT, MEASURE, NOT_CONFIRMED

DAY = dt.date(2024, 7, 15)


def case_of(ledger, number, **more):
    return [case for case in ledger.cases(**more) if case.lead_id.endswith(f"{number}")][-1]


def test_l01_every_lead_handed_out_is_open_with_unit_and_deadline(ledger):
    cases = ledger.cases()
    assert [case.state for case in cases] == [HANDED_OUT] * 5
    assert [case.unit for case in cases] == ["一分局", "R2", None, None, None]
    assert {case.due_on for case in cases} == {dt.date(2024, 7, 30)}
    assert {case.listing["origin"] for case in cases} == {"lead", "random"}


def test_l02_l03_a_finding_with_outcome_and_amount(ledger, take_in, workbook):
    found = {"state": "属实", "outcome": "追回", "amount": 900.5, "date": DAY, "unit": "二科", "person": "张三", "remark": "已核"}
    done = take_in(workbook({1: found, 2: {"state": "不属实", "date": DAY}}))
    assert (done.taken, done.blank, done.refused, done.problems, done.conflicts) == (2, 3, 0, [], [])
    case = case_of(ledger, 1)
    assert (case.state, case.decision, case.decided_on, case.unit, case.person) == (CONFIRMED, CONFIRMED, DAY, "二科", "张三")
    assert case.outcomes == {("recovered", ""): (90050, DAY)}
    assert case_of(ledger, 2).decision == NOT_CONFIRMED
    event = ledger.events()[-1]
    assert (event["recorded_by"], event["file"], len(event["sha256"]), event["cell"]) == ("importer", "returned.xlsx", 64, "线索清单!E4")


def test_the_same_again_changes_nothing(ledger, take_in, workbook):
    path = workbook({1: {"state": "属实", "date": DAY}})
    take_in(path)
    before = ledger.events()
    done = take_in(path, today=dt.date(2024, 8, 30), by="another")
    assert (done.taken, done.known) == (0, 1)
    assert ledger.events() == before


@pytest.mark.parametrize(
    "changes",
    [
        {"order": [5, 3, 1, 2, 4]},
        {"lang": "en"},
        {"keys": False},
        {"keys": False, "lang": "en"},
        {"sheet": "我的核查"},
        {"order": [1]},
    ],
)
def test_sorted_renamed_cut_and_without_keys_it_is_the_same(ledger, take_in, workbook, changes):
    state = "confirmed" if changes.get("lang") == "en" else "属实"
    take_in(workbook({1: {"state": "属实", "date": DAY}}))
    done = take_in(workbook({1: {"state": state, "date": DAY}}, name="again.xlsx", **changes))
    assert (done.taken, done.known, done.problems) == (0, 1, [])


def test_moved_columns_merged_cells_and_a_second_list_below(ledger, take_in, workbook, tmp_path):
    path = workbook({1: {"state": "属实"}})
    book = openpyxl.load_workbook(path)
    sheet = book.active
    sheet.insert_cols(3)
    state = next(cell.column for cell in sheet[1] if cell.value == "finding_state")
    sheet.merge_cells(start_row=3, end_row=4, start_column=state, end_column=state)
    for row in list(sheet.iter_rows(min_row=2, max_row=3, values_only=True)):  # the visible head and a lead, pasted below
        sheet.append(row)
    book.save(tmp_path / "moved.xlsx")
    done = take_in(tmp_path / "moved.xlsx")
    assert (done.taken, done.known, done.problems) == (2, 1, [])
    assert [case_of(ledger, number).state for number in (1, 2)] == [CONFIRMED, CONFIRMED]


def test_without_lead_ids_the_hidden_sheet_tells_them(ledger, take_in, workbook, tmp_path):
    book = openpyxl.load_workbook(workbook({2: {"state": "属实"}}))
    sheet = book.active
    for row in range(3, 8):
        sheet.cell(row=row, column=1).value = None
    keys = book.create_sheet("_leads")
    keys.append(["rank", "lead_id"])
    keys.append([2, "L-AAAAAA-000002"])
    book.save(tmp_path / "lost.xlsx")
    assert take_in(tmp_path / "lost.xlsx").taken == 1
    assert case_of(ledger, 2).state == CONFIRMED


def test_days_and_amounts_as_people_write_them(ledger, take_in, workbook):
    take_in(
        workbook(
            {
                1: {"state": "已处理", "outcome": "罚款", "amount": "¥1,200.50元", "date": "2024年7月15日"},
                2: {"state": " confirmed ", "date": 45488, "amount": "0.05万"},
                3: {"state": "Measure taken", "outcome": "约谈、移送公安局", "date": "2024/7/15"},
                4: {"state": "已处理", "outcome": "拒付;罚款", "amount": "60;120", "date": "20240715"},
            }
        )
    )
    assert case_of(ledger, 1).outcomes == {("fined", ""): (120050, DAY)}
    assert (case_of(ledger, 2).decided_on, case_of(ledger, 2).amount) == (DAY, 50000)
    assert set(case_of(ledger, 3).outcomes) == {("interviewed", ""), ("transferred", "police")}
    assert case_of(ledger, 4).outcomes == {("refused", ""): (6000, DAY), ("fined", ""): (12000, DAY)}


def test_to_whom_stands_in_the_remark(ledger, take_in, workbook):
    take_in(workbook({1: {"state": "已处理", "outcome": "移送", "remark": "8月移送县卫健局处理"}}))
    assert list(case_of(ledger, 1).outcomes) == [("transferred", "health")]


@pytest.mark.parametrize(
    ("finding", "code", "cell"),
    [
        ({"state": "可能"}, "bad_state", "E3"),
        ({"state": "属实", "outcome": "送花"}, "bad_outcome", "F3"),
        ({"state": "属实", "outcome": "追回", "amount": -5}, "bad_amount", "G3"),
        ({"state": "属实", "outcome": "追回", "amount": "很多"}, "bad_amount", "G3"),
        ({"state": "属实", "outcome": "追回;罚款", "amount": 5}, "which_amount", "G3"),
        ({"state": "不属实", "outcome": "罚款", "amount": 5}, "amount_unconfirmed", "G3"),
        ({"state": "属实", "date": "昨天"}, "bad_date", "H3"),
        ({"state": "属实", "date": dt.date(2024, 9, 1)}, "late_date", "H3"),
        ({"state": "属实", "date": dt.date(2024, 6, 1)}, "early_date", "H3"),
        ({"outcome": "追回", "amount": 5}, "no_state", "E3"),
    ],
)
def test_what_is_wrong_is_told_with_its_cell_and_the_rest_is_taken(ledger, take_in, workbook, finding, code, cell):
    done = take_in(workbook({1: finding, 2: {"state": "属实"}}))
    assert [(each.code, each.cell, each.lead_id) for each in done.problems] == [(code, f"线索清单!{cell}", "L-AAAAAA-000001")]
    assert (done.taken, done.refused) == (1, 1)
    assert case_of(ledger, 1).state == HANDED_OUT
    assert cell in done.problems[0].text("zh") and cell in done.problems[0].text("en")


@pytest.mark.parametrize(
    ("column", "value", "code", "cell"),
    [(1, "L-NOBODY-000000", "unknown_lead", "A3"), (3, "H7", "altered", "C3"), (4, 5000, "altered", "D3"), (1, None, "no_lead", "E3")],
)
def test_altered_lines_are_not_taken(ledger, take_in, workbook, tmp_path, column, value, code, cell):
    book = openpyxl.load_workbook(workbook({1: {"state": "属实"}}))
    book.active.cell(row=3, column=column).value = value
    book.active.cell(row=3, column=2).value = None
    book.save(tmp_path / "altered.xlsx")
    done = take_in(tmp_path / "altered.xlsx")
    assert [(each.code, each.cell) for each in done.problems] == [(code, f"线索清单!{cell}")]
    assert (done.taken, done.refused) == (0, 1)
    assert case_of(ledger, 1).listing["amount_at_risk"] == 100_000


def test_a_formula_that_nobody_worked_out_is_told(ledger, take_in, workbook):
    """A script's ``=100+50`` has no result before a spreadsheet program has opened it: the outcome was taken, its amount lost."""
    done = take_in(workbook({1: {"state": "属实", "outcome": "追回", "amount": "=100+50"}, 2: {"state": "不属实"}}))
    assert (done.taken, done.refused) == (1, 1)
    assert [(problem.code, problem.values["value"]) for problem in done.problems] == [("bad_amount", "=100+50")]
    assert case_of(ledger, 1).state == HANDED_OUT


def test_digits_that_became_a_number_are_still_the_same_person(ledger, take_in, workbook, tmp_path):
    book = openpyxl.load_workbook(workbook({5: {"state": "属实"}}))
    book.active.cell(row=7, column=3).value = 43012345678901
    book.save(tmp_path / "numbers.xlsx")
    assert take_in(tmp_path / "numbers.xlsx").taken == 1


def test_files_that_are_no_workbooks_are_told(ledger, take_in, workbook, tmp_path):
    (tmp_path / "broken.xlsx").write_bytes(b"PK\x03\x04 no")
    openpyxl.Workbook().save(tmp_path / "empty.xlsx")
    done = take_in(tmp_path / "broken.xlsx", tmp_path / "empty.xlsx", workbook({1: {"state": "属实"}}))
    assert [each.code for each in done.problems] == ["unreadable", "no_list"]
    assert done.taken == 1


def test_l02_the_whole_way_keeps_its_history(ledger, take_in, workbook):
    way = [("已核查", CONFIRMED), ("属实", CONFIRMED), ("已处理", MEASURE), ("已销号", CLOSED)]
    for number, (state, _) in enumerate(way):
        done = take_in(workbook({1: {"state": state, "date": DAY + dt.timedelta(days=number)}}, name=f"{number}.xlsx"))
        assert (done.taken, done.conflicts, done.problems) == (1, [], [])
    case = case_of(ledger, 1)
    assert (case.state, case.decided_on, case.closed_on, case.is_open) == (CLOSED, DAY + dt.timedelta(1), DAY + dt.timedelta(3), False)
    told = [event["state"] for event in ledger.events() if event["lead_id"] == case.lead_id]
    assert told == ["handed_out", "checked", "confirmed", "measure", "closed"]
    assert case_of(ledger, 1, as_of=DAY + dt.timedelta(1)).state == CONFIRMED  # what was known then


def test_two_files_of_one_import_follow_each_other(ledger, take_in, workbook):
    later = workbook({1: {"state": "已处理", "outcome": "追回", "amount": 5, "date": dt.date(2024, 8, 1)}}, name="b.xlsx")
    earlier = workbook({1: {"state": "属实", "date": DAY}}, name="a.xlsx")
    assert take_in(later, earlier).taken == 2
    assert (case_of(ledger, 1).state, case_of(ledger, 1).decided_on) == (MEASURE, DAY)


def test_an_older_copy_says_nothing_new(ledger, take_in, workbook):
    old = workbook({1: {"state": "属实", "date": DAY}}, name="old.xlsx")
    take_in(old)
    take_in(workbook({1: {"state": "已销号", "date": dt.date(2024, 8, 1)}}, name="new.xlsx"))
    done = take_in(old)
    assert (done.known, done.conflicts) == (1, [])
    assert case_of(ledger, 1).state == CLOSED


def test_it_comes_back_from_libreoffice(ledger, take_in, workbook, tmp_path):
    office = shutil.which("soffice")
    if office is None:
        pytest.skip("LibreOffice is not installed")
    found = {1: {"state": "属实", "outcome": "追回", "amount": 9.5, "date": DAY, "remark": "+1"}, 5: {"state": "不属实", "date": DAY}}
    path = workbook(found)
    take_in(path)
    command = [office, "--headless", f"-env:UserInstallation=file://{tmp_path}/profile", "--convert-to", "xlsx:Calc MS Excel 2007 XML"]
    subprocess.run([*command, "--outdir", str(tmp_path / "office"), str(path)], check=True, capture_output=True, timeout=120)
    done = take_in(tmp_path / "office" / path.name)
    assert (done.known, done.taken, done.problems) == (2, 0, [])


def test_l02_handed_out_again_after_closing_is_a_new_round(ledger, take_in, workbook, hand_out):
    from fraudml.ledger.lists import Terms

    take_in(workbook({1: {"state": "不属实", "date": DAY}}), workbook({1: {"state": "已销号", "date": DAY}}, name="b.xlsx"))
    data = hand_out("2024-07-31")
    assert take_in_lists(ledger, data, by="importer", today=dt.date(2024, 8, 31), terms=Terms(days=30)) == 1
    rounds = [case for case in ledger.cases() if case.lead_id.endswith("1")]
    assert [(case.round, case.state, case.opened_on) for case in rounds] == [
        (1, CLOSED, dt.date(2024, 6, 30)),
        (2, HANDED_OUT, dt.date(2024, 7, 31)),
    ]
    assert len([case for case in ledger.cases() if case.lead_id.endswith("2")]) == 1  # still open: carried, not repeated
    assert take_in_lists(ledger, data, by="importer", today=dt.date(2024, 8, 31), terms=Terms(days=30)) == 0


def test_a_decided_lead_that_is_listed_again_is_a_new_round_and_lines_find_their_own(ledger, take_in, workbook, hand_out):
    from fraudml.ledger.lists import Terms

    first = workbook({1: {"state": "属实", "date": DAY}}, name="june.xlsx")
    take_in(first)
    again = [("L-AAAAAA-000001", "institution", "H1", ["overpriced_charge"], 70.0, "ranked")]
    take_in_lists(ledger, hand_out("2024-07-31", again), by="importer", today=dt.date(2024, 8, 31), terms=Terms(days=30))
    assert case_of(ledger, 1).round == 2
    # June's workbook comes back with the measure, dated after July's list: it speaks of June's round
    take_in(workbook({1: {"state": "已销号", "outcome": "追回", "amount": 9, "date": dt.date(2024, 8, 5)}}, name="june2.xlsx"))
    rounds = [case for case in ledger.cases() if case.lead_id.endswith("1")]
    assert [(case.round, case.state, case.cents("recovered")) for case in rounds] == [(1, CLOSED, 900), (2, HANDED_OUT, 0)]
    assert [case.listing["amount_at_risk"] for case in rounds] == [100_000, 7_000]
