"""Tables as other people write them: types, words for nothing, numbers for codes, names of files, chains of refunds."""

from __future__ import annotations

import datetime as dt
import logging
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fraudml.claims import open_claims
from fraudml.errors import FraudmlError


def write_parquet(folder, table, name, frame):
    (folder / table).mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pandas(pd.DataFrame(frame), preserve_index=False), folder / table / f"{name}.parquet")


@pytest.fixture
def folder(raw, write_raw):
    """The tiny set without settlements, which a test writes in its own way."""
    folder = write_raw(raw)
    (folder / "setl_d.csv").unlink()
    return folder


@pytest.mark.parametrize(
    ("column", "text", "canonical", "expected"),
    [
        ("begndate", "20240603.0", "started_on", dt.date(2024, 6, 3)),
        ("begndate", "2024-06-03T08:00:00.123", "started_on", dt.date(2024, 6, 3)),
        ("setl_time", "20240603T080000", "settled_at", dt.datetime(2024, 6, 3, 8)),
        ("setl_time", "2024年6月3日 08:00:00", "settled_at", dt.datetime(2024, 6, 3, 8)),
        ("setl_time", "2024-06-03 08:00:00.0", "settled_at", dt.datetime(2024, 6, 3, 8)),
        ("setl_time", "2024-06-03T02:00:00Z", "settled_at", dt.datetime(2024, 6, 3, 10)),  # written by a program whose clock is UTC
        ("setl_time", "2024-06-30 23:30:00+00", "settled_at", dt.datetime(2024, 7, 1, 7, 30)),
        ("setl_time", "2024-06-03T10:00:00.000+0800", "settled_at", dt.datetime(2024, 6, 3, 10)),
        ("begndate", "2024-06-02T16:00:00.000Z", "started_on", dt.date(2024, 6, 3)),
        ("setl_time", "", "settled_at", dt.datetime(2024, 6, 3)),  # settled on the last day of the service
        ("setl_time", "2024年6月3日 10时30分", "settled_at", dt.datetime(2024, 6, 3, 10, 30)),
        ("begndate", "２０２４－０６－０３", "started_on", dt.date(2024, 6, 3)),  # a Chinese keyboard in full width
        ("medfee_sumamt", "１，２３４．５０元", "total_amount", 1234.5),
        ("medfee_sumamt", "￥ 1,234.50 元", "total_amount", 1234.5),
        ("manl_reim_flag", "1.0", "is_manual", True),
        ("manl_reim_flag", "False", "is_manual", False),
        ("med_type", "41.0", "visit_type", "pharmacy"),
        ("insutype", "390.0", "insurance_type", "resident"),
        ("mdtrt_cert_type", "2", "credential_type", "identity_card"),
        ("mdtrt_cert_type", "0301", "credential_type", "social_security_card"),
        ("bilg_dr_codg", "1001.0", "doctor_id", "1001"),  # a column of numbers with gaps, written by pandas
        ("bilg_dr_codg", "0010", "doctor_id", "0010"),
        ("bilg_dr_codg", "nan", "doctor_id", None),
        ("bilg_dr_codg", "None", "doctor_id", None),
        ("bilg_dr_codg", "张医生 ", "doctor_id", "张医生"),
        ("memo", "3.0", "memo", "3.0"),
    ],
)
def test_values_of_a_settlement(raw, run, column, text, canonical, expected):
    raw["setl_d"][0][column] = text
    _, read = run(raw)
    assert read("claims")[0][canonical] == expected


def test_what_stands_around_a_value_is_no_part_of_it(raw, run):
    """Tabs that keep a spreadsheet from rounding a number, blanks of a Chinese keyboard, marks that nobody sees."""
    raw["setl_d"][0] |= {
        "setl_id": "\ufeffS1\u200b",
        "psn_no": "P1\t",
        "fixmedins_code": "\u3000H1\u00a0",
        "begndate": "\t2024-06-03 ",
        "setl_time": "2024-06-03 10:00:00\t",
        "med_type": "\t21\t",
        "medfee_sumamt": "100.00\u00a0",
        "manl_reim_flag": "1\t",
        "bilg_dr_codg": "\t\u3000",
        "memo": "\u3000急诊 转入院\t",
    }
    raw["fee_list_d"][0] |= {"setl_id": "S1 \t", "drug_trac_codg": "a |\tb\u3000|"}
    summary, read = run(raw)
    claim, line = read("claims")[0], read("items")[0]
    assert (claim["claim_id"], claim["patient_id"], claim["institution_id"]) == ("S1", "P1", "H1")
    assert (claim["started_on"], claim["settled_at"]) == (dt.date(2024, 6, 3), dt.datetime(2024, 6, 3, 10))
    assert (claim["visit_type"], claim["total_amount"], claim["is_manual"]) == ("inpatient", 100.0, True)
    assert (claim["doctor_id"], claim["memo"]) == (None, "急诊 转入院")
    assert (line["claim_id"], line["trace_codes"]) == ("S1", ["a", "b"])
    assert not any(each["reasons"] for each in summary["tables"].values())


