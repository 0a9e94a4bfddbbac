"""Decisions as a bureau would have them: late, partial, from leads, reports and random checks, a few wrong."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fraudml.city.chance import generator
from fraudml.city.options import CityOptions
from fraudml.city.places import OUTSIDE, PHARMACY
from fraudml.city.world import World

COLUMNS = ("entity_type", "entity_id", "is_fraud", "scheme", "decided_on", "origin")
ORIGINS = ("lead", "random", "report", "self")
COMES_TO_LIGHT = {"patient": 0.5, "doctor": 0.75, "institution": 0.65, "pharmacy": 0.8}
"""Share of the guilty that somebody finds: who treats or sells has patients who talk and is inspected oftener than who is treated."""
CLEARED_BY_MISTAKE, WRONGLY_DECIDED = 0.05, 0.01
FOUND_WHEN_CHECKED = 0.8
"""Share of the guilty whose acts a check finds that came for another reason."""
FIRST_CLAIM = 100_000_000_000

Row = tuple[str, str, int, str, int, str]


def decide(options: CityOptions, world: World, truth: pd.DataFrame, alike: pd.DataFrame, settled: np.ndarray) -> pd.DataFrame:
    """Decisions on entities and claims up to the city's last day, in the contract's form.

    Parameters
    ----------
    truth, alike : as :func:`fraudml.city.simulate` writes them.
    settled : day of settlement of every claim, in order of its number.

    Notes
    -----
    About half of the perpetrators come to light, months after they began, with some of their claims settled by then; one in twenty of those
    checked is cleared by mistake. Houses, pharmacies, doctors and patients are also checked at random or for a lead of their own: what was
    done by then is mostly found. Zeroes come from leads that were not confirmed, look-alikes among them, and from random checks.
    """
    rng = generator(options.seed, "labels")
    guilty = truth[truth["role"].isin(["perpetrator", "accomplice"])]
    rows = _guilty(rng, guilty, settled)
    rows += _checked_entities(options, world, rng, _begun(guilty, settled), {(kind, code) for kind, code, *_ in rows})
    rows += _checked_claims(rng, truth, alike, settled)
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    frame = frame[frame["decided_on"] <= options.last_day].drop_duplicates(["entity_type", "entity_id", "scheme", "decided_on"])
    frame["decided_on"] = pd.Series(frame["decided_on"].to_numpy().astype("datetime64[D]").astype(str), index=frame.index, dtype="str")
    return frame.sort_values(["entity_type", "entity_id", "decided_on", "scheme"], kind="stable").reset_index(drop=True)


def _guilty(rng: np.random.Generator, guilty: pd.DataFrame, settled: np.ndarray) -> list[Row]:
    rows: list[Row] = []
    for (kind, code, scheme), claims in guilty.groupby(["entity_type", "entity_id", "scheme"], sort=True)["claim_id"]:
        known = settled[_number(claims)]
        if rng.random() > COMES_TO_LIGHT[str(kind)]:
            continue
        # enough has to pile up, then somebody has to look, then it has to be decided
        day = int(np.quantile(known, rng.uniform(0.1, 0.9))) + int(rng.integers(25, 110))
        origin = str(rng.choice(ORIGINS, p=[0.5, 0.12, 0.3, 0.08]))
        wrong = rng.random() < CLEARED_BY_MISTAKE
        verdict = (int(not wrong), "" if wrong else str(scheme), day, origin)
        rows.append((str(kind), str(code), *verdict))
        before = claims.to_numpy(dtype=object)[known < day - 10]
        rows += [("claim", claim, *verdict) for claim in rng.permutation(before)[: int(rng.integers(3, 13))]]
    return rows


def _begun(guilty: pd.DataFrame, settled: np.ndarray) -> dict[tuple[str, str], tuple[int, str]]:
    """The day by which each of the guilty had begun, and with what."""
    first = guilty.assign(day=settled[_number(guilty["claim_id"])]).sort_values(["day", "scheme"], kind="stable")
    first = first.drop_duplicates(["entity_type", "entity_id"])
    return {(kind, code): (int(day), scheme) for kind, code, day, scheme in first[["entity_type", "entity_id", "day", "scheme"]].to_numpy()}


def _checked_entities(
    options: CityOptions,
    world: World,
    rng: np.random.Generator,
    begun: dict[tuple[str, str], tuple[int, str]],
    decided: set[tuple[str, str]],
) -> list[Row]:
    rows: list[Row] = []
    shop = world.institution("class") == PHARMACY
    pools = {
        "patient": (world.person("code"), 1 / 80),
        "doctor": (world.places.doctors["code"].to_numpy()[~world.places.doctors["is_pharmacist"].to_numpy()], 1 / 6),
        "institution": (world.institution("code")[~shop & (world.institution("class") != OUTSIDE)], 0.5),
        "pharmacy": (world.institution("code")[shop], 0.5),
    }
    for kind, (codes, share) in pools.items():
        for code in rng.permutation(codes)[: max(8, round(len(codes) * share))]:
            origin, wrong = str(rng.choice(ORIGINS, p=[0.45, 0.4, 0.14, 0.01])), rng.random() < WRONGLY_DECIDED
            day = options.first_day + int((options.last_day - options.first_day) * rng.beta(1.6, 1.2))
            since, scheme = begun.get((kind, str(code)), (day, ""))
            found = since + 60 < day and rng.random() < FOUND_WHEN_CHECKED  # two months of it leave traces
            if (kind, str(code)) not in decided:
                rows.append((kind, str(code), int(wrong or found), scheme if found else "high_cost" if wrong else "", day, origin))
    return rows


def _checked_claims(rng: np.random.Generator, truth: pd.DataFrame, alike: pd.DataFrame, settled: np.ndarray) -> list[Row]:
    count = min(len(settled) // 4, max(40, len(settled) // 200))
    at_random = pd.Series(rng.permutation(len(settled))[:count] + FIRST_CLAIM).map("S{}".format)
    alike_ones = pd.Series(rng.permutation(alike["claim_id"].to_numpy(dtype=object))[: count // 3])
    guilty = set(truth["claim_id"])
    rows: list[Row] = []
    for claims, origin in ((at_random, "random"), (alike_ones, "lead")):
        for claim in claims:
            day = int(settled[int(claim[1:]) - FIRST_CLAIM]) + int(rng.integers(20, 120))
            if claim not in guilty:
                rows.append(("claim", claim, 0, "", day, origin))
    return rows


def _number(claims: pd.Series) -> np.ndarray:
    return claims.str.slice(1).astype("int64").to_numpy() - FIRST_CLAIM
