"""From scores to the list: one lead per matter, ranked, complete."""

from __future__ import annotations

import json

import pandas as pd
import pytest

import fraudml as fm
from fraudml.contracts import LEADS
from fraudml.errors import FraudmlError
from fraudml.leads import Policy, ranking


def ids(leads: pd.DataFrame) -> list[str]:
    return leads["entity_id"].tolist()


def test_scores_alone_make_a_list(score):
    leads = fm.rank_leads({"doctor": score(D1=0.2, D2=0.9)}, capacity=2, explore=0)
    assert ids(leads) == ["D2", "D1"]
    assert list(leads.columns) == list(LEADS)
    assert leads["rank"].tolist() == [1, 2]
    assert leads["schemes"].tolist() == [["unexplained"], ["unexplained"]]
    assert all(reasons and reasons[0]["text"] for reasons in leads["reasons"])


def test_one_table_with_entity_types_is_the_same(score):
    table = pd.concat([score(D1=0.2).assign(entity_type="doctor"), score(P1=0.9).assign(entity_type="patient")])
    assert ids(fm.rank_leads(table, explore=0)) == ["P1", "D1"]


def test_no_scores_give_no_leads_but_all_columns(score):
    leads = fm.rank_leads({"doctor": score().iloc[:0]})
    assert len(leads) == 0
    assert list(leads.columns) == list(LEADS)
    assert leads["risk"].dtype == "float64"
    assert leads["rank"].dtype == "int32"


def test_rules_of_the_scores_name_the_scheme_and_screens_never_stand_alone(score):
    scores = score(D1=0.9, D2=0.8, D3=0.7)
    scores["rules"] = [["high_cost"], ["excessive_prescription", "high_cost"], []]
    leads = fm.rank_leads({"doctor": scores}, explore=0)
    assert ids(leads) == ["D2", "D3"]
    assert leads["schemes"].tolist() == [["excessive_prescription"], ["unexplained"]]


def test_a_screen_with_a_trained_model_behind_it_is_unexplained(score):
    scores = score(D1=0.9).assign(supervised=0.9)
    scores["rules"] = [["high_cost"]]
    assert fm.rank_leads({"doctor": scores}, explore=0)["schemes"].tolist() == [["unexplained"]]


def likely(scores: pd.DataFrame, scheme: str | None) -> pd.DataFrame:
    return scores.assign(supervised=0.9, scheme=scheme, scheme_probability=0.83)


def test_what_confirmed_cases_like_it_were_names_a_lead_that_no_rule_finds(score, hit):
    evidence = hit(("overpriced_charge", "doctor", "D2", "C1", None, 900.0))
    scores = likely(score(D1=0.9, D2=0.8), "drug_resale")
    found = ranking({"doctor": scores}, evidence=evidence, lang="en", explore=0).leads.set_index("entity_id")
    assert found["schemes"].to_dict() == {"D1": ["drug_resale"], "D2": ["overpriced_charge"]}  # evidence speaks before likeness
    lead = found.loc["D1"]
    assert lead["check_steps"]
    assert lead["clauses"]
    first = lead["reasons"][0]
    assert (first["feature"], first["value"]) == ("likely_scheme", 0.83)
    assert "83%" in first["text"]
    assert all(each["feature"] != "likely_scheme" for each in found.loc["D2", "reasons"])


@pytest.mark.parametrize("scheme", [None, "high_cost", "a scheme of nobody's"])
def test_unlike_any_case_like_a_screen_or_like_what_no_book_words_stays_unexplained(score, hit, scheme):
    evidence = hit(("overpriced_charge", "doctor", "D2", "C1", None, 900.0))
    leads = fm.rank_leads({"doctor": likely(score(D1=0.9), scheme)}, evidence=evidence, explore=0)
    assert leads["schemes"].tolist() == [["unexplained"]]


def test_who_is_drawn_at_random_is_not_said_to_be_like_a_case(score, hit):
    leads = fm.rank_leads({"doctor": likely(score(D1=0.9, D2=0.05), "drug_resale")}, capacity=2, explore=0.5)
    assert dict(zip(leads["drawn"], leads["schemes"], strict=True)) == {"ranked": ["drug_resale"], "random": ["unexplained"]}


