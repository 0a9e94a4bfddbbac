"""Contract of the stage ``audit``: files, keys, errors, whole or not at all; text stays text (DESIGN.md)."""

from __future__ import annotations

import openpyxl
import pandas as pd
import pytest

from fraudml.audit import programmes
from fraudml.cli import DONE, FAILED, WRONG_USAGE, main

EVIL = '=HYPERLINK("http://x")<script>alert(1)</script>'


@pytest.fixture
def city(make_claims, tmp_path):
    rows = [
        {"claim_id": f"C{p}-{n}", "patient_id": EVIL if p == 0 else f"P{p}", "started_on": f"2024-0{1 + n % 6}-0{1 + p % 9}"}
        | ({"visit_type": "pharmacy", "institution_id": "Y1", "account_amount": 10.0} if n % 3 == 0 else {})
        for p in range(8)
        for n in range(6 + p % 3)
    ]
    make_claims(claims=rows, items=[{"claim_id": "C0-1", "item_code": "a"}])
    return tmp_path / "data"


def test_a01_to_a13_in_one_go(city):
    assert main(["audit", "programme=yixing_outpatient", f"data_dir={city}", "as_of=2024-06-30"]) == DONE
    folder = city / "audit" / "yixing_outpatient"
    names = {each.name for each in folder.iterdir()}
    assert {"yixing_outpatient.xlsx", "yixing_outpatient.html", "key_targets.parquet", "protocol.parquet", "strata.parquet"} <= names
    assert {"outpatient_visits.parquet", "first_review.parquet", "past_doubts.parquet", "rule_check.parquet"} <= names
    rows = pd.read_parquet(folder / "outpatient_visits.parquet")
    assert {"stratum", "rank", "entity_type", "entity_id", "value", "drawn", "draw_key"} <= set(rows.columns)
    assert len(pd.read_parquet(folder / "key_targets.parquet")) > 0
    book = openpyxl.load_workbook(folder / "yixing_outpatient.xlsx")
    assert book.sheetnames[:2] == ["总览", "重点稽核对象"] and book.sheetnames[-1] == "抽取记录"
    assert not [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]
    assert EVIL in {cell.value for row in book["重点稽核对象"].iter_rows() for cell in row}
    html = (folder / "yixing_outpatient.html").read_text(encoding="utf-8")
    assert "<script" not in html and "&lt;script&gt;" in html
    assert not [each for each in (city / "audit").iterdir() if each.name.startswith(".")]


def test_the_same_command_gives_the_same_tables(city):
    command = ["audit", "yixing_outpatient", f"data_dir={city}", "as_of=2024-06-30", "seed=4", "+audit.lists.first_review.size=5"]
    assert main(command) == DONE
    folder = city / "audit" / "yixing_outpatient"
    before = {each.name: pd.read_parquet(each) for each in folder.glob("*.parquet")}
    assert len(before["first_review.parquet"]) == 5
    assert main(command) == DONE
    assert all(before[each.name].equals(pd.read_parquet(each)) for each in folder.glob("*.parquet"))


def test_a01_periods_from_the_command_line_and_english(city):
    assert main(["audit", "yixing_outpatient", f"data_dir={city}", "audit.periods=2024-01..2024-03,2024Q2", "lang=en"]) == DONE
    rows = pd.read_parquet(city / "audit" / "yixing_outpatient" / "outpatient_visits.parquet")
    assert set(rows["period"]) == {"2024-01..2024-03", "2024Q2"}
    assert "Key" in str(openpyxl.load_workbook(city / "audit" / "yixing_outpatient" / "yixing_outpatient.xlsx").sheetnames[1]).title()


@pytest.mark.parametrize("name", [each for each in programmes() if each != "yixing_outpatient"])
def test_every_other_programme_runs(city, name):
    assert main(["audit", f"programme={name}", f"data_dir={city}", "as_of=2024-06-30"]) == DONE
    assert (city / "audit" / name / f"{name}.xlsx").is_file() and (city / "audit" / name / f"{name}.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], WRONG_USAGE, "[audit.programme]"),
        (["programme=nothing"], FAILED, "[audit.unknown]"),
        (["programme=rule_check", "as_of=2024-05-31,2024-06-30"], WRONG_USAGE, "[audit.as_of]"),
        (["programme=rule_check", "audit.periods=2024-13"], FAILED, "[audit.period]"),
        (["programme=rule_check", "+audit.lists.rule_check.size=3"], FAILED, "[audit.declaration] rule_check.yaml:"),
        (["programme=rule_check", "+audit.lists.other.size=3"], FAILED, "[audit.list]"),
    ],
)
def test_wrong_usage_is_one_line(city, capsys, arguments, code, message):
    assert main(["audit", *arguments, f"data_dir={city}"]) == code
    assert message in capsys.readouterr().err
    assert not (city / "audit").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "[labels.missing]"),
        (b"entity_type,entity_id,is_fraud,decided_on\ninstitution,H1,perhaps,2024-01-05\n", "[labels.is_fraud]"),
        (b"entity_type,entity_id,is_fraud,decided_on\ninstitution,H1,1,soon\n", "[labels.decided_on]"),
        (b"entity_type,entity_id\ninstitution,H1\n", "[labels.columns]"),
    ],
)
def test_a17_decisions_that_cannot_be_read_are_refused_as_in_training(city, tmp_path, capsys, content, message):
    path = tmp_path / "labels.csv"
    if content is not None:
        path.write_bytes(content)
    assert main(["audit", "points_and_blacklist", f"data_dir={city}", f"labels={path}"]) == FAILED
    assert message in capsys.readouterr().err
    assert not (city / "audit" / "points_and_blacklist").exists()


def test_a_bureaus_own_programme_needs_no_code(city, tmp_path):
    folder = tmp_path / "conf" / "audit"
    folder.mkdir(parents=True)
    (folder / "ours.yaml").write_text(
        "id: ours\nname: {zh: 本局名单, en: ours}\nlists:\n  - {use: outpatient_visits, size: 3}\n"
        "  - id: small_bills\n    row: L01\n    kind: sample\n    name: {zh: 小额账单, en: small bills}\n"
        "    unit: claim\n    where: total_amount < 1000\n    strata: [period, visit_type]\n    share: 0.5\n",
        encoding="utf-8",
    )
    assert main(["audit", "ours", f"data_dir={city}", "as_of=2024-06-30", f"conf_dir={tmp_path / 'conf'}"]) == DONE
    rows = pd.read_parquet(city / "audit" / "ours" / "small_bills.parquet")
    strata = pd.read_parquet(city / "audit" / "ours" / "strata.parquet").query("list == 'small_bills'")
    assert (strata["listed"] == -(-strata["population"] // 2)).all() and len(rows) == strata["listed"].sum()
