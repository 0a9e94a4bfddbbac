"""From declarations in ``features/`` to behaviour vectors, and who is compared with whom."""

from fraudml.vectors.catalogue import load_catalogue, load_measures
from fraudml.vectors.computed import behaviour
from fraudml.vectors.declared import UNITS, Catalogue, Feature
from fraudml.vectors.peers import PeerGroups, PeerMembers, beside_peers, peer_groups, peer_statistics

__all__ = [
    "UNITS",
    "Catalogue",
    "Feature",
    "PeerGroups",
    "PeerMembers",
    "behaviour",
    "beside_peers",
    "load_catalogue",
    "load_measures",
    "peer_groups",
    "peer_statistics",
]
