"""The pair edges as one weighted undirected graph in sparse matrices, and its classical node measures.

All iterations run on ``scipy.sparse``; coreness on igraph. The results equal networkx (tests/oracle).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

from fraudml.graph.edges import PAIRS, end_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

DAMPING = 0.85
TOLERANCE = 1e-12
MAX_ROUNDS = 500


@dataclass(frozen=True)
class GraphIndex:
    """All entities that have an edge, and the symmetric matrix of claims between them.

    Attributes
    ----------
    nodes : entity_type, entity_id; row number = node number, sorted.
    weights : (nodes x nodes) symmetric CSR matrix of claims in twelve months.
    """

    nodes: pd.DataFrame
    weights: sparse.csr_array

    def numbers(self, entity_type: str, ids: Sequence[str] | pd.Series | pd.Index) -> np.ndarray:
        """Node numbers of entities; -1 where an entity has no edge."""
        of_type = self.nodes["entity_type"] == entity_type
        first = int(of_type.to_numpy().argmax()) if of_type.any() else 0
        found = pd.Index(self.nodes.loc[of_type, "entity_id"]).get_indexer(pd.Index(ids))
        return np.where(found >= 0, found + first, -1)


def index_graph(edges: Mapping[str, pd.DataFrame]) -> GraphIndex:
    """Numbers the entities of all pair edges and joins the edges to one matrix."""
    ends = [
        pd.DataFrame({"entity_type": entity_type, "entity_id": edges[pair][column].astype("str")})
        for pair in PAIRS
        for (entity_type, _), column in zip(PAIRS[pair], end_columns(pair), strict=True)
    ]
    nodes = pd.concat(ends, ignore_index=True).drop_duplicates().sort_values(["entity_type", "entity_id"], ignore_index=True)
    empty = GraphIndex(nodes, sparse.csr_array((len(nodes), len(nodes))))
    rows, columns, weights = [], [], []
    for pair, ((left, _), (right, _)) in PAIRS.items():
        left_column, right_column = end_columns(pair)
        rows.append(empty.numbers(left, edges[pair][left_column]))
        columns.append(empty.numbers(right, edges[pair][right_column]))
        weights.append(edges[pair]["n_12m"].to_numpy(dtype=float))
    upper = sparse.coo_array((np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns))), shape=empty.weights.shape).tocsr()
    return GraphIndex(nodes, (upper + upper.T).tocsr())


def pagerank(weights: sparse.csr_array, restart: np.ndarray | None = None) -> np.ndarray:
    """Stationary distribution of a walk along the weights that restarts with probability 0.15 (Brin & Page 1998).

    Parameters
    ----------
    weights : (n x n) symmetric, non-negative.
    restart : (n,) or (n x k) non-negative, each column's sum > 0: where to restart (personalised PageRank, Haveliwala 2002);
        everywhere alike by default.

    Returns
    -------
    (n,) or (n x k), columns sum to one.
    """
    n = weights.shape[0]
    restart = np.ones(n) if restart is None else restart
    restart = restart / restart.sum(axis=0)
    strength = np.asarray(weights.sum(axis=0)).ravel()
    step = weights @ sparse.diags_array(np.divide(1.0, strength, out=np.zeros(n), where=strength > 0))
    stranded = strength == 0
    rank = restart.copy()
    for _ in range(MAX_ROUNDS):
        moved = DAMPING * (step @ rank + restart * rank[stranded].sum(axis=0)) + (1 - DAMPING) * restart
        change = np.abs(moved - rank).sum(axis=0).max()
        rank = moved
        if change < TOLERANCE:
            break
    return rank


def hubs_and_authorities(links: sparse.csr_array) -> tuple[np.ndarray, np.ndarray]:
    """HITS (Kleinberg 1999) of a bipartite matrix: rows point to columns; both results sum to one.

    The power iteration starts from equal hubs, which makes the result unique where the leading singular value is not simple.
    """
    rows, columns = links.shape
    if links.nnz == 0:
        return np.zeros(rows), np.zeros(columns)
    hubs = np.full(rows, 1 / rows)
    authorities = np.zeros(columns)
    for _ in range(MAX_ROUNDS):
        authorities = links.T @ hubs
        authorities /= authorities.sum()
        better = links @ authorities
        better /= better.sum()
        change = np.abs(better - hubs).sum()
        hubs = better
        if change < TOLERANCE:
            break
    return hubs, authorities


def coreness(weights: sparse.csr_array) -> np.ndarray:
    """Largest k such that the node belongs to the k-core (Seidman 1983)."""
    import igraph

    upper = sparse.triu(weights, k=1).tocoo()
    graph = igraph.Graph(n=weights.shape[0], edges=np.column_stack([upper.row, upper.col]))
    return np.asarray(graph.coreness(), dtype=float)


def shared_counterparts(links: sparse.csr_array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How far the columns of a bipartite matrix share their rows (patients of doctors, say).

    Returns
    -------
    mean : Jaccard similarity averaged over the columns that share a row: the bipartite clustering coefficient of Latapy, Magnien & Del
        Vecchio (2008), mode "dot"; 0 where none is shared.
    largest : the largest Jaccard similarity with another column.
    nearest : which column that is (the lowest number among equals), -1 without any.
    """
    present = links.copy()
    present.data = np.ones_like(present.data)
    degree = np.asarray(present.sum(axis=0)).ravel()
    shared = (present.T @ present).tocsr()
    shared.setdiag(0)
    shared.eliminate_zeros()
    shared.sort_indices()
    n = shared.shape[0]
    mean, largest, nearest = np.zeros(n), np.zeros(n), np.full(n, -1)
    of_row = np.repeat(np.arange(n), np.diff(shared.indptr))
    jaccard = shared.data / (degree[of_row] + degree[shared.indices] - shared.data)
    partners = np.diff(shared.indptr)
    np.divide(np.bincount(of_row, weights=jaccard, minlength=n), partners, out=mean, where=partners > 0)
    np.maximum.at(largest, of_row, jaccard)
    is_largest = jaccard == largest[of_row]
    owners, first = np.unique(of_row[is_largest], return_index=True)
    nearest[owners] = shared.indices[is_largest][first]
    return mean, largest, nearest
