"""Monthly figures and the report's paragraph (L07), and what random draws say (L06)."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from fraudml.ledger.importing import record
from fraudml.ledger.lists import Terms, take_in_lists
from fraudml.ledger.overview import chosen, row_of
from fraudml.ledger.precision import Stratum, of_sample, of_strata, precision
from fraudml.ledger.states import Entry
from fraudml.ledger.statistics import monthly, paragraph

TODAY = dt.date(2024, 8, 31)
LEADS = [
    ("L-AAAAAA-000001", "institution", "H1", ["overpriced_charge"], 1000.0, "ranked"),
    ("L-AAAAAA-000002", "doctor", "D1", ["excessive_prescription"], 500.0, "ranked"),
    ("L-AAAAAA-000005", "patient", "43012345678901", ["unexplained"], 0.0, "random"),
]


@pytest.fixture
def decided(ledger):
    """An institution fined, a doctor suspended, a ring transferred and recovered from, a claim refused, a patient cleared and closed."""

    def say(number, state, outcomes=(), day="2024-07-15"):
        entry = Entry(state, tuple(outcomes), happened_on=dt.date.fromisoformat(day))
        record(ledger, [f"L-AAAAAA-00000{number}"], entry, by="me", today=TODAY)

    say(1, "measure", [("fined", "", 2_000_000)])
    say(1, "measure", [("recovered", "", 1_000_000)], "2024-08-02")
    say(2, "measure", [("suspended", "", None)])
    say(3, "measure", [("transferred", "police", None), ("recovered", "", 80_000)], "2024-08-03")
    say(4, "measure", [("refused", "", 6_000)])
    say(5, "not_confirmed")
    say(5, "closed", day="2024-08-05")
    return ledger


def test_l07_by_month_and_scheme(decided):
    rows = {(row["month"], row["scheme"]): row for row in monthly(decided.cases())}
    assert (rows["2024-06", "drug_resale"]["opened"], rows["2024-06", "drug_resale"]["open"]) == (1, 1)
    july, august = rows["2024-07", "overpriced_charge"], rows["2024-08", "overpriced_charge"]
    assert (july["confirmed"], july["fined"], july["recovered"], july["handled"]) == (1, 20_000, 0, 1)
    assert (august["confirmed"], august["recovered"]) == (0, 10_000)
    assert (rows["2024-08", "unexplained"]["closed"], rows["2024-08", "unexplained"]["open"]) == (1, 0)
    assert sum(row["recovered"] for row in rows.values()) == 10_800  # a ring's money once


def test_l07_the_paragraph(decided):
    text = paragraph(decided.cases(), dt.date(2024, 6, 1), TODAY, "zh", TODAY)
    assert "2024年6月1日至2024年8月31日,共下发疑点线索5条,查实4条,查否1条,销号1条;期末在办4条,其中超期4条。" in text
    assert "处理定点医药机构2家次,追回违规费用1.08万元,行政处罚1家,行政罚款2万元,移送其他部门处理1家,其中1家移送公安机关。" in text
    assert "处理医保医师2名,中止服务协议1名,移送其他部门处理1名" in text
    assert "另按单笔结算拒付60元。" in text
    assert "参保人员" not in text  # nobody was
    english = paragraph(decided.cases(), dt.date(2024, 7, 1), dt.date(2024, 7, 31), "en", TODAY)
    assert "1 fined CNY 20,000" in english and "recovered" not in english


def test_l07_people_are_counted_by_heads_institutions_by_times(ledger, hand_out):
    again = [
        ("L-BBBBBB-000001", "institution", "H1", ["phantom_bed"], 70.0, "ranked"),
        ("L-BBBBBB-000002", "doctor", "D1", ["phantom_bed"], 70.0, "ranked"),
    ]
    take_in_lists(ledger, hand_out("2024-07-31", again), by="importer", today=TODAY, terms=Terms(days=30))
    for lead in ("L-AAAAAA-000001", "L-AAAAAA-000002", "L-BBBBBB-000001", "L-BBBBBB-000002"):
        entry = Entry("measure", (("interviewed", "", None),), happened_on=dt.date(2024, 8, 5))
        record(ledger, [lead], entry, by="me", today=TODAY)
    text = paragraph(ledger.cases(), dt.date(2024, 6, 1), TODAY, "zh", TODAY)
    assert "处理定点医药机构2家次,约谈1家" in text
    assert "处理医保医师1名,约谈1名" in text


def test_l02_overdue_and_by_unit(decided):
    cases = decided.cases()
    assert len(chosen(cases, "overdue", TODAY)) == 4
    assert chosen(cases, "overdue", dt.date(2024, 7, 30)) == []
    assert [case.lead_id[-1] for case in chosen(cases, "open", TODAY, "一分局")] == ["1"]
    assert [case.lead_id[-1] for case in chosen(cases, "closed", TODAY)] == ["5"]
    assert row_of(chosen(cases, "overdue", TODAY, "一分局")[0], TODAY)["days_over"] == 32


def test_l06_random_draws_speak_for_what_was_not_listed(ledger, hand_out):
    data = hand_out("2024-06-30", [*LEADS[:-1], (*LEADS[-1][:4], 1.0, "random")], rest={"patient": 900, "doctor": 99})  # made anew
    take_in_lists(ledger, data, by="me", today=TODAY, terms=Terms())
    record(ledger, ["L-AAAAAA-000001", "L-AAAAAA-000002"], Entry("confirmed"), by="me", today=TODAY)
    record(ledger, ["L-AAAAAA-000005"], Entry("not_confirmed"), by="me", today=TODAY)
    found = precision(ledger)
    assert (found.listed.share, found.listed.decided) == (1.0, 2)
    assert (found.rest.share, found.rest.decided) == (0.0, 1)
    assert found.naive.share == pytest.approx(2 / 3)
    assert found.scored.share == pytest.approx(2 / 902)
    assert precision(ledger, as_of=dt.date(2024, 7, 1)).naive is None


def test_l06_intervals_hold_the_truth_in_repeated_draws():
    rng, hits, sizes, shares, draws = np.random.default_rng(1), 0, (5000, 400, 60), (0.01, 0.1, 0.3), (40, 40, 40)
    truth = np.dot(sizes, shares) / sum(sizes)
    for _ in range(400):
        strata = [Stratum(size, n, int(rng.binomial(n, share))) for size, n, share in zip(sizes, draws, shares, strict=True)]
        found = of_strata(strata)
        hits += found.low <= truth <= found.high
    assert hits / 400 >= 0.93
    assert of_strata([]) is None
    assert of_sample(3, 3).high == 1.0
