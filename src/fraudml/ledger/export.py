"""The ledger as tables: one row per round with its state, one row per event."""

from __future__ import annotations

import datetime as dt
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fraudml.errors import UsageError
from fraudml.ledger.overview import row_of
from fraudml.ledger.store import Ledger

if TYPE_CHECKING:
    import pandas as pd

FORMATS = (".xlsx", ".csv", ".parquet")
RISKY = ("=", "+", "-", "@", "\t", "\r")


def tables(ledger: Ledger, today: dt.date) -> dict[str, pd.DataFrame]:
    """``states`` (a row per round) and ``events`` (all that was recorded, with who, when and from which file); amounts in yuan."""
    import pandas as pd

    states = pd.DataFrame([row_of(case, today) for case in ledger.cases(as_of=today)])
    events = pd.DataFrame([_event(row) for row in ledger.events() if row["happened_on"] <= today])
    return {"states": states, "events": events}


def _event(row: dict[str, Any]) -> dict[str, Any]:
    amounts = [[outcome, whom, None if cents is None else cents / 100] for outcome, whom, cents in row["outcomes"]]
    instant = row["recorded_at"] if row["recorded_at"].tzinfo else row["recorded_at"].replace(tzinfo=dt.UTC)
    flat = {name: value for name, value in row.items() if name not in ("file_id", "digest")}
    return flat | {
        "amount": None if row["amount"] is None else row["amount"] / 100,
        "outcomes": json.dumps(amounts, ensure_ascii=False) if amounts else None,
        "recorded_at": instant.isoformat(timespec="seconds"),
    }


def export(ledger: Ledger, path: Path, today: dt.date) -> list[Path]:
    """Writes the tables: two sheets of an ``.xlsx``, or ``NAME-states`` and ``NAME-events`` as ``.csv`` or ``.parquet``.

    Each file is written beside its target and renamed.

    Returns
    -------
    The files written.

    Raises
    ------
    UsageError
        For another ending, or a folder that does not exist.
    """
    import pandas as pd

    if path.suffix not in FORMATS:
        raise UsageError("ledger.export", f"{path.name} is none of {', '.join(FORMATS)}.", "fraudml ledger export FILE.xlsx")
    if not path.parent.is_dir():
        raise UsageError("ledger.export", f"{path.parent} is no folder.", "Make it first.")
    found = tables(ledger, today)
    if path.suffix == ".xlsx":
        beside = _beside(path)
        with pd.ExcelWriter(
            beside, engine="xlsxwriter", engine_kwargs={"options": {"strings_to_formulas": False, "strings_to_urls": False}}
        ) as book:
            for name, frame in found.items():
                frame.to_excel(book, sheet_name=name, index=False)
        beside.replace(path)
        return [path]
    files = []
    for name, frame in found.items():
        target = path.with_name(f"{path.stem}-{name}{path.suffix}")
        beside = _beside(target)
        if path.suffix == ".csv":
            _harmless(frame).to_csv(beside, index=False, encoding="utf-8-sig")  # with the mark by which office programs know UTF-8
        else:
            frame.to_parquet(beside, index=False)
        beside.replace(target)
        files.append(target)
    return files


def _harmless(frame: pd.DataFrame) -> pd.DataFrame:
    """Text that an office program would run as a formula, with an apostrophe before it."""
    return frame.map(lambda value: "'" + value if isinstance(value, str) and value.startswith(RISKY) else value)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
