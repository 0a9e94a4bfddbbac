"""What models learn from: snapshots joined with what was decided about each entity, as far as a decision speaks about the snapshot."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fraudml.claims import Claims
from fraudml.detectors.combine import USUAL_PRIOR
from fraudml.detectors.folds import blocks_of
from fraudml.progress import step
from fraudml.stages import inputs
from fraudml.stages.evidence import WINDOW, evidence_as_of
from fraudml.stages.parts import gather

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger("fraudml")

FEWEST_BACKGROUND, BACKGROUND_PER_DECIDED = 2000, 2
"""How many of those that nobody looked at are learnt from, at least, and for each decided row."""


@dataclass(frozen=True)
class LearningSet:
    """Rows to learn a target from: an entity's behaviour on a day, oldest day first.

    Attributes
    ----------
    table : features.
    y : 1 confirmed, 0 not (or nobody looked).
    weight : of rows when learning: by how the case was found, an entity's snapshots sharing its weight; entities that nobody looked at
        stand in as weak negatives with the weight that :func:`background` gives them, or none where many were looked at.
    groups : entity of each row.
    days : snapshot of each row, ``YYYY-MM-DD``.
    parts : rules, graph, outlier of each row.
    decided : bool, rows that a decision speaks about.
    population : how many entities each row stands for on the last day; 0 for rows of earlier days.
    cases : one row per row: ``scheme``, ``origin``, ``decided_on`` of its decision, missing without one.
    evidence : rule evidence of the last day's rows by entity and rule.
    blocks : what an entity shares with others of its type, so that the one gives the other away and they must not stand on both sides of
        a fold: the institution of a claim (:func:`fraudml.detectors.folds.blocks_of`). None where each entity stands for itself.
    prior : share of entities of the target that is believed guilty before anything is seen.
    """

    table: pd.DataFrame
    y: np.ndarray
    weight: np.ndarray
    groups: np.ndarray
    days: np.ndarray
    parts: pd.DataFrame
    decided: np.ndarray
    population: np.ndarray
    cases: pd.DataFrame
    evidence: pd.DataFrame
    blocks: np.ndarray | None = None
    prior: float = USUAL_PRIOR

    @property
    def pu(self) -> bool:
        """Whether entities that nobody looked at stand in for negatives."""
        return not bool(self.decided.all())

    def rows(self, chosen: np.ndarray) -> LearningSet:
        """The chosen rows (bool) alone."""
        return replace(
            self,
            table=self.table[chosen],
            y=self.y[chosen],
            weight=self.weight[chosen],
            groups=self.groups[chosen],
            days=self.days[chosen],
            parts=self.parts[chosen],
            decided=self.decided[chosen],
            population=self.population[chosen],
            cases=self.cases[chosen],
            blocks=None if self.blocks is None else self.blocks[chosen],
        )


@dataclass(frozen=True)
class Delay:
    """Days from a claim's settlement to the decision about it: half are decided within ``usual``, nine in ten within ``long``."""

    usual: int
    long: int


def decision_delay(labels: pd.DataFrame, claims: Claims, otherwise: int) -> Delay:
    """How long decisions take, measured on claims that were decided; where fewer than ten were, ``otherwise`` days (twice that at most)."""
    import pandas as pd

    about = labels[(labels["entity_type"] == "claim") & labels["decided_on"].notna()]
    if len(about) >= 10:
        claims.engine.register("decided_claims", about[["entity_id", "decided_on"]].astype({"entity_id": "str"}))
        days = claims.engine.query("""
            select cast(decided.decided_on as date) - claim.settled_on as days
            from decided_claims as decided join all_claims as claim on decided.entity_id = claim.claim_id""")["days"]
        days = pd.to_numeric(days)
        days = days[days >= 0]
        if len(days) >= 10:
            return Delay(int(days.quantile(0.5)), int(days.quantile(0.9)))
    return Delay(otherwise, 2 * otherwise)


