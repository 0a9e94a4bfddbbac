"""What is wrong with a line of a returned workbook: one line of text each, with file and cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fraudml.ledger.words import words
from fraudml.wording import render


@dataclass(frozen=True)
class Problem:
    """A cell that was not taken.

    Attributes
    ----------
    code : key of ``problems`` in ``wording.yaml``.
    file, cell : where it stands (``线索清单!P12``); an empty cell speaks of the whole file.
    lead_id : the lead of that line, empty where it is not known.
    values : what the wording names.
    """

    code: str
    file: str
    cell: str = ""
    lead_id: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)

    def text(self, lang: str) -> str:
        """The line that people read."""
        # values are shown as they were written: no figure or day in them is reworded
        said = words()["problems"][self.code][lang].format_map({name: _short(value) for name, value in self.values.items()})
        where = f"{self.file} {self.cell}".strip()
        return " ".join(f"{where} {self.lead_id}".split()) + (":" if lang == "zh" else ": ") + said


@dataclass(frozen=True)
class Conflict:
    """A line that contradicts the ledger, or another line: kept as an offer until somebody decides.

    ``event_id`` is the number to resolve it with.
    """

    lead_id: str
    why: str
    file: str
    cell: str
    event_id: int
    ledger: str
    offered: str

    def text(self, lang: str) -> str:
        said = {"why": words()["problems"][f"conflict_{self.why}"][lang], "ledger": self.ledger, "offered": self.offered}
        number = str(self.event_id)
        return (
            f"{self.file} {self.cell} {self.lead_id}"
            + (":" if lang == "zh" else ": ")
            + render(words()["conflict"][lang].replace("{number}", number), said, lang)
        )


def _short(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else text[:59] + "…"
