"""The same tables from files and from a real PostgreSQL give the same claims; skipped where there is no server to start."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
from pathlib import Path

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


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    pytest.importorskip("adbc_driver_postgresql", reason="the extra fraudml[postgres] is not installed")
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not binaries:
        pytest.skip("no PostgreSQL server binaries")
    folder = Path(tmp_path_factory.mktemp("pg"))
    if os.getuid() == 0:  # the server refuses to run as root
        try:
            owner = pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip("running as root without a postgres user")
        folder = Path("/var/tmp") / f"fraudml-pg-{os.getpid()}"
        folder.mkdir(mode=0o700)
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        as_owner = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
    else:
        as_owner = {}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    tools, data = binaries[-1].parent, folder / "data"

    def call(*command):
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **as_owner)

    call(tools / "initdb", "-D", data, "-U", "reader", "-A", "trust", "-E", "UTF8", "--no-sync")
    call(tools / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -F", "start")
    try:
        call(tools / "psql", "-h", "127.0.0.1", "-p", str(port), "-U", "reader", "-d", "postgres", "-c", TABLES)
        yield f"postgresql://reader:secret@127.0.0.1:{port}/postgres"
    finally:
        call(tools / "pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


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
            server.replace("/postgres", "/nowhere"),
            tmp_path,
            load_source(read_yaml(resource("conf") / "source" / "nhsa.yaml")),
        )
    assert "secret" not in str(caught.value)
