"""Makes a city that cheats, as national-standard tables with known truth."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

log = logging.getLogger("fraudml")


def run(config: Any) -> None:
    """Writes ``raw/``, ``truth.parquet``, ``lookalikes.parquet`` and ``labels.parquet`` below ``config.data_dir``."""
    from fraudml.city import city_options, simulate

    data_dir = Path(config.data_dir)
    rows = simulate(city_options(config.city, config.seed), data_dir)
    for name, count in rows.items():
        folder = data_dir if name in ("truth", "lookalikes", "labels") else data_dir / "raw"
        log.info("%s: %s rows", folder / f"{name}.parquet", f"{count:,}")
