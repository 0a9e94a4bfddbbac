"""The city's rows as national-standard tables: one Parquet file per table, a row group per month."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fraudml.city.bills import MEMOS, cap_price, insurance_of
from fraudml.city.chance import keyed
from fraudml.city.encounters import DAY
from fraudml.city.people import NEVER
from fraudml.city.places import DEPARTMENTS, DISTRICTS, PHARMACY
from fraudml.city.world import World

MED_TYPES = ("11", "13", "140104", "21", "28", "41", "140201")
CREDENTIALS = ("01", "02", "03", "99")
SITES = ("", "左", "右", "左手", "右手", "左膝", "右膝", "头部")
REFUND_MEMO = "退费"


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
