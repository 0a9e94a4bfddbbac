"""Wordings of everything that a reason can be about: behaviour features and graph measures."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from fraudml.config import read_yaml
from fraudml.resources import resource
from fraudml.vectors import Catalogue, Feature, peer_statistics
from fraudml.wording import number

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from fraudml.vectors.peers import PeerStatistics


FAR = 90.0
"""Percentile among peers from which a sentence says how far out a value stands."""

STANDING = {
    "zh": {"above": "高于{share}%的同类", "below": "低于{share}%的同类", "joined": ",{standing})", "alone": "({standing})"},
    "en": {"above": "above {share} % of them", "below": "below {share} % of them", "joined": "; {standing})", "alone": " ({standing})"},
}


def told_feature(feature: Feature, lang: str, value: float | None, peer_median: float | None, percentile: float | None) -> str:
    """A feature's sentence, with the entity's standing among its peers where that is far out on the suspicious side.

    Never “above 100 %”: an entity is its own peer, and shares are cut, not rounded up.
    """
    text = feature.sentence(lang, value, peer_median, percentile)
    if percentile is None or percentile != percentile or "{peer_percentile}" in feature.wording[lang]:
        return text
    way = (
        "above"
        if percentile >= FAR and feature.direction != "low"
        else "below"
        if percentile <= 100 - FAR and feature.direction != "high"
        else ""
    )
    if not way:
        return text
    share = percentile if way == "above" else 100 - percentile
    words = STANDING[lang]
    standing = words[way].format(share=number(min(math.floor(share * 10) / 10, 99.9), 1))
    if text.endswith(")") and "{peer_median}" in feature.wording[lang]:
        return text[:-1] + words["joined"].format(standing=standing)
    return text + words["alone"].format(standing=standing.replace("of them", "of peers"))


def worded_features(catalogue: Catalogue, conf_dir: str | Path | None = None) -> dict[str, Feature]:
    """Column -> feature with its wording: the catalogue's own, and the graph measures of the entity.

    A bureau's ``graph.yaml`` in its conf folder's ``features/`` adds to the shipped one.
    """
    own = Path(conf_dir) / "features" / "graph.yaml" if conf_dir else None
    entries = dict((read_yaml(resource("features") / "graph.yaml") or {}).get(catalogue.entity) or {})
    if own is not None and own.is_file():
        entries |= (read_yaml(own) or {}).get(catalogue.entity) or {}
    worded = dict(catalogue.features)
    for base, entry in entries.items():
        one = Feature(
            name=base,
            base=base,
            window=None,
            of=None,
            sql="",
            unit=entry["unit"],
            direction=entry.get("direction", "both"),
            wording={"zh": entry["zh"], "en": entry["en"]},
            benign=dict(entry.get("benign") or {}),
            peers=catalogue.peers,
            serves=tuple(entry.get("serves") or ()),
            needs=(),
            where=f"graph.yaml: {base}",
        )
        for window in entry.get("windows") or [None]:
            name = f"{base}_{window}m" if window else base
            worded.setdefault(name, replace(one, name=name, window=window))
    return worded


def peers_figures(table: pd.DataFrame, catalogue: Catalogue, worded: Mapping[str, Feature]) -> PeerStatistics:
    """Median and percentile among peers of every worded column of ``table``, graph measures included."""
    return peer_statistics(table, replace(catalogue, features=dict(worded)))
