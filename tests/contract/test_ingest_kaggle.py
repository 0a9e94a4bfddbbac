"""The public provider files: what maps where, any subset of inpatient and outpatient, the label file by its columns."""

# ruff: noqa: E501 - rows of a file are shown as they are

from __future__ import annotations

from pathlib import Path

import pytest

from fraudml.claims.ingest import ingest
from fraudml.claims.source import load_source
from fraudml.config import read_yaml
from fraudml.engine import open_engine
from fraudml.errors import MissingInput
from fraudml.resources import resource

INPATIENT = """"BeneID","ClaimID","ClaimStartDt","ClaimEndDt","Provider","InscClaimAmtReimbursed","AttendingPhysician","OperatingPhysician",\
"OtherPhysician","AdmissionDt","DeductibleAmtPaid","DischargeDt","DiagnosisGroupCode","ClmDiagnosisCode_1","ClmDiagnosisCode_2"
"B1","C1",2009-04-12,2009-04-18,"PRV1",26000,"D1","D2",NA,2009-04-12,1068,2009-04-18,"201","1970","4019"
"""
OUTPATIENT = """"BeneID","ClaimID","ClaimStartDt","ClaimEndDt","Provider","InscClaimAmtReimbursed","AttendingPhysician","DeductibleAmtPaid","ClmDiagnosisCode_1"
"B2","C2",2009-05-01,2009-05-01,"PRV2",50,"D3",0,"V5832"
"""
BENEFICIARY = """"BeneID","DOB","DOD","Gender","RenalDiseaseIndicator","State","County","ChronicCond_Diabetes"
"B1",1943-01-01,NA,1,"Y",39,230,2
"B2",1940-09-01,2009-12-01,2,"0",45,610,1
"""


@pytest.fixture
def folder(tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "Train_Inpatientdata-1542.csv").write_text(INPATIENT)
    (raw / "Train_Outpatientdata.csv").write_text(OUTPATIENT)
    (raw / "Train_Beneficiarydata.csv").write_text(BENEFICIARY)
    (raw / "some-labels.csv").write_text("Provider,PotentialFraud\nPRV1,Yes\nPRV9,No\n")
    return raw


def run(folder: Path):
    engine = open_engine(threads=1)
    source = load_source(read_yaml(resource("conf") / "source" / "kaggle_provider.yaml"))
    report = ingest(engine, folder, folder.parent / "data", source)

    def read(table):
        return engine.query(f"select * from read_parquet('{folder.parent}/data/claims/{table}.parquet') order by 1, 2")

    return report, read


def test_what_maps_where(folder):
    report, read = run(folder)
    first, second = read("claims").to_dict("records")
    assert (first["visit_type"], first["nights"], first["total_amount"], first["fund_amount"], first["cash_amount"]) == (
        "inpatient",
        6,
        27068.0,
        26000.0,
        1068.0,
    )
    assert (second["visit_type"], second["institution_id"], second["doctor_id"]) == ("outpatient", "PRV2", "D3")
    assert read("claim_doctors")[["doctor_id", "role"]].to_numpy().tolist() == [
        ["D1", "attending"],
        ["D2", "operating"],
        ["D3", "attending"],
    ]
    assert read("diagnoses")[["diagnosis", "is_main"]].to_numpy().tolist() == [["1970", True], ["4019", False], ["V5832", True]]
    assert read("registered_diseases").registered_disease.to_list() == ["renal_disease", "diabetes"]
    assert read("institutions").region.to_list() == ["39-230", "45-610"]
    labels = read("labels")
    assert labels[["entity_type", "entity_id", "is_fraud"]].to_numpy().tolist() == [
        ["institution", "PRV1", True],
        ["institution", "PRV9", False],
    ]
    assert labels.decided_on.isna().all()
    assert all(each.read == each.accepted + each.quarantined for each in report.tables.values())
    assert "items" in report.absent_tables


@pytest.mark.parametrize("gone", ["Train_Inpatientdata-1542.csv", "Train_Outpatientdata.csv", "some-labels.csv"])
def test_any_subset_will_do(folder, gone):
    (folder / gone).unlink()
    report, read = run(folder)
    assert len(read("claims")) == (2 if gone == "some-labels.csv" else 1)
    assert ("labels" in report.absent_tables) == (gone == "some-labels.csv")


def test_without_beneficiaries_nothing_is_written(folder):
    (folder / "Train_Beneficiarydata.csv").unlink()
    with pytest.raises(MissingInput, match="beneficiary"):
        run(folder)
    assert not any((folder.parent / "data").iterdir())
