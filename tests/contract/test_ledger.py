"""Contract of ``fraudml ledger`` (DESIGN.md): returned workbooks in, the ledger and labels.parquet out (L01-L08)."""

from __future__ import annotations

import datetime as dt
import json

import openpyxl
import pandas as pd
import pyarrow.parquet as pq
import pytest

from fraudml.cli import main

AS_OF = "2024-06-30"


@pytest.fixture
def listed(make_claims, tmp_path):
    """A scored day with two institutions in question, its list written."""
    make_claims(
        claims=[
            {"claim_id": f"C{n}", "patient_id": f"P{n}", "institution_id": f"H{1 + n % 2}", "total_amount": 900.0 + n} for n in range(8)
        ],
        institutions=[{"institution_id": "H1", "region": "430102"}],
    )
    for as_of in (AS_OF, "2024-07-31"):
        folder = tmp_path / "data" / "scores" / f"as_of={as_of}"
        (folder / "evidence").mkdir(parents=True)
        day = pd.Timestamp(as_of).date()
        for kind, risks in {"institution": {"H1": 0.9, "H2": 0.8}, "patient": {f"P{n}": 0.1 + n / 100 for n in range(8)}}.items():
            table = pd.DataFrame({"entity_id": list(risks), "as_of": day, "risk": list(risks.values()), "rules": [[] for _ in risks]})
            table.assign(outlier=0.5, supervised=None, graph=0.0, model_version="v1").to_parquet(folder / f"{kind}.parquet")
        evidence = pd.DataFrame({"claim_id": [f"C{n}" for n in range(4)], "entity_id": ["H1", "H2", "H1", "H2"]})
        evidence = evidence.assign(rule="overpriced_charge", row="R07", severity="clear", entity_type="institution", line_id=None)
        evidence = evidence.assign(occurred_on=pd.Timestamp("2024-06-03"), strength=1.0, facts="{}", amount_in_question=250.0)
        evidence.to_parquet(folder / "evidence" / "hits.parquet")
    data = tmp_path / "data"
    assert main(["leads", f"as_of={AS_OF}", "capacity=5", f"data_dir={data}"]) == 0
    return data


def answered(data, findings, path=None, as_of=AS_OF):
    """The day's workbook with findings by entity, saved in its place or elsewhere."""
    original = data / "leads" / f"as_of={as_of}" / "leads.xlsx"
    book = openpyxl.load_workbook(original)
    sheet = next(each for each in book if each["A1"].value == "lead_id")
    place = {cell.value: cell.column for cell in sheet[1]}
    for row in range(3, sheet.max_row + 1):
        found = findings.get(sheet.cell(row=row, column=place["entity"]).value, {})
        for name, value in found.items():
            sheet.cell(row=row, column=place[f"finding_{name}"]).value = value
    book.save(path or original)
    return path or original


def leads_of(data, as_of=AS_OF):
    return pd.read_parquet(data / "leads" / f"as_of={as_of}" / "leads.parquet").set_index("entity_id")


def test_l01_leads_are_open_right_after_they_were_listed(listed, capsys):
    assert main(["ledger", "list", f"data_dir={listed}", "as_of=2024-07-01", "ledger.by=me"]) == 0
    text = capsys.readouterr().out
    assert all(identity in text for identity in leads_of(listed)["lead_id"])
    assert "430102" in text and "2024-09-28" in text
    assert main(["ledger", f"data_dir={listed}", "as_of=2024-10-01", "lang=en"]) == 0
    assert "overdue" in capsys.readouterr().out


def test_l02_l04_findings_in_labels_out(listed, capsys):
    yes = {"state": "属实", "outcome": "追回", "amount": 500, "date": dt.date(2024, 7, 10)}
    path = answered(listed, {"H1": yes, "H2": {"state": "不属实", "date": dt.date(2024, 7, 11)}})  # “as_of=…” stands in its path
    for _ in range(2):
        assert main(["ledger", "import", str(path), f"data_dir={listed}"]) == 0
        assert main(["ledger", "labels", f"data_dir={listed}"]) == 0
    labels = pd.read_parquet(listed / "labels.parquet")
    assert list(labels.columns)[:6] == ["entity_type", "entity_id", "is_fraud", "scheme", "decided_on", "origin"]
    assert labels.iloc[:, :6].to_numpy().tolist() == [
        ["institution", "H1", 1, "overpriced_charge", "2024-07-10", "lead"],
        ["institution", "H2", 0, "", "2024-07-11", "lead"],
    ]
    capsys.readouterr()
    assert main(["ledger", "stats", f"data_dir={listed}", "as_of=2024-07-31"]) == 0
    assert "追回违规费用500元" in capsys.readouterr().out


