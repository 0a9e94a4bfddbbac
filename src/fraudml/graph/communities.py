"""Groups within the pairs that the null model does not explain."""

from __future__ import annotations

import numpy as np
import pandas as pd


def communities(pairs: pd.DataFrame, seed: int = 0) -> list[list[str]]:
    """Leiden communities (Traag, Waltman & van Eck 2019) of the graph of significant pairs, the largest first.

    Parameters
    ----------
    pairs : patient_a, patient_b, days, expected: what chance leaves unexplained, ``days - expected``, is the weight.

    Returns
    -------
    lists of at least two patient ids, each sorted.

    Notes
    -----
    Vertices are ordered by what they are (degree and weight) and only ties by id, so that renaming ids changes nothing that can
    be told apart.
    """
    import igraph
    import leidenalg

    if pairs.empty:
        return []
    weight = (pairs["days"] - pairs["expected"]).to_numpy(dtype=float)
    both = pd.DataFrame({"id": pd.concat([pairs["patient_a"], pairs["patient_b"]], ignore_index=True), "weight": np.tile(weight, 2)})
    by_id = both.groupby("id")["weight"].agg(["size", "sum"]).reset_index().round(9)
    order = by_id.sort_values(["size", "sum", "id"], ascending=[False, False, True])["id"].reset_index(drop=True)
    number = pd.Index(order)
    ends = np.column_stack([number.get_indexer(pairs["patient_a"]), number.get_indexer(pairs["patient_b"])])
    ends.sort(axis=1)
    by_ends = np.lexsort((ends[:, 1], ends[:, 0]))
    graph = igraph.Graph(n=len(order), edges=ends[by_ends])
    found = leidenalg.find_partition(graph, leidenalg.ModularityVertexPartition, weights=weight[by_ends], seed=seed, n_iterations=-1)
    groups = [sorted(order[members]) for members in found if len(members) > 1]
    return sorted(groups, key=lambda group: (-len(group), group))
