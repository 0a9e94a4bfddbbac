"""Stage ``score``: the risk of recent claims and of everyone active in them, with evidence and reasons."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fraudml.claims import Claims, Snapshot, open_claims
from fraudml.claims.store import months_before
from fraudml.claims.swap import put_in_place
from fraudml.config import as_of_days
from fraudml.contracts import ENTITY_TYPES, EVIDENCE, LIKELY_SCHEME, REASONS, SCORE_COLUMNS
from fraudml.engine import configured_engine
from fraudml.errors import FraudmlError
from fraudml.evaluate.drift import Drift, drift
from fraudml.evaluate.drift_page import alarm_lines, drift_page
from fraudml.progress import step
from fraudml.stages import inputs
from fraudml.stages.evidence import WINDOW, evidence_as_of
from fraudml.stages.features import dataset_of
from fraudml.stages.parts import Parts, gather
from fraudml.stages.population import claims_by_month, population
from fraudml.stages.rule_versions import compare_versions, other_version
from fraudml.stages.stored import as_table

if TYPE_CHECKING:
    import pandas as pd

    from fraudml.detectors.registered import RegisteredModel
    from fraudml.vectors import Catalogue

log = logging.getLogger("fraudml")

EXTRA_COLUMNS = {
    "strangeness": "DOUBLE",  # the outlier ensemble's score: orders those of one outlier value
    "peer_group": "VARCHAR",
    **LIKELY_SCHEME,
    "share_rules": "DOUBLE",  # share of each part in what raises the risk
    "share_graph": "DOUBLE",
    "share_outlier": "DOUBLE",
    "share_supervised": "DOUBLE",
}


@dataclass(frozen=True)
class Scored:
    """One entity type's scores and what stands behind them."""

    table: pd.DataFrame
    reasons: pd.DataFrame


def run(config: Any) -> None:
    """Writes ``scores/as_of=DATE/`` for each day, by default the last month end that the claims cover."""
    other_version(config)  # a wrong one is refused before anything is read
    engine = configured_engine(config.engine)
    claims = open_claims(config.data_dir, engine)
    for as_of in as_of_days(config) or [str(claims.last_month_end())]:
        _one_day(config, claims, as_of)


def _one_day(config: Any, claims: Claims, as_of: str) -> None:
    import pandas as pd

    from fraudml.detectors.registered import champion
    from fraudml.rules import load_rules

    engine, data_dir = claims.engine, claims.data_dir
    catalogues = inputs.catalogues(config)
    vectors = {entity: inputs.vectors_as_of(engine, data_dir, entity, as_of) for entity in ENTITY_TYPES}
    models = {entity: champion(Path(config.models_dir), entity) for entity in ENTITY_TYPES}
    if not any(models.values()):
        log.info("no model in %s: risk from rules, graph and outliers", config.models_dir)
    measures = inputs.measures_as_of(engine, data_dir, as_of)
    if measures is None:
        log.info("no graph as of %s: scoring without it (`fraudml graph as_of=%s` makes it)", as_of, as_of)
    hits = evidence_as_of(config, claims, as_of)
    rules = load_rules(config.conf_dir)
    scored: dict[str, Scored] = {}
    with claims.at(as_of, months=WINDOW, materialise=("claims",)) as snapshot:
        newest = list(claims_by_month(snapshot).values())[-1:]
        for entity in ENTITY_TYPES:
            with step(f"{entity} scored"):
                placed = inputs.measures_of(measures, catalogues[entity])
                scored[entity] = _score(
                    config, entity, as_of, catalogues[entity], vectors[entity], placed, hits, snapshot, models[entity], rules
                )
    reasons = pd.concat([one.reasons for one in scored.values()], ignore_index=True)
    with step("drift since training"):
        moved = _drift(config, claims, catalogues, as_of, models, newest[0] if newest else 0)
    tables = {name: one.table for name, one in scored.items()}

    def further(folder: Path) -> None:
        if moved:
            (folder / "drift.html").write_text(drift_page(moved, as_of, config.lang), encoding="utf-8")
        compare_versions(config, claims, as_of, hits, folder)
        (folder / "manifest.json").write_text(_manifest(config, data_dir, as_of, models), encoding="utf-8")

    _write(engine, data_dir / "scores" / f"as_of={as_of}", tables, hits, reasons, further)
    _warn(config, as_of, moved)


