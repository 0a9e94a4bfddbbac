"""What train, score and evaluate read: vectors, graph measures, rule evidence and decisions, as of a day."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fraudml.claims import Claims, Snapshot
from fraudml.claims.decisions import read_decisions
from fraudml.contracts import ENTITY_TYPES
from fraudml.errors import MissingInput
from fraudml.stages.features import dataset_of

if TYPE_CHECKING:
    import pandas as pd

    from fraudml.engine import Engine
    from fraudml.vectors import Catalogue

log = logging.getLogger("fraudml")

PERSONS = {
    "patient": "patient_id",
    "doctor": "doctor_id",
    "institution": "institution_id",
    "pharmacy": "institution_id",
    "claim": "claim_id",
}
"""Column of ``claims`` that names the entity."""


def expose_vectors(engine: Engine, data_dir: Path, entity: str, as_of: str) -> str:
    """Names the relation of one day's behaviour vectors, one row per entity; of a claim, the row of its first snapshot, for claims of the
    last twelve months.

    Raises
    ------
    MissingInput
        When ``features/`` has no snapshot of that day, or one of other claims.
    """
    path = data_dir / "features" / f"{entity}.parquet"
    command = f"Run `fraudml features as_of={as_of} data_dir={data_dir}` first."
    if not path.is_file():
        raise MissingInput("features.missing", f"{path} does not exist.", command)
    if engine.note_of(path) not in (None, dataset_of(data_dir)):
        raise MissingInput("features.dataset", f"{path} was computed from claims that have been read anew since.", command)
    engine.parquet(f"stored_{entity}", path)
    days = f"as_of = date '{as_of}'"
    if entity == "claim":  # a claim's only row stands at the first snapshot after its settlement
        days = f"as_of <= date '{as_of}' and as_of > date '{as_of}' - interval 12 month"
    name = f"vectors_{entity}"
    engine.view(name, f"select * exclude (as_of) from stored_{entity} where {days}")
    if not engine.rows(f"select 1 from {name} limit 1") and as_of not in snapshot_days(engine, path):
        raise MissingInput("features.as_of", f"{path} has no snapshot as of {as_of}.", command)
    return name


def vectors_as_of(engine: Engine, data_dir: Path, entity: str, as_of: str, most: int | None = None) -> pd.DataFrame:
    """Rows of :func:`expose_vectors` by entity_id, in its order; of more than ``most`` a part (:func:`part_of`)."""
    name = expose_vectors(engine, data_dir, entity, as_of)
    return as_vectors(engine.query(f"select * from {name} where {part_of(engine, name, most)} order by entity_id"))


def part_of(engine: Engine, relation: str, most: int | None) -> str:
    """SQL condition that leaves about ``most`` entities of a larger relation (true where there are no more): those with the smallest hashes
    of their ids, so that whoever is in stays in while the population grows."""
    count = 0 if most is None else int(engine.scalar(f"select count(*) from {relation}"))
    if most is None or count <= most:
        return "true"
    return f"substr(md5(cast(entity_id as varchar)), 1, 8) < '{most * 16**8 // count:08x}'"


def as_vectors(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of vectors by entity_id; an attribute that is not known is called so."""
    attributes = rows.select_dtypes(["object", "string"]).columns.drop("entity_id")
    rows[attributes] = rows[attributes].fillna("unknown")
    return rows.set_index("entity_id")


def snapshot_days(engine: Engine, path: Path) -> list[str]:
    """Days that a table of snapshots holds, oldest first; the features of all entities are written together."""
    days: set[str] = set()
    for each in sorted(path.parent.glob("*.parquet")) if path.parent.name == "features" else [path]:
        engine.parquet("dated", each)
        days |= {str(day) for (day,) in engine.rows("select distinct cast(as_of as varchar) from dated")}
    return sorted(days)


def expose_measures(engine: Engine, data_dir: Path, as_of: str) -> str | None:
    """Names the relation of one day's rows of ``graph/measures.parquet``; None where the graph was not made for it."""
    path = data_dir / "graph" / "measures.parquet"
    if not path.is_file():
        return None
    engine.parquet("measured", path)
    engine.view("measures_of_day", f"select * exclude (as_of) from measured where as_of = date '{as_of}'")
    return "measures_of_day" if engine.rows("select 1 from measures_of_day limit 1") else None


def measures_as_of(engine: Engine, data_dir: Path, as_of: str) -> pd.DataFrame | None:
    """Rows of :func:`expose_measures`, or None."""
    name = expose_measures(engine, data_dir, as_of)
    return None if name is None else engine.query(f"select * from {name} order by entity_type, entity_id")


