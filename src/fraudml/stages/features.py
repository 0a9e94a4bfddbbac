"""Stage ``features``: behaviour vectors of all entities as of one or more days, kept beside those of other days."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from fraudml.claims import Claims, Snapshot
from fraudml.config import as_of_days
from fraudml.contracts import ENTITY_TYPES
from fraudml.engine import open_engine
from fraudml.progress import step, track
from fraudml.vectors.aggregates import MONTHS
from fraudml.vectors.catalogue import load_catalogue
from fraudml.vectors.computed import behaviour_sql
from fraudml.vectors.declared import UNITS
from fraudml.vectors.joined import join_claims

log = logging.getLogger("fraudml")


def run(config: Any) -> None:
    """Writes ``features/<entity>.parquet``, or prints the catalogue (``--list``)."""
    if config.features.list:
        print(listing(config.conf_dir, config.lang))  # noqa: T201
        return
    engine = open_engine(config.engine.memory_limit, config.engine.threads, config.engine.temp_dir)
    claims = Claims(Path(config.data_dir), engine)
    days = as_of_days(config) or [claims.last_month_end().isoformat()]
    catalogues = [load_catalogue(entity, config.conf_dir) for entity in ENTITY_TYPES]
    for as_of in track(days, "snapshots"):
        with claims.at(as_of, months=MONTHS, materialise=("claims",)) as snapshot:
            with step(f"claims as of {as_of} joined"):
                join_claims(snapshot)
            for catalogue in catalogues:
                target = Path(config.data_dir) / "features" / f"{catalogue.entity}.parquet"
                with step(f"vectors of {catalogue.entity}"):
                    rows = _accumulate(snapshot, behaviour_sql(catalogue, snapshot), target, catalogue.entity)
                log.info("%s: %s rows as of %s", target, rows, as_of)


def _accumulate(snapshot: Snapshot, query: str, target: Path, entity: str) -> int:
    """Replaces this day's rows in the file, keeps those of other days of the same data; returns the day's rows."""
    engine = snapshot.engine
    dataset = dataset_of(snapshot.data_dir)
    engine.table("fresh", f"select entity_id, date '{snapshot.as_of}' as as_of, * exclude (entity_id) from ({query})")
    sql = "select * from fresh"
    if target.is_file() and engine.note_of(target) == dataset:
        engine.parquet("kept", target)
        kept = f"select * from kept where as_of <> date '{snapshot.as_of}'"
        if entity == "claim":
            # a claim has one row: at the first snapshot on or after its settlement
            engine.execute(f"delete from fresh where entity_id in (select entity_id from kept where as_of < date '{snapshot.as_of}')")
            kept += " and entity_id not in (select entity_id from fresh)"
        sql = f"{kept} union all by name select * from fresh"
    engine.write(f"select * from ({sql}) order by as_of, entity_id", target, note=dataset)
    return int(engine.scalar("select count(*) from fresh"))


def dataset_of(data_dir: Path) -> str:
    """Name of the data set that the claims below a folder were read from; it changes when a source is read anew."""
    about = data_dir / "ingest.json"
    return str(json.loads(about.read_text(encoding="utf-8")).get("dataset", "")) if about.is_file() else ""


def listing(conf_dir: str | None, lang: str) -> str:
    """The catalogue as text: one line per column."""
    lines = []
    for entity in ENTITY_TYPES:
        catalogue = load_catalogue(entity, conf_dir)
        lines += [f"{entity}: {len(catalogue.features)} features, peers: {' x '.join(catalogue.peers)}"]
        for feature in catalogue.features.values():
            unit = UNITS[feature.unit][0 if lang == "zh" else 1] or feature.unit
            lines.append(f"  {feature.name:<40} {unit:<8} {feature.direction:<5} {','.join(feature.serves):<16} {feature.pattern(lang)}")
    return "\n".join(lines)
