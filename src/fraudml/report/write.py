"""The files that are handed out: page and workbook, on request also for each county office with its own leads."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

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
    """Writes ``leads.xlsx`` and ``leads.html``; with ``by="region"`` also ``leads-REGION.xlsx`` and ``.html`` for each region.

    A lead belongs to the region of its institution or, for a person, of the place that most of the evidence names; every lead stands
    in exactly one region's files, those without a region in ``leads-unknown``.

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
    scored = ranking.counts.get("scored", 0)

    def written(name: str, own: list[dict[str, Any]]) -> list[Path]:
        return [
            write_workbook(folder / f"{name}.xlsx", own, as_of=as_of, start=start, lang=lang),
            write_page(folder / f"{name}.html", own, as_of=as_of, start=start, scored=scored, lang=lang, conf_dir=conf_dir),
        ]

    files = written("leads", every)
    if by == "region":
        for region, part in file_parts({each["region"] for each in every}).items():
            files += written(f"leads-{part}", [each for each in every if each["region"] == region])
    return files


def file_parts(regions: Iterable[str]) -> dict[str, str]:
    """Regions' names as parts of files' names, in order; what had to be changed, or differs in capitals only, gets letters of its hash.

    >>> file_parts(["", "430102", "a/b", "unknown"])
    {'': 'unknown', '430102': '430102', 'a/b': 'a_b-c14cdd', 'unknown': 'unknown-23ead6'}
    """
    parts: dict[str, str] = {}
    for region in sorted(regions):
        plain = re.sub(r"[^\w-]", "_", region)[:60] or "unknown"
        taken = {each.casefold() for each in parts.values()}
        changed = bool(region) and (plain != region or plain.casefold() in taken)
        parts[region] = f"{plain}-{hashlib.sha256(region.encode()).hexdigest()[:6]}" if changed else plain
    return parts