def test_evidence_of_screens_is_no_evidence(score, hit):
    evidence = hit(("high_cost", "patient", "P1", "C1", None, 500.0), severity="screen")
    scores = score(P1=0.9)
    scores["rules"] = [["high_cost"]]
    assert fm.rank_leads({"patient": scores}, evidence=evidence, explore=0).empty


def test_a_clear_violation_goes_before_a_weak_million(score, hit):
    evidence = hit(
        ("overpriced_charge", "institution", "H1", "C1", None, 2_000_000.0), ("overpriced_charge", "institution", "H2", "C2", None, 2_000.0)
    )
    leads = fm.rank_leads({"institution": score(H1=0.3, H2=0.95)}, evidence=evidence, explore=0)
    assert ids(leads) == ["H2", "H1"]
    assert leads["expected_recovery"].tolist() == [1900.0, 600_000.0]


def test_among_the_equally_certain_money_decides(score, hit):
    evidence = hit(
        ("overpriced_charge", "institution", "H1", "C1", None, 100.0), ("overpriced_charge", "institution", "H2", "C2", None, 900.0)
    )
    assert ids(fm.rank_leads({"institution": score(H1=0.9, H2=0.9)}, evidence=evidence, explore=0)) == ["H2", "H1"]


def test_a_claim_belongs_to_whom_its_evidence_speaks_against(score, hit):
    evidence = hit(
        ("overpriced_charge", "institution", "H1", "C1", "L1", 30.0), ("overpriced_charge", "institution", "H1", "C2", "L2", 30.0)
    )
    leads = fm.rank_leads({"institution": score(H1=0.9), "claim": score(C1=0.95, C2=0.9)}, evidence=evidence, explore=0)
    assert ids(leads) == ["H1"]
    assert leads["amount_at_risk"].tolist() == [60.0]
    assert sorted(leads["evidence_claim_ids"][0]) == ["C1", "C2"]


def test_one_sure_claim_of_some_amount_at_a_hardly_suspicious_institution_stands_for_itself(score, hit):
    evidence = hit(("overpriced_charge", "institution", "H1", "C1", "L1", 300.0))
    leads = fm.rank_leads({"institution": score(H1=0.1), "claim": score(C1=0.95)}, evidence=evidence, explore=0)
    assert [(lead.entity_type, lead.schemes) for lead in leads.itertuples()] == [("claim", ["overpriced_charge"])]


@pytest.mark.parametrize(("amount", "severity"), [(27.0, "clear"), (300.0, "suspicious")])
def test_a_trivial_or_merely_suspicious_claim_belongs_to_whom_it_speaks_against(score, hit, amount, severity):
    evidence = hit(("overpriced_charge", "institution", "H1", "C1", "L1", amount), severity=severity)
    leads = fm.rank_leads({"institution": score(H1=0.3), "claim": score(C1=0.95)}, evidence=evidence, explore=0)
    assert [(lead.entity_id, lead.risk, lead.amount_at_risk) for lead in leads.itertuples()] == [("H1", 0.3, amount)]


def test_two_sure_claims_are_one_matter_of_their_institution(score, hit):
    evidence = hit(*[("overpriced_charge", "institution", "H1", f"C{number}", None, 300.0) for number in range(2)])
    leads = fm.rank_leads({"institution": score(H1=0.1), "claim": score(C0=0.9, C1=0.9)}, evidence=evidence, explore=0)
    assert [(lead.entity_id, lead.amount_at_risk) for lead in leads.itertuples()] == [("H1", 600.0)]
    assert leads["risk"][0] == pytest.approx(0.9)


def test_a_sure_claim_of_this_month_joins_the_suspect_who_did_the_same_before(score, hit):
    """R20: only this month's claims are scored; whoever is listed for the earlier ones is not listed beside for the newest."""
    evidence = hit(*[("overpriced_charge", "patient", "P1", f"C{number}", None, 300.0) for number in range(3)])
    leads = fm.rank_leads({"patient": score(P1=0.7), "claim": score(C2=0.95)}, evidence=evidence, explore=0)
    assert [(lead.entity_id, lead.amount_at_risk) for lead in leads.itertuples()] == [("P1", 900.0)]
    assert leads["risk"][0] == pytest.approx(0.95)
    # a suspect who would not be listed has the claim speak for itself
    leads = fm.rank_leads({"patient": score(P1=0.05), "claim": score(C2=0.95)}, evidence=evidence, explore=0)
    assert [(lead.entity_id, lead.amount_at_risk) for lead in leads.itertuples()] == [("C2", 300.0)]