def test_nul_that_fills_up_fixed_widths_is_no_part_of_a_value(raw, run):
    raw["setl_d"][0] |= {"setl_id": "S1\0\0", "psn_no": "P1\0", "medfee_sumamt": "100.00\0", "begndate": "2024-06-03\0"}
    summary, read = run(raw)
    assert (read("claims")[0]["claim_id"], read("claims")[0]["patient_id"]) == ("S1", "P1")
    assert not any(each["reasons"] for each in summary["tables"].values())


@pytest.mark.parametrize("text", ["1,23", "1.234,50", "100,"])
def test_a_comma_that_groups_no_thousands_is_not_guessed_at(raw, run, text):
    raw["setl_d"][0]["medfee_sumamt"] = text
    summary, _ = run(raw)
    assert summary["tables"]["claims"]["reasons"]["not_a_number"]["count"] == 1


@pytest.mark.parametrize(("hosp_lv", "level"), [("2", 3), ("5.0", 2), ("0801", 1), ("11.0", 0), ("二级甲等", 2), ("nan", None)])
def test_levels(raw, run, hosp_lv, level):
    raw["fixmedins_b"][0]["hosp_lv"] = hosp_lv
    _, read = run(raw)
    assert read("institutions")[0]["level"] == level


def test_parquet_with_types_of_every_kind(raw, folder, run):
    write_parquet(
        folder,
        "setl_d",
        "all",
        pd.DataFrame(raw["setl_d"])
        .assign(
            MDTRT_ID=pd.array([9007199254740993, None], dtype="Int64"),
            medfee_sumamt=[Decimal("1234.50"), Decimal("100.00")],
            begndate=dt.date(2024, 6, 3),
            med_type=pd.Categorical(["11", "41"]),
            vali_flag=True,
            manl_reim_flag=pd.array([True, None], dtype="boolean"),
            insutype=[310.0, None],
            bilg_dr_codg=["NULL", b"\xe5\xbc\xa0".decode()],
            refd_setl_flag=pd.array([0, None], dtype="Int8"),
            of_no_use=[{"a": [1]}, None],
        )
        .drop(columns=["mdtrt_id"]),
    )
    summary, read = run(folder)
    first, second = read("claims")
    assert (first["visit_id"], second["visit_id"]) == ("9007199254740993", "S2")
    assert (first["total_amount"], first["insurance_type"], first["visit_type"], first["is_manual"]) == (
        1234.5,
        "employee",
        "outpatient",
        True,
    )
    assert (first["doctor_id"], second["doctor_id"], second["is_refund"]) == (None, "张", False)
    assert summary["tables"]["claims"]["accepted"] == 2


def test_parts_whose_types_differ_keep_long_identifiers_whole(raw, folder, run):
    rows = pd.DataFrame(raw["setl_d"])
    write_parquet(folder, "setl_d", "1", rows[:1].assign(mdtrt_id=9007199254740993, begndate=dt.date(2024, 6, 3)))
    write_parquet(
        folder, "setl_d", "2", rows[1:].assign(mdtrt_id=2.0, begndate="20240603").rename(columns={"bilg_dr_codg": "bilg_dr_code"})
    )
    (folder / "setl_d" / "3.csv").write_text(
        "SETL_ID,psn_no,insutype,fixmedins_code,med_type,begndate,medfee_sumamt,x\nS3,P1,310,H1,11,2024/6/3,5,\n"
    )
    _, read = run(folder)
    assert [each["visit_id"] for each in read("claims")] == ["9007199254740993", "2", "S3"]
    assert {each["started_on"] for each in read("claims")} == {dt.date(2024, 6, 3)}


def test_times_with_a_zone_are_told_by_the_clock_of_the_bureau(raw, folder, run):
    """Spark writes midnight in Shanghai as four in the afternoon of the day before, in UTC."""
    midnight = pd.Timestamp("2024-06-03", tz="Asia/Shanghai")
    write_parquet(folder, "setl_d", "1", pd.DataFrame(raw["setl_d"]).assign(begndate=midnight, enddate=midnight, setl_time=midnight))
    _, read = run(folder)
    assert (read("claims")[0]["started_on"], read("claims")[0]["settled_at"]) == (dt.date(2024, 6, 3), dt.datetime(2024, 6, 3))


