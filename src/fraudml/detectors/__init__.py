"""Who stands out, who resembles the convicted, and how strongly all that speaks: estimators and their combination."""

from fraudml.detectors.outlier import OutlierEnsemble
from fraudml.detectors.supervised import EntityScorer

__all__ = ["EntityScorer", "OutlierEnsemble"]
