"""R26 超常预警: a drug's use in a month far beyond the own history and the peers' season."""

import pytest

from fraudml.rules import load_rules, run_rules

MONTHS = ["2023-10", "2023-11", "2023-12", "2024-01", "2024-02", "2024-03", "2024-04", "2024-05", "2024-06"]


@pytest.fixture
def found(make_claims):
    claims, items = [], []

    def use(place, item, counts):
        for month, count in zip(MONTHS, counts, strict=True):
            for n in range(count):
                claim = f"{place}{item}{month}{n}"
                claims.append(
                    {
                        "claim_id": claim,
                        "patient_id": claim,
                        "institution_id": place,
                        "doctor_id": None,
                        "started_on": f"{month}-{1 + n % 28:02}",
                    }
                )
                items.append({"claim_id": claim, "item_code": item, "unit_price": 10.0})

    use("H1", "STATIN", [10, 11, 9, 10, 10, 11, 9, 10, 60])  # HIT: six times the usual
    use("H2", "STATIN", [10, 9, 10, 11, 10, 9, 11, 10, 11])
    use("H3", "STATIN", [12, 11, 12, 13, 12, 11, 12, 12, 13])
    use("H9", "OTHER", [20] * 9)
    for place in ("H10", "H11"):
        use(place, "SERUM", [12] * 9)
    use("H9", "SERUM", [0, 0, 0, 0, 0, 0, 0, 0, 50])  # HIT: from nothing, what the others use all along
    for place in ("H4", "H5", "H6"):
        use(place, "OSELTAMIVIR", [8, 8, 9, 8, 8, 9, 8, 8, 50])  # an epidemic that all share
    for item in ("STATIN", "OTHER"):
        use("H8", item, [10, 10, 10, 10, 10, 10, 10, 10, 40])  # four times the patients, whatever they are given
    use("H7", "NEW", [0, 0, 0, 0, 0, 5, 10, 20, 60])  # newly listed
    catalogue = [{"item_code": item, "name": item, "list_type": "drug"} for item in ("STATIN", "SERUM", "OSELTAMIVIR", "NEW", "OTHER")]
    return run_rules(make_claims(claims=claims, items=items, catalogue=catalogue), "2024-06-30", rules=["usage_surge"])


def test_a_surge_of_one_is_shown_an_epidemic_and_a_new_drug_are_not(found):
    assert set(found.entity_id) == {"H1", "H9"}
    assert set(found.severity) == {"screen"}
    assert found.entity_id.value_counts().to_dict() == {"H1": 60, "H9": 50}


def test_only_what_lies_beyond_the_due_quantity_counts(found):
    found = found[found.entity_id == "H1"]
    assert 400 < found.amount_in_question.sum() < 520
    assert "60" in load_rules()["usage_surge"].text(found.facts.iloc[0])
