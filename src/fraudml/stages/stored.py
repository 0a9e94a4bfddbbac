"""Frames as Arrow tables of declared columns and types, as the stages write them."""

from __future__ import annotations

from collections.abc import Mapping
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
