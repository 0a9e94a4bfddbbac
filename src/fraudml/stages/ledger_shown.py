"""How the ledger's rows are shown in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fraudml.ledger.words import name_of, say


def scheme_titles(config: Any) -> dict[str, str]:
    """Scheme -> its name in the language of the command."""
    from fraudml.leads import schemes

    return {name: scheme.name for name, scheme in schemes(config.lang, config.conf_dir).items()}


def shown(row: Mapping[str, Any], schemes: Mapping[str, str], lang: str) -> dict[str, Any]:
    """A case's row in words."""
    return dict(row) | {
        "entity_type": name_of("entities", row["entity_type"] or "", lang),
        "scheme": schemes.get(row["scheme"], row["scheme"]),
        "state": name_of("states", row["state"], lang),
        "unit": row["unit"] or say("unknown_unit", lang),
    }


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], lang: str) -> str:
    """Rows under their titles, aligned; money with two decimals, nothing for what is not known."""
    from fraudml.report.cells import width_of

    def written(value: Any) -> str:
        return "" if value is None else f"{value:,.2f}" if isinstance(value, float) else str(value)

    lines = [[name_of("columns", name, lang) for name in columns], *([written(row.get(name)) for name in columns] for row in rows)]
    widths = [max(width_of(line[place]) for line in lines) for place in range(len(columns))]
    right = {place for place, name in enumerate(columns) if any(isinstance(row.get(name), (int, float)) for row in rows)}
    out = []
    for line in lines:
        cells = []
        for place, text in enumerate(line):
            fill = " " * (widths[place] - width_of(text))
            cells.append(fill + text if place in right else text + fill)
        out.append("  ".join(cells).rstrip())
    return "\n".join(out)


def answer(text: str) -> None:
    """Prints what a command answers."""
    print(text)  # noqa: T201
