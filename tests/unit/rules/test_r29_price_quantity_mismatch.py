"""R29 量价不符: the amount is not quantity times price, or the packs cannot hold the quantity."""

import pytest

from fraudml.rules import load_rules, run_rules


@pytest.fixture
def found(make_claims):
    lines = [
        ("HIT", 10.0, 3.0, 45.0, {}),
        ("EXACT", 10.0, 3.0, 30.0, {}),
        ("ROUNDED", 0.33, 30.0, 10.0, {}),  # a third of a yuan, shown as 0.33
        ("DISCOUNT", 10.0, 3.0, 24.0, {"is_discounted": True}),
        ("DEARER_DISCOUNT", 10.0, 3.0, 36.0, {"is_discounted": True}),  # HIT: a discount does not raise the amount
        ("NO_PRICE", None, 3.0, 45.0, {}),
        ("PACKS", 1.0, 40.0, 40.0, {"trace_codes": ["T1"]}),  # HIT: one pack of 20 scanned, 40 billed
        ("PACK", 1.0, 20.0, 20.0, {"trace_codes": ["T2"]}),
        ("HALF_BACK", 10.0, 4.0, 60.0, {}),  # HIT for the two that were not given back
        ("ALL_BACK", 10.0, 4.0, 60.0, {}),
    ]
    claims = [
        {"claim_id": name, "institution_id": "Y1" if name == "PACKS" else "H1", "total_amount": amount} for name, _, _, amount, _ in lines
    ]
    claims += [
        {"claim_id": "BACK1", "total_amount": -30.0, "is_refund": True, "refund_of": "HALF_BACK"},
        {"claim_id": "BACK2", "total_amount": -60.0, "is_refund": True, "refund_of": "ALL_BACK"},
    ]
    items = [
        {"line_id": f"L_{name}", "claim_id": name, "item_code": "X", "unit_price": price, "quantity": quantity, "amount": amount} | more
        for name, price, quantity, amount, more in lines
    ]
    items += [
        {"line_id": "B1", "claim_id": "BACK1", "item_code": "X", "quantity": -2.0, "unit_price": 10.0, "amount": -30.0},
        {"line_id": "B2", "claim_id": "BACK2", "item_code": "X", "quantity": -4.0, "unit_price": 10.0, "amount": -60.0},
    ]
    catalogue = [{"item_code": "X", "name": "甲药", "list_type": "drug", "pack_size": 20.0}]
    return run_rules(make_claims(claims=claims, items=items, catalogue=catalogue), "2024-06-30", rules=["price_quantity_mismatch"])


def test_what_rounding_and_discounts_explain_is_left_alone(found):
    assert set(found.claim_id) == {"HIT", "DEARER_DISCOUNT", "PACKS", "HALF_BACK"}


def test_the_amount_is_the_difference_net_of_refunds(found):
    assert dict(zip(found.claim_id, found.amount_in_question, strict=True)) == {
        "HIT": 15.0,
        "DEARER_DISCOUNT": 6.0,
        "PACKS": 20.0,
        "HALF_BACK": 10.0,
    }


def test_it_speaks_against_the_seller(found):
    assert dict(zip(found.claim_id, found.entity_type, strict=True))["PACKS"] == "pharmacy"
    assert dict(zip(found.claim_id, found.entity_type, strict=True))["HIT"] == "institution"


def test_the_item_is_called_by_its_name(found):
    facts = found.set_index("claim_id").facts["HIT"]
    assert load_rules()["price_quantity_mismatch"].text(facts, "zh").startswith("“甲药”金额45元")
