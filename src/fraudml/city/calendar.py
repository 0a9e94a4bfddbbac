"""What honest people cannot or would not do: the filters that keep honest months free of accidents."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fraudml.city.encounters import DAY
from fraudml.city.people import NEVER
from fraudml.city.world import World


def possible(world: World, visits: pd.DataFrame, stays: pd.DataFrame, planted: pd.DataFrame) -> pd.DataFrame:
    """Honest outpatient encounters that can happen: alive, insured, not in hospital, one trip a day, none on a planted day."""
    day = visits["start"].to_numpy() // DAY
    patient = visits["patient"].to_numpy()
    keep = (day > world.person("birth")[patient]) & (day < world.person("death")[patient])
    keep &= (world.person("insurance_until")[patient] == NEVER) | (np.abs(world.person("insurance_until")[patient] - day) > 1)
    keep &= ~within(patient, day, stays)
    trip = visits["rx_institution"].to_numpy() < 0
    keep &= ~np.isin(patient * 100_000 + day, planted["patient"].to_numpy() * 100_000 + planted["start"].to_numpy() // DAY)
    visits = visits[keep]
    trip = trip[keep]
    # the first trip of a day stands; the pharmacy's part of it follows its prescription
    key = visits["patient"].to_numpy() * 100_000 + visits["start"].to_numpy() // DAY
    order = np.lexsort((visits["start"].to_numpy(), ~trip, key))
    first = np.ones(len(order), dtype=bool)
    first[1:] = key[order][1:] != key[order][:-1]
    stands = np.zeros(len(order), dtype=bool)
    stands[order] = first & trip[order]
    prescribed = key * 4096 + visits["rx_institution"].to_numpy()
    follows = ~trip & np.isin(prescribed, key[stands] * 4096 + visits["institution"].to_numpy()[stands])
    return visits[stands | follows].reset_index(drop=True)


def within(patient: np.ndarray, day: np.ndarray, stays: pd.DataFrame, margin: int = 0) -> np.ndarray:
    """Which (patient, day) fall into a stay, its first and last day included. ``stays`` do not overlap within a person."""
    if not len(stays) or not len(patient):
        return np.zeros(len(patient), dtype=bool)
    ordered = stays.sort_values(["patient", "start"], kind="stable")
    key = ordered["patient"].to_numpy() * 100_000 + ordered["start"].to_numpy() // DAY - margin
    last = np.maximum.accumulate(ordered["patient"].to_numpy() * 100_000 + ordered["end"].to_numpy() // DAY + margin)
    wanted = patient * 100_000 + day
    row = np.searchsorted(key, wanted, side="right") - 1
    return (row >= 0) & (wanted <= last[np.maximum(row, 0)])


class Recollection:
    """What was done lately to whom: examinations are not repeated while valid, supplies of one generic do not overlap.

    Encounters that are ``free`` (a scheme or its look-alike wants the repetition) are remembered but not held back.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        _, numbers = np.unique(world.medicine.generic.astype(str), return_inverse=True)
        self.generic = 1000 + numbers
        self.past = pd.DataFrame({name: np.array([], dtype=np.int64) for name in ("patient", "what", "day", "until")})

    def allowed(self, encounters: pd.DataFrame, lines: pd.DataFrame, free: np.ndarray) -> np.ndarray:
        """Marks the lines that may stand."""
        now = self._marks(encounters, lines)
        now["free"] = free[lines["bill"].to_numpy()[now["row"]]]
        both = pd.concat([self.past.assign(row=-1, free=True), now], ignore_index=True)
        both = both.iloc[np.lexsort((both["row"], ~both["free"].astype(bool), both["day"], both["what"], both["patient"]))]
        group = both["patient"].to_numpy() * 4096 + both["what"].to_numpy()
        before = np.full(len(both), -1)
        before[1:] = np.where(group[1:] == group[:-1], _running(group, both["until"].to_numpy())[:-1], -1)
        held = (both["day"].to_numpy() < before) & ~both["free"].to_numpy(dtype=bool)
        allowed = np.ones(len(lines), dtype=bool)
        allowed[both["row"].to_numpy()[held]] = False
        return allowed

    def remember(self, encounters: pd.DataFrame, lines: pd.DataFrame) -> None:
        """Keeps what was done this month, as far as it matters later."""
        now = self._marks(encounters, lines)
        latest = int(now["day"].max()) if len(now) else 0
        both = pd.concat([self.past, now.drop(columns="row")], ignore_index=True)
        self.past = both[both["until"] > latest - 40].reset_index(drop=True)

    def _marks(self, encounters: pd.DataFrame, lines: pd.DataFrame) -> pd.DataFrame:
        item, bill = lines["item"].to_numpy(), lines["bill"].to_numpy()
        valid, days = self.world.medicine.valid_days[item], lines["days"].to_numpy()
        matters = np.flatnonzero((valid > 0) | (days > 0))
        exam = valid[matters] > 0
        day = lines["time"].to_numpy()[matters] // DAY
        return pd.DataFrame(
            {
                "patient": encounters["patient"].to_numpy()[bill[matters]],
                "what": np.where(exam, item[matters], self.generic[item[matters]]),
                "day": day,
                "until": day + np.where(exam, valid[matters] + 1, days[matters]).astype(np.int64),
                "row": matters,
            }
        )


def _running(group: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Running maximum within equal neighbours."""
    step = np.zeros(len(group), dtype=np.int64)
    step[1:] = np.cumsum(group[1:] != group[:-1])
    return np.maximum.accumulate(value + step * 10**7) - step * 10**7


def clear_of(stays: pd.DataFrame, planted: pd.DataFrame) -> pd.DataFrame:
    """Honest stays that keep six weeks away from the planted encounters of the same person."""
    if not len(planted):
        return stays
    hold = planted[["patient", "start", "end"]].copy()
    hold["start"], hold["end"] = hold["start"] - 42 * DAY, hold["end"] + 42 * DAY
    hold = hold.sort_values(["patient", "start"], kind="stable")
    near = within(stays["patient"].to_numpy(), stays["start"].to_numpy() // DAY, hold)
    near |= within(stays["patient"].to_numpy(), stays["end"].to_numpy() // DAY, hold)
    return stays[~near].reset_index(drop=True)
