"""A table set of one's own through YAML alone: the shipped OMOP-like example, and the guide's for wide claims."""

# ruff: noqa: E501 - rows of a file are shown as they are

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest
import yaml

from fraudml.claims.ingest import ingest
from fraudml.claims.source import load_source
from fraudml.config import read_yaml
from fraudml.engine import open_engine
from fraudml.errors import FraudmlError
from fraudml.resources import resource

FILES = {
    "visit_occurrence": """visit_occurrence_id,person_id,visit_concept_id,visit_start_date,visit_end_date,care_site_id,provider_id,total_paid,total_patient_share
1,11,9202,2020-03-01,2020-03-01,7,5,80,20
2,12,9201,2020-03-02,2020-03-05,8,6,1000,
3,12,,2020-03-09,2020-03-09,8,6,1,1
""",
    "condition_occurrence": "visit_occurrence_id,condition_source_value,condition_type_concept_id\n1,I10.0,38000183\n2,E11.9,0\n",
    "drug_exposure": """drug_exposure_id,visit_occurrence_id,drug_exposure_start_date,drug_source_value,quantity,days_supply,total_charge,provider_id
1,1,2020-03-01,N02BE01,10,5,30,5
""",
    "procedure_occurrence": """procedure_occurrence_id,visit_occurrence_id,procedure_date,procedure_source_value,quantity,total_charge,provider_id
1,2,2020-03-03,0DTJ4ZZ,1,900,6
""",
    "person": "person_id,gender_concept_id,year_of_birth,location_id\n11,8507,1950,3\n12,8532,1980,3\n",
    "care_site": "care_site_id,place_of_service_source_value,location_id\n7,Pharmacy,3\n8,Hospital,4\n9,Hospital,4\n",
}


def test_the_example_maps_omop_like_tables(tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    for name, content in FILES.items():
        (raw / f"{name}.csv").write_text(content)
    engine = open_engine(threads=1)
    source = load_source(read_yaml(resource("conf") / "source" / "table.yaml"))
    report = ingest(engine, raw, tmp_path / "data", source)

    def read(table):
        return engine.query(f"select * from read_parquet('{tmp_path}/data/claims/{table}.parquet') order by 1, 2")

    claims = read("claims")
    assert claims[["claim_id", "visit_type", "nights", "total_amount"]].to_numpy().tolist() == [
        ["1", "outpatient", 0, 100.0],
        ["2", "inpatient", 3, 1000.0],
    ]
    assert read("items")[["line_id", "charge_type", "amount"]].to_numpy().tolist() == [
        ["D1", "western_drug", 30.0],
        ["P1", "treatment", 900.0],
    ]
    assert read("diagnoses")[["diagnosis", "is_main"]].to_numpy().tolist() == [["I100", True], ["E119", False]]
    assert read("institutions")[["institution_id", "kind"]].to_numpy().tolist() == [["7", "pharmacy"], ["8", "hospital"]]
    assert read("patients").birth_date.dt.year.to_list() == [1950, 1980]
    assert all(each.read == each.accepted + each.quarantined for each in report.tables.values())


WIDE = {
    "DE1_0_2008_Beneficiary_Summary_File_Sample_1": """"DESYNPUF_ID","BENE_BIRTH_DT","BENE_DEATH_DT","BENE_SEX_IDENT_CD","SP_STATE_CODE"
"00013D2EFD8E45D1",19230501,,1,26
"00016F745862898F",19430101,,2,39
""",
    "DE1_0_2009_Beneficiary_Summary_File_Sample_1": """"DESYNPUF_ID","BENE_BIRTH_DT","BENE_DEATH_DT","BENE_SEX_IDENT_CD","SP_STATE_CODE"
"00013D2EFD8E45D1",19230501,20090301,1,26
""",
    "DE1_0_2008_to_2010_Inpatient_Claims_Sample_1": """"DESYNPUF_ID","CLM_ID","SEGMENT","CLM_FROM_DT","CLM_THRU_DT","PRVDR_NUM","CLM_PMT_AMT","AT_PHYSN_NPI","NCH_BENE_IP_DDCTBL_AMT","CLM_DRG_CD","ICD9_DGNS_CD_1","ICD9_DGNS_CD_2","HCPCS_CD_1"
"00013D2EFD8E45D1",196661176988405,1,20080312,20080314,"2600GD",4000.00,3139083564,1024.00,"217","7802","78820",""
"00013D2EFD8E45D1",196661176988405,2,20080312,20080314,"2600GD",0.00,3139083564,,"217","7802","",""
""",
    "DE1_0_2008_to_2010_Outpatient_Claims_Sample_1": """"DESYNPUF_ID","CLM_ID","SEGMENT","CLM_FROM_DT","CLM_THRU_DT","PRVDR_NUM","CLM_PMT_AMT","AT_PHYSN_NPI","NCH_BENE_PTB_COINSRNC_AMT","ICD9_DGNS_CD_1","ICD9_DGNS_CD_2","ICD9_DGNS_CD_10"
"00016F745862898F",542272281166593,1,20090602,20090602,"3939PG",30.00,1615982014,10.00,"72999","","V5841"
""",
    "DE1_0_2008_to_2010_Prescription_Drug_Events_Sample_1": """"DESYNPUF_ID","PDE_ID","SRVC_DT","PROD_SRVC_ID","QTY_DSPNSD_NUM","DAYS_SUPLY_NUM","PTNT_PAY_AMT","TOT_RX_CST_AMT"
"00013D2EFD8E45D1",233384498925,20080112,"00247035000",30.000,30,0.00,20.00
""",
}


def of_the_guide():
    """The declaration that docs/sources.md shows in full."""
    guide = (Path(__file__).parents[2] / "docs" / "sources.md").read_text(encoding="utf-8")
    return next(found for found in map(yaml.safe_load, re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL)) if found.get("name") == "synpuf")


