"""The same tables from files and from a real PostgreSQL give the same claims; skipped where there is no server to start."""

from __future__ import annotations

import pytest

from fraudml.claims.ingest import ingest
from fraudml.claims.source import load_source
from fraudml.config import read_yaml
from fraudml.engine import open_engine
from fraudml.errors import FraudmlError
from fraudml.resources import resource

TABLES = """
create table setl_d (setl_id text, mdtrt_id text, psn_no text, insutype text, fixmedins_code text, med_type text, begndate date,
    enddate date,
    setl_time timestamp, medfee_sumamt numeric(16, 2), vali_flag smallint, refd_setl_flag smallint);
insert into setl_d values ('S1', 'M1', 'P1', '310', 'H1', '2101', '2024-06-03', '2024-06-05', '2024-06-05 10:00:00', 120.50, 1, 0),
    ('S2', 'M2', 'P1', '310', 'H1', '11', '2024-06-07', null, '2024-06-07 10:00:00', 20, 0, 0);
create table psn_info_b (psn_no text, gend char(1), brdy date);
insert into psn_info_b values ('P1', '1', '1950-01-01');
create table fixmedins_b (fixmedins_code text, fixmedins_type text, hosp_lv text);
insert into fixmedins_b values ('H1', '1', '05');
"""


@pytest.fixture
def server(postgresql_server, postgresql):
    pytest.importorskip("adbc_driver_postgresql", reason="the extra fraudml[postgres] is not installed")
    postgresql_server(TABLES, database=postgresql.rsplit("/", 1)[1])
    return postgresql


def test_a_round_trip(server, tmp_path):
    engine = open_engine(threads=1)
    report = ingest(engine, server, tmp_path, load_source(read_yaml(resource("conf") / "source" / "nhsa.yaml")))
    claims = engine.query(f"select * from read_parquet('{tmp_path}/claims/claims.parquet')")
    assert claims[["claim_id", "visit_type", "nights", "total_amount"]].to_numpy().tolist() == [["S1", "inpatient", 2, 120.5]]
    assert report.tables["claims"].reasons["invalid_settlement"]["count"] == 1
    assert "secret" not in (tmp_path / "ingest.json").read_text()
    again = ingest(engine, server, tmp_path, load_source(read_yaml(resource("conf") / "source" / "nhsa.yaml")))
    assert again.dataset == report.dataset  # the same rows


def test_a_wrong_address_is_one_clear_error(server, tmp_path):
    with pytest.raises(FraudmlError, match=r"\[claims.database\]") as caught:
        ingest(
            open_engine(threads=1),
            server.rsplit("/", 1)[0] + "/nowhere",
            tmp_path,
            load_source(read_yaml(resource("conf") / "source" / "nhsa.yaml")),
        )
    assert "secret" not in str(caught.value)