def test_the_main_matter_is_named_first(score, hit):
    """A certain trifle does not stand before what is worth the inspection; a scheme's money counts as if it stood alone."""
    evidence = pd.concat(
        [
            hit(*[("overpriced_charge", "institution", "H1", f"C{number}", f"L{number}", 6.0) for number in range(70)]),
            hit(
                *[("induced_admission", "institution", "H1", f"S{number}", None, 800.0) for number in range(90)],
                severity="suspicious",
            ),
        ],
        ignore_index=True,
    )
    leads = fm.rank_leads({"institution": score(H1=0.9)}, evidence=evidence, explore=0)
    assert leads["schemes"][0] == ["induced_admission", "overpriced_charge"]
    assert leads["reasons"][0][0]["feature"] == "rule:induced_admission"


def test_an_open_lead_keeps_its_first_scheme_while_two_weigh_about_the_same(score, hit):
    both = [("overpriced_charge", "institution", "H1", "C1", None, 500.0), ("duplicate_charge", "institution", "H1", "C2", None, 700.0)]
    before = pd.DataFrame({"entity_type": ["institution"], "entity_id": ["H1"], "schemes": [["overpriced_charge"]]})
    facts = {"facts": None}

    def first(evidence: pd.DataFrame, known: pd.DataFrame | None) -> str:
        return ranking({"institution": score(H1=0.9)}, evidence=evidence, explore=0, before=known).leads["schemes"][0][0]

    assert first(hit(*both, **facts), None) == "duplicate_charge"
    assert first(hit(*both, **facts), before) == "overpriced_charge"
    grown = hit(both[0], ("duplicate_charge", "institution", "H1", "C2", None, 90_000.0), **facts)
    assert first(grown, before) == "duplicate_charge"


def test_evidence_taken_in_weighs_less_than_ones_own(make_claims, score, hit):
    evidence = pd.concat(
        [
            hit(("overpriced_charge", "institution", "H1", "C1", None, 500.0)),
            hit(*[("impersonation", "patient", f"P{number}", f"K{number}", None, 130.0) for number in range(4)]),
        ],
        ignore_index=True,
    )
    claims = make_claims(
        claims=[{"claim_id": "C1", "institution_id": "H1", "patient_id": "Q1", "total_amount": 900.0}]
        + [{"claim_id": f"K{n}", "institution_id": "H1", "patient_id": f"P{n}", "total_amount": 900.0} for n in range(4)]
        + [{"claim_id": f"B{n}", "institution_id": f"H{n % 9 + 2}", "patient_id": f"Q{n}"} for n in range(60)]
    )
    scores = {"institution": score(H1=0.9), "patient": score(**{f"P{number}": 0.8 for number in range(4)})}
    leads = fm.rank_leads(scores, evidence=evidence, claims=claims, explore=0, as_of="2024-06-30")
    assert leads["schemes"].tolist() == [["overpriced_charge", "impersonation"]]


def test_a_list_is_not_filled_up_with_noise(score, hit):
    """Capacity is a maximum: hardly risky leads stay out, and of the merely unusual only a few come in."""
    evidence = hit(("overpriced_charge", "institution", "H1", "C1", None, 5.0), ("overpriced_charge", "institution", "H2", "C2", None, 5.0))
    scores = {"institution": score(H1=0.9, H2=0.05), "patient": score(**{f"P{number:02d}": 0.25 - number / 1000 for number in range(40)})}
    leads = fm.rank_leads(scores, 40, evidence=evidence, explore=0)
    assert ids(leads) == ["H1", "P00", "P01"]
    assert ids(fm.rank_leads({"patient": scores["patient"]}, 20, explore=0)) == [f"P{number:02d}" for number in range(20)]


