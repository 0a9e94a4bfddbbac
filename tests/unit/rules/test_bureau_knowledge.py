"""A bureau's knowledge beside the catalogue: by code it wins on its days, by name it fills what the catalogue never says."""

import pytest

from fraudml.rules import run_rules

DRUG = {"item_code": "MET", "name": "盐酸二甲双胍片", "list_type": "drug"}
SCAN = {"item_code": "CT", "name": "胸部CT平扫扫描", "list_type": "service"}


@pytest.fixture
def bureau(tmp_path):
    """``bureau(indications=[…])``: a conf folder with these knowledge entries."""

    def write(**tables):
        folder = tmp_path / "conf" / "knowledge"
        folder.mkdir(parents=True, exist_ok=True)
        for name, rows in tables.items():
            (folder / f"{name}.yaml").write_text(f"source: the bureau\nversion: 3\nrows:\n  - {chr(10).join(rows)}\n", encoding="utf-8")
        return tmp_path / "conf"

    return write


def claims_hit(claims, rule, conf_dir=None):
    return set(run_rules(claims, "2024-06-30", [rule], conf_dir=conf_dir).claim_id)


def bill(make_claims, entry, days, diagnosis="J06", **item):
    """A claim on each day (in June 2024, or the given date) with one line of the item."""
    names = {f"C{n}": str(day) if "-" in str(day) else f"2024-06-{day:02d}" for n, day in enumerate(days, 1)}
    return make_claims(
        claims=[{"claim_id": name, "started_on": day} for name, day in names.items()],
        items=[{"claim_id": name, "item_code": entry["item_code"], "charge_type": "examination"} | item for name in names],
        diagnoses=[{"claim_id": name, "diagnosis": diagnosis, "is_main": True} for name in names],
        catalogue=[entry, {"item_code": "X", "name": "其他"}],
    )


def test_r13_the_bureaus_indication_wins_while_it_holds(make_claims, bureau):
    entry = DRUG | {"covered_diagnoses": ["E11"]}
    claims = bill(make_claims, entry, ["2024-03-10", "2024-06-10"], charge_type="western_drug")
    assert claims_hit(claims, "unindicated_drug") == {"C1", "C2"}
    assert claims_hit(claims, "unindicated_drug", bureau(indications=["[MET, null, J06, 2024-06-01, null]"])) == {"C1"}


def test_r13_defaults_by_name_serve_where_the_catalogue_is_silent(make_claims):
    assert claims_hit(bill(make_claims, DRUG, [10], charge_type="western_drug"), "unindicated_drug") == {"C1"}
    assert claims_hit(bill(make_claims, DRUG, [10], "E11.9", charge_type="western_drug"), "unindicated_drug") == set()


def test_r13_a_catalogue_that_speaks_of_others_leaves_this_one_open(make_claims):
    claims = make_claims(
        claims=[{}],
        items=[{"item_code": "MET", "charge_type": "western_drug"}],
        diagnoses=[{"claim_id": "C1", "diagnosis": "J06", "is_main": True}],
        catalogue=[DRUG, {"item_code": "B", "name": "乙", "covered_diagnoses": ["I10"]}],
    )
    assert claims_hit(claims, "unindicated_drug") == set()


def test_r11_validity_days_by_name_and_by_code(make_claims, bureau):
    claims = bill(make_claims, SCAN, [1, 9])
    assert claims_hit(claims, "repeated_exam") == {"C2"}
    assert claims_hit(claims, "repeated_exam", bureau(examination_validity=["[CT, null, 5, null, null]"])) == set()


def test_r08_composites_of_the_bureau_add_to_the_catalogues(make_claims, bureau):
    claims = make_claims(
        claims=[{}],
        items=[{"item_code": code} for code in ("WHOLE", "A", "B")],
        catalogue=[{"item_code": "WHOLE", "contains": ["A"]}, {"item_code": "A"}, {"item_code": "B"}],
    )
    assert len(run_rules(claims, "2024-06-30", ["unbundled_charge"])) == 1
    assert (
        len(run_rules(claims, "2024-06-30", ["unbundled_charge"], conf_dir=bureau(composites=["[WHOLE, null, B, null, null, null]"]))) == 2
    )


def test_r12_restrictions_of_the_bureau(make_claims, bureau):
    claims = bill(make_claims, SCAN, [3], in_scope_amount=100.0)
    empty = "null, " * 6
    assert claims_hit(claims, "restricted_item_misuse") == set()
    conf = bureau(restrictions=[f"[CT, null, C34|I21, {empty}null, null, null, null]"])
    assert claims_hit(claims, "restricted_item_misuse", conf) == {"C1"}
    assert claims_hit(bill(make_claims, SCAN, [3], "I21.0", in_scope_amount=100.0), "restricted_item_misuse", conf) == set()


def test_r12_anatomy_by_name(make_claims):
    claims = bill(make_claims, {"item_code": "P", "name": "前列腺特异抗原"}, [3], in_scope_amount=100.0)
    assert claims_hit(claims, "restricted_item_misuse") == {"C1"}


def test_r14_doses_of_the_bureau(make_claims, bureau):
    claims = bill(make_claims, DRUG, [3], charge_type="western_drug", quantity=70.0, days_supply=7.0)
    assert claims_hit(claims, "excessive_prescription", bureau(dose_limits=["[MET, null, 2550, 500, null, null]"])) == {"C1"}
    assert claims_hit(claims, "excessive_prescription", bureau(dose_limits=["[MET, null, 5000, 500, null, null]"])) == set()


def test_r18_regions_stand_in_for_coordinates_and_err_on_the_near_side(make_claims):
    visits = [
        {"claim_id": "A", "institution_id": "H1", "started_on": "2024-06-03"},
        {"claim_id": "B", "institution_id": "H2", "started_on": "2024-06-03"},
    ]
    lines = [
        {"claim_id": "A", "item_code": "X", "occurred_at": "2024-06-03 09:00:00"},
        {"claim_id": "B", "item_code": "Y", "occurred_at": "2024-06-03 09:40:00"},
    ]

    def found(one, other):
        houses = [{"institution_id": "H1", "region": one}, {"institution_id": "H2", "region": other}]
        return run_rules(make_claims(claims=visits, items=lines, institutions=houses), "2024-06-30", ["impersonation"])

    assert len(found("110101", "440103")) >= 1  # Beijing and Guangdong
    assert found("110101", "130102").empty  # neighbours: may lie side by side
    assert found("430102", "430702").empty  # one province


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["[null, null, E11, null, null]"], r"indications\.yaml:4: gives none of item_code, name_like"),
        (["[A, null, E11, 2024-05-01, 2024-04-01]"], r"indications\.yaml:4: ends on 2024-04-01, before it begins"),
        (["[A, null, E11, null, null]", "  - [A, null, E11, 2024-05-01, null]"], r"indications\.yaml:5: .* line 4 already covers"),
    ],
)
def test_wrong_entries_are_refused(bureau, make_claims, rows, message):
    from fraudml.errors import FraudmlError

    with pytest.raises(FraudmlError, match=message):
        run_rules(make_claims(claims=[{}]), "2024-06-30", ["unindicated_drug"], conf_dir=bureau(indications=rows))


def test_a_value_outside_its_range_is_refused(bureau, make_claims):
    from fraudml.errors import FraudmlError

    with pytest.raises(FraudmlError, match=r"examination_validity\.yaml:4: valid_days=0 is outside 1…3650"):
        run_rules(make_claims(claims=[{}]), "2024-06-30", conf_dir=bureau(examination_validity=["[CT, null, 0, null, null]"]))
