"""What a bureau really sends: encodings, packing, parts, bad files, killed runs, months, pseudonyms (issue 2, “Bad input”)."""

from __future__ import annotations

import hashlib
import hmac
import json
import shutil
import stat

import pandas as pd
import pytest

from fraudml.claims import open_claims, swap
from fraudml.claims.coverage import coverage, served_by, written_coverage
from fraudml.claims.ingest import Options, ingest
from fraudml.claims.swap import alone, finish, put_in_place
from fraudml.engine import open_engine
from fraudml.errors import FraudmlError, UsageError


def ids(read, table="claims", below="claims", column=None):
    return [each[column or next(iter(each))] for each in read(table, below)]


def rewrite(folder, name, content, suffix=".csv"):
    for path in folder.glob(f"{name}.*"):
        path.unlink()
    (folder / f"{name}{suffix}").write_bytes(content)
    return folder


@pytest.mark.parametrize(("encoding", "packed"), [("utf-8-sig", False), ("gb18030", False), ("gb18030", True), ("utf-8", True)])
def test_encodings(raw, run, write_raw, encoding, packed):
    raw["setl_d"][0]["memo"] = "急诊,转入"
    _, read = run(write_raw(raw, encoding, packed))
    assert [each["memo"] for each in read("claims")] == ["急诊,转入", None]


def test_mixed_encodings_are_refused(raw, run, write_raw, csv_bytes, tmp_path):
    for row in raw["setl_d"]:
        row["memo"] = "急诊转入院"
    good, bad = csv_bytes(raw["setl_d"]), csv_bytes(raw["setl_d"], "gb18030").split(b"\n")[1] + b"\n"
    with pytest.raises(FraudmlError, match=r"\[claims.mixed_encodings\] setl_d.csv"):
        run(rewrite(write_raw(raw), "setl_d", good + bad))
    assert not any((tmp_path / "data").iterdir())


@pytest.mark.parametrize(
    ("content", "suffix", "code"),
    [
        (b"", ".csv", "claims.empty_file"),
        (b"setl_id,\xff\xff\xff\n", ".csv", "claims.undecodable"),
        (b"setl_id,SETL_ID\n1,2\n", ".csv", "claims.column_twice"),
        (b"no parquet at all", ".parquet", "claims.unreadable"),
        (b"not gzip", ".csv.gz", "claims.unreadable"),
    ],
)
def test_unreadable_files_name_themselves(raw, run, write_raw, tmp_path, content, suffix, code):
    with pytest.raises(FraudmlError, match=r"setl_d") as caught:
        run(rewrite(write_raw(raw), "setl_d", content, suffix))
    assert caught.value.code == code
    assert not any((tmp_path / "data").iterdir())


def test_a_line_with_too_many_fields_names_the_table(raw, run, write_raw, csv_bytes, tmp_path):
    with pytest.raises(FraudmlError, match=r"\[claims.unreadable\] fee_list_d"):
        run(rewrite(write_raw(raw), "fee_list_d", csv_bytes(raw["fee_list_d"]) + b"a,b,c,d,e,f,g,h,i,j,k\n"))
    assert not any((tmp_path / "data").iterdir())


def test_header_only_is_an_empty_table(raw, run, write_raw, csv_bytes):
    with pytest.raises(FraudmlError, match=r"\[claims.empty_table\] setl_d"):
        run(rewrite(write_raw(raw), "setl_d", csv_bytes(raw["setl_d"]).split(b"\n")[0] + b"\n"))


def test_a_repaired_source_succeeds(raw, run, write_raw, csv_bytes):
    folder = rewrite(write_raw(raw), "setl_d", b"")
    with pytest.raises(FraudmlError):
        run(folder)
    summary, _ = run(rewrite(folder, "setl_d", csv_bytes(raw["setl_d"])))
    assert summary["tables"]["claims"]["accepted"] == 2


