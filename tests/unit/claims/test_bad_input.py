"""Bad input through the command: exit code, one clear line, nothing half-written, and a second run after the repair (issue 2)."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import resource
import signal

import pandas as pd
import pytest

from fraudml.cli import main


@pytest.fixture
def ingest(tmp_path):
    """``ingest()``: the command over the folder that ``write_raw`` filled; returns its exit code."""
    return lambda *keys: main(["ingest", f"input={tmp_path}/raw", f"data_dir={tmp_path}/data", "engine.threads=1", *keys])


def whole(folder):
    """What a reader finds below a folder: names and contents, without the record of runs."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "runs.jsonl"
    }


def csv_of(rows, encoding="utf-8"):
    return pd.DataFrame(rows).to_csv(index=False).encode(encoding)


def without(rows, column):
    return [{name: value for name, value in row.items() if name != column} for row in rows]


def mixed(raw):
    rows = [row | {"memo": "急诊转入院"} for row in raw["setl_d"]]
    return csv_of(rows) + csv_of(rows, "gb18030").split(b"\n")[1] + b"\n"


def wrong_byte(packed):
    return packed[:-8] + bytes([packed[-8] ^ 0xFF]) + packed[-7:]  # of the checksum


REFUSED = [
    # what is wrong, the file, its bytes (None: gone), what the message must name
    ("a required table is missing", "psn_info_b.csv", lambda raw: None, r"\[claims\.missing_table\] .*psn_info_b"),
    (
        "a required column is missing",
        "setl_d.csv",
        lambda raw: csv_of(without(raw["setl_d"], "medfee_sumamt")),
        r"\[claims\.missing_column\] setl_d .*medfee_sumamt",
    ),
    ("a file without a header", "setl_d.csv", lambda raw: b"", r"\[claims\.empty_file\] .*setl_d\.csv"),
    ("an empty table", "setl_d.csv", lambda raw: csv_of(raw["setl_d"]).split(b"\n")[0] + b"\n", r"\[claims\.empty_table\] setl_d"),
    (
        "a file of no encoding",
        "setl_d.csv",
        lambda raw: csv_of(raw["setl_d"]) + b"\xff\xff\xff\n",
        r"\[claims\.undecodable\] .*setl_d\.csv.*line 4",
    ),
    ("mixed encodings", "setl_d.csv", mixed, r"\[claims\.mixed_encodings\] .*setl_d\.csv"),
    ("a broken Parquet file", "setl_d.parquet", lambda raw: b"PAR1 no parquet", r"\[claims\.unreadable\] .*setl_d"),
    ("a broken archive", "setl_d.csv.gz", lambda raw: b"\x1f\x8b no gzip", r"\[claims\.unreadable\] .*setl_d\.csv\.gz"),
    (
        "an archive that broke off",
        "setl_d.csv.gz",
        lambda raw: gzip.compress(csv_of(raw["setl_d"] * 5000))[:-12],
        r"\[claims\.unreadable\] .*setl_d\.csv\.gz",
    ),
    (
        "an archive with a wrong byte",
        "setl_d.csv.gz",
        lambda raw: wrong_byte(gzip.compress(csv_of(raw["setl_d"]))),
        r"\[claims\.unreadable\] .*setl_d\.csv\.gz",
    ),
    (
        "a row with too many fields",
        "fee_list_d.csv",
        lambda raw: csv_of(raw["fee_list_d"]) + b"L3,S1,,,,,,,,,x\n",
        r"\[claims\.unreadable\] .*fee_list_d\.csv.*[Ll]ine:? 4",
    ),
    (
        "a row with too few fields",
        "fee_list_d.csv",
        lambda raw: csv_of(raw["fee_list_d"]) + b"L3,S1\n",
        r"\[claims\.unreadable\] .*fee_list_d\.csv.*[Ll]ine:? 4",
    ),
    (
        "a quote that is never closed",
        "fee_list_d.csv",
        lambda raw: csv_of(raw["fee_list_d"]) + b'"L3,S1,,,,,,,\n',
        r"\[claims\.unreadable\] .*fee_list_d\.csv.*[Ll]ine:? 4",
    ),
    (
        "lines that end in two ways",
        "setl_d.csv",
        lambda raw: csv_of(without(raw["setl_d"], "memo")).replace(b"\n", b"\r\n", 1),
        r"\[claims\.unreadable\] setl_d: lines that end in different ways",
    ),
    ("a column twice", "setl_d.csv", lambda raw: b"setl_id,SETL_ID\n1,2\n", r"\[claims\.column_twice\] .*setl_d\.csv"),
    (
        "every row at fault",
        "setl_d.csv",
        lambda raw: csv_of([row | {"begndate": "soon"} for row in raw["setl_d"]]),
        r"\[claims\.none_accepted\] .*not_a_date",
    ),
]