def measures_of(measures: pd.DataFrame | None, catalogue: Catalogue) -> pd.DataFrame | None:
    """The graph measures of one entity type. What the behaviour vectors declare under the same name is theirs, and is left out here."""
    if measures is None:
        return None
    return measures[measures["entity_type"] == catalogue.entity].drop(columns=[name for name in measures if name in catalogue.features])


def appearances(entity: str, condition: str = "true") -> str:
    """SQL of one row of ``entity_id`` for each time that an entity of a type stands on a claim of which a condition holds. A pharmacy's
    purchases are no institution's claims."""
    kind = {"institution": "not is_pharmacy and", "pharmacy": "is_pharmacy and"}.get(entity, "")
    return f"""select entity_id from (
            select claim.{PERSONS[entity]} as entity_id, coalesce(place.kind = 'pharmacy', false) as is_pharmacy
            from claims as claim left join institutions as place on claim.institution_id = place.institution_id
            where {condition})
        where {kind} entity_id is not null"""


def exposure(snapshot: Snapshot, entity: str) -> pd.Series:
    """Claims of each entity in the snapshot, by entity_id."""
    frame = snapshot.query(f"select entity_id, count(*) as n from ({appearances(entity)}) as seen group by entity_id order by entity_id")
    return frame.set_index("entity_id")["n"]


def weighed(hits: pd.DataFrame, snapshot: Snapshot, entity: str, claims: int) -> pd.DataFrame:
    """Worth of each rule's evidence against each entity of a type (:mod:`fraudml.detectors.evidence`).

    Parameters
    ----------
    hits : all rule evidence of the snapshot's day.
    claims : number of claims judged, where ``entity`` is claim.
    """
    from fraudml.detectors.evidence import claim_evidence, rule_evidence

    if entity == "claim":
        return claim_evidence(hits, claims)
    mine = hits[hits["entity_type"] == entity]
    patients = None
    if entity in ("institution", "pharmacy") and not mine.empty:  # a lent card or a duplicate bill of one person is first the person's
        snapshot.engine.register("accused_claims", mine[["claim_id"]].dropna().drop_duplicates().astype("str"))
        of = snapshot.query("select claim_id, patient_id from claims where claim_id in (select claim_id from accused_claims)")
        patients = of.set_index("claim_id")["patient_id"]
    return rule_evidence(mine, exposure(snapshot, entity), patients)


def decisions(engine: Engine, claims: Claims, as_of: str, given: str | None) -> pd.DataFrame:
    """Decisions known on a day: one row per entity, is_fraud, scheme, origin and decided_on (missing where undated).

    A confirmed case stays confirmed; between decisions that agree on nothing else, the latest counts.

    Parameters
    ----------
    given : another table of labels (parquet or csv) in place of those in the data folder.

    Raises
    ------
    MissingInput
        When ``given`` does not exist, is no table or lacks columns; when a decision is neither yes nor no, or its day cannot be read.
    """
    import pandas as pd

    parts = label_parts(engine, claims, as_of, given)
    if not parts:
        empty = {name: pd.Series(dtype="str") for name in ("entity_type", "entity_id", "scheme", "origin")}
        return pd.DataFrame(empty | {"is_fraud": pd.Series(dtype="bool"), "decided_on": pd.Series(dtype="datetime64[us]")})
    every = pd.concat(parts, ignore_index=True)
    if undated := int(every["decided_on"].isna().sum()):
        log.info("%d of %d decisions bear no day: they count as known on every day", undated, len(every))
    every = every.sort_values(
        ["entity_type", "entity_id", "is_fraud", "decided_on", "origin", "scheme"], na_position="first", kind="stable"
    )
    every = every.drop_duplicates(["entity_type", "entity_id"], keep="last").drop(columns=["state", "lead_id"])
    return every.reset_index(drop=True)


def label_parts(engine: Engine, claims: Claims, as_of: str, given: str | None) -> list[pd.DataFrame]:
    """The rows of each table of labels that were decided by a day, undated ones among them; what :func:`decisions` says of errors holds."""
    if given:
        sources = [Path(given)]
        if not sources[0].is_file():
            raise MissingInput("labels.missing", f"{given} does not exist.", "Give a parquet or csv file with labels=PATH.")
    else:
        folder = claims.data_dir
        sources = [path for path in (folder / "labels.parquet", folder / "claims" / "labels.parquet") if path.is_file()]
    return [read_decisions(engine, path, as_of) for path in sources]


def catalogues(config: Any) -> dict[str, Any]:
    """The declared features of every entity."""
    from fraudml.vectors import load_catalogue

    return {entity: load_catalogue(entity, config.conf_dir) for entity in ENTITY_TYPES}
