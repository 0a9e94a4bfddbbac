"""A session of empty tables, against which the SQL of lists is bound before anything runs."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fraudml.audit.grades import prepare_graded
from fraudml.audit.periods import parse_period
from fraudml.audit.population import prepare_claims, prepare_evidence, prepare_institutions
from fraudml.claims import Claims, Snapshot
from fraudml.contracts import CANONICAL
from fraudml.engine import open_engine
from fraudml.rules.runner import nothing

DAY = dt.date(2000, 12, 31)


@contextmanager
def trial_session() -> Iterator[Snapshot]:
    """A snapshot in which every table that a list may name exists and is empty."""
    engine = open_engine(memory_limit="500MB", threads=1)
    with tempfile.TemporaryDirectory() as folder:
        for table, declared in CANONICAL.items():
            engine.write(nothing(declared.columns), Path(folder) / "claims" / f"{table}.parquet")
        with Claims(Path(folder), engine).at(DAY) as snapshot:
            prepare_evidence(snapshot.engine, None, None)
            prepare_claims(snapshot, (parse_period("2000"),), "started_on")
            prepare_institutions(snapshot, DAY)
            prepare_graded(snapshot, DAY)
            yield snapshot
    engine.close()
