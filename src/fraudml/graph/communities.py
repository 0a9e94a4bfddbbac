"""Groups within the pairs that the null model does not explain."""

from __future__ import annotations

import numpy as np
import pandas as pd

DENSITY = 0.5
"""Share of the pairs of a community that must be significant themselves."""


def communities(pairs: pd.DataFrame, seed: int = 0) -> list[list[str]]:
    """Leiden communities (Traag, Waltman & van Eck 2019) of the graph of significant pairs, the largest first.

    The quality is the constant Potts model with resolution 0.5 (Traag, Van Dooren & Nesterov 2011): unlike modularity it has no
    resolution limit, and it joins people only where at least half of their pairs are linked. Acquaintances of acquaintances make no ring.

    Parameters
    ----------
    pairs : patient_a, patient_b.

    Returns
    -------
    lists of at least two patient ids, each sorted.

    Notes
    -----
    Vertices are ordered by what they are (degree, degrees of their neighbours) and only ties by id, so that renaming ids changes
    nothing that can be told apart.
    """
    import igraph
    import leidenalg

    if pairs.empty:
        return []
    ids = pd.Index(pd.unique(pd.concat([pairs["patient_a"], pairs["patient_b"]], ignore_index=True))).sort_values()
    ends = np.column_stack([ids.get_indexer(pd.Index(pairs["patient_a"])), ids.get_indexer(pd.Index(pairs["patient_b"]))])
    degree = np.bincount(ends.ravel(), minlength=len(ids))
    around = np.bincount(ends.ravel(), weights=degree[ends[:, ::-1]].ravel(), minlength=len(ids))
    order = np.lexsort((np.arange(len(ids)), -around, -degree))
    number = np.empty(len(ids), dtype=int)
    number[order] = np.arange(len(ids))
    edges = np.sort(number[ends], axis=1)
    graph = igraph.Graph(n=len(ids), edges=edges[np.lexsort((edges[:, 1], edges[:, 0]))])
    found = leidenalg.find_partition(graph, leidenalg.CPMVertexPartition, resolution_parameter=DENSITY, seed=seed, n_iterations=-1)
    groups = [sorted(ids[order[members]]) for members in found if len(members) > 1]
    return sorted(groups, key=lambda group: (-len(group), group))


def widened(groups: list[list[str]], pairs: pd.DataFrame) -> list[list[str]]:
    """Each group with everybody who is paired with at least half of it; groups that gain nobody are left out.

    Parameters
    ----------
    groups : lists of patient ids.
    pairs : patient_a, patient_b.
    """
    from scipy import sparse

    if not groups or pairs.empty:
        return []
    ids = pd.Index(pd.unique(pd.concat([pairs["patient_a"], pairs["patient_b"]], ignore_index=True)))
    a, b = ids.get_indexer(pd.Index(pairs["patient_a"])), ids.get_indexer(pd.Index(pairs["patient_b"]))
    paired = sparse.coo_array((np.ones(2 * len(a)), (np.concatenate([a, b]), np.concatenate([b, a]))), shape=(len(ids), len(ids))).tocsr()
    inside = [np.unique(ids.get_indexer(pd.Index(group))[ids.get_indexer(pd.Index(group)) >= 0]) for group in groups]
    column = np.repeat(np.arange(len(groups)), [len(each) for each in inside])
    belongs = sparse.coo_array((np.ones(len(column)), (np.concatenate(inside), column)), shape=(len(ids), len(groups))).tocsr()
    linked = (paired @ belongs).tocoo()
    sizes = np.array([len(group) for group in groups])
    joins = linked.data >= DENSITY * sizes[linked.col]
    joining: dict[int, set[str]] = {}
    for row, number in zip(linked.row[joins], linked.col[joins], strict=True):
        joining.setdefault(int(number), set()).add(str(ids[row]))
    out = [sorted(set(groups[number]) | more) for number, more in sorted(joining.items())]
    return [group for number, group in zip(sorted(joining), out, strict=True) if len(group) > len(groups[number])]