@pytest.mark.parametrize(("name", "content", "message"), [each[1:] for each in REFUSED], ids=[each[0] for each in REFUSED])
def test_a_bad_file_fails_before_anything_is_written(raw, write_raw, ingest, tmp_path, capsys, name, content, message):
    folder, data = write_raw(raw), tmp_path / "data"
    table = name.split(".")[0]
    bad, aside = content(raw), tmp_path / "aside.csv"

    def spoil():
        (folder / f"{table}.csv").rename(aside)
        if bad is not None:
            (folder / name).write_bytes(bad)

    def repair():
        (folder / name).unlink(missing_ok=True)
        aside.rename(folder / f"{table}.csv")

    spoil()
    assert ingest() == 1  # nothing was there before: nothing is there now
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("fraudml: ")]
    assert len(told) == 1
    assert re.search(message, told[0])
    assert whole(data) == {}
    repair()
    assert ingest() == 0
    before = whole(data)
    spoil()
    assert ingest() == 1  # what was there stays as it was
    assert whole(data) == before
    assert sorted(path.name for path in data.iterdir()) == ["claims", "ingest.html", "ingest.json", "quarantine", "runs.jsonl"]
    repair()
    assert ingest() == 0
    assert whole(data) == before


SET_APART = [
    ("a date that is none", "setl_d", {"begndate": "2024-02-30"}, "claims", "not_a_date"),
    ("a number that is none", "fee_list_d", {"cnt": "ten"}, "items", "not_a_number"),
    ("an unknown code", "psn_info_b", {"gend": "X"}, "patients", "unknown_code"),
    ("an unknown person", "setl_d", {"psn_no": "P9"}, "claims", "unknown_patient"),
    ("a blank key", "setl_d", {"setl_id": " "}, "claims", "missing_value"),
    ("a key that is there already", "setl_d", {"setl_id": "S1"}, "claims", "duplicate_key"),
    ("a person twice", "psn_info_b", {"psn_no": "P1", "gend": "1", "brdy": "1901-02-03"}, "patients", "duplicate_key"),
]


@pytest.mark.parametrize(("table", "change", "canonical", "reason"), [each[1:] for each in SET_APART], ids=[each[0] for each in SET_APART])
def test_a_bad_row_is_set_apart_and_comes_back_repaired(raw, write_raw, ingest, tmp_path, table, change, canonical, reason):
    data = tmp_path / "data"
    rows = raw[table]
    write_raw(raw | {table: [*rows, rows[-1] | change]})
    assert ingest() == 0
    counts = json.loads((data / "ingest.json").read_text())["tables"]
    assert counts[canonical]["reasons"][reason]["count"] == 1
    assert all(each["read"] == each["accepted"] + each["quarantined"] for each in counts.values())
    assert (counts[canonical]["read"], counts[canonical]["accepted"]) == (len(rows) + 1, len(rows))
    assert pd.read_parquet(data / "quarantine" / f"{canonical}.parquet")["reason"].tolist() == [reason]
    write_raw(raw)
    assert ingest() == 0
    assert not any((data / "quarantine").iterdir())


@pytest.mark.parametrize("table", ["fee_list_d", "setl_diag_list_d"])
def test_an_optional_table_may_be_empty(raw, write_raw, ingest, tmp_path, table):
    write_raw(raw)
    (tmp_path / "raw" / f"{table}.csv").write_bytes(csv_of(raw[table]).split(b"\n")[0] + b"\n")
    assert ingest() == 0


@pytest.mark.parametrize("keys", [("ingest.month=2024-13",), ("ingest.negative=perhaps",), ("source=nobody",), ("inputs=x",)])
def test_wrong_keys_are_wrong_usage(raw, write_raw, ingest, tmp_path, keys):
    write_raw(raw)
    assert ingest(*keys) == 2
    assert not (tmp_path / "data" / "claims").exists()


def test_a_folder_that_cannot_be_written_to_is_the_machines_matter(raw, write_raw, tmp_path, capsys):
    write_raw(raw)
    (tmp_path / "a_file").write_text("")
    assert main(["ingest", f"input={tmp_path}/raw", f"data_dir={tmp_path}/a_file/data", "engine.threads=1"]) == 1
    assert re.search(r"\[system\.file\] .*a_file.*: Not a directory", capsys.readouterr().err)


def test_a_full_disk_is_not_blamed_on_the_source(raw, write_raw, ingest, tmp_path, capsys):
    write_raw(raw)
    assert ingest() == 0
    before = whole(tmp_path / "data")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    asked = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        code = ingest()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, asked)
    assert code == 1
    assert re.search(r"\[engine\.disk\] Could not write file .*rights and free disk space", capsys.readouterr().err)
    assert whole(tmp_path / "data") == before
