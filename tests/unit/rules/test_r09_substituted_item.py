"""R09 串换: the dear article of a generic far more often than peers, its cheaper sibling far less."""

BRANDS = [{"item_code": code, "list_type": "drug", "generic_code": "G", "name": code} for code in ("DEAR", "CHEAP")]


def house(name, dear, cheap, diagnosis="I10"):
    claims = [
        {"claim_id": f"{name}-{n}", "patient_id": f"{name}p{n}", "institution_id": name, "total_amount": 50.0} for n in range(dear + cheap)
    ]
    items = [
        {
            "claim_id": row["claim_id"],
            "line_id": row["claim_id"],
            "item_code": "DEAR" if n < dear else "CHEAP",
            "unit_price": 50.0 if n < dear else 10.0,
        }
        for n, row in enumerate(claims)
    ]
    return claims, items, [{"claim_id": row["claim_id"], "diagnosis": diagnosis, "is_main": True} for row in claims]


def city(*houses):
    return {key: [row for each in houses for row in each[n]] for n, key in enumerate(("claims", "items", "diagnoses"))}


PEERS = [house(f"H{n}", 10, 50) for n in range(5)]


def test_the_house_that_bills_the_dear_one_is_found(make_claims, questioned):
    found = questioned(make_claims(**city(*PEERS, house("HX", 58, 2)), catalogue=BRANDS), "substituted_item")
    assert len(found) == 58
    assert all(name.startswith("HX-") for name in found)
    assert all(amount < 40.0 for amount in found.values())  # the difference in price only


def test_specialists_formulary_changes_and_small_numbers_are_left(make_claims, questioned):
    specialist = [house("HS", 58, 2, diagnosis="M35"), house("HT", 57, 3, diagnosis="M35")]
    small = house("HK", 5, 0)
    assert questioned(make_claims(**city(*PEERS, *specialist, small), catalogue=BRANDS), "substituted_item") == {}
    gone = [BRANDS[0], BRANDS[1] | {"started_on": "2020-01-01", "ended_on": "2024-05-31"}]
    assert questioned(make_claims(**city(*PEERS, house("HX", 58, 2)), catalogue=gone), "substituted_item") == {}
    stock = [{"institution_id": "HX", "item_code": "DEAR", "month": "2024-06-01", "purchased": 60.0, "unit": "base"}]
    assert questioned(make_claims(**city(*PEERS, house("HX", 58, 2)), catalogue=BRANDS, inventory=stock), "substituted_item") == {}


def test_where_the_catalogue_knows_no_generics_one_label_makes_siblings(make_claims, questioned):
    def labelled(cheap):
        return [
            {"item_code": "DEAR", "list_type": "drug", "covered_diagnoses": ["I10"]},
            {"item_code": "CHEAP", "list_type": "drug"} | cheap,
        ]

    claims = city(*PEERS, house("HX", 58, 2))
    assert len(questioned(make_claims(**claims, catalogue=labelled({"covered_diagnoses": ["I10"]})), "substituted_item")) == 58
    assert questioned(make_claims(**claims, catalogue=labelled({"covered_diagnoses": ["J18"]})), "substituted_item") == {}


def test_goods_that_others_charge_outside_the_scope(make_claims, questioned):
    """R09 "non-covered goods billed as covered": the same article, paid by the customer everywhere else."""
    claims, items = [], []
    for shop in range(5):
        for n in range(8):
            name = f"{shop}-{n}"
            claims.append({"claim_id": name, "patient_id": name, "institution_id": f"Y{shop}", "visit_type": "pharmacy"})
            scope = 60.0 if shop == 4 else 0.0
            items.append({"claim_id": name, "item_code": "MASK", "unit_price": 60.0, "in_scope_amount": scope})
    # a slip is no habit, and what is covered everywhere is no disguise
    items[0]["in_scope_amount"] = 60.0
    items += [{"claim_id": row["claim_id"], "item_code": "PILL", "unit_price": 5.0, "in_scope_amount": 5.0} for row in claims]
    found = questioned(make_claims(claims=claims, items=items), "substituted_item")
    assert found == {f"4-{n}": 60.0 for n in range(8)}


