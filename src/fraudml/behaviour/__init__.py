"""From declarations in ``features/`` to behaviour vectors, and who is compared with whom."""

from fraudml.behaviour.catalogue import load_catalogue
from fraudml.behaviour.declared import UNITS, Catalogue, Feature
from fraudml.behaviour.peers import peer_groups, peer_statistics
from fraudml.behaviour.vectors import behaviour

__all__ = ["UNITS", "Catalogue", "Feature", "behaviour", "load_catalogue", "peer_groups", "peer_statistics"]
