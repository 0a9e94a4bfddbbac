"""Reads a source, checks it, writes canonical claims and keeps apart what is wrong."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, cast

from omegaconf import OmegaConf

from fraudml.claims.coverage import coverage, served_by, written_coverage
from fraudml.claims.ingest import Options, ingest
from fraudml.claims.quality import written_counts
from fraudml.claims.relations import refuse_text
from fraudml.claims.source import load_source
from fraudml.config import declarations, read_yaml
from fraudml.engine import configured_engine
from fraudml.errors import UsageError


def run(config: Any) -> None:
    """Writes ``claims/``, ``quarantine/``, ``ingest.json`` and ``ingest.html`` below ``data_dir`` from the source that ``input`` names.

    With ``ingest.check`` it writes nothing: it prints the counts and which rows of R01-R33 the data can serve (A13).
    """
    if config.ingest.negative not in ("quarantine", "refund"):
        raise UsageError("ingest.negative", f"ingest.negative={config.ingest.negative} is unknown.", "Write quarantine or refund.")
    data_dir = Path(config.data_dir)
    source = load_source(cast(dict[str, Any], OmegaConf.to_container(config.source)))
    given = config.input or data_dir / "raw"
    if config.engine.kind == "spark":
        refuse_text(given, source)
    options = Options(
        negative=config.ingest.negative,
        month=config.ingest.month,
        key_file=Path(config.privacy.key_file) if config.privacy.key_file else None,
        check=bool(config.ingest.check),
        lang=config.lang,
    )
    report = ingest(configured_engine(config.engine), given, data_dir, source, options)
    if options.check:
        rules = [read_yaml(path) for path in declarations("rules", config.conf_dir)]
        text = written_counts(report, config.lang) + "\n\n" + written_coverage(coverage(served_by(report), rules, source), config.lang)
        sys.stdout.write(text + "\n")