def parlour(name, massages, others, visits_each):
    """Massages, and needles and lamps in turn, ``visits_each`` by each patient; ``massages`` come first."""
    claims, items, diagnoses = [], [], []
    for n in range(massages + sum(others.values())):
        claim = f"{name}-{n}"
        code = "MASSAGE" if n < massages else [code for code, count in others.items() for _ in range(count)][n - massages]
        claims.append({"claim_id": claim, "patient_id": f"{name}p{n // visits_each}", "institution_id": name, "total_amount": 50.0})
        price = {"MASSAGE": 40.0, "NEEDLES": 20.0, "LAMP": 10.0}[code]
        items.append({"claim_id": claim, "line_id": claim, "item_code": code, "unit_price": price, "charge_type": "treatment"})
        diagnoses.append({"claim_id": claim, "diagnosis": "M54", "is_main": True})
    return claims, items, diagnoses


THERAPIES = [{"item_code": code, "list_type": "service", "name": code} for code in ("MASSAGE", "NEEDLES", "LAMP")]


def test_several_siblings_that_give_way_a_little_each_are_judged_together(make_claims, questioned):
    """R09: neither needles nor lamps alone are missing by much; together they are."""
    peers = [parlour(f"H{n}", 12, {"NEEDLES": 12, "LAMP": 12}, 1) for n in range(5)]
    found = questioned(
        make_claims(**city(*peers, parlour("HX", 29, {"NEEDLES": 4, "LAMP": 5}, 1)), catalogue=THERAPIES), "substituted_item"
    )
    assert {name.split("-")[0] for name in found} == {"HX"}


def test_one_patients_many_treatments_are_one_decision(make_claims, questioned):
    """R09: twelve patients who each keep to one therapy are twelve decisions, not seventy-two."""
    peers = [parlour(f"H{n}", 24, {"NEEDLES": 24, "LAMP": 24}, 6) for n in range(5)]
    kept = parlour("HX", 60, {"NEEDLES": 6, "LAMP": 6}, 6)  # ten patients of twelve, where a third of them would be usual
    alone = parlour("HX", 60, {"NEEDLES": 6, "LAMP": 6}, 1)
    assert questioned(make_claims(**city(*peers, kept), catalogue=THERAPIES), "substituted_item") == {}
    assert questioned(make_claims(**city(*peers, alone), catalogue=THERAPIES), "substituted_item")


def test_a_companion_that_both_have_does_not_hide_the_sibling_that_gave_way(make_claims, questioned):
    """R09: lamps go with either therapy; massages stand where the peers have needles."""
    peers = [parlour(f"H{n}", 12, {"NEEDLES": 12, "LAMP": 36}, 1) for n in range(5)]
    found = questioned(
        make_claims(**city(*peers, parlour("HX", 23, {"NEEDLES": 1, "LAMP": 36}, 1)), catalogue=THERAPIES), "substituted_item"
    )
    assert {name.split("-")[0] for name in found} == {"HX"}


def lamp_house(name, massages, lamps):
    """Sixty visits, ``lamps`` of them with the lamp and ``massages`` (from the other end) with a massage."""
    claims = [{"claim_id": f"{name}-{n}", "patient_id": f"{name}p{n}", "institution_id": name, "total_amount": 50.0} for n in range(60)]
    items = [
        {"claim_id": row["claim_id"], "item_code": code, "unit_price": price, "charge_type": "treatment"}
        for n, row in enumerate(claims)
        for code, price, is_given in (("MASSAGE", 40.0, n >= 60 - massages), ("LAMP", 10.0, n < lamps))
        if is_given
    ]
    return claims, items, [{"claim_id": row["claim_id"], "diagnosis": "M54", "is_main": True} for row in claims]


def test_what_comes_on_top_takes_nobodys_place(make_claims, questioned):
    """R09 "where a cheaper sibling is billed far less": a house that gives massages besides the lamp exchanges nothing."""
    peers = [lamp_house(f"H{n}", 12, 54) for n in range(5)]
    assert questioned(make_claims(**city(*peers, lamp_house("HX", 48, 46)), catalogue=THERAPIES), "substituted_item") == {}
    assert questioned(make_claims(**city(*peers, lamp_house("HX", 48, 12)), catalogue=THERAPIES), "substituted_item")


