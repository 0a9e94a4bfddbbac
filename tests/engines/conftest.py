"""Both engines, each with the same small relations; Spark is started once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fraudml.config import compose
from fraudml.engine import Engine, open_engine
from fraudml.stages import ingest, simulate

SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.driver.memory": "2g",
    "spark.sql.shuffle.partitions": "2",
    # a few rows each: compiling a query would take longer than running it
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
    "spark.sql.adaptive.enabled": "false",
}


@pytest.fixture(scope="session")
def spark() -> Iterator[Engine]:
    """A Spark engine on this machine, with room for small results only on the driver."""
    pytest.importorskip("pyspark", reason="needs the extra fraudml[spark]")
    if shutil.which("java") is None:
        pytest.skip("needs Java 17")
    from fraudml.engine.spark import open_spark

    engine = open_spark("local[2]", driver_limit="64m", settings=SETTINGS)
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def spark_settings() -> dict[str, str]:
    return SETTINGS


@pytest.fixture(scope="session")
def duck() -> Engine:
    return open_engine(memory_limit="500MB", threads=1)


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the claims of a small city of every scheme."""
    folder = tmp_path_factory.mktemp("city")
    config = compose([f"data_dir={folder}", "city.persons=400", "city.months=13", "seed=5"])
    simulate.run(config)
    ingest.run(config)
    return folder
