"""R20 伪造票据: a manual reimbursement with a number that was used before, or that its institution cannot have issued then."""

import pytest

from fraudml.rules import run_rules


def manual(claim, patient, number, day="2024-06-03", **more):
    return {
        "claim_id": claim,
        "patient_id": patient,
        "invoice_no": number,
        "is_manual": True,
        "started_on": day,
        "total_amount": 613.27,
    } | more


@pytest.fixture
def found(make_claims):
    # H9 numbers its invoices as the days go by
    honest = [manual(f"N{n:02}", f"Q{n}", f"{70010 + 3 * n:08}", f"2024-05-{n:02}", institution_id="H9") for n in range(1, 26)]
    claims = [
        *honest,
        manual("STRAY", "P9", "00098000", "2024-05-12", institution_id="H9"),  # HIT: a number far from that day's
        manual("FIRST", "P1", "11110001"),  # HIT: whose of the two is the original, is open
        manual("COPY", "P2", "11110001", settled_at="2024-06-09 10:00:00"),  # HIT: another person's number
        manual("CANCELLED", "P3", "11110002"),
        manual("CANCEL", "P3", None, total_amount=-613.27, is_refund=True, refund_of="CANCELLED"),
        manual("REISSUED", "P3", "11110002", settled_at="2024-06-09 10:00:00"),  # the original was taken back
        manual("PART1", "P4", "11110003", visit_id="V4"),
        manual("PART2", "P4", "11110003", visit_id="V4", total_amount=50.5),  # one visit, settled in two parts
        manual("ROUND1", "P5", "11110004", total_amount=5000.0),  # HIT: three round sums of one person
        manual("ROUND2", "P5", "11110005", total_amount=3000.0),
        manual("ROUND3", "P5", "11110006", total_amount=4000.0),
        manual("ROUND_ONCE", "P6", "11110007", total_amount=2000.0),
        {"claim_id": "ONLINE", "patient_id": "P7", "invoice_no": "11110008"},
        {"claim_id": "NO_NUMBER", "patient_id": "P8", "is_manual": True, "total_amount": 77.1},
    ]
    # what bills look like that nobody invented
    claims += [{"claim_id": f"U{n}", "patient_id": f"U{n}", "total_amount": 200.37 + n} for n in range(60)]
    return run_rules(make_claims(claims=claims), "2024-06-30", rules=["forged_invoice"])


def test_copies_strays_and_round_sums_are_evidence_a_reissue_is_not(found):
    assert set(found.claim_id) == {"FIRST", "COPY", "STRAY", "ROUND1", "ROUND2", "ROUND3"}


def test_it_speaks_against_the_person_with_the_amount_of_the_claim(found):
    rows = found.set_index("claim_id")
    assert set(found.entity_type) == {"patient"}
    assert rows.entity_id["COPY"] == "P2"
    assert rows.amount_in_question["COPY"] == 613.27
    assert rows.strength["COPY"] > rows.strength["ROUND1"]


def test_of_two_persons_with_one_invoice_both_are_named_and_one_amount_is_in_question(found):
    rows = found.set_index("claim_id")
    assert (rows.entity_id["FIRST"], rows.entity_id["COPY"]) == ("P1", "P2")
    assert (rows.amount_in_question["FIRST"], rows.amount_in_question["COPY"]) == (0.0, 613.27)
    assert rows.strength["FIRST"] < rows.strength["COPY"]


def test_before_the_original_was_cancelled_the_second_number_is_evidence(make_claims):
    claims = make_claims(
        claims=[
            manual("CANCELLED", "P3", "11110002", "2024-06-01"),
            manual("REISSUED", "P3", "11110002", "2024-06-03", total_amount=600.0),
            manual("CANCEL", "P3", None, "2024-06-20", total_amount=-613.27, is_refund=True, refund_of="CANCELLED"),
        ]
    )
    assert list(run_rules(claims, "2024-06-10", rules=["forged_invoice"]).claim_id) == ["REISSUED"]
    assert run_rules(claims, "2024-06-30", rules=["forged_invoice"]).empty


