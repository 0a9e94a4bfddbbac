"""Reasons: what raises an entity's risk, as data and in words, beside the peers' figures."""

from fraudml.reasons.rows import empty_reasons, feature_reasons, ordered, rule_reasons, stories, unusual
from fraudml.reasons.standing import Standings, peer_labels
from fraudml.reasons.wordings import counted_rules, peers_figures, told_feature, worded_features

__all__ = [
    "Standings",
    "counted_rules",
    "empty_reasons",
    "feature_reasons",
    "ordered",
    "peer_labels",
    "peers_figures",
    "rule_reasons",
    "stories",
    "told_feature",
    "unusual",
    "worded_features",
]
