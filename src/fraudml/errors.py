"""Errors that a user can act on.

Shape: ``[claims.negative_amount] 41 of 20 000 lines …: what is wrong. What to do next.`` Code first, then counts,
keys only (never names or identity numbers), then the remedy. The CLI prints the message on one line and exits with 1
(:class:`FraudmlError`) or 2 (:class:`UsageError`); anything else is a defect and shows itself as one.
"""

from __future__ import annotations


class FraudmlError(Exception):
    """A failure whose cause and remedy are known.

    Parameters
    ----------
    code : str
        ``area.reason``, stable, the thing to search the documentation for.
    message : str
        What is wrong, with counts and keys.
    hint : str, optional
        What to do next.
    """

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        self.code = code
        self.message = message
        self.hint = hint
        super().__init__(f"[{code}] {message}" + (f" {hint}" if hint else ""))


class UsageError(FraudmlError):
    """The command or its keys are wrong (exit code 2)."""


class MissingInput(FraudmlError):  # noqa: N818 - reads as what it says
    """A table, column or earlier stage's output that is needed is not there."""
