"""Rule evidence of a day, found once: train, evaluate and score read the same table."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fraudml.claims import Claims
from fraudml.contracts import EVIDENCE
from fraudml.progress import step
from fraudml.stages.features import dataset_of
from fraudml.stages.stored import as_table

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger("fraudml")

WINDOW = 12
"""Months of evidence."""
SAVED = "rule_base"
"""Below ``data_dir``: the versions of the rule base that evidence was found by."""


def evidence_as_of(config: Any, claims: Claims, as_of: str) -> pd.DataFrame:
    """Evidence of the last twelve months (:data:`fraudml.contracts.EVIDENCE`), from ``data_dir/evidence/as_of=DATE.parquet``.

    The table is made where it is missing, or was made from other claims, other rules or other knowledge: what it was made from
    stands in the file. The version of the rule base is kept in ``data_dir/rule_base/``, so that a later one can be compared with it.
    """
    from fraudml.rules import run_rules
    from fraudml.rules.versions import save_version

    engine = claims.engine
    path = claims.data_dir / "evidence" / f"as_of={as_of}.parquet"
    made_from = _made_from(claims.data_dir, config.conf_dir)
    if not (path.is_file() and engine.note_of(path) == made_from):
        with step(f"rules as of {as_of}"):
            hits = run_rules(claims, as_of, months=WINDOW, conf_dir=config.conf_dir)
            engine.register("evidence_rows", as_table(hits, EVIDENCE))
            count = engine.write("select * from evidence_rows", path, note=made_from)
        base = save_version(claims.data_dir / SAVED, config.conf_dir)
        log.info("%s: %d rows by version %s of the rule base", path, count, base.version)
    engine.parquet("evidence_kept", path)
    order = "rule, entity_type, entity_id, claim_id, line_id, occurred_on, facts"
    return engine.query(f"select {', '.join(EVIDENCE)} from evidence_kept order by {order}")


def _made_from(data_dir: Path, conf_dir: str | None) -> str:
    """Version of the rule base and a fingerprint of the claims (data set, files, sizes, times) and of the code that runs rules."""
    import fraudml.claims
    import fraudml.knowledge
    import fraudml.rules
    from fraudml.rules import rule_base

    files = sorted((data_dir / "claims").rglob("*.parquet"))
    stamps = [(str(each.relative_to(data_dir)), each.stat().st_size, each.stat().st_mtime_ns) for each in files]
    folders = [Path(str(package.__file__)).parent for package in (fraudml.claims, fraudml.rules)]
    sources = [Path(fraudml.knowledge.__file__)]
    sources += [each for folder in folders for each in sorted(folder.glob("*.py"))]
    contents = [hashlib.sha256(each.read_bytes()).hexdigest() for each in sources]
    claims_and_code = hashlib.sha256("\n".join([dataset_of(data_dir), repr(stamps), *contents]).encode()).hexdigest()
    return f"{rule_base(conf_dir).version} {claims_and_code}"
