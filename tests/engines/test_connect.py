"""Spark Connect: the engine speaks to a server that it does not share a process with."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from fraudml.claims import open_claims
from fraudml.engine import Engine
from fraudml.graph.edges import expose_encounters, pair_edges
from fraudml.vectors import behaviour

pytestmark = pytest.mark.soak

AS_OF = "2024-01-31"

SESSION = """
import json, sys
from pathlib import Path
import pyarrow as pa
from fraudml.claims import open_claims
from fraudml.engine.spark import open_spark
from fraudml.graph.edges import expose_encounters, pair_edges
from fraudml.vectors import behaviour

city, out, settings = Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])


def doubled(rows):
    return pa.table({"id": rows["id"], "twice": pa.array([2.0 * n for n in rows["n"].to_pylist()])})


engine = open_spark(remote="local[2]", settings=settings)  # Spark starts a server of its own for this address
engine.table("numbers", "select * from (values ('a', 1), ('b', 2)) as entry(id, n)")
engine.view("seen", "select id, n + 1 as n from numbers")
engine.mapped("twice", "select * from seen", doubled, {"id": "VARCHAR", "twice": "DOUBLE"})
engine.drop("seen")
(out / "rows.json").write_text(json.dumps(engine.rows("select id, twice from twice order by id")))
engine.write("select id, twice from twice order by id", out / "written.parquet", note="kept")
with open_claims(city, engine).at(sys.argv[4], months=12) as snapshot:
    behaviour("pharmacy", snapshot, sys.argv[4]).reset_index().to_parquet(out / "pharmacy.parquet")
    expose_encounters(snapshot)
    pair_edges(snapshot, "patient_pharmacy").to_parquet(out / "edges.parquet")
engine.close()
"""


@pytest.fixture(scope="module")
def connected(city: Path, spark_settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a session on a Spark Connect server wrote; a process of its own, as one process holds either kind of session."""
    if lacking := [name for name in ("pyspark", "grpc", "grpc_status", "zstandard") if importlib.util.find_spec(name) is None]:
        pytest.skip(f"needs pyspark[connect]: no {', '.join(lacking)}")
    if shutil.which("java") is None:
        pytest.skip("needs Java 17")
    out = tmp_path_factory.mktemp("connect")
    command = [sys.executable, "-c", SESSION, str(city), str(out), json.dumps(spark_settings), AS_OF]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return out


def test_tables_views_and_functions_live_on_the_server(connected: Path, duck: Engine) -> None:
    assert json.loads((connected / "rows.json").read_text()) == [["a", 4.0], ["b", 6.0]]
    assert duck.note_of(connected / "written.parquet") == "kept"
    assert pd.read_parquet(connected / "written.parquet")["twice"].tolist() == [4.0, 6.0]


def test_vectors_and_edges_are_the_same(connected: Path, city: Path, duck: Engine) -> None:
    with open_claims(city, duck).at(AS_OF, months=12) as snapshot:
        vectors = behaviour("pharmacy", snapshot, AS_OF).reset_index()
        expose_encounters(snapshot)
        edges = pair_edges(snapshot, "patient_pharmacy")
    for name, expected in (("pharmacy", vectors), ("edges", edges)):
        found = pd.read_parquet(connected / f"{name}.parquet")
        assert len(expected) > 3
        pd.testing.assert_frame_equal(found, expected, rtol=1e-9, atol=0, check_dtype=False, check_index_type=False)
