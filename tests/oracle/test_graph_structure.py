"""The fast graph measures equal networkx, scipy and slow, obvious loops on small seeded graphs."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.stats import false_discovery_control

import fraudml as fm
from fraudml.graph.blocks import camouflage_resistant, densest_block
from fraudml.graph.covisits import adjusted
from fraudml.graph.structure import coreness, hubs_and_authorities, pagerank, shared_counterparts
from fraudml.graph.tails import log_chance_of_meetings

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
def test_what_a_claim_graph_says_equals_networkx_on_the_graph_that_it_hands_out(seed: int, make_claims) -> None:
    """From random claims: ego nets, degrees, strength, coreness, PageRank, and nearness to cases that were confirmed by the day."""
    rng = np.random.default_rng(seed)
    claims = [
        {"patient_id": f"P{rng.integers(15)}", "doctor_id": f"D{doctor}", "institution_id": f"H{doctor % 3}", "total_amount": 10.0 + n}
        for n, doctor in enumerate(rng.integers(0, 7, 60))
    ]
    decided = [("P1", True, "2024-05-01"), ("D2", True, "2024-06-30"), ("P2", True, "2024-07-01"), ("P3", False, "2024-05-01")]
    kinds = {"P": "patient", "D": "doctor"}
    labels = [
        {"entity_type": kinds[one[0]], "entity_id": one, "is_fraud": guilty, "scheme": "", "decided_on": on} for one, guilty, on in decided
    ]
    graph = fm.claim_graph(make_claims(claims=claims, labels=labels), as_of="2024-06-30")
    drawn = graph.to_networkx()
    ours = graph.measures.set_index("entity_id").loc[list(drawn.nodes)]
    for one in ("P1", "D2", "H0"):
        near = nx.ego_graph(drawn, one)
        mine = graph.ego(one)
        assert dict(mine.nodes(data=True)) == dict(near.nodes(data=True))
        assert {frozenset(ends) for ends in mine.edges} == {frozenset(ends) for ends in near.edges}
        assert all(mine.edges[ends] == drawn.edges[ends] for ends in mine.edges)
    for one in drawn.nodes:
        for kind in ("patient", "doctor", "institution"):
            others = [other for other in drawn[one] if drawn.nodes[other]["entity_type"] == kind]
            if others:
                assert ours.loc[one, f"{kind}_degree_12m"] == len(others)
                assert ours.loc[one, f"{kind}_strength_12m"] == sum(drawn.edges[one, other]["n"] for other in others)
    assert ours["core_number"].to_dict() == nx.core_number(drawn)

    def walk(seeds: list[str] | None) -> pd.Series:
        personal = None if seeds is None else dict.fromkeys(seeds, 1.0)
        return pd.Series(nx.pagerank(drawn, alpha=0.85, tol=1e-14, max_iter=2000, weight="n", personalization=personal))

    plain = walk(None)
    assert ours["pagerank"].to_numpy() == pytest.approx((plain * len(plain)).to_numpy(), rel=1e-7)
    near_cases = walk(["P1", "D2"]) / plain  # P2 is decided after the day, P3 was cleared
    near_cases["P1"], near_cases["D2"] = walk(["D2"])["P1"] / plain["P1"], walk(["P1"])["D2"] / plain["D2"]  # nobody by its own label
    assert ours["confirmed_proximity"].to_numpy() == pytest.approx(near_cases.to_numpy(), rel=1e-7)


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
        for _ in range(200)
    ]
    # market days at H3, a family at H4, strangers on other days at both; four-weekly visits, and weekly ones during a quarter
    crowd = [(f"P{i}", "H3", day) for i in (*range(4), *range(20, 26)) for day in (10, 50, 90, 130)]
    family = [(f"P{i}", "H4", day) for i in (6, 7, 8) for day in (11, 51, 91, 131 + i)]
    strangers = [(f"P{30 + i}", place, 3 * i) for place in ("H3", "H4") for i in range(70)]
    visits += [
        {"patient_id": patient, "institution_id": place, "started_on": str(days[day].date())}
        for patient, place, day in (*crowd, *family, *strangers)
    ]
    visits += [
        {"patient_id": f"P{i}", "institution_id": "H1", "started_on": str(days[1 + 28 * k].date())} for i in (1, 2) for k in range(13)
    ]
    visits += [
        {"patient_id": f"P{i}", "institution_id": "H0", "started_on": str(days[91 + 7 * k].date())} for i in (5, 9) for k in range(13)
    ]
    claims = make_claims(claims=visits, patients=[{"patient_id": f"P{i}", "address_group": f"A{i // 3}"} for i in range(100)])
    with claims.at("2024-06-30", months=12) as snapshot:
        expose_encounters(snapshot)
        fast = co_visits(snapshot).pairs.set_index(["patient_a", "patient_b"])
    present = pd.DataFrame(visits).drop_duplicates()
    present["day"] = pd.to_datetime(present["started_on"])
    home = {f"P{i}": i // 3 for i in range(100)}
    day = present["day"].dt
    weekday_of_month = day.strftime("%Y-%m ") + day.dayofweek.astype(str)
    rhythms = {
        "four_weeks": ((present["day"] - pd.Timestamp("2000-01-03")).dt.days % 28, 13),
        "day_of_month": (day.day, 12),
        "nth_weekday": (day.dayofweek.astype(str) + " " + ((day.day - 1) // 7).astype(str), 12),
        "weekday_of_month": (weekday_of_month, 4),
    }
    assert len(fast) > 30
    decisive = set()
    for (a, b), row in fast.iterrows():
        shared = set(zip(*present.loc[present["patient_id"] == a, ["institution_id", "day"]].T.to_numpy(), strict=True))
        shared &= set(zip(*present.loc[present["patient_id"] == b, ["institution_id", "day"]].T.to_numpy(), strict=True))
        assert row["days"] == len({on for _, on in shared})
        expected = 0.0
        for _, at in present.groupby("institution_id"):
            sizes = at.groupby("day").size()
            once, twice = (sizes == 1).sum(), (sizes == 2).sum()
            open_days = min(365.0, len(sizes) + once * (once - 1) / (2 * (twice + 1)))
            mine, other = at[at["patient_id"] == a], at[at["patient_id"] == b]
            if mine.empty or other.empty:
                continue
            explained = dict.fromkeys(("month", "weekday", "address"), 0.0)
            on_mine = (sizes[mine["day"]] - 1).sum() / (len(at) - len(mine))
            on_other = (sizes[other["day"]] - 1).sum() / (len(at) - len(other))
            explained["crowd"] = (len(other) * on_mine + len(mine) * on_other) / 2
            for _, month in at.groupby(at["day"].dt.to_period("M")):
                both = (month["patient_id"] == a).sum() * (month["patient_id"] == b).sum()
                explained["month"] += both * min(1.0, 12 / open_days)
            for _, weekday in at.groupby(at["day"].dt.dayofweek):
                both = (weekday["patient_id"] == a).sum() * (weekday["patient_id"] == b).sum()
                explained["weekday"] += both * min(1.0, len(at) / (open_days * len(weekday)))
            for name, (stratum, of_year) in rhythms.items():
                for _, phase in at.groupby(stratum[at.index]):
                    counts = [(phase["patient_id"] == one).sum() for one in (a, b)]
                    if min(counts) >= max(2, of_year / 3):
                        explained[name] = explained.get(name, 0.0) + counts[0] * counts[1] / of_year
            if home[a] == home[b]:
                group = at[at["patient_id"].map(home) == home[a]].groupby("day").size()
                explained["address"] += len(mine) * len(other) * (group * (group - 1)).sum() / (group.sum() * (group.sum() - 1))
            decisive.add(max(explained, key=lambda name: explained[name]))
            expected += max(explained.values())
        assert row["expected"] == pytest.approx(expected * row["days"] / len(shared), rel=1e-9), (a, b)
    assert {"crowd", "address", "four_weeks", "weekday_of_month"} <= decisive


@pytest.mark.parametrize(("size", "presence", "days"), [(4, 0.1, 20), (6, 0.05, 60), (10, 0.3, 12)])
def test_the_chance_of_meetings_is_never_understated(size: int, presence: float, days: int) -> None:
    """R31: the bound lies above the frequency, among random groups, of at least as many meetings."""
    rng = np.random.default_rng(size)
    there = rng.binomial(size, presence, (20_000, days))
    meetings, excess = (there * (there - 1) / 2).sum(axis=1), np.maximum(there - 1, 0).sum(axis=1)
    mean = days * size * (size - 1) / 2 * presence**2
    told = [
        log_chance_of_meetings(m, e, d, mean, mean * (1 + 2 * size * presence), size)
        for m, e, d in zip(meetings[:2000], excess[:2000], (there[:2000] > 1).sum(axis=1), strict=True)
    ]
    for level in (0.3, 0.1, 0.03, 0.01):
        assert (np.exp(told) <= level).mean() <= level
    many = log_chance_of_meetings(
        size * (size - 1) / 2 * days * 0.8, (size - 1) * days * 0.8, days, mean, mean * (1 + 2 * size * presence), size
    )
    assert many < np.log(1e-6)


def test_expected_company_of_a_group_equals_counting(make_claims) -> None:
    """R31: of each explanation the sum over pairs, the crowd made by outsiders only."""
    from fraudml.graph.covisits import co_visits
    from fraudml.graph.edges import expose_encounters
    from fraudml.graph.habits import expected_company

    rng = np.random.default_rng(8)
    days = pd.date_range("2023-07-03", "2024-06-28")
    market = [30, 95, 141, 203, 262]  # half of all visits
    chosen = [int(rng.choice(market)) if rng.random() < 0.5 else int(rng.integers(300)) for _ in range(500)]
    visits = pd.DataFrame(
        [{"patient_id": f"P{rng.integers(60)}", "institution_id": "H0", "day": days[day]} for day in chosen]
    ).drop_duplicates()
    group = [f"P{i}" for i in range(10)]
    with make_claims(claims=visits.assign(started_on=visits["day"].astype(str)).drop(columns="day").to_dict("records")).at(
        "2024-06-30", months=12
    ) as snapshot:
        expose_encounters(snapshot)
        co_visits(snapshot)
        found = expected_company(snapshot, [group]).iloc[0]
    inside = visits[visits["patient_id"].isin(group)]
    outside = visits[~visits["patient_id"].isin(group)].groupby("day").size()
    own = inside.groupby("patient_id")["day"].agg(["size", lambda on: outside.reindex(on, fill_value=0).sum() / outside.sum()])
    mean = sum(
        (own.iloc[i, 0] * own.iloc[j, 1] + own.iloc[j, 0] * own.iloc[i, 1]) / 2 for i in range(len(own)) for j in range(i + 1, len(own))
    )
    assert found["mean"] == pytest.approx(mean, rel=1e-9)
    assert found["variance"] == pytest.approx(mean * (1 + 2 * own.iloc[:, 1].sum()), rel=1e-9)
