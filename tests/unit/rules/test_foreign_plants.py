"""Schemes as other sources would show them: other constants, fewer columns, other habits of recording; and their look-alikes."""

import datetime as dt

from fraudml.rules import run_rules

AS_OF = "2024-06-30"


def day(number):
    return str(dt.date(2024, 1, 1) + dt.timedelta(days=number))


def hits(claims, rule, entity_type=None):
    found = run_rules(claims, AS_OF, [rule])
    return found if entity_type is None else found[found.entity_type == entity_type]


def test_r01_a_source_that_dates_all_lines_on_the_first_day(make_claims):
    """Honest houses and a phantom one: the bed fee of all nights in one line, care in others, everything dated at admission."""
    claims, items = [], []
    for house in range(6):
        for n in range(10):
            name = f"S{house}-{n}"
            claims.append(
                {
                    "claim_id": name,
                    "patient_id": f"P{house}-{n}",
                    "institution_id": f"H{house}",
                    "visit_type": "inpatient",
                    "started_on": day(10 * n + house),
                    "ended_on": day(10 * n + house + 8),
                }
            )
            items.append({"claim_id": name, "item_code": "BED", "charge_type": "bed", "quantity": 8.0, "unit_price": 40.0})
            if house == 5:
                items.append({"claim_id": name, "item_code": "REG", "charge_type": "registration", "unit_price": 5.0})
            else:
                items.append({"claim_id": name, "item_code": "T", "charge_type": "treatment", "quantity": 4.0, "unit_price": 100.0 + n})
                items.append({"claim_id": name, "item_code": "D", "charge_type": "western_drug", "unit_price": 300.0})
    found = hits(make_claims(claims=claims, items=items), "phantom_bed")
    assert set(found.claim_id) == {f"S5-{n}" for n in range(10)}


def test_r01_where_claims_inside_stays_are_common_they_prove_little(make_claims):
    claims = []
    for n in range(120):
        claims.append(
            {
                "claim_id": f"S{n}",
                "patient_id": f"P{n}",
                "institution_id": f"H{n % 6}",
                "visit_type": "inpatient",
                "started_on": day(n),
                "ended_on": day(n + 9),
            }
        )
        if n % 6 == 5 or n % 5 == 0:  # everywhere one stay in five, in one house all of them
            claims.append({"claim_id": f"V{n}", "patient_id": f"P{n}", "institution_id": "H9", "started_on": day(n + 4)})
    found = hits(make_claims(claims=claims), "phantom_bed")
    strong = found[found.strength >= 0.5]
    assert set(strong.entity_id) == {"H5"}
    assert set(found.entity_id) > {"H5"}


def village_admissions(weekly, ownership):
    """Six hospitals; three persons of one village are admitted to one of them every week, or on days of their own."""
    claims = []
    for week in range(24):
        for n in range(3):
            number = 7 * week if weekly else 7 * week + 2 * n + 1
            claims.append(
                {
                    "claim_id": f"V{week}-{n}",
                    "patient_id": f"V{(3 * week + n) % 40}",
                    "institution_id": "H0",
                    "visit_type": "inpatient",
                    "started_on": day(number),
                    "ended_on": day(number + 4),
                }
            )
    for n in range(150):  # the village is admitted elsewhere, too, as any large place is
        claims.append(
            {
                "claim_id": f"O{n}",
                "patient_id": f"V{n % 40}",
                "institution_id": f"H{1 + n % 5}",
                "visit_type": "inpatient",
                "started_on": day((n * 37) % 170),
                "ended_on": day((n * 37) % 170 + 3),
            }
        )
    patients = [{"patient_id": f"V{n}", "address_group": "village"} for n in range(40)]
    houses = [{"institution_id": f"H{n}", "ownership": ownership} for n in range(6)]
    return {"claims": claims, "patients": patients, "institutions": houses}


