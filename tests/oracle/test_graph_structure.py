"""The fast graph measures equal networkx, scipy and slow, obvious loops on small seeded graphs."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.stats import false_discovery_control

from fraudml.graph.blocks import camouflage_resistant, densest_block
from fraudml.graph.covisits import adjusted
from fraudml.graph.structure import coreness, hubs_and_authorities, pagerank, shared_counterparts

SEEDS = (0, 1, 2)


def bipartite(seed: int, rows: int = 12, columns: int = 8) -> sparse.csr_array:
    rng = np.random.default_rng(seed)
    links = rng.integers(1, 6, (rows, columns)) * (rng.random((rows, columns)) < 0.45)
    links[:, 0] = 1  # connected
    links[0, :] = 1
    return sparse.csr_array(links.astype(float))


def symmetric(links: sparse.csr_array) -> sparse.csr_array:
    return sparse.block_array([[None, links], [links.T, None]]).tocsr()


@pytest.mark.parametrize("seed", SEEDS)
def test_pagerank_equals_networkx(seed: int) -> None:
    weights = symmetric(bipartite(seed))
    theirs = nx.pagerank(nx.from_scipy_sparse_array(weights), alpha=0.85, tol=1e-14, max_iter=1000)
    assert pagerank(weights) == pytest.approx([theirs[node] for node in range(weights.shape[0])], abs=1e-10)


def test_personalised_pagerank_equals_networkx() -> None:
    weights = symmetric(bipartite(3))
    restart = np.zeros((weights.shape[0], 2))
    restart[[2, 5], 0] = 1
    restart[15, 1] = 1
    ours = pagerank(weights, restart)
    graph = nx.from_scipy_sparse_array(weights)
    for column, seeds in enumerate(([2, 5], [15])):
        theirs = nx.pagerank(graph, alpha=0.85, tol=1e-14, max_iter=1000, personalization=dict.fromkeys(seeds, 1.0))
        assert ours[:, column] == pytest.approx([theirs[node] for node in range(weights.shape[0])], abs=1e-10)


@pytest.mark.parametrize("seed", SEEDS)
def test_hubs_and_authorities_equal_networkx(seed: int) -> None:
    links = bipartite(seed)
    rows, columns = links.shape
    graph = nx.DiGraph()
    coo = links.tocoo()
    graph.add_weighted_edges_from(zip(coo.row.tolist(), (rows + coo.col).tolist(), coo.data.tolist(), strict=True))
    their_hubs, their_authorities = nx.hits(graph, max_iter=1000, tol=1e-14)
    hubs, authorities = hubs_and_authorities(links)
    assert hubs == pytest.approx([their_hubs[node] for node in range(rows)], abs=1e-7)
    assert authorities == pytest.approx([their_authorities[rows + node] for node in range(columns)], abs=1e-7)


@pytest.mark.parametrize("seed", SEEDS)
def test_coreness_equals_networkx(seed: int) -> None:
    weights = symmetric(bipartite(seed))
    theirs = nx.core_number(nx.from_scipy_sparse_array(weights))
    assert coreness(weights).tolist() == [theirs[node] for node in range(weights.shape[0])]


@pytest.mark.parametrize("seed", SEEDS)
def test_overlap_equals_networkx_clustering(seed: int) -> None:
    links = bipartite(seed)
    rows, columns = links.shape
    graph = nx.from_scipy_sparse_array(symmetric(links))
    theirs = nx.bipartite.latapy_clustering(graph, nodes=range(rows, rows + columns), mode="dot")
    mean, largest, nearest = shared_counterparts(links)
    assert mean == pytest.approx([theirs[rows + column] for column in range(columns)])
    people = [set(np.flatnonzero(links.toarray()[:, column])) for column in range(columns)]
    for column in range(columns):
        jaccard = [len(people[column] & other) / len(people[column] | other) if i != column else -1 for i, other in enumerate(people)]
        assert largest[column] == pytest.approx(max(jaccard))
        assert jaccard[nearest[column]] == pytest.approx(max(jaccard))


@pytest.mark.parametrize("seed", SEEDS)
def test_peeling_equals_the_slow_way(seed: int) -> None:
    weights = camouflage_resistant(bipartite(seed, rows=9, columns=7)).toarray()
    rows, columns = list(range(9)), list(range(7))
    best, kept = weights.sum() / 16, (rows[:], columns[:])
    while len(rows) + len(columns) > 1:
        inside = weights[np.ix_(rows, columns)]
        weight = [(w, node) for w, node in zip(inside.sum(axis=1), rows, strict=True)]
        weight += [(w, 9 + node) for w, node in zip(inside.sum(axis=0), columns, strict=True)]
        lightest = min(weight, key=lambda each: (round(each[0], 10), each[1]))[1]
        (rows.remove(lightest) if lightest < 9 else columns.remove(lightest - 9))
        density = weights[np.ix_(rows, columns)].sum() / (len(rows) + len(columns))
        if density > best + 1e-12:
            best, kept = density, (rows[:], columns[:])
    found_rows, found_columns, density = densest_block(sparse.csr_array(weights))
    assert density == pytest.approx(best)
    assert (found_rows.tolist(), found_columns.tolist()) == kept


def test_a_planted_block_is_peeled_out_of_its_camouflage() -> None:
    rng = np.random.default_rng(0)
    links = (rng.random((300, 120)) < 0.03).astype(float)
    links[:, :5] = rng.random((300, 5)) < 0.7  # busy columns that everybody uses
    links[:15, 100:112] = 1
    rows, columns, _ = densest_block(camouflage_resistant(sparse.csr_array(links)))
    assert rows.tolist() == list(range(15))
    assert set(range(100, 112)) <= set(columns.tolist())


def test_adjusted_p_values_equal_scipy() -> None:
    p = np.random.default_rng(0).random(50) ** 3
    assert adjusted(p, 50) == pytest.approx(false_discovery_control(p))
    padded = false_discovery_control(np.concatenate([p, np.ones(150)]))[:50]
    assert adjusted(p, 200) == pytest.approx(padded)


def test_expected_company_equals_counting(make_claims) -> None:
    """R31: the null model in slow, obvious loops: pairs, their visits, the days they would share."""
    from fraudml.graph.covisits import co_visits
    from fraudml.graph.edges import expose_encounters

    rng = np.random.default_rng(5)
    days = pd.date_range("2023-07-03", "2024-06-28")
    visits = [
        {"patient_id": f"P{rng.integers(12)}", "institution_id": f"H{rng.integers(2)}", "started_on": str(days[rng.integers(60)].date())}
        for _ in range(500)
    ]
    claims = make_claims(claims=visits, patients=[{"patient_id": f"P{i}", "address_group": f"A{i // 3}"} for i in range(12)])
    with claims.at("2024-06-30", months=12) as snapshot:
        expose_encounters(snapshot)
        fast = co_visits(snapshot).pairs.set_index(["patient_a", "patient_b"])
    present = pd.DataFrame(visits).drop_duplicates()
    present["day"] = pd.to_datetime(present["started_on"])
    home = {f"P{i}": i // 3 for i in range(12)}
    places = {}
    for place, at in present.groupby("institution_id"):
        sizes = at.groupby("day").size()
        once, twice = (sizes == 1).sum(), (sizes == 2).sum()
        places[place] = (at, sizes, min(365.0, len(sizes) + once * (once - 1) / (2 * (twice + 1))))
    assert len(fast) > 30
    for (a, b), row in fast.iterrows():
        shared = set(zip(*present.loc[present["patient_id"] == a, ["institution_id", "day"]].T.to_numpy(), strict=True))
        shared &= set(zip(*present.loc[present["patient_id"] == b, ["institution_id", "day"]].T.to_numpy(), strict=True))
        assert row["days"] == len({day for _, day in shared})
        explained = dict.fromkeys(("day", "month", "weekday", "address"), 0.0)
        for at, sizes, open_days in places.values():
            mine, other = at[at["patient_id"] == a], at[at["patient_id"] == b]
            total = sizes.sum()
            explained["day"] += len(mine) * len(other) * (sizes * (sizes - 1)).sum() / (total * (total - 1))
            for _, month in at.groupby(at["day"].dt.to_period("M")):
                both = (month["patient_id"] == a).sum() * (month["patient_id"] == b).sum()
                explained["month"] += both * min(1.0, 12 / open_days)
            for _, weekday in at.groupby(at["day"].dt.dayofweek):
                both = (weekday["patient_id"] == a).sum() * (weekday["patient_id"] == b).sum()
                explained["weekday"] += both * min(1.0, total / (open_days * len(weekday)))
            if home[a] == home[b]:
                group = at[at["patient_id"].map(home) == home[a]].groupby("day").size()
                explained["address"] += len(mine) * len(other) * (group * (group - 1)).sum() / (group.sum() * (group.sum() - 1))
        assert row["expected"] == pytest.approx(max(explained.values()), rel=1e-9), (a, b)
