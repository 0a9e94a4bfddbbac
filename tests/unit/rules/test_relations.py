"""The shared relations: one catalogue entry per line, stays merged, diagnoses with registered diseases; the bounds on chance hold."""

import math

import pytest
from scipy.stats import binom, poisson

from fraudml.engine import open_engine
from fraudml.rules.relations import MACROS, RELATIONS, all_read, needed


@pytest.fixture
def prepared(make_claims):
    """``prepared(names, **tables)``: a snapshot session with the named relations."""
    from fraudml.claims.store import day
    from fraudml.knowledge import expose_knowledge
    from fraudml.rules.runner import _prepare

    def prepare(relation, **tables):
        from types import SimpleNamespace

        snapshot = make_claims(**tables).at("2024-06-30")
        sql = f"select * from {relation}"
        expose_knowledge(snapshot.engine, read_by=all_read([sql]))
        _prepare(snapshot, day("2023-06-30"), day("2022-12-31"), [SimpleNamespace(sql=sql)])
        return snapshot.query(sql)

    return prepare


def test_a_line_has_one_catalogue_entry_whatever_the_catalogue_holds(prepared):
    entries = [
        {"item_code": "CT", "price_cap": 200.0, "started_on": "2020-01-01", "ended_on": "2024-05-31"},
        {"item_code": "CT", "price_cap": 180.0, "started_on": "2024-06-01"},
        {"item_code": "CT", "price_cap": 260.0, "cap_level": 3, "started_on": "2020-01-01"},
        {"item_code": "CT", "price_cap": 90.0, "cap_level": 1, "started_on": "2024-06-10"},
    ]
    days = {"A": "2024-05-31", "B": "2024-06-01", "C": "2024-06-20", "D": "2024-06-20", "E": "2024-06-09"}
    houses = {"A": "H2", "B": "H2", "C": "H3", "D": "H1", "E": "H1"}
    lines = prepared(
        "lines",
        claims=[{"claim_id": name, "institution_id": houses[name], "started_on": day} for name, day in days.items()],
        items=[{"claim_id": name, "item_code": "CT"} for name in days] + [{"claim_id": "A", "item_code": "UNLISTED"}],
        catalogue=entries,
        institutions=[{"institution_id": f"H{level}", "level": level} for level in (1, 2, 3)],
    ).set_index(["claim_id", "item_code"])
    assert len(lines) == 6
    caps = lines.price_cap.xs("CT", level=1).to_dict()
    assert caps == {"A": 200.0, "B": 180.0, "C": 260.0, "D": 90.0, "E": 180.0}
    assert math.isnan(lines.price_cap["A", "UNLISTED"])


def test_interim_bills_make_one_stay(prepared):
    stay = {"visit_id": "V", "visit_type": "inpatient"}
    stays = prepared(
        "stays",
        claims=[
            stay | {"claim_id": "S1", "started_on": "2024-05-01", "ended_on": "2024-05-10", "total_amount": 900.0},
            stay | {"claim_id": "S2", "started_on": "2024-05-10", "ended_on": "2024-05-20", "total_amount": 700.0},
        ],
        items=[{"claim_id": name, "item_code": "BED", "charge_type": "bed", "quantity": 9.0} for name in ("S1", "S2")],
    )
    assert len(stays) == 1
    assert stays.nights[0] == 19
    assert stays.total_amount[0] == 1600.0
    assert stays.bed_amount[0] == 180.0
    assert stays.claim_id[0] == "S1"
    assert list(stays.claim_ids[0]) == ["S1", "S2"]


def test_registered_diseases_speak_while_they_are_valid(prepared):
    found = prepared(
        "claim_diagnoses",
        claims=[{"claim_id": "BEFORE", "started_on": "2024-01-05"}, {"claim_id": "DURING", "started_on": "2024-03-05"}],
        diagnoses=[{"claim_id": "DURING", "diagnosis": "J06", "is_main": True}],
        registered_diseases=[{"patient_id": "P1", "registered_disease": "M", "started_on": "2024-02-01"}],
        registrable_diseases=[{"registered_disease": "M", "icd_prefixes": ["E11", "E12"]}],
    )
    assert set(zip(found.claim_id, found.diagnosis, strict=True)) == {("DURING", "J06"), ("DURING", "E11"), ("DURING", "E12")}


def test_relations_are_prepared_before_those_that_read_them():
    order = needed(["select * from stays"])
    assert order.index("main_diagnosis") < order.index("cases") < order.index("stays")
    assert order.index("catalogue_entries") < order.index("lines") < order.index("claim_charges")
    assert set(order) <= set(RELATIONS)


def test_the_bounds_are_never_below_the_true_chance():
    engine = open_engine(threads=1)
    for name, body in MACROS.items():
        engine.execute(f"create temp macro {name}{body}")
    for k, expected in [(3, 1.0), (10, 2.5), (40, 20.0), (2, 5.0)]:
        assert math.exp(-engine.scalar(f"select poisson_surprise({k}, {expected})")) >= poisson.sf(k - 1, expected)
    for k, n, p in [(5, 10, 0.2), (10, 10, 0.5), (30, 100, 0.1), (1, 10, 0.5)]:
        assert math.exp(-engine.scalar(f"select binomial_surprise({k}, {n}, {p})")) >= binom.sf(k - 1, n, p) - 1e-12


def test_distances_on_the_sphere():
    engine = open_engine(threads=1)
    engine.execute(f"create temp macro kilometres{MACROS['kilometres']}")
    assert engine.scalar("select kilometres(116.40, 39.90, 121.47, 31.23)") == pytest.approx(1068, abs=5)  # Beijing to Shanghai
