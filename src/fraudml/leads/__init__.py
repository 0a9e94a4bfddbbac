"""Scores become a list: one lead per real-world matter, ranked, with evidence and reasons.

>>> import fraudml as fm
>>> leads = fm.rank_leads(scores, capacity=200)  # doctest: +SKIP
"""

from fraudml.leads.policy import Policy
from fraudml.leads.ranking import Ranking, rank_leads, ranking
from fraudml.leads.schemes import UNEXPLAINED, Scheme, schemes, wordings
from fraudml.leads.table import EVIDENCE_OF_LEADS, arrow_leads, typed
from fraudml.leads.uncertainty import pieces, probability_range

__all__ = [
    "EVIDENCE_OF_LEADS",
    "UNEXPLAINED",
    "Policy",
    "Ranking",
    "Scheme",
    "arrow_leads",
    "pieces",
    "probability_range",
    "rank_leads",
    "ranking",
    "schemes",
    "typed",
    "wordings",
]
