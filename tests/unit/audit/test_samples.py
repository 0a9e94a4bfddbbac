"""A08, A10, A15: draws that anyone repeats from the protocol, strata taken whole, control tests."""

from __future__ import annotations

import hashlib

import pytest

from fraudml.audit import run_programme

AS_OF = "2024-06-30"


def drawn(claims, conf, seed=7, **changes):
    return run_programme(claims, "own", AS_OF, periods=["2024-01..2024-06"], conf_dir=conf, seed=seed, changes=changes)


def key(seed, name, stratum, identity):
    return hashlib.sha256(f"{seed}|{name}|{stratum}|{identity}".encode()).hexdigest()


def test_a08_each_group_has_its_own_sample(make_claims, conf_dir):
    claims = [
        {"claim_id": f"C{n}", "patient_id": f"P{n}", "visit_type": "chronic", "registered_disease": "M1" if n < 6 else "S1"}
        for n in range(8)
    ]
    claims.append({"claim_id": "C8", "patient_id": "P8"})
    items = [
        {"claim_id": "C8", "item_code": "n", "is_negotiated_drug": True},
        {"claim_id": "C0", "item_code": "d", "is_negotiated_drug": True, "is_dual_channel": True},
    ]
    diseases = [{"registered_disease": "M1", "disease_type": "chronic"}, {"registered_disease": "S1", "disease_type": "special"}]
    made = make_claims(claims=claims, items=items, registrable_diseases=diseases)
    rows = drawn(made, conf_dir("record_authenticity"), record_authenticity={"size": 3}).lists["record_authenticity"].rows
    groups = rows.groupby("group")["entity_id"].apply(sorted).to_dict()
    expected = sorted((f"P{n}" for n in range(6)), key=lambda one: key(7, "record_authenticity", "chronic", one))[:3]
    assert groups["chronic"] == sorted(expected)
    assert (groups["special"], groups["negotiated"], groups["dual_channel"]) == (["P6", "P7"], ["P0", "P8"], ["P0"])
    assert rows.loc[rows["group"] == "special", "drawn"].unique().tolist() == ["whole"]


def test_a08_a_stratum_smaller_than_its_quota_is_said_to_be_whole(make_claims, conf_dir, visits):
    result = drawn(make_claims(claims=visits("P1", 3)), conf_dir("first_review"))
    listed = result.lists["first_review"]
    assert len(listed.rows) == 3 and set(listed.rows["drawn"]) == {"whole"}
    assert any("全部列入" in note for note in listed.notes)


def test_a10_bills_are_the_smallest_keys_and_another_seed_draws_others(make_claims, conf_dir, visits):
    rows = [row for number in range(20) for row in visits(f"P{number}", 5)]
    rows += [rows[0] | {"claim_id": "by hand", "is_manual": True}]
    made = make_claims(claims=rows)
    conf = conf_dir("first_review")
    one = drawn(made, conf, first_review={"size": 10}).lists["first_review"].rows["entity_id"].tolist()
    stratum = "2024-01..2024-06"
    everyone = sorted((row["claim_id"] for row in rows[:-1]), key=lambda each: key(7, "first_review", stratum, each))
    assert one == everyone[:10]
    assert one != drawn(made, conf, seed=8, first_review={"size": 10}).lists["first_review"].rows["entity_id"].tolist()


def test_a10_large_bills_are_drawn_from_the_top(make_claims, conf_dir):
    rows = [{"claim_id": f"C{n}", "patient_id": "P1", "total_amount": 100.0 + n} for n in range(40)]
    change = {"size": 3, "among": {"share": 0.1, "least": 8}}
    listed = drawn(make_claims(claims=rows), conf_dir("second_review"), second_review=change).lists["second_review"]
    assert len(listed.rows) == 3 and listed.rows["value"].min() >= 132.0
    assert listed.strata.iloc[0][["population", "frame", "quota", "listed"]].tolist() == [40, 8, 3, 3]


def test_a10_manual_reimbursements(make_claims, conf_dir, visits):
    rows = visits("P1", 3, is_manual=True) + visits("P2", 2, is_manual=True) + visits("P3", 9)
    rows = drawn(make_claims(claims=rows), conf_dir("manual_reimbursements"), manual_reimbursements={"size": 1})
    assert rows.lists["manual_reimbursements"].rows["entity_id"].tolist() == ["P1"]


