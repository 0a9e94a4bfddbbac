"""Dense blocks of a bipartite graph by greedy peeling, resistant to camouflage (FRAUDAR).

Hooi, Song, Beutel, Shah, Shin & Faloutsos, "FRAUDAR: Bounding Graph Fraud in the Face of Camouflage", KDD 2016. The block maximises the
average weight per node ``g(S) = f(S) / |S|``. Edges into columns that everybody uses are worth less, ``1 / log(degree + 5)``, so that a
ring cannot hide by visiting busy places too. Greedy peeling is within a factor of two of the best block.
"""

from __future__ import annotations

import heapq

import numpy as np
from scipy import sparse


def camouflage_resistant(links: sparse.csr_array) -> sparse.csr_array:
    """The weights with each column's divided by ``log(degree + 5)``."""
    degree = np.bincount(links.indices, minlength=links.shape[1])
    return (links @ sparse.diags_array(1 / np.log(degree + 5.0))).tocsr()


def densest_block(weights: sparse.csr_array) -> tuple[np.ndarray, np.ndarray, float]:
    """Rows and columns of the block with the largest average weight per node, found by peeling the lightest node again and again.

    Parameters
    ----------
    weights : (rows x columns), non-negative.

    Returns
    -------
    rows, columns : numbers, ascending; empty for a matrix without weights.
    density : weight inside the block / number of its nodes.

    Notes
    -----
    Among equally light nodes the one with the lowest number goes first. O(edges x log nodes).
    """
    rows, columns = weights.shape
    by_row, by_column = weights.tocsr(), weights.tocsc()
    weight = np.concatenate([np.asarray(by_row.sum(axis=1)).ravel(), np.asarray(by_column.sum(axis=0)).ravel()])
    total = float(weight[:rows].sum())
    if total <= 0:
        return np.zeros(0, dtype=int), np.zeros(0, dtype=int), 0.0
    alive = np.ones(rows + columns, dtype=bool)
    heap = [(value, node) for node, value in enumerate(weight.tolist())]
    heapq.heapify(heap)
    peeled: list[int] = []
    best, best_at, left = total / (rows + columns), 0, rows + columns
    while left > 1:
        value, node = heapq.heappop(heap)
        if not alive[node] or value > weight[node]:
            continue  # an older entry: the node has become lighter or is gone
        alive[node] = False
        peeled.append(node)
        total -= weight[node]
        left -= 1
        matrix, offset, number = (by_row, rows, node) if node < rows else (by_column, 0, node - rows)
        for at in range(matrix.indptr[number], matrix.indptr[number + 1]):
            neighbour = int(matrix.indices[at]) + offset
            if alive[neighbour]:
                weight[neighbour] = max(0.0, weight[neighbour] - matrix.data[at])
                heapq.heappush(heap, (float(weight[neighbour]), neighbour))
        if total / left > best * (1 + 1e-12):
            best, best_at = total / left, len(peeled)
    kept = np.ones(rows + columns, dtype=bool)
    kept[peeled[:best_at]] = False
    return np.flatnonzero(kept[:rows]), np.flatnonzero(kept[rows:]), best


def dense_blocks(links: sparse.csr_array, limit: int = 10) -> list[tuple[np.ndarray, np.ndarray, float]]:
    """The densest block, then the densest of what remains without its edges, and so on, at most ``limit``."""
    remaining = camouflage_resistant(links)
    found = []
    for _ in range(limit):
        rows, columns, density = densest_block(remaining)
        if len(rows) < 2 or len(columns) < 2:
            break
        found.append((rows, columns, density))
        inside = remaining.tocoo()
        in_block = np.isin(inside.row, rows) & np.isin(inside.col, columns)
        remaining = sparse.coo_array(
            (inside.data[~in_block], (inside.row[~in_block], inside.col[~in_block])), shape=remaining.shape
        ).tocsr()
    return found
