"""fraudml: from medical-insurance claims to a ranked, explained list of leads.

>>> import fraudml as fm
>>> claims = fm.open_claims("data")                                  # doctest: +SKIP
>>> vectors = fm.behaviour("doctor", claims, as_of="2024-06-30")     # doctest: +SKIP
"""

from __future__ import annotations

from typing import Any

# A public name may not be the name of a subpackage (`fraudml.vectors`, not `fraudml.behaviour`): importing the subpackage would put the
# module in the function's place.
# name -> module: imported when first used, because pandas, scikit-learn and LightGBM take seconds to load
_PUBLIC = {
    "open_claims": "fraudml.claims",
    "behaviour": "fraudml.vectors",
    "claim_graph": "fraudml.graph",
    "run_rules": "fraudml.rules",
    "model_table": "fraudml.stages.population",
    "EntityScorer": "fraudml.detectors",
    "OutlierEnsemble": "fraudml.detectors",
    "rank_leads": "fraudml.leads",
    "explain": "fraudml.report",
    "run_programme": "fraudml.audit",
}

__all__ = list(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'fraudml' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
