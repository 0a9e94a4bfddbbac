"""Two workbooks that say different things, a state that cannot follow (L02): listed, nothing taken, until somebody decides."""

from __future__ import annotations

import datetime as dt

import pytest

from fraudml.errors import FraudmlError
from fraudml.ledger.importing import record, resolve
from fraudml.ledger.states import CHECKED, CLOSED, CONFIRMED, HANDED_OUT, MEASURE, NOT_CONFIRMED, Entry

DAY = dt.date(2024, 7, 15)
TODAY = dt.date(2024, 8, 31)
LEAD = "L-AAAAAA-000001"


def case_of(ledger, number=1):
    return next(case for case in ledger.cases() if case.lead_id.endswith(str(number)))


def test_two_workbooks_that_contradict_each_other(ledger, take_in, workbook):
    yes = workbook({1: {"state": "属实", "date": DAY, "unit": "一科"}, 2: {"state": "属实", "date": DAY}}, name="one.xlsx")
    no = workbook({1: {"state": "不属实", "date": DAY, "unit": "二科"}}, name="two.xlsx")
    done = take_in(yes, no)
    assert (done.taken, len(done.conflicts)) == (1, 2)  # the other lead is taken
    case = case_of(ledger)
    assert (case.state, case.unit, len(case.conflicts)) == (HANDED_OUT, "一分局", 2)
    assert {each.why for each in done.conflicts} == {"decision"}
    assert all(each.file in each.text("zh") and f"[{each.event_id}]" in each.text("en") for each in done.conflicts)
    again = take_in(yes, no)
    assert (again.taken, again.known, again.conflicts) == (0, 3, [])  # offered once
    third = take_in(workbook({1: {"state": "已核查"}}, name="three.xlsx"))
    assert [each.why for each in third.conflicts] == ["waiting"]
    offer = next(each.event_id for each in done.conflicts if each.file == "two.xlsx")
    assert resolve(ledger, [LEAD], offer, by="chief", today=TODAY) == 1
    case = case_of(ledger)
    assert (case.state, case.decision, case.unit, case.conflicts) == (NOT_CONFIRMED, NOT_CONFIRMED, "二科", [])
    last = ledger.events()[-1]
    assert (last["kind"], last["file"], last["recorded_by"]) == ("corrected", "two.xlsx", "chief")


@pytest.mark.parametrize(
    ("first", "then", "why"),
    [
        ({"state": "属实"}, {"state": "不属实"}, "decision"),
        ({"state": "不属实"}, {"state": "已处理", "outcome": "罚款", "amount": 3}, "decision"),
        ({"state": "已处理", "outcome": "追回", "amount": 5}, {"state": "已处理", "outcome": "追回", "amount": 6}, "amount"),
        ({"state": "属实", "date": DAY}, {"state": "属实", "date": dt.date(2024, 7, 16)}, "date"),
        ({"state": "已处理", "outcome": "约谈"}, {"state": "已核查"}, "backwards"),
        ({"state": "已核查"}, {"state": "已销号"}, "undecided"),
    ],
)
def test_what_cannot_follow_waits(ledger, take_in, workbook, first, then, why):
    take_in(workbook({1: first}, name="first.xlsx"))
    before = case_of(ledger)
    done = take_in(workbook({1: then}, name="then.xlsx"))
    assert [each.why for each in done.conflicts] == [why]
    after = case_of(ledger)
    assert (after.state, after.outcomes, after.decided_on) == (before.state, before.outcomes, before.decided_on)
    resolve(ledger, [LEAD], 0, by="chief", today=TODAY)  # the ledger stands
    assert (case_of(ledger).state, case_of(ledger).conflicts) == (before.state, [])


@pytest.mark.parametrize(
    "then",
    [
        {"state": "已处理", "outcome": "追回", "amount": 5, "date": DAY},
        {"state": "属实", "remark": "补充"},
        {"state": "属实", "date": DAY},
        {"state": "已销号", "date": DAY},
        {"unit": "三科"},
        {"state": "已下发", "person": "李四"},
    ],
)
def test_what_follows_or_adds_is_taken(ledger, take_in, workbook, then):
    take_in(workbook({1: {"state": "属实"}}, name="first.xlsx"))
    done = take_in(workbook({1: then}, name="then.xlsx"))
    assert (done.taken, done.conflicts, done.problems) == (1, [], [])


def test_a_further_outcome_adds_up(ledger, take_in, workbook):
    take_in(workbook({1: {"state": "已处理", "outcome": "追回", "amount": 5, "date": DAY}}, name="first.xlsx"))
    take_in(workbook({1: {"state": "已处理", "outcome": "罚款", "amount": 9, "date": dt.date(2024, 8, 1)}}, name="then.xlsx"))
    assert (case_of(ledger).cents("recovered"), case_of(ledger).cents("fined"), case_of(ledger).state) == (500, 900, MEASURE)