def test_r04_a_village_fetched_every_week(make_claims, tmp_path):
    found = hits(make_claims(**village_admissions(True, "private"), data_dir=tmp_path / "a"), "induced_admission")
    assert set(found.entity_id) == {"H0"}
    assert len(found) >= 60
    assert len(hits(make_claims(**village_admissions(True, None), data_dir=tmp_path / "b"), "induced_admission")) >= 60
    assert hits(make_claims(**village_admissions(True, "public"), data_dir=tmp_path / "c"), "induced_admission").empty
    assert hits(make_claims(**village_admissions(False, "private"), data_dir=tmp_path / "d"), "induced_admission").empty


def test_r03_where_out_patients_have_no_diagnosis(make_claims):
    """The disease then cannot be compared; the table of diseases that are usually treated as outpatient stands in."""
    stays = [
        {
            "claim_id": name,
            "patient_id": f"P{name}",
            "visit_type": "inpatient",
            "started_on": day(40 + n),
            "ended_on": day(43 + n),
        }
        for n, name in enumerate([f"J{n}" for n in range(30)] + [f"I{n}" for n in range(30)])
    ]
    visits = [{"claim_id": f"O{n}", "patient_id": f"Q{n}", "started_on": day(n)} for n in range(50)]
    items = [
        {"claim_id": one["claim_id"], "item_code": code, "charge_type": kind, "unit_price": price}
        for one in stays
        for code, kind, price in (("CT", "examination", 700.0 if one["claim_id"] == "J1" else 100.0), ("D", "western_drug", 300.0))
    ]
    diagnoses = [
        {"claim_id": one["claim_id"], "diagnosis": "J06" if one["claim_id"][0] == "J" else "I21", "is_main": True} for one in stays
    ]
    found = hits(make_claims(claims=stays + visits, items=items, diagnoses=diagnoses), "low_threshold_admission")
    assert list(found.claim_id) == ["J1"]


def test_r06_a_source_that_knows_days_only(make_claims):
    claims = [{"claim_id": f"C{n}", "patient_id": f"P{n}", "institution_id": f"H{n % 4}", "started_on": day(n % 150)} for n in range(200)]
    items = [{"claim_id": one["claim_id"], "item_code": f"X{n % 20}", "charge_type": "examination"} for n, one in enumerate(claims)]
    items += [{"claim_id": f"C{n}", "item_code": f"X{n % 20}", "charge_type": "examination"} for n in range(2, 42, 4)]  # twice at H2
    for n, line in enumerate(items):
        line["occurred_at"] = f"{next(one['started_on'] for one in claims if one['claim_id'] == line['claim_id'])} 00:00:00"
        line["line_id"] = f"L{n}"
    found = hits(make_claims(claims=claims, items=items), "duplicate_charge")
    assert set(found.claim_id) == {f"C{n}" for n in range(2, 42, 4)}


def test_r11_monitoring_billed_as_an_ordinary_visit(make_claims):
    rows = {"OLD": ("E11", 20), "MONITORED": ("E11", 20), "OTHER": ("J06", 20), "TOO_SOON": ("E11", 5)}
    claims, items, diagnoses = [], [], []
    for name, (code, gap) in rows.items():
        for n, when in enumerate((60, 60 + gap)):
            claims.append({"claim_id": f"{name}{n}", "patient_id": f"P{name}", "started_on": day(when)})
            items.append({"claim_id": f"{name}{n}", "item_code": "HBA1C", "charge_type": "laboratory"})
            diagnoses.append({"claim_id": f"{name}{n}", "diagnosis": code, "is_main": True})
    registered = [{"patient_id": f"P{name}", "registered_disease": "DM", "started_on": "2020-01-01"} for name in rows if name != "OLD"]
    found = hits(
        make_claims(
            claims=claims,
            items=items,
            diagnoses=diagnoses,
            registered_diseases=registered,
            registrable_diseases=[{"registered_disease": "DM", "icd_prefixes": ["E11"]}],
            catalogue=[{"item_code": "HBA1C", "valid_days": 30}],
        ),
        "repeated_exam",
    )
    assert set(found.claim_id) == {"OLD1", "OTHER1", "TOO_SOON1"}