def test_text_that_parquet_does_not_declare_as_text(raw, folder, run):
    table = pa.Table.from_pandas(pd.DataFrame(raw["setl_d"]).assign(memo="急诊"), preserve_index=False)
    table = table.set_column(table.column_names.index("memo"), "memo", table.column("memo").cast(pa.binary()))
    pq.write_table(table.append_column("photo", pa.array([b"\xff\x00", None])), folder / "setl_d.parquet")
    _, read = run(folder)
    assert [each["memo"] for each in read("claims")] == ["急诊", "急诊"]


def test_headers_with_blanks_quotes_and_a_delimiter_at_the_end(raw, folder, run, csv_bytes):
    head, *lines = csv_bytes(raw["setl_d"]).decode().splitlines()
    head = ", ".join(f'"{name.upper()}" ' for name in head.split(","))
    (folder / "setl_d.csv").write_bytes(b"\xef\xbb\xbf" + "\r\n".join([head + ",", *(line + "," for line in lines)]).encode())
    _, read = run(folder)
    assert [each["claim_id"] for each in read("claims")] == ["S1", "S2"]


def test_lines_that_end_as_on_old_machines_are_refused_with_a_word(raw, folder, run, csv_bytes):
    (folder / "setl_d.csv").write_bytes(csv_bytes(raw["setl_d"]).replace(b"\r\n", b"\r"))
    with pytest.raises(FraudmlError, match=r"\[claims.unreadable\] setl_d.csv, header"):
        run(folder)


def test_numbered_files_are_parts_and_others_are_named(raw, folder, run, csv_bytes, caplog):
    for number in range(2):
        (folder / f"SETL_D_20240{number + 1}.csv").write_bytes(csv_bytes(raw["setl_d"][number : number + 1]))
    (folder / "fee_list_d.csv").rename(folder / "fee_list.csv")
    with caplog.at_level(logging.WARNING, "fraudml"):
        summary, read = run(folder)
    assert len(read("claims")) == summary["tables"]["claims"]["files"] == 2
    assert "fee_list.csv" in caplog.text
    (folder / "setl_d.csv").write_bytes(csv_bytes(raw["setl_d"]))
    with pytest.raises(FraudmlError, match=r"\[claims.table_twice\]"):
        run(folder)


def test_a_table_in_a_workbook_is_named_not_passed_over(raw, write_raw, run, caplog):
    folder = write_raw(raw)
    (folder / "fee_list_d.csv").rename(folder / "fee_list_d.xlsx")
    (folder / "setl_d.xlsx").write_bytes(b"a copy for people, beside setl_d.csv")
    with caplog.at_level(logging.WARNING, logger="fraudml"):
        run(folder)
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(told) == 1
    assert "fee_list_d.xlsx" in told[0]
    assert "setl_d.xlsx" not in told[0]
    for name in ("setl_d", "psn_info_b", "fixmedins_b", "setl_diag_list_d"):
        (folder / f"{name}.csv").rename(folder / f"{name}.xlsx")
    with pytest.raises(FraudmlError, match=r"\[claims.no_tables\].*setl_d.xlsx.*\.csv"):
        run(folder)


def test_an_empty_optional_table_flags_nothing(raw, folder, run, write_raw, csv_bytes):
    write_raw(raw)
    for table, columns in {
        "psn_insu_d": "psn_no,insutype",
        "hilist_b": "hilist_code",
        "dr_b": "dr_codg",
        "inventory_d": "fixmedins_code,hilist_code,period",
    }.items():
        (folder / f"{table}.csv").write_text(columns + "\n")
    summary, _ = run(folder)
    assert not any(each["reasons"] for each in summary["tables"].values())


@pytest.mark.parametrize(
    ("further", "left"),
    [
        ([("R1", -40, "S1"), ("R2", -30, "R1")], 30.0),  # a further part names the first part
        ([("R1", -40, ""), ("R2", -30, "R1")], 30.0),  # … which bears no name of its own
        ([("R1", -40, "R1")], 60.0),  # a refund that names itself names nothing
        ([("R1", -40, "R2"), ("R2", -30, "R1")], 100.0),  # names in a circle
    ],
)
def test_chains_of_refunds(raw, run, new_settlement, tmp_path, further, left):
    raw["setl_d"] += [
        new_settlement(
            name, mdtrt_id="MS1", medfee_sumamt=str(amount), refd_setl_flag="1", init_setl_id=of, setl_time="2024-06-20 08:00:00"
        )
        for name, amount, of in further
    ]
    summary, _ = run(raw)
    with open_claims(tmp_path / "data").at("2024-06-30") as snapshot:
        assert snapshot.engine.scalar("select total_amount from claims where claim_id = 'S1'") == left
    assert ("refund_without_original" in summary["tables"]["claims"]["reasons"]) == (left == 100.0)
