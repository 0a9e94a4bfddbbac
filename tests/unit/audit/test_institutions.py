"""A07 and A09: from listed persons to institutions, and from costly institutions to patients, not of one disease."""

from __future__ import annotations

import dataclasses
import itertools
import random

import openpyxl
import pytest

from fraudml.audit import run_programme, write_page, write_workbook
from fraudml.audit.high_cost_patients import draw_mixed

AS_OF = "2024-06-30"


def drawn(claims, conf, **changes):
    return run_programme(claims, "own", AS_OF, periods=["2024-01..2024-06"], conf_dir=conf, seed=3, changes=changes)


def test_a07_institutions_that_supplied_most(make_claims, conf_dir, visits):
    # P1: three of four visits at H1; P2: two institutions with half each, both of them; P3 is not listed
    rows = visits("P1", 3, institution_id="H1") + visits("P1", 1, first="2024-02", institution_id="H2")
    rows += visits("P2", 2, institution_id="H2") + visits("P2", 2, first="2024-02", institution_id="H3")
    rows += visits("P3", 1, institution_id="H4")
    conf = conf_dir("outpatient_visits", {"use": "main_suppliers", "lists": ["outpatient_visits"]})
    listed = drawn(make_claims(claims=rows), conf, outpatient_visits={"size": 2}).lists["main_suppliers"]
    assert dict(zip(listed.rows["entity_id"], listed.rows["value"], strict=True)) == {"H1": 1.0, "H2": 1.0, "H3": 1.0}
    links = listed.pictures["links"]
    assert sorted(zip(links["patient_id"], links["institution_id"], links["visits_share"], strict=True)) == [
        ("P1", "H1", 0.75),
        ("P2", "H2", 0.5),
        ("P2", "H3", 0.5),
    ]


@pytest.mark.parametrize(("by", "expected"), [("extend", ["H1", "H2", "H3", "H8"]), ("replace", ["H1", "H2", "H8"])])
def test_a09_enough_primary_care_is_among_them(make_claims, conf_dir, by, expected):
    cost = {"H1": 900.0, "H2": 800.0, "H3": 700.0, "H8": 50.0, "H9": 40.0}
    rows = [
        {"claim_id": f"{h}{n}", "patient_id": f"P{n}", "institution_id": h, "total_amount": c} for h, c in cost.items() for n in range(10)
    ]
    rows += [
        {"claim_id": f"Y{n}", "patient_id": f"P{n}", "institution_id": "Y1", "visit_type": "pharmacy", "total_amount": 9e3}
        for n in range(10)
    ]
    rows += [{"claim_id": f"few{n}", "patient_id": f"P{n}", "institution_id": "H7", "total_amount": 9e3} for n in range(9)]
    places = [{"institution_id": h, "level": 1 if h in ("H8", "H9") else 2} for h in cost]
    change = {"size": 3, "include": {"where": "bool_or(is_primary)", "least": 1, "by": by}}
    rows = drawn(make_claims(claims=rows, institutions=places), conf_dir("costly_institutions"), costly_institutions=change)
    # the pharmacy has no chronic business and H7 too few persons
    assert sorted(rows.lists["costly_institutions"].rows["entity_id"]) == expected


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a09_an_institution_whose_level_nobody_stated_has_an_empty_cell(make_claims, conf_dir, tmp_path, lang):
    rows = [{"claim_id": f"{h}{n}", "patient_id": f"P{n}", "institution_id": h} for h in ("H1", "H2") for n in range(10)]
    made = make_claims(claims=rows, institutions=[{"institution_id": "H1", "level": 2}, {"institution_id": "H2", "level": None}])
    result = drawn(made, conf_dir("costly_institutions"), costly_institutions={"size": 3})
    result = dataclasses.replace(result, lang=lang)
    book = openpyxl.load_workbook(write_workbook(result, tmp_path / "own.xlsx"))
    cells = {cell.value: row for sheet in book for row in sheet.iter_rows() for cell in row if cell.value in ("H1", "H2")}
    empty = {name: sum(cell.value in (None, "") for cell in row) for name, row in cells.items()}
    assert empty["H2"] == empty["H1"] + 1
    assert "H2" in write_page(result, tmp_path / "own.html").read_text(encoding="utf-8")


def test_a09_patients_are_high_cost_and_not_of_one_disease(make_claims, conf_dir):
    claims = [
        {"claim_id": f"C{n}", "patient_id": f"P{n}", "visit_type": "chronic", "registered_disease": "M1" if n < 30 else "M2"}
        | {"total_amount": 1000.0 - n}
        for n in range(40)
    ]
    diseases = [{"registered_disease": one, "disease_type": "chronic"} for one in ("M1", "M2")]
    conf = conf_dir("costly_institutions", "big_prescriptions")
    made = make_claims(claims=claims, registrable_diseases=diseases)
    whole = drawn(made, conf, big_prescriptions={"high_share": 1.0}).lists["big_prescriptions"].rows
    assert whole["disease"].value_counts().to_dict() == {"M1": 5, "M2": 5}
    listed = drawn(made, conf).lists["big_prescriptions"]  # the twenty most costly all have M1
    assert listed.rows["disease"].tolist() == ["M1"] * 5
    assert listed.rows["cost_rank"].max() <= 20
    assert any("最多只能抽5名" in note for note in listed.notes)


def test_a09_the_draw_equals_all_subsets_tried():
    chance = random.Random(5)
    for _ in range(60):
        count, size, cap = chance.randrange(1, 9), chance.randrange(1, 6), chance.randrange(1, 3)
        diseases = [chance.sample("abc", chance.randrange(0, 3)) for _ in range(count)]

        def allowed(chosen, diseases=diseases, cap=cap):
            return all(sum(name in diseases[place] for place in chosen) <= cap for name in "abc")

        sets = [each for many in range(min(size, count), -1, -1) for each in itertools.combinations(range(count), many) if allowed(each)]
        most = max(len(each) for each in sets)
        assert draw_mixed(diseases, size, cap) == list(min(each for each in sets if len(each) == most))
