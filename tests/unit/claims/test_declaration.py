"""The declaration of a source: what is wrong with it is told with its place, before anything is read (rows of issue 3: a YAML alone)."""

from __future__ import annotations

import copy

import pytest

from fraudml.claims.source import load_source
from fraudml.config import read_yaml
from fraudml.errors import FraudmlError
from fraudml.resources import resource


@pytest.fixture
def declared():
    return copy.deepcopy(read_yaml(resource("conf") / "source" / "nhsa.yaml"))


@pytest.mark.parametrize(
    ("table", "column", "mapping", "told"),
    [
        (
            "claims",
            "visit_type",
            {"of": "med_type", "codes": {"11": "out-patient"}},
            r"\[source.value\].*claims.*visit_type.*out-patient.*outpatient",
        ),
        ("claims", "visit_type", {"of": "med_type", "codes": {"11": "outpatient"}, "other": "rest"}, r"\[source.value\].*visit_type.*rest"),
        ("patients", "sex", {"of": "gend", "codes": {"1": "M"}}, r"\[source.value\].*patients.*sex.*“M”"),
        ("institutions", "level", {"of": "hosp_lv", "codes": {"三级": "three"}}, r"\[source.value\].*institutions.*level.*three"),
        ("claims", "is_paid", {"of": "pay_stas", "codes": {"Y": "paid"}}, r"\[source.value\].*is_paid.*paid"),
        ("claims", "visit_type", {"of": "med_type", "codes": {False: "emergency"}}, r"\[source.codes\].*visit_type.*quotes"),
    ],
)
def test_a_value_that_no_rule_knows_is_told_with_its_place(declared, table, column, mapping, told):
    declared["tables"][table]["columns"][column] = mapping
    with pytest.raises(FraudmlError, match=told):
        load_source(declared)


@pytest.mark.parametrize(
    "tables", [["claims"], {"claims": ["setl_d"]}, {"claims": {"from": "setl_d", "columns": ["claim_id"]}}, {"claims": {"from": "setl_d"}}]
)
def test_a_declaration_of_another_shape_is_told(tables):
    with pytest.raises(FraudmlError, match=r"\[source\.(empty|part)\]"):
        load_source({"name": "ours", "tables": tables})


def test_a_key_that_says_nothing_is_refused(declared):
    declared["tables"]["claims"]["wher"] = "vali_flag = '1'"  # rows that are no claims would come in, and nobody would know
    with pytest.raises(FraudmlError, match=r"\[source.part\].*claims.*wher"):
        load_source(declared)


def test_a_zone_that_does_not_exist_is_refused(declared):
    with pytest.raises(FraudmlError, match=r"\[source.time_zone\].*Asia/Beijing"):
        load_source(declared | {"time_zone": "Asia/Beijing"})


def test_one_word_for_nothing_needs_no_list(declared):
    assert load_source(declared | {"nulls": "NA"}).nulls == ("", "NA")


def test_words_that_nobody_translates_must_be_the_canonical_ones(declared, raw, run):
    declared["tables"]["claims"]["columns"]["visit_type"] = "kind"
    declared["tables"]["institutions"]["columns"]["kind"] = {"sql": "case when fixmedins_type = '1' then 'hospital' else 'shop' end"}
    declared["tables"]["claims"]["columns"]["insurance_type"] = "plan"
    raw["setl_d"][0] |= {"kind": "outpatient", "plan": "urban"}
    raw["setl_d"][1] |= {"kind": "OP", "plan": "resident"}
    summary, read = run(raw, source=load_source(declared))
    assert [(row["visit_type"], row["insurance_type"]) for row in read("claims")] == [("outpatient", "other")]
    assert summary["tables"]["claims"]["reasons"]["unlisted_code"]["count"] == 1  # what need not be stated loses no row
    for table in ("claims", "institutions"):
        assert summary["tables"][table]["reasons"]["unknown_code"]["count"] == 1
        assert summary["tables"][table]["quarantined"] == 1


def test_a_part_that_did_not_come_is_named(declared, raw, run, caplog):
    shops = {"from": "drugstores", "columns": {"institution_id": "shop", "kind": {"sql": "'pharmacy'"}}}
    declared["tables"]["institutions"] = [declared["tables"]["institutions"], shops]
    with caplog.at_level("WARNING", logger="fraudml"):
        run(raw, source=load_source(declared))
    assert [record.getMessage() for record in caplog.records] == ["institutions: the input has no drugstores, a part of it"]
