"""Exact Shapley values of LightGBM trees for many rows at once.

The values are those of path-dependent TreeSHAP (Lundberg et al. 2020), which LightGBM and shap compute too. A row's share of a leaf
depends only on which features of the leaf's path it agrees with, a pattern of bits. What each pattern gives is worked out once per leaf,
so that a row costs one look-up per leaf; leaves with long paths are worked out row by row. The sum over coalitions is an
integral of a polynomial of degree d - 1 over [0, 1], which Gauss and Legendre's rule with d/2 points gives exactly.

References
----------
Lundberg et al. 2020, From local explanations to global understanding with explainable AI for trees; Owen 1972, Multilinear extensions of
games (the integral); Nadel and Wettenstein 2025, WOODELF (the patterns).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numba
import numpy as np

from fraudml.detectors.flat_trees import FlatTrees, decide

LONGEST = 62  # features on one path: a pattern is one integer
TABLED = 10  # up to so many features on a path the patterns are worked out beforehand
BLOCK = 512  # rows at a time: their decisions at a tree's nodes stay in the cache


class LongPathError(ValueError):
    """A path of a tree bears more different features than a pattern has bits."""


class TreeShapley:
    """Shapley values of one LightGBM model.

    Parameters
    ----------
    trees : of a model with one output.

    Raises
    ------
    LongPathError
        When a path bears more than 62 different features.
    """

    def __init__(self, trees: FlatTrees) -> None:
        self.width, self._arrays = trees.width, trees.arrays
        # one rule of quadrature for each number of features on a path
        longest = int(np.diff(self._arrays["leaf_slots"]).max(initial=1))
        if longest > LONGEST:
            raise LongPathError(f"{longest} features on one path")
        points = (longest + 1) // 2
        self._points, self._weights = np.zeros((longest + 1, points)), np.zeros((longest + 1, points))
        for size in range(1, longest + 1):
            at, weight = np.polynomial.legendre.leggauss((size + 1) // 2)
            self._points[size, : len(at)], self._weights[size, : len(at)] = (at + 1) / 2, weight / 2

    def values(self, X: np.ndarray, threads: int) -> np.ndarray:
        """Contribution of every feature to the sum of the trees, rows x features, without the expected value."""
        columns = np.ascontiguousarray(X.T, dtype=np.float64)
        out = np.zeros((self.width, len(X)))
        a = self._arrays
        tabled = min(TABLED, max(0, int(np.log2(max(len(X), 1))) - 2))  # a table pays where there are more rows than patterns
        first, table = _tables(a["leaf_value"], a["leaf_slots"], a["slot_zero"], tabled, self._points, self._weights)
        bounds = np.linspace(0, len(X), max(1, threads) + 1).astype(int)

        kernel: Any = _contribute

        def part(start: int, end: int) -> None:
            kernel(columns[:, start:end], out[:, start:end], *a.values(), first, table, self._points, self._weights)

        with ThreadPoolExecutor(max(1, threads)) as pool:
            for done in [pool.submit(part, start, end) for start, end in pairwise(bounds) if end > start]:
                done.result()
        return out.T


@numba.njit(nogil=True, cache=True)
def _pattern(value, zero, agrees, points, weights, out):
    """What one pattern of agreement gives each feature of a leaf's path."""
    size = len(zero)
    out[:size] = 0.0
    for q in range((size + 1) // 2):
        t = points[size, q]
        product = weights[size, q] * value
        for i in range(size):
            product *= (1.0 - t) * zero[i] + (t if (agrees >> i) & 1 else 0.0)
        for i in range(size):
            one = 1.0 if (agrees >> i) & 1 else 0.0
            own = (1.0 - t) * zero[i] + t * one
            if own > 0.0:
                out[i] += (one - zero[i]) * product / own
            else:  # a way that no training row went: the product without this feature
                rest = weights[size, q] * value
                for j in range(size):
                    if j != i:
                        rest *= (1.0 - t) * zero[j] + (t if (agrees >> j) & 1 else 0.0)
                out[i] += (one - zero[i]) * rest


@numba.njit(nogil=True, cache=True)
def _tables(leaf_value, leaf_slots, slot_zero, tabled, points, weights):
    """Contributions by pattern of every leaf whose path is short enough, and where each leaf's begin (-1: not tabled)."""
    leaves = len(leaf_value)
    first = np.full(leaves, -1, dtype=np.int64)
    total = 0
    for leaf in range(leaves):
        size = leaf_slots[leaf + 1] - leaf_slots[leaf]
        if size <= tabled:
            first[leaf] = total
            total += size << size
    table = np.zeros(total)
    given = np.zeros(points.shape[0])
    for leaf in range(leaves):
        if first[leaf] >= 0:
            size = leaf_slots[leaf + 1] - leaf_slots[leaf]
            zero = slot_zero[leaf_slots[leaf] : leaf_slots[leaf + 1]]
            for agrees in range(1 << size):
                _pattern(leaf_value[leaf], zero, agrees, points, weights, given)
                for i in range(size):  # feature by feature, so that a feature's patterns lie together
                    table[first[leaf] + (i << size) + agrees] = given[i]
    return first, table


@numba.njit(nogil=True, cache=True)
def _contribute(
    X,
    out,
    tree_nodes,
    tree_leaves,
    feature,
    threshold,
    kind,
    missing,
    default_left,
    categories,
    category,
    leaf_value,
    leaf_slots,
    leaf_steps,
    slot_feature,
    slot_zero,
    step_node,
    step_left,
    step_slot,
    first,
    table,
    points,
    weights,
):
    """Adds the contributions of all trees to ``out``; both tables are features x rows, so that a block of rows lies together."""
    most = 1
    for tree in range(len(tree_leaves) - 1):
        most = max(most, tree_nodes[tree + 1] - tree_nodes[tree])
    left = np.zeros((most, BLOCK), dtype=np.bool_)
    agrees = np.zeros(BLOCK, dtype=np.int64)
    given = np.zeros(points.shape[0])
    for begin in range(0, X.shape[1], BLOCK):
        rows = min(BLOCK, X.shape[1] - begin)
        for tree in range(len(tree_leaves) - 1):
            base = tree_nodes[tree]
            for node in range(base, tree_nodes[tree + 1]):
                levels = category[categories[node] : categories[node + 1]]
                column = X[feature[node], begin : begin + rows]
                decide(column, kind[node], threshold[node], missing[node], default_left[node], levels, left[node - base])
            for leaf in range(tree_leaves[tree], tree_leaves[tree + 1]):
                start = leaf_slots[leaf]
                size = leaf_slots[leaf + 1] - start
                agrees[:rows] = (1 << size) - 1
                for step in range(leaf_steps[leaf], leaf_steps[leaf + 1]):
                    decided = left[step_node[step] - base]
                    slot, way = 1 << step_slot[step], step_left[step]
                    for row in range(rows):
                        agrees[row] &= ~(slot * (decided[row] != way))
                if first[leaf] >= 0:
                    for i in range(size):
                        target = out[slot_feature[start + i], begin : begin + rows]
                        values = table[first[leaf] + (i << size) : first[leaf] + ((i + 1) << size)]
                        for row in range(rows):
                            target[row] += values[agrees[row]]
                else:
                    for row in range(rows):
                        _pattern(leaf_value[leaf], slot_zero[start : start + size], agrees[row], points, weights, given)
                        for i in range(size):
                            out[slot_feature[start + i], begin + row] += given[i]
