"""The lists as typed tables: every column of the contract with its type, also where there is no row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa

from fraudml.contracts import LEADS

MEMBER = pa.struct([("entity_type", pa.string()), ("entity_id", pa.string()), ("role", pa.string())])
REASON = pa.struct(
    [
        ("feature", pa.string()),
        ("value", pa.float64()),
        ("unit", pa.string()),
        ("peer_median", pa.float64()),
        ("peer_percentile", pa.float64()),
        ("contribution", pa.float64()),
        ("text", pa.string()),
    ]
)
_ARROW = {"VARCHAR": pa.string(), "INTEGER": pa.int32(), "DATE": pa.date32(), "DOUBLE": pa.float64(), "VARCHAR[]": pa.list_(pa.string())}


def each_row(frame: pd.DataFrame) -> Iterator[Any]:
    """Rows as named tuples with their ``Index``; what a cell holds depends on the table, not on pandas' types."""
    yield from frame.itertuples()


def groups(frame: pd.DataFrame, by: str | list[str]) -> dict[Any, pd.DataFrame]:
    """The parts of a table by key, in the order in which the keys appear."""
    return dict(list(frame.groupby(by, sort=False)))


def arrow_type(name: str) -> pa.DataType:
    """The Arrow type of a column of :data:`fraudml.contracts.LEADS`."""
    nested = {"members": pa.list_(MEMBER), "reasons": pa.list_(REASON)}
    return nested.get(name) or _ARROW[LEADS[name]]


def arrow_leads(leads: pd.DataFrame | list[dict[str, Any]]) -> pa.Table:
    """Leads as an Arrow table of the contract's types."""
    records = leads if isinstance(leads, list) else leads.to_dict("records")
    plain = [{name: _plain(name, record.get(name)) for name in LEADS} for record in records]
    return pa.Table.from_pylist(plain, schema=pa.schema([(name, arrow_type(name)) for name in LEADS]))


def typed(records: list[dict[str, Any]]) -> pd.DataFrame:
    """Leads as a DataFrame: text as ``str``, days as dates, lists as lists, also with zero rows."""
    table = arrow_leads(records)
    frame = pd.DataFrame({name: pd.Series(table[name].to_pylist(), dtype=_PANDAS.get(LEADS[name], "object")) for name in LEADS})
    frame["rank"] = frame["rank"].astype("int32")
    return frame


_PANDAS = {"VARCHAR": "str", "INTEGER": "int32", "DOUBLE": "float64"}


def _plain(name: str, value: Any) -> Any:
    if name in ("members", "reasons", "schemes", "evidence_claim_ids", "clauses", "check_steps"):
        return [] if value is None else list(value)
    return None if value is None or (isinstance(value, float) and value != value) else value


@dataclass(frozen=True)
class _Columns:
    columns: dict[str, str]

    def empty(self) -> pd.DataFrame:
        return self.frame(None)

    def frame(self, data: pd.DataFrame | None) -> pd.DataFrame:
        """The columns, in order and typed, of ``data`` or of nothing."""
        if data is None:
            data = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in self.columns.items()})
        return data[list(self.columns)].astype(self.columns)


EVIDENCE_OF_LEADS = _Columns(
    {
        "lead_id": "str",
        "place": "int64",
        "claim_id": "str",
        "line_id": "str",
        "rule": "str",
        "occurred_on": "datetime64[us]",
        "amount": "float64",
        "strength": "float64",
        "text": "str",
    }
)
"""``leads/as_of=DATE/evidence.parquet``: one row per lead and piece of evidence, ``place`` 1 = heaviest; ``amount`` is the part of the
amount at risk that the row stands for (yuan)."""
