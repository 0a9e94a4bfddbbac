"""R04 诱导住院: groups of one address admitted to one private house on the same days, again and again."""

PRIVATE = [{"institution_id": "H9", "ownership": "private"}]


def group(village, day, house, size=4, month=3):
    return [
        {
            "claim_id": f"{village}-{house}-{month}-{day}-{n}",
            "patient_id": f"{village}{n}",
            "institution_id": house,
            "visit_type": "inpatient",
            "started_on": f"2024-{month:02d}-{day:02d}",
            "ended_on": f"2024-{month:02d}-{day + 4:02d}",
            "total_amount": 3000.0,
        }
        for n in range(size)
    ]


def people(*villages):
    return [{"patient_id": f"{village}{n}", "address_group": village} for village in villages for n in range(9)]


def test_repeated_groups_in_a_private_house(make_claims, questioned):
    claims = make_claims(
        claims=[
            *group("A", 4, "H9", month=1),
            *group("A", 4, "H9", month=4),
            *group("B", 8, "H1", month=1),  # public
            *group("B", 8, "H1", month=4),
            *group("C", 10, "H9", size=2, month=2),  # a couple
            *group("C", 10, "H9", size=2, month=5),
        ],
        patients=people("A", "B", "C"),
        institutions=PRIVATE,
    )
    found = questioned(claims, "induced_admission")
    assert len(found) == 8
    assert all(name.startswith("A-H9") for name in found)


def test_one_accident_treated_in_many_houses_is_left(make_claims, questioned):
    patients = [*people("S"), *people("T")]
    one_date = group("S", 4, "H9", size=4) + [
        row | {"patient_id": f"S{n + 4}", "claim_id": f"H1-{n}"} for n, row in enumerate(group("S", 4, "H1"))
    ]
    again = group("T", 4, "H9", size=4, month=5)
    assert questioned(make_claims(claims=one_date, patients=patients, institutions=PRIVATE), "induced_admission", repeats=1) == {}
    found = questioned(make_claims(claims=one_date + again, patients=patients, institutions=PRIVATE), "induced_admission", repeats=1)
    assert all(name.startswith("T-H9") for name in found)


def test_without_addresses_the_rule_is_skipped(make_claims, questioned, caplog):
    claims = make_claims(claims=group("A", 4, "H9"), institutions=PRIVATE)
    with caplog.at_level("WARNING", logger="fraudml"):
        assert questioned(claims, "induced_admission") == {}
    assert caplog.text.count("induced_admission") == 1
