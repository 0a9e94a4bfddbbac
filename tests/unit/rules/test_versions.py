"""Versions of the rule base: named by content, kept whole, and compared on the same month."""

from types import SimpleNamespace

import pandas as pd
import pytest

from fraudml.contracts import EVIDENCE
from fraudml.errors import UsageError
from fraudml.evaluate.rule_versions import comparison_page, differences
from fraudml.rules import load_rules, rule_base, run_rules
from fraudml.rules.versions import affected, compare, save_version, summary
from fraudml.stages.evidence import evidence_as_of
from fraudml.stages.rule_versions import compare_versions, other_version

OWN = "parameters: {tolerance: {default: 0.2}}\n"
QUOTA = """
source: x
version: 2
columns: {level: INTEGER, amount: DOUBLE, started_on: DATE, ended_on: DATE}
key: [level]
rows:
  - [3, 1, null, null]
"""


@pytest.fixture
def own_conf(tmp_path):
    for group, name, text in (("rules", "overpriced_charge", OWN), ("knowledge", "payment_thresholds", QUOTA)):
        (tmp_path / "own" / group).mkdir(parents=True)
        (tmp_path / "own" / group / f"{name}.yaml").write_text(text, encoding="utf-8")
    return tmp_path / "own"


def evidence(**columns):
    rows = pd.DataFrame(columns)
    defaults = {"rule": "x", "row": "R07", "severity": "clear", "entity_type": "institution", "entity_id": "H1", "line_id": None}
    return rows.assign(**{name: value for name, value in defaults.items() if name not in rows}).assign(
        occurred_on="2024-06-01", facts="{}"
    )[list(EVIDENCE)]


def test_a_version_is_its_content(own_conf, tmp_path):
    assert rule_base().version == rule_base().version
    assert rule_base(own_conf).version != rule_base().version
    kept = save_version(tmp_path / "kept", own_conf)
    assert rule_base(tmp_path / "kept" / kept.version) == kept == rule_base(own_conf)
    assert save_version(tmp_path / "kept", own_conf) == kept


def test_a_kept_version_is_whole_and_runs(own_conf, tmp_path, make_claims):
    version = save_version(tmp_path / "kept", own_conf).version
    kept = tmp_path / "kept" / version
    (kept / "rules" / "high_cost.yaml").unlink()  # as if it had been shipped only later
    rules = load_rules(kept)
    assert "high_cost" not in rules
    assert rules["overpriced_charge"].parameters["tolerance"].default == 0.2
    claims = make_claims(claims=[{}], items=[{"item_code": "CT", "unit_price": 115.0}], catalogue=[{"item_code": "CT", "price_cap": 100.0}])
    assert run_rules(claims, "2024-06-30", ["overpriced_charge"], conf_dir=kept).empty
    assert len(run_rules(claims, "2024-06-30", ["overpriced_charge"])) == 1


def test_only_rules_that_are_declared_otherwise_or_read_other_knowledge_are_affected(own_conf):
    rules = load_rules()
    assert affected(rule_base(), rule_base(), rules) == []
    assert affected(rule_base(), rule_base(own_conf), rules) == ["overpriced_charge", "split_admission"]
    lines = differences(rules, load_rules(own_conf), rule_base(), rule_base(own_conf), "en")
    assert lines == ["overpriced_charge: tolerance 0.005 → 0.2 (share of the cap)", "knowledge table changed: payment_thresholds"]


def test_added_gone_and_changed_evidence():
    before = evidence(claim_id=["A", "B", "C"], amount_in_question=[10.0, 20.0, 30.0], strength=[1.0, 1.0, 0.5])
    after = evidence(claim_id=["A", "C", "D"], amount_in_question=[10.0, 33.0, 5.0], strength=[1.0, 0.5, 1.0])
    found = compare(before, after).set_index("claim_id")
    assert found.status.to_dict() == {"B": "gone", "C": "changed", "D": "added"}
    assert found.amount_after.to_dict() == pytest.approx({"B": float("nan"), "C": 33.0, "D": 5.0}, nan_ok=True)
    table = summary(before, after, ["x"]).set_index("rule")
    assert table.loc["x", ["evidence_before", "added", "gone", "changed", "amount_before", "amount_after"]].tolist() == [
        3,
        1,
        1,
        1,
        60.0,
        48.0,
    ]
    assert table.loc["x"].equals(table.loc["all"])
    page = comparison_page(summary(before, after, ["x"]), [], ("old", "new"), "2024-06-30", "zh")
    assert "60.00" in page
    assert "完全相同" in page


def test_nothing_against_nothing():
    none = evidence(claim_id=[], amount_in_question=[], strength=[])
    assert compare(none, none).empty
    assert summary(none, none, [])["amount_after"].tolist() == [0.0]


def settings(data_dir, version=None, conf_dir=None):
    return SimpleNamespace(data_dir=str(data_dir), conf_dir=conf_dir, rules=SimpleNamespace(version=version), lang="zh")


def test_the_score_stage_compares_with_a_kept_version(make_claims, own_conf, tmp_path):
    claims = make_claims(
        claims=[{"total_amount": 115.0}],
        items=[{"item_code": "CT", "unit_price": 115.0}],
        catalogue=[{"item_code": "CT", "price_cap": 100.0}],
        data_dir=tmp_path / "data",
    )
    (tmp_path / "data" / "ingest.json").write_text('{"dataset": "d"}', encoding="utf-8")
    plain = settings(tmp_path / "data")
    evidence_as_of(plain, claims, "2024-06-30")
    kept = [path.name for path in (tmp_path / "data" / "rule_base").iterdir()]
    assert kept == [rule_base().version]
    assert claims.engine.note_of(tmp_path / "data" / "evidence" / "as_of=2024-06-30.parquet").startswith(kept[0])
    now = settings(tmp_path / "data", kept[0], str(own_conf))
    hits = evidence_as_of(now, claims, "2024-06-30")
    compare_versions(now, claims, "2024-06-30", hits, tmp_path)
    found = pd.read_parquet(tmp_path / "rules_comparison.parquet")
    assert found[["rule", "status", "amount_before"]].values.tolist() == [["overpriced_charge", "gone", 15.0]]
    assert "tolerance 0.005 → 0.2" in (tmp_path / "rules_comparison.html").read_text(encoding="utf-8")


def test_an_unknown_version_is_wrong_usage_and_names_what_there_is(tmp_path):
    assert other_version(settings(tmp_path)) is None
    assert other_version(settings(tmp_path, "shipped")) == "shipped"
    base = save_version(tmp_path / "rule_base")
    assert other_version(settings(tmp_path, base.version)) == tmp_path / "rule_base" / base.version
    with pytest.raises(UsageError, match=rf"nosuch is neither .* Kept: {base.version}"):
        other_version(settings(tmp_path, "nosuch"))
