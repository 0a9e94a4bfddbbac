"""What one list of a programme came to, and what the lists of one run share."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fraudml.audit.declaration import AuditList
from fraudml.audit.periods import Period

if TYPE_CHECKING:
    import pandas as pd

    from fraudml.claims import Snapshot


@dataclass
class Listed:
    """A list as drawn.

    Attributes
    ----------
    rows : who is listed. Columns of every list: ``stratum, rank, entity_type, entity_id, value, drawn`` (ranked, random, whole);
        further ones by list.
    strata : one row per stratum: ``stratum, population, frame`` (those who could be listed), ``quota, listed, cut_value, at_cut,
        median_value``; empty where a list has no population of its own.
    headings : column -> what it is called in the run's language, for columns that the list names itself.
    units : column -> how it is written (count, yuan, share, number, text, day).
    notes : what the protocol must say of this list, in the run's language.
    skipped : why the list could not be made; empty: it was.
    pictures : facts for pictures, by kind.
    """

    entry: AuditList
    rows: pd.DataFrame
    strata: pd.DataFrame
    headings: dict[str, str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    skipped: str = ""
    pictures: dict[str, Any] = field(default_factory=dict)


@dataclass
class Run:
    """What every list of a run may use."""

    snapshot: Snapshot
    periods: tuple[Period, ...]
    seed: int
    lang: str
    as_of: dt.date
    conf_dir: str | None
    done: dict[str, Listed] = field(default_factory=dict)
    evidence: pd.DataFrame | None = None
    ledger: pd.DataFrame | None = None
    decisions: pd.DataFrame | None = None
    source: Any = None

    def months(self, periods: Mapping[str, Any] | None = None) -> float:
        """Months of all periods together."""
        return sum(each.months for each in self.periods)


def empty(*columns: str) -> pd.DataFrame:
    """No rows, with the columns that every list has and further ones."""
    import pandas as pd

    text = {name: pd.Series(dtype="str") for name in ("stratum", "entity_type", "entity_id", "drawn", *columns)}
    return pd.DataFrame(text | {"rank": pd.Series(dtype="int64"), "value": pd.Series(dtype="float64")})


def skipped(entry: AuditList, why: str) -> Listed:
    """A list that could not be made, and why."""
    import pandas as pd

    return Listed(entry, empty(), pd.DataFrame({"stratum": pd.Series(dtype="str")}), skipped=why, notes=[why])
