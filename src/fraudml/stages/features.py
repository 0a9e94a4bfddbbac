"""Stage ``features``: behaviour vectors of all entities as of one or more days, kept beside those of other days."""

from __future__ import annotations

import datetime as dt
import json
import logging
import shutil
from pathlib import Path
from typing import Any

from fraudml.claims import Claims, Snapshot
from fraudml.claims.store import day, months_before
from fraudml.config import as_of_days
from fraudml.contracts import ENTITY_TYPES
from fraudml.engine import Engine, configured_engine
from fraudml.progress import step, track
from fraudml.vectors.aggregates import MONTHS
from fraudml.vectors.catalogue import load_catalogue
from fraudml.vectors.computed import behaviour_sql, warn_without_claims
from fraudml.vectors.declared import Feature
from fraudml.vectors.page import listing, page
from fraudml.vectors.several import SeveralDays

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
    days = sorted(set(as_of_days(config) or [claims.last_month_end().isoformat()]))
    catalogues = [load_catalogue(entity, config.conf_dir) for entity in ENTITY_TYPES]
    folder = Path(config.data_dir) / "features"
    parts = folder / ".parts"  # a day's rows each; the files are sorted and written once, however many days are asked for
    shutil.rmtree(parts, ignore_errors=True)
    try:
        with SeveralDays(claims, [day(each) for each in days], catalogues) as joined:
            for earlier, as_of in zip([None, *days[:-1]], track(days, "snapshots"), strict=True):
                with step(f"claims as of {as_of} joined"):
                    snapshot = joined.at(day(as_of))
                for catalogue in catalogues:
                    entity = catalogue.entity
                    with step(f"vectors of {entity}"):
                        since = _judged_until(snapshot, folder / f"{entity}.parquet", earlier) if entity == "claim" else None
                        query = behaviour_sql(catalogue, snapshot, since=since, in_parts=joined.in_parts(catalogue, snapshot.as_of))
                        rows = _write_day(snapshot, query, parts / entity / f"{as_of}.parquet")
                    log.info("%s: %s rows as of %s", folder / f"{entity}.parquet", rows, as_of)
                warn_without_claims(snapshot)
        for entity in ENTITY_TYPES:
            _accumulate(engine, parts / entity, folder / f"{entity}.parquet", days, dataset_of(claims.data_dir))
    finally:
        shutil.rmtree(parts, ignore_errors=True)


def _rule_hits(config: Any) -> dict[str, Feature]:
    from fraudml.reasons import counted_rules
    from fraudml.rules import load_rules

    return counted_rules(load_rules(config.conf_dir))


def _judged_until(snapshot: Snapshot, target: Path, earlier: str | None) -> dt.date | None:
    """The latest earlier snapshot of the same data, in the file or of this run: claims settled until then have their row there already."""
    engine = snapshot.engine
    earliest = months_before(snapshot.as_of, MONTHS)
    found = [day(earlier)] if earlier else []
    if target.is_file() and engine.note_of(target) == dataset_of(snapshot.data_dir):
        engine.parquet("kept", target)
        found += [each for (each,) in engine.rows(f"select distinct as_of from kept where as_of < date '{snapshot.as_of}'")]
    return max((each for each in found if each > earliest), default=None)


def _write_day(snapshot: Snapshot, query: str, path: Path) -> int:
    dated = f"select entity_id, date '{snapshot.as_of}' as as_of, * exclude (entity_id) from ({query})"
    return snapshot.engine.write(dated, path, compression="snappy")


def _accumulate(engine: Engine, parts: Path, target: Path, days: list[str], dataset: str) -> None:
    """Replaces the days' rows in the file, keeps those of other days of the same data."""
    engine.parquet("fresh", parts / "*.parquet")
    sql = "select * from fresh"
    if target.is_file() and engine.note_of(target) == dataset:
        engine.parquet("kept", target)
        replaced = ", ".join(f"date '{each}'" for each in days)
        kept = f"select * from kept where as_of not in ({replaced})"
        if target.stem == "claim":
            # a claim has one row: at the first snapshot on or after its settlement
            kept += " and entity_id not in (select entity_id from fresh)"
        sql = f"{kept} union all by name {sql}"
    engine.write(f"select * from ({sql}) order by as_of, entity_id", target, note=dataset)


def dataset_of(data_dir: Path) -> str:
    """Name of the data set that the claims below a folder were read from; it changes when a source is read anew."""
    about = data_dir / "ingest.json"
    return str(json.loads(about.read_text(encoding="utf-8")).get("dataset", "")) if about.is_file() else ""
