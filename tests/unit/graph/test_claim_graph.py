"""Edges, measures, neighbourhoods and their wording; point in time, row order, missing tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import fraudml as fm
from fraudml.config import read_yaml
from fraudml.contracts import RINGS
from fraudml.errors import FraudmlError
from fraudml.graph import PAIRS
from fraudml.graph.tables import arrow_tables
from fraudml.resources import resource

AS_OF = "2024-06-30"
CLAIMS: list[dict[str, Any]] = [
    {"patient_id": "P1", "institution_id": "H1", "doctor_id": "D1", "started_on": "2024-06-10", "total_amount": 50.0},
    {"patient_id": "P1", "institution_id": "H1", "doctor_id": "D1", "started_on": "2024-04-10", "total_amount": 70.0},
    {"patient_id": "P1", "institution_id": "H2", "doctor_id": "D2", "started_on": "2023-08-10", "total_amount": 90.0},
    {"patient_id": "P2", "institution_id": "H1", "doctor_id": "D1", "started_on": "2024-06-11", "total_amount": 40.0},
    {
        "patient_id": "P2",
        "institution_id": "Y1",
        "visit_type": "pharmacy",
        "doctor_id": "CASHIER",
        "prescribing_institution_id": "H1",
        "prescribing_doctor_id": "D1",
        "started_on": "2024-06-11",
        "total_amount": 30.0,
    },
    {"patient_id": "P3", "institution_id": "H1", "doctor_id": "D1", "started_on": "2023-06-10"},  # more than twelve months ago
]


def test_edges_count_and_sum_each_window(make_claims) -> None:
    edges = fm.claim_graph(make_claims(claims=CLAIMS), as_of=AS_OF).edges
    assert set(edges) == set(PAIRS)
    met = edges["patient_doctor"].set_index(["patient_id", "doctor_id"])
    assert met.loc[("P1", "D1"), ["n_1m", "n_3m", "n_12m"]].tolist() == [1, 2, 2]
    assert met.loc[("P1", "D1"), ["amount_1m", "amount_3m", "amount_12m"]].tolist() == [50.0, 120.0, 120.0]
    assert met.loc[("P1", "D2"), ["n_1m", "n_3m", "n_12m"]].tolist() == [0, 0, 1]
    assert len(met) == 3  # no cashier, nobody of last year
    assert edges["prescriber_pharmacy"][["doctor_id", "pharmacy_id", "n_12m"]].to_numpy().tolist() == [["D1", "Y1", 1]]
    assert edges["patient_pharmacy"][["patient_id", "pharmacy_id"]].to_numpy().tolist() == [["P2", "Y1"]]
    assert set(edges["patient_institution"]["institution_id"]) == {"H1", "H2"}


def test_a_refunded_claim_makes_no_edge(make_claims) -> None:
    back = {"claim_id": "B1", "patient_id": "P1", "institution_id": "H2", "doctor_id": "D2", "is_refund": True, "refund_of": "C3"}
    claims = make_claims(claims=[*CLAIMS, back | {"started_on": "2023-08-20", "total_amount": -90.0}])
    assert "D2" not in set(fm.claim_graph(claims, as_of=AS_OF).edges["patient_doctor"]["doctor_id"])


def test_measures_by_hand(make_claims) -> None:
    people = [
        {"patient_id": "P1", "longitude": 120.0, "latitude": 30.0, "address_group": "A1"},
        {"patient_id": "P2", "longitude": 120.0, "latitude": 30.0, "address_group": "A1"},
    ]
    places = [
        {"institution_id": "H1", "longitude": 120.0, "latitude": 30.1},
        {"institution_id": "Y1", "longitude": 120.0, "latitude": 30.2},
    ]
    measures = fm.claim_graph(make_claims(claims=CLAIMS, patients=people, institutions=places), as_of=AS_OF).measures
    table = measures.set_index(["entity_type", "entity_id"])
    patient = table.loc[("patient", "P1")]
    assert patient["doctor_degree_12m"] == 2
    assert patient["doctor_strength_12m"] == 3
    assert patient["doctor_concentration_12m"] == pytest.approx(5 / 9)
    assert patient["doctor_top_share_12m"] == pytest.approx(2 / 3)
    assert patient["travel_max_12m"] == pytest.approx(11.12, abs=0.01)
    assert table.loc[("pharmacy", "Y1"), "travel_mean_12m"] == pytest.approx(22.24, abs=0.01)
    assert table.loc[("pharmacy", "Y1"), "prescriber_degree_12m"] == 1
    assert table.loc[("doctor", "D1"), "pharmacy_degree_12m"] == 1
    assert table.loc[("institution", "H1"), "address_top_share_12m"] == 1
    assert table["pagerank"].mean() == pytest.approx(1)
    assert table["ring_score"].between(0, 1).all()
    assert pd.isna(table.loc[("patient", "P1"), "confirmed_proximity"])


def test_pharmacies_passed(make_claims) -> None:
    """R24: the nearest pharmacy is passed on the way to the second nearest."""
    sales = [{"patient_id": "P1", "institution_id": shop, "visit_type": "pharmacy"} for shop in ("Y1", "Y2", "Y2", "Y2")]
    places = [{"institution_id": f"Y{i}", "longitude": 120.0, "latitude": 30.0 + i / 10} for i in (1, 2)]
    claims = make_claims(claims=sales, patients=[{"patient_id": "P1", "longitude": 120.0, "latitude": 30.0}], institutions=places)
    table = fm.claim_graph(claims, as_of=AS_OF).measures.set_index("entity_id")["pharmacies_passed_12m"]
    assert table.to_dict() == {"P1": 0.75, "Y1": 0.0, "Y2": 1.0}


def test_a_place_with_half_a_coordinate_is_on_no_map(make_claims) -> None:
    """One latitude left out of the register of institutions stopped the graph of the whole city."""
    sold = {"visit_type": "pharmacy", "prescribing_institution_id": "H1", "prescribing_doctor_id": "D1"}
    claims = make_claims(
        claims=[{"institution_id": "H2", "patient_id": "P2"}, *(sold | {"institution_id": shop} for shop in ("Y1", "Y2"))],
        institutions=[
            {"institution_id": "H1", "longitude": 120.1},
            {"institution_id": "Y1", "longitude": 120.1, "latitude": 30.1},
            {"institution_id": "Y2", "latitude": 30.1},
        ],
        patients=[{"patient_id": "P1", "longitude": 120.1}, {"patient_id": "P2", "longitude": 120.1, "latitude": 30.1}],
    )
    assert len(fm.claim_graph(claims, as_of="2024-06-30").edges["prescriber_pharmacy"]) == 2


def test_confirmed_cases_spread_but_never_to_themselves_and_never_early(make_claims) -> None:
    labels = [
        {"entity_type": "doctor", "entity_id": "D1", "is_fraud": True, "scheme": "", "decided_on": "2024-05-01"},
        {"entity_type": "doctor", "entity_id": "D2", "is_fraud": False, "scheme": "", "decided_on": "2024-05-01"},
        {"entity_type": "patient", "entity_id": "P1", "is_fraud": True, "scheme": "", "decided_on": "2024-07-15"},
    ]
    apart = {"patient_id": "P8", "institution_id": "H8", "doctor_id": "D8"}
    measures = fm.claim_graph(make_claims(claims=[*CLAIMS, apart], labels=labels), as_of=AS_OF).measures
    near = measures.set_index("entity_id")["confirmed_proximity"]
    assert near["P1"] > 1
    assert near["D8"] == 0
    assert pd.isna(near["D1"])  # its own label is the only one


def test_every_measure_is_worded_and_every_wording_is_a_measure(make_claims) -> None:
    measures = fm.claim_graph(make_claims(claims=CLAIMS), as_of=AS_OF).measures
    declared = {
        kind: {f"{name}_12m" if entry.get("windows") else name for name, entry in entries.items()}
        for kind, entries in read_yaml(resource("features") / "graph.yaml").items()
    }
    assert set.union(*declared.values()) == set(measures.columns) - {"entity_type", "entity_id", "as_of"}
    filled = measures.groupby("entity_type").apply(lambda rows: set(rows.columns[rows.notna().any()])).to_dict()
    for kind, columns in filled.items():
        assert columns - {"entity_type", "entity_id", "as_of"} <= declared[kind], kind
    for kind, entries in read_yaml(resource("features") / "graph.yaml").items():
        for name, entry in entries.items():
            assert {"unit", "direction", "zh", "en", "serves", "benign"} <= entry.keys(), (kind, name)


def test_ego_and_networkx(make_claims) -> None:
    graph = fm.claim_graph(make_claims(claims=CLAIMS), as_of=AS_OF)
    around = graph.ego("P2")
    assert set(around.nodes) == {"P2", "D1", "H1", "Y1"}
    assert around.nodes["Y1"] == {"entity_type": "pharmacy", "entity_id": "Y1"}
    assert around.edges["P2", "D1"] == {"n": 1, "amount": 40.0}
    assert around.has_edge("D1", "Y1")
    assert graph.to_networkx().number_of_edges() == sum(len(frame) for frame in graph.edges.values())
    with pytest.raises(FraudmlError, match="unknown_entity"):
        graph.ego("NOBODY")


def test_an_id_of_two_kinds_of_entity_is_asked_back(make_claims) -> None:
    graph = fm.claim_graph(make_claims(claims=[{"patient_id": "1", "doctor_id": "1", "institution_id": "H1"}]), as_of=AS_OF)
    with pytest.raises(FraudmlError, match="ambiguous"):
        graph.ego("1")
    assert set(graph.ego("1", "doctor").nodes) == {"patient:1", "doctor:1", "H1"}


@pytest.mark.parametrize(
    "claims",
    [
        [{"doctor_id": None}],
        [{"institution_id": "Y1", "visit_type": "pharmacy"}],
        [{"started_on": "2025-01-01"}],
        [{"institution_id": "H1", "total_amount": 0.0}],
    ],
)
def test_little_or_nothing_gives_empty_tables_with_the_right_columns(make_claims, claims) -> None:
    tables = arrow_tables(fm.claim_graph(make_claims(claims=claims), as_of=AS_OF))
    assert tables["rings"].num_rows == 0
    assert tables["rings"].column_names == list(RINGS)
    assert tables["measures"].column_names[:3] == ["entity_type", "entity_id", "as_of"]
    assert {f"edges_{pair}" for pair in PAIRS} <= tables.keys()


def random_claims(seed: int = 0) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    days = pd.date_range("2023-07-03", "2024-06-28")
    ring = [(person, place, day) for day in rng.choice(360, 12, replace=False) for person, place in ((p, int(day) % 3) for p in range(7))]
    quiet = [(int(rng.integers(7, 120)), int(rng.integers(6)), int(rng.integers(360))) for _ in range(1500)]
    return [
        {
            "claim_id": f"C{number}",
            "patient_id": f"P{person}",
            "institution_id": f"H{place}",
            "doctor_id": f"D{place}",
            "started_on": str(days[day].date()),
        }
        for number, (person, place, day) in enumerate(ring + quiet)
    ]


def test_row_order_and_the_future_change_nothing(make_claims, tmp_path) -> None:
    rows = random_claims()
    plain = fm.claim_graph(make_claims(claims=rows, data_dir=tmp_path / "plain"), as_of="2024-05-31")
    late = [{"patient_id": f"P{i}", "institution_id": "H0", "started_on": "2024-06-03", "claim_id": f"L{i}"} for i in range(50)]
    mixed = [(late + rows)[at] for at in np.random.default_rng(1).permutation(len(late) + len(rows))]
    other = fm.claim_graph(make_claims(claims=mixed, data_dir=tmp_path / "mixed"), as_of="2024-05-31")
    assert len(plain.rings) == 1
    pd.testing.assert_frame_equal(plain.rings, other.rings)
    pd.testing.assert_frame_equal(plain.measures, other.measures)
    for pair in PAIRS:
        pd.testing.assert_frame_equal(plain.edges[pair], other.edges[pair])


def test_renamed_ids_give_the_same_rings(make_claims, tmp_path) -> None:
    rows = random_claims()
    renamed = [row | {"patient_id": f"Q{997 * int(row['patient_id'][1:]) % 1009}"} for row in rows]
    names = {f"P{i}": f"Q{997 * i % 1009}" for i in range(120)}
    plain = fm.claim_graph(make_claims(claims=rows, data_dir=tmp_path / "plain"), as_of=AS_OF)
    other = fm.claim_graph(make_claims(claims=renamed, data_dir=tmp_path / "renamed"), as_of=AS_OF)

    def people(graph) -> list[set[str]]:
        return [{m["entity_id"] for m in members if m["entity_type"] == "patient"} for members in graph.rings["members"]]

    assert [{names[one] for one in each} for each in people(plain)] == people(other)
    ours = plain.measures.assign(entity_id=plain.measures["entity_id"].map(lambda one: names.get(one, one)))
    ours = ours.sort_values(["entity_type", "entity_id"], ignore_index=True)
    pd.testing.assert_frame_equal(ours, other.measures, rtol=1e-9)


def test_timeline(make_claims) -> None:
    graph = fm.claim_graph(make_claims(claims=random_claims()), as_of=AS_OF)
    ring = graph.rings.iloc[0]
    line = graph.timeline(ring["ring_id"])
    assert sorted(line["claim_id"]) == ring["claim_ids"]
    assert line["met_on"].is_monotonic_increasing
    with pytest.raises(FraudmlError, match="unknown_ring"):
        graph.timeline("G0")


def test_a_graph_shows_itself_in_a_line_and_compares_by_identity(make_claims) -> None:
    claims = make_claims(claims=CLAIMS)
    graph, again = fm.claim_graph(claims, as_of=AS_OF), fm.claim_graph(claims, as_of=AS_OF)
    assert repr(graph) == (
        "<ClaimGraph as of 2024-06-30: 7 entities, edges: 3 patient_doctor, 3 patient_institution, 1 patient_pharmacy,"
        " 2 doctor_institution, 1 prescriber_pharmacy; 0 rings>"
    )
    assert graph == graph and graph != again and len({graph, again}) == 2


def test_what_is_no_claims_or_no_kind_of_entity_is_said(make_claims) -> None:
    with pytest.raises(FraudmlError, match=r"\[graph.claims\] str is no open claims. Give fm.open_claims"):
        fm.claim_graph("data", as_of=AS_OF)  # type: ignore[arg-type]
    graph = fm.claim_graph(make_claims(claims=CLAIMS), as_of=AS_OF)
    with pytest.raises(FraudmlError, match=r"\[graph.entity_type\] “nurse” .*Kinds: patient, doctor"):
        graph.ego("P1", "nurse")
    with pytest.raises(FraudmlError, match=r"\[graph.unknown_entity\] doctor P1 met nobody"):
        graph.ego("P1", "doctor")


def test_months_without_a_claim_are_said(make_claims, caplog: pytest.LogCaptureFixture) -> None:
    graph = fm.claim_graph(make_claims(claims=CLAIMS), as_of="2034-06-30")
    assert graph.to_networkx().number_of_nodes() == 0
    assert "nobody met anybody in the 12 months up to 2034-06-30" in caplog.text


def test_written_decisions_are_read_and_unclear_ones_refused(make_claims) -> None:
    claims = make_claims(claims=CLAIMS)
    path = claims.data_dir / "labels.parquet"
    labels = pd.DataFrame({"entity_type": "doctor", "entity_id": ["D1", "D2"], "is_fraud": ["true", "false"], "decided_on": "2024-01-01"})
    labels.to_parquet(path)
    proximity = fm.claim_graph(claims, as_of=AS_OF).measures.set_index("entity_id")["confirmed_proximity"]
    assert proximity["H1"] > proximity["H2"] > 0  # from D1
    for wrong, said in ((labels.assign(is_fraud="maybe"), "labels.is_fraud"), (labels.drop(columns="is_fraud"), "labels.columns")):
        wrong.to_parquet(path)
        with pytest.raises(FraudmlError, match=said):
            fm.claim_graph(claims, as_of=AS_OF)
