"""The audit's own words in both languages (``wording.yaml`` of this package)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
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


def is_empty(value: Any) -> bool:
    """Whether a cell of a table holds nothing (of a list that cannot be said)."""
    import pandas as pd

    return pd.api.types.is_scalar(value) and bool(pd.isna(value))


def overview(as_of: dt.date, periods: Sequence[str], seed: int, lang: str) -> str:
    """The line under a programme's name: day, periods (where lists use them) and seed."""
    parts = [say("overview_as_of", lang, as_of=as_of)]
    parts += [say("overview_periods", lang, periods=list(periods))] if periods else []
    return (";" if lang == "zh" else "; ").join([*parts, say("overview_seed", lang, seed=str(seed))])


def stratum_in_words(columns: Sequence[str], stratum: str, lang: str) -> str:
    """A stratum's name with canonical values as people write them."""
    values = stratum.split("/") if columns else []
    if len(values) != len(columns):  # a value that has a / of its own
        return stratum
    return " · ".join(value_in_words(column, value, lang) for column, value in zip(columns, values, strict=True))