def test_several_sure_claims_are_their_institutions_pattern(score, hit):
    rows = [("overpriced_charge", "institution", "H1", f"C{number}", None, 30.0) for number in range(4)]
    claims = score(**{f"C{number}": 0.9 for number in range(4)})
    leads = fm.rank_leads({"institution": score(H1=0.1), "claim": claims}, evidence=hit(*rows), explore=0)
    assert ids(leads) == ["H1"]
    assert leads["risk"][0] == pytest.approx(0.9)


def test_a_patient_inside_a_pharmacys_pattern_is_not_repeated(score, hit):
    rows = [(kind, who) for who in ("P1", "P2") for kind in ("patient", "pharmacy")]
    evidence = hit(
        *[("account_cash_out", kind, who if kind == "patient" else "Y1", f"C{who}", None, 100.0) for kind, who in rows],
        facts=json.dumps({"sign": "pattern"}),
    )
    leads = fm.rank_leads({"patient": score(P1=0.9, P2=0.8), "pharmacy": score(Y1=0.9)}, evidence=evidence, explore=0)
    assert [(lead.entity_type, lead.amount_at_risk) for lead in leads.itertuples()] == [("pharmacy", 200.0)]


def test_two_leads_do_not_ask_the_same_money_back_by_different_rules(make_claims, score, hit):
    """R12, R14: the list's amounts add up to what can be recovered, never to more than a claim is worth."""
    claims = make_claims(
        claims=[
            {"claim_id": f"C{n}", "institution_id": "H1", "patient_id": f"P{n}", "doctor_id": "D1", "total_amount": 460.0} for n in (1, 2)
        ]
        + [{"claim_id": f"B{n}", "institution_id": f"H{n % 9 + 2}", "patient_id": f"Q{n}"} for n in range(60)]
    )
    evidence = pd.concat(
        [
            hit(*[("restricted_item_misuse", "institution", "H1", f"C{n}", f"L{n}", 420.0) for n in (1, 2)], facts='{"sign": "sex"}'),
            hit(*[("overpriced_charge", "doctor", "D1", f"C{n}", None, 430.0) for n in (1, 2)]),
        ],
        ignore_index=True,
    )
    scores = {"institution": score(H1=0.9), "doctor": score(D1=0.5)}
    leads = fm.rank_leads(scores, evidence=evidence, claims=claims, explore=0, as_of="2024-06-30")
    assert [(lead.entity_id, lead.amount_at_risk) for lead in leads.itertuples()] == [("H1", 840.0), ("D1", 20.0)]


def test_other_lines_of_one_claim_are_another_matter(score, hit):
    evidence = hit(("overpriced_charge", "institution", "H1", "C1", "L1", 30.0), ("drug_resale", "patient", "P1", "C1", "L2", 400.0))
    leads = fm.rank_leads({"institution": score(H1=0.9), "patient": score(P1=0.9)}, evidence=evidence, explore=0)
    assert sorted(ids(leads)) == ["H1", "P1"]


def test_a_pharmacy_is_only_ever_a_pharmacy(score, hit):
    evidence = hit(("overpriced_charge", "institution", "Y1", "C1", None, 30.0))
    leads = fm.rank_leads({"institution": score(Y1=0.9), "pharmacy": score(Y1=0.8)}, evidence=evidence, explore=0)
    assert [(lead.entity_type, lead.entity_id, lead.schemes) for lead in leads.itertuples()] == [("pharmacy", "Y1", ["overpriced_charge"])]


def test_evidence_is_of_the_last_twelve_months(score, hit):
    rows = (("overpriced_charge", "institution", "H1", "C1", None, 30.0), ("overpriced_charge", "institution", "H1", "C2", None, 70.0))
    evidence = hit(*rows)
    evidence["occurred_on"] = pd.to_datetime(["2023-06-30", "2024-02-01"])
    lead = fm.rank_leads({"institution": score(H1=0.9)}, evidence=evidence, explore=0).iloc[0]
    assert lead["amount_at_risk"] == 70.0
    assert (str(lead["period_start"]), str(lead["period_end"])) == ("2024-02-01", "2024-02-01")


