"""Audit programmes: the lists that a bureau must draw, reproducible from their protocol.

:func:`run_programme` draws all lists of a programme declared in ``conf/audit/``; :func:`estimate_rate`, :func:`estimate_amount` and
:func:`needed_sample` say what a sample can prove.
"""

from fraudml.audit.declaration import AuditList, Programme, load_programme, programmes
from fraudml.audit.listed import Listed
from fraudml.audit.page import write_page
from fraudml.audit.periods import Period, parse_period
from fraudml.audit.programme import AuditResult, run_programme
from fraudml.audit.sampling import (
    Estimate,
    estimate_amount,
    estimate_rate,
    needed_sample,
    needed_to_find,
    rate_interval,
    upper_if_none,
)
from fraudml.audit.workbook import write_workbook

__all__ = [
    "AuditList",
    "AuditResult",
    "Estimate",
    "Listed",
    "Period",
    "Programme",
    "estimate_amount",
    "estimate_rate",
    "load_programme",
    "needed_sample",
    "needed_to_find",
    "parse_period",
    "programmes",
    "rate_interval",
    "run_programme",
    "upper_if_none",
    "write_page",
    "write_workbook",
]
