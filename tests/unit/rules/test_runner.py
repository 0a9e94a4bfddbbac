"""The runner: what is refused before anything runs, what a window shows, and that order, names and the future change nothing."""

import pandas as pd
import pytest

from fraudml.contracts import EVIDENCE
from fraudml.errors import FraudmlError
from fraudml.rules import load_rules, run_rules

CATALOGUE = [{"item_code": "CT", "name": "CT", "list_type": "service", "price_cap": 100.0}]
RULE = """
id: {id}
row: R99
name: {{zh: 试, en: trial}}
kind: policy
severity: clear
suspect: institution
clause: 38(3)
needs: [claims]
parameters:
  least: {{default: 50, unit: CNY, min: 0, max: 1000}}
sql: |
  select institution_id as entity_id, claim_id, started_on as occurred_on,
      total_amount as amount_in_question, {column} as seen
  from claims where total_amount > $least
zh: "金额{{seen}}"
en: "amount {{seen}}"
"""


def overpriced(make_claims, days=("2023-05-10", "2024-05-10", "2024-06-10"), **more):
    return make_claims(
        claims=[{"claim_id": f"C{n}", "started_on": day} for n, day in enumerate(days)],
        items=[{"claim_id": f"C{n}", "item_code": "CT", "unit_price": 150.0} for n in range(len(days))],
        catalogue=CATALOGUE,
        **more,
    )


@pytest.fixture
def own_rule(tmp_path):
    def write(text=None, name="trial", **values):
        folder = tmp_path / "conf" / "rules"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.yaml").write_text(text or RULE.format(**({"id": "trial", "column": "total_amount"} | values)), encoding="utf-8")
        return tmp_path / "conf"

    return write


def test_every_shipped_rule_loads_and_words_itself_in_both_languages():
    rules = load_rules()
    assert {rule.row for rule in rules.values()} >= {f"R{n:02d}" for n in range(1, 18)}
    for rule in rules.values():
        assert rule.name["zh"]
        assert rule.check["zh"]
        assert rule.documents["en"]
        signs = rule.wording["zh"] if isinstance(rule.wording["zh"], dict) else {None: ""}
        for sign in signs:
            assert rule.text({"sign": sign}, "zh")
            assert rule.text({"sign": sign}, "en")


def test_no_comma_of_a_sentence_cuts_what_to_check_and_to_ask_for_in_two():
    for rule in load_rules().values():
        assert len(rule.check["zh"]) == len(rule.check["en"]), rule.id
        assert len(rule.documents["zh"]) == len(rule.documents["en"]), rule.id
        for text in [*rule.exempt["zh"], *rule.exempt["en"], *rule.check["zh"], *rule.documents["zh"]]:
            assert text.count("(") == text.count(")"), f"{rule.id}: {text}"


def test_what_is_unknown_or_nought_is_said_as_people_say_it():
    """R02, R11, R18, R32: no settlement named “unknown”, no gap of 0 days, no “and 1 others”."""
    rules = load_rules()
    stay = {"discharged_on": "2024-03-05", "earlier_diagnosis": "I10", "earlier_amount": 900, "diagnosis": "I10", "sign": "second"}
    assert "元)后当天,以相同" in rules["split_admission"].text(stay | {"gap": 0}, "zh")
    assert "元)后3天,以相同" in rules["split_admission"].text(stay | {"gap": 3}, "zh")
    assert "on the day of the discharge" in rules["split_admission"].text(stay | {"gap": 0}, "en")
    exam = {"item": "X", "earlier_day": "2024-03-05", "valid_days": 14, "same_institution": False, "sign": "repeated"}
    assert "检查,当天又在另一机构收费" in rules["repeated_exam"].text(exam | {"gap": 0}, "zh")
    group = {"first_day": "2024-03-05", "persons": 8, "expected": 0.1, "events": 3, "cash_percent": 2, "peer_cash_percent": 36}
    assert rules["induced_admission"].text(group | {"last_day": None}, "zh").startswith("2024年3月5日,同一住址")
    assert rules["induced_admission"].text(group | {"last_day": "2024-03-06"}, "zh").startswith("2024年3月5日至2024年3月6日,同一住址")
    assert "institution on 5 March 2024 (usually" in rules["induced_admission"].text(group | {"last_day": None}, "en")
    typed = {"patient": "P1", "finding_zh": "凭证系手工录入", "finding_en": "typed in by hand"}
    assert rules["impersonation"].text(typed | {"other_claim": None}, "zh") == "参保人P1凭证系手工录入,疑有人冒用其凭证"
    assert rules["impersonation"].text(typed | {"other_claim": "S1"}, "zh").endswith("冒用其凭证(对照结算单:S1)")
    assert rules["impersonation"].text(typed | {"other_claim": "S1"}, "en").endswith("the card (compare settlement: S1)")


def test_the_window_is_by_settlement_and_context_is_no_evidence(make_claims):
    claims = overpriced(make_claims)
    assert list(run_rules(claims, "2024-06-30", rules=["overpriced_charge"]).claim_id) == ["C1", "C2"]
    assert list(run_rules(claims, "2024-06-30", rules=["overpriced_charge"], months=1).claim_id) == ["C2"]


