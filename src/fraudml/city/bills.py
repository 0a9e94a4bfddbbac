"""From encounters to bills: item lines, diagnoses, prices and who pays what. One way for honest and planted encounters alike."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fraudml.city.chance import keyed
from fraudml.city.encounters import CHRONIC, DAY, EMERGENCY_VISIT, INPATIENT, SHOP
from fraudml.city.medicine import DAILY, DRUGS_ONLY, SELF_CARE, STAY, SUPPLY
from fraudml.city.people import EMPLOYEE, NEVER
from fraudml.city.places import NUMBER
from fraudml.city.world import World

MEMOS = (
    "",
    "复诊",
    "预付处方",
    "补开遗失药品",
    "长期处方",
    "减量换药",
    "原票据作废重开",
    "请假离院",
    "急诊留观",
    "家庭医生签约服务日",
    "健康体检活动",
)
"""Texts of ``memo``, numbered."""


def line_table(**columns: np.ndarray) -> pd.DataFrame:
    """Lines from some columns, the others as usual.

    Columns: bill (row of the encounter), item, time (minutes), quantity, price (CNY, NaN: the house's), days (supply, 0 none),
    doctor and department (-1: the encounter's), executor, site (0 none), amount (CNY, NaN: quantity x price), discounted,
    trace (0: packs from stock), memo.
    """
    size = len(columns["bill"])
    usual = {
        "bill": 0, "item": 0, "time": 0, "quantity": 1.0, "price": np.nan, "days": 0, "doctor": -1, "executor": -1, "site": 0,
        "amount": np.nan, "discounted": 0, "trace": 0, "memo": 0, "department": -1,
    }  # fmt: skip
    return pd.DataFrame({name: np.broadcast_to(np.asarray(columns.get(name, value)), size).copy() for name, value in usual.items()})


def draw_lines(world: World, encounters: pd.DataFrame) -> pd.DataFrame:
    """What the encounters bring, from their diseases' slots."""
    medicine, slots = world.medicine, world.medicine.slots
    setting = encounters["setting"].to_numpy()
    stay = setting == STAY
    common_first = len(medicine.diseases) * 5
    urgent = (encounters["kind"] == EMERGENCY_VISIT).to_numpy()
    sold = np.isin(setting, (SELF_CARE, DRUGS_ONLY))
    templates = [np.where(sold, -1, np.where(stay, common_first + 2, np.where(urgent, common_first + 1, common_first)))]
    for name in ("disease", "disease2", "disease3"):
        disease = encounters[name].to_numpy()
        own = np.where(stay & (name != "disease") & (encounters["disease"] != medicine.disease["chemotherapy"]), DRUGS_ONLY, setting)
        templates.append(np.where(disease < 0, -1, disease * 5 + own))
    bills, picked = [], []
    for template in templates:
        rows = np.flatnonzero(template >= 0)
        first = slots.start[template[rows]]
        size = slots.start[template[rows] + 1] - first
        bills.append(np.repeat(rows, size))
        picked.append(np.repeat(first - np.cumsum(size) + size, size) + np.arange(size.sum()))
    bill, slot = np.concatenate(bills), np.concatenate(picked)
    seed = world.options.seed
    patient, uid = encounters["patient"].to_numpy()[bill], encounters["uid"].to_numpy()[bill]
    draw = keyed(seed, np.where(slots.stable[slot], patient, uid), slots.group[slot], np.where(slots.stable[slot], 1, 2))
    taken = (draw >= slots.low[slot]) & (draw < slots.high[slot])
    bill, slot = bill[taken], slot[taken]
    item = slots.item[slot]
    bill, item, slot = _once_each(bill, item, slot)
    bill, item, slot = _admissible(world, encounters, bill, item, slot)
    return _timed(world, encounters, bill, item, slots.mode[slot])


def _once_each(bill: np.ndarray, item: np.ndarray, slot: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two diseases that want the same drug get it once."""
    order = np.lexsort((slot, item, bill))
    bill, item, slot = bill[order], item[order], slot[order]
    keep = np.ones(len(bill), dtype=bool)
    keep[1:] = (bill[1:] != bill[:-1]) | (item[1:] != item[:-1])
    return bill[keep], item[keep], slot[keep]


def _admissible(world: World, encounters: pd.DataFrame, bill: np.ndarray, item: np.ndarray, slot: np.ndarray) -> tuple[np.ndarray, ...]:
    """Keeps what the house may do and the patient may have."""
    medicine = world.medicine
    patient = encounters["patient"].to_numpy()[bill]
    level = world.institution("level")[encounters["institution"].to_numpy()[bill]]
    shop = world.institution("code")[encounters["institution"].to_numpy()[bill]].astype("U1") == "P"
    age = world.people.age(patient, encounters["start"].to_numpy()[bill] // DAY)
    sex = world.person("sex")[patient]
    good = (level >= medicine.level_min[item]) | shop
    good &= (medicine.sex_limit[item] == 0) | (medicine.sex_limit[item] == sex)
    good &= age >= medicine.age_min[item]
    department = encounters["department"].to_numpy()[bill]
    for limited in medicine.items:
        if "dept" in limited.options:
            good &= (item != limited.number) | np.isin(department, [NUMBER[code] for code in limited.options["dept"]])
    for package in medicine.items:  # who gets the package gets no part of it beside
        parts = [medicine.item[part] for part in package.options.get("contains", [])]
        if parts:
            good &= ~(np.isin(item, parts) & np.isin(bill, bill[(item == package.number) & good]))
    return bill[good], item[good], slot[good]


def _timed(world: World, encounters: pd.DataFrame, bill: np.ndarray, item: np.ndarray, mode: np.ndarray) -> pd.DataFrame:
    medicine, seed = world.medicine, world.options.seed
    stay = (encounters["setting"].to_numpy() == STAY)[bill]
    start, end = encounters["start"].to_numpy()[bill], encounters["end"].to_numpy()[bill]
    uid = encounters["uid"].to_numpy()[bill]
    mode = np.where(stay & medicine.is_drug[item], DAILY, mode)
    nights = np.maximum(1, end // DAY - start // DAY)
    repeats = np.where((mode == DAILY) & stay, nights, 1)
    # home supplies come as whole packs: a chronic one lasts four weeks, another one pack
    wanted = encounters["supply"].to_numpy()[bill]
    pack_days = medicine.days_per_pack[item]
    packs = np.where(wanted > 0, np.maximum(1, (wanted + 2) // pack_days), np.maximum(1, np.ceil(3 / pack_days)))
    supply = (mode == SUPPLY) & ~stay
    daily = np.where(medicine.is_drug[item], np.maximum(1, np.round(medicine.units_per_day[item])), 1)
    quantity = np.where(supply, packs * medicine.pack[item], daily)
    days = np.where(supply, packs * pack_days, 0)
    lines = line_table(
        bill=np.repeat(bill, repeats), item=np.repeat(item, repeats), quantity=np.repeat(quantity, repeats), days=np.repeat(days, repeats)
    )
    offset = np.arange(len(lines)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    begin = np.repeat(start, repeats)
    chance = keyed(seed, np.repeat(uid, repeats), lines["item"], offset, 3)
    ward = (begin // DAY + offset) * DAY + 7 * 60 + (chance * 240).astype(np.int64)
    soon = begin + 2 + (chance * 25).astype(np.int64)
    first_day = begin + 20 + (chance * 60).astype(np.int64)
    lines["time"] = np.where(np.repeat(stay, repeats), np.where(offset == 0, first_day, ward), soon)
    shop = np.repeat((encounters["kind"].to_numpy() == SHOP)[bill], repeats)
    lines.loc[shop, "time"] = begin[shop]
    return lines


def set_prices(world: World, encounters: pd.DataFrame, lines: pd.DataFrame) -> None:
    """Fills prices where nobody has set one: at or under the cap of the house's level on that day."""
    empty = lines["price"].isna().to_numpy()
    institution = encounters["institution"].to_numpy()[lines["bill"].to_numpy()[empty]]
    item = lines["item"].to_numpy()[empty]
    lines.loc[empty, "price"] = usual_price(world, institution, item, lines["time"].to_numpy()[empty] // DAY)


def usual_price(world: World, institution: np.ndarray, item: np.ndarray, day: np.ndarray) -> np.ndarray:
    """The house's own price: its level's tariff for services, a little under the cap for goods."""
    cap = cap_price(world, world.institution("level")[institution], item, day)
    goods = world.medicine.is_drug[item]
    factor = np.where(goods, world.institution("price_factor")[institution], 1.0)
    return np.maximum(0.01, np.floor(cap * factor * 100 + 1e-6) / 100)


def cap_price(world: World, level: np.ndarray, item: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Cap in force; a part of the items has a new one from 2024 (or the middle of the period)."""
    change, factor = cap_change(world)
    base = world.medicine.prices[item, level]
    return np.where(day >= change, np.round(base * factor[item], 2), base)


def cap_change(world: World) -> tuple[int, np.ndarray]:
    """Day of the tariff change and each item's factor (1: unchanged)."""
    draw = keyed(world.options.seed, np.arange(len(world.medicine.items)), 5)
    factor = np.where(draw < 0.12, 0.85, np.where(draw > 0.92, 1.1, 1.0))
    factor[world.medicine.prices[:, 0] < 2] = 1.0
    starts = world.options.month_starts
    return int(starts[min(len(starts) - 1, max(1, (len(starts) - 1) * 2 // 3))]), factor


def draw_diagnoses(world: World, encounters: pd.DataFrame) -> pd.DataFrame:
    """Diagnoses of the encounters that wrote one down: the main one first."""
    medicine = world.medicine
    codes = [[medicine.codes.index(code) for code in disease.codes] for disease in medicine.diseases]
    width = max(len(each) for each in codes)
    table = np.array([each + each[-1:] * (width - len(each)) for each in codes])
    size = np.array([len(each) for each in codes])
    parts = []
    for number, name in enumerate(("disease", "disease2", "disease3")):
        disease = encounters[name].to_numpy()
        rows = np.flatnonzero((disease >= 0) & (encounters["coded"].to_numpy() == 1))
        chronic = np.array([each.is_chronic for each in medicine.diseases])[disease[rows]]
        # a chronic patient's code seldom changes
        key = np.where(chronic, encounters["patient"].to_numpy()[rows], encounters["uid"].to_numpy()[rows])
        pick = (keyed(world.options.seed, key, disease[rows], 9) ** 1.6 * size[disease[rows]]).astype(np.int64)
        parts.append(pd.DataFrame({"bill": rows, "code": table[disease[rows], pick], "is_main": int(number == 0)}))
    frame = pd.concat(parts, ignore_index=True)
    return frame.drop_duplicates(["bill", "code"]).sort_values(["bill", "is_main"], ascending=[True, False], kind="stable")


def insurance_of(world: World, encounters: pd.DataFrame) -> np.ndarray:
    """Insurance type in force when the encounter began."""
    patient = encounters["patient"].to_numpy()
    changed = encounters["start"].to_numpy() // DAY > world.person("insurance_until")[patient]
    changed &= world.person("insurance_until")[patient] != NEVER
    usual = np.where(changed, world.person("insurance_after")[patient], world.person("insurance")[patient])
    return np.where(encounters["insurance"] >= 0, encounters["insurance"], usual)


def settle(world: World, encounters: pd.DataFrame, lines: pd.DataFrame) -> pd.DataFrame:
    """Amounts of the settlements in cents: columns total, in_scope, fund, account, cash; adds ``cents`` and ``scope_cents`` to the
    lines."""
    exact = lines["quantity"].to_numpy() * lines["price"].to_numpy()
    amount = np.where(lines["amount"].isna(), exact, lines["amount"])
    lines["cents"] = np.floor(amount * 100 + 0.5 + 1e-7).astype(np.int64)
    item = lines["item"].to_numpy()
    share = np.where(world.medicine.uncovered[item], 0.0, np.where(np.isin(world.medicine.charge[item], ("09", "11", "08")), 0.93, 1.0))
    lines["scope_cents"] = np.floor(lines["cents"] * share + 0.5).astype(np.int64)
    size = len(encounters)
    total = np.bincount(lines["bill"], lines["cents"], size).astype(np.int64)
    scope = np.bincount(lines["bill"], lines["scope_cents"], size).astype(np.int64)
    kind = encounters["kind"].to_numpy()
    level = world.institution("level")[encounters["institution"].to_numpy()]
    employee = insurance_of(world, encounters) == EMPLOYEE
    stay = kind == INPATIENT
    deductible = np.where(stay, np.array([100, 200, 500, 900])[level] * 100, np.where(kind == CHRONIC, 0, 2000))
    rate = np.where(stay, np.array([0.9, 0.88, 0.82, 0.72])[level], np.where(kind == CHRONIC, 0.75, np.array([0.6, 0.6, 0.5, 0.4])[level]))
    rate = np.where(employee, np.minimum(0.95, rate + 0.06), rate)
    rate = np.where((kind == SHOP), np.where(encounters["registered"] >= 0, 0.6, 0.0), rate)
    fund = np.floor(np.maximum(0, scope - deductible) * rate + 0.5).astype(np.int64)
    given = encounters["benefit"].to_numpy()  # a planted settlement may say what the fund paid, in thousandths of the total
    fund = np.where(given >= 0, total * given // 1000, fund)
    rest = total - fund
    # employees pay from their account while it lasts; the rest is cash
    willing = employee & (keyed(world.options.seed, encounters["uid"], 13) < np.where(kind == SHOP, 0.95, 0.7))
    account = np.where(willing, rest, 0)
    cap = (world.person("balance")[encounters["patient"].to_numpy()] * 100).astype(np.int64)
    account = np.minimum(account, np.where(stay, cap, np.maximum(cap, 20000)))
    return pd.DataFrame({"total": total, "in_scope": scope, "fund": fund, "account": account, "cash": rest - account})
