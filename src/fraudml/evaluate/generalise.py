"""Does a model carry over: to decisions made later, and to schemes that nobody had confirmed when it learnt?"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from fraudml.evaluate.held_out import latest
from fraudml.evaluate.metrics import ranking_metrics

if TYPE_CHECKING:
    import pandas as pd

FEWEST_CASES = 5  # of a kind, below which a figure says nothing

Learn = Callable[[Any], Callable[[Any], np.ndarray]]
"""From a learning set to a function that gives the risk of the rows of another; entities that were learnt from are judged unseen."""


def forward(rows: Any, usual_delay: int, learn: Learn) -> dict[str, float]:
    """Learns what was known some time ago, judges what was decided since: split by time, and no entity on both sides.

    Parameters
    ----------
    rows : a learning set (``fraudml.stages.learning_set.LearningSet``) of an entity type other than claims: its rows bear days.
    usual_delay : days that a decision usually takes; the newest behaviour learnt from lies as long before what is judged.

    Returns
    -------
    ``forward.auc``, ``forward.average_precision``, ``forward.entities``, ``forward.cases``; empty where either side has too few cases.
    """
    import pandas as pd

    decided_on = pd.to_datetime(rows.cases["decided_on"])
    days = pd.to_datetime(pd.Series(rows.days))
    newest = days.max()
    cut = days[days <= newest - pd.Timedelta(days=usual_delay)].max()
    if pd.isna(cut):
        return {}
    earlier = rows.decided & (decided_on <= cut).to_numpy() & (days <= cut).to_numpy()
    later = rows.decided & (decided_on > cut).to_numpy() & (days == newest).to_numpy()
    later &= ~np.isin(rows.groups, rows.groups[earlier])
    if min(_cases(rows, earlier, 1), _cases(rows, earlier, 0), _cases(rows, later, 1), _cases(rows, later, 0)) < FEWEST_CASES:
        return {}
    figures = ranking_metrics(rows.y[later], learn(rows.rows(earlier))(rows.rows(later)), capacities=())
    return {
        "forward.auc": figures["auc"],
        "forward.average_precision": figures["average_precision"],
        "forward.entities": figures["rows"],
        "forward.cases": figures["positives"],
    }


def _cases(rows: Any, chosen: np.ndarray, kind: int) -> int:
    return len(set(rows.groups[chosen & (rows.y == kind)]))


def unseen_schemes(
    sets: dict[str, Any],
    learn: Learn,
    usual: dict[str, np.ndarray],
    without_rule: Callable[[str, Any, str], Any],
    first: int,
) -> pd.DataFrame:
    """Leaves each scheme out of what is learnt and looks for its cases near the top of one list of all entities.

    Parameters
    ----------
    sets : learning sets by target, all of them ranked in one list (entity types, not claims).
    learn : how a model is learnt.
    usual : risk of the rows of each set by the model that learnt from everything; what the scheme's cases are ranked among.
    without_rule : (target, learning set, scheme) -> the learning set as if the scheme's own rule did not exist.
    first : length of the list.

    Returns
    -------
    One row per scheme with at least :data:`FEWEST_CASES` confirmed entities: ``scheme, cases``, ``recall`` (share of them among the first
    entities, learnt without them), ``recall_without_rule`` (and without the scheme's own rule), ``recall_learnt`` (the model in use).
    """
    import pandas as pd

    ranked = {target: (rows, latest(rows.groups) & (rows.population > 0)) for target, rows in sets.items()}
    schemes: dict[str, int] = {}
    for rows, last in ranked.values():
        for scheme, count in rows.cases["scheme"][last & (rows.y == 1)].value_counts().items():
            schemes[str(scheme)] = schemes.get(str(scheme), 0) + int(count)
    lines = []
    for scheme, count in sorted(schemes.items()):
        if count < FEWEST_CASES:
            continue
        blind, bare = dict(usual), dict(usual)
        for target, (rows, _) in ranked.items():
            mine = (rows.cases["scheme"] == scheme).to_numpy() & (rows.y == 1)
            if not mine.any():
                continue
            bereft = without_rule(target, rows, scheme)
            blind[target] = _learnt_without(learn, rows, mine, usual[target])
            bare[target] = _learnt_without(learn, bereft, mine, usual[target])
        lines.append(
            {
                "scheme": scheme,
                "cases": count,
                "recall": _recall(ranked, blind, scheme, first),
                "recall_without_rule": _recall(ranked, bare, scheme, first),
                "recall_learnt": _recall(ranked, usual, scheme, first),
            }
        )
    return pd.DataFrame(lines, columns=["scheme", "cases", "recall", "recall_without_rule", "recall_learnt"])


def _learnt_without(learn: Learn, rows: Any, mine: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """Risk of all rows by a model that learnt without the entities of ``mine``; where too little is left to learn, the usual risk."""
    rest = ~np.isin(rows.groups, rows.groups[mine])
    if min(_cases(rows, rest, 1), _cases(rows, rest & (rows.weight > 0), 0)) < FEWEST_CASES:
        return np.where(mine, 0.0, usual)
    return learn(rows.rows(rest))(rows)


def _recall(ranked: dict[str, Any], risk: dict[str, np.ndarray], scheme: str, first: int) -> float:
    scores, weights, found = [], [], []
    for target, (rows, last) in ranked.items():
        scores.append(risk[target][last])
        weights.append(rows.population[last])
        found.append(((rows.cases["scheme"] == scheme).to_numpy() & (rows.y == 1))[last].astype(float))
    y, weight = np.concatenate(found), np.concatenate(weights)
    length = min(first, int(weight.sum()))
    return ranking_metrics(y, np.concatenate(scores), weight, (length,))[f"recall_at_{length}"]