def rings(**more: object) -> pd.DataFrame:
    members = [{"entity_type": "doctor", "entity_id": "D1", "role": "prescriber"}] + [
        {"entity_type": "patient", "entity_id": f"P{number}", "role": "patient"} for number in range(3)
    ]
    plain = {
        "ring_id": "G1", "as_of": pd.Timestamp("2024-06-30"), "scheme": "collusive_group", "period_start": pd.Timestamp("2024-01-01"),
        "period_end": pd.Timestamp("2024-06-30"), "members": members, "synchrony": 0.9, "density": 0.8, "expected_density": 0.1,
        "p_value": 0.001, "amount": 900.0, "claim_ids": ["C0", "C1", "C2"],
    }  # fmt: skip
    return pd.DataFrame([plain | more])


def test_a_ring_takes_in_its_members(score, hit):
    evidence = hit(*[("drug_resale", "patient", f"P{number}", f"C{number}", None, 300.0) for number in range(3)])
    scores = {"patient": score(P0=0.8, P1=0.8, P2=0.8), "doctor": score(D1=0.9)}
    leads = fm.rank_leads(scores, evidence=evidence, rings=rings(), explore=0)
    assert [(lead.entity_type, lead.entity_id) for lead in leads.itertuples()] == [("ring", "G1")]
    assert [member["entity_id"] for member in leads["members"][0]] == ["D1", "P0", "P1", "P2"]
    assert leads["amount_at_risk"][0] == 900.0
    assert 0.89 < leads["risk"][0] <= 0.9


def test_a_ring_counts_a_claim_once_however_many_its_rule_speaks_against(score, hit):
    """R31: doctor and two patients on each claim are no three records, and members are not named as somebody beside."""
    facts = {"doctor": "D1", "patient_count": 2, "pharmacy": "Y1", "day_count": 3, "core_count": 2, "link_count": 3, "expected_count": 0.1}
    rows = [
        ("collusive_group", kind, who, f"C{n}", None, 300.0) for n in range(3) for kind, who in (("doctor", "D1"), ("patient", f"P{n}"))
    ]
    rows += [("collusive_group", "pharmacy", "Y1", f"C{n}", None, 300.0) for n in range(3)]
    scores = {"doctor": score(D1=0.9), "patient": score(P0=0.9, P1=0.9, P2=0.9), "pharmacy": score(Y1=0.8)}
    leads = fm.rank_leads(scores, evidence=hit(*rows, facts=json.dumps(facts)), rings=rings(), explore=0)
    told = {reason["feature"]: reason["text"] for reason in leads["reasons"][0]}
    assert leads["entity_type"].tolist() == ["ring"]
    assert told["rule:collusive_group"].startswith("医患药团伙:3笔结算。例如2024年6月3日医师D1的2名患者")
    assert told["joined"] == "同一事项还涉及1家药店,其与本事项有关的疑点一并列入"


def test_an_example_says_its_day_once(score, hit):
    """R06, R17, R19: a figure at the beginning is no day, and a day that is told already is not told again."""
    cash = {"sign": "small", "places": 1, "purchases": 6, "peer_median": 1, "account_total": 900, "usual_amount": 150, "patients": 3}
    cases = [
        ("duplicate_charge", {"sign": "twice", "item": "X", "times": 2, "charged_at": "2024-06-03 13:34"}, "zh", "重复收费:同一患者"),
        ("account_cash_out", cash, "zh", "个人账户套现:2024年6月3日:30天内在1家药店"),
        ("stock_mismatch", {"item": "X", "period": "2024-06", "billed": 9, "left_stock": 2, "excess": 7}, "zh", "进销存不符:2024年6月“X”"),
        (
            "stock_mismatch",
            {"item": "X", "period": "2024-06", "billed": 9, "left_stock": 2, "excess": 7},
            "en",
            "billing beyond stock: in June",
        ),
        ("fictitious_service", {"finding_zh": "", "finding_en": "30 in-patients"}, "en", "fictitious service: 3 June 2024: 30 in-patients"),
    ]
    for rule, facts, lang, start in cases:
        evidence = hit((rule, "institution", "H1", "C1", "L1", 500.0), facts=json.dumps(facts))
        leads = fm.rank_leads({"institution": score(H1=0.9)}, evidence=evidence, explore=0, lang=lang)
        assert leads["reasons"][0][0]["text"].startswith(start)


