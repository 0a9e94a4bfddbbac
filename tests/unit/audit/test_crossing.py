"""A11, A12, A13: past doubts, crossings, rules that can run."""

from __future__ import annotations

import pandas as pd

from fraudml.audit import run_programme

AS_OF = "2024-06-30"


def drawn(claims, conf, **more):
    return run_programme(claims, "own", AS_OF, periods=["2023", "2024-01..2024-06"], conf_dir=conf, **more)


def test_a12_who_stands_on_two_lists_goes_to_the_top(make_claims, conf_dir, visits):
    shop = {"visit_type": "pharmacy", "institution_id": "Y1", "account_amount": 10.0}
    rows = visits("P1", 5) + visits("P2", 4) + visits("P3", 3) + visits("P3", 4, **shop) + visits("P3", 2, first="2023-02")
    rows += visits("P1", 1, first="2023-02")
    conf = conf_dir("outpatient_visits", "account_purchases", "account_drug_spending", crossing=2)
    result = drawn(make_claims(claims=rows), conf)
    keys = result.key_targets
    assert keys["entity_id"].tolist() == ["P3"]  # P1 stands on one list in two years: one list
    assert keys["list_count"].tolist() == [3] and keys["place_count"].tolist() == [4]
    assert keys["lists"].iloc[0] == "门诊就诊高频次、个人账户购药高频次、职工个人账户购药高费用"
    rows = result.lists["outpatient_visits"].rows
    rows = rows[rows["period"] == "2024-01..2024-06"]
    assert rows["entity_id"].tolist() == ["P3", "P1", "P2"] and rows["rank"].tolist() == [3, 1, 2]
    assert rows["other_lists"].tolist()[0] == "个人账户购药高频次、职工个人账户购药高费用"
    three = conf_dir("outpatient_visits", "account_purchases", crossing=3)
    assert drawn(make_claims(claims=[{}]), three).key_targets.empty


def test_a11_each_past_doubt_with_whether_it_was_checked(make_claims, conf_dir):
    ledger = pd.DataFrame(
        [
            {"lead_id": "L1", "entity_type": "patient", "entity_id": "P1", "state": "confirmed", "handed_out_on": "2024-01-31"}
            | {"deadline": "2024-03-01", "checked_on": "2024-03-15"},
            {"lead_id": "L2", "entity_type": "patient", "entity_id": "P2", "state": "handed_out", "handed_out_on": "2024-02-29"}
            | {"deadline": "2024-05-01", "checked_on": None},
            {"lead_id": "L3", "entity_type": "patient", "entity_id": "P3", "state": "checked", "handed_out_on": "2024-05-31"}
            | {"deadline": "2024-08-01", "checked_on": "2024-07-05"},  # nobody knows yet
            {"lead_id": "L4", "entity_type": "patient", "entity_id": "P4", "state": "handed_out", "handed_out_on": "2024-07-31"}
            | {"deadline": None, "checked_on": None},
        ]
    )
    listed = drawn(make_claims(claims=[{}]), conf_dir("past_doubts"), ledger=ledger).lists["past_doubts"]
    found = listed.rows.set_index("lead_id")
    assert sorted(found.index) == ["L1", "L2", "L3"]
    assert found["is_checked"].to_dict() == {"L1": True, "L2": False, "L3": False}
    assert found["is_overdue"].to_dict() == {"L1": True, "L2": True, "L3": False}
    assert "其中已核查1条" in listed.notes[0]


def test_a11_without_a_ledger_the_protocol_says_so(make_claims, conf_dir):
    result = drawn(make_claims(claims=[{}]), conf_dir("past_doubts"))
    assert result.lists["past_doubts"].rows.empty
    assert result.protocol["value"].str.contains("没有台账").any()


def test_a13_rules_that_can_run_and_what_the_others_lack(make_claims, conf_dir):
    rows = drawn(make_claims(claims=[{}]), conf_dir("rule_check")).lists["rule_check"].rows.set_index("scheme")
    assert len(rows) == 33
    assert not rows.loc["stock_mismatch", "can_run"] and "inventory" in rows.loc["stock_mismatch", "missing"]
    assert rows["can_run"].any()
    assert set(rows["payment_stage"]) <= {"before", "during", "after"}
