"""R08 分解收费: a component beside the composite that contains it, same day and site."""


def test_components_beside_their_composite(make_claims, questioned):
    def line(claim, code, amount, day="03", **more):
        return {"claim_id": claim, "item_code": code, "unit_price": amount, "occurred_at": f"2024-06-{day} 09:00:00"} | more

    names = ["HIT", "ALONE", "OTHER_DAY", "OTHER_SITE", "SAME_SITE", "REFUNDED", "NOT_CONTAINED", "ONLY_PARTS"]
    claims = make_claims(
        claims=[{"claim_id": name, "patient_id": f"P_{name}", "total_amount": 500.0} for name in names]
        + [{"claim_id": "BACK", "patient_id": "P_REFUNDED", "total_amount": -50.0, "is_refund": True, "refund_of": "REFUNDED"}],
        items=[
            line("HIT", "PANEL", 300.0),
            line("HIT", "ALT", 50.0),
            line("HIT", "ECG", 40.0),
            line("ALONE", "PANEL", 300.0),
            line("OTHER_DAY", "PANEL", 300.0),
            line("OTHER_DAY", "ALT", 50.0, day="04"),
            line("OTHER_SITE", "PANEL", 300.0, body_site="left"),
            line("OTHER_SITE", "ALT", 50.0, body_site="right"),
            line("SAME_SITE", "PANEL", 300.0, body_site="left"),
            line("SAME_SITE", "ALT", 50.0, body_site="left"),
            line("REFUNDED", "PANEL", 300.0),
            line("REFUNDED", "ALT", 50.0),
            line("BACK", "ALT", 50.0, quantity=-1.0),
            line("NOT_CONTAINED", "PANEL", 300.0),
            line("NOT_CONTAINED", "ECG", 40.0),
            line("ONLY_PARTS", "ALT", 50.0),
            line("ONLY_PARTS", "AST", 50.0),
        ],
        catalogue=[
            {"item_code": "PANEL", "contains": ["ALT", "AST"], "started_on": "2020-01-01", "ended_on": "2024-06-30"},
            {"item_code": "PANEL", "contains": ["ALT", "AST"], "started_on": "2020-01-01", "cap_level": 2},
            {"item_code": "ALT"},
        ],
    )
    assert questioned(claims, "unbundled_charge") == {"HIT": 50.0, "SAME_SITE": 50.0}


def test_a_composite_that_no_longer_holds_contains_nothing(make_claims, questioned):
    claims = make_claims(
        claims=[{"claim_id": "C"}],
        items=[{"claim_id": "C", "item_code": "PANEL"}, {"claim_id": "C", "item_code": "ALT"}],
        catalogue=[{"item_code": "PANEL", "contains": ["ALT"], "started_on": "2020-01-01", "ended_on": "2024-06-02"}],
    )
    assert questioned(claims, "unbundled_charge") == {}