def test_the_larger_bill_is_the_example_also_where_another_scheme_asks_the_money_back(score, hit):
    small, large = ({"item": item, "price": price, "quantity": 1, "cap": 12} for item, price in (("住院诊查费", 18), ("胆囊切除术", 9577)))
    evidence = pd.concat(
        [
            hit(("overpriced_charge", "institution", "H1", "C1", "L1", 6.0), facts=json.dumps(small)),
            hit(("overpriced_charge", "institution", "H1", "C1", "L2", 9565.0), facts=json.dumps(large)),
            hit(("service_after_death", "institution", "H1", "C1", None, 9800.0), facts=json.dumps({"what_zh": "死亡", "days_after": 3})),
        ],
        ignore_index=True,
    )
    leads = fm.rank_leads({"institution": score(H1=0.9)}, evidence=evidence, explore=0)
    told = {reason["feature"]: reason["text"] for reason in leads["reasons"][0]}
    assert "胆囊切除术" in told["rule:overpriced_charge"]


def test_a_ring_of_another_day_is_no_lead(score):
    found = fm.rank_leads({"doctor": score(D1=0.9)}, rings=rings(as_of=pd.Timestamp("2024-05-31")), explore=0)
    assert found["entity_type"].tolist() == ["doctor"]


def test_capacity_counts_all_rows_and_some_are_drawn(score):
    scores = score(**{f"P{number}": 0.9 - number / 1000 for number in range(300)})
    leads = fm.rank_leads({"patient": scores}, capacity=50)
    assert len(leads) == 50
    assert leads["drawn"].tolist() == ["ranked"] * 45 + ["random"] * 5
    assert leads["entity_id"].is_unique
    again = fm.rank_leads({"patient": scores}, capacity=50)
    assert ids(again) == ids(leads)
    other = fm.rank_leads({"patient": scores}, capacity=50, seed=1)
    assert ids(other)[:45] == ids(leads)[:45]
    assert ids(other)[45:] != ids(leads)[45:]


def test_row_order_and_names_change_nothing(score, hit):
    risks = {f"P{number:03d}": 0.05 + number / 400 for number in range(200)}
    rows = [("drug_resale", "patient", f"P{number:03d}", f"C{number}", None, 10.0 * number) for number in range(0, 200, 3)]
    one = fm.rank_leads({"patient": score(**risks)}, 60, evidence=hit(*rows))
    shuffled = score(**risks).sample(frac=1, random_state=4)
    two = fm.rank_leads({"patient": shuffled}, 60, evidence=hit(*rows).sample(frac=1, random_state=5))
    pd.testing.assert_frame_equal(one, two)
    named = score(**{f"Z{name}": risk for name, risk in risks.items()})
    renamed = [(rule, kind, f"Z{who}", claim, line, amount) for rule, kind, who, claim, line, amount in rows]
    three = fm.rank_leads({"patient": named}, 60, evidence=hit(*renamed))
    assert [name[1:] for name in ids(three)] == ids(one)


def test_one_scheme_does_not_fill_the_page(score, hit):
    rows = [("overpriced_charge", "institution", f"H{number}", f"C{number}", None, 1000.0) for number in range(30)]
    rows += [("drug_resale", "patient", f"P{number}", f"D{number}", None, 900.0) for number in range(30)]
    scores = {
        "institution": score(**{f"H{number}": 0.9 for number in range(30)}),
        "patient": score(**{f"P{number}": 0.85 for number in range(30)}),
    }
    leads = fm.rank_leads(scores, 20, evidence=hit(*rows), explore=0)
    first = leads["schemes"].map(lambda names: names[0]).value_counts()
    assert first["overpriced_charge"] <= 12
    assert leads["schemes"][0] == ["overpriced_charge"]


def test_variety_never_costs_more_than_the_policy_gives(score, hit):
    rows = [("overpriced_charge", "institution", f"H{number}", f"C{number}", None, 1000.0) for number in range(30)]
    rows += [("drug_resale", "patient", "P1", "D1", None, 1000.0)]
    scores = {"institution": score(**{f"H{number}": 0.9 for number in range(30)}), "patient": score(P1=0.3)}
    leads = fm.rank_leads(scores, 20, evidence=hit(*rows), explore=0)
    assert "P1" not in ids(leads)