def test_refused_lines_are_told_by_cell_and_the_rest_is_recorded(listed, tmp_path, capsys):
    findings = {"H1": {"state": "属实"}, "H2": {"state": "属实", "amount": "许多"}}
    path = answered(listed, findings, tmp_path / "a b, 'c' [1]=x.xlsx")
    assert main(["ledger", "import", str(path), f"data_dir={listed}"]) == 1
    told = capsys.readouterr()
    keys = [cell.value for cell in openpyxl.load_workbook(path).worksheets[1][1]]  # the hidden row of keys
    column = openpyxl.utils.get_column_letter(1 + keys.index("finding_amount"))
    assert f"!{column}" in told.err and "[ledger.not_taken]" in told.err
    assert "新记录1条" in told.out


def test_l02_a_conflict_is_listed_and_resolved(listed, tmp_path, capsys):
    one = answered(listed, {"H1": {"state": "属实"}}, tmp_path / "one.xlsx")
    answered(listed, {"H1": {"state": ""}})
    two = answered(listed, {"H1": {"state": "不属实"}}, tmp_path / "two.xlsx")
    lead = leads_of(listed).loc["H1", "lead_id"]
    assert main(["ledger", "import", str(one), str(two), f"data_dir={listed}"]) == 1
    capsys.readouterr()
    assert main(["ledger", "list", "disputed", f"data_dir={listed}", "lang=en"]) == 0
    told = capsys.readouterr().out
    number = next(line for line in told.splitlines() if "not confirmed" in line).split("[")[1].split("]")[0]
    assert main(["ledger", "resolve", lead, f"ledger.take={number}", f"data_dir={listed}"]) == 0
    assert main(["ledger", "show", lead, f"data_dir={listed}"]) == 0
    assert "two.xlsx" in capsys.readouterr().out


def test_open_leads_are_carried_and_closed_ones_stay_away(listed, capsys):
    days = {"H1": {"state": "已销号", "outcome": "追回", "amount": 500, "date": dt.date(2024, 7, 10)}}
    assert main(["ledger", "import", str(answered(listed, days)), f"data_dir={listed}"]) == 0
    assert main(["leads", "as_of=2024-07-31", "capacity=5", f"data_dir={listed}"]) == 0
    before, now = leads_of(listed), leads_of(listed, "2024-07-31")
    assert "H1" not in now[now["drawn"] == "ranked"].index
    assert now.loc["H2", "lead_id"] == before.loc["H2", "lead_id"]
    manifest = json.loads((listed / "leads" / "as_of=2024-07-31" / "manifest.json").read_text())
    assert manifest["first_listed"][now.loc["H2", "lead_id"]] == AS_OF
    assert manifest["closed"] == 1
    capsys.readouterr()
    assert main(["ledger", "list", "all", f"data_dir={listed}", "as_of=2024-08-01"]) == 0
    assert capsys.readouterr().out.count(before.loc["H2", "lead_id"]) == 1


def test_l01_an_assignment(listed, capsys):
    lead = leads_of(listed).loc["H2", "lead_id"]
    given = ["ledger.unit=稽核二科", "ledger.person=李四", "ledger.due=2024-12-31"]
    assert main(["ledger", "record", lead, *given, f"data_dir={listed}"]) == 0
    capsys.readouterr()
    assert main(["ledger", "list", f"data_dir={listed}", "ledger.unit=稽核二科"]) == 0
    told = capsys.readouterr().out
    assert lead in told and "2024-12-31" in told and "李四" in told
    assert leads_of(listed).loc["H1", "lead_id"] not in told


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nonsense"], 2, "[ledger.command]"),
        (["import"], 2, "[ledger.files]"),
        (["import", "/nowhere/x.xlsx"], 1, "[ledger.file]"),
        (["list", "some"], 2, "[ledger.which]"),
        (["record"], 2, "[ledger.leads]"),
        (["record", "L-X"], 2, "[ledger.nothing]"),
        (["record", "L-X", "ledger.state=maybe"], 2, "[ledger.state]"),
        (["resolve", "L-X", "ledger.take=x"], 2, "[ledger.take]"),
        (["show", "L-X"], 1, "[ledger.unknown_lead]"),
        (["list", "data_dir=/nowhere/at/all"], 1, "[ledger.data_dir]"),
        (["list", "ledger.uri=mysql://a/b"], 1, "[ledger.uri]"),
        (["discretion", "ledger.amount=about ten"], 2, "[ledger.amount]"),
        (["list", "ledger.units=abc"], 2, "[ledger.units]"),
        (["stats", "ledger.since=2024-08-01", "as_of=2024-07-01"], 2, "[ledger.since]"),
        (["record", "L-X", "ledger.state=confirmed", "ledger.scheme=phantom_bedd"], 2, "[ledger.scheme]"),
    ],
)
def test_errors_are_one_line_with_a_code(arguments, code, message, tmp_path, capsys):
    given = arguments if any(each.startswith("data_dir=") for each in arguments) else [*arguments, f"data_dir={tmp_path}"]
    assert main(["ledger", *given]) == code
    assert message in capsys.readouterr().err.strip().splitlines()[-1]