def learning_sets(config: Any, claims: Claims, targets: list[str], as_of: str, labels: pd.DataFrame) -> dict[str, LearningSet]:
    """Rows of every target from the snapshots up to ``as_of``; targets whose cases have no behaviour are left out.

    A decision speaks about a snapshot that shows what it was about: one not further before it than decisions take, and not a year after
    it. Of the last day, entities that nobody looked at are there too; of earlier days the decided ones only. A claim has one row.

    Parameters
    ----------
    labels : decisions known on ``as_of`` (:func:`fraudml.stages.inputs.decisions`).
    """
    import pandas as pd

    _name_origins(labels, dict(config.detector.origin_weight))
    engine, data_dir = claims.engine, claims.data_dir
    path = data_dir / "features" / f"{targets[0]}.parquet"
    days = [day for day in inputs.snapshot_days(engine, path) if day <= as_of] if path.is_file() else []
    days = days[-config.detector.snapshots :] or [as_of]  # with none, reading says which command makes it
    delay = decision_delay(labels, claims, config.detector.delay)
    pieces: dict[str, list[pd.DataFrame]] = {target: [] for target in targets}
    evidence: dict[str, pd.DataFrame] = {}
    for day in reversed(days):
        with step(f"learning rows as of {day}"):
            for target, rows, found in _day(config, claims, targets, day, labels, delay, last=day == days[-1], newer=pieces):
                pieces[target].insert(0, rows)
                evidence.setdefault(target, found)
    sets = {}
    for target in targets:
        _name_unseen(target, labels, pieces[target])
        if pieces[target]:
            found = _joined(config, target, pd.concat(pieces[target]), evidence[target])
            if len(set(found.groups[found.y == 1])) >= config.detector.least_positives:
                sets[target] = found
                continue
        log.info("%s: not trained, fewer than %d confirmed cases have behaviour vectors", target, config.detector.least_positives)
    return sets


def _name_origins(labels: pd.DataFrame, weights: dict[str, float]) -> None:
    """Says which decisions count whole because nobody knows how their cases came to light; a random check in other words is none."""
    origins = labels["origin"].fillna("").astype(str)
    unknown = sorted(set(origins) - {"", *weights})
    if unknown:
        log.warning(
            "%d decisions have an origin that is none of %s (%s): they count whole, and as no random check",
            int(origins.isin(unknown).sum()),
            ", ".join(weights),
            ", ".join(unknown[:3]),
        )


def _name_unseen(target: str, labels: pd.DataFrame, pieces: list[pd.DataFrame]) -> None:
    """Says how many decided entities have no behaviour to learn from: unknown ids, or none that the snapshots show."""
    decided = set(labels.loc[labels["entity_type"] == target, "entity_id"])
    if missing := sorted(decided.difference(*(rows.index for rows in pieces))):
        log.info(
            "%s: %d of %d decided have no behaviour on the snapshots that the decisions speak about (first: %s)",
            target,
            len(missing),
            len(decided),
            ", ".join(missing[:3]),
        )


def _day(
    config: Any,
    claims: Claims,
    targets: list[str],
    day: str,
    labels: pd.DataFrame,
    delay: Delay,
    *,
    last: bool,
    newer: dict[str, list[pd.DataFrame]],
) -> list[tuple[str, pd.DataFrame, pd.DataFrame]]:
    """Of every target that has rows on a day: its name, the rows, their rule evidence."""
    from fraudml.detectors.learning import learning_table

    engine, data_dir = claims.engine, claims.data_dir
    catalogues = inputs.catalogues(config)
    wanted, vectors, about = {}, {}, {}
    for target in targets:
        mine = labels[labels["entity_type"] == target]
        about[target] = (mine if target == "claim" else speaking(mine, day, delay)).set_index("entity_id")
        if not last and not len(about[target]):
            continue
        vectors[target] = inputs.vectors_as_of(engine, data_dir, target, day)
        wanted[target] = _wanted(config, vectors[target], about[target], last)
        if target == "claim" and newer[target]:
            wanted[target] = np.setdiff1d(wanted[target], np.concatenate([rows.index.to_numpy() for rows in newer[target]]))
    found: list[tuple[str, pd.DataFrame, pd.DataFrame]] = []
    if not any(len(ids) for ids in wanted.values()):
        return found
    hits, measures = evidence_as_of(config, claims, day), inputs.measures_as_of(engine, data_dir, day)
    with claims.at(day, months=WINDOW, materialise=("claims",)) as snapshot:
        for target, ids in wanted.items():
            if not len(ids):
                continue
            placed = inputs.measures_of(measures, catalogues[target])
            judged = gather(catalogues[target], vectors[target], placed, hits, snapshot, ids, config.seed)
            rows = learning_table(vectors[target].loc[ids], placed, judged.evidence).join(judged.values.add_prefix("part:"))
            cases = about[target][["is_fraud", "scheme", "origin", "decided_on"]].add_prefix("case:")
            rows = rows.join(cases).assign(**{"case:day": day, "case:population": 0.0})
            if target == "claim":
                rows["case:institution"] = _institutions(claims, ids).reindex(rows.index)
            if last:
                known = rows["case:is_fraud"].notna()
                silent = len(vectors[target]) - int(known.sum())
                rows["case:population"] = np.where(known, 1.0, silent / max(int((~known).sum()), 1))
            found.append((target, rows, judged.evidence))
    return found


