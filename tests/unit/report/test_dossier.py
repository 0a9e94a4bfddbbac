"""What is shown of a lead: complete, adding up, in plain words."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from fraudml.report import dossiers
from fraudml.report.peers import counting_word
from fraudml.report.pictures import peers_picture
from fraudml.report.words import words
from fraudml.vectors import load_catalogue


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


def test_a_picture_of_peers_says_no_more_than_the_sentence_beside_it():
    """R27: a value above the fifty dots is not above all; among few it is above all of them, never above 100 %."""
    dots = [float(n) for n in range(50)]
    assert peers_picture(dots, 99.0, "次", "zh").description.endswith("高于99%的同类")
    assert peers_picture(dots, 99.0, "次", "zh", above=99.7).description.endswith("高于99.7%的同类")
    assert peers_picture(dots[:8], 99.0, "次", "zh", each_one=True).description.endswith("高于所有同类")
    assert peers_picture(dots[:8], 3.5, "次", "zh", each_one=True).description.endswith("高于50%的同类")


@pytest.mark.parametrize(
    ("entity", "feature", "zh", "en"),
    [
        ("institution", "admission_rate", "次", "times"),
        ("institution", "beds", "张", ""),
        ("doctor", "stay_count_12m", "人次", "stays"),
        ("pharmacy", "fund_share_3m", "%", "%"),
        ("patient", "substance_count_12m", "种", ""),
        ("patient", "distance_mean_12m", "公里", "km"),
        ("doctor", "diagnosis_diversity_12m", "", ""),
    ],
)
def test_a_picture_counts_by_the_word_of_its_sentence(entity, feature, zh, en):
    """0.15次 in words is not 0.15倍 in the picture, nor are diseases codes."""
    known = load_catalogue(entity).features[feature]
    assert (counting_word(known, "zh"), counting_word(known, "en")) == (zh, en)


def test_among_peers_stands_a_member_of_the_ring_by_name(shown):
    """R31: the ring itself has no peers."""
    ring = next(each for each in shown if each["type"] == "ring")
    picture = next(each for each in ring["pictures"] if each["kind"] == "peers")
    assert picture["caption"] == "成员H2:近12个月结算金额"
    assert picture["drawing"].description.startswith("该成员 360 元")


def test_who_was_only_drawn_is_under_no_scheme(ranked):
    snapshot, ranking = ranked
    leads = ranking.leads.copy()
    plain = leads["schemes"].map(lambda names: list(names) == ["unexplained"])
    leads.loc[plain, "drawn"] = "random"
    drawn = [each for each in dossiers(snapshot, replace(ranking, leads=leads)) if each["drawn"] == "random"]
    assert drawn
    assert {(each["title"], each["first"], len(each["schemes"])) for each in drawn} == {("随机抽取核查", "随机抽取核查", 0)}


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
