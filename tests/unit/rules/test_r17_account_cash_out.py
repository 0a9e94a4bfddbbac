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
