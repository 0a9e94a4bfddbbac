"""R07 超标准收费: a unit price above the cap that held on the day at the institution's level."""

import pytest

from fraudml.rules import load_rules, run_rules


@pytest.fixture
def claims(make_claims):
    # the cap of a CT scan: 200 until 15 June, 180 from 16 June; 260 at level 3
    cap = {"item_code": "CT", "name": "CT", "list_type": "service"}
    return make_claims(
        claims=[
            {"claim_id": name, "institution_id": place, "started_on": date, "total_amount": 1000.0, **more}
            for name, place, date, more in [
                ("HIT", "H1", "2024-06-20", {}),
                ("AT_CAP", "H1", "2024-06-20", {}),
                ("OLD_PRICE", "H1", "2024-06-15", {}),
                ("NEW_PRICE", "H1", "2024-06-16", {}),
                ("LEVEL3", "H3", "2024-06-20", {}),
                ("DISCOUNT", "H1", "2024-06-20", {}),
                ("LINE_CAP", "H1", "2024-06-20", {}),
                ("REFUNDED", "H1", "2024-06-20", {}),
                ("NO_CAP", "H1", "2024-06-20", {}),
                ("HALF", "H1", "2024-06-20", {}),
            ]
        ]
        + [
            {"claim_id": "BACK", "started_on": "2024-06-21", "total_amount": -1000.0, "is_refund": True, "refund_of": "REFUNDED"},
            {"claim_id": "BACK2", "started_on": "2024-06-21", "total_amount": -250.0, "is_refund": True, "refund_of": "HALF"},
        ],
        items=[
            {"line_id": f"L_{name}", "claim_id": name, "item_code": code, "unit_price": price, "quantity": count, **more}
            for name, code, price, count, more in [
                ("HIT", "CT", 250.0, 2.0, {}),
                ("AT_CAP", "CT", 180.0, 1.0, {}),
                ("OLD_PRICE", "CT", 200.0, 1.0, {}),
                ("NEW_PRICE", "CT", 200.0, 1.0, {}),
                ("LEVEL3", "CT", 250.0, 1.0, {}),
                ("DISCOUNT", "CT", 250.0, 1.0, {"amount": 180.0}),
                ("LINE_CAP", "CT", 250.0, 1.0, {"price_cap": 250.0}),
                ("REFUNDED", "CT", 250.0, 1.0, {}),
                ("NO_CAP", "XX", 250.0, 1.0, {}),
                ("HALF", "CT", 250.0, 2.0, {}),
            ]
        ]
        + [
            {"line_id": "B1", "claim_id": "BACK", "item_code": "CT", "unit_price": 250.0, "quantity": -1.0},
            {"line_id": "B2", "claim_id": "BACK2", "item_code": "CT", "unit_price": 250.0, "quantity": -1.0},
        ],
        institutions=[{"institution_id": "H3", "level": 3}],
        catalogue=[
            cap | {"price_cap": 200.0, "started_on": "2020-01-01", "ended_on": "2024-06-15"},
            cap | {"price_cap": 180.0, "started_on": "2024-06-16"},
            cap | {"price_cap": 260.0, "cap_level": 3, "started_on": "2020-01-01"},
        ],
    )


def test_only_prices_above_the_cap_of_day_and_level_are_evidence(claims):
    found = run_rules(claims, "2024-06-30", rules=["overpriced_charge"])
    assert set(found.claim_id) == {"HIT", "NEW_PRICE", "HALF"}
    amounts = dict(zip(found.claim_id, found.amount_in_question, strict=True))
    assert amounts == {"HIT": 140.0, "NEW_PRICE": 20.0, "HALF": 70.0}  # the excess only, of what was not refunded
    assert set(found.entity_type) == {"institution"}
    assert set(found.entity_id) == {"H1"}


def test_the_wording_names_price_and_cap(claims):
    found = run_rules(claims, "2024-06-30", rules=["overpriced_charge"]).set_index("claim_id")
    rule = load_rules()["overpriced_charge"]
    assert "250元" in rule.text(found.facts["HIT"], "zh")
    assert "180元" in rule.text(found.facts["HIT"], "zh")
    assert "cap of 180 CNY" in rule.text(found.facts["HIT"], "en")


def test_before_the_refund_was_known_the_claim_is_evidence(claims):
    assert "REFUNDED" in set(run_rules(claims, "2024-06-20", rules=["overpriced_charge"]).claim_id)
