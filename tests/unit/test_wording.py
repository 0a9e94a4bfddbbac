"""Numbers, days and lists as people write them."""

from __future__ import annotations

import datetime as dt
import doctest
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import fraudml.wording
from fraudml.config import read_yaml
from fraudml.resources import resource
from fraudml.wording import LANGUAGES, render, window, written


def test_examples_in_the_docstrings() -> None:
    assert doctest.testmod(fraudml.wording).failed == 0


@pytest.mark.parametrize(
    ("value", "zh", "en"),
    [
        (None, "未知", "unknown"),
        (float("nan"), "未知", "unknown"),
        (True, "是", "yes"),
        (1234567.891, "1,234,567.89", "1,234,567.89"),
        (-0.001, "0", "0"),
        (dt.datetime(2024, 3, 5, 9, 30), "2024年3月5日 09:30", "5 March 2024 09:30"),
        ("2024-03-05", "2024年3月5日", "5 March 2024"),
        ("2024-03", "2024年3月", "March 2024"),
        ("2024-13", "2024-13", "2024-13"),
        ("2.0", "2", "2"),
        ("male", "男", "male"),
        (["a", "b"], "a、b", "a, b"),
        ("a-b-c-d-e-", "a-b-c-d-e-", "a-b-c-d-e-"),
    ],
)
def test_written(value: object, zh: str, en: str) -> None:
    assert (written(value, "zh"), written(value, "en")) == (zh, en)


def test_figures_in_phrases_of_sql_read_like_all_others() -> None:
    """R19, R29: names and codes beside them stay as they are."""
    values = {"finding_zh": "金额12345.60元,而数量×单价为30.0元", "item": "5.0%葡萄糖", "finding_en": "16.0 hours of K29.00 (peers 0.5)"}
    assert render("{item}{finding_zh}", values, "zh") == "5.0%葡萄糖金额12,345.6元,而数量×单价为30元"
    assert render("{finding_en}", values, "en") == "16 hours of K29.00 (peers 0.5)"


@pytest.mark.parametrize(
    ("several", "one"),
    [
        ("{n} settlements in the last month", "1 settlement in the last month"),
        ("{n} outpatient or pharmacy claims at {n} institutions", "1 outpatient or pharmacy claim at 1 institution"),
        ("seen at {n} pharmacies, {n} diagnoses", "seen at 1 pharmacy, 1 diagnosis"),
        ("is paid {n} times a day, {n} were charged", "is paid once a day, 1 was charged"),
        ("{n} times the mean of all bills", "1 times the mean of all bills"),
        ("{n} of 20 patients; 0.{n} days; 2,00{n} stays; {n}–{n} years", "1 of 20 patients; 0.1 days; 2,001 stays; 1–1 years"),
        ("concentration (1 = one only; peers' median {n})", "concentration (1 = one only; peers' median 1)"),
    ],
)
def test_one_is_singular_in_english(several: str, one: str) -> None:
    assert render(several, {"n": 1}, "en") == one


def test_missing_placeholder_reads_unknown() -> None:
    assert render("{a}次", {}, "zh") == "未知次"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_braces_in_data_stay_text(lang: str) -> None:
    assert render("{name}", {"name": "{amount}"}, lang) == "{amount}"


def test_window() -> None:
    assert window(3, "zh") == "近3个月"
    assert window(1, "en") == "the last month"


SHIPPED = sorted(
    path for root in (resource("conf"), resource("features"), Path(fraudml.wording.__file__).parent) for path in root.rglob("*.yaml")
)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_no_wording_is_cut_at_a_comma_and_both_readers_of_yaml_agree(path: Path) -> None:
    """``{zh: 甲,乙, en: …}`` without quotes is 甲, and a key 乙 nobody asks for; ``…?}`` is an error to Python's own reader."""
    text = path.read_text(encoding="utf-8")
    content = yaml.safe_load(text)
    assert read_yaml(path) == content

    def cut(node: object) -> Iterator[str]:
        if isinstance(node, dict):
            yield from (str(key) for key, value in node.items() if value is None and re.search("[\u4e00-\u9fff]", str(key)))
        for each in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            yield from cut(each)

    assert list(cut(content)) == []
