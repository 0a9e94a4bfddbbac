"""MLflow: where runs and registered models are kept, by default an SQLite store inside ``models_dir``."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fraudml.errors import MissingInput

log = logging.getLogger("fraudml")

CANDIDATE, CHAMPION = "candidate", "champion"
SERVED = """\
\"\"\"How ``mlflow models serve`` answers: risk and reasons of the rows sent.\"\"\"

from pathlib import Path

import mlflow.pyfunc
import pandas as pd
from mlflow.models import set_model


class Scorer(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        from fraudml.detectors.registered import stored

        self.model = stored(Path(context.artifacts["model"]))

    # a frame without further hints: a table may lack columns
    def predict(self, context, model_input: pd.DataFrame, params=None):
        return self.model.answer(pd.DataFrame(model_input))


set_model(Scorer())
"""


class Tracking:
    """A tracking store.

    Parameters
    ----------
    models_dir : folder of models; ``mlflow.db`` and ``runs/`` (artefacts) are made in it where no server is named.
    uri : address of a tracking server.
    experiment : name that runs are kept under.
    """

    def __init__(self, models_dir: Path, uri: str | None, experiment: str) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        import mlflow

        logging.getLogger("mlflow").setLevel(logging.ERROR)
        logging.getLogger("alembic").setLevel(logging.ERROR)
        models_dir.mkdir(parents=True, exist_ok=True)
        self.uri = uri or f"sqlite:///{models_dir.resolve() / 'mlflow.db'}"
        mlflow.set_tracking_uri(self.uri)
        mlflow.set_registry_uri(self.uri)
        self.client = mlflow.MlflowClient(self.uri, self.uri)
        found = self.client.get_experiment_by_name(experiment)
        if found is None:
            location = None if uri else (models_dir.resolve() / "runs").as_uri()
            self.experiment_id = self.client.create_experiment(experiment, artifact_location=location)
        else:
            self.experiment_id = found.experiment_id

    def record(
        self,
        name: str,
        target: str,
        folder: Path,
        parameters: Mapping[str, Any],
        metrics: Mapping[str, float],
        tags: Mapping[str, str],
        shown: list[Path],
    ) -> int:
        """Logs one run with its model folder and ``shown``, and registers the model as ``fraudml-<target>``; returns the version's number.

        The new version becomes ``candidate``; :meth:`promote` makes it the champion.
        """
        import mlflow
        from mlflow.entities import Metric, Param, RunTag

        with (
            TemporaryDirectory() as scratch,  # MLflow imports the code, which leaves a compiled copy beside it
            mlflow.start_run(experiment_id=self.experiment_id, run_name=name) as run,
        ):
            served = Path(scratch) / "served.py"
            served.write_text(SERVED, encoding="utf-8")
            self.client.log_batch(
                run.info.run_id,
                metrics=[Metric(key, float(value), 0, 0) for key, value in metrics.items() if value == value],
                params=[Param(key, str(value)[:500]) for key, value in parameters.items()],
                tags=[RunTag(key, value) for key, value in tags.items()],
            )
            for each in shown:
                mlflow.log_artifact(str(each), "curves" if each.suffix == ".png" else None)
            logged = mlflow.pyfunc.log_model(
                name="model",
                python_model=str(served),
                artifacts={"model": str(folder)},
                pip_requirements=["fraudml"],
            )
        registered = f"fraudml-{target}"
        if not self.client.search_registered_models(f"name = '{registered}'"):
            self.client.create_registered_model(registered)
        version = self.client.create_model_version(registered, logged.model_uri, run.info.run_id, model_id=logged.model_id)
        number = int(version.version)
        self.client.set_registered_model_alias(registered, CANDIDATE, str(number))
        return number

    @contextmanager
    def study(self, name: str, tags: Mapping[str, str]) -> Iterator[Callable[..., None]]:
        """A run that holds the trials of a search as nested runs: call what it yields with name, parameters, value and state of each."""
        import mlflow

        with mlflow.start_run(experiment_id=self.experiment_id, run_name=name) as parent:
            mlflow.set_tags(dict(tags))

            def record(trial: str, parameters: Mapping[str, Any], value: float | None, state: str) -> None:
                with mlflow.start_run(experiment_id=self.experiment_id, run_name=trial, nested=True, parent_run_id=parent.info.run_id):
                    mlflow.log_params(dict(parameters))
                    mlflow.set_tag("state", state)
                    if value is not None:
                        mlflow.log_metric("objective", value)

            yield record

    def next_number(self, target: str) -> int:
        """The number that the next version of a target will have."""
        versions = self.client.search_model_versions(f"name = 'fraudml-{target}'")
        return 1 + max((int(one.version) for one in versions), default=0)

    def candidate(self, target: str, number: int | None, folder: Path) -> tuple[int, Path]:
        """A registered version (the ``candidate`` by default): its number, and its model fetched into ``folder``.

        Raises
        ------
        MissingInput
            When the registry has no such version.
        """
        import mlflow
        from mlflow.exceptions import MlflowException

        name = f"fraudml-{target}"
        try:
            if number is None:
                number = int(self.client.get_model_version_by_alias(name, CANDIDATE).version)
            fetched = Path(mlflow.artifacts.download_artifacts(f"models:/{name}/{number}", dst_path=str(folder)))
        except MlflowException as error:
            which = "no candidate" if number is None else f"no version {number}"
            problem = f"the registry at {self.uri} has {which} of {name}."
            raise MissingInput("promote.version", problem, "Run `fraudml train` first.") from error
        return number, next(path.parent for path in sorted(fetched.rglob("about.json")))

    def promote(self, target: str, number: int) -> None:
        """Makes a version the champion: the one whose model lies in ``models_dir/TARGET``."""
        self.client.set_registered_model_alias(f"fraudml-{target}", CHAMPION, str(number))
