"""Knowledge tables: every entry knows source and version; wrong ones are refused with file and line."""

import pandas as pd
import pytest

from fraudml.engine import open_engine
from fraudml.errors import FraudmlError
from fraudml.knowledge import expose_knowledge
from fraudml.rules import load_clauses

TABLE = """
about: trial
source: this test
version: "7"
columns: {level: INTEGER, amount: DOUBLE, started_on: DATE, ended_on: DATE}
key: [level]
rows:
  - [3, 100, 2020-01-01, 2020-12-31]
  - [3, 120, 2021-01-01, null]
  - [2, 80, null, null]
"""


@pytest.fixture
def expose(tmp_path):
    def run(text, name="payment_thresholds"):
        folder = tmp_path / "knowledge"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
        engine = open_engine(threads=1)
        return engine, expose_knowledge(engine, tmp_path)

    return run


def test_a_bureaus_table_takes_the_place_of_the_shipped_one(expose):
    engine, versions = expose(TABLE)
    assert versions["payment_thresholds"] == "7"
    assert engine.rows("select level, amount from knowledge_payment_thresholds order by all") == [(2, 80.0), (3, 100.0), (3, 120.0)]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("2021-01-01, null", "2020-12-31, null", r"payment_thresholds\.yaml:9: 3 holds on days that line 8 already covers"),
        ("[2, 80, null, null]", "[2, 80]", r"payment_thresholds\.yaml:10: 2 values for 4 columns"),
        ("[2, 80,", "[2, eighty,", r"payment_thresholds\.yaml:10: amount=eighty is no DOUBLE"),
        ("amount: DOUBLE", "amount: MONEY", r"type MONEY is none of"),
        ("about: trial", "abuot: trial", r"payment_thresholds\.yaml:2: unknown key “abuot”"),
        ("source: this test", "", r"names source, version"),
    ],
)
def test_wrong_entries_are_refused_with_file_and_line(expose, old, new, message):
    with pytest.raises(FraudmlError, match=message):
        expose(TABLE.replace(old, new))


def test_a_parquet_file_serves_as_rows(expose, tmp_path):
    head = TABLE.split("rows:")[0] + "parquet: quota.parquet\n"
    (tmp_path / "knowledge").mkdir()
    rows = pd.DataFrame(
        {"level": [3, 3], "amount": [1.0, 2.0], "started_on": ["2020-01-01", "2021-01-01"], "ended_on": ["2020-12-31", None]}
    )
    rows.to_parquet(tmp_path / "knowledge" / "quota.parquet")
    engine, _ = expose(head)
    assert engine.scalar("select sum(amount) from knowledge_payment_thresholds") == 3.0
    rows.assign(ended_on=None).to_parquet(tmp_path / "knowledge" / "quota.parquet")
    with pytest.raises(FraudmlError, match="hold on the same days"):
        expose(head)


def test_entries_know_source_and_version(expose):
    engine, _ = expose(TABLE)
    assert engine.rows("select distinct source, version from knowledge_payment_thresholds") == [("this test", "7")]
    own = TABLE.replace("columns: {level: INTEGER, ", "columns: {source: VARCHAR, level: INTEGER, ").replace("  - [", "  - [notice 5, ")
    engine, _ = expose(own)
    assert engine.rows("select distinct source, version from knowledge_payment_thresholds") == [("notice 5", "7")]


def test_days_off_are_the_state_councils(tmp_path):
    engine = open_engine(threads=1)
    expose_knowledge(engine)
    off = "select name from knowledge_holidays where not is_workday and date '{}' between started_on and ended_on"
    assert engine.scalar(off.format("2024-02-12")) == "春节"
    assert engine.rows(off.format("2024-02-09")) == []
    assert engine.scalar(off.format("2020-10-08")) == "国庆节、中秋节"
    assert engine.scalar("select is_workday from knowledge_holidays where date '2024-02-18' between started_on and ended_on")
    folder = tmp_path / "knowledge"
    folder.mkdir()
    (folder / "holidays.yaml").write_text(
        "source: x\nversion: 1\ncolumns: {name: VARCHAR, is_workday: BOOLEAN, started_on: DATE, ended_on: DATE}\nkey: []\nrows:\n"
        "  - [one, false, 2024-01-01, 2024-01-03]\n  - [other, true, 2024-01-03, 2024-01-03]\n",
        encoding="utf-8",
    )
    with pytest.raises(FraudmlError, match=r"holidays\.yaml:7: the entry holds on days that line 6 already covers"):
        expose_knowledge(open_engine(threads=1), tmp_path)


def test_the_law_is_quoted_in_both_languages():
    clauses = load_clauses()
    cited = [
        "38(1)",
        "38(2)",
        "38(3)",
        "38(4)",
        "38(5)",
        "38(6)",
        "38(7)",
        "39",
        "40(1)",
        "40(2)",
        "40(3)",
        "40(4)",
        "41(1)",
        "41(2)",
        "41(3)",
    ]
    assert set(cited) <= clauses.keys()
    for clause in clauses.values():
        assert clause.quoted("zh")
        assert clause.quoted("en")
