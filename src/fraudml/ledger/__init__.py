"""The ledger (台账): leads come back as facts. Append-only events, states derived from them."""

from fraudml.ledger.states import Case, Entry
from fraudml.ledger.store import Ledger, open_ledger

__all__ = ["Case", "Entry", "Ledger", "open_ledger"]