def test_parquet_with_types_and_folders_of_parts(raw, run, write_raw, tmp_path):
    folder = write_raw(raw)
    (folder / "setl_d.csv").unlink()
    (folder / "SETL_D").mkdir()
    frame = pd.DataFrame(raw["setl_d"]).drop(columns=["init_setl_id", "memo"])
    for name in ("begndate", "setl_time"):
        frame[name] = pd.to_datetime(frame[name])
    frame = frame.astype({"medfee_sumamt": float, "insutype": float, "vali_flag": int, "med_type": int})
    for number in range(2):
        frame.iloc[[number]].to_parquet(folder / "SETL_D" / f"2024-0{number}.parquet")
    summary, read = run(folder)
    assert [(each["insurance_type"], each["visit_type"], each["total_amount"]) for each in read("claims")] == [
        ("employee", "outpatient", 100.0),
        ("resident", "pharmacy", 100.0),
    ]
    assert summary["tables"]["claims"]["files"] == 2
    assert "memo" in summary["tables"]["claims"]["columns_without_source"]


def test_folders_of_months(raw, run, tmp_path, csv_bytes):
    folder = tmp_path / "months"
    for month, row in (("2024-05", 0), ("2024-06", 1)):
        (folder / month / "fee_list_d").mkdir(parents=True)
        (folder / month / "setl_d.csv").write_bytes(csv_bytes(raw["setl_d"][row : row + 1]))
        (folder / month / "fee_list_d" / "1.csv").write_bytes(csv_bytes(raw["fee_list_d"][row : row + 1]))
    for table in ("psn_info_b", "fixmedins_b"):
        (folder / f"{table}.csv").write_bytes(csv_bytes(raw[table]))
    summary, read = run(folder)
    assert ids(read) == ["S1", "S2"]
    assert ids(read, "items") == ["L1", "L2"]
    assert (summary["tables"]["claims"]["files"], summary["tables"]["items"]["files"]) == (2, 2)


@pytest.mark.parametrize(
    ("column", "text", "expected"),
    [
        ("begndate", "20240603", "2024-06-03"),
        ("begndate", "2024/6/3 08:00", "2024-06-03"),
        ("begndate", "2024年6月3日", "2024-06-03"),
        ("begndate", " 2024-06-03 ", "2024-06-03"),
        ("medfee_sumamt", "1,234.50", 1234.5),
        ("medfee_sumamt", "¥12", 12.0),
        ("manl_reim_flag", "是", True),
    ],
)
def test_usual_shapes_of_values(raw, run, column, text, expected):
    canonical = {"begndate": "started_on", "medfee_sumamt": "total_amount", "manl_reim_flag": "is_manual"}[column]
    raw["setl_d"][0][column] = text
    _, read = run(raw)
    value = read("claims")[0][canonical]
    assert (value if isinstance(expected, (bool, float)) else str(value)) == expected


@pytest.mark.parametrize(
    ("table", "column", "value", "reason"),
    [
        ("setl_d", "begndate", "2024-02-30", "not_a_date"),
        ("setl_d", "medfee_sumamt", "abc", "not_a_number"),
        ("setl_d", "medfee_sumamt", "inf", "not_a_number"),
        ("setl_d", "refd_setl_flag", "maybe", "not_a_flag"),
        ("setl_d", "psn_no", "", "missing_value"),
        ("setl_d", "psn_no", "P9", "unknown_patient"),
        ("setl_d", "fixmedins_code", "H9", "unknown_institution"),
        ("setl_d", "enddate", "2024-05-01", "dates_reversed"),
        ("setl_d", "setl_time", "2091-06-03", "implausible_date"),
        ("setl_d", "medfee_sumamt", "-5", "negative_amount"),
        ("fee_list_d", "cnt", "x", "not_a_number"),
        ("fee_list_d", "setl_id", "S9", "orphan"),
        ("psn_info_b", "gend", "X", "unknown_code"),
        ("psn_info_b", "brdy", "19x", "not_a_date"),
    ],
)
def test_a_corrupted_row_is_quarantined_with_its_reason(raw, run, table, column, value, reason):
    raw[table][1][column] = value
    summary, read = run(raw)
    canonical = {"setl_d": "claims", "fee_list_d": "items", "psn_info_b": "patients"}[table]
    assert summary["tables"][canonical]["reasons"][reason]["count"] == 1
    assert ids(read, canonical, "quarantine", "reason") == [reason]
    assert [row[column] or "" for row in read(canonical, "quarantine")] == [value]
    assert all(each["read"] == each["accepted"] + each["quarantined"] for each in summary["tables"].values())
    if table == "psn_info_b":  # a person with a faulty row is still a known person
        assert ids(read) == ["S1", "S2"]