def _manifest(config: Any, data_dir: Path, as_of: str, models: dict[str, RegisteredModel | None]) -> str:
    """What the day was scored by, as JSON."""
    import json

    from fraudml.rules import rule_base

    content = {
        "as_of": as_of,
        "months": config.months,
        "dataset": dataset_of(data_dir),
        "rules_version": rule_base(config.conf_dir).version,
        "models": {entity: model.version if model else None for entity, model in models.items()},
        "fraudml": version("fraudml"),
    }
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def _drift(
    config: Any,
    claims: Claims,
    catalogues: dict[str, Catalogue],
    as_of: str,
    models: dict[str, RegisteredModel | None],
    newest: int,
) -> dict[str, tuple[Drift, dict[str, Any]]]:
    """How far the population of each model lies from the one that it was trained on."""
    from fraudml.detectors.learning import aligned

    found = {}
    for entity, model in models.items():
        if model is None or model.reference is None:
            continue
        table = aligned(population(config, claims, catalogues[entity], as_of)[0], model.scorer.feature_names_in_)
        importance = dict(zip(table.columns, model.scorer.importances_, strict=True))
        score = model.scorer.predict_proba(table, groups=table.index)[:, 1]
        moved = drift(model.reference, table, score, newest, importance, **config.detector.drift)
        found[entity] = (moved, {"version": model.version, "as_of": model.about["as_of"]})
    return found


def _warn(config: Any, as_of: str, moved: dict[str, tuple[Drift, dict[str, Any]]]) -> None:
    """Alarms into the log; with ``score.strict`` they end the command with an error, after everything is written."""
    for entity, (found, model) in moved.items():
        for line in alarm_lines(found, "en"):
            log.warning("%s: %s: %s", entity, model["version"], line)
    alarmed = [entity for entity, (found, _) in moved.items() if found.alarms]
    if alarmed and config.score.strict:
        raise FraudmlError(
            "score.drift",
            f"the data as of {as_of} have moved away from what the models of {', '.join(alarmed)} were trained on; the scores are written.",
            f"Read {Path(config.data_dir) / 'scores' / f'as_of={as_of}' / 'drift.html'}, then train anew or leave out --strict.",
        )


def _score(
    config: Any,
    entity: str,
    as_of: str,
    catalogue: Catalogue,
    vectors: pd.DataFrame,
    measures: pd.DataFrame | None,
    hits: pd.DataFrame,
    snapshot: Snapshot,
    model: RegisteredModel | None,
    rules: Any,
) -> Scored:
    import pandas as pd

    from fraudml.detectors.combine import pushes_without_labels, shares, without_labels
    from fraudml.detectors.learning import aligned, learning_table
    from fraudml.reasons import empty_reasons

    active = _active(snapshot, entity, config.months)
    active = active[vectors.index.get_indexer(active) >= 0]
    if not len(active):
        return Scored(_empty_scores(), empty_reasons())
    judged = gather(entity, catalogue, vectors, measures, hits, snapshot, active, config.seed)
    parts, evidence, here = judged.values, judged.evidence, judged.values.index
    contributions, table = None, None
    if model is None:
        parts["supervised"] = np.nan
        risk = without_labels(parts, config.detector.prior[entity])
        pushes = pushes_without_labels(parts)
    else:
        table = learning_table(vectors.loc[here], measures, evidence)
        _name_absent(entity, model, table)
        table = aligned(table, model.scorer.feature_names_in_)
        parts["supervised"] = model.scorer.predict_proba(table, groups=here)[:, 1]
        risk = model.combiner.risk(parts)
        pushes = model.combiner.pushes(parts)
        explained = _worth_explaining(risk, config.detector.explained)
        contributions = model.scorer.explain(table.loc[explained], groups=explained) * model.combiner.coefficients["supervised"]
    found = evidence.groupby("entity_id", sort=False)["rule"].agg(list)
    scores = pd.DataFrame(
        {
            "as_of": pd.Timestamp(as_of),
            "risk": risk.clip(0.0, 1.0),
            "outlier": parts["outlier"],
            "supervised": parts["supervised"],
            "graph": parts["graph"],
            "rules": pd.Series({name: found.get(name, []) for name in here}, dtype="object"),
            "model_version": "none" if model is None else model.version,
            "strangeness": parts["strangeness"],
            "peer_group": judged.group,
        },
        index=here,
    ).join(shares(pushes))
    explained = _worth_explaining(risk, config.detector.explained)
    asked = None if table is None else table.loc[explained]
    named = _likely_schemes(model, asked)
    reasons = _reasons(config, entity, catalogue, vectors, measures, explained, contributions, pushes, judged, rules, asked, model)
    return Scored(scores.join(named).rename_axis("entity_id").reset_index(), reasons)


def _likely_schemes(model: RegisteredModel | None, table: pd.DataFrame | None) -> pd.DataFrame:
    """Columns ``scheme`` and ``scheme_probability`` of the rows of ``table``; no rows where the model knows no schemes."""
    import pandas as pd

    if model is None or model.schemes is None or table is None:
        return pd.DataFrame({"scheme": pd.Series(dtype="str"), "scheme_probability": pd.Series(dtype=float)})
    return model.schemes.predict(table)


def _name_absent(entity: str, model: RegisteredModel, table: pd.DataFrame) -> None:
    from fraudml.detectors.learning import RULE

    absent = [name for name in model.scorer.feature_names_in_ if name not in table and not name.startswith(RULE[:-1])]
    if absent:
        named = ", ".join(absent[:5]) + (", …" if len(absent) > 5 else "")
        log.warning(
            "%s: %s was trained on %d columns that are not there now, taken as unknown: %s", entity, model.version, len(absent), named
        )


