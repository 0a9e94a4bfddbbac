"""What a catalogue consists of: features, peer attributes, and the units they are told in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fraudml import wording
from fraudml.vectors.relations import Grouping

UNITS: dict[str, tuple[str, str]] = {
    "claims": ("次", "claims"),
    "persons": ("人", "persons"),
    "doctors": ("名", "doctors"),
    "institutions": ("家", "institutions"),
    "pharmacies": ("家", "pharmacies"),
    "regions": ("个", "regions"),
    "lines": ("条", "lines"),
    "codes": ("种", "codes"),
    "stays": ("次", "stays"),
    "days": ("天", "days"),
    "minutes": ("分钟", "minutes"),
    "hours": ("小时", "hours"),
    "years": ("岁", "years"),
    "CNY": ("元", "CNY"),
    "km": ("公里", "km"),
    "share": ("", ""),
    "times": ("倍", "times"),
    "index": ("", ""),
    "flag": ("", ""),
}
"""Units that a feature may have, in Chinese and English; a ``share`` is written as a percentage, a ``flag`` as yes or no."""


@dataclass(frozen=True)
class Feature:
    """One column of a behaviour vector.

    Attributes
    ----------
    name : the column, e.g. ``pharmacy_count_3m``.
    base : the declared name, e.g. ``pharmacy_count``.
    window : months looked back, None where the feature has no window.
    of : the relation aggregated; None for an expression over other features.
    sql : the aggregate (or, with ``of`` None, the expression over columns of the vector).
    unit, direction : a key of :data:`UNITS`; ``high``, ``low`` or ``both``: which side is suspicious.
    wording, benign : language -> text; wording has the placeholders value, window, peer_median, peer_percentile.
    peers : attributes of the peer group.
    serves : rows of REQUIREMENTS.md.
    needs : tables or table.column that must be there, beyond those that the SQL reads.
    where : file and line of the declaration.
    """

    name: str
    base: str
    window: int | None
    of: str | None
    sql: str
    unit: str
    direction: str
    wording: Mapping[str, str]
    benign: Mapping[str, str]
    peers: tuple[str, ...]
    serves: tuple[str, ...]
    needs: tuple[str, ...]
    where: str

    def written(self, value: float | None, lang: str) -> str:
        """A value of this feature as people write it: shares as percentages, flags as yes and no."""
        if value is None or value != value:
            return wording.written(None, lang)
        if self.unit == "flag" and value in (0, 1):  # a median of flags may lie between
            return wording.written(bool(value), lang)
        return wording.percent(value) if self.unit in ("share", "flag") else wording.number(value)

    def sentence(self, lang: str, value: float | None, peer_median: float | None = None, peer_percentile: float | None = None) -> str:
        """The feature's wording with its figures filled in.

        Parameters
        ----------
        lang : ``zh`` or ``en``.
        value, peer_median : in the feature's unit.
        peer_percentile : in [0, 100].
        """
        values = {
            "value": self.written(value, lang),
            "peer_median": self.written(peer_median, lang),
            "peer_percentile": wording.written(None if peer_percentile is None else round(peer_percentile, 1), lang),
        }
        return wording.render(self.wording[lang], values | self._window_in_words(lang), lang)

    def pattern(self, lang: str) -> str:
        """The wording with dots for its figures: how a catalogue shows it."""
        values = dict.fromkeys(("value", "peer_median", "peer_percentile"), "…")
        return wording.render(self.wording[lang], values | self._window_in_words(lang), lang)

    def _window_in_words(self, lang: str) -> dict[str, str]:
        return {"window": wording.window(self.window, lang) if self.window else ""}


@dataclass(frozen=True)
class Attribute:
    """One peer attribute: text, one value per entity.

    Attributes
    ----------
    of, sql : the relation and its expression (an aggregate where the relation has several rows per entity).
    """

    name: str
    of: str
    sql: str
    where: str


@dataclass(frozen=True)
class Catalogue:
    """All that ``features/<entity>.yaml`` declares.

    Attributes
    ----------
    entity : patient, doctor, institution, pharmacy or claim.
    peers : attributes whose values together make a peer group, most important first.
    attributes, groupings, features : by name; features by column, expressions after what they read.
    conf_dir : the bureau's own conf folder it was read with.
    """

    entity: str
    peers: tuple[str, ...]
    attributes: Mapping[str, Attribute]
    groupings: Mapping[str, Grouping] = field(default_factory=dict)
    features: Mapping[str, Feature] = field(default_factory=dict)
    conf_dir: str | None = field(default=None, compare=False)
