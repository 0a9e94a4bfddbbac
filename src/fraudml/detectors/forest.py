"""Extremely randomised trees of scikit-learn, written in LightGBM's text format: one way to store, predict and explain all trees.

LightGBM's own ``extra_trees`` draws thresholds over the whole range of a column, so that most of them miss a deep node;
scikit-learn draws them inside the node, which is what makes these trees strong on small tables.
"""

from __future__ import annotations

from typing import Any

import numpy as np

FINITE_32 = 3e38  # scikit-learn's trees compare single-precision values
NUMERIC_NAN, DEFAULT_LEFT = 8, 2  # bits of LightGBM's decision_type: missing means NaN; missing goes left
COLUMNS_TRIED = (0.3, "sqrt")
"""Columns that a split chooses from, of every second tree: many find the few that matter among noise, few make trees differ."""


def grow_forest(
    X: np.ndarray, y: np.ndarray, weight: np.ndarray, trees: int, min_leaf: int, leaves: int | None, seed: int, threads: int | None
) -> str:
    """Grows a forest whose output is the share of positives, and returns it as LightGBM text."""
    from sklearn.ensemble import ExtraTreesClassifier

    grown: list[Any] = []
    for number, tried in enumerate(COLUMNS_TRIED):
        forest = ExtraTreesClassifier(
            (trees + number) // len(COLUMNS_TRIED),
            min_samples_leaf=min_leaf,
            max_leaf_nodes=leaves,
            max_features=tried,
            random_state=seed * len(COLUMNS_TRIED) + number,
            n_jobs=threads,
        )
        grown += forest.fit(single(X), y.astype(int), sample_weight=weight).estimators_
    positive = list(forest.classes_).index(1)
    header = [
        "tree",
        "version=v4",
        "num_class=1",
        "num_tree_per_iteration=1",
        "label_index=0",
        f"max_feature_idx={X.shape[1] - 1}",
        "objective=regression",
        "average_output",
        "feature_names=" + " ".join(f"Column_{number}" for number in range(X.shape[1])),
        "feature_infos=" + " ".join(["[-inf:inf]"] * X.shape[1]),
        "",
    ]
    blocks = [_tree(number, one.tree_, positive) for number, one in enumerate(grown)]
    return "\n".join([*header, *blocks, "end of trees", "", "parameters:", "end of parameters", ""])


def single(X: np.ndarray) -> np.ndarray:
    """Values as scikit-learn's trees see them: rounded to single precision."""
    return np.clip(X, -FINITE_32, FINITE_32).astype(np.float32)


def _tree(number: int, tree: Any, positive: int) -> str:
    is_leaf = tree.children_left < 0
    inner, leaves = np.flatnonzero(~is_leaf), np.flatnonzero(is_leaf)
    address = np.empty(tree.node_count, dtype=np.int64)
    address[inner] = np.arange(len(inner))
    address[leaves] = ~np.arange(len(leaves))
    value = tree.value[:, 0, positive] / tree.value[:, 0, :].sum(1)
    gain = tree.weighted_n_node_samples * tree.impurity
    fall = gain[inner] - gain[tree.children_left[inner]] - gain[tree.children_right[inner]]
    left = np.asarray(tree.missing_go_to_left, dtype=bool)[inner]
    lines = [
        f"Tree={number}",
        f"num_leaves={len(leaves)}",
        "num_cat=0",
        "split_feature=" + _list(tree.feature[inner]),
        "split_gain=" + _list(np.maximum(fall, 0)),
        "threshold=" + _list(tree.threshold[inner]),
        "decision_type=" + _list(np.where(left, NUMERIC_NAN + DEFAULT_LEFT, NUMERIC_NAN)),
        "left_child=" + _list(address[tree.children_left[inner]]),
        "right_child=" + _list(address[tree.children_right[inner]]),
        "leaf_value=" + _list(value[leaves]),
        "leaf_weight=" + _list(tree.weighted_n_node_samples[leaves]),
        "leaf_count=" + _list(tree.n_node_samples[leaves]),
        "internal_value=" + _list(value[inner]),
        "internal_weight=" + _list(tree.weighted_n_node_samples[inner]),
        "internal_count=" + _list(tree.n_node_samples[inner]),
        "is_linear=0",
        "shrinkage=1",
        "",
        "",
    ]
    return "\n".join(lines)


def _list(values: np.ndarray) -> str:
    return " ".join(map(repr, values.tolist()))
