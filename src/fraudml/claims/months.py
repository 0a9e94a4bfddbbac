"""Adding or replacing one month beside those that are there."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fraudml.contracts import CANONICAL
from fraudml.engine import Engine, identifier
from fraudml.errors import FraudmlError, UsageError

BY_CLAIM = ("items", "diagnoses", "claim_doctors")
"""Tables whose rows belong to the month in which their claim was settled."""


class Existing:
    """The canonical tables that are there already; nothing where everything is read anew.

    Claims belong to the month of their settlement, items and diagnoses to their claim's. Of the other tables (persons, institutions,
    visits …) new rows replace those with the same key, and the rest stays.

    Attributes
    ----------
    tables : canonical tables that are there; what stays of them are the views ``kept_<table>``, named in ``marks`` for the checks.
    left_out : settlements of the source that were settled in other months -> how many: they are not read.
    dataset : id of the data set to continue, None for a new one: adding a later month leaves what was computed for earlier days valid.
    """

    def __init__(self, engine: Engine, data_dir: Path, month: str | None) -> None:
        self.engine, self.month, self.data_dir = engine, month, data_dir
        self.tables: set[str] = set()
        self.marks: set[str] = set()
        self.dataset: str | None = None
        self.left_out: dict[str, int] = {}
        self._before: dict[str, Any] = {}
        self._claims_of_others: list[str] = []
        if month is None:
            return
        if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
            raise UsageError("ingest.month", f"“{month}” is no month.", "Write ingest.month=YYYY-MM.")
        self.tables = {name for name in CANONICAL if self._file(name).is_file()}
        if not self.tables:
            return
        self.marks = {f"kept_{name}" for name in self.tables}
        for name in self.tables:
            engine.parquet(f"stored_{name}", self._file(name))
        for name in self.tables:
            engine.view(f"kept_{name}", f"select * from stored_{name}" + self._kept(name))
        self._before = json.loads((data_dir / "ingest.json").read_text(encoding="utf-8"))
        latest = engine.scalar("select max(settled_on) from stored_claims")
        if latest is not None and f"{latest:%Y-%m}" < month:
            self.dataset = self._before["dataset"]

    def _file(self, table: str) -> Path:
        return self.data_dir / "claims" / f"{table}.parquet"

    def _kept(self, table: str) -> str:
        other_month = f"strftime(settled_on, '%Y-%m') <> '{self.month}'"
        if table == "claims":
            return f" where {other_month}"
        if table in BY_CLAIM:
            return f" where claim_id in (select claim_id from stored_claims where {other_month})"
        return ""

    def only_this_month(self, rows: str, table: str) -> str:
        """Name of these rows without those of other months; a row whose month cannot be read stays, to be judged.

        Parameters
        ----------
        rows : name of the rows of one part of a table; of claims all parts come before what belongs to them.
        """
        if self.month is None:
            return rows
        if table == "claims":
            others = f"other_months_{rows}"
            settled_in = "strftime(settled_on, '%Y-%m')"
            self.engine.table(others, f"select claim_id, {settled_in} as month from {rows} where {settled_in} <> '{self.month}'")
            for month, count in self.engine.rows(f"select month, count(*) from {others} group by month order by month"):
                self.left_out[month] = self.left_out.get(month, 0) + count
            self._claims_of_others.append(f"select claim_id from {others}")
            condition = f"settled_on is null or strftime(settled_on, '%Y-%m') = '{self.month}'"
        elif table in BY_CLAIM:
            condition = f"not coalesce(claim_id in ({' union all '.join(self._claims_of_others)}), false)"
        else:
            return rows
        self.engine.view(f"this_month_{rows}", f"select * from {rows} where {condition}")
        return f"this_month_{rows}"

    def without_new(self, table: str) -> str:
        """SQL that takes from the kept rows those whose key comes anew."""
        if table == "claims" or table in BY_CLAIM:
            return ""
        same = " and ".join(f"new.{identifier(name)} is not distinct from kept.{identifier(name)}" for name in CANONICAL[table].key)
        return f" as kept where not exists (select 1 from accepted_{table} as new where {same})"

    def refuse_other_key(self, mark: str | None) -> None:
        """Fails where the months that are there bear other pseudonyms, or none.

        One person would be two, and identifiers would stand beside pseudonyms.

        Parameters
        ----------
        mark : of this run's key, None without one.

        Raises
        ------
        FraudmlError
            ``privacy.other_key``
        """
        before = self._before.get("pseudonyms", mark)  # not said by an earlier version
        if before == mark:
            return
        told = "without a key" if before is None else "with another key" if mark else "with a key, and this month comes without one"
        raise FraudmlError(
            "privacy.other_key",
            f"the months that are there were read {told}.",
            "Give the same privacy.key_file for every month, or read all months anew.",
        )

    def refuse_empty(self, read: int, relation: str) -> None:
        """Fails where the source has no settlement of the month: to put nothing in the place of what is there would lose it.

        Raises
        ------
        FraudmlError
            ``claims.empty_month``, naming the months that the source has.
        """
        if self.month is None or read:
            return
        have = f"it has {written_months(self.left_out)}" if self.left_out else "it has none at all"
        raise FraudmlError(
            "claims.empty_month", f"{relation} has no settlement of {self.month}; {have}.", "Check ingest.month= and input=."
        )

    def replaced(self, table: str) -> int:
        """Rows of the month that were there and that this run does not bring again, of a table whose rows belong to claims."""
        return int(self.engine.scalar(f"select (select count(*) from stored_{table}) - (select count(*) from kept_{table})"))

    def with_quarantine(self, rows: str, table: str) -> str:
        """The quarantined rows (none: ``""``) together with those of other months that are there."""
        path = self.data_dir / "quarantine" / f"{table}.parquet"
        if self.month is None or not path.is_file():
            return rows
        before = f"quarantined_before_{table}"
        self.engine.parquet(before, path)
        if "quarantine_month" not in self.engine.columns(before):
            raise FraudmlError("claims.quarantine", f"{path.name} was not written by this version.", "Read the whole source anew.")
        old = f"select * from {before} where quarantine_month is distinct from '{self.month}'"
        return f"{rows} union all by name {old}" if rows else old

    def carry_over(self, staging: Path, written: set[str]) -> None:
        """Brings along what this month did not touch.

        Parameters
        ----------
        written : tables that this run has written, claims and quarantine alike.
        """
        if self.month is None:
            return
        for folder in ("claims", "quarantine"):
            for path in sorted((self.data_dir / folder).glob("*.parquet")):
                target = staging / folder / path.name
                if path.stem not in written and not target.exists():
                    try:
                        os.link(path, target)
                    except OSError:  # file systems without hard links
                        shutil.copyfile(path, target)


def by_month_of_claim(quarantined: str) -> str:
    """SQL of quarantined rows by the month that their claim was settled in, where that is known: with it they come again.

    A stay's first lines are often of the month before.
    """
    return f"""
        select row.* exclude (_claim) replace (coalesce(settled.month, row.quarantine_month) as quarantine_month)
        from {quarantined} as row left join (
            select claim_id, strftime(settled_on, '%Y-%m') as month from accepted_claims
            union all
            select row_key, max(month) from faulty_claims where row_key not in (select claim_id from accepted_claims) group by row_key
        ) as settled on row._claim = settled.claim_id"""


def written_months(counts: Mapping[str, int], most: int = 4) -> str:
    """Months with their counts, the first few.

    >>> written_months({"2024-05": 3, "2024-07": 1})
    '2024-05: 3, 2024-07: 1'
    """
    told = ", ".join(f"{month}: {count}" for month, count in sorted(counts.items())[:most])
    return told + (f" … {max(counts)}" if len(counts) > most else "")
