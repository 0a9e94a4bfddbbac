"""Wordings of everything that a reason can be about: behaviour features and graph measures."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from fraudml.detectors.learning import RULE_COUNT
from fraudml.rules import Rule
from fraudml.vectors import Catalogue, Feature, load_measures, peer_statistics
from fraudml.wording import number

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from fraudml.vectors.peers import PeerStatistics


FAR = 90.0
"""Percentile among peers from which a sentence says how far out a value stands."""

STANDING = {
    "zh": {
        "above": "高于{share}%的同类",
        "below": "低于{share}%的同类",
        "above_all": "高于所有同类",
        "below_all": "低于所有同类",
        "joined": ",{standing})",
        "alone": "({standing})",
    },
    "en": {
        "above": "above {share} % of them",
        "below": "below {share} % of them",
        "above_all": "above all of them",
        "below_all": "below all of them",
        "joined": "; {standing})",
        "alone": " ({standing})",
    },
}

AGE = "age"
"""The feature of which people say whole years only."""

COUNTED = {
    "zh": "{window}有{value}次结算触及规则“{rule}”(同类中位数{peer_median}次)",
    "en": "{value} claims in {window} with evidence of {rule} (peers' median {peer_median})",
}
"""What a count of rule hits says."""


def cut_share(share: float) -> float:
    """Per cent of the peers as a sentence says it: cut, not rounded up, and never all of them.

    >>> cut_share(92.68), cut_share(100.0)
    (92.6, 99.9)
    """
    # a touch above the figure itself, which may have lost its last bit
    return min(math.floor(share * 10 + 1e-9) / 10, 99.9)


def told_feature(
    feature: Feature,
    lang: str,
    value: float | None,
    peer_median: float | None,
    percentile: float | None,
    others: tuple[float, float] | None = None,
) -> str:
    """A feature's sentence, with the entity's standing among its peers where that is far out on the suspicious side.

    Never “above 100 %”: shares are cut, not rounded up, and above all is said so.

    Parameters
    ----------
    others : per cent of the other peers below and above the value (:class:`fraudml.reasons.standing.Standings`). Where it is not known,
        the percentile stands for it, which counts half of those who have the same value.
    """
    if feature.base == AGE:
        value, peer_median = (each if each is None or each != each else math.floor(each) for each in (value, peer_median))
    text = feature.sentence(lang, value, peer_median, percentile)
    if percentile is None or percentile != percentile or "{peer_percentile}" in feature.wording[lang]:
        return text
    below, above = others if others is not None else (percentile, 100 - percentile)
    way = "above" if below >= FAR and feature.direction != "low" else "below" if above >= FAR and feature.direction != "high" else ""
    if not way:
        return text
    share = below if way == "above" else above
    words = STANDING[lang]
    every = "_all" if others is not None and share == 100 else ""
    standing = words[way + every].format(share=number(cut_share(share), 1))
    if text.endswith(")") and "{peer_median}" in feature.wording[lang]:
        return text[:-1] + words["joined"].format(standing=standing)
    return text + words["alone"].format(standing=standing.replace("of them", "of peers"))


def worded_features(catalogue: Catalogue, conf_dir: str | Path | None = None) -> dict[str, Feature]:
    """Column -> feature with its wording: the catalogue's own, and the graph measures of the entity.

    A bureau's ``graph.yaml`` in its conf folder's ``features/`` adds to the shipped one.
    """
    return load_measures(catalogue.entity, conf_dir) | dict(catalogue.features)


def counted_rules(rules: Mapping[str, Rule]) -> dict[str, Feature]:
    """Column -> feature of the rule hits in a model's table (``rule_count:<id>``), worded from the rules' own declarations."""
    return {
        RULE_COUNT + rule.id: Feature(
            name=RULE_COUNT + rule.id,
            base=RULE_COUNT + rule.id,
            window=12,
            of=None,
            sql="",
            unit="claims",
            direction="high",
            wording={lang: COUNTED[lang].replace("{rule}", rule.name[lang]) for lang in COUNTED},
            benign=rule.benign,
            peers=(),
            serves=(rule.row,),
            needs=rule.needs,
            where=f"{rule.path.name}:1",
        )
        for rule in rules.values()
    }


def peers_figures(table: pd.DataFrame, catalogue: Catalogue, worded: Mapping[str, Feature]) -> PeerStatistics:
    """Median and percentile among peers of every worded column of ``table``, graph measures included."""
    return peer_statistics(table, replace(catalogue, features=dict(worded)))
