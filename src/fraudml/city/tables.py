"""The city's rows as national-standard tables: one Parquet file per table, a row group per month."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fraudml.city.bills import MEMOS, cap_change, cap_price, insurance_of
from fraudml.city.chance import keyed
from fraudml.city.encounters import DAY
from fraudml.city.people import EMPLOYEE, NEVER
from fraudml.city.places import DEPARTMENTS, DISTRICTS, OUTSIDE, PHARMACY, VILLAGE
from fraudml.city.world import World

MED_TYPES = ("11", "13", "140104", "21", "28", "41", "140201")
CREDENTIALS = ("01", "02", "03", "99")
SITES = ("", "左", "右", "左手", "右手", "左膝", "右膝", "头部")
REFUND_MEMO = "退费"
NATIONAL_LEVEL = {3: "01", 2: "05", 1: "08", 0: "11"}


class TableFiles:
    """Parquet files that grow month by month."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows: dict[str, int] = {}
        self._writers: dict[str, pq.ParquetWriter] = {}

    def append(self, name: str, table: pa.Table) -> None:
        """Adds a row group."""
        if name not in self._writers:
            self._writers[name] = pq.ParquetWriter(self.folder / f"{name}.parquet", table.schema, compression="zstd")
        self._writers[name].write_table(table)
        self.rows[name] = self.rows.get(name, 0) + table.num_rows

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()


class Names:
    """The world's numbers as national codes."""

    def __init__(self, world: World) -> None:
        self.patient = pa.array(world.person("code").tolist())
        self.institution = pa.array(world.institution("code").tolist())
        self.doctor = pa.array(world.places.doctors["code"].tolist())
        self.department = pa.array(list(DEPARTMENTS))
        self.item = pa.array([item.code for item in world.medicine.items])
        self.charge = pa.array([item.charge for item in world.medicine.items])
        self.diagnosis = pa.array(world.medicine.codes)
        self.region = pa.array([row[0] for row in DISTRICTS])
        self.disease = pa.array([(disease.options.get("register") or [None])[0] for disease in world.medicine.diseases], pa.string())


def take(names: pa.Array, number: np.ndarray) -> pa.Array:
    """Names of numbers, null for -1."""
    number = np.asarray(number, dtype=np.int64)
    return names.take(pa.array(np.maximum(number, 0), mask=number < 0))


def days(value: np.ndarray) -> pa.Array:
    """Days since 1970-01-01 as dates, ``NEVER`` and negative ones as null."""
    value = np.asarray(value, dtype=np.int64)
    return pa.array(value.astype(np.int32), mask=(value >= NEVER) | (value < -40_000)).cast(pa.date32())


def times(minute: np.ndarray) -> pa.Array:
    """Minutes since 1970-01-01 as timestamps."""
    return pa.array(np.asarray(minute, dtype=np.int64) * 60_000).cast(pa.timestamp("ms"))


def money(cents: np.ndarray) -> pa.Array:
    return pa.array(np.asarray(cents, dtype=np.int64) / 100)


def numbered(prefix: str, number: np.ndarray) -> pa.Array:
    """Identifiers of running numbers."""
    return pc.binary_join_element_wise(prefix, pa.array(np.asarray(number, dtype=np.int64) + 100_000_000_000).cast(pa.string()), "")


def flag(value: Any) -> pa.Array:
    """1 and 0 as text."""
    return pa.array(["0", "1"]).take(pa.array(np.asarray(value).astype(np.int64)))


def text(choices: tuple[str, ...], number: np.ndarray) -> pa.Array:
    """One of some texts, the empty one as null."""
    return pa.array([each or None for each in choices], pa.string()).take(pa.array(np.asarray(number, dtype=np.int64)))