@pytest.mark.parametrize(
    ("table", "column", "value", "code"),
    [
        ("fee_list_d", "det_item_fee_sumamt", "99.00", "price_times_quantity"),
        ("fee_list_d", "det_item_fee_sumamt", "99.00", "items_unequal_total"),
        ("setl_d", "fund_pay_sumamt", "71.00", "parts_unequal_total"),
        ("setl_d", "med_type", "9999", "unlisted_code"),
        ("psn_info_b", "die_date", "2024-01-01", "after_death"),
        ("fee_list_d", "fee_ocur_time", "2024-07-30 09:30:00", "outside_claim"),
    ],
)
def test_what_is_odd_is_flagged_and_stays(raw, run, table, column, value, code):
    """R21, R29: the rules must see it."""
    raw[table][0][column] = value
    summary, read = run(raw)
    found = {code: entry for each in summary["tables"].values() for code, entry in each["reasons"].items()}
    assert (found[code]["severity"], found[code]["count"]) == ("flag", 1)
    assert ids(read) == ["S1", "S2"]
    assert len(read("items")) == 2


@pytest.mark.parametrize(("amounts", "flagged"), [(["33.34", "33.34", "33.35"], 0), (["33.34", "33.34", "33.36"], 1), (["100.02"], 1)])
def test_lines_sum_to_the_settlement_within_a_cent_per_line(raw, run, new_line, amounts, flagged):
    raw["fee_list_d"] = [new_line(f"L{number}", "S1", det_item_fee_sumamt=amount) for number, amount in enumerate(amounts)]
    summary, _ = run(raw)
    assert summary["tables"]["claims"]["reasons"].get("items_unequal_total", {"count": 0})["count"] == flagged


def test_a_manual_reimbursement_may_come_from_elsewhere(raw, run):
    raw["setl_d"][1] |= {"fixmedins_code": "OUTSIDE", "manl_reim_flag": "1"}
    _, read = run(raw)
    assert ids(read) == ["S1", "S2"]


def test_check_writes_nothing_and_says_what_runs(raw, write_raw, source, tmp_path):
    """A13."""
    report = ingest(open_engine(threads=1), write_raw(raw), tmp_path / "data", source("nhsa"), Options(check=True))
    assert not (tmp_path / "data").exists()
    rules = [
        {"row": "R02", "id": "a", "name": {"zh": "甲", "en": "A"}, "needs": ["claims", "diagnoses"]},
        {"row": "R10", "id": "b", "name": {"zh": "乙", "en": "B"}, "needs": ["items.days_supply", "inventory"]},
    ]
    rows = coverage(served_by(report), rules, source("nhsa"))
    assert [row.missing for row in rows] == [(), ("items.days_supply", "inventory")]
    assert "fee_list_d.prd_days" in written_coverage(rows, "zh")


@pytest.mark.parametrize("can_exchange", [True, False])
def test_a_run_killed_at_any_rename_is_old_or_finished_by_the_next(raw, run, tmp_path, monkeypatch, can_exchange):
    """Readers find the old output, or are told that it is unfinished; never a mix of two runs."""
    data = tmp_path / "data"
    if not can_exchange:
        monkeypatch.setattr("fraudml.claims.swap._exchange", lambda *_: False)
    steps = 0
    while True:
        shutil.rmtree(data, ignore_errors=True)
        run(raw)
        calls = iter(range(100))

        def replace(*paths, real=swap._rename, last=steps, calls=calls):
            if next(calls) == last:
                raise KeyboardInterrupt
            real(*paths)

        changed = [raw["setl_d"][0] | {"medfee_sumamt": "999.00"}, raw["setl_d"][1] | {"begndate": "never"}]
        with monkeypatch.context() as patch:
            patch.setattr("fraudml.claims.swap._rename", replace)
            try:
                run(raw | {"setl_d": changed})
                break  # there are no more steps to be killed at
            except KeyboardInterrupt:
                steps += 1
        if (data / ".ingest.done").exists():
            with pytest.raises(FraudmlError, match=r"\[claims.unfinished\]"):
                open_claims(data)
            finish(data)
            assert open_claims(data).sql("select total_amount from all_claims").total_amount.tolist() == [999.0]
            assert (data / "quarantine" / "claims.parquet").is_file()
            assert json.loads((data / "ingest.json").read_text())["tables"]["claims"]["quarantined"] == 1
        else:
            assert set(open_claims(data).sql("select total_amount from all_claims").total_amount) == {100.0}
        assert sorted(path.name for path in data.iterdir()) == ["claims", "ingest.html", "ingest.json", "quarantine"]
    assert steps >= 4


