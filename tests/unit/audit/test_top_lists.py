"""A01-A06: top lists by period, insurance type and disease, on hand-checked rows."""

from __future__ import annotations

import pytest

from fraudml.audit import run_programme

AS_OF = "2024-06-30"


def drawn(claims, conf, *, periods=("2024-01..2024-06",), **changes):
    return run_programme(claims, "own", AS_OF, periods=list(periods), conf_dir=conf, changes=changes)


def listed(result, name):
    rows = result.lists[name].rows
    return list(zip(rows["stratum"], rows["entity_id"], rows["value"], strict=True))


def test_a02_counts_visits_of_each_insurance_type_apart(make_claims, conf_dir, visits):
    rows = visits("P1", 3) + visits("P1", 2, insurance_type="resident") + visits("P2", 2) + visits("P3", 1, visit_type="chronic")
    rows += visits("P3", 4, visit_type="pharmacy", institution_id="Y1") + visits("P3", 5, visit_type="emergency")
    # a second settlement of one visit is no second visit
    rows += [{"claim_id": "again", "patient_id": "P2", "started_on": "2024-01-01", "visit_id": "VP2-2024-01-1"}]
    result = drawn(make_claims(claims=rows), conf_dir("outpatient_visits"), outpatient_visits={"size": 2})
    assert listed(result, "outpatient_visits") == [
        ("2024-01..2024-06/employee", "P1", 3.0),
        ("2024-01..2024-06/employee", "P2", 2.0),
        ("2024-01..2024-06/resident", "P1", 2.0),
    ]
    assert result.lists["outpatient_visits"].rows["per_year"].tolist() == [6.0, 4.0, 4.0]


def test_a02_refunds_are_netted(make_claims, conf_dir, visits):
    rows = visits("P1", 3) + visits("P2", 2)
    back = rows[0] | {"claim_id": "back", "is_refund": True, "refund_of": rows[0]["claim_id"], "total_amount": -100.0}
    rows.append(back | {"settled_at": "2024-02-01 10:00:00"})
    result = drawn(make_claims(claims=rows), conf_dir("outpatient_visits"))
    assert [value for _, _, value in listed(result, "outpatient_visits")] == [2.0, 2.0]
    protocol = result.protocol.set_index("item")["value"]
    assert protocol["其中全额退费,已剔除"] == "1"


@pytest.mark.parametrize(("ties", "count"), [("together", 4), ("drawn", 2)])
def test_a02_ties_at_the_cut(make_claims, conf_dir, visits, ties, count):
    rows = visits("P1", 3) + visits("P2", 2) + visits("P3", 2) + visits("P4", 2) + visits("P5", 1)
    result = drawn(make_claims(claims=rows), conf_dir("outpatient_visits"), outpatient_visits={"size": 2, "ties": ties})
    names = [name for _, name, _ in listed(result, "outpatient_visits")]
    assert len(names) == count and names[0] == "P1" and "P5" not in names
    strata = result.lists["outpatient_visits"].strata.iloc[0]
    assert (strata["population"], strata["quota"], strata["listed"], strata["cut_value"]) == (5, 2, count, 2.0)


def test_a02_ties_are_broken_by_a_stated_measure(make_claims, conf_dir, visits):
    rows = visits("P1", 2, total_amount=10.0) + visits("P2", 2, total_amount=90.0) + visits("P3", 2, total_amount=50.0)
    change = {"size": 2, "ties": "drawn", "tiebreak": "sum(total_amount)"}
    result = drawn(make_claims(claims=rows), conf_dir("outpatient_visits"), outpatient_visits=change)
    assert sorted(name for _, name, _ in listed(result, "outpatient_visits")) == ["P2", "P3"]


def test_a01_periods_are_drawn_apart_and_compared_by_rate(make_claims, conf_dir, visits):
    rows = visits("P1", 4, first="2023-05") + visits("P1", 3, first="2024-02") + visits("P2", 2, first="2024-03")
    result = drawn(make_claims(claims=rows), conf_dir("outpatient_visits"), periods=("2023", "2024-01..2024-06"))
    rows = result.lists["outpatient_visits"].rows
    assert rows["period"].tolist() == ["2023", "2024-01..2024-06", "2024-01..2024-06"]
    assert rows["per_year"].tolist() == [4.0, 6.0, 4.0]


def test_a01_data_that_do_not_cover_the_notice_use_their_own_years(make_claims, conf_dir, visits):
    rows = [row for month in (10, 11, 12) for row in visits("P1", 2, first=f"2023-{month}")]
    rows += [row for month in range(1, 7) for row in visits("P1", 2, first=f"2024-0{month}")]
    conf = conf_dir("outpatient_visits", periods=["2019", "2020", "2021-01..2021-09"])
    result = run_programme(make_claims(claims=rows), "own", AS_OF, conf_dir=conf)
    assert [each.name for each in result.periods] == ["2023-10..2023-12", "2024-01..2024-06"]
    assert any("2019" in value and "2023-10..2023-12" in value for value in result.protocol["value"])