def test_r17_five_purchases_a_month_among_people_who_rarely_buy(make_claims):
    def buy(name, patient, number, amount):
        return {
            "claim_id": name,
            "patient_id": patient,
            "institution_id": "Y1",
            "visit_type": "pharmacy",
            "started_on": day(number),
            "total_amount": amount,
            "account_amount": amount,
        }

    claims = [buy(f"N{n}", f"N{n // 2}", 60 + n % 70, 31.7 + n) for n in range(60)]
    claims += [buy(f"S{n}", "CASH", 100 + 4 * n, 198.0) for n in range(5)]
    claims += [buy(f"K{n}", "CHRONIC", 100 + 4 * n, 41.3 + 23.1 * n) for n in range(5)]  # as often, as the drugs cost
    found = hits(make_claims(claims=claims), "account_cash_out", "patient")
    assert set(found.entity_id) == {"CASH"}


def test_r18_a_small_town_fifteen_kilometres_across(make_claims):
    """0.16 degrees of longitude at 30 degrees north are 15 km: not within four minutes, but within half an hour."""
    visits = [
        {"claim_id": f"{who}{n}", "patient_id": who, "institution_id": f"H{n}", "visit_id": f"{who}{n}", "started_on": "2024-06-03"}
        | {"total_amount": 50.0 * n}
        for who in ("TWICE", "DROVE")
        for n in (1, 2)
    ]
    times = {"TWICE1": "09:00", "TWICE2": "09:04", "DROVE1": "09:00", "DROVE2": "09:30"}
    found = hits(
        make_claims(
            claims=visits,
            visits=[{"visit_id": name, "started_at": f"2024-06-03 {clock}:00"} for name, clock in times.items()],
            institutions=[
                {"institution_id": "H1", "longitude": 112.0, "latitude": 30.0},
                {"institution_id": "H2", "longitude": 112.16, "latitude": 30.0},
            ],
        ),
        "impersonation",
    )
    assert set(found.entity_id) == {"TWICE"}


def test_r19_more_scans_than_the_machine_can_do(make_claims):
    """Four hospitals with some ten scans of twenty minutes a day; one bills ninety on a day."""
    claims, items = [], []
    for house in range(4):
        for number in range(100, 130):
            count = 90 if house == 3 and number == 120 else 30 if house == 2 and number == 110 else 10
            for n in range(count):
                name = f"C{house}-{number}-{n}"
                claims.append(
                    {"claim_id": name, "patient_id": name, "institution_id": f"H{house}", "doctor_id": None, "started_on": day(number)}
                )
                items.append({"claim_id": name, "item_code": "CT", "charge_type": "examination"})
    found = hits(
        make_claims(claims=claims, items=items, catalogue=[{"item_code": "CT", "list_type": "service", "minutes": 20.0}]),
        "fictitious_service",
    )
    assert set(found.entity_id) == {"H3"}
    assert len(found) == 90


def test_r23_wards_of_a_nursing_home(make_claims):
    claims, people = [], []
    for n in range(60):
        people.append({"patient_id": f"P{n}", "address_group": "home" if n < 8 else f"street {n % 20}", "birth_date": "1940-01-01"})
    for month in range(4):
        for n in range(8):
            claims.append(
                {
                    "claim_id": f"W{month}-{n}",
                    "patient_id": f"P{n}",
                    "institution_id": "HOME",
                    "visit_type": "inpatient",
                    "started_on": day(30 * month + 5),
                    "ended_on": day(30 * month + 15),
                    "total_amount": 3000.0 + n,
                }
            )
    for n in range(8, 60):
        claims.append(
            {
                "claim_id": f"O{n}",
                "patient_id": f"P{n}",
                "institution_id": "HOME" if n % 2 else "H2",
                "doctor_id": "D1" if n % 2 else "D2",
                "visit_type": "inpatient",
                "started_on": day(n * 3),
                "ended_on": day(n * 3 + 5),
                "total_amount": 1000.0 + 211.0 * n,
            }
        )
    houses = [{"institution_id": "HOME", "has_nursing_home": True}]
    found = hits(make_claims(claims=claims, patients=people, institutions=houses), "nursing_home_collusion", "institution")
    assert set(found.claim_id) == {f"W{month}-{n}" for month in range(4) for n in range(8)}
