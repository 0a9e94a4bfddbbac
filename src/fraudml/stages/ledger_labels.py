"""``labels.parquet``: the ledger's decisions beside those that came from elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fraudml.engine import Engine

log = logging.getLogger("fraudml")


def merge_labels(engine: Engine, path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes the ledger's rows in place of its earlier ones; rows of other origin, without ``lead_id``, stay as they are.

    Parameters
    ----------
    rows : as :func:`fraudml.ledger.labels.labels` gives them.
    """
    import pyarrow as pa

    from fraudml.ledger.labels import LABEL_COLUMNS

    types = {"VARCHAR": pa.string(), "INTEGER": pa.int64()}
    schema = pa.schema([(name, types[kind]) for name, kind in LABEL_COLUMNS.items()])
    engine.register("ledger_labels", pa.Table.from_pylist([dict(row) for row in rows], schema=schema))
    others, kept = "", 0
    if path.is_file():
        engine.parquet("other_labels", path)
        has = engine.columns("other_labels")
        where = "where lead_id is null" if "lead_id" in has else ""
        flag = "case when is_fraud is null then null when lower(cast(is_fraud as varchar)) in ('1', 'true', '1.0') then 1 else 0 end"
        changed = ", ".join(
            f"cast({sql} as {kind}) as {name}"
            for name, sql, kind in (("is_fraud", flag, "bigint"), ("decided_on", "decided_on", "varchar"), ("origin", "origin", "varchar"))
            if name in has
        )
        without = "exclude (lead_id)" if "lead_id" in has else ""
        others = f"select * {without} replace ({changed}) from other_labels {where} union all by name"
        kept = int(engine.scalar(f"select count(*) from other_labels {where}"))
    if not rows and not path.is_file():
        log.info("the ledger holds no decision yet: %s is not written", path)
        return
    engine.write(
        f"select * from ({others} select * from ledger_labels) order by entity_type, entity_id, decided_on, scheme, lead_id nulls first",
        path,
    )
    log.info("%s: %s decisions of the ledger, %s from elsewhere", path, len(rows), kept)
