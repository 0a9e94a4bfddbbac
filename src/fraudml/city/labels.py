"""Decisions as a bureau would have them: late, partial, from leads, reports and random checks, a few wrong."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fraudml.city.chance import generator
from fraudml.city.options import CityOptions
from fraudml.city.places import OUTSIDE, PHARMACY
from fraudml.city.world import World

ORIGINS = ("lead", "random", "report", "self")


def decide(options: CityOptions, world: World, truth: pd.DataFrame) -> pd.DataFrame:
    """Decisions on entities and claims up to the city's last day, in the contract's form.

    About half of the perpetrators come to light, most of them months after they began; one in twenty who was checked is
    cleared by mistake, and a few honest ones are decided against. Zeroes come from leads that were not confirmed and from random checks.
    """
    rng = generator(options.seed, "labels")
    columns = ["entity_type", "entity_id", "is_fraud", "scheme", "decided_on", "origin"]
    rows: list[tuple[str, str, int, str, int, str]] = []
    span = options.last_day - options.first_day
    guilty = truth[truth["role"].isin(["perpetrator", "accomplice"])]
    for (kind, code, scheme), claims in guilty.groupby(["entity_type", "entity_id", "scheme"], sort=True)["claim_id"]:
        if rng.random() > 0.5:
            continue
        day = options.first_day + int(span * rng.beta(2.2, 1.6)) + int(rng.integers(20, 120))
        origin = str(rng.choice(["lead", "report", "random", "self"], p=[0.5, 0.3, 0.12, 0.08]))
        wrong = rng.random() < 0.05
        rows.append((kind, code, int(not wrong), "" if wrong else scheme, day, origin))
        for claim in rng.permutation(claims.to_numpy(dtype=object))[: int(rng.integers(3, 13))]:
            rows.append(("claim", claim, int(not wrong), "" if wrong else scheme, day, origin))
    accused = (
        {(row[0], row[1]) for row in rows} | set(zip(guilty["entity_type"], guilty["entity_id"], strict=True)) if len(truth) else set()
    )
    pools = {
        "patient": world.person("code"),
        "doctor": world.places.doctors["code"].to_numpy()[~world.places.doctors["is_pharmacist"].to_numpy()],
        "institution": world.institution("code")[~np.isin(world.institution("class"), (PHARMACY, OUTSIDE))],
        "pharmacy": world.institution("code")[world.institution("class") == PHARMACY],
    }
    for kind, codes in pools.items():
        count = min(len(codes), max(8, {"patient": len(codes) // 80, "doctor": len(codes) // 6}.get(kind, len(codes) * 2 // 5)))
        for code in rng.permutation(codes)[:count]:
            if (kind, code) in accused:
                continue
            origin = str(rng.choice(ORIGINS, p=[0.45, 0.4, 0.14, 0.01]))
            wrong = rng.random() < 0.01
            day = options.first_day + int(span * rng.beta(1.6, 1.2))
            rows.append((kind, code, int(wrong), str(rng.choice(["unexplained", "high_cost"])) if wrong else "", day, origin))
    frame = pd.DataFrame(rows, columns=columns)
    frame = frame[frame["decided_on"] <= options.last_day].drop_duplicates(["entity_type", "entity_id", "scheme", "decided_on"])
    frame["decided_on"] = pd.Series(frame["decided_on"].to_numpy().astype("datetime64[D]").astype(str), index=frame.index, dtype="str")
    return frame.sort_values(["entity_type", "entity_id", "decided_on", "scheme"], kind="stable").reset_index(drop=True)
