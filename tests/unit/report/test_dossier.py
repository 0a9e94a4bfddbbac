"""What is shown of a lead: complete, adding up, in plain words."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET

import pytest

from fraudml.report import dossiers
from fraudml.report.words import words


@pytest.fixture
def shown(ranked):
    return dossiers(*ranked)


def test_every_lead_has_what_an_inspector_needs(shown):
    assert {each["type"] for each in shown} >= {"institution", "patient", "pharmacy", "ring", "doctor"}
    for each in shown:
        assert each["title"]
        assert each["reasons"]
        assert each["checks"]
        assert each["pictures"], each["entity"]
        assert each["start"] <= each["end"]
        json.dumps({name: value for name, value in each.items() if name != "pictures"}, allow_nan=False, default=float)


def test_evidence_adds_up_to_the_amount_at_risk(shown):
    for each in shown:
        if not each["estimated"]:
            parts = sum(claim["amount"] for claim in each["claims"]) + sum(loose["amount"] for loose in each["loose"]) + each["rest_amount"]
            assert parts == pytest.approx(each["amount"], abs=0.005), each["entity"]


def test_lines_in_question_carry_their_amounts(shown):
    lead = next(each for each in shown if each["entity"] == "H1")
    lines = [line for claim in lead["claims"] for line in claim["lines"] if line["flagged"]]
    assert sum(line["asked"] for line in lines) == lead["amount"] == 100.0
    assert {line["name"] for line in lines} == {"@SUM(A1)"}


def test_pictures_are_well_formed_and_say_in_words_what_they_show(shown):
    for each in shown:
        for picture in each["pictures"]:
            root = ET.fromstring(picture["drawing"].svg())
            assert root.get("role") == "img"
            assert root.get("aria-label")
            assert "nan" not in picture["drawing"].svg()


def test_a_ring_is_drawn_with_its_members(shown):
    ring = next(each for each in shown if each["type"] == "ring")
    assert ring["pictures"][0]["name"] == words()["picture_ring"]["zh"]
    assert "D2" in ring["pictures"][0]["drawing"].svg()
    assert [member["entity_id"] for member in ring["members"]] == ["D2", "H2", "R0", "R1", "R2"]


def test_nothing_accuses(shown):
    for each in shown:
        text = json.dumps(each, ensure_ascii=False, default=str)
        assert "骗保" not in text
        assert "诈骗" not in text
        assert not re.search(r"_(?:1|3|12)m\b", "".join(reason["text"] for reason in each["reasons"])), "a feature's name"


def test_every_wording_exists_in_both_languages():
    for key, entry in words().items():
        assert set(entry) == {"zh", "en"}, f"{key}: a comma outside quotes?"
        assert all(entry.values()), key


def test_english_reads_english(ranked, make_claims):
    for each in dossiers(*ranked, lang="en"):
        own = [*each["checks"], each["title"], *(picture["name"] for picture in each["pictures"])]
        if each["type"] in ("ring", "doctor"):
            assert re.search("[a-z]", each["title"])
        assert own
