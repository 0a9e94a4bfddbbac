"""R32 追溯码重复: one pack is sold once; splitting it within its size and reselling a returned one is lawful."""

import pytest

from fraudml.rules import load_rules, run_rules


@pytest.fixture
def found(make_claims):
    sales = [  # claim, pharmacy, day, codes, quantity
        ("A1", "Y1", "2024-06-03", ["T1"], 20.0),
        ("A2", "Y2", "2024-06-09", ["T1"], 20.0),  # HIT: sold before by Y1
        ("B1", "Y1", "2024-06-03", ["T2"], 8.0),
        ("B2", "Y1", "2024-06-04", ["T2"], 12.0),  # a pack of 20, split
        ("B3", "Y1", "2024-06-05", ["T2"], 10.0),  # HIT: ten more than the pack held
        ("C1", "Y1", "2024-06-03", ["T3"], 20.0),
        ("C2", "Y1", "2024-06-06", ["T3"], 20.0),  # the first sale was given back
        ("D1", "Y1", "2024-06-03", ["T4", "T5"], 40.0),
        ("D2", "Y3", "2024-06-07", ["T5", "T6"], 40.0),  # HIT for one of two packs
        ("E1", "Y1", "2024-06-03", ["T7"], 20.0),
        ("F1", "Y1", "2024-06-03", None, 20.0),
    ]
    claims = [
        {
            "claim_id": name,
            "institution_id": place,
            "visit_type": "pharmacy",
            "started_on": day,
            "patient_id": name,
            "total_amount": quantity,
        }
        for name, place, day, _, quantity in sales
    ]
    claims.append(
        {
            "claim_id": "C_BACK",
            "institution_id": "Y1",
            "visit_type": "pharmacy",
            "patient_id": "C1",
            "started_on": "2024-06-04",
            "total_amount": -20.0,
        }
        | {"is_refund": True, "refund_of": "C1"}
    )
    items = [
        {"line_id": f"L_{name}", "claim_id": name, "item_code": "X", "quantity": quantity, "unit_price": 1.0, "trace_codes": codes}
        for name, _, _, codes, quantity in sales
    ]
    items.append({"line_id": "L_BACK", "claim_id": "C_BACK", "item_code": "X", "quantity": -20.0, "unit_price": 1.0, "trace_codes": ["T3"]})
    catalogue = [{"item_code": "X", "name": "甲药", "list_type": "drug", "pack_size": 20.0}]
    return run_rules(make_claims(claims=claims, items=items, catalogue=catalogue), "2024-06-30", rules=["trace_code_reuse"])


def test_a_code_sold_again_is_evidence_split_packs_and_resale_are_not(found):
    assert set(found.claim_id) == {"A2", "B3", "D2"}


def test_only_the_reused_packs_are_in_question(found):
    assert dict(zip(found.claim_id, found.amount_in_question, strict=True)) == {"A2": 20.0, "B3": 10.0, "D2": 20.0}
    assert dict(zip(found.claim_id, found.entity_id, strict=True)) == {"A2": "Y2", "B3": "Y1", "D2": "Y3"}
    assert set(found.entity_type) == {"pharmacy"}


def test_a_drug_that_its_seller_never_bought(make_claims):
    stock = [
        {
            "institution_id": place,
            "item_code": item,
            "month": "2024-06-01",
            "opening": 0.0,
            "purchased": 100.0,
            "returned": 0.0,
            "closing": 50.0,
            "unit": "base",
        }
        for place in ("Y1", "Y2")
        for item in ("A", "B", "C", "D", "E")
    ]
    stock.append(stock[0] | {"item_code": "X"})
    claims = make_claims(
        claims=[
            {"claim_id": f"S_{place}", "institution_id": place, "visit_type": "pharmacy", "total_amount": 20.0}
            for place in ("Y1", "Y2", "Y3")
        ],
        items=[
            {"claim_id": f"S_{place}", "item_code": "X", "quantity": 20.0, "unit_price": 1.0, "trace_codes": [f"T{place}"]}
            for place in ("Y1", "Y2", "Y3")
        ],
        inventory=stock,
    )
    # Y3 keeps no stock records at all: nothing can be said of it
    assert list(run_rules(claims, "2024-06-30", rules=["trace_code_reuse"]).claim_id) == ["S_Y2"]


def test_the_item_is_called_by_its_name(found):
    facts = found.set_index("claim_id").facts["A2"]
    assert load_rules()["trace_code_reuse"].text(facts, "zh").startswith("药品“甲药”的追溯码T1(本笔共1个)此前已在另一机构售出")
