"""A tracking server by URL: runs, registry and artefacts go there, the model comes back from there and answers over HTTP."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest

from fraudml.detectors import EntityScorer
from fraudml.detectors.combine import PARTS, Combiner
from fraudml.detectors.registered import RegisteredModel
from fraudml.detectors.registered import stored as model_in
from fraudml.errors import MissingInput
from fraudml.tracking import CANDIDATE, CHAMPION, Tracking

PATIENCE = 180  # seconds for a server to come up on a busy machine


@contextmanager
def serving(arguments: list[str], health: str, port: int, log: Path, **environment: str) -> Iterator[str]:
    """A process of MLflow, as soon as it answers."""
    url = f"http://127.0.0.1:{port}"
    programs = Path(sys.executable).parent  # mlflow starts uvicorn by name
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", *arguments],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true", "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"} | environment,
            start_new_session=True,
        )
        try:
            give_up = time.monotonic() + PATIENCE
            while not answers(url + health):
                if ended(process) or time.monotonic() > give_up:
                    pytest.fail(f"mlflow {arguments[0]} did not come up: {log.read_text(errors='replace')[-2000:]}")
            yield url
        finally:
            os.killpg(process.pid, 15)
            process.wait(30)


def ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether a process ended; gives it half a second."""
    try:
        process.wait(0.5)
    except subprocess.TimeoutExpired:
        return False
    return True


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def own_uris() -> Iterator[None]:
    """What the process thinks of tracking, put back afterwards."""
    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    yield
    mlflow.set_tracking_uri(before[0])
    mlflow.set_registry_uri(before[1])


@pytest.mark.usefixtures("own_uris")
def test_a_model_goes_to_the_server_and_answers_from_there(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    X = pd.DataFrame(random.normal(size=(300, 3)), columns=["visits", "amount", "nights"])
    scorer = EntityScorer(members=("boosted",), n_jobs=1).fit(X, (X["amount"] > 1).astype(int))
    folder = tmp_path / "patient"
    usual = dict.fromkeys(PARTS, 0.0)
    combiner = Combiner(-1.0, {"rules": 2.0, "graph": 1.0, "outlier": 1.0, "supervised": 0.8}, usual)
    RegisteredModel("patient-1", scorer, combiner, {"target": "patient"}).save(make_folder(folder))
    (folder / "README.md").write_text("card", encoding="utf-8")
    picture = tmp_path / "curves.png"
    picture.write_bytes(b"picture")

    store = ["--backend-store-uri", f"sqlite:///{tmp_path / 'server.db'}", "--artifacts-destination", str(tmp_path / "artefacts")]
    port = free_port()
    arguments = ["server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1", *store]
    with serving(arguments, "/health", port, tmp_path / "server.log") as url:
        tracking = Tracking(tmp_path / "models", url, "fraudml")
        number = tracking.record("patient", "patient", folder, {"seed": 0}, {"auc": 0.9}, {"dataset": "d"}, [picture])
        tracking.promote("patient", number)
        fetched, where = tracking.candidate("patient", None, tmp_path / "fetched")
        assert fetched == number
        np.testing.assert_allclose(model_in(where).scorer.predict_proba(X), scorer.predict_proba(X))
        with pytest.raises(MissingInput, match=r"promote\.version"):
            tracking.candidate("patient", 7, tmp_path / "nothing")
        assert not (tmp_path / "models" / "mlflow.db").exists()  # nothing beside the server
        aliases = mlflow.MlflowClient(url, url).get_registered_model("fraudml-patient").aliases
        assert {name: int(version) for name, version in aliases.items()} == {CANDIDATE: 1, CHAMPION: 1}
        stored = {path.name for path in (tmp_path / "artefacts").rglob("*") if path.is_file()}
        assert {"model.json", "curves.png", "README.md"} <= stored
        assert not [name for name in stored if name.endswith((".pkl", ".pickle", ".joblib"))]

        port = free_port()
        asked = ["models", "serve", "-m", f"models:/fraudml-patient@{CHAMPION}", "--env-manager", "local", "--host", "127.0.0.1"]
        with serving([*asked, "--port", str(port)], "/ping", port, tmp_path / "serve.log", MLFLOW_TRACKING_URI=url) as served:
            told = answer(f"{served}/invocations", {"dataframe_split": X.head(3).assign(rules=[0.9, 0.0, 0.0]).to_dict("split")})
    found = pd.DataFrame(told["predictions"])
    parts = pd.DataFrame({"rules": [0.9, 0.0, 0.0], "graph": 0.0, "outlier": 0.0, "supervised": found["supervised"]})
    np.testing.assert_allclose(found["risk"], combiner.risk(parts), atol=1e-9)  # what was found beside the features counts
    np.testing.assert_allclose(found["supervised"], scorer.predict_proba(X.head(3))[:, 1], atol=1e-9)
    reasons = found[[f"reason:{name}" for name in X]].to_numpy()
    np.testing.assert_allclose(scorer.expected_value_ + reasons.sum(axis=1), scorer.margin(X.head(3)), atol=1e-9)


def make_folder(path: Path) -> Path:
    path.mkdir(parents=True)
    return path


def answer(url: str, body: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.loads(response.read())
