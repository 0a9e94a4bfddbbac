"""LightGBM's trees as plain arrays, for what is worked out for many rows at once, and LightGBM's decisions at their nodes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numba
import numpy as np

ZERO = 1e-35  # LightGBM's own bound, for missing_type Zero
NUMBER, CATEGORY = 0, 1
NONE, AS_ZERO, AS_NAN = 0, 1, 2
_MISSING = {"None": NONE, "Zero": AS_ZERO, "NaN": AS_NAN}


class FlatTrees:
    """The trees of a model with one output.

    Parameters
    ----------
    booster : lightgbm.Booster

    Attributes
    ----------
    width : number of features.
    arrays : name -> array; nodes and leaves of all trees one after another, leaves from left to right (:class:`_Growing`).
    """

    def __init__(self, booster: Any) -> None:
        growing = _Growing()
        for tree in booster.dump_model()["tree_info"]:
            growing.add(tree["tree_structure"])
        growing.categories.append(len(growing.category))
        self.width = booster.num_feature()
        kinds = dict.fromkeys(("threshold", "leaf_value", "slot_zero"), np.float64) | dict.fromkeys(("default_left", "step_left"), np.bool_)
        self.arrays = {name: np.array(values, dtype=kinds.get(name, np.int64)) for name, values in vars(growing).items()}


@dataclass
class _Growing:
    """Arrays while they grow. Nodes, leaves, slots (features of a leaf's path) and steps (nodes of a leaf's path) lie one after another."""

    tree_nodes: list[int] = field(default_factory=lambda: [0])  # first node of each tree, and the end
    tree_leaves: list[int] = field(default_factory=lambda: [0])
    feature: list[int] = field(default_factory=list)
    threshold: list[float] = field(default_factory=list)
    kind: list[int] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    default_left: list[bool] = field(default_factory=list)
    categories: list[int] = field(default_factory=list)  # of a categorical node: first .. end in category
    category: list[int] = field(default_factory=list)
    leaf_value: list[float] = field(default_factory=list)
    leaf_slots: list[int] = field(default_factory=lambda: [0])
    leaf_steps: list[int] = field(default_factory=lambda: [0])
    slot_feature: list[int] = field(default_factory=list)
    slot_zero: list[float] = field(default_factory=list)  # share of training rows that go the path's way at this feature's nodes
    step_node: list[int] = field(default_factory=list)
    step_left: list[bool] = field(default_factory=list)
    step_slot: list[int] = field(default_factory=list)

    def add(self, root: dict[str, Any]) -> None:
        """Appends one tree of ``Booster.dump_model()``."""
        self._walk(root, [])
        self.tree_nodes.append(len(self.feature))
        self.tree_leaves.append(len(self.leaf_value))

    def _walk(self, node: dict[str, Any], path: list[tuple[int, bool, int, float]]) -> None:
        if "split_feature" not in node:
            self._leaf(float(node["leaf_value"]), path)
            return
        number = len(self.feature)
        self.feature.append(int(node["split_feature"]))
        self.missing.append(_MISSING[node["missing_type"]])
        self.default_left.append(bool(node["default_left"]))
        self.categories.append(len(self.category))
        if node["decision_type"] == "==":
            self.kind.append(CATEGORY)
            self.threshold.append(0.0)
            self.category += sorted(int(each) for each in str(node["threshold"]).split("||"))
        else:
            self.kind.append(NUMBER)
            self.threshold.append(float(node["threshold"]))
        rows = _rows(node)
        for name, left in (("left_child", True), ("right_child", False)):
            child = node[name]
            share = _rows(child) / rows if rows else 0.5
            self._walk(child, [*path, (number, left, int(node["split_feature"]), share)])

    def _leaf(self, value: float, path: list[tuple[int, bool, int, float]]) -> None:
        slots: dict[int, int] = {}
        zero: list[float] = []
        for number, left, feature, share in path:
            if feature not in slots:
                slots[feature] = len(zero)
                zero.append(1.0)
            zero[slots[feature]] *= share
            self.step_node.append(number)
            self.step_left.append(left)
            self.step_slot.append(slots[feature])
        self.leaf_value.append(value)
        self.slot_feature += list(slots)
        self.slot_zero += zero
        self.leaf_slots.append(len(self.slot_feature))
        self.leaf_steps.append(len(self.step_node))


def _rows(node: dict[str, Any]) -> float:
    return float(node["internal_count"] if "split_feature" in node else node.get("leaf_count", 0))


@numba.njit(nogil=True, cache=True)
def decide(x, kind, threshold, missing, default_left, categories, left):
    """Which rows of a block go left at a node, by LightGBM's own rules."""
    if kind == CATEGORY:
        for row in range(len(x)):
            known = x[row] >= 0  # neither missing nor negative
            level = np.int64(x[row]) if known else -1
            place = np.searchsorted(categories, level)
            left[row] = known and place < len(categories) and categories[place] == level
    elif missing == AS_NAN:
        for row in range(len(x)):
            left[row] = default_left if np.isnan(x[row]) else x[row] <= threshold
    else:
        for row in range(len(x)):
            value = 0.0 if np.isnan(x[row]) else x[row]
            left[row] = default_left if missing == AS_ZERO and abs(value) <= ZERO else value <= threshold
