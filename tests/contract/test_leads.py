"""Contract of the stage ``leads``: files, columns and types, repeatable, whole or not at all (DESIGN.md, leads.parquet)."""

from __future__ import annotations

import json
import re
import shutil

import pandas as pd
import pytest

import fraudml as fm
from fraudml.cli import main
from fraudml.contracts import LEADS
from fraudml.engine import open_engine
from fraudml.errors import MissingInput

AS_OF = "2024-06-30"


@pytest.fixture
def scored(make_claims, tmp_path):
    """Claims and scores of one institution and its patients, with evidence."""
    make_claims(claims=[{"claim_id": f"C{n}", "patient_id": f"P{n}", "total_amount": 100.0 + n} for n in range(8)])
    folder = tmp_path / "data" / "scores" / f"as_of={AS_OF}"
    (folder / "evidence").mkdir(parents=True)
    day = pd.Timestamp(AS_OF).date()
    for kind, risks in {"institution": {"H1": 0.9}, "patient": {f"P{n}": 0.1 + n / 100 for n in range(8)}}.items():
        table = pd.DataFrame({"entity_id": list(risks), "as_of": day, "risk": list(risks.values()), "rules": [[] for _ in risks]})
        table.assign(outlier=0.5, supervised=None, graph=0.0, model_version="v1").to_parquet(folder / f"{kind}.parquet")
    evidence = pd.DataFrame({"claim_id": ["C1", "C2"], "line_id": [None, None], "amount_in_question": [10.0, 20.0]})
    evidence = evidence.assign(rule="overpriced_charge", row="R07", severity="clear", entity_type="institution", entity_id="H1")
    evidence.assign(occurred_on=pd.Timestamp("2024-06-03"), strength=1.0, facts="{}").to_parquet(folder / "evidence" / "hits.parquet")
    return tmp_path / "data"


def leads_of(data_dir):
    return pd.read_parquet(data_dir / "leads" / f"as_of={AS_OF}" / "leads.parquet")


def test_files_columns_and_types(scored):
    assert main(["leads", f"as_of={AS_OF}", "capacity=5", f"data_dir={scored}"]) == 0
    folder = scored / "leads" / f"as_of={AS_OF}"
    assert {each.name for each in folder.iterdir()} == {"leads.parquet", "evidence.parquet", "leads.xlsx", "leads.html", "manifest.json"}
    engine = open_engine()
    engine.parquet("leads", folder / "leads.parquet")
    assert {name: kind.replace(chr(34), "") for name, kind in engine.columns("leads").items()} == LEADS
    leads = leads_of(scored)
    assert 1 <= len(leads) <= 5
    assert set(leads["drawn"]) <= {"ranked", "random"}
    first = leads.iloc[0]
    assert (first["entity_id"], first["amount_at_risk"], list(first["schemes"])) == ("H1", 30.0, ["overpriced_charge"])
    assert list(first["clauses"]) == ["38(3)"]
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["parameters"]["seed"] == 0
    assert set(manifest["outputs"]) == {"leads.parquet", "evidence.parquet", "leads.xlsx", "leads.html"}


def test_a_day_without_leads_has_typed_columns(scored):
    folder = scored / "scores" / f"as_of={AS_OF}"
    for name in ("institution", "patient"):
        path = folder / f"{name}.parquet"
        pd.read_parquet(path).assign(risk=0.0).to_parquet(path)
    assert main(["leads", f"as_of={AS_OF}", "leads.explore=0", f"data_dir={scored}"]) == 0
    engine = open_engine()
    engine.parquet("leads", scored / "leads" / f"as_of={AS_OF}" / "leads.parquet")
    assert {name: kind.replace(chr(34), "") for name, kind in engine.columns("leads").items()} == LEADS
    assert engine.scalar("select count(*) from leads") == 0


def test_a_second_run_gives_the_same_files(scored):
    folder = scored / "leads" / f"as_of={AS_OF}"
    outputs = []
    for _ in range(2):
        assert main(["leads", f"as_of={AS_OF}", "capacity=5", f"data_dir={scored}"]) == 0
        outputs.append(json.loads((folder / "manifest.json").read_text())["outputs"])
    assert outputs[0] == outputs[1]
    assert not list((scored / "leads").glob(".*"))


def test_without_as_of_the_latest_scores_count(scored):
    assert main(["leads", f"data_dir={scored}", "capacity=3"]) == 0
    assert len(leads_of(scored)) >= 1


def test_english_reasons(scored):
    assert main(["leads", "lang=en", "capacity=1", "leads.explore=0", f"data_dir={scored}"]) == 0
    assert not any(re.search("[\u4e00-\u9fff]", reason["text"]) for reason in leads_of(scored)["reasons"][0])


@pytest.mark.parametrize("wrong", ["lang=fr", "leads.by=county", "leads.explore=2"])
def test_wrong_keys_are_wrong_usage(scored, wrong):
    assert main(["leads", wrong, f"data_dir={scored}"]) == 2


def test_no_scores_is_said_in_one_line(tmp_path, capsys):
    assert main(["leads", f"data_dir={tmp_path}"]) == 1
    assert "fraudml score" in capsys.readouterr().err


def test_explain_shows_the_same_reasons(scored):
    assert main(["leads", "capacity=5", f"data_dir={scored}"]) == 0
    lead = leads_of(scored).iloc[0]
    found = fm.explain(scored, lead["lead_id"])
    assert found.reasons["text"].tolist() == [reason["text"] for reason in lead["reasons"]]
    html = found._repr_html_()
    assert "<svg" in html
    assert found.reasons["text"][0] in html
    assert found.evidence["amount"].sum() == lead["amount_at_risk"]
    with pytest.raises(MissingInput):
        fm.explain(scored, "L-000000-000000")


def test_an_open_lead_is_carried_with_its_id_and_the_day_it_was_first_listed(scored):
    assert main(["leads", f"as_of={AS_OF}", "capacity=5", "leads.explore=0", f"data_dir={scored}"]) == 0
    later = "2024-07-31"
    shutil.copytree(scored / "scores" / f"as_of={AS_OF}", scored / "scores" / f"as_of={later}")
    for name in ("institution", "patient"):
        path = scored / "scores" / f"as_of={later}" / f"{name}.parquet"
        pd.read_parquet(path).assign(as_of=pd.Timestamp(later).date()).to_parquet(path)
    assert main(["leads", f"as_of={later}", "capacity=5", "leads.explore=0", f"data_dir={scored}"]) == 0
    folder = scored / "leads" / f"as_of={later}"
    manifest = json.loads((folder / "manifest.json").read_text())
    identity = leads_of(scored)["lead_id"][0]
    assert manifest["first_listed"][identity] == AS_OF
    assert manifest["counts"]["carried"] >= 1
    assert f'"since":"{AS_OF}"' in (folder / "leads.html").read_text()
