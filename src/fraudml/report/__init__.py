"""Leads as people receive them: a workbook, a page, and ``fm.explain`` in a notebook."""

from fraudml.report.dossier import dossiers
from fraudml.report.explain import LeadExplanation, explain
from fraudml.report.write import write_reports

__all__ = ["LeadExplanation", "dossiers", "explain", "write_reports"]
