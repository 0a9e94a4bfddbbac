"""Decisions as somebody wrote them: whoever learns or measures by them reads them here, and refuses what cannot be read."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from fraudml.contracts import ENTITY_TYPES
from fraudml.errors import FraudmlError, MissingInput

if TYPE_CHECKING:
    import pandas as pd

    from fraudml.engine import Engine

log = logging.getLogger("fraudml")

YES, NO = ("1", "true", "1.0"), ("0", "false", "0.0")
"""How a decision may be written in ``is_fraud``, in lower case."""


def read_decisions(engine: Engine, path: Path, as_of: object) -> pd.DataFrame:
    """Decisions of one file made by a day, undated ones among them.

    Returns
    -------
    One row per decision: entity_type, entity_id, is_fraud (bool), decided_on, origin, scheme, state, lead_id (missing where not written).

    Raises
    ------
    MissingInput
        When the file is no table or lacks columns; when a decision is neither yes nor no, or its day cannot be read.
    """
    if path.suffix.lower() == ".csv":
        engine.register("label_rows", _written_labels(path))
    elif path.suffix.lower() == ".parquet":
        try:
            engine.parquet("label_rows", path)
        except FraudmlError as error:
            raise MissingInput("labels.unreadable", f"{path} is no table: {error.message}", "Write it again.") from error
    else:
        raise MissingInput("labels.kind", f"{path} is neither parquet nor csv.", "Give a parquet or csv file with labels=PATH.")
    present = engine.columns("label_rows")
    if missing := [name for name in ("entity_type", "entity_id", "is_fraud") if name not in present]:
        raise MissingInput("labels.columns", f"{path} has no column {', '.join(missing)}.", "See labels in the list of source tables.")
    _check_decisions(engine, path)
    day = _day_of(engine, path, present["decided_on"]) if "decided_on" in present else "cast(null as date)"
    origin, scheme, state, lead_id = (
        f"cast({name} as varchar)" if name in present else "cast(null as varchar)" for name in ("origin", "scheme", "state", "lead_id")
    )
    return engine.query(f"""
        select cast(entity_type as varchar) as entity_type, cast(entity_id as varchar) as entity_id,
            lower(cast(is_fraud as varchar)) in {YES} as is_fraud, {day} as decided_on, {origin} as origin,
            nullif({scheme}, '') as scheme, nullif({state}, '') as state, nullif({lead_id}, '') as lead_id
        from label_rows where entity_id is not null and is_fraud is not null and ({day} is null or {day} <= date '{as_of}')""")


def _written_labels(path: Path) -> pd.DataFrame:
    """Rows of a csv file as text, from a spreadsheet in Chinese (GB18030) too.

    Raises
    ------
    MissingInput
        Where the file is no table: a row longer than the header would shift all its columns.
    """
    import pandas as pd

    hint = "Give comma-separated rows below a header, in UTF-8."
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            rows = pd.read_csv(path, dtype="str", encoding=encoding)
        except UnicodeDecodeError:
            continue
        except (pd.errors.EmptyDataError, pd.errors.ParserError) as error:
            raise MissingInput("labels.unreadable", f"{path} is no table: {str(error).strip()}.", hint) from error
        if not isinstance(rows.index, pd.RangeIndex):  # pandas takes what is too much for an index
            raise MissingInput("labels.unreadable", f"{path} has rows with more values than the header has names.", hint)
        return rows
    raise MissingInput("labels.unreadable", f"{path} is neither UTF-8 nor GB18030.", hint)


def _day_of(engine: Engine, path: Path, kind: str) -> str:
    """SQL of the day of a decision; one that cannot be read is refused, for it would be known on every day."""
    if kind.upper().startswith(("DATE", "TIMESTAMP")):
        return "cast(decided_on as date)"
    text = "nullif(trim(cast(decided_on as varchar)), '')"
    unread = engine.rows(
        f"select {text}, count(*) from label_rows where try_cast({text} as date) is null and {text} is not null group by 1"
    )
    if unread:
        count, first = sum(number for _, number in unread), ", ".join(sorted(str(value) for value, _ in unread)[:3])
        problem = f"{path} has {count} decisions whose day cannot be read (first: {first})."
        raise MissingInput("labels.decided_on", problem, "Write days as 2024-06-30.")
    return f"cast({text} as date)"


def _check_decisions(engine: Engine, path: Path) -> None:
    """Refuses a decision that is neither yes nor no, which would silently clear somebody; names entity types that nobody scores."""
    unclear = engine.rows(f"""select distinct cast(is_fraud as varchar) from label_rows
        where is_fraud is not null and lower(cast(is_fraud as varchar)) not in {YES + NO} order by 1 limit 5""")
    if unclear:
        found = ", ".join(str(value) for (value,) in unclear)
        raise MissingInput("labels.is_fraud", f"{path} has decisions that are neither yes nor no: {found}.", "Give 1 or 0 in is_fraud.")
    unknown = engine.rows(f"""select cast(entity_type as varchar), count(*) from label_rows
        where entity_type is not null and cast(entity_type as varchar) not in {ENTITY_TYPES} group by 1 order by 1 limit 5""")
    for kind, count in unknown:
        log.warning("%s: %d decisions about “%s”, which is no entity type, are left out", path, count, kind)
