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

from fraudml.claims import Claims, Snapshot, open_claims
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
from fraudml.stages.parts import Judge
from fraudml.stages.population import claims_by_month, part_of_everyone
from fraudml.stages.rule_versions import compare_versions, other_version
from fraudml.stages.scoring import REFERENCE_ROWS, SCORED, Scoring, expose_rows, parts_of, rows_of
from fraudml.stages.stored import as_table

if TYPE_CHECKING:
    import pandas as pd

    from fraudml.detectors.registered import RegisteredModel
    from fraudml.vectors import Catalogue

log = logging.getLogger("fraudml")

EXTRA_COLUMNS = {
    **{name: SCORED[name] for name in ("strangeness", "peer_group")},
    **LIKELY_SCHEME,
    **{name: type_ for name, type_ in SCORED.items() if name.startswith("share_")},
}


@dataclass(frozen=True)
class Scored:
    """One entity type's scores and what stands behind them.

    Attributes
    ----------
    sql : rows of the scores, in the snapshot's session.
    everyone : relation of all entities of the type, active or not, in the snapshot's session.
    evidence : rule evidence of the type by entity and rule.
    """

    sql: str
    reasons: pd.DataFrame
    everyone: str
    evidence: pd.DataFrame


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
    for entity in ENTITY_TYPES:  # what is missing is said before anything is computed
        inputs.expose_vectors(engine, data_dir, entity, as_of)
    models = {entity: champion(Path(config.models_dir), entity) for entity in ENTITY_TYPES}
    if not any(models.values()):
        log.info("no model in %s: risk from rules, graph and outliers", config.models_dir)
    if inputs.expose_measures(engine, data_dir, as_of) is None:
        log.info("no graph as of %s: scoring without it (`fraudml graph as_of=%s` makes it)", as_of, as_of)
    hits = evidence_as_of(config, claims, as_of)
    rules = load_rules(config.conf_dir)
    scored: dict[str, Scored] = {}
    with claims.at(as_of, months=WINDOW, materialise=("claims",)) as snapshot:
        newest = list(claims_by_month(snapshot).values())[-1:]
        for entity in ENTITY_TYPES:
            with step(f"{entity} scored"):
                scored[entity] = _score(config, catalogues[entity], hits, snapshot, models[entity], rules)
        reasons = pd.concat([one.reasons for one in scored.values()], ignore_index=True)
        with step("drift since training"):
            moved = _drift(config, snapshot, scored, models, newest[0] if newest else 0)

        def further(folder: Path) -> None:
            if moved:
                (folder / "drift.html").write_text(drift_page(moved, as_of, config.lang), encoding="utf-8")
            compare_versions(config, claims, as_of, hits, folder)
            (folder / "manifest.json").write_text(_manifest(config, data_dir, as_of, models), encoding="utf-8")

        tables = {name: one.sql for name, one in scored.items()}
        _write(snapshot.engine, data_dir / "scores" / f"as_of={as_of}", tables, hits, reasons, further)
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
    config: Any, snapshot: Snapshot, scored: dict[str, Scored], models: dict[str, RegisteredModel | None], newest: int
) -> dict[str, tuple[Drift, dict[str, Any]]]:
    """How far the population of each model lies from the one that it was trained on."""
    from fraudml.detectors.learning import aligned

    found = {}
    for entity, model in models.items():
        if model is None or model.reference is None:
            continue
        everyone = part_of_everyone(snapshot, scored[entity].everyone, scored[entity].evidence)
        table = aligned(everyone, model.scorer.feature_names_in_)
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


def _score(config: Any, catalogue: Catalogue, hits: pd.DataFrame, snapshot: Snapshot, model: RegisteredModel | None, rules: Any) -> Scored:
    """Scores everyone active where the rows lie; what comes back are the peers' part of the population, and the rows to explain."""
    entity, engine = catalogue.entity, snapshot.engine
    everyone, active = expose_rows(snapshot, catalogue, config.months)
    peers, placed = rows_of(snapshot, everyone, inputs.part_of(engine, everyone, REFERENCE_ROWS))
    count = int(engine.scalar(f"select count(*) from {everyone}"))
    judge = Judge.learn(catalogue, peers, hits, snapshot, count, config.seed)
    scoring = Scoring(judge, model, config.detector.prior[entity])
    if model is not None:
        _name_absent(entity, model, scoring, peers, placed)
    engine.mapped(f"scored_{entity}", f"select * from {active}", scoring, SCORED)
    engine.view(
        f"riskiest_{entity}", f"select entity_id from scored_{entity} order by risk desc, entity_id limit {config.detector.explained}"
    )
    explained, measured = rows_of(snapshot, active, f"entity_id in (select entity_id from riskiest_{entity})")
    engine.register("with_evidence", judge.evidence[["entity_id"]].drop_duplicates().astype("str"))
    told = snapshot.query(f"""
        select * from scored_{entity} where entity_id in (select entity_id from riskiest_{entity})
            or entity_id in (select entity_id from with_evidence) order by entity_id""")
    known = _together(peers, placed, explained, measured)
    reasons, named = _explained(config, catalogue, scoring, known, explained.index, parts_of(told), rules)
    engine.register(f"named_{entity}", as_table(named.rename_axis("entity_id").reset_index(), {"entity_id": "VARCHAR"} | LIKELY_SCHEME))
    columns = ", ".join(
        f"date '{snapshot.as_of}' as as_of" if name == "as_of" else f"{'named' if name in LIKELY_SCHEME else 'scored'}.{name}"
        for name in SCORE_COLUMNS | EXTRA_COLUMNS
    )
    sql = f"select {columns} from scored_{entity} as scored left join named_{entity} as named on scored.entity_id = named.entity_id"
    return Scored(sql, reasons, everyone, judge.evidence)


