"""The audit's own words in both languages (``wording.yaml`` of this package)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from fraudml.config import read_yaml
from fraudml.wording import render, written


@cache
def words() -> Mapping[str, Any]:
    content: Mapping[str, Any] = read_yaml(Path(__file__).with_name("wording.yaml"))
    return content


def say(key: str, lang: str, /, **values: Any) -> str:
    """A wording, filled in."""
    return render(words()[key][lang], values, lang)


def heading(column: str, lang: str) -> str:
    """What a column is called."""
    entry = words()["columns"].get(column)
    return entry[lang] if entry else column.replace("_", " ")


def value_in_words(column: str, value: Any, lang: str) -> str:
    """A canonical value as people write it: ``3`` of ``level`` is 三级."""
    known = words()["values"].get(column, {}).get(str(value))
    if known:
        return str(known[lang])
    common = words()["values"]["any"].get(str(value))
    if common:
        return str(common[lang])
    return "" if value is None else str(value) if isinstance(value, str) else written(value, lang)
