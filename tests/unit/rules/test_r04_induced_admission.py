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


def test_without_addresses_and_villages_the_rule_is_skipped(make_claims, questioned, caplog):
    nowhere = [{"patient_id": f"A{n}", "region": None} for n in range(4)]
    claims = make_claims(claims=group("A", 4, "H9"), patients=nowhere, institutions=PRIVATE)
    with caplog.at_level("WARNING", logger="fraudml"):
        assert questioned(claims, "induced_admission") == {}
    assert caplog.text.count("induced_admission") == 1


def test_a_village_is_fetched_where_no_addresses_are_known(make_claims, questioned):
    """R04 "from one address group or village": other persons each time, so that no address repeats; the county is no village."""
    county = [{"patient_id": f"HOME{n}", "region": f"3202{n % 40:02d}"} for n in range(200)]
    first = [row | {"patient_id": f"V{n}"} for n, row in enumerate(group("V", 4, "H9", month=2))]
    second = [row | {"patient_id": f"V{n + 4}"} for n, row in enumerate(group("V", 4, "H9", month=5))]
    town = [row | {"patient_id": f"T{n}"} for n, row in enumerate(group("T", 4, "H9", month=2) + group("T", 4, "H9", month=5))]
    patients = [
        *county,
        *({"patient_id": f"V{n}", "region": "320211104215"} for n in range(8)),
        *({"patient_id": f"T{n}", "region": "320211"} for n in range(8)),
        *({"patient_id": f"TOWN{n}", "region": "320211"} for n in range(100)),
    ]
    found = questioned(make_claims(claims=first + second + town, patients=patients, institutions=PRIVATE), "induced_admission")
    assert set(found) == {row["claim_id"] for row in first + second}


def alone(house, days, month):
    return [
        {
            "claim_id": f"{house}-{month}-{n}",
            "patient_id": f"{house}-{month}-{n}",
            "institution_id": house,
            "visit_type": "inpatient",
            "started_on": f"2024-{month:02d}-{day:02d}",
            "ended_on": f"2024-{month:02d}-{day + 4:02d}",
            "total_amount": 3000.0,
        }
        for n, day in enumerate(days)
    ]


def test_an_epidemic_is_up_at_more_houses_than_one(make_claims, questioned):
    """R04 look-alike: the groups come while the disease is up everywhere. One house that fills its beds then is no epidemic."""

    def found(singles, disease="J18.9"):
        usual = [row for n in range(1, 7) for month in range(1, 7) for row in alone(f"H{n}", [2], month)]
        claims = [*group("A", 14, "H9", month=2), *group("A", 14, "H9", month=4), *usual, *singles]
        ill = [{"claim_id": row["claim_id"], "diagnosis": disease, "is_main": True} for row in claims]
        made = make_claims(claims=claims, patients=people("A"), institutions=PRIVATE, diagnoses=ill)
        return {name.split("-")[0] for name in questioned(made, "induced_admission")}

    def more(house, days):
        return [row | {"claim_id": f"E{row['claim_id']}"} for month in (2, 4) for row in alone(house, days, month)]

    everywhere = [row for n in range(1, 7) for row in more(f"H{n}", [10, 12, 15, 17])]
    one_house = more("H1", [9, 10, 11, 12, 13, 14, 15, 16] * 3)
    assert found(everywhere) == set()
    assert found(one_house) == {"A"}
    assert found(everywhere, disease="E11.9") == {"A"}  # nobody catches diabetes