def _together(
    peers: pd.DataFrame, placed: pd.DataFrame | None, explained: pd.DataFrame, measured: pd.DataFrame | None
) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """The peers' vectors and measures with those of the explained who were not among them."""
    import pandas as pd

    if explained.index.isin(peers.index).all():
        return peers, placed
    more = explained[~explained.index.isin(peers.index)]
    both = pd.concat([peers, more]).sort_index()
    if placed is None or measured is None:
        return both, None
    return both, pd.concat([placed, measured[measured["entity_id"].isin(more.index)]], ignore_index=True)


def _likely_schemes(model: RegisteredModel | None, table: pd.DataFrame | None) -> pd.DataFrame:
    """Columns ``scheme`` and ``scheme_probability`` of the rows of ``table``; no rows where the model knows no schemes."""
    import pandas as pd

    if model is None or model.schemes is None or table is None:
        return pd.DataFrame({"scheme": pd.Series(dtype="str"), "scheme_probability": pd.Series(dtype=float)})
    return model.schemes.predict(table)


def _name_absent(entity: str, model: RegisteredModel, scoring: Scoring, vectors: pd.DataFrame, measures: pd.DataFrame | None) -> None:
    from fraudml.detectors.learning import RULE, learning_table

    table = learning_table(vectors, measures, scoring.judge.evidence.iloc[:0])
    absent = [name for name in model.scorer.feature_names_in_ if name not in table and not name.startswith(RULE[:-1])]
    if absent:
        named = ", ".join(absent[:5]) + (", …" if len(absent) > 5 else "")
        log.warning(
            "%s: %s was trained on %d columns that are not there now, taken as unknown: %s", entity, model.version, len(absent), named
        )


def _explained(
    config: Any,
    catalogue: Catalogue,
    scoring: Scoring,
    known: tuple[pd.DataFrame, pd.DataFrame | None],
    explained: pd.Index,
    parts: pd.DataFrame,
    rules: Any,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Reasons of the entities that may become a lead, and the likely scheme of the riskiest.

    Rule evidence is told of all that have any, features of the riskiest.

    Parameters
    ----------
    known : vectors and measures of the population that peers' figures are taken from, the explained among them.
    explained : the riskiest.
    parts : of the explained and of all with rule evidence.
    """
    from fraudml.detectors.learning import RULE, learning_table
    from fraudml.detectors.peers import fewer_peers
    from fraudml.reasons import (
        Standings,
        empty_reasons,
        feature_reasons,
        ordered,
        peers_figures,
        rule_reasons,
        stories,
        unusual,
        worded_features,
    )
    from fraudml.stages.without import risk_without

    model, entity = scoring.model, catalogue.entity
    vectors, measures = known
    if not len(explained):
        return empty_reasons(), _likely_schemes(None, None)
    evidence = scoring.judge.evidence[scoring.judge.evidence["entity_id"].isin(parts.index)]
    asked = scoring.table(vectors.loc[explained], measures, evidence)
    pushes = scoring.pushes(parts)
    worded = worded_features(catalogue, config.conf_dir)
    population = vectors.iloc[fewer_peers(vectors, explained)]
    table = learning_table(population, measures, evidence.iloc[:0])
    figures = peers_figures(table, catalogue, worded)
    percentile, median = figures.percentile.loc[explained], figures.median.loc[explained]
    push_rules = pushes["rules"].copy()
    odd = unusual(percentile, pushes.loc[explained, "outlier"] + pushes.loc[explained, "graph"], worded)
    told = odd
    if model is not None and asked is not None:
        contributions = model.scorer.explain(asked, groups=explained) * model.combiner.coefficients["supervised"]
        of_rules = [name for name in contributions if name.startswith(RULE[:-1])]
        push_rules.loc[explained] += contributions[of_rules].sum(axis=1).clip(lower=0.0)
        told = told.add(contributions[[name for name in contributions if name in worded]], fill_value=0.0)
    hits = scoring.judge.hits
    reasons = ordered(
        [
            rule_reasons(evidence, hits[hits["entity_id"].isin(parts.index)], push_rules.clip(lower=0.0), rules, entity),
            feature_reasons(
                told, table.loc[explained], median, percentile, worded, entity, standings=Standings(table, catalogue, figures.group)
            ),
        ]
    )
    mine = reasons[reasons["entity_id"].isin(explained)]
    story = stories(told, table, percentile, worded)
    without = risk_without(mine, parts, evidence, asked, median, odd, story, model, scoring.prior)
    return reasons.assign(risk_without=without.reindex(reasons.index).astype(float)), _likely_schemes(model, asked)


def _write(
    engine: Any,
    target: Path,
    scores: dict[str, str],
    hits: pd.DataFrame,
    reasons: pd.DataFrame,
    further: Callable[[Path], None],
) -> None:
    """Writes the day's folder whole, with what ``further`` puts into it, then puts it in the place of an older one."""
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        for entity, sql in scores.items():
            count = engine.write(f"select * from ({sql}) order by risk desc, entity_id", beside / f"{entity}.parquet")
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
