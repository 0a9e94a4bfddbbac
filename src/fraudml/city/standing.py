"""The tables that have no month: persons, enrolments, houses, doctors, registered diseases, the catalogue."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from fraudml.city.bills import cap_change
from fraudml.city.chance import keyed
from fraudml.city.people import EMPLOYEE, NEVER
from fraudml.city.places import DEPARTMENTS, DISTRICTS, OUTSIDE, PHARMACY, VILLAGE
from fraudml.city.world import World

NATIONAL_LEVEL = {3: "01", 2: "05", 1: "08", 0: "11"}


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