def settlement_table(world: World, names: Names, encounters: pd.DataFrame) -> pa.Table:
    """``setl_d`` of encounters that bear ``setl``, ``visit``, ``original``, ``refund`` and amounts in cents."""
    column = {name: encounters[name].to_numpy() for name in encounters}
    special = column["registered"] >= 0
    kind = column["kind"].copy()
    is_special = np.array([(disease.options.get("register") or [0, 0])[1] == 1402 for disease in world.medicine.diseases])
    kind = np.where((kind == 2) & special & is_special[np.maximum(column["registered"], 0)], 6, kind)
    credential = np.where(column["credential"] >= 0, column["credential"], _credential(world, column["uid"]))
    insurance = insurance_of(world, encounters)
    district = world.person("district")[column["patient"]]
    invoice = column["invoice"]
    data: dict[str, Any] = {
        "setl_id": numbered("S", column["setl"]),
        "mdtrt_id": numbered("M", column["visit"]),
        "psn_no": take(names.patient, column["patient"]),
        "insutype": pa.array(insurance).cast(pa.string()),
        "fixmedins_code": take(names.institution, column["institution"]),
        "bilg_dr_codg": take(names.doctor, column["doctor"]),
        "med_type": pa.array(MED_TYPES).take(pa.array(kind)),
        "dise_codg": take(names.disease, np.where(special, column["registered"], -1)),
        "begndate": days(column["start"] // DAY),
        "enddate": days(column["end"] // DAY),
        "setl_time": times(column["settled"]),
        "medfee_sumamt": money(column["total"]),
        "inscp_scp_amt": money(column["in_scope"]),
        "fund_pay_sumamt": money(column["fund"]),
        "acct_pay": money(column["account"]),
        "psn_cash_pay": money(column["cash"]),
        "refd_setl_flag": flag(column["refund"]),
        "init_setl_id": pc.if_else(pa.array(column["original"] >= 0), numbered("S", column["original"]), pa.scalar(None, pa.string())),
        "vali_flag": flag(np.ones(len(encounters))),
        "mdtrt_cert_type": pa.array(CREDENTIALS).take(pa.array(credential)),
        "insu_admdvs": take(names.region, district),
        "rx_fixmedins_code": take(names.institution, column["rx_institution"]),
        "rx_dr_codg": take(names.doctor, column["rx_doctor"]),
        "manl_reim_flag": flag(column["manual"]),
        "invono": pa.array(invoice, mask=invoice < 0).cast(pa.string()),
        "pay_stas": flag(np.asarray(column["settled"] // DAY <= world.options.last_day - 25)),
        "online_flag": flag(column["online"]),
        "drg_code": pa.array(encounters["drg_code"], pa.string()),
        "drg_weight": pa.array(column["drg_weight"], mask=column["drg_weight"] <= 0),
        "memo": text((*MEMOS, REFUND_MEMO), np.where(column["refund"] == 1, len(MEMOS), column["memo"])),
    }  # fmt: skip
    return pa.table(data)


def _credential(world: World, uid: np.ndarray) -> np.ndarray:
    return np.searchsorted([0.38, 0.55, 0.992], keyed(world.options.seed, uid, 21))


def visit_table(world: World, names: Names, encounters: pd.DataFrame) -> pa.Table:
    """``mdtrt_d``: one row per visit."""
    frame = encounters.drop_duplicates("visit")
    stay = (frame["end"] // DAY > frame["start"] // DAY).to_numpy()
    length = 5 + (keyed(world.options.seed, frame["uid"], 23) * 35).astype(np.int64)
    end = np.where(stay, frame["end"], frame["start"] + length)
    bed = pa.array([f"{bed:03d}" if bed >= 0 else None for bed in frame["bed"]], pa.string())
    return pa.table(
        {
            "mdtrt_id": numbered("M", frame["visit"].to_numpy()),
            "begntime": times(frame["start"].to_numpy()),
            "endtime": times(end),
            "adm_dept_codg": take(names.department, np.where(frame["kind"] == 5, -1, frame["department"])),
            "adm_bed": bed,
            "dscg_way": pc.if_else(pa.array(stay), pa.array(frame["discharge"].to_numpy()).cast(pa.string()), pa.scalar(None, pa.string())),
            "refl_flag": flag(frame["referred"]),
        }
    )


def diagnosis_table(names: Names, diagnoses: pd.DataFrame, setl: np.ndarray) -> pa.Table:
    """``setl_diag_list_d``."""
    return pa.table(
        {
            "setl_id": numbered("S", setl[diagnoses["bill"]]),
            "diag_code": take(names.diagnosis, diagnoses["code"].to_numpy()),
            "maindiag_flag": flag(diagnoses["is_main"]),
        }
    )


def line_rows(world: World, names: Names, encounters: pd.DataFrame, lines: pd.DataFrame, first: int) -> pa.Table:
    """``fee_list_d``: lines with running numbers from ``first``."""
    column = {name: lines[name].to_numpy() for name in lines}
    bill, item = column["bill"], column["item"]
    institution = encounters["institution"].to_numpy()[bill]
    doctor = np.where(column["doctor"] >= 0, column["doctor"], encounters["doctor"].to_numpy()[bill])
    shop = world.institution("class")[institution] == PHARMACY
    staff = world.places.desk_start[institution, 0] + (
        keyed(world.options.seed, institution, column["time"] // DAY, 25) * world.places.desk_count[institution, 0]
    ).astype(np.int64)
    pharmacist = np.where(shop, np.where(column["executor"] == -2, -1, np.where(column["executor"] >= 0, column["executor"], staff)), -1)
    executor = np.where(shop | world.medicine.is_drug[item], -1, np.where(column["executor"] >= 0, column["executor"], doctor))
    cap = cap_price(world, world.institution("level")[institution], item, column["time"] // DAY)
    known = keyed(world.options.seed, np.arange(first, first + len(lines)), 27) < 0.7
    department = np.where(column["department"] >= 0, column["department"], encounters["department"].to_numpy()[bill])
    negotiated = np.array([each.options.get("nego", False) for each in world.medicine.items])[item]
    dual = np.array([each.options.get("dual", False) for each in world.medicine.items])[item]
    return pa.table(
        {
            "bkkp_sn": numbered("L", np.arange(first, first + len(lines))),
            "setl_id": numbered("S", encounters["setl"].to_numpy()[bill]),
            "fee_ocur_time": times(column["time"]),
            "hilist_code": take(names.item, item),
            "med_chrgitm_type": take(names.charge, item),
            "cnt": pa.array(column["quantity"]),
            "pric": pa.array(column["price"]),
            "det_item_fee_sumamt": money(column["cents"]),
            "inscp_scp_amt": money(column["scope_cents"]),
            "pric_uplmt_amt": pa.array(cap, mask=~known),
            "prd_days": pa.array(column["days"].astype(np.float64), mask=column["days"] <= 0),
            "bilg_dr_codg": take(names.doctor, np.where(shop, -1, doctor)),
            "exec_dr_codg": take(names.doctor, executor),
            "phar_codg": take(names.doctor, pharmacist),
            "acord_dept_codg": take(names.department, np.where(shop, -1, department)),
            "hi_nego_drug_flag": flag(negotiated),
            "dual_chnl_flag": flag(dual),
            "body_site": text(SITES, column["site"]),
            "disc_flag": flag(column["discounted"]),
            "drug_trac_codg": pa.array(lines["codes"], pa.string()),
            "memo": text((*MEMOS, REFUND_MEMO), column["memo"]),
        }
    )


def standing_tables(world: World, inventory: pd.DataFrame, beds: np.ndarray) -> dict[str, pd.DataFrame]:
    """The tables that have no month: persons, enrolments, institutions, doctors, registered diseases, catalogue, inventory."""
    return {
        "psn_info_b": _persons(world),
        "psn_insu_d": _enrolments(world),
        "fixmedins_b": _institutions(world, beds),
        "dr_b": _doctors(world),
        "opsp_reg_d": _registered(world),
        "opsp_dise_list_b": _registrable(world),
        "hilist_b": _catalogue(world),
        "inventory_d": inventory,
    }


def iso(value: Any) -> pd.Series:
    """Days since 1970-01-01 as ``YYYY-MM-DD`` text, null for ``NEVER``."""
    value = np.asarray(value, dtype=np.int64)
    text_of = np.datetime_as_string(np.where(value >= NEVER, 0, value).astype("datetime64[D]")).astype(object)
    return pd.Series(text_of, dtype="str").where(value < NEVER)


def filled(value: Any, where: Any) -> pd.Series:
    """Text where it applies, null elsewhere."""
    return pd.Series(np.asarray(value, dtype=object), dtype="str").where(np.asarray(where))


def _persons(world: World) -> pd.DataFrame:
    frame = world.people.persons
    mother = frame["mother"].to_numpy()
    code = frame["code"].to_numpy().astype(object)
    hidden = keyed(world.options.seed, np.arange(len(frame)), 31) < 0.06  # nobody has everybody's home on the map
    return pd.DataFrame(
        {
            "psn_no": code,
            "gend": frame["sex"].astype(str).to_numpy(),
            "brdy": iso(frame["birth"]),
            "die_date": iso(frame["death"]),
            "live_admdvs": np.array([row[0] for row in DISTRICTS], dtype=object)[frame["district"]],
            "addr_hash": world.people.groups["code"].to_numpy().astype(object)[frame["group"]],
            "lnt": np.where(hidden, np.nan, frame["longitude"].round(5)),
            "lat": np.where(hidden, np.nan, frame["latitude"].round(5)),
            "mother_psn_no": filled(code[np.maximum(mother, 0)], mother >= 0),
        }
    )


def _enrolments(world: World) -> pd.DataFrame:
    frame = world.people.persons
    code, until = frame["code"].to_numpy().astype(object), frame["insurance_until"].to_numpy()
    employer = filled("E" + (frame["employer"] + 1000).astype(str), (frame["employer"] >= 0) & (frame["insurance"] == EMPLOYEE))
    end = np.minimum(until, np.where(frame["death"] < NEVER, frame["death"] + 5, NEVER))
    first = pd.DataFrame(
        {
            "psn_no": code,
            "insutype": frame["insurance"].astype(str).to_numpy(),
            "psn_insu_date": iso(frame["enrolled"]),
            "paus_insu_date": iso(end),
            "emp_no": employer,
        }
    )
    moved = np.flatnonzero(until < NEVER)
    after = frame["insurance_after"].to_numpy()[moved]
    second = pd.DataFrame(
        {
            "psn_no": code[moved],
            "insutype": after.astype(str),
            "psn_insu_date": iso(until[moved] + 1),
            "paus_insu_date": iso(np.where(frame["death"].to_numpy()[moved] < NEVER, frame["death"].to_numpy()[moved] + 5, NEVER)),
            "emp_no": filled(np.full(len(moved), "E1001"), after == EMPLOYEE),
        }
    )
    return pd.concat([first, second], ignore_index=True).sort_values(["psn_no", "psn_insu_date"], kind="stable")


def _institutions(world: World, beds: np.ndarray) -> pd.DataFrame:
    known = world.institution("class") != OUTSIDE
    frame, beds = world.places.institutions[known], beds[known]
    kind = frame["class"].to_numpy()
    return pd.DataFrame(
        {
            "fixmedins_code": frame["code"],
            "fixmedins_type": np.where(kind == PHARMACY, "2", "1"),
            "hosp_lv": frame["national_level"],
            "natu": np.where(frame["is_private"], "private", "public"),
            "admdvs": np.array([row[0] for row in DISTRICTS], dtype=object)[frame["district"]],
            "aprv_bed_cnt": pd.array(np.where(beds > 0, beds, np.nan), dtype="Float64").astype("Int64"),
            "lnt": frame["longitude"].round(5),
            "lat": frame["latitude"].round(5),
            "is_village": np.where(kind == VILLAGE, "1", "0"),
            "nursing_home_flag": np.where(frame["has_nursing_home"], "1", "0"),
        }
    )


def _doctors(world: World) -> pd.DataFrame:
    frame = world.places.doctors
    return pd.DataFrame(
        {
            "dr_codg": frame["code"],
            "fixmedins_code": world.institution("code")[frame["institution"]],
            "dept_codg": filled(np.array(DEPARTMENTS, dtype=object)[frame["department"]], ~frame["is_pharmacist"]),
            "pro_tech_duty": frame["title"],
            "role": np.where(frame["is_pharmacist"], "pharmacist", "doctor"),
            "begndate": iso(frame["since"]),
            "enddate": iso(np.full(len(frame), NEVER)),
        }
    )


def _registered(world: World) -> pd.DataFrame:
    pairs = world.people.ailments[world.people.ailments["is_registered"]]
    register = [disease.options.get("register") or [None, None] for disease in world.medicine.diseases]
    return pd.DataFrame(
        {
            "psn_no": world.person("code")[pairs["person"]],
            "opsp_dise_code": np.array([each[0] for each in register], dtype=object)[pairs["disease"]],
            "opsp_type": np.array([str(each[1]) for each in register], dtype=object)[pairs["disease"]],
            "begndate": iso(pairs["since"]),
            "enddate": iso(np.full(len(pairs), NEVER)),
        }
    )


def _registrable(world: World) -> pd.DataFrame:
    rows = [
        {"opsp_dise_code": disease.options["register"][0], "opsp_dise_name": disease.name, "opsp_type": str(disease.options["register"][1]),
         "icd_prefixes": "|".join(sorted({code[:3] for code in disease.codes}))}
        for disease in world.medicine.diseases if disease.options.get("register")
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _catalogue(world: World) -> pd.DataFrame:
    """One row per item, validity and, for services, level that the cap holds for."""
    medicine = world.medicine
    change, factor = cap_change(world)
    rows = []
    for item in medicine.items:
        options = item.options
        flat = len(set(item.prices)) == 1
        count = options.get("count", (None, None))
        common = {
            "hilist_code": item.code,
            "hilist_name": item.name,
            "list_type": item.list_type,
            "generic_code": item.generic or None,
            "covered_diagnoses": "|".join(item.covers) or None,
            "restricted_diagnoses": "|".join(options.get("restricted", [])) or None,
            "sex_limit": str(options["sex"]) if "sex" in options else None,
            "age_min": options.get("age_min"),
            "age_max": options.get("age_max"),
            "level_min": options.get("level_min"),
            "dept_limit": "|".join(options.get("dept", [])) or None,
            "max_count": count[0],
            "count_period_days": count[1],
            "max_count_per_day": options.get("per_day"),
            "max_daily_dose": item.max_dose or None,
            "dose_per_unit": item.dose or None,
            "pack_size": item.pack if item.is_drug else None,
            "valid_days": options.get("valid"),
            "minutes": options.get("minutes"),
            "contains": "|".join(medicine.items[medicine.item[each]].code for each in options.get("contains", [])) or None,
        }
        for level in [None] if flat else [0, 1, 2, 3]:
            price = item.prices[level or 0]
            at = {**common, "lmtpric_hosp_lv": None if level is None else NATIONAL_LEVEL[level]}
            if factor[item.number] == 1.0:
                rows.append({**at, "price_cap": price, "begndate": "2021-01-01", "enddate": None})
            else:
                before, after = (str(np.datetime64(change - shift, "D")) for shift in (1, 0))
                rows.append({**at, "price_cap": price, "begndate": "2021-01-01", "enddate": before})
                rows.append({**at, "price_cap": round(price * factor[item.number], 2), "begndate": after, "enddate": None})
    columns = ["hilist_code", "hilist_name", "list_type", "generic_code", "price_cap", "lmtpric_hosp_lv", "covered_diagnoses",
               "restricted_diagnoses", "sex_limit", "age_min", "age_max", "level_min", "dept_limit", "max_count", "count_period_days",
               "max_count_per_day", "max_daily_dose", "dose_per_unit", "pack_size", "valid_days", "minutes", "contains", "begndate",
               "enddate"]  # fmt: skip
    return pd.DataFrame(rows)[columns]
