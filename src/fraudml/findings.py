"""The columns by which a workbook of leads comes back with its findings: what the report writes, the ledger reads.

The list sheet names every column by its key in its first row, which is hidden; people read the second. A further sheet, hidden
altogether, repeats which rank was which lead, should the list be damaged. Sorting, filtering, another office program and another
language of the headings leave the keys as they are.
"""

from __future__ import annotations

LEAD_ID = "lead_id"
"""Key of the (hidden) column that holds the ids."""

STATE, OUTCOME, AMOUNT, DATE, UNIT, PERSON, REMARK = FINDINGS = (
    "finding_state",
    "finding_outcome",
    "finding_amount",
    "finding_date",
    "finding_unit",
    "finding_person",
    "finding_remark",
)
"""Keys of the columns that come back filled in; the words that state and outcome offer are the ledger's (``fraudml.ledger.words``)."""

KEY_ROW, HEAD_ROW = 0, 1
"""Rows of the list sheet, counted from nought: the keys, and the headings; leads follow."""

KEYS_SHEET = "_leads"
KEYS = ("rank", LEAD_ID, "entity_type", "entity_id", "amount_at_risk")
"""Name and columns of the hidden sheet: every lead as it was handed out."""
