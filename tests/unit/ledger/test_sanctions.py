"""Past measures by scheme and amount, one fact sanctioned twice (L05), and the ledger as files."""

from __future__ import annotations

import datetime as dt

import openpyxl
import pandas as pd
import pytest

from fraudml.errors import UsageError
from fraudml.ledger.export import export
from fraudml.ledger.importing import record
from fraudml.ledger.lists import Terms, add_case, take_in_lists
from fraudml.ledger.sanctions import discretion, duplicates
from fraudml.ledger.states import Entry

TODAY = dt.date(2024, 8, 31)


def say(ledger, number, *outcomes, amount=None, day=dt.date(2024, 7, 15)):
    record(ledger, [f"L-AAAAAA-00000{number}"], Entry("measure", outcomes, amount, day), by="me", today=TODAY)


@pytest.fixture
def many(ledger, hand_out):
    """Ten more cases of one scheme, by ten doctors."""
    leads = [(f"L-BBBBBB-{n:06}", "doctor", f"X{n}", ["overpriced_charge"], 100.0, "ranked") for n in range(10)]
    take_in_lists(ledger, hand_out("2024-05-31", leads), by="me", today=TODAY, terms=Terms())
    return ledger


def test_l05_the_spread_of_past_measures(many):
    for n in range(10):
        outcomes = [("recovered", "", 200_000), ("fined", "", 200_000 * (1 + n % 3))] if n < 6 else [("interviewed", "", None)]
        record(many, [f"L-BBBBBB-{n:06}"], Entry("measure", tuple(outcomes), 200_000), by="me", today=TODAY)
    rows = {row["measure"]: row for row in discretion(many.cases(), [0, 1000, 10_000])}
    fined = rows["fined"]
    assert (fined["scheme"], fined["band"], fined["cases"], fined["share"]) == ("overpriced_charge", 1000.0, 10, 0.6)
    assert (fined["least"], fined["median"], fined["most"], fined["times"]) == (2000, 4000, 6000, 2.0)
    assert (rows["interviewed"]["share"], rows["interviewed"]["median"]) == (0.4, None)


def test_l05_two_fines_on_one_party_for_the_same_claims(ledger, hand_out):
    again = [("L-CCCCCC-000001", "institution", "H1", ["duplicate_charge"], 100.0, "ranked")]  # claims C1 and C0, as the first lead
    take_in_lists(ledger, hand_out("2024-05-31", again), by="me", today=TODAY, terms=Terms())
    say(ledger, 1, ("fined", "", 500))
    assert duplicates(ledger.cases()) == []
    record(ledger, ["L-CCCCCC-000001"], Entry("measure", (("fined", "", 900),), happened_on=dt.date(2024, 8, 1)), by="me", today=TODAY)
    assert duplicates(ledger.cases()) == [{"first": "L-AAAAAA-000001", "second": "L-CCCCCC-000001", "same": "fine", "claims": 2}]


def test_l05_two_parties_may_each_be_fined_but_money_comes_back_once(ledger):
    say(ledger, 1, ("fined", "", 500), ("recovered", "", 500))
    say(ledger, 2, ("fined", "", 500), ("recovered", "", 500))  # shares claim C0, of another scheme
    assert duplicates(ledger.cases()) == []
    record(ledger, ["L-AAAAAA-000002"], Entry(scheme="overpriced_charge"), by="me", today=TODAY)
    assert [row["same"] for row in duplicates(ledger.cases())] == ["money"]


def test_l06_a_reported_case_enters_without_a_list(ledger):
    for _ in range(2):  # entered twice it is one case
        add_case(
            ledger, "L-R", "doctor", "D9", "drug_resale", origin="report", day=dt.date(2024, 7, 1), amount=5, by="me", terms=Terms(days=10)
        )
    (case,) = [case for case in ledger.cases() if case.lead_id == "L-R"]
    assert (case.listing["origin"], case.due_on, case.round) == ("report", dt.date(2024, 7, 11), 1)


def test_exports(ledger, tmp_path):
    record(ledger, ["L-AAAAAA-000001"], Entry("measure", (("recovered", "", 150),), remark="=1+1"), by="me", today=TODAY)
    (book,) = export(ledger, tmp_path / "ledger.xlsx", TODAY)
    sheets = openpyxl.load_workbook(book)
    assert sheets.sheetnames == ["states", "events"]
    head = [cell.value for cell in sheets["states"][1]]
    row = dict(zip(head, [cell.value for cell in sheets["states"][2]], strict=True))
    assert (row["lead_id"], row["recovered"], row["remark"]) == ("L-AAAAAA-000001", 1.5, "=1+1")
    assert all(cell.data_type != "f" for sheet in sheets for line in sheet.iter_rows() for cell in line)
    states, events = export(ledger, tmp_path / "ledger.parquet", TODAY)
    assert (len(pd.read_parquet(states)), len(pd.read_parquet(events))) == (5, 6)
    _, events = export(ledger, tmp_path / "ledger.csv", TODAY)
    last = pd.read_csv(events).iloc[-1]
    assert (last["outcomes"], last["recorded_by"], last["remark"]) == ('[["recovered", "", 1.5]]', "me", "'=1+1")
    with pytest.raises(UsageError):
        export(ledger, tmp_path / "ledger.txt", TODAY)
