"""``fraudml ledger discretion`` and ``duplicates``: what was done before, and what was done twice."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from fraudml.errors import UsageError
from fraudml.ledger import Ledger
from fraudml.ledger.sanctions import discretion, duplicates
from fraudml.ledger.words import name_of, say
from fraudml.ledger.workbook import cents_of
from fraudml.stages.ledger_shown import answer, scheme_titles, table
from fraudml.wording import number, percent


def show_discretion(config: Any, ledger: Ledger, day: Any) -> None:
    """The spread of past measures; of one scheme with ``ledger.scheme``, of the band of one amount with ``ledger.amount``."""
    bands = list(config.ledger.bands)
    if not bands or any(isinstance(each, bool) or not isinstance(each, (int, float)) for each in bands) or bands != sorted(set(bands)):
        raise UsageError("ledger.bands", f"ledger.bands={bands}.", "Give the lower ends of the bands in yuan, ascending.")
    names, lang = scheme_titles(config), config.lang
    rows = discretion(ledger.cases(as_of=day), bands)
    if config.ledger.scheme is not None:
        rows = [row for row in rows if config.ledger.scheme in (row["scheme"], names.get(row["scheme"]))]
    if config.ledger.amount is not None:
        cents = cents_of(config.ledger.amount)
        if cents is None:
            raise UsageError("ledger.amount", f"ledger.amount={config.ledger.amount}.", "Give yuan, 0 or more.")
        band = max((each for each in bands if each <= cents / 100), default=bands[0])
        rows = [row for row in rows if row["band"] == band]
    upper = {float(low): high for low, high in zip(bands, [*bands[1:], None], strict=True)}
    for row in rows:
        high = upper[row["band"]]
        row |= {
            "band": f"{number(row['band'])}–{number(high)}" if high is not None else f"≥{number(row['band'])}",
            "scheme": names.get(row["scheme"], row["scheme"]),
            "measure": name_of("outcomes", row["measure"], lang),
            "share": percent(row["share"]),
        }
    columns = ("scheme", "band", "cases", "measure", "share", "least", "lower", "median", "upper", "most", "times")
    answer(table(rows, columns, lang) if rows else say("nothing_open", lang))


def show_duplicates(config: Any, ledger: Ledger, day: Any) -> None:
    """Facts that were sanctioned twice."""
    lines = told_duplicates(ledger, config.lang, day)
    answer("\n".join(lines) if lines else say("nothing_twice", config.lang))


def told_duplicates(ledger: Ledger, lang: str, day: Any, leads: Collection[str] | None = None) -> list[str]:
    """One line per pair; with ``leads`` only pairs that one of them belongs to."""
    return [
        say("twice", lang, first=row["first"], second=row["second"], same=say(f"same_{row['same']}", lang), claims=row["claims"])
        for row in duplicates(ledger.cases(as_of=day))
        if leads is None or row["first"] in leads or row["second"] in leads
    ]