def test_a_measure_before_the_decision_has_a_wrong_day(ledger, take_in, workbook):
    take_in(workbook({1: {"state": "属实", "date": dt.date(2024, 7, 20)}}, name="first.xlsx"))
    done = take_in(workbook({1: {"state": "已处理", "outcome": "约谈", "date": DAY}}, name="then.xlsx"))
    assert [each.code for each in done.problems] == ["before_decision"]
    assert (done.taken, done.refused) == (0, 1)


def test_resolving_what_is_not_in_conflict_is_refused(ledger, take_in, workbook):
    with pytest.raises(FraudmlError, match="no_conflict"):
        resolve(ledger, [LEAD], 0, by="chief", today=TODAY)
    take_in(workbook({1: {"state": "属实"}}, name="a.xlsx"), workbook({1: {"state": "不属实"}}, name="b.xlsx"))
    with pytest.raises(FraudmlError, match="no_offer"):
        resolve(ledger, [LEAD], 99_999, by="chief", today=TODAY)


def test_l01_an_assignment_by_command(ledger):
    record(ledger, [LEAD], Entry(unit="三科", person="李四", due_on=dt.date(2024, 12, 1)), by="chief", today=TODAY)
    case = case_of(ledger)
    assert (case.state, case.unit, case.person, case.due_on) == (HANDED_OUT, "三科", "李四", dt.date(2024, 12, 1))


def test_an_appeal_replaces_the_decision_and_what_hung_on_it(ledger):
    record(ledger, [LEAD], Entry("measure", (("fined", "", 500),), happened_on=DAY), by="chief", today=TODAY)
    appeal = Entry("not_confirmed", happened_on=dt.date(2024, 8, 20), remark="复议撤销")
    with pytest.raises(FraudmlError, match="contradiction"):
        record(ledger, [LEAD], appeal, by="chief", today=TODAY)
    record(ledger, [LEAD], appeal, by="chief", today=TODAY, corrects=True)
    case = case_of(ledger)
    assert (case.decision, case.decided_on, case.outcomes, case.corrected) == (NOT_CONFIRMED, dt.date(2024, 8, 20), {}, True)
    assert case.state == NOT_CONFIRMED


@pytest.mark.parametrize(
    ("entry", "code"), [(Entry("closed"), "contradiction"), (Entry("checked", happened_on=dt.date(2024, 1, 1)), "date")]
)
def test_a_command_is_held_to_the_same_rules(ledger, entry, code):
    with pytest.raises(FraudmlError, match=code):
        record(ledger, [LEAD], entry, by="chief", today=TODAY)
    with pytest.raises(FraudmlError, match="unknown_lead"):
        record(ledger, [LEAD, "L-X"], Entry("checked"), by="chief", today=TODAY)
    assert case_of(ledger).state == HANDED_OUT


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (Entry("not_confirmed", (("fined", "", 10_000),)), r"\[ledger.amount\].*not confirmed"),
        (Entry("not_confirmed", amount=10_000), r"\[ledger.amount\].*not confirmed"),
        (Entry(amount=10_000), r"\[ledger.amount\].*without a state"),
        (Entry(due_on=dt.date(2024, 6, 1)), r"\[ledger.date\].*due on 2024-06-01"),
        (Entry("closed"), r"\[ledger.contradiction\].*whether it is confirmed"),
    ],
)
def test_l03_a_command_may_say_no_more_than_a_workbook(ledger, entry, told):
    with pytest.raises(FraudmlError, match=told):
        record(ledger, [LEAD], entry, by="chief", today=TODAY)
    assert case_of(ledger).state == HANDED_OUT


def test_l02_nothing_is_closed_before_the_decision_it_rests_on(ledger):
    record(ledger, [LEAD], Entry("measure", (("transferred", "police", None),), happened_on=DAY), by="chief", today=TODAY)
    with pytest.raises(FraudmlError, match=r"\[ledger.date\].*before the decision"):
        record(ledger, [LEAD], Entry("closed", happened_on=DAY - dt.timedelta(1)), by="chief", today=TODAY)
    record(ledger, [LEAD], Entry("closed", happened_on=DAY), by="chief", today=TODAY)


def test_states_in_order():
    from fraudml.ledger.states import PLACE

    assert sorted(PLACE, key=lambda state: (PLACE[state], state)) == [HANDED_OUT, CHECKED, CONFIRMED, NOT_CONFIRMED, MEASURE, CLOSED]