def test_evidence_has_the_declared_columns_even_when_there_is_none(make_claims):
    found = run_rules(make_claims(claims=[{}]), "2024-06-30")
    assert list(found.columns) == list(EVIDENCE)
    assert found.empty


def test_the_future_changes_nothing(make_claims, tmp_path):
    past = overpriced(make_claims, data_dir=tmp_path / "a")
    more = overpriced(make_claims, days=("2023-05-10", "2024-05-10", "2024-06-10", "2024-07-10", "2024-08-01"), data_dir=tmp_path / "b")
    pd.testing.assert_frame_equal(run_rules(past, "2024-06-30"), run_rules(more, "2024-06-30"))


def test_a_snapshot_serves_as_well_and_keeps_its_own_tables(make_claims):
    claims = overpriced(make_claims)
    with claims.at("2024-06-30") as snapshot:
        found = run_rules(snapshot, "2024-06-30", rules=["overpriced_charge"])
        assert len(found) == 2
        assert len(snapshot.query("select * from claims")) == 3
        with pytest.raises(FraudmlError, match="knows nothing after"):
            run_rules(snapshot, "2024-07-31")


def test_a_rule_without_its_tables_is_skipped_and_named_once(make_claims, caplog):
    with caplog.at_level("WARNING", logger="fraudml"):
        assert run_rules(make_claims(claims=[{}]), "2024-06-30", rules=["overpriced_charge"]).empty
    assert caplog.text.count("overpriced_charge") == 1


def test_a_bureaus_own_rule_runs_and_its_parameters_can_be_moved(make_claims, own_rule):
    claims = make_claims(claims=[{"total_amount": 100.0}, {"total_amount": 40.0}])
    conf = own_rule()
    assert len(run_rules(claims, "2024-06-30", rules=["trial"], conf_dir=conf)) == 1
    assert len(run_rules(claims, "2024-06-30", rules=["trial"], conf_dir=conf, parameters={"trial": {"least": 10}})) == 2


def test_a_bureaus_file_changes_only_what_it_names(make_claims, own_rule):
    conf = own_rule("parameters: {tolerance: {default: 0.2}}\nseverity: suspicious\n", name="overpriced_charge")
    rule = load_rules(conf)["overpriced_charge"]
    assert rule.parameters["tolerance"].default == 0.2
    assert rule.severity == "suspicious"
    assert rule.sql == load_rules()["overpriced_charge"].sql


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"column": "no_such_column"}, r"trial\.yaml:14: .*no_such_column"),
        ({"column": "(select max(x) from no_table)"}, r"trial\.yaml:14: .*no_table"),
        ({"id": "other"}, r"trial\.yaml:2: id “other”"),
    ],
)
def test_wrong_sql_is_refused_with_file_and_line(own_rule, change, message):
    with pytest.raises(FraudmlError, match=message):
        load_rules(own_rule(**change))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("kind: policy", "kind: policy\ncolour: red", r"trial\.yaml:6: unknown key “colour”"),
        ("default: 50", "default: 5000", r"trial\.yaml:11: .*above the maximum"),
        ("{seen}", "{sawn}", r"trial\.yaml:16: .*names sawn, which the SQL does not yield"),
        ("$least", "$most", r"\$most is no parameter"),
        ("[claims]", "[claims.colour]", r"trial\.yaml:9: needs “claims.colour”"),
        ("38(3)", "99(9)", r"trial\.yaml:8: clause 99\(9\) has no text"),
        ("severity: clear", "severity: guilty", r"trial\.yaml:6: severity “guilty”"),
        ("claim_id, started_on as occurred_on", "claim_id", r"does not yield occurred_on"),
    ],
)
def test_wrong_declarations_are_refused_with_file_and_line(own_rule, old, new, message):
    text = RULE.format(id="trial", column="total_amount")
    assert old in text
    with pytest.raises(FraudmlError, match=message):
        load_rules(own_rule(text.replace(old, new)))


@pytest.mark.parametrize("value", [-1, 5, "much", True])
def test_parameters_out_of_range_are_refused(make_claims, value):
    with pytest.raises(FraudmlError, match=r"overpriced_charge\.tolerance"):
        run_rules(make_claims(claims=[{}]), "2024-06-30", parameters={"overpriced_charge": {"tolerance": value}})


def test_one_name_is_one_rule_and_a_folder_is_no_open_claims(make_claims, tmp_path):
    claims = make_claims(claims=[{}])
    assert run_rules(claims, "2024-06-30", rules="service_after_death").empty
    with pytest.raises(FraudmlError, match=r"\[rules.claims\].*fm.open_claims"):
        run_rules(tmp_path, "2024-06-30")


def test_unknown_rules_and_parameters_are_refused(make_claims):
    claims = make_claims(claims=[{}])
    with pytest.raises(FraudmlError, match="no rule “nonsense”"):
        run_rules(claims, "2024-06-30", rules=["nonsense"])
    with pytest.raises(FraudmlError, match="no parameter of this rule"):
        run_rules(claims, "2024-06-30", parameters={"overpriced_charge": {"nonsense": 1}})