def test_sums_just_below_a_limit(make_claims):
    claims = [manual(f"HIT{n}", "P1", f"2222{n:04}", total_amount=amount) for n, amount in enumerate((9980.0, 9950.5, 9890.0, 4990.0))]
    claims += [manual(f"ONCE{n}", f"P{2 + n}", f"3333{n:04}", total_amount=9960.4) for n in range(2)]
    claims += [manual(f"PLAIN{n}", "P9", f"4444{n:04}", total_amount=7311.7 + 301.3 * n) for n in range(4)]
    claims += [{"claim_id": f"U{n}", "patient_id": f"U{n}", "total_amount": 611.37 + 31.7 * n} for n in range(60)]
    found = run_rules(make_claims(claims=claims), "2024-06-30", rules=["forged_invoice"])
    assert set(found.claim_id) == {f"HIT{n}" for n in range(4)}


def test_an_institution_that_keeps_records_and_knows_no_such_patient(make_claims):
    """A single such claim is a clue where the house's own bills, and others' bills by hand, all have their visit."""
    online = [{"claim_id": f"O{n}", "patient_id": f"O{n}", "total_amount": 100.3 + n} for n in range(40)]
    by_hand = [manual(f"M{n}", f"M{n}", f"5555{n:04}", total_amount=713.3 + n) for n in range(25)]
    hit = manual("HIT", "STRANGER", "66660001", total_amount=731.9)
    regular = manual("REGULAR", "O7", "66660002", total_amount=732.9)  # known there from other days
    visits = [{"visit_id": f"V{claim['claim_id']}", "started_at": "2024-06-03 09:00:00"} for claim in online + by_hand]
    tables = {"claims": [*online, *by_hand, hit, regular], "visits": visits}
    found = run_rules(make_claims(**tables), "2024-06-30", rules=["forged_invoice"])
    assert set(found.claim_id) == {"HIT"}


def test_bills_by_hand_that_never_have_a_visit_prove_nothing(make_claims):
    online = [{"claim_id": f"O{n}", "patient_id": f"O{n}", "total_amount": 100.3 + n} for n in range(40)]
    by_hand = [manual(f"M{n}", f"M{n}", f"5555{n:04}", total_amount=713.3 + n) for n in range(25)]
    visits = [{"visit_id": f"V{claim['claim_id']}", "started_at": "2024-06-03 09:00:00"} for claim in online]
    assert run_rules(make_claims(claims=online + by_hand, visits=visits), "2024-06-30", rules=["forged_invoice"]).empty


def test_numbers_in_one_row_on_bills_of_different_weeks_come_from_one_pad(make_claims):
    """A house far away, of which few bills are known, writes more than one invoice in two weeks."""
    pad = [manual(f"PAD{n}", f"P{n}", f"00412{70 + n}", f"2024-0{3 + n // 2}-{5 + 15 * (n % 2):02}", institution_id="W1") for n in range(4)]
    week = [manual(f"WEEK{n}", f"Q{n}", f"0099{110 + n}", f"2024-05-{6 + n:02}", institution_id="W2") for n in range(4)]  # busy days
    pair = [manual(f"PAIR{n}", f"R{n}", f"0077{310 + n}", f"2024-0{3 + n}-05", institution_id="W3") for n in range(2)]  # may be chance
    other = [manual(f"U{n}", f"U{n}", f"{8000 + 977 * n:08}", institution_id=f"W{10 + n}") for n in range(20)]
    found = run_rules(make_claims(claims=[*pad, *week, *pair, *other]), "2024-06-30", rules=["forged_invoice"])
    assert set(found.claim_id) == {f"PAD{n}" for n in range(4)}
    assert set(found.entity_id) == {f"P{n}" for n in range(4)}


def test_where_every_house_counts_this_payer_s_invoices_a_row_says_nothing(make_claims):
    rows = [
        manual(f"N{house}_{n}", f"P{house}_{n}", f"{house:02}{n:06}", f"2024-0{2 + n}-11", institution_id=f"W{house}")
        for house in range(6)
        for n in range(4)
    ]
    assert run_rules(make_claims(claims=rows), "2024-06-30", rules=["forged_invoice"]).empty