def _reasons(
    config: Any,
    entity: str,
    catalogue: Catalogue,
    vectors: pd.DataFrame,
    measures: pd.DataFrame | None,
    explained: pd.Index,
    contributions: pd.DataFrame | None,
    pushes: pd.DataFrame,
    judged: Parts,
    rules: Any,
    asked: pd.DataFrame | None,
    model: RegisteredModel | None,
) -> pd.DataFrame:
    """Reasons of the entities that may become a lead: rule evidence of all that have any, features of the riskiest.

    Parameters
    ----------
    asked : what the model reads of the explained, to ask it what the risk would be without a reason.
    """
    from fraudml.detectors.learning import RULE, learning_table
    from fraudml.detectors.peers import fewer_peers
    from fraudml.reasons import feature_reasons, ordered, peers_figures, rule_reasons, stories, unusual, worded_features
    from fraudml.stages.without import risk_without

    worded = worded_features(catalogue, config.conf_dir)
    population = vectors.iloc[fewer_peers(vectors, explained)]
    table = learning_table(population, measures, judged.evidence.iloc[:0])
    figures = peers_figures(table, catalogue, worded)
    percentile = figures.percentile.loc[explained]
    push_rules = pushes["rules"].copy()
    odd = unusual(percentile, pushes.loc[explained, "outlier"] + pushes.loc[explained, "graph"], worded)
    told = odd
    if contributions is not None:
        of_rules = [name for name in contributions if name.startswith(RULE[:-1])]
        push_rules.loc[explained] += contributions[of_rules].sum(axis=1).clip(lower=0.0)
        told = told.add(contributions[[name for name in contributions if name in worded]], fill_value=0.0)
    median = figures.median.loc[explained]
    reasons = ordered(
        [
            rule_reasons(judged.evidence, judged.hits, push_rules.clip(lower=0.0), rules, entity),
            feature_reasons(told, table.loc[explained], median, percentile, worded, entity),
        ]
    )
    mine = reasons[reasons["entity_id"].isin(explained)]
    story = stories(told, table, percentile, worded)
    without = risk_without(mine, judged.values, judged.evidence, asked, median, odd, story, model, config.detector.prior[entity])
    return reasons.assign(risk_without=without.reindex(reasons.index).astype(float))


def _worth_explaining(risk: pd.Series, most: int) -> pd.Index:
    return risk.sort_values(ascending=False, kind="stable").index[:most].sort_values()


def _active(snapshot: Snapshot, entity: str, months: int) -> np.ndarray:
    """Who appears in claims settled in the last months, sorted."""
    since = months_before(snapshot.as_of, months)
    kind = {"institution": "not is_pharmacy and", "pharmacy": "is_pharmacy and"}.get(entity, "")
    frame = snapshot.query(f"""
        select distinct entity_id from (
            select claim.{inputs.PERSONS[entity]} as entity_id, coalesce(place.kind = 'pharmacy', false) as is_pharmacy
            from claims as claim left join institutions as place on claim.institution_id = place.institution_id
            where claim.settled_on > date '{since}')
        where {kind} entity_id is not null order by entity_id""")
    return frame["entity_id"].to_numpy(dtype=object)


def _empty_scores() -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({name: pd.Series(dtype="object") for name in (SCORE_COLUMNS | EXTRA_COLUMNS)})


def _write(
    engine: Any,
    target: Path,
    scores: dict[str, pd.DataFrame],
    hits: pd.DataFrame,
    reasons: pd.DataFrame,
    further: Callable[[Path], None],
) -> None:
    """Writes the day's folder whole, with what ``further`` puts into it, then puts it in the place of an older one."""
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        for entity, frame in scores.items():
            count = _stored(engine, frame, SCORE_COLUMNS | EXTRA_COLUMNS, beside / f"{entity}.parquet", "risk desc, entity_id")
            log.info("%s: %d rows", target / f"{entity}.parquet", count)
        count = _stored(engine, hits, EVIDENCE, beside / "evidence" / "hits.parquet", "rule, entity_type, entity_id, claim_id, line_id")
        log.info("%s: %d rows", target / "evidence" / "hits.parquet", count)
        order = "entity_type, entity_id, feature like 'rule:%' desc, contribution desc, feature"
        count = _stored(engine, reasons, REASONS, beside / "evidence" / "reasons.parquet", order)
        log.info("%s: %d rows", target / "evidence" / "reasons.parquet", count)
        further(beside)
        put_in_place(beside, target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _stored(engine: Any, frame: pd.DataFrame, columns: dict[str, str], path: Path, order: str) -> int:
    engine.register("rows_to_write", as_table(frame, columns))
    return int(engine.write(f"select * from rows_to_write order by {order}", path))
