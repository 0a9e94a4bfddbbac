"""Reasons: what raises an entity's risk, as data and in words, beside the peers' figures."""

from fraudml.reasons.rows import empty_reasons, feature_reasons, ordered, rule_reasons, stories, unusual
from fraudml.reasons.standing import Standings
from fraudml.reasons.wordings import counted_rules, cut_share, peers_figures, told_feature, worded_features

__all__ = [
    "Standings",
    "counted_rules",
    "cut_share",
    "empty_reasons",
    "feature_reasons",
    "ordered",
    "peers_figures",
    "rule_reasons",
    "stories",
    "told_feature",
    "unusual",
    "worded_features",
]
