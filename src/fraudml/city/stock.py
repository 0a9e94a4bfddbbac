"""What houses bought and sold: the monthly inventory that goes with the bills."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fraudml.city.encounters import DAY
from fraudml.city.world import World

NOT_FROM_STOCK = -1
"""``trace`` of a line that was billed though nothing left the shelf."""


class Stock:
    """Quantities that left the shelves, by institution, goods item and month (base units)."""

    def __init__(self, world: World) -> None:
        self.world = world
        goods = np.array([item.list_type != "201" for item in world.medicine.items])
        self.goods = np.flatnonzero(goods)
        self.column = np.full(len(goods), -1)
        self.column[self.goods] = np.arange(len(self.goods))
        self.left = np.zeros((len(world.places.institutions), len(self.goods), world.options.months))

    def sold(self, encounters: pd.DataFrame, lines: pd.DataFrame) -> None:
        """Counts a month's lines: sales on their day, refunds in the month they were settled."""
        bill = lines["bill"].to_numpy()
        kept = (self.column[lines["item"]] >= 0) & (lines["trace"].to_numpy() != NOT_FROM_STOCK)
        kept &= encounters["manual"].to_numpy()[bill] == 0
        back = encounters["refund"].to_numpy()[bill] == 1
        day = np.where(back, encounters["settled"].to_numpy()[bill], lines["time"].to_numpy())[kept] // DAY
        month = np.clip(np.searchsorted(self.world.options.month_starts, day, side="right") - 1, 0, self.world.options.months - 1)
        place = (encounters["institution"].to_numpy()[bill][kept], self.column[lines["item"].to_numpy()[kept]], month)
        np.add.at(self.left, place, lines["quantity"].to_numpy()[kept])

    def table(self, rng: np.random.Generator) -> pd.DataFrame:
        """``inventory_d``: openings follow closings, purchases come in whole packs and keep a few weeks in stock."""
        place, column = np.nonzero(np.abs(self.left).sum(axis=2) > 0)
        use = self.left[place, column]
        pack = self.world.medicine.pack[self.goods[column]].astype(float)
        typical = np.maximum(use.mean(axis=1), 1.0)
        stock = np.ceil(typical * rng.uniform(0.8, 2.0, len(place)) / pack) * pack
        parts = []
        for month in range(self.world.options.months):
            target = typical * rng.uniform(0.7, 1.8, len(place))
            purchased = np.maximum(0, np.ceil((use[:, month] + target - stock) / pack) * pack)
            returned = np.where((rng.random(len(place)) < 0.02) & (purchased > pack), pack, 0.0)
            lost = np.where(rng.random(len(place)) < 0.05, np.floor(0.01 * stock), 0.0)
            closing = stock + purchased - returned - use[:, month] - lost
            short = closing < 0  # cannot be: what was sold had been there
            purchased = np.where(short, purchased + np.ceil(-closing / pack) * pack, purchased)
            closing = stock + purchased - returned - use[:, month] - lost
            parts.append(pd.DataFrame({"row": np.arange(len(place)), "month": month, "opening": stock, "purchased": purchased,
                                       "returned": returned, "closing": closing}))  # fmt: skip
            stock = closing
        frame = pd.concat(parts, ignore_index=True)
        row = frame["row"].to_numpy()
        in_packs = self.world.institution("counts_packs")[place[row]] & (pack[row] > 1)
        for name in ("opening", "purchased", "returned", "closing"):
            frame[name] = np.where(in_packs, frame[name] / pack[row], frame[name]).round(4)
        starts = self.world.options.month_starts[:-1].astype("datetime64[D]").astype("datetime64[M]")
        codes = np.array([self.world.medicine.items[number].code for number in self.goods], dtype=object)
        return pd.DataFrame(
            {
                "fixmedins_code": self.world.institution("code").astype(object)[place[row]],
                "hilist_code": codes[column[row]],
                "period": np.datetime_as_string(starts).astype(object)[frame["month"]],
                "opening": frame["opening"],
                "purchased": frame["purchased"],
                "returned": frame["returned"],
                "closing": frame["closing"],
                "unit": np.where(in_packs, "pack", "base"),
            }
        )
