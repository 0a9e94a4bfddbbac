"""Declarations: what they give, and how a wrong one fails."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from fraudml.contracts import ENTITY_TYPES
from fraudml.errors import FraudmlError
from fraudml.vectors import UNITS, load_catalogue, load_measures

GOOD = """\
entity: patient
features:
  night_count:
    sql: count(*) filter (where is_night)
    windows: [1, 12]
    unit: claims
    direction: high
    zh: "{window}夜间结算{value}次"
    en: "{value} settlements at night in {window}"
    serves: [R17]
    benign: {zh: 急诊, en: emergencies}
"""


def own(tmp_path: Path, text: str, entity: str = "patient") -> Path:
    folder = tmp_path / "features"
    folder.mkdir(exist_ok=True)
    (folder / f"{entity}.yaml").write_text(textwrap.dedent(text), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("entity", ENTITY_TYPES)
def test_every_feature_says_what_it_is_in_both_languages(entity):
    catalogue = load_catalogue(entity)
    assert catalogue.peers
    assert len({feature.base for feature in catalogue.features.values()}) >= 60
    for name, feature in catalogue.features.items():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
        assert feature.unit in UNITS
        assert feature.serves
        assert all(re.fullmatch(r"R\d\d", row) for row in feature.serves), feature.where
        for lang in ("zh", "en"):
            told = feature.sentence(lang, 0.5, 0.25, 97.5)
            assert "{" not in told
            assert "None" not in told
            assert feature.benign[lang]
        if feature.window:
            assert f"近{feature.window}个月" in feature.sentence("zh", 1.0)


def test_a_sentence_writes_shares_as_percentages_and_flags_as_words():
    claim = load_catalogue("claim").features
    assert claim["fund_share"].sentence("zh", 0.5, 0.25) == "各项基金支付占50%(同类结算中位数25%)"
    assert claim["is_night"].sentence("zh", 1.0, 0.0) == "是否在夜间结算:是(同类结算多为否)"
    purchases = load_catalogue("patient").features["pharmacy_top_count_1m"]
    assert purchases.sentence("zh", 31, 1) == "近1个月在同一药店购药31次(同类人中位数1次)"
    assert purchases.sentence("en", None) == "unknown purchases at one pharmacy in the last month (peers' median unknown)"


def test_an_own_file_adds_and_replaces(tmp_path):
    shipped = load_catalogue("patient")
    more = load_catalogue("patient", own(tmp_path, GOOD))
    assert set(more.features) - set(shipped.features) == {"night_count_1m", "night_count_12m"}
    replaced = load_catalogue("patient", own(tmp_path, GOOD.replace("night_count", "night_share")))
    assert replaced.features["night_share_12m"].unit == "claims"
    assert "night_share_3m" not in replaced.features
    assert load_catalogue("doctor", tmp_path) == load_catalogue("doctor")


@pytest.mark.parametrize(
    ("before", "after", "code", "says"),
    [
        ("count(*)", "count(", "sql.syntax", "patient.yaml:3: night_count"),
        ("is_night", "is_nigth", "features.sql", "is_nigth"),
        ("count(*)", "sum(sex)", "features.sql", "patient.yaml:3: night_count"),
        ("    zh:", "    zzz:", "features.key", "zzz"),
        ('    en: "{value} settlements at night in {window}"\n', "", "features.wording", "en is missing"),
        ("{value}次", "次", "features.wording", "does not say {value}"),
        ("{window}夜间", "{months}夜间", "features.wording", "unknown placeholder {months}"),
        ("unit: claims", "unit: claim", "features.unit", "Did you mean claims?"),
        ("direction: high", "direction: up", "features.direction", "high, low or both"),
        ("windows: [1, 12]", "windows: [2]", "features.windows", "1, 3, 12"),
        ("sql: count(*)", "of: visits\n    sql: count(*)", "features.relation", "there is no relation visits"),
        ("benign: {zh: 急诊, en: emergencies}", "benign: {zh: 急诊}", "features.wording", "benign.en"),
        ("    unit: claims", "    unit: claims\n    unit: persons", "features.duplicate", "patient.yaml:7"),
        ("sql: count(*) filter (where is_night)", "expr: no_such_thing + 1", "features.column", "no_such_thing"),
        # one value where a list or a text is wanted, and the other way round, once ended in a traceback
        ("windows: [1, 12]", "windows: 12", "features.windows", "windows: [12]"),
        ("    windows: [1, 12]\n", "", "features.wording", "says {window}"),
        ("windows: [1, 12]", "windows: [true]", "features.windows", "1, 3, 12"),
        ("unit: claims", "unit: [claims]", "features.unit", "unit is a text"),
        ("benign: {zh: 急诊, en: emergencies}", "benign: 急诊", "features.wording", "benign is a mapping"),
        ("serves: [R17]", "serves: R17", "features.entry", "serves: [R17]"),
        # a row or a table that is none was taken as it stood: the feature served nothing, or was left out for ever
        ("serves: [R17]", "serves: [R99]", "features.serves", "no row R99"),
        ("    unit: claims", "    needs: [claims.settled]\n    unit: claims", "features.needs", "claims has no column settled"),
        ("    unit: claims", "    needs: [claim.settled_at]\n    unit: claims", "features.needs", "Did you mean claims?"),
        ("count(*) filter (where is_night)", "max(visit_type)", "features.sql", "patient.yaml:3: night_count: a feature is a number"),
        ("count(*) filter (where is_night)", "max(settled_at) - min(settled_at)", "features.sql", "this is INTERVAL"),
        # behind the relation's back lies what was not known on the day
        ("count(*) filter (where is_night)", "max((select count(*) from all_claims))", "features.sql", "holds no query"),
        ("entity: patient", "entity: doctor", "features.entity", "declares doctor"),
        ("night_count", "insurance_type", "features.sql", ""),
    ],
)
def test_a_wrong_entry_fails_with_file_line_and_remedy(tmp_path, before, after, code, says):
    assert before in GOOD
    text = GOOD.replace(before, after)
    if before == "night_count":  # a feature under the name of an attribute
        text, code = text.replace("windows: [1, 12]\n    ", "").replace("{window}", ""), "features.duplicate"
    with pytest.raises(FraudmlError) as caught:
        load_catalogue("patient", own(tmp_path, text))
    assert caught.value.code == code
    assert "patient.yaml:" in str(caught.value)
    assert says in str(caught.value)
    assert caught.value.hint


def test_an_own_relation_serves_own_features(tmp_path):
    text = GOOD.replace("features:", "relations:\n  hours: {by: [hour], measures: {amount: sum(total_amount)}}\nfeatures:").replace(
        "sql: count(*) filter (where is_night)", "of: hours\n    sql: top_share(amount)"
    )
    assert load_catalogue("patient", own(tmp_path, text)).features["night_count_1m"].of == "hours"
    with pytest.raises(FraudmlError, match=r"features\.sql.*total_amounts"):
        load_catalogue("patient", own(tmp_path, text.replace("sum(total_amount)", "sum(total_amounts)")))


def test_an_unknown_entity_is_named():
    with pytest.raises(FraudmlError, match=r"features\.entity.*hospital"):
        load_catalogue("hospital")


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (("unit: times", "unit: fold"), "features.unit", "no unit fold"),
        (("    direction: high\n", ""), "features.direction", "direction is missing"),
        (("为{value}", "很大"), "features.wording", "does not say {value}"),
        (("unit: times", "sql: sum(n)"), "features.key", "no key sql"),
    ],
)
def test_a_wrong_wording_of_a_graph_measure_fails_with_file_and_line(tmp_path, change, code, said):
    text = """\
        patient:
          closeness:
            unit: times
            direction: high
            zh: "紧密程度为{value}"
            en: "{value} times as close"
            benign: {zh: 家庭, en: a family}
        """
    folder = own(tmp_path, text, "graph")
    assert load_measures("patient", folder)["closeness"].sentence("en", 3.0) == "3 times as close"
    path = folder / "features" / "graph.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    with pytest.raises(FraudmlError) as failed:
        load_measures("patient", folder)
    assert failed.value.code == code
    assert "graph.yaml:2: closeness" in failed.value.message
    assert said in failed.value.message


def test_graph_measures_say_what_they_are_in_both_languages():
    for entity in ENTITY_TYPES:
        for feature in load_measures(entity).values():
            assert feature.serves, feature.where
            assert all("{" not in feature.sentence(lang, 0.5, 0.25, 97.5) for lang in ("zh", "en"))