def test_a_disease_that_is_rare_everywhere_is_judged_by_which_article_of_the_generic(make_claims, questioned):
    """R09 imported against domestic stents: two infarctions a house are no peers, what the city implants at all is."""
    stents = [{"item_code": code, "list_type": "consumable", "generic_code": "STENT", "name": code} for code in ("DEAR", "CHEAP")]
    peers = [house(f"H{n}", 2, 8, diagnosis="I25") for n in range(5)]
    found = questioned(make_claims(**city(*peers, house("HX", 14, 2, diagnosis="I21")), catalogue=stents), "substituted_item")
    assert len(found) == 14
    assert questioned(make_claims(**city(*peers, house("HX", 3, 13, diagnosis="I21")), catalogue=stents), "substituted_item") == {}


def test_what_other_houses_do_as_well_is_a_habit(make_claims, questioned):
    """R09 look-alike: three houses of eight buy the dear brand."""
    habit = [house(name, 58, 2) for name in ("HX", "HY", "HZ")]
    assert questioned(make_claims(**city(*PEERS, *habit), catalogue=BRANDS), "substituted_item") == {}


def test_a_brand_that_a_house_never_carried_is_not_exchanged_unless_stock_says_so(make_claims, questioned):
    """R09 look-alike: the formulary holds one brand; but what was billed must have been bought."""
    claims = city(*PEERS, house("HX", 60, 0))
    assert questioned(make_claims(**claims, catalogue=BRANDS), "substituted_item") == {}
    stock = [{"institution_id": "HX", "item_code": "DEAR", "month": "2024-06-01", "purchased": 10.0, "unit": "base"}]
    assert len(questioned(make_claims(**claims, catalogue=BRANDS, inventory=stock), "substituted_item")) == 60


def test_which_is_the_cheaper_is_asked_at_the_house_s_own_level(make_claims, questioned):
    """R09: the high grade costs at a small house what the low grade costs at a large one."""
    grades = [{"item_code": code, "list_type": "service", "name": code} for code in ("HIGH", "LOW")]

    def ward(name, high, low, prices):
        claims, items, diagnoses = house(name, high, low)
        for item in items:
            dear = item["item_code"] == "DEAR"
            item |= {"item_code": "HIGH" if dear else "LOW", "charge_type": "nursing", "unit_price": prices[0 if dear else 1]}
        return claims, items, diagnoses

    small = [ward(f"H{n}", 10, 40, (14.0, 9.0)) for n in range(5)]
    large = [ward(f"T{n}", 10, 90, (30.0, 14.0)) for n in range(3)]
    places = [{"institution_id": f"H{n}", "level": 1} for n in range(5)] + [{"institution_id": "HX", "level": 1}]
    places += [{"institution_id": f"T{n}", "level": 3} for n in range(3)]
    found = questioned(
        make_claims(**city(*small, *large, ward("HX", 46, 4, (14.0, 9.0))), catalogue=grades, institutions=places), "substituted_item"
    )
    assert {name.split("-")[0] for name in found} == {"HX"}


def test_goods_behind_an_article_are_what_customers_choose_not_what_a_doctor_ordered(make_claims, questioned):
    """R09 串换物品 in a shop: 40 of its 40 customers leave with the same tonic. The shop at the hospital's gate fills prescriptions."""

    def shops(**more):
        claims, items = [], []
        for shop in range(6):
            for n in range(40):
                name = f"Y{shop}-{n}"
                sold = "TONIC" if shop == 5 or n < 2 else "SYRUP"
                sale = {"claim_id": name, "patient_id": name, "institution_id": f"Y{shop}", "visit_type": "pharmacy"}
                claims.append(sale | more if shop == 5 else sale)
                items.append({"claim_id": name, "item_code": sold, "unit_price": 30.0})
        return make_claims(claims=claims, items=items, catalogue=[{"item_code": code, "list_type": "drug"} for code in ("TONIC", "SYRUP")])

    assert {name.split("-")[0] for name in questioned(shops(), "substituted_item")} == {"Y5"}
    assert questioned(shops(prescribing_institution_id="H1", prescribing_doctor_id="D1"), "substituted_item") == {}
