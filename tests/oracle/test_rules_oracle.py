"""Slow, obvious pandas versions of rules beside the SQL: the same claims, in any order of rows and under any ids."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from fraudml.rules import run_rules

START = pd.Timestamp("2024-01-01")


@pytest.fixture
def bills():
    """Six hundred random purchases of drugs and examinations, and forty stays."""
    random = np.random.default_rng(5)
    claims, items, diagnoses = [], [], []
    for n in range(600):
        day = START + pd.Timedelta(days=int(random.integers(0, 150)))
        name = f"C{n:03d}"
        claims.append(
            {"claim_id": name, "patient_id": f"P{random.integers(0, 25):02d}", "institution_id": f"H{random.integers(0, 4)}", "day": day}
        )
        days = int(random.choice([7, 14, 28]))
        code = str(random.choice(["A", "B", "CT"]))
        more = {"quantity": float(days), "days_supply": float(days)} if code != "CT" else {"charge_type": "examination"}
        items.append({"claim_id": name, "line_id": name, "item_code": code, "unit_price": float(random.integers(50, 150)), **more})
    for n in range(40):
        day = START + pd.Timedelta(days=int(random.integers(0, 140)))
        claims.append(
            {"claim_id": f"S{n:02d}", "patient_id": f"P{random.integers(0, 8):02d}", "institution_id": "H0", "day": day, "nights": 3}
        )
        diagnoses.append({"claim_id": f"S{n:02d}", "diagnosis": str(random.choice(["I25", "J18"])), "is_main": True})
    return claims, items, diagnoses


def canonical(make_claims, bills, rename=str, shuffle=0, **more):
    claims, items, diagnoses = bills
    rows = [
        {
            "claim_id": rename(row["claim_id"]),
            "patient_id": row["patient_id"],
            "institution_id": row["institution_id"],
            "visit_type": "inpatient" if "nights" in row else "outpatient",
            "started_on": f"{row['day']:%Y-%m-%d}",
            "ended_on": f"{row['day'] + pd.Timedelta(days=row.get('nights', 0)):%Y-%m-%d}",
        }
        for row in claims
    ]
    lines = [row | {"claim_id": rename(row["claim_id"]), "line_id": rename(row["line_id"])} for row in items]
    codes = [row | {"claim_id": rename(row["claim_id"])} for row in diagnoses]
    order = np.random.default_rng(shuffle)
    for each in (rows, lines, codes):
        if shuffle:
            order.shuffle(each)
    catalogue = [{"item_code": code, "list_type": "drug"} for code in ("A", "B")]
    catalogue.append({"item_code": "CT", "list_type": "service", "price_cap": 100.0, "valid_days": 20})
    return make_claims(claims=rows, items=lines, diagnoses=codes, catalogue=catalogue, **more)


def found(claims, rule):
    evidence = run_rules(claims, "2024-06-30", rules=[rule])
    return evidence[evidence.amount_in_question > 0].set_index("claim_id").amount_in_question.sort_index()


def test_overpriced(make_claims, bills):
    _, items, _ = bills
    expected = {row["claim_id"]: row["unit_price"] - 100.0 for row in items if row["item_code"] == "CT" and row["unit_price"] > 100.5}
    assert found(canonical(make_claims, bills), "overpriced_charge").to_dict() == pytest.approx(expected)


def test_repeated_examinations(make_claims, bills):
    claims, items, _ = bills
    day = {row["claim_id"]: row["day"] for row in claims}
    who = {row["claim_id"]: row["patient_id"] for row in claims}
    house = {row["claim_id"]: row["institution_id"] for row in claims}
    scans = sorted((who[row["claim_id"]], day[row["claim_id"]], row["claim_id"]) for row in items if row["item_code"] == "CT")
    expected = {
        late[2]
        for early, late in itertools.pairwise(scans)
        # twice in one house at one moment (here every line of a day) is one examination
        if early[0] == late[0] and (late[1] - early[1]).days < 20 and not (early[1] == late[1] and house[early[2]] == house[late[2]])
    }
    assert set(found(canonical(make_claims, bills), "repeated_exam").index) == expected


def test_split_admissions(make_claims, bills):
    claims, _, diagnoses = bills
    code = {row["claim_id"]: row["diagnosis"] for row in diagnoses}
    stays = sorted((row["patient_id"], row["day"], row["claim_id"]) for row in claims if "nights" in row)
    expected = set()
    for early, late in itertools.pairwise(stays):
        gap = (late[1] - early[1]).days - 3
        if early[0] == late[0] and 0 <= gap <= 15 and code[early[2]] == code[late[2]]:
            expected.add(late[2])
    assert set(found(canonical(make_claims, bills), "split_admission").index) == expected


def test_overlapping_supplies(make_claims, bills):
    claims, items, _ = bills
    about = {row["claim_id"]: row for row in claims}
    drugs = [(about[row["claim_id"]], row) for row in items if row["item_code"] != "CT"]
    overlaps = {}
    for (early, first), (late, second) in itertools.permutations(drugs, 2):
        gap = (late["day"] - early["day"]).days
        same = early["patient_id"] == late["patient_id"] and first["item_code"] == second["item_code"]
        before = gap > 0 or (gap == 0 and early["claim_id"] < late["claim_id"])
        if not same or early["institution_id"] == late["institution_id"] or not before or gap >= 30:
            continue
        overlap = min(first["days_supply"] - gap, second["days_supply"])
        best = overlaps.get(late["claim_id"])
        if best is None or (-overlap, early["claim_id"]) < (-best[0], best[1]):
            overlaps[late["claim_id"]] = (overlap, early["claim_id"], first["days_supply"], second["days_supply"])
    kept = {name: each for name, each in overlaps.items() if each[0] >= 5 and each[0] >= 0.4 * min(each[2:])}
    code = {row["claim_id"]: row["item_code"] for row in items}
    times = pd.Series([(about[name]["patient_id"], code[name]) for name in kept]).value_counts()
    expected = {
        name for name, each in kept.items() if times[(about[name]["patient_id"], code[name])] >= 2 or each[0] >= 0.7 * min(each[2:])
    }
    assert set(found(canonical(make_claims, bills), "cross_institution_duplicate_drug").index) == expected


def test_row_order_and_names_change_nothing(make_claims, bills, tmp_path):
    plain = canonical(make_claims, bills, data_dir=tmp_path / "plain")
    shuffled = canonical(make_claims, bills, shuffle=3, data_dir=tmp_path / "shuffled")
    pd.testing.assert_frame_equal(run_rules(plain, "2024-06-30"), run_rules(shuffled, "2024-06-30"))
    renamed = canonical(make_claims, bills, rename=lambda name: f"X{name}", data_dir=tmp_path / "renamed")
    before, after = run_rules(plain, "2024-06-30"), run_rules(renamed, "2024-06-30")
    assert list("X" + before.claim_id.dropna()) == list(after.claim_id.dropna())
    pd.testing.assert_series_equal(before.amount_in_question, after.amount_in_question)
