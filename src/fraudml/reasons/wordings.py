"""Wordings of everything that a reason can be about: behaviour features and graph measures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from fraudml.config import read_yaml
from fraudml.resources import resource
from fraudml.vectors import Catalogue, Feature, peer_statistics

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from fraudml.vectors.peers import PeerStatistics


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
