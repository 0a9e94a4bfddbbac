"""A16: 3:4:2:1 by largest remainders, deterministic, fair to small institutions, with chances."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fraudml.audit import run_programme
from fraudml.audit.grades import Scores, grades_of, peer_labels, shares_of

PARTS = {"A": 3, "B": 4, "C": 2, "D": 1}


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, [0, 0, 0, 0]),
        (1, [0, 1, 0, 0]),
        (2, [1, 1, 0, 0]),
        (3, [1, 1, 1, 0]),
        (5, [2, 2, 1, 0]),
        (7, [2, 3, 1, 1]),
        (147, [44, 59, 29, 15]),
    ],
)
def test_a16_small_numbers_by_largest_remainders(count, expected):
    assert list(shares_of(count, PARTS).values()) == expected


def test_a16_equal_scores_in_the_order_of_identifiers():
    assert grades_of(np.zeros(10), PARTS).tolist() == [0, 0, 0, 1, 1, 1, 1, 2, 2, 3]


def test_a16_the_small_are_shrunk_towards_their_peers():
    random = np.random.default_rng(0)
    counts = np.ones((30, 50, 1)) * 4
    rates = np.where(np.arange(30) % 2, 0.1, 0.3)
    sums = random.binomial(4, rates[:, None, None], (30, 50, 1)).astype(float)
    counts[0, 1:] = sums[0, 1:] = 0  # one patient's four claims, all of them doubtful
    sums[0, 0] = 4
    model = Scores.learned(sums, counts, ["all"] * 30, [1.0])
    scores = model.score(sums.sum(axis=1), counts.sum(axis=1))
    others = scores[2::2]  # as bad as 0.3, from two hundred claims each
    assert model.raw(sums, counts)[0, 0] == 1.0
    assert scores[0] < 1.5 * others.max()
    assert model.standard(np.zeros((30, 1)), np.zeros((30, 1))).tolist() == [[0.0]] * 30


def test_a16_peers_are_widened_from_the_right():
    about = pd.DataFrame({"kind": ["hospital"] * 12, "level": ["1"] * 8 + ["2"] * 4})
    assert peer_labels(about, 8) == ["hospital | 1"] * 8 + ["hospital"] * 4


@pytest.fixture
def graded(make_claims, conf_dir, tmp_path):
    """Ten hospitals, the later the more doubtful; H9 has claims of one patient only."""
    rows = [
        {
            "claim_id": f"H{h}-{n}",
            "patient_id": f"P{n}",
            "institution_id": f"H{h}",
            "total_amount": 100.0 + n,
            "credential_type": "electronic",
        }
        | {"started_on": f"2024-0{1 + n % 6}-1{n % 10}"}
        for h in range(10)
        for n in range(40 if h < 9 else 1)
    ]
    evidence = pd.DataFrame(
        [
            {"rule": "overpriced_charge", "severity": "clear", "entity_type": "institution", "entity_id": f"H{h}", "claim_id": f"H{h}-{n}"}
            | {"line_id": None, "occurred_on": None, "amount_in_question": 50.0}
            for h in range(9)
            for n in range(4 * h)
        ]
    )

    def run(order=1, seed=0, name="data"):
        claims = make_claims(claims=rows[::order], data_dir=tmp_path / name)
        folder = conf_dir("institution_grades")
        return run_programme(claims, "own", "2024-06-30", periods=["2024"], conf_dir=folder, evidence=evidence, seed=seed).lists[
            "institution_grades"
        ]

    return run


def test_a16_grades_with_chances(graded):
    listed = graded()
    rows = listed.rows.set_index("entity_id")
    assert rows["grade"].value_counts().to_dict() == {"A": 3, "B": 4, "C": 2, "D": 1}
    assert rows.loc["H8", "grade"] == "D" and rows.loc["H0", "grade"] == "A"
    assert np.allclose(rows[["p_A", "p_B", "p_C", "p_D"]].sum(axis=1), 1.0, atol=0.001)
    assert rows.loc["H8", "p_D"] > 0.6
    assert rows.loc["H9", ["p_A", "p_B", "p_C", "p_D"]].max() < 1.0
    assert any("仅因偶然改变等级" in note for note in listed.notes)
    # every part is told beside its peers'
    assert {"doubtful_claims", "doubtful_claims_peers", "doubtful_claims_part"} <= set(rows.columns)


def test_a16_is_deterministic(graded):
    one, two, other = graded(), graded(order=-1, name="two"), graded(seed=1)
    assert one.rows.equals(two.rows)
    assert one.rows["grade"].equals(other.rows["grade"])  # the seed moves chances, never grades
