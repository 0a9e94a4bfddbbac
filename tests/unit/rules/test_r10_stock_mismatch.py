"""R10 进销存不符: more billed than left the stock, per institution, item and month, lags evened out."""

from fraudml.rules import run_rules


def sale(name, house, month, quantity, day=15, **more):
    claim = {"claim_id": name, "institution_id": house, "started_on": f"2024-{month:02d}-{day:02d}", "total_amount": quantity * 2.0}
    return claim | more, {"claim_id": name, "line_id": name, "item_code": "PILL", "quantity": quantity, "unit_price": 2.0}


def month(house, number, moved, unit="base"):
    return {
        "institution_id": house,
        "item_code": "PILL",
        "month": f"2024-{number:02d}-01",
        "opening": 10.0,
        "purchased": moved,
        "returned": 0.0,
        "closing": 10.0,
        "unit": unit,
    }


CATALOGUE = [{"item_code": "PILL", "list_type": "drug", "pack_size": 10.0}]


def run(make_claims, sales, inventory, extra=()):
    claims = make_claims(
        claims=[claim for claim, _ in sales] + [claim for claim, _ in extra],
        items=[item for _, item in sales] + [item for _, item in extra],
        inventory=inventory,
        catalogue=CATALOGUE,
    )
    return run_rules(claims, "2024-06-30", rules=["stock_mismatch"])


def test_the_excess_is_in_question_on_the_months_last_lines(make_claims):
    sales = [sale("JAN", "H1", 1, 100.0), sale("FEB1", "H1", 2, 90.0), sale("FEB2", "H1", 2, 90.0, day=20), sale("MAR", "H1", 3, 100.0)]
    found = run(make_claims, sales, [month("H1", number, 100.0) for number in (1, 2, 3)])
    assert list(found.claim_id) == ["FEB2"]
    assert list(found.amount_in_question) == [160.0]  # 80 of the 90


def test_lags_packs_and_honest_books_are_left(make_claims):
    lag = [sale("L1", "H2", 1, 100.0), sale("L2", "H2", 2, 130.0), sale("L3", "H2", 3, 70.0)]
    packs = [sale(f"P{number}", "H3", number, 100.0) for number in (1, 2, 3)]
    inventory = [month("H2", number, 100.0) for number in (1, 2, 3)] + [month("H3", number, 10.0, "pack") for number in (1, 2, 3)]
    assert run(make_claims, lag + packs, inventory).empty


def test_what_the_last_month_sold_may_stand_in_the_next_months_books(make_claims):
    """R10 look-alike: billing lag at the period's edge. 15 of 115 on the last days of the books; a third missing is no lag."""
    sales = [sale(f"{house}{n}", house, n, 100.0) for house in ("H1", "H2") for n in (1, 2)]
    sales += [sale("H1LATE", "H1", 2, 15.0, day=28), sale("H2LATE", "H2", 2, 50.0, day=28)]
    inventory = [month(house, n, 100.0) for house in ("H1", "H2") for n in (1, 2)]
    assert set(run(make_claims, sales, inventory).claim_id) == {"H2LATE"}


def test_refunded_sales_do_not_need_stock(make_claims):
    sales = [sale("JAN", "H1", 1, 100.0), sale("FEB", "H1", 2, 100.0), sale("MORE", "H1", 2, 60.0)]
    back = sale("BACK", "H1", 2, -60.0, is_refund=True, refund_of="MORE")
    assert run(make_claims, sales, [month("H1", number, 100.0) for number in (1, 2)], [back]).empty


def test_a_pharmacy_is_named_a_pharmacy(make_claims):
    sales = [sale("JAN", "Y1", 1, 100.0, visit_type="pharmacy"), sale("FEB", "Y1", 2, 200.0, visit_type="pharmacy")]
    found = run(make_claims, sales, [month("Y1", number, 100.0) for number in (1, 2)])
    assert list(found.entity_type) == ["pharmacy"]
