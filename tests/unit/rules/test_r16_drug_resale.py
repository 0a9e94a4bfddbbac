"""R16 倒买倒卖药品: far more of a dear drug than one person can use, from several institutions."""

CATALOGUE = [
    {"item_code": code, "list_type": "drug", "max_daily_dose": 10.0, "dose_per_unit": 10.0} for code in ("INSULIN", "STATIN", "ASPIRIN")
]


def purchases(patient, drug, days, houses, quantity=30.0, price=20.0):
    rows = []
    for n, day in enumerate(days):
        name = f"{patient}-{drug}-{n}"
        claim = {"claim_id": name, "patient_id": patient, "institution_id": houses[n % len(houses)], "visit_type": "pharmacy"}
        claim |= {"started_on": f"2024-{1 + day // 28:02d}-{1 + day % 28:02d}"}
        rows.append((claim, {"claim_id": name, "line_id": name, "item_code": drug, "quantity": quantity, "unit_price": price}))
    return rows


def test_hoards_of_dear_drugs(make_claims, questioned):
    rows = [
        *purchases("SELLER", "INSULIN", range(0, 60, 7), ["Y1", "Y2", "Y3"]),
        *purchases("MONTHLY", "INSULIN", range(0, 150, 30), ["Y1", "Y2"]),
        *purchases("EARLY", "INSULIN", range(0, 140, 24), ["Y1", "Y2"]),
        *purchases("SICK", "INSULIN", range(0, 150, 30), ["Y1"]),
        *purchases("SICK", "STATIN", range(0, 150, 30), ["Y2"]),
        *purchases("CHEAP", "ASPIRIN", range(0, 60, 7), ["Y1", "Y2"], price=0.1),
    ]
    claims = make_claims(claims=[claim for claim, _ in rows], items=[item for _, item in rows], catalogue=CATALOGUE)
    found = questioned(claims, "drug_resale", entity_type="patient")
    assert found
    assert all(name.startswith("SELLER") for name in found)
    # nine packs of thirty days within two months: what lies beyond use is in question, not the first pack
    assert 0 < sum(found.values()) < 9 * 600


def test_a_counter_where_several_of_them_meet_is_named(make_claims, questioned):
    rows = [each for patient in ("A", "B", "C") for each in purchases(patient, "INSULIN", range(0, 60, 7), ["Y1", "Y2"])]
    rows += purchases("D", "ASPIRIN", [0], ["Y1"], price=0.1)
    claims = make_claims(claims=[claim for claim, _ in rows], items=[item for _, item in rows], catalogue=CATALOGUE)
    assert questioned(claims, "drug_resale", entity_type="pharmacy")


def test_refunded_packs_are_not_in_hand(make_claims, questioned):
    rows = purchases("P", "INSULIN", range(0, 60, 7), ["Y1", "Y2"])
    backs = [
        {
            "claim_id": f"B{n}",
            "patient_id": "P",
            "started_on": "2024-03-20",
            "total_amount": -100.0,
            "is_refund": True,
            "refund_of": claim["claim_id"],
        }
        for n, (claim, _) in enumerate(rows)
        if n % 4
    ]
    claims = make_claims(claims=[claim for claim, _ in rows] + backs, items=[item for _, item in rows], catalogue=CATALOGUE)
    assert questioned(claims, "drug_resale") == {}


def test_what_nobody_can_take_is_seen_at_one_counter_too(make_claims, questioned):
    """R16 "supply beyond any dose": always the same counter; two months' tablets every ten days."""
    rows = [
        *purchases("ONE", "INSULIN", range(0, 90, 10), ["Y1"], quantity=60.0),
        *purchases("MONTHLY", "INSULIN", range(0, 150, 30), ["Y1"]),
        *purchases("STOCK", "INSULIN", [0, 1], ["Y1"], quantity=90.0),  # twice, for half a year
        *purchases("CHEAP", "ASPIRIN", range(0, 60, 7), ["Y1", "Y2"], price=0.1),
    ]
    claims = make_claims(claims=[claim for claim, _ in rows], items=[item for _, item in rows], catalogue=CATALOGUE)
    assert {name.split("-")[0] for name in questioned(claims, "drug_resale", entity_type="patient")} == {"ONE"}


def test_a_dose_that_everybody_exceeds_is_the_catalogue_s_mistake(make_claims, questioned):
    """R16: twelve patients take three units a day by their prescriptions, the catalogue allows one."""
    rows = [each for n in range(12) for each in purchases(f"P{n}", "INSULIN", range(n, 150 + n, 30), ["Y1", "Y2"], quantity=90.0)]
    rows += purchases("CHEAP", "ASPIRIN", range(0, 60, 7), ["Y1", "Y2"], price=0.1)
    claims = make_claims(claims=[claim for claim, _ in rows], items=[item | {"days_supply": 30.0} for _, item in rows], catalogue=CATALOGUE)
    assert questioned(claims, "drug_resale") == {}


def test_persons_of_different_homes_who_fetch_one_drug_together_again_and_again(make_claims, questioned):
    """R16 "several patients moving together": nobody has too much yet, but three strangers meet at four counters."""
    troop, family, village = ("T1", "T2", "T3"), ("F1", "F2", "F3"), ("V1", "V2", "V3")
    days = range(0, 120, 24)
    rows = [each for one in troop for each in purchases(one, "INSULIN", days, ["Y1", "Y2", "Y3", "Y4"])]
    rows += [each for one in family for each in purchases(one, "INSULIN", range(3, 123, 24), ["Y1", "Y2", "Y3", "Y4"])]
    rows += [each for one in village for each in purchases(one, "INSULIN", range(5, 125, 24), ["Y5"])]  # one counter is the only one
    rows += purchases("CHEAP", "ASPIRIN", range(0, 60, 7), ["Y1", "Y2"], price=0.1)
    persons = [{"patient_id": one, "address_group": "HOME" if one in family else one} for one in (*troop, *family, *village, "CHEAP")]
    claims = make_claims(claims=[claim for claim, _ in rows], items=[item for _, item in rows], patients=persons, catalogue=CATALOGUE)
    found = questioned(claims, "drug_resale", entity_type="patient")
    assert {name.split("-")[0] for name in found} == set(troop)


def test_refills_that_are_early_at_every_counter(make_claims, questioned):
    """R16 "many institutions": a month's supply every nineteen days at six houses; at one house it may be the prescriber's interval."""
    days = range(0, 150, 19)
    rows = [
        *purchases("ROUND", "INSULIN", days, [f"Y{n}" for n in range(6)]),
        *purchases("HOME", "INSULIN", days, ["Y1"]),
    ]
    rows = [(claim, item | {"quantity": 10.0, "days_supply": 30.0}) for claim, item in rows]  # a third of the highest dose
    rows += purchases("CHEAP", "ASPIRIN", range(0, 60, 7), ["Y1", "Y2"], price=0.1)
    claims = make_claims(claims=[claim for claim, _ in rows], items=[item for _, item in rows], catalogue=CATALOGUE)
    assert {name.split("-")[0] for name in questioned(claims, "drug_resale", entity_type="patient")} == {"ROUND"}
