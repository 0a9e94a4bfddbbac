"""Stage ``evaluate``: how good models and rules are, beside baselines, as numbers and as a page."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fraudml.claims import Claims, open_claims
from fraudml.config import as_of_days
from fraudml.contracts import ENTITY_TYPES
from fraudml.engine import open_engine
from fraudml.errors import UsageError
from fraudml.progress import step
from fraudml.stages import inputs
from fraudml.stages.comparison import compare
from fraudml.stages.evidence import evidence_as_of
from fraudml.stages.judged import judged_by, learn, learnt, without_rule
from fraudml.stages.learning_set import LearningSet, decision_delay
from fraudml.stages.stored import write_json, write_text

if TYPE_CHECKING:
    import pandas as pd

    from fraudml.detectors.registered import RegisteredModel

log = logging.getLogger("fraudml")


def run(config: Any) -> None:
    """Writes ``evaluation/<target>.json``, ``.html`` and ``unseen.*``; ``schemes.*`` where the truth is known, ``list.*`` where the day
    is scored. With ``compare=``, ``comparison.*`` alone (of models), or ``rules_comparison.*`` (of versions of the rule base).
    """
    if config.target is not None and config.target not in ENTITY_TYPES:
        raise UsageError("evaluate.target", f"target={config.target}.", f"Targets: {', '.join(ENTITY_TYPES)}.")
    engine = open_engine(config.engine.memory_limit, config.engine.threads, config.engine.temp_dir)
    claims = open_claims(config.data_dir, engine)
    as_of = (as_of_days(config) or [str(claims.last_month_end())])[-1]
    folder = Path(config.data_dir) / "evaluation"
    folder.mkdir(parents=True, exist_ok=True)
    if config.compare is not None:
        compare(config, claims, as_of, folder)
        return
    guilty = _truth(claims, as_of)
    written = _targets(config, claims, as_of, folder, guilty)
    if guilty is not None:
        _schemes(config, claims, as_of, folder, guilty)
        written += 1
    if config.target is None:
        written += _list(config, claims, as_of, folder, guilty)
    if not written:
        log.info("nothing to evaluate as of %s: no model with decided cases, no scores, no known truth", as_of)


def _targets(config: Any, claims: Claims, as_of: str, folder: Path, guilty: pd.DataFrame | None) -> int:
    from fraudml.evaluate.generalise import forward
    from fraudml.evaluate.held_out import assess
    from fraudml.evaluate.page import target_page

    models, sets = learnt(config, claims, as_of)
    labels = inputs.decisions(claims.engine, claims, as_of, config.labels)
    delay = decision_delay(labels, claims, config.detector.delay)
    for target, rows in sets.items():
        with step(f"{target} evaluated"):
            model = models[target]
            parts, risk = judged_by(model, rows)
            found = assess(rows, parts, risk, config.seed)
            if target != "claim":
                found.metrics.update(forward(rows, delay.usual, lambda part: learn(config, part)))
            report = {
                "target": target,
                "as_of": as_of,
                "model_version": model.version,
                "metrics": found.metrics,
                "intervals": found.intervals,
                "calibration": found.calibrated,
                "against_truth": _against_truth(target, rows, risk, parts, guilty),
            }
            write_json(folder / f"{target}.json", report)
            write_text(folder / f"{target}.html", target_page(report, found, config.lang))
            log.info("%s: AUC %.3f, average precision %.3f", folder / target, found.metrics["auc"], found.metrics["average_precision"])
    entities = {target: rows for target, rows in sets.items() if target != "claim"}
    if entities and config.target is None:
        with step("schemes left out of learning"):
            _unseen(config, models, entities, as_of, folder)
    return len(sets)


def _unseen(config: Any, models: dict[str, RegisteredModel], sets: dict[str, LearningSet], as_of: str, folder: Path) -> None:
    from fraudml.evaluate.generalise import unseen_schemes
    from fraudml.evaluate.page import unseen_page

    first = config.detector.unseen_first
    usual = {target: judged_by(models[target], rows)[1] for target, rows in sets.items()}
    table = unseen_schemes(sets, lambda rows: learn(config, rows), usual, without_rule, first)
    if table.empty:
        log.info("no scheme with enough confirmed cases to leave it out of learning")
        return
    mean = {name: float(table[name].mean()) for name in table if name.startswith("recall")}
    report = {"as_of": as_of, "first": first, "mean": mean, "schemes": table.to_dict("records")}
    write_json(folder / "unseen.json", report)
    write_text(folder / "unseen.html", unseen_page(report, config.lang))
    log.info("%s: recall of schemes never seen %.3f among the first %d", folder / "unseen", mean["recall"], first)


def _truth(claims: Claims, as_of: str) -> pd.DataFrame | None:
    """Guilty claims of the last twelve months, where a simulation left the truth."""
    path = claims.data_dir / "truth.parquet"
    if not path.is_file():
        return None
    claims.engine.parquet("known_truth", path)
    return claims.engine.query(f"""
        select truth.* from known_truth as truth join all_claims as claim on truth.claim_id = claim.claim_id
        where claim.settled_on <= date '{as_of}' and claim.settled_on > date '{as_of}' - interval 12 month
        order by truth.claim_id""")


def _against_truth(
    target: str, rows: LearningSet, risk: np.ndarray, parts: pd.DataFrame, guilty: pd.DataFrame | None
) -> dict[str, dict[str, float]]:
    """Ranking figures of the latest snapshot's rows against the planted truth, of risk and of rules alone, and the risk's calibration."""
    from fraudml.evaluate.held_out import latest
    from fraudml.evaluate.metrics import calibration_error, ranking_metrics

    if guilty is None or not len(guilty):
        return {}
    last = latest(rows.groups) & (rows.population > 0)
    weight = rows.population[last]
    y = np.isin(rows.groups[last].astype(str), _culprits(guilty, target)).astype(float)
    figures = {name: ranking_metrics(y, score[last], weight) for name, score in (("risk", risk), ("rules", parts["rules"].to_numpy(float)))}
    figures["risk"] |= calibration_error(y, risk[last], weight)
    return figures


def _culprits(guilty: pd.DataFrame, target: str) -> list[str]:
    """Guilty claims, or those who are behind them; a victim is no culprit."""
    if target == "claim":
        return sorted(set(guilty["claim_id"]))
    mine = guilty[guilty["entity_type"] == target]
    return sorted(set((mine[mine["role"] != "victim"] if "role" in mine else mine)["entity_id"].dropna()))


def _list(config: Any, claims: Claims, as_of: str, folder: Path, guilty: pd.DataFrame | None) -> int:
    """What ``score`` wrote for the day, all entity types in one ranking: who is listed, how steadily, and against a known truth."""
    from fraudml.evaluate.fairness import by_attribute, steadiness
    from fraudml.evaluate.metrics import calibration_error, ranking_metrics
    from fraudml.evaluate.page import list_page

    every = _scored(claims, as_of)
    if every is None:
        log.info("no scores as of %s: the ranking of all entities is not evaluated (`fraudml score as_of=%s` makes them)", as_of, as_of)
        return 0
    figures: dict[str, dict[str, float]] = {}
    if guilty is not None:
        culprit = np.zeros(len(every))
        for target in ENTITY_TYPES:
            mine = (every["entity_type"] == target).to_numpy()
            culprit[mine] = np.isin(every.loc[mine, "entity_id"].to_numpy(dtype=str), _culprits(guilty, target))
        risk = every["risk"].to_numpy(dtype=float)
        for name in ("all", *ENTITY_TYPES):
            chosen = np.ones(len(every), bool) if name == "all" else (every["entity_type"] == name).to_numpy()
            if chosen.any():
                figures[name] = ranking_metrics(culprit[chosen], risk[chosen]) | calibration_error(culprit[chosen], risk[chosen])
        verdict = every.assign(is_fraud=culprit).set_index(["entity_type", "entity_id"])["is_fraud"]
    else:
        labels = inputs.decisions(claims.engine, claims, as_of, config.labels)
        verdict = labels.set_index(["entity_type", "entity_id"])["is_fraud"].astype(float)
    every["flagged"] = np.arange(len(every)) < config.capacity
    places = claims.engine.query("select distinct institution_id as entity_id, kind, level, ownership, region from all_institutions")
    sited = every[every["entity_type"].isin(["institution", "pharmacy"])].merge(places, on="entity_id").reset_index(drop=True)
    sorts = by_attribute(sited, sited["flagged"].to_numpy(), verdict)
    days = sorted(path.name.removeprefix("as_of=") for path in (claims.data_dir / "scores").glob("as_of=*"))
    months = {day: found for day in days if day <= as_of and (found := _scored(claims, day)) is not None}
    steady = steadiness(months, config.capacity)
    report = {
        "as_of": as_of,
        "first": config.capacity,
        "against_truth": figures,
        "fairness": sorts.to_dict("records"),
        "steadiness": steady.to_dict("records"),
    }
    write_json(folder / "list.json", report)
    write_text(folder / "list.html", list_page(report, config.lang))
    log.info("%s: %d scored entities", folder / "list.json", len(every))
    return 1


def _scored(claims: Claims, as_of: str) -> pd.DataFrame | None:
    """entity_type, entity_id, risk of all that was scored on a day, riskiest first; None where nothing was."""
    import pandas as pd

    parts = []
    for target in ENTITY_TYPES:
        path = claims.data_dir / "scores" / f"as_of={as_of}" / f"{target}.parquet"
        if path.is_file():
            claims.engine.parquet("scored", path)
            parts.append(claims.engine.query("select entity_id, risk from scored order by risk desc, entity_id").assign(entity_type=target))
    if not parts:
        return None
    every = pd.concat(parts, ignore_index=True)
    return every.sort_values(["risk", "entity_type", "entity_id"], ascending=[False, True, True], kind="stable").reset_index(drop=True)


def _schemes(config: Any, claims: Claims, as_of: str, folder: Path, guilty: pd.DataFrame) -> None:
    import pandas as pd

    from fraudml.evaluate.page import scheme_page
    from fraudml.evaluate.schemes import scheme_table

    path = claims.data_dir / "lookalikes.parquet"
    if path.is_file():
        claims.engine.parquet("known_lookalikes", path)
        lookalikes = claims.engine.query("select * from known_lookalikes")
    else:
        lookalikes = pd.DataFrame({"claim_id": [], "scheme": []}, dtype="str")
    with step("schemes evaluated"):
        table = scheme_table(evidence_as_of(config, claims, as_of), guilty, lookalikes)
    write_text(folder / "schemes.json", table.to_json(orient="records", force_ascii=False, indent=1))
    write_text(folder / "schemes.html", scheme_page(table, as_of, config.lang))
    log.info("%s: %d schemes", folder / "schemes.json", len(table))
