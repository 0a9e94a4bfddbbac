"""A table set of one's own through YAML alone: the shipped OMOP-like example."""

# ruff: noqa: E501 - rows of a file are shown as they are

from __future__ import annotations

from fraudml.claims.ingest import ingest
from fraudml.claims.source import load_source
from fraudml.config import read_yaml
from fraudml.engine import open_engine
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
