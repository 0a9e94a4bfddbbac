"""Why an entity's risk is what it is: reasons as data, worded in both languages, frozen when the score is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from fraudml.contracts import REASONS
from fraudml.reasons.standing import Standings
from fraudml.reasons.wordings import told_feature
from fraudml.rules import Rule
from fraudml.vectors import Feature

if TYPE_CHECKING:
    import pandas as pd

MOST = 6  # reasons of an entity
ALIKE = 0.9  # rank correlation from which two features tell one story
UNUSUAL = 90.0  # percentile among peers from which a value is worth telling without a model
TELLING = 75.0  # percentile on the suspicious side from which a feature that a model uses is told
SAMPLED = 5000  # rows from which correlations are taken


def feature_reasons(
    contributions: pd.DataFrame,
    values: pd.DataFrame,
    median: pd.DataFrame,
    percentile: pd.DataFrame,
    worded: Mapping[str, Feature],
    entity_type: str,
    limit: int = MOST,
    standings: Standings | None = None,
) -> pd.DataFrame:
    """The features that raise each entity's risk most.

    A value on the harmless side of its peers' is no reason that a person would accept, whatever the model made of it; it is told only of
    an entity that has no other. Windows of one feature, and features that move together over the peers, are one reason: told by the
    member with the largest contribution, counted with the sum of all.

    Parameters
    ----------
    contributions : entities x features, log-odds; only wording that exists is told.
    values, median, percentile : the entities' and their peers' figures by feature, on an index that contains the entities.
    worded : column -> feature (:func:`fraudml.reasons.worded_features`).
    limit : reasons per entity.
    standings : who of the peers lies below and above, for the sentences.

    Returns
    -------
    rows of :data:`fraudml.contracts.REASONS`, most important first within an entity.
    """
    import pandas as pd

    story = stories(contributions, values, percentile, worded)
    names, groups = list(story), np.array(list(story.values()), dtype=int)
    if not names or contributions.empty:
        return empty_reasons()
    told = contributions[names].to_numpy()
    speaks = far_out(percentile.reindex(index=contributions.index, columns=names), worded) >= TELLING
    rows = []
    for place, entity in enumerate(contributions.index):
        mine = np.where(speaks[place], told[place], 0.0)
        mine = mine if (mine > 0).any() else told[place]
        joint = np.bincount(groups, np.maximum(mine, 0.0), minlength=groups.max() + 1)
        best: dict[int, int] = {}
        for column in np.lexsort((np.arange(len(names)), -mine)):
            if mine[column] <= 0:
                break
            best.setdefault(int(groups[column]), int(column))
        for group in sorted(best, key=lambda each: (-joint[each], names[best[each]]))[:limit]:
            rows.append((entity, names[best[group]], float(joint[group])))
    if not rows:
        return empty_reasons()
    frame = pd.DataFrame(rows, columns=["entity_id", "feature", "contribution"])
    for column, source in (("value", values), ("peer_median", median), ("peer_percentile", percentile)):
        cells = source.reindex(columns=names).to_numpy(dtype=float)
        frame[column] = cells[source.index.get_indexer(frame["entity_id"]), pd.Index(names).get_indexer(frame["feature"])]
    others = [None if standings is None else standings.of(row.entity_id, row.feature) for row in frame.itertuples(index=False)]
    for lang in ("zh", "en"):
        frame[f"text_{lang}"] = [
            told_feature(worded[row.feature], lang, row.value, row.peer_median, row.peer_percentile, beside)
            for row, beside in zip(frame.itertuples(index=False), others, strict=True)
        ]
    frame["unit"] = [worded[name].unit for name in frame["feature"]]
    frame["entity_type"] = entity_type
    return frame.assign(risk_without=np.nan)[list(REASONS)]


def stories(contributions: pd.DataFrame, values: pd.DataFrame, percentile: pd.DataFrame, worded: Mapping[str, Feature]) -> dict[str, int]:
    """The features that can be told, each with the number of its story: those of one number are one reason (:func:`alike`)."""
    names = [str(name) for name in contributions if name in worded and name in values]
    return dict(zip(names, alike(percentile.reindex(columns=names), worded).tolist(), strict=True)) if names else {}


def alike(percentile: pd.DataFrame, worded: Mapping[str, Feature]) -> np.ndarray:
    """Group number of each column: windows of one feature, and columns whose ranks among peers move together."""
    names = list(percentile)
    group = np.arange(len(names))
    table = percentile.iloc[:: max(1, len(percentile) // SAMPLED)].to_numpy(dtype=float)
    table = np.where(np.isnan(table), 50.0, table)
    spread = table.std(axis=0)
    ranks = (table - table.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    together = np.abs(ranks.T @ ranks) / max(len(table), 1) > ALIKE
    for first in range(len(names)):
        for second in range(first + 1, len(names)):
            one_story = worded[names[first]].base == worded[names[second]].base or together[first, second]
            # joined to the first of its group only, so that chains of weak likeness do not swallow everything
            if one_story and group[second] == second:
                group[second] = group[first]
    return group


def unusual(percentile: pd.DataFrame, push: pd.Series, worded: Mapping[str, Feature]) -> pd.DataFrame:
    """Contributions of single features to being an outlier, for entities that no model explains.

    Parameters
    ----------
    percentile : entities x features, standing among peers in [0, 100].
    push : what being an outlier adds to each entity's log-odds; shared out over the features.

    Returns
    -------
    entities x features: the push, shared out by how improbable each value is among peers, over those far out on their suspicious side.
    """
    import pandas as pd

    names = [name for name in percentile if name in worded]
    far = far_out(percentile[names], worded)
    weight = np.where(far >= UNUSUAL, -np.log1p(-np.minimum(far, 99.999) / 100), 0.0)
    total = weight.sum(axis=1, keepdims=True)
    parts = np.divide(weight, total, out=np.zeros_like(weight), where=total > 0)
    return pd.DataFrame(parts * push.reindex(percentile.index).to_numpy()[:, None], index=percentile.index, columns=names)


def far_out(percentile: pd.DataFrame, worded: Mapping[str, Feature]) -> np.ndarray:
    """How far out each value stands on its suspicious side, in [0, 100]; unknown values stand in the middle."""
    rank = np.nan_to_num(percentile.to_numpy(dtype=float), nan=50.0)
    side = np.array([worded[name].direction for name in percentile])
    return np.where(side == "high", rank, np.where(side == "low", 100 - rank, np.maximum(rank, 100 - rank)))


def rule_reasons(
    evidence: pd.DataFrame, hits: pd.DataFrame, push: pd.Series, rules: Mapping[str, Rule], entity_type: str, limit: int = MOST
) -> pd.DataFrame:
    """What rules found against each entity: one reason per rule, worded by its strongest piece of evidence.

    Parameters
    ----------
    evidence : :func:`fraudml.detectors.evidence.rule_evidence` of the entities to explain.
    hits : the pieces, with ``entity_id`` naming the entity to explain.
    push : what all rules together add to each entity's log-odds; shared out by worth.
    """
    import pandas as pd

    evidence = evidence[(evidence["worth"] > 0) & evidence["rule"].isin(list(rules))]
    evidence = evidence.groupby("entity_id", sort=False).head(limit)
    if evidence.empty:
        return empty_reasons()
    best = hits.sort_values(
        ["strength", "amount_in_question", "claim_id", "line_id", "facts"], ascending=[False, False, True, True, True], kind="stable"
    )
    best = best.drop_duplicates(["entity_id", "rule"])[["entity_id", "rule", "facts"]]
    frame = evidence.merge(best, on=["entity_id", "rule"])
    share = frame["worth"] / frame.groupby("entity_id")["worth"].transform("sum")
    frame["contribution"] = share * frame["entity_id"].map(push).astype(float)
    frame["feature"] = "rule:" + frame["rule"].astype("str")
    frame["value"] = frame["count"].astype(float)
    for lang in ("zh", "en"):
        frame[f"text_{lang}"] = [rules[rule].text(facts, lang) for rule, facts in zip(frame["rule"], frame["facts"], strict=True)]
    frame = frame.assign(entity_type=entity_type, unit="pieces", risk_without=np.nan)
    return pd.DataFrame(frame[list(REASONS)])


def ordered(parts: list[pd.DataFrame], limit: int = MOST) -> pd.DataFrame:
    """All reasons together, ``limit`` for each entity: first what can be checked on the bill, then what was learnt."""
    import pandas as pd

    parts = [part for part in parts if len(part)]
    if not parts:
        return empty_reasons()
    frame = pd.concat(parts, ignore_index=True)
    frame["learnt"] = ~frame["feature"].str.startswith("rule:")
    frame = frame.sort_values(
        ["entity_type", "entity_id", "learnt", "contribution", "feature"], ascending=[True, True, True, False, True], kind="stable"
    )
    return frame.drop(columns="learnt").groupby(["entity_type", "entity_id"], sort=False).head(limit).reset_index(drop=True)


def empty_reasons() -> pd.DataFrame:
    """No reasons, with the declared columns."""
    import pandas as pd

    return pd.DataFrame({name: pd.Series(dtype="float64" if type_ == "DOUBLE" else "str") for name, type_ in REASONS.items()})
