"""A12: who stands on several lists is a key target (重点稽核对象) and goes to the top, with the lists named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from fraudml.audit.listed import Listed

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("patient", "institution", "pharmacy", "doctor")


def crossings(done: Mapping[str, Listed], least: int, lang: str) -> pd.DataFrame:
    """Persons and institutions on at least so many lists.

    One list counts once, however many of its strata (years, insurance types, diseases) an entity stands in.

    Returns
    -------
    DataFrame, one row per key target: ``entity_type, entity_id, list_count, place_count`` (strata in all), ``best_place`` (best rank as a
    share of the stratum's list), ``lists`` and ``places`` (texts in ``lang``), ``list_ids``. Most lists first, then most strata,
    then best place, then identifier; ``rank`` numbers them.
    """
    import pandas as pd

    parts = []
    for identity, listed in done.items():
        rows = listed.rows
        if not listed.entry.crosses or rows.empty:
            continue
        part = rows.loc[rows["entity_type"].isin(KINDS), ["entity_type", "entity_id", "stratum", "rank"]].copy()
        part["size"] = part.groupby("stratum")["rank"].transform("size")
        part["list"] = identity
        parts.append(part)
    columns = ["rank", "entity_type", "entity_id", "list_count", "place_count", "best_place", "lists", "places", "list_ids"]
    if not parts:
        return pd.DataFrame({name: pd.Series(dtype="str") for name in columns})
    every = pd.concat(parts, ignore_index=True)
    every["place"] = every["rank"] / every["size"]
    counted = every.groupby(["entity_type", "entity_id"], sort=True).agg(
        list_count=("list", "nunique"), place_count=("stratum", "size"), best_place=("place", "min")
    )
    counted = counted[counted["list_count"] >= least].reset_index()
    own = every.merge(counted[["entity_type", "entity_id"]], on=["entity_type", "entity_id"])
    order = list(done)
    named: dict[tuple[str, str], dict[str, list[str]]] = {}
    for row in own.sort_values(["stratum", "rank"], kind="stable").itertuples():
        named.setdefault((row.entity_type, row.entity_id), {}).setdefault(row.list, []).append(f"{row.stratum} #{row.rank}".strip())
    told = [named[key] for key in zip(counted["entity_type"], counted["entity_id"], strict=True)]
    counted["list_ids"] = [sorted(each, key=order.index) for each in told]
    counted["lists"] = ["、".join(done[one].entry.name[lang] for one in ids) for ids in counted["list_ids"]]
    counted["places"] = [
        "; ".join(f"{done[one].entry.name[lang]}: {', '.join(each[one])}" for one in sorted(each, key=order.index)) for each in told
    ]
    counted["best_place"] = counted["best_place"].round(4)
    counted = counted.sort_values(
        ["list_count", "place_count", "best_place", "entity_type", "entity_id"], ascending=[False, False, True, True, True], kind="stable"
    ).reset_index(drop=True)
    counted["rank"] = range(1, len(counted) + 1)
    return counted[columns]


def mark(done: Mapping[str, Listed], key_targets: pd.DataFrame, lang: str) -> None:
    """Moves key targets to the top of their stratum on every list, and names the other lists they stand on."""
    names = {(row.entity_type, row.entity_id): row.list_ids for row in key_targets.itertuples()}
    for identity, listed in done.items():
        rows = listed.rows
        if rows.empty or not listed.entry.crosses:
            continue
        keys = list(zip(rows["entity_type"], rows["entity_id"], strict=True))
        rows = rows.assign(
            is_key_target=[key in names for key in keys],
            other_lists=[_others(done, names[key], identity, lang) if key in names else "" for key in keys],
        )
        listed.rows = rows.sort_values(["stratum", "is_key_target", "rank"], ascending=[True, False, True], kind="stable").reset_index(
            drop=True
        )


def _others(done: Mapping[str, Listed], ids: list[str], identity: str, lang: str) -> str:
    return "、".join(done[one].entry.name[lang] for one in ids if one != identity)