def test_a01_what_comes_after_the_day_is_not_seen(make_claims, conf_dir, visits):
    rows = visits("P1", 2) + visits("P2", 9, first="2024-07")
    result = drawn(make_claims(claims=rows), conf_dir("outpatient_visits"), periods=("2024",))
    assert [name for _, name, _ in listed(result, "outpatient_visits")] == ["P1"]


def test_a03_counts_purchases_paid_from_the_account(make_claims, conf_dir, visits):
    rows = visits("P1", 3, visit_type="pharmacy", institution_id="Y1", account_amount=20.0)
    rows += visits("P2", 4, visit_type="pharmacy", institution_id="Y1", account_amount=0.0)
    rows += visits("P3", 5, account_amount=20.0)
    result = drawn(make_claims(claims=rows), conf_dir("account_purchases"))
    assert listed(result, "account_purchases") == [("2024-01..2024-06/employee", "P1", 3.0)]


def test_a04_drug_cost_by_disease(make_claims, conf_dir):
    claims = [
        {"claim_id": "C1", "patient_id": "P1", "visit_type": "chronic", "registered_disease": "M1"},
        {"claim_id": "C2", "patient_id": "P2", "visit_type": "chronic", "registered_disease": "M1"},
        {"claim_id": "C3", "patient_id": "P1", "visit_type": "chronic", "registered_disease": "M2"},
        {"claim_id": "C4", "patient_id": "P3", "visit_type": "chronic"},  # registered for one disease only: that one
        {"claim_id": "C5", "patient_id": "P2", "visit_type": "outpatient"},
    ]
    items = [
        {"claim_id": "C1", "item_code": "a", "amount": 30.0},
        {"claim_id": "C1", "item_code": "x", "amount": 500.0, "charge_type": "examination"},
        {"claim_id": "C2", "item_code": "a", "amount": 40.0, "charge_type": "herbal"},
        {"claim_id": "C3", "item_code": "a", "amount": 5.0, "charge_type": "chinese_patent_drug"},
        {"claim_id": "C4", "item_code": "a", "amount": 7.0},
        {"claim_id": "C5", "item_code": "a", "amount": 900.0},
    ]
    registered = [{"patient_id": "P3", "registered_disease": "M2", "disease_type": "special", "started_on": "2020-01-01"}]
    made = make_claims(claims=claims, items=items, registered_diseases=registered)
    result = drawn(made, conf_dir("disease_drug_cost"), disease_drug_cost={"size": 1})
    assert [(stratum.split("/")[-1], *rest) for stratum, *rest in listed(result, "disease_drug_cost")] == [
        ("M1", "P2", 40.0),
        ("M2", "P3", 7.0),
    ]


def test_a05_drug_cost_of_ordinary_outpatient_care(make_claims, conf_dir):
    claims = [{"claim_id": "C1", "patient_id": "P1"}, {"claim_id": "C2", "patient_id": "P2", "visit_type": "chronic"}]
    items = [{"claim_id": "C1", "item_code": "a", "amount": 30.0}, {"claim_id": "C2", "item_code": "a", "amount": 80.0}]
    result = drawn(make_claims(claims=claims, items=items), conf_dir("outpatient_drug_cost"))
    assert [rest for _, *rest in listed(result, "outpatient_drug_cost")] == [["P1", 30.0]]


def test_a06_account_spending_of_employees(make_claims, conf_dir, visits):
    shop = {"visit_type": "pharmacy", "institution_id": "Y1"}
    rows = visits("P1", 2, account_amount=20.5, **shop) + visits("P2", 1, account_amount=300.0, insurance_type="resident", **shop)
    rows += visits("P3", 3, account_amount=5.0, **shop)
    result = drawn(make_claims(claims=rows), conf_dir("account_drug_spending"))
    assert [rest for _, *rest in listed(result, "account_drug_spending")] == [["P1", 41.0], ["P3", 15.0]]


def test_a_list_whose_data_are_missing_says_so(make_claims, conf_dir, visits):
    result = drawn(make_claims(claims=visits("P1", 2)), conf_dir("outpatient_drug_cost", "outpatient_visits"))
    assert "items" in result.lists["outpatient_drug_cost"].skipped
    assert len(result.lists["outpatient_visits"].rows) == 1


def test_order_of_rows_changes_nothing(make_claims, conf_dir, visits, tmp_path):
    rows = [row for number in range(12) for row in visits(f"P{number}", 1 + number % 4)]
    conf = conf_dir("outpatient_visits", "record_authenticity", "first_review")
    change = {"outpatient_visits": {"size": 3, "ties": "drawn"}, "first_review": {"size": 4}}
    one = drawn(make_claims(claims=rows, data_dir=tmp_path / "one"), conf, **change)
    two = drawn(make_claims(claims=rows[::-1], data_dir=tmp_path / "two"), conf, **change)
    for name in one.lists:
        assert one.lists[name].rows.equals(two.lists[name].rows), name
    assert one.protocol.equals(two.protocol)
