"""Stage ``features``: behaviour vectors of all entities as of one or more days, kept beside those of other days."""

from __future__ import annotations

import datetime as dt
import json
import logging
from pathlib import Path
from typing import Any

from fraudml.claims import Claims, Snapshot
from fraudml.claims.store import months_before
from fraudml.config import as_of_days
from fraudml.contracts import ENTITY_TYPES
from fraudml.engine import configured_engine
from fraudml.progress import step, track
from fraudml.vectors.aggregates import MONTHS
from fraudml.vectors.catalogue import load_catalogue
from fraudml.vectors.computed import behaviour_sql, prepare
from fraudml.vectors.declared import Feature
from fraudml.vectors.page import listing, page

log = logging.getLogger("fraudml")


def run(config: Any) -> None:
    """Writes ``features/<entity>.parquet``, or prints the catalogue (``--list``, ``--page``)."""
    if config.features.page:
        print(page(config.conf_dir, _rule_hits(config)), end="")  # noqa: T201
        return
    if config.features.list:
        print(listing(config.conf_dir, config.lang, _rule_hits(config)))  # noqa: T201
        return
    engine = configured_engine(config.engine)
    claims = Claims(Path(config.data_dir), engine)
    days = as_of_days(config) or [claims.last_month_end().isoformat()]
    catalogues = [load_catalogue(entity, config.conf_dir) for entity in ENTITY_TYPES]
    for as_of in track(days, "snapshots"):
        with claims.at(as_of, months=MONTHS) as snapshot:
            with step(f"claims as of {as_of} joined"):
                prepare(snapshot, [(catalogue, None) for catalogue in catalogues])
            for catalogue in catalogues:
                target = Path(config.data_dir) / "features" / f"{catalogue.entity}.parquet"
                with step(f"vectors of {catalogue.entity}"):
                    since = _judged_until(snapshot, target) if catalogue.entity == "claim" else None
                    rows = _accumulate(snapshot, behaviour_sql(catalogue, snapshot, since=since), target, catalogue.entity)
                log.info("%s: %s rows as of %s", target, rows, as_of)


def _rule_hits(config: Any) -> dict[str, Feature]:
    from fraudml.reasons import counted_rules
    from fraudml.rules import load_rules

    return counted_rules(load_rules(config.conf_dir))


def _judged_until(snapshot: Snapshot, target: Path) -> dt.date | None:
    """The latest earlier snapshot of the same data in the file: claims settled until then have their row there already."""
    engine = snapshot.engine
    if not target.is_file() or engine.note_of(target) != dataset_of(snapshot.data_dir):
        return None
    engine.parquet("kept", target)
    earliest = months_before(snapshot.as_of, MONTHS)
    found = engine.scalar(f"select max(as_of) from kept where as_of < date '{snapshot.as_of}' and as_of > date '{earliest}'")
    return found if isinstance(found, dt.date) else None


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
            earlier = f"select entity_id from kept where as_of < date '{snapshot.as_of}'"
            engine.table("fresh", f"select * from fresh where entity_id not in ({earlier})")
            kept += " and entity_id not in (select entity_id from fresh)"
        sql = f"{kept} union all by name select * from fresh"
    engine.write(f"select * from ({sql}) order by as_of, entity_id", target, note=dataset)
    return int(engine.scalar("select count(*) from fresh"))


def dataset_of(data_dir: Path) -> str:
    """Name of the data set that the claims below a folder were read from; it changes when a source is read anew."""
    about = data_dir / "ingest.json"
    return str(json.loads(about.read_text(encoding="utf-8")).get("dataset", "")) if about.is_file() else ""
