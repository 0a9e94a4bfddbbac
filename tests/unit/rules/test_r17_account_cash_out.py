"""R17 个人账户套现: many small purchases from the personal account, round, repeated or just below a limit."""


def purchases(patient, days, amounts, shop="Y1"):
    return [
        {
            "claim_id": f"{patient}-{n}",
            "patient_id": patient,
            "institution_id": shop,
            "visit_type": "pharmacy",
            "started_on": f"2024-{month:02d}-{day:02d}",
            "total_amount": amount,
            "account_amount": amount,
        }
        for n, ((month, day), amount) in enumerate(zip(days, amounts, strict=True))
    ]


DAILY = [(5, day) for day in range(2, 22, 2)]
MONTHLY = [(month, 5) for month in range(1, 7)]


def honest(count=6):
    return [row for n in range(count) for row in purchases(f"HONEST{n}", MONTHLY, [83.4 + n, 91.7, 120.3, 64.1, 77.7, 85.2])]


def test_ant_like_purchases(make_claims, questioned):
    claims = make_claims(
        claims=[
            *honest(),
            *purchases("ROUND", DAILY, [200.0] * 10),
            *purchases("BELOW", DAILY, [198.6, 197.2, 199.5, 196.8, 199.9, 198.1, 195.4, 199.1, 198.8, 197.7]),
            *purchases("CHRONIC", MONTHLY, [150.0] * 6),  # the same amount every month
            *purchases("FAMILY", DAILY, [23.4, 181.2, 64.5, 12.9, 97.3, 45.1, 150.8, 33.3, 71.6, 119.4]),
        ]
    )
    found = questioned(claims, "account_cash_out", entity_type="patient")
    assert {name.split("-")[0] for name in found} == {"ROUND", "BELOW"}
    assert sum(amount for name, amount in found.items() if name.startswith("ROUND")) == 2000.0


def test_refunded_purchases_do_not_count(make_claims, questioned):
    rows = purchases("ROUND", DAILY, [200.0] * 10)
    backs = [
        row | {"claim_id": f"B{n}", "total_amount": -200.0, "account_amount": -200.0, "is_refund": True, "refund_of": row["claim_id"]}
        for n, row in enumerate(rows[:6])
    ]
    assert questioned(make_claims(claims=[*honest(), *rows, *backs]), "account_cash_out") == {}


def test_a_pharmacy_with_several_such_customers_is_named(make_claims, questioned):
    rows = [row for patient in ("A", "B", "C") for row in purchases(patient, DAILY, [200.0] * 10)]
    found = questioned(make_claims(claims=[*honest(), *rows]), "account_cash_out", entity_type="pharmacy")
    assert len(found) == 30


def test_many_small_ones_at_one_shop(make_claims, questioned):
    """R17 "ants": nothing but the number of small purchases speaks, so it must be many times the peers'."""
    days = [(5, day) for day in range(1, 31, 2)]
    ants = purchases("ANTS", days, [23.4, 31.2, 18.9, 27.7, 35.1, 22.6, 29.3, 41.8, 19.5, 33.3, 26.1, 38.4, 21.7, 30.9, 24.2])
    dear = purchases(
        "DEAR", days, [123.4, 331.2, 218.9, 127.7, 435.1, 222.6, 329.3, 141.8, 519.5, 133.3, 126.1, 238.4, 121.7, 330.9, 224.2]
    )
    found = questioned(make_claims(claims=[*honest(), *ants, *dear]), "account_cash_out", entity_type="patient")
    assert {name.split("-")[0] for name in found} == {"ANTS"}


def test_who_buys_again_when_the_supply_is_used_up_is_regular(make_claims, questioned):
    """R17 look-alike "regular chronic purchase": a week's tablets every week, the same amount each time."""
    weeks = [(4, 2), (4, 9), (4, 16), (4, 23), (4, 30), (5, 7), (5, 14), (5, 21), (5, 28)]
    weekly, often = purchases("WEEKLY", weeks, [17.5] * 9), purchases("OFTEN", DAILY, [17.5] * 10)
    items = [
        {"claim_id": row["claim_id"], "item_code": "PILL", "quantity": 21.0, "unit_price": 17.5 / 21, "days_supply": 7.0} for row in weekly
    ]
    items += [
        {"claim_id": row["claim_id"], "item_code": "PILL", "quantity": 90.0, "unit_price": 17.5 / 90, "days_supply": 30.0} for row in often
    ]
    claims = make_claims(claims=[*honest(), *weekly, *often], items=items)
    found = questioned(claims, "account_cash_out", entity_type="patient")
    assert {name.split("-")[0] for name in found} == {"OFTEN"}


def test_a_till_where_many_come_back_for_a_figure_just_below_a_limit(make_claims, questioned):
    """R17 "just under a limit" at the pharmacy: each person comes too seldom to be seen alone."""
    rows = []
    for n in range(40):
        rows += purchases(f"HONEST{n}", [(1, 5), (3, 9), (5, 2)], [83.4 + n, 41.7 + n, 120.3 + n / 3], shop=f"Y{2 + n % 4}")
    for n in range(6):
        rows += purchases(f"LIMIT{n}", [(2, 3 + n), (4, 3 + n), (6, 3 + n)], [498.0, 499.0, 499.5])
    found = questioned(make_claims(claims=rows), "account_cash_out", entity_type="pharmacy")
    assert len(found) == 18
    assert {name.split("-")[0][:5] for name in found} == {"LIMIT"}
