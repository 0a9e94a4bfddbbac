"""Reads a source, checks it, writes canonical claims and keeps apart what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from fraudml.claims.ingest import ingest
from fraudml.claims.mapping import load_source
from fraudml.engine import open_engine


def run(config: Any) -> None:
    """Writes ``claims/``, ``quarantine/`` and ``ingest.json`` below ``data_dir`` from the source that ``input`` names."""
    data_dir = Path(config.data_dir)
    source = load_source(OmegaConf.to_container(config.source))
    engine = open_engine(config.engine.memory_limit, config.engine.threads, config.engine.temp_dir)
    ingest(
        engine,
        Path(config.input) if config.input else data_dir / "raw",
        data_dir,
        source,
        negative=config.ingest.negative,
    )
