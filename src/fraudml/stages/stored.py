"""Frames as Arrow tables of declared columns and types, and texts, as the stages write them."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


def as_table(frame: pd.DataFrame, columns: Mapping[str, str]) -> pa.Table:
    """The declared columns (name: SQL type; VARCHAR, VARCHAR[], DOUBLE or DATE) of a frame, in their order."""
    import pyarrow as pa

    arrays = {}
    for name, type_ in columns.items():
        values = frame[name]
        if type_ == "VARCHAR[]":
            arrays[name] = pa.array(list(values), type=pa.list_(pa.string()))
        elif type_ == "DOUBLE":
            arrays[name] = pa.array(values.astype(float), type=pa.float64(), from_pandas=True)
        elif type_ == "DATE":
            arrays[name] = pa.array(_days(values), type=pa.date32())
        else:
            arrays[name] = pa.array(values.astype("object").where(values.notna(), None), type=pa.string())
    return pa.table(arrays)


def _days(values: pd.Series) -> list[Any]:
    import pandas as pd

    return [None if pd.isna(each) else each.date() for each in pd.to_datetime(values)]


def write_json(path: Path, report: Any) -> None:
    """Writes a report as JSON; what is not a number (a share of nothing) becomes null, as the format knows no NaN."""
    write_text(path, json.dumps(_without_nan(report), ensure_ascii=False, indent=1, allow_nan=False))


def _without_nan(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_nan(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_text(path: Path, text: str) -> None:
    """Writes a text file beside its place and renames it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
