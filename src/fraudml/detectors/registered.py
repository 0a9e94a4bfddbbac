"""A target's model as it lies below ``models_dir/TARGET``: scorer, combiner and card, without the tracking server."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fraudml.detectors.combine import PARTS, Combiner
from fraudml.detectors.scheme_classifier import SchemeClassifier
from fraudml.detectors.supervised import EntityScorer

if TYPE_CHECKING:
    import pandas as pd

ABOUT, REFERENCE = "about.json", "reference.json"


@dataclass(frozen=True)
class RegisteredModel:
    """A trained model of one target.

    Attributes
    ----------
    version : ``<target>-<number in the registry>``.
    scorer, combiner : the estimators.
    about : what training noted: as_of, metrics, features, data fingerprint.
    schemes : names the likely scheme, or None where too few cases tell.
    reference : what the population looked like on the day of training (:func:`fraudml.evaluate.drift.reference`).
    """

    version: str
    scorer: EntityScorer
    combiner: Combiner
    about: dict[str, Any]
    reference: dict[str, Any] | None = None
    schemes: SchemeClassifier | None = None

    def save(self, folder: Path) -> None:
        """Writes ``scorer/``, ``combiner.json``, ``about.json`` and ``reference.json``."""
        self.scorer.save(folder / "scorer")
        (folder / "combiner.json").write_text(json.dumps(self.combiner.as_dict(), indent=1), encoding="utf-8")
        (folder / ABOUT).write_text(json.dumps({"version": self.version} | self.about, ensure_ascii=False, indent=1), encoding="utf-8")
        if self.schemes is not None:
            self.schemes.save(folder)
        if self.reference is not None:
            (folder / REFERENCE).write_text(json.dumps(self.reference, ensure_ascii=False), encoding="utf-8")

    def answer(self, rows: pd.DataFrame) -> pd.DataFrame:
        """``risk``, ``supervised`` and ``reason:<feature>`` (log-odds that each adds to the model's score) of rows sent to a served model.

        Parameters
        ----------
        rows : features; what is missing is unknown. ``rules``, ``graph`` and ``outlier`` in [0, 1], as scores have them, where they are
            known; 0 otherwise.
        """
        import pandas as pd

        from fraudml.detectors.learning import aligned

        table = aligned(rows, self.scorer.feature_names_in_)
        parts = pd.DataFrame({name: rows.get(name, 0.0) for name in PARTS[:-1]}, index=rows.index).astype(float).fillna(0.0)
        parts["supervised"] = self.scorer.predict_proba(table)[:, 1]
        answer = pd.DataFrame({"risk": self.combiner.risk(parts), "supervised": parts["supervised"]})
        return answer.join(self.scorer.explain(table).add_prefix("reason:"))


def champion(models_dir: Path, target: str) -> RegisteredModel | None:
    """The model that scoring uses for a target, or None where none was trained."""
    folder = models_dir / target
    return stored(folder) if (folder / ABOUT).is_file() else None


def stored(folder: Path) -> RegisteredModel:
    """What :meth:`RegisteredModel.save` wrote into a folder."""
    about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    combiner = Combiner(**json.loads((folder / "combiner.json").read_text(encoding="utf-8")))
    kept = folder / REFERENCE
    reference = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else None
    return RegisteredModel(
        about.pop("version"), EntityScorer.load(folder / "scorer"), combiner, about, reference, SchemeClassifier.load(folder)
    )
