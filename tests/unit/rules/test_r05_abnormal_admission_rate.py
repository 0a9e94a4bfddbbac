"""R05 住院率显著异常: a screen over institutions, adjusted for age, sex and disease."""

from fraudml.rules import run_rules


def house(name, patients, admitted, birth="1970-05-05"):
    rows = [
        {
            "patient_id": f"{name}-{n}",
            "institution_id": name,
            "visit_type": "inpatient" if n < admitted else "outpatient",
            "started_on": "2024-05-03",
            "ended_on": "2024-05-06" if n < admitted else "2024-05-03",
            "claim_id": f"{name}-{n}",
        }
        for n in range(patients)
    ]
    return rows, [{"patient_id": f"{name}-{n}", "birth_date": birth} for n in range(patients)]


def test_only_the_house_far_above_its_peers_is_screened(make_claims):
    houses = [house(f"H{n}", 100, 8 + n % 3) for n in range(8)] + [house("HX", 100, 60)]
    claims = make_claims(claims=[row for rows, _ in houses for row in rows], patients=[one for _, people in houses for one in people])
    found = run_rules(claims, "2024-06-30", rules=["abnormal_admission_rate"])
    assert list(found.entity_id) == ["HX"]
    assert list(found.severity) == ["screen"]


def test_an_ageing_clientele_explains_more_admissions(make_claims):
    young = [house(f"H{n}", 100, 5) for n in range(4)]
    old = [house(f"O{n}", 100, 40, birth="1938-05-05") for n in range(4)]  # one of them would stand out without adjustment
    houses = [*young, *old]
    claims = make_claims(claims=[row for rows, _ in houses for row in rows], patients=[one for _, people in houses for one in people])
    assert run_rules(claims, "2024-06-30", rules=["abnormal_admission_rate"]).empty


def test_few_patients_prove_nothing(make_claims):
    houses = [house(f"H{n}", 100, 8) for n in range(4)] + [house("HS", 10, 9)]
    claims = make_claims(claims=[row for rows, _ in houses for row in rows], patients=[one for _, people in houses for one in people])
    assert run_rules(claims, "2024-06-30", rules=["abnormal_admission_rate"]).empty


def test_a_large_house_is_not_its_own_peer(make_claims):
    """Half of all patients of the level go to HX: what is usual is what the others do."""
    houses = [house(f"H{n}", 60, 6) for n in range(5)] + [house("HX", 300, 72)]
    claims = make_claims(claims=[row for rows, _ in houses for row in rows], patients=[one for _, people in houses for one in people])
    found = run_rules(claims, "2024-06-30", rules=["abnormal_admission_rate"])
    assert list(found.entity_id) == ["HX"]
