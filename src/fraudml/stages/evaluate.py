"""Stage ``evaluate``: how good models and rules are, beside baselines, as numbers and as a page."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fraudml.claims import Claims, open_claims
from fraudml.config import as_of_days
from fraudml.contracts import ENTITY_TYPES
from fraudml.engine import open_engine
from fraudml.errors import UsageError
from fraudml.progress import step
from fraudml.stages import inputs
from fraudml.stages.evidence import evidence_as_of
from fraudml.stages.train import held_out, learning_sets

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

log = logging.getLogger("fraudml")


def run(config: Any) -> None:
    """Writes ``evaluation/<target>.json`` and ``.html``, where the truth is known ``schemes.*``, and ``list.*`` where the day is scored."""
    if config.target is not None and config.target not in ENTITY_TYPES:
        raise UsageError("evaluate.target", f"target={config.target}.", f"Targets: {', '.join(ENTITY_TYPES)}.")
    engine = open_engine(config.engine.memory_limit, config.engine.threads, config.engine.temp_dir)
    claims = open_claims(config.data_dir, engine)
    as_of = (as_of_days(config) or [str(claims.last_month_end())])[-1]
    folder = Path(config.data_dir) / "evaluation"
    folder.mkdir(parents=True, exist_ok=True)
    guilty = _truth(claims, as_of)
    written = _targets(config, claims, as_of, folder, guilty)
    if guilty is not None:
        _schemes(config, claims, as_of, folder, guilty)
        written += 1
        if config.target is None:
            _list(config, claims, as_of, folder, guilty)
    if not written:
        log.info("nothing to evaluate as of %s: no model with decided cases, no known truth", as_of)


def _targets(config: Any, claims: Claims, as_of: str, folder: Path, guilty: pd.DataFrame | None) -> int:
    from fraudml.detectors.registered import champion
    from fraudml.evaluate.held_out import assess
    from fraudml.evaluate.page import target_page

    wanted = [each for each in ENTITY_TYPES if config.target in (None, each)]
    models = {each: model for each in wanted if (model := champion(Path(config.models_dir), each)) is not None}
    labels = inputs.decisions(claims.engine, claims, as_of, config.labels)
    targets = [each for each in models if labels.loc[labels["entity_type"] == each, "is_fraud"].sum() > 0]
    if not targets:
        return 0
    for target, rows in learning_sets(config, claims, targets, as_of, labels).items():
        with step(f"{target} evaluated"):
            model = models[target]
            rows = _on(rows, model)
            parts = rows.parts.assign(supervised=held_out(model.scorer, rows))
            risk = model.combiner.risk(parts).to_numpy()
            found = assess(rows.table, rows.y, parts, risk, rows.groups, rows.decided, config.seed)
            report = {
                "target": target,
                "as_of": as_of,
                "model_version": model.version,
                "metrics": found.metrics,
                "calibration": found.calibrated,
                "against_truth": _against_truth(target, rows.groups, risk, parts, guilty),
            }
            _write(folder / f"{target}.json", json.dumps(report, ensure_ascii=False, indent=1))
            _write(folder / f"{target}.html", target_page(report, found, config.lang))
            log.info("%s: AUC %.3f, average precision %.3f", folder / target, found.metrics["auc"], found.metrics["average_precision"])
    return len(targets)


def _on(rows: Any, model: Any) -> Any:
    from dataclasses import replace

    from fraudml.detectors.learning import aligned

    return replace(rows, table=aligned(rows.table, model.scorer.feature_names_in_))


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
    target: str, groups: np.ndarray, risk: np.ndarray, parts: pd.DataFrame, guilty: pd.DataFrame | None
) -> dict[str, dict[str, float]]:
    """Ranking figures of the latest snapshot's rows against the planted truth, of the risk and of rules alone."""
    import numpy as np

    from fraudml.evaluate.held_out import latest
    from fraudml.evaluate.metrics import ranking_metrics

    if guilty is None or not len(guilty):
        return {}
    last = latest(groups)
    y = np.isin(groups[last].astype(str), _culprits(guilty, target)).astype(float)
    return {"risk": ranking_metrics(y, risk[last]), "rules": ranking_metrics(y, parts["rules"].to_numpy(dtype=float)[last])}


def _culprits(guilty: pd.DataFrame, target: str) -> list[str]:
    """Guilty claims, or those who are behind them; a victim is no culprit."""
    if target == "claim":
        return sorted(set(guilty["claim_id"]))
    mine = guilty[guilty["entity_type"] == target]
    return sorted(set((mine[mine["role"] != "victim"] if "role" in mine else mine)["entity_id"].dropna()))


def _list(config: Any, claims: Claims, as_of: str, folder: Path, guilty: pd.DataFrame) -> None:
    """Precision and recall of what ``score`` wrote for the day, all entity types in one ranking and each by itself."""
    import numpy as np
    import pandas as pd

    from fraudml.evaluate.metrics import ranking_metrics
    from fraudml.evaluate.page import list_page

    scores = claims.data_dir / "scores" / f"as_of={as_of}"
    paths = {target: path for target in ENTITY_TYPES if (path := scores / f"{target}.parquet").is_file()}
    if not paths:
        log.info("no scores as of %s: the ranking of all entities is not evaluated (`fraudml score as_of=%s` makes them)", as_of, as_of)
        return
    parts = []
    for target, path in paths.items():
        claims.engine.parquet("scored", path)
        frame = claims.engine.query("select entity_id, risk from scored order by risk desc, entity_id")
        culprit = np.isin(frame["entity_id"].to_numpy(dtype=str), _culprits(guilty, target))
        parts.append(frame.assign(target=target, culprit=culprit.astype(float)))
    every = pd.concat(parts, ignore_index=True)
    sets = {"all": every} | {target: every[every["target"] == target] for target in paths}
    figures = {name: ranking_metrics(part["culprit"].to_numpy(), part["risk"].to_numpy()) for name, part in sets.items() if len(part)}
    report = {"as_of": as_of, "against_truth": figures}
    _write(folder / "list.json", json.dumps(report, ensure_ascii=False, indent=1))
    _write(folder / "list.html", list_page(report, config.lang))
    log.info("%s: %d scored entities", folder / "list.json", len(every))


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
    _write(folder / "schemes.json", table.to_json(orient="records", force_ascii=False, indent=1))
    _write(folder / "schemes.html", scheme_page(table, as_of, config.lang))
    log.info("%s: %d schemes", folder / "schemes.json", len(table))


def _write(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