def speaking(labels: pd.DataFrame, day: str, delay: Delay) -> pd.DataFrame:
    """The decisions that speak about behaviour seen on a day; undated ones always do."""
    import pandas as pd

    at = pd.Timestamp(day)
    decided = pd.to_datetime(labels["decided_on"])
    return labels[decided.isna() | ((decided <= at + pd.Timedelta(days=delay.long)) & (decided > at - pd.DateOffset(months=WINDOW)))]


def _wanted(config: Any, vectors: pd.DataFrame, about: pd.DataFrame, last: bool) -> np.ndarray:
    """Entities to learn from: the decided ones, and on the last day of the others a part that depends on content only."""
    from fraudml.detectors.table import row_keys

    ids = vectors.index.to_numpy()
    known = vectors.index.isin(about.index)
    others = np.flatnonzero(~known)
    if not last:
        return np.sort(ids[known])
    keys = row_keys(vectors.select_dtypes("number").to_numpy(dtype=float)[others])
    return np.sort(np.concatenate([ids[known], ids[others[np.argsort(keys, kind="stable")[: config.detector.unlabelled]]]]))


def _joined(config: Any, target: str, rows: pd.DataFrame, evidence: pd.DataFrame) -> LearningSet:
    about = [name for name in rows if name.startswith(("part:", "case:"))]
    cases = rows[[name for name in about if name.startswith("case:")]].rename(columns=lambda name: name.removeprefix("case:"))
    parts = rows[[name for name in about if name.startswith("part:")]].rename(columns=lambda name: name.removeprefix("part:"))
    table = rows.drop(columns=about)
    table = table.loc[:, table.notna().any()]
    rules = [name for name in table if name.startswith("rule")]
    table[rules] = table[rules].fillna(0.0)
    decided = cases["is_fraud"].notna().to_numpy()
    y = cases["is_fraud"].where(decided, False).to_numpy(dtype=bool).astype(float)
    groups = rows.index.to_numpy()
    trust = cases["origin"].map(dict(config.detector.origin_weight)).astype(float).fillna(1.0).to_numpy()
    weight = np.where(decided & (y == 0), trust, 1.0) / rows.groupby(level=0).size().reindex(groups).to_numpy()
    population = cases["population"].to_numpy(dtype=float)
    both = len(np.unique(y[decided])) > 1
    enough = both and population[decided].sum() >= config.detector.labelled_share * population.sum()
    used = decided.copy() if enough else decided | _few(table, decided)
    weight = np.where(
        decided, weight, np.where(used, weight * background(y[used], weight[used], decided[used], config.detector.background), 0.0)
    )
    return LearningSet(
        table,
        y,
        weight,
        groups,
        cases["day"].to_numpy(),
        parts,
        decided,
        population,
        cases[["scheme", "origin", "decided_on"]],
        evidence,
        blocks_of(cases["institution"], y) if "institution" in cases else None,
        config.detector.prior[target],
    )


def _institutions(claims: Claims, ids: np.ndarray) -> pd.Series:
    """Institution of each of these claims, by claim_id."""
    import pandas as pd

    claims.engine.register("asked_claims", pd.DataFrame({"claim_id": ids.astype(str)}))
    found = claims.engine.query("""
        select claim.claim_id, claim.institution_id
        from asked_claims as asked join all_claims as claim on asked.claim_id = claim.claim_id""")
    return found.set_index("claim_id")["institution_id"]


def _few(table: pd.DataFrame, decided: np.ndarray) -> np.ndarray:
    """Bool: of those that nobody looked at, a part that depends on content only; more would weigh no more and take longer."""
    from fraudml.detectors.table import row_keys

    others = np.flatnonzero(~decided)
    keys = row_keys(table.select_dtypes("number").to_numpy(dtype=float)[others])
    chosen = np.zeros(len(decided), dtype=bool)
    chosen[others[np.argsort(keys, kind="stable")[: max(FEWEST_BACKGROUND, BACKGROUND_PER_DECIDED * int(decided.sum()))]]] = True
    return chosen


def background(y: np.ndarray, weight: np.ndarray, decided: np.ndarray, share: float) -> float:
    """Factor on the weight of entities that nobody looked at.

    Many guilty ones stand among them, so they must not outweigh what is known: together they weigh ``share`` of the decided negatives,
    or what these lack to weigh as much as the confirmed cases (the bag size of Mordelet and Vert 2014, A bagging SVM to learn from
    positive and unlabeled examples).
    """
    silent = weight[~decided].sum()
    if not silent:
        return 0.0
    negatives, positives = weight[decided & (y == 0)].sum(), weight[y == 1].sum()
    return float(min(1.0, max(share * negatives, positives - negatives) / silent))