@pytest.mark.parametrize(("count", "expected"), [(30, 3), (31, 4), (4, 1)])
def test_a15_one_in_ten_of_every_kind_and_level(make_claims, conf_dir, count, expected):
    places = [{"institution_id": f"H{n}", "level": 1} for n in range(count)] + [{"institution_id": "Y1"}]
    listed = drawn(make_claims(claims=[{}], institutions=places), conf_dir("recheck_sample")).lists["recheck_sample"]
    counts = listed.strata.set_index("stratum")["listed"].to_dict()
    assert counts["hospital/1"] == expected
    assert counts["pharmacy/0"] == 1  # a stratum of one is taken whole
    assert listed.strata["listed"].sum() >= 0.1 * listed.strata["population"].sum()


def test_a15_every_institution_has_a_week_and_regions_are_spread(make_claims, conf_dir):
    places = [{"institution_id": f"H{n}", "region": "R1" if n < 13 else "R2"} for n in range(39)]
    rows = (
        drawn(make_claims(claims=[{"institution_id": "H0"}], institutions=places), conf_dir("quarterly_coverage"))
        .lists["quarterly_coverage"]
        .rows
    )
    assert sorted(rows["entity_id"]) == sorted(f"H{n}" for n in range(39))
    assert rows.groupby("week").size().tolist() == [3] * 13
    assert rows[rows["region"] == "R1"].groupby("week").size().tolist() == [1] * 13
    assert (str(rows["planned_from"].min())[:10], str(rows["planned_to"].max())[:10]) == ("2024-07-01", "2024-09-30")


def test_a15_doubtful_village_clinics_are_checked_by_another_county(make_claims, conf_dir):
    places = [{"institution_id": f"H{n}", "region": f"R{n % 3}", "is_village": True, "level": 0} for n in range(30)]
    rows = [
        {"claim_id": f"C{n}-{k}", "patient_id": f"P{k}", "institution_id": f"H{n}", "total_amount": 50.0}
        for n in range(30)
        for k in range(4)
    ]
    evidence = [
        {"rule": "overpriced_charge", "severity": "clear", "entity_type": "institution", "entity_id": f"H{n}", "claim_id": f"C{n}-{k}"}
        | {"line_id": None, "occurred_on": None, "amount_in_question": 10.0}
        for n in range(24)
        for k in range(4 if n < 21 else 1)
    ]
    import pandas as pd

    result = run_programme(
        make_claims(claims=rows, institutions=places),
        "own",
        AS_OF,
        periods=["2024"],
        conf_dir=conf_dir("doubtful_village_clinics"),
        evidence=pd.DataFrame(evidence),
    )
    rows = result.lists["doubtful_village_clinics"].rows
    # seven of each county are more doubtful than their peers: more than five, fewer than eight
    assert rows.groupby("region").size().to_dict() == {"R0": 7, "R1": 7, "R2": 7}
    assert (rows["region"] != rows["checked_by"]).all()
    assert rows.groupby("region")["checked_by"].nunique().tolist() == [1, 1, 1] and rows["checked_by"].nunique() == 3


def test_a14_unpaid_claims_by_risk_and_by_evidence(make_claims, conf_dir):
    import pandas as pd

    rows = [{"claim_id": f"C{n}", "is_paid": n == 0} for n in range(4)]
    evidence = [
        {"rule": "overpriced_charge", "severity": "clear", "entity_type": "claim", "entity_id": one, "claim_id": one}
        | {"line_id": None, "occurred_on": None, "amount_in_question": 10.0}
        for one in ("C0", "C2")
    ]
    scores = pd.DataFrame({"entity_id": ["C0", "C1", "C3"], "risk": [0.99, 0.9, 0.1]})
    made = make_claims(claims=rows)
    conf = conf_dir("unpaid_claims")
    result = run_programme(made, "own", AS_OF, periods=["2024"], conf_dir=conf, evidence=pd.DataFrame(evidence), scores=scores)
    rows = result.lists["unpaid_claims"].rows
    assert list(zip(rows["entity_id"], rows["value"], strict=True)) == [("C1", 0.9), ("C2", 0.5)]
    assert rows["schemes"].tolist()[1] == "overpriced_charge"
