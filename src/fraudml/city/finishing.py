"""The last touches of a month: case groups, refunds, trace codes, and what was left blank."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fraudml.city.chance import keyed
from fraudml.city.encounters import DAY, DAY_SURGERY, INPATIENT, SHOP, VISIT
from fraudml.city.medicine import Medicine
from fraudml.city.month import Month
from fraudml.city.places import PHARMACY
from fraudml.city.world import World

SEVERITY = ((1.0, "5"), (1.25, "3"), (1.7, "1"))
"""Weight factor and last letter of a case group without, with, with major complications."""
AMOUNTS = ("total", "in_scope", "fund", "account", "cash")
MOST_PACKS = 12


def case_groups(world: World, encounters: pd.DataFrame) -> None:
    """Adds ``drg_code`` and ``drg_weight`` to stays: the disease's group by what is done for it, and its severity."""
    medicine = world.medicine
    group, base = _groups(medicine)
    disease = encounters["disease"].to_numpy()
    stay = encounters["kind"].isin((INPATIENT, DAY_SURGERY)).to_numpy()
    companions = (encounters["disease2"] >= 0).astype(int) + (encounters["disease3"] >= 0)
    old = world.people.age(encounters["patient"].to_numpy(), encounters["start"].to_numpy() // DAY) > 70
    draw = keyed(world.options.seed, encounters["uid"], 51)
    own = np.where(draw < 0.05 + 0.06 * companions + 0.05 * old, 2, np.where(draw < 0.25 + 0.2 * companions, 1, 0))
    severity = np.where(encounters["severity"] >= 0, encounters["severity"], own)
    factor = np.array([each[0] for each in SEVERITY])[severity]
    letter = np.array([each[1] for each in SEVERITY], dtype=object)[severity]
    encounters["drg_code"] = pd.Series(np.where(stay, group[disease] + letter, None), dtype=object)
    encounters["drg_weight"] = np.where(stay, np.round(base[disease] * factor, 2), 0.0)


def _groups(medicine: Medicine) -> tuple[np.ndarray, np.ndarray]:
    names, weights = [], []
    for disease in medicine.diseases:
        surgical = any(medicine.items[medicine.item[entry.split()[0]]].charge == "06" for entry in disease.options["in"])
        names.append(f"{disease.codes[0][0]}{'B' if surgical else 'R'}{disease.number % 9 + 1}")
        weights.append(0.25 + 0.055 * disease.nights + (0.6 if surgical else 0.0))
    return np.array(names, dtype=object), np.array(weights)


def trace_codes(world: World, encounters: pd.DataFrame, lines: pd.DataFrame, first: int) -> int:
    """Adds ``codes`` to lines of packs that were carried home, for houses that scan them; returns the next free serial.

    ``trace`` > 0 names a line's first pack itself (odd serials); others get fresh even ones.
    """
    item = lines["item"].to_numpy()
    institution = encounters["institution"].to_numpy()[lines["bill"]]
    pack = world.medicine.pack[item]
    packs = np.abs(lines["quantity"].to_numpy()) / pack
    scans = keyed(world.options.seed, institution, 53) < 0.65
    shop = world.institution("class")[institution] == PHARMACY
    scanned = world.medicine.is_drug[item] & (lines["days"].to_numpy() > 0) & (packs == np.round(packs)) & (packs <= MOST_PACKS)
    scanned &= (scans | shop & scans) & (lines["quantity"].to_numpy() > 0)
    named = lines["trace"].to_numpy() > 0
    scanned |= named & (packs >= 1)
    count = np.where(scanned, np.round(packs), 0).astype(np.int64)
    fresh = np.where(named, 0, count)
    start = np.where(named, lines["trace"].to_numpy() * 2 + 1, 2 * (first + np.cumsum(fresh) - fresh))
    rows = np.flatnonzero(count)
    line = np.repeat(rows, count[rows])
    number = np.arange(len(line)) - np.repeat(np.cumsum(count[rows]) - count[rows], count[rows])
    serial = start[line] + 2 * number
    code = pd.Series(
        np.char.add(np.char.add("83", np.char.zfill(item[line].astype(str), 5)), np.char.zfill(serial.astype(str), 13)).astype(object)
    )
    lines["codes"] = None
    if len(line):
        single = np.repeat(count[rows] == 1, count[rows])
        texts = np.full(len(lines), None, dtype=object)
        texts[line[single]] = code[single]
        joined = code[~single].groupby(line[~single]).agg("|".join)
        texts[joined.index.to_numpy()] = joined.to_numpy()
        lines["codes"] = pd.Series(texts, dtype=object)
    return first + int(fresh.sum())


def refunds(month: Month, encounters: pd.DataFrame, lines: pd.DataFrame, place: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Refund rows of the month's bills: negative amounts, the same visit, the original where it was noted.

    ``place`` maps the month's bills to rows of ``encounters``. About one outpatient bill or purchase in 150 is taken back whole or in part.
    """
    seed = month.world.options.seed
    chance = keyed(seed, encounters["uid"], 55)
    ordinary = (
        encounters["kind"].isin((VISIT, SHOP)).to_numpy() & (encounters["tag"] < 0).to_numpy() & (encounters["manual"] == 0).to_numpy()
    )
    ordinary &= (chance < 1 / 150) & (encounters["total"] > 0).to_numpy()
    rows = np.flatnonzero(ordinary)
    wanted = [
        (
            rows,
            (keyed(seed, encounters["uid"].to_numpy()[rows], 57) * 6).astype(np.int64),
            keyed(seed, encounters["uid"].to_numpy()[rows], 59) < 0.6,
        )
    ]
    for bills, days_later, in_whole in month.refunds:
        at = place[bills]
        wanted.append((at[at >= 0], np.full((at >= 0).sum(), days_later), np.full((at >= 0).sum(), in_whole)))
    row, after, whole = (np.concatenate(column) for column in zip(*wanted, strict=True))
    row, kept = np.unique(row, return_index=True)
    after, whole = after[kept], whole[kept]
    back = encounters.iloc[row].reset_index(drop=True)
    number = np.full(len(encounters), -1)
    number[row] = np.arange(len(row))
    taken = lines[number[lines["bill"]] >= 0].copy()
    taken["bill"] = number[taken["bill"]]
    first = ~taken["bill"].duplicated(keep="last")  # in part: the last line
    taken = taken[whole[taken["bill"]] | first].reset_index(drop=True)
    for name in ("quantity", "cents", "scope_cents", "days"):
        taken[name] = -taken[name]
    taken["memo"] = 0
    sums = {"total": "cents", "in_scope": "scope_cents"}
    share = np.bincount(taken["bill"], taken["cents"], len(back)) / np.maximum(1, back["total"].to_numpy())
    for name in ("fund", "account"):
        back[name] = np.round(back[name] * share).astype(np.int64)
    for name, source in sums.items():
        back[name] = np.bincount(taken["bill"], taken[source], len(back)).astype(np.int64)
    back["cash"] = back["total"] - back["fund"] - back["account"]
    noted = keyed(seed, back["uid"], 61) < 0.85
    back["refund"], back["original"] = 1, np.where(noted, back["setl"], -1)
    back["settled"] = np.maximum(
        back["settled"] + 5, np.where(after > 0, (back["settled"] // DAY + after) * DAY + 10 * 60, back["settled"] + 20)
    )
    own_day = (keyed(seed, back["uid"], 63) < 0.5) & (after > 0)
    back["start"] = np.where(own_day, back["settled"] - 2, back["start"])
    back["end"] = np.where(own_day, back["settled"] - 2, back["end"])
    back["uid"] = back["uid"] + (1 << 56)
    return back, taken


def blanks(world: World, encounters: pd.DataFrame, lines: pd.DataFrame) -> None:
    """What nobody filled in: some departments, beds, days of supply."""
    seed = world.options.seed
    encounters.loc[keyed(seed, encounters["uid"], 65) < 0.03, "department"] = -1
    encounters.loc[keyed(seed, encounters["uid"], 67) < 0.1, "bed"] = -1
    uid = encounters["uid"].to_numpy()[lines["bill"]]
    lines.loc[keyed(seed, uid, lines["item"], 69) < 0.04, "days"] = 0
