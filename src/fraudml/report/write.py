"""The files that are handed out: page and workbook, on request one workbook per region."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from fraudml.claims import Snapshot
from fraudml.claims.store import months_before
from fraudml.leads import Ranking
from fraudml.report.dossier import dossiers
from fraudml.report.page import write_page
from fraudml.report.workbook import write_workbook


def write_reports(
    snapshot: Snapshot,
    ranking: Ranking,
    folder: Path,
    *,
    lang: str = "zh",
    by: str | None = None,
    conf_dir: str | Path | None = None,
    first_listed: Mapping[str, str] | None = None,
) -> list[Path]:
    """Writes ``leads.xlsx`` and ``leads.html``; with ``by="region"`` also ``leads-REGION.xlsx`` for each region.

    ``first_listed`` names by lead id the day (ISO) on which a lead was first listed; one of an earlier day is shown as still open.

    Returns
    -------
    The files written.
    """
    every = dossiers(snapshot, ranking, lang=lang, conf_dir=conf_dir)
    as_of = snapshot.as_of
    for each in every:
        since = (first_listed or {}).get(each["id"], "")
        each["since"] = since if since < as_of.isoformat() else ""
    start = months_before(as_of, 12) + dt.timedelta(days=1)
    files = [
        write_workbook(folder / "leads.xlsx", every, as_of=as_of, start=start, lang=lang),
        write_page(
            folder / "leads.html", every, as_of=as_of, start=start, scored=ranking.counts.get("scored", 0), lang=lang, conf_dir=conf_dir
        ),
    ]
    if by == "region":
        for region in sorted({each["region"] for each in every}):
            own = [each for each in every if each["region"] == region]
            files.append(write_workbook(folder / f"leads-{file_part(region)}.xlsx", own, as_of=as_of, start=start, lang=lang))
    return files


def file_part(region: str) -> str:
    """A region's name as part of a file's name; names that had to be changed stay apart by a few letters of their hash.

    >>> file_part("430102"), file_part("")
    ('430102', 'unknown')
    """
    plain = re.sub(r"[^\w-]", "_", region)[:60]
    if plain == region and plain:
        return plain
    return f"{plain}-{hashlib.sha256(region.encode()).hexdigest()[:6]}" if region else "unknown"