def test_a_second_ingest_waits_outside(raw, run, tmp_path):
    """Two at once would write into one staging folder, and the claims be of both."""
    run(raw)
    with alone(tmp_path / "data"), pytest.raises(FraudmlError, match=r"\[claims.busy\]"):
        run(raw)
    assert sorted(each.name for each in (tmp_path / "data").iterdir()) == ["claims", "ingest.html", "ingest.json", "quarantine"]
    run(raw)


def test_folders_are_exchanged(tmp_path):
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    put_in_place(tmp_path / "new", tmp_path / "old")
    assert (tmp_path / "old" / "file").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["old"]


def test_a_month_is_added_replaced_and_corrected(raw, run, new_settlement, new_line):
    july = {"begndate": "2024-07-02", "enddate": "2024-07-02", "setl_time": "2024-07-02 10:00:00"}
    first, _ = run(raw)
    more = raw | {
        "setl_d": [
            new_settlement("S3", **july),
            new_settlement("S4", mdtrt_id="MS1", medfee_sumamt="-100.00", refd_setl_flag="1", **july),
            new_settlement("S1", medfee_sumamt="1.00"),  # a line of another month is not touched
        ],
        "fee_list_d": [new_line("L3", "S3"), new_line("L9", "S1")],
    }
    second, read = run(more, month="2024-07")
    assert ids(read) == ["S1", "S2", "S3", "S4"]
    assert read("claims")[0]["total_amount"] == 100.0
    assert read("claims")[3]["refund_of"] == "S1"
    assert ids(read, "items") == ["L1", "L2", "L3"]
    assert second["dataset"] == first["dataset"]
    assert (second["month"], second["months"]) == ("2024-07", ["2024-06", "2024-07"])
    assert second["tables"]["claims"]["read"] == 2
    again, read = run(more | {"setl_d": [new_settlement("S5", **july)], "fee_list_d": [new_line("L5", "S5")]}, month="2024-07")
    assert ids(read) == ["S1", "S2", "S5"]
    assert ids(read, "items") == ["L1", "L2", "L5"]
    assert again["dataset"] != first["dataset"]
    with pytest.raises(UsageError, match=r"ingest\.month"):
        run(raw, month="2024-13")


def test_pseudonyms(raw, run, tmp_path):
    key = tmp_path / "key"
    key.write_bytes(b"0123456789abcdef0123456789abcdef\n")
    raw["setl_d"][1]["vali_flag"] = "0"
    _, read = run(raw, key_file=key)

    def pseudonym(kind, one):
        return hmac.new(key.read_bytes().strip(), f"{kind}:{one}".encode(), hashlib.sha256).hexdigest()[:32]

    claim = read("claims")[0]
    assert (claim["patient_id"], claim["doctor_id"], claim["institution_id"]) == (
        pseudonym("patient", "P1"),
        pseudonym("doctor", "D1"),
        "H1",
    )
    assert {each["patient_id"] for each in read("patients")} == {pseudonym("patient", "P1"), pseudonym("patient", "P2")}
    assert read("claims", "quarantine")[0]["psn_no"] == pseudonym("patient", "P2")
    back = tmp_path / "data" / "private" / "pseudonyms.parquet"
    assert stat.S_IMODE(back.stat().st_mode) == 0o600
    assert set(pd.read_parquet(back).id) == {"P1", "P2", "D1"}
    for path in (tmp_path / "data").rglob("*"):
        if path.is_file() and path != back:
            assert b"P1" not in path.read_bytes()


def test_row_order_changes_nothing(raw, run, new_settlement):
    raw["setl_d"] += [new_settlement("S1", medfee_sumamt="90.00"), new_settlement("S3", enddate="2024-05-01")]
    _, read = run(raw)
    first = (read("claims"), read("claims", "quarantine"))
    _, read = run({name: list(reversed(rows)) for name, rows in raw.items()})
    assert (read("claims"), read("claims", "quarantine")) == first