def test_l08_a_rule_draft_from_a_confirmed_unexplained_lead(make_claims, tmp_path, capsys):
    from fraudml.leads.table import arrow_leads
    from fraudml.rules import load_rules

    plain = [{"claim_id": f"C{n}", "patient_id": f"P{n % 40}", "doctor_id": f"D{n % 10}", "total_amount": 50.0} for n in range(200)]
    odd = [{"claim_id": f"Z{n}", "patient_id": f"P{n % 40}", "doctor_id": "D3", "visit_type": "emergency"} for n in range(30)]
    items = [{"claim_id": each["claim_id"], "item_code": "O'X"} for each in odd] + [{"claim_id": "C5", "item_code": "O'X"}]
    make_claims(claims=plain + odd, items=items)
    data, day = tmp_path / "data", dt.date(2024, 6, 30)
    lead = {"lead_id": "L-QQQQQQ-000001", "rank": 1, "as_of": day, "entity_type": "doctor", "entity_id": "D3", "schemes": ["unexplained"]}
    lead |= {"risk": 0.9, "amount_at_risk": 10.0, "evidence_claim_ids": [f"Z{n}" for n in range(20)], "drawn": "ranked"}
    (data / "leads" / "as_of=2024-06-30").mkdir(parents=True)

    pq.write_table(arrow_leads([lead]), data / "leads" / "as_of=2024-06-30" / "leads.parquet")
    assert main(["ledger", "draft", "L-QQQQQQ-000001", f"data_dir={data}"]) == 1  # not confirmed yet
    assert main(["ledger", "record", "L-QQQQQQ-000001", "ledger.state=属实", f"data_dir={data}"]) == 0
    capsys.readouterr()
    assert main(["ledger", "draft", "L-QQQQQQ-000001", f"data_dir={data}", "lang=en"]) == 0
    assert "1 entity and 30 settlements, the lead's own among them" in capsys.readouterr().out
    rule = load_rules(data / "drafts")["draft_l_qqqqqq_000001"]
    assert "O''X" in rule.sql and rule.suspect == "doctor"
    assert "L-QQQQQQ-000001" in rule.path.read_text() and "Z19" in rule.path.read_text()


def test_the_other_commands(listed, tmp_path, capsys):
    given = [f"data_dir={listed}", "lang=en"]
    assert main(["ledger", "add", "doctor", "D1", "drug_resale", "ledger.origin=举报", "ledger.date=2024-07-01", *given]) == 0
    lead = leads_of(listed).loc["H1", "lead_id"]
    fine = ["ledger.state=measure", "ledger.outcome=fined", "ledger.amount=500", "ledger.date=2024-07-10"]
    assert main(["ledger", "record", lead, *fine, *given]) == 0
    capsys.readouterr()
    assert main(["ledger", "discretion", *given]) == 0
    assert "fined" in capsys.readouterr().out
    assert main(["ledger", "duplicates", *given]) == 0
    assert "No fact" in capsys.readouterr().out
    assert main(["ledger", "stats", *given]) == 0
    assert "Reports received: 1." in capsys.readouterr().out
    assert main(["ledger", "export", str(tmp_path / "out.xlsx"), *given]) == 0
    assert openpyxl.load_workbook(tmp_path / "out.xlsx").sheetnames == ["states", "events"]


def test_who_may_only_read_the_folder_still_gets_the_list(listed, capsys, caplog):
    """What was asked for is done, though the record of runs cannot be written."""
    (listed / "runs.jsonl").unlink()
    (listed / "runs.jsonl").mkdir()
    assert main(["ledger", "list", f"data_dir={listed}", "as_of=2024-07-01"]) == 0
    assert "H1" in capsys.readouterr().out
    assert any("runs.jsonl" in record.getMessage() for record in caplog.records)


def test_l01_a_ledger_in_postgresql_by_url(listed, postgresql, capsys):
    given = [f"data_dir={listed}", f"ledger.uri={postgresql}", "as_of=2024-08-01"]
    assert main(["ledger", "import", str(answered(listed, {"H1": {"state": "属实", "date": dt.date(2024, 7, 10)}})), *given]) == 0
    assert main(["ledger", "list", *given]) == 0
    assert "属实" in capsys.readouterr().out
    assert "secret" not in (listed / "runs.jsonl").read_text()
