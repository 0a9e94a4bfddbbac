"""``fraudml ledger stats``: figures, the report's paragraph, and what the random draws say of the list."""

from __future__ import annotations

import datetime as dt
from typing import Any

from fraudml.errors import UsageError
from fraudml.ledger import Ledger
from fraudml.ledger.precision import Precision, precision
from fraudml.ledger.statistics import FIGURES, monthly, paragraph
from fraudml.ledger.words import say
from fraudml.ledger.workbook import day_of
from fraudml.wording import percent


def statistics(
    config: Any, ledger: Ledger, day: dt.date, schemes: dict[str, str]
) -> tuple[list[dict[str, Any]], tuple[str, ...], list[str]]:
    """Rows by month and scheme, their columns, and the paragraphs below them.

    Parameters
    ----------
    day : as of which; figures run from ``ledger.since``, by default the first lead's month, to it.
    """
    since = None if config.ledger.since is None else day_of(config.ledger.since)
    if config.ledger.since is not None and since is None:
        raise UsageError("ledger.since", f"ledger.since={config.ledger.since}.", "Write YYYY-MM-DD.")
    if since is not None and since > day:
        raise UsageError("ledger.since", f"ledger.since={since} is after {day}.", "Give an earlier day, or a later as_of.")
    cases = ledger.cases(as_of=day)
    if not cases:
        return [], (), [say("nothing_open", config.lang)]
    first = since or min(case.opened_on for case in cases).replace(day=1)
    rows = [row | {"scheme": schemes.get(row["scheme"], row["scheme"])} for row in monthly(cases, first, day)]
    told = [paragraph(cases, first, day, config.lang, day)]
    told += told_precision(precision(ledger, as_of=day), config.lang)
    return rows, ("month", "scheme", *FIGURES), told


def told_precision(found: Precision, lang: str) -> list[str]:
    """Precision of the list and of chance, in words; nothing where nothing was decided."""
    lines = []
    for name in ("listed", "rest", "scored"):
        estimate = getattr(found, name)
        if estimate is not None:
            lines.append(
                say(
                    f"precision_{name}",
                    lang,
                    share=percent(estimate.share),
                    low=percent(estimate.low),
                    high=percent(estimate.high),
                    decided=estimate.decided,
                    confirmed=estimate.confirmed,
                )
            )
    return lines