def write_wide(tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()
    for name, content in WIDE.items():
        (folder / f"{name}.csv").write_text(content)
    return folder


def test_the_guides_example_maps_wide_claims(tmp_path):
    engine = open_engine(threads=1)
    report = ingest(engine, write_wide(tmp_path), tmp_path / "data", load_source(of_the_guide()))

    def read(table, columns):
        rows = engine.rows(f"select {columns} from read_parquet('{tmp_path}/data/claims/{table}.parquet') order by all")
        return [tuple(row) for row in rows]

    assert read("claims", "claim_id, visit_type, nights, total_amount, fund_amount, drg_code") == [
        ("196661176988405", "inpatient", 2, 5024.0, 4000.0, "217"),
        ("233384498925", "pharmacy", 0, 20.0, None, None),
        ("542272281166593", "outpatient", 0, 40.0, 30.0, None),
    ]
    assert read("diagnoses", "claim_id, diagnosis, is_main") == [
        ("196661176988405", "7802", True),
        ("196661176988405", "78820", False),
        ("542272281166593", "72999", True),
        ("542272281166593", "V5841", False),
    ]
    assert read("patients", "patient_id, sex, death_date") == [
        ("00013D2EFD8E45D1", "male", dt.date(2009, 3, 1)),
        ("00016F745862898F", "female", None),
    ]
    assert read("items", "item_code, quantity, days_supply, amount") == [("00247035000", 30.0, 30.0, 20.0)]
    assert read("institutions", "institution_id, kind, region") == [("2600GD", "hospital", "26"), ("3939PG", "hospital", "39")]
    assert not any(each.quarantined for each in report.tables.values())


@pytest.mark.parametrize(
    ("place", "sql", "told"),
    [
        (("relations", "place", "query"), "select prvdr_num frm inpatient", "relation place"),
        (("relations", "place", "query"), "select prvdr_num from nowhere", "relation place.*nowhere"),
        (("tables", "institutions", "columns", "kind"), {"sql": "no_function(prvdr_num)"}, "table institutions, column kind.*no_function"),
        (("tables", "patients", "columns", "birth_date"), {"sql": "birth + 'x'::date"}, "table patients, column birth_date"),
        (("tables", "institutions", "where"), "prvdr_num + 1", "table institutions, where"),
    ],
)
def test_a_slip_in_the_declaration_is_told_with_its_place(tmp_path, place, sql, told):
    declared = of_the_guide()
    inner = declared
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = sql
    with pytest.raises(FraudmlError, match=told) as caught:
        ingest(open_engine(threads=1), write_wide(tmp_path), tmp_path / "data", load_source(declared))
    assert caught.value.code in ("source.sql", "sql.syntax")
    assert not (tmp_path / "data" / "claims").exists()