def test_with_claims_amounts_are_capped_estimated_and_named(make_claims, score, hit):
    claims = make_claims(
        claims=[{"claim_id": "C1", "total_amount": 100.0, "institution_id": "H1", "patient_id": "P1"}]
        + [
            {"claim_id": f"K{number}", "total_amount": 50.0, "institution_id": "H2", "patient_id": f"Q{number}", "doctor_id": "D2"}
            for number in range(9)
        ]
        + [{"claim_id": "K9", "total_amount": 950.0, "institution_id": "H2", "patient_id": "P9", "doctor_id": "D2"}]
    )
    evidence = hit(("overpriced_charge", "institution", "H1", "C1", None, 400.0))
    result = ranking(
        {"institution": score(H1=0.9), "patient": score(P9=0.8)}, evidence=evidence, claims=claims, explore=0, as_of="2024-06-30"
    )
    leads = result.leads.set_index("entity_id")
    assert leads.at["H1", "amount_at_risk"] == 100.0
    assert leads.at["P9", "schemes"] == ["unexplained"]
    assert leads.at["P9", "amount_at_risk"] == 900.0
    assert leads.at["P9", "evidence_claim_ids"] == ["K9"]
    sums = result.evidence.groupby("lead_id")["amount"].sum()
    assert sums[leads.at["H1", "lead_id"]] == 100.0


def test_a_patient_in_whose_name_an_institution_bills_is_no_suspect(make_claims, score, hit):
    claims = make_claims(claims=[{"claim_id": f"C{number}", "institution_id": "H1", "patient_id": "P1"} for number in range(4)])
    evidence = hit(*[("overpriced_charge", "institution", "H1", f"C{number}", None, 100.0) for number in range(4)])
    leads = fm.rank_leads(
        {"institution": score(H1=0.9), "patient": score(P1=0.9)}, evidence=evidence, claims=claims, explore=0, as_of="2024-06-30"
    )
    assert leads["entity_type"].tolist() == ["institution"]


def test_matters_of_one_scheme_that_gather_at_one_institution_are_its_pattern(make_claims, score, hit):
    claims = make_claims(
        claims=[{"claim_id": f"C{number}", "institution_id": "H1", "patient_id": f"P{number}"} for number in range(4)]
        + [{"claim_id": f"K{number}", "institution_id": f"H{number % 9 + 2}", "patient_id": f"Q{number}"} for number in range(60)]
    )
    evidence = hit(*[("impersonation", "patient", f"P{number}", f"C{number}", None, 100.0) for number in range(4)])
    scores = {"institution": score(H1=0.2, H2=0.1), "patient": score(**{f"P{number}": 0.9 for number in range(4)})}
    leads = fm.rank_leads(scores, evidence=evidence, claims=claims, explore=0, as_of="2024-06-30")
    assert leads["entity_id"].tolist()[0] == "H1"
    assert leads["schemes"][0] == ["impersonation"]
    assert leads["amount_at_risk"][0] == 400.0
    assert "patient" not in leads["entity_type"].tolist()


@pytest.mark.parametrize(
    "frame", [{"entity_id": ["D1"], "risk": [1.5]}, {"entity_id": ["D1"]}, {"entity_id": ["D1", "D1"], "risk": [0.1, 0.2]}]
)
def test_scores_that_are_none_are_refused(frame):
    with pytest.raises(FraudmlError):
        fm.rank_leads({"doctor": pd.DataFrame(frame).assign(as_of="2024-06-30")})


def test_a_share_that_is_none_is_refused():
    with pytest.raises(FraudmlError):
        Policy.read(
            {
                **{
                    "explore": 3,
                    "months": 12,
                    "certainty": 3,
                    "contained": 0.5,
                    "weaker": 0.8,
                    "pattern": 3,
                    "lift": 3,
                    "evidence_claims": 50,
                    "floor": 0.2,
                    "least": 100,
                    "keep": 0.5,
                    "odd": {"below": 0.3, "share": 0.05},
                },
                "diversity": {"page": 20, "scheme": 0.4, "institution": 0.25, "give": 0.5},
            }
        )
