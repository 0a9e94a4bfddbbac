"""Stage ``promote``: puts a registered candidate in the place of the model in use, if it ranks the same decided cases no worse."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path
from typing import Any

from fraudml.claims import open_claims
from fraudml.claims.swap import put_in_place
from fraudml.config import as_of_days
from fraudml.contracts import ENTITY_TYPES
from fraudml.engine import open_engine
from fraudml.errors import FraudmlError, MissingInput, UsageError
from fraudml.stages import inputs
from fraudml.stages.learning_set import learning_sets
from fraudml.stages.train import decided_precision, no_worse

log = logging.getLogger("fraudml")


def run(config: Any) -> None:
    """Makes version ``version`` of ``target`` (its candidate by default) the champion and the model in ``models_dir/TARGET``.

    Raises
    ------
    FraudmlError
        When it ranks the cases decided up to ``as_of`` worse than the model in use, unless ``tracking.promote=always``.
    """
    if config.target not in ENTITY_TYPES:
        raise UsageError("promote.target", f"target={config.target}.", f"Targets: {', '.join(ENTITY_TYPES)}.")
    from fraudml.detectors.registered import champion, stored
    from fraudml.tracking import Tracking

    target, models_dir = str(config.target), Path(config.models_dir)
    tracking = Tracking(models_dir, config.tracking.uri, config.tracking.experiment)
    beside = models_dir / f".{target}.{os.getpid()}.part"
    shutil.rmtree(beside, ignore_errors=True)
    try:
        number, folder = tracking.candidate(target, config.version, beside)
        used = champion(models_dir, target)
        if used is not None and config.tracking.promote != "always":
            _refuse_worse(config, target, number, stored(folder), used)
        put_in_place(folder, models_dir / target)
        tracking.promote(target, number)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    log.info("%s: %s-%d is in use", models_dir / target, target, number)


def _refuse_worse(config: Any, target: str, number: int, candidate: Any, used: Any) -> None:
    engine = open_engine(config.engine.memory_limit, config.engine.threads, config.engine.temp_dir)
    claims = open_claims(config.data_dir, engine)
    as_of = (as_of_days(config) or [str(claims.last_month_end())])[-1]
    labels = inputs.decisions(engine, claims, as_of, config.labels)
    sets = learning_sets(config, claims, [target], as_of, labels)
    if target not in sets:
        raise MissingInput(
            "promote.labels", f"too few cases of {target} are decided on {as_of} to compare.", "tracking.promote=always does not compare."
        )
    new, old = (decided_precision(model, sets[target]) for model in (candidate, used))
    if not no_worse(new, old):
        raise FraudmlError(
            "promote.worse",
            f"{target}-{number} ranks worse than {used.version} (average precision {new:.3f}, that one {old:.3f} on the same cases).",
            "tracking.promote=always uses it all the same.",
        )
