"""The wording of every rule's signs, every feature's sentence and every kind of reason, as a person last read and accepted it.

After a change of wording: ``FRAUDML_GOLDEN=write pytest tests/unit/report/test_golden.py``, then read what ``git diff`` shows of
``golden/``. ``golden/facts.json`` holds one example of facts for each sign, as the rules yield them.
"""

from __future__ import annotations

import json
import os
import string
from pathlib import Path

import pandas as pd
import pytest

from fraudml.leads.reasons import lead_reasons
from fraudml.leads.schemes import schemes, wordings
from fraudml.reasons import told_feature, worded_features
from fraudml.rules import load_rules
from fraudml.vectors import load_catalogue

GOLDEN = Path(__file__).with_name("golden")
FACTS = json.loads((GOLDEN / "facts.json").read_text(encoding="utf-8"))
ACCUSING = {"zh": ("骗保", "欺诈", "犯罪", "违法", "诈骗"), "en": ("fraud", "crime", "criminal", "illegal", "guilty")}


def signs(lang: str) -> list[str]:
    """``rule.sign: text`` of every declared wording; a placeholder without an example stays visible."""
    lines = []
    for rule in sorted(load_rules().values(), key=lambda each: each.id):
        template = rule.wording[lang]
        for sign in [""] if isinstance(template, str) else sorted(template):
            key = f"{rule.id}.{sign}" if sign else rule.id
            text = template if isinstance(template, str) else template[sign]
            bare = {name: f"<{name}>" for _, name, _, _ in string.Formatter().parse(text) if name}
            lines.append(f"{key}: {rule.text(bare | FACTS.get(key, {}) | ({'sign': sign} if sign else {}), lang)}")
    return lines


def kinds(lang: str) -> list[str]:
    """``kind: text`` of the reasons that leads say in their own voice."""
    facts = json.dumps(FACTS["overpriced_charge"], ensure_ascii=False)
    rows = pd.DataFrame(
        {
            "rule": "overpriced_charge",
            "claim_id": ["C1", "C2"],
            "occurred_on": pd.Timestamp("2024-03-05"),
            "counted": [20.0, 1214.5],
            "amount_in_question": [20.0, 1214.5],
            "strength": 1.0,
            "facts": facts,
        }
    )
    members = [{"entity_type": "doctor", "entity_id": "D1", "role": ""}]
    members += [{"entity_type": "patient", "entity_id": f"P{n}", "role": ""} for n in range(12)]
    plain = {
        "entity_type": "institution",
        "entity_id": "H1",
        "schemes": ["overpriced_charge"],
        "members": members,
        "amount_at_risk": 1234.5,
        "drawn": "ranked",
        "estimated": False,
    }
    ring = {"entity_type": "ring", "schemes": ["collusive_group"]}
    frozen = pd.DataFrame(columns=["feature", "contribution"])
    cases = {
        "several": (plain, rows, {}),
        "single": (plain, rows.iloc[:1], {}),
        "joined": (plain, rows.iloc[:1], {"doctor": 1, "patient": 12}),
        "ring": (plain | ring | {"density": 0.8, "expected_density": 0.123}, rows.assign(rule="collusive_group", facts=None), {}),
        "ring_plain": (plain | ring, rows.assign(rule="collusive_group", facts=None), {}),
        "unexplained": (plain | {"schemes": ["unexplained"], "estimated": True}, rows.iloc[:0], {}),
        "random": (plain | {"schemes": ["unexplained"], "drawn": "random", "amount_at_risk": 0.0}, rows.iloc[:0], {}),
    }
    book = schemes(lang)
    return [
        f"{name}: {reason['text']}"
        for name, (lead, evidence, joined) in cases.items()
        for reason in lead_reasons(lead, evidence, frozen, joined, book, lang)
    ]


def names(lang: str) -> list[str]:
    """``scheme: name`` and what leads advise for those that no rule declares."""
    lines = [f"{name}: {scheme.name}" for name, scheme in sorted(schemes(lang).items())]
    for name in sorted(wordings()["schemes"]):
        scheme = schemes(lang)[name]
        lines += [f"{name}: {text}" for text in (*scheme.check, *scheme.documents, *scheme.benign)]
    return lines


def features(lang: str) -> list[str]:
    """``entity.feature: text`` of every declared behaviour feature and graph measure, in its widest window, with figures of its unit."""
    lines = []
    for entity in ("patient", "doctor", "institution", "pharmacy", "claim"):
        widest: dict[str, tuple[int, str]] = {}
        worded = worded_features(load_catalogue(entity))
        for column, feature in worded.items():
            widest[feature.base] = max(widest.get(feature.base, (-1, "")), (feature.window or 0, column))
        for base, (_, column) in sorted(widest.items()):
            feature = worded[column]
            value, median = (0.456, 0.123) if feature.unit == "share" else (1234.5, 12.0)
            percentile = 2.0 if feature.direction == "low" else 99.97
            lines.append(f"{entity}.{base}: {told_feature(feature, lang, value, median, percentile)}")
    return lines


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("what", [signs, kinds, names, features])
def test_wording_is_as_it_was_accepted(what, lang):
    lines = what(lang)
    path = GOLDEN / f"{what.__name__}_{lang}.txt"
    if os.environ.get("FRAUDML_GOLDEN") == "write":
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert lines == path.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_no_wording_accuses_or_shows_a_column_name(lang):
    for line in signs(lang) + kinds(lang) + features(lang):
        text = line.split(": ", 1)[1]
        assert not any(word in text.lower() for word in ACCUSING[lang]), line
        assert "_" not in text, line
        assert "{" not in text, line
        assert "医生" not in text.replace("家庭医生", ""), f"{line}: the law's word is 医师"
