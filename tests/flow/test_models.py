"""Train, evaluate and score on a tiny city: with labels, with few, with one kind, with none; models in use and candidates."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import fraudml as fm
from fraudml.cli import main
from fraudml.contracts import ENTITY_TYPES
from fraudml.errors import FraudmlError

AS_OF = "2023-10-31"


def run(stage: str, data: Path, models: Path, *keys: str) -> int:
    return main([stage, f"as_of={AS_OF}", f"data_dir={data}", f"models_dir={models}", *keys])


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A city of 1,500 persons and 10 months with features and graph, and its decisions kept apart."""
    folder = tmp_path_factory.mktemp("tiny")
    common = [f"data_dir={folder}", f"models_dir={folder / 'models'}"]
    for stage in (
        ["simulate", "city.persons=1500", "city.months=10", "seed=4"],
        ["ingest"],
        ["features", f"as_of={AS_OF}"],
        ["graph", f"as_of={AS_OF}"],
    ):
        assert main([*stage, *common]) == 0, stage
    (folder / "labels.parquet").unlink()
    return folder


@pytest.fixture
def data(tiny: Path, tmp_path: Path) -> Path:
    """The city in a folder of its own; what is made once (evidence) is shared."""
    folder = tmp_path / "data"
    folder.mkdir()
    (tiny / "evidence").mkdir(exist_ok=True)
    for name in ("claims", "graph", "evidence", "ingest.json", "truth.parquet", "lookalikes.parquet"):
        (folder / name).symlink_to(tiny / name)
    shutil.copytree(tiny / "features", folder / "features")
    return folder


def decisions(data: Path, entity: str, known: float = 1.0, guilty: int | None = None, honest: int | None = None) -> pd.DataFrame:
    """Decisions that agree with the truth, about a share of the entities or so many."""
    ids = pd.read_parquet(data / "features" / f"{entity}.parquet")["entity_id"].unique()
    truth = pd.read_parquet(data / "truth.parquet")
    culprits = set(truth.loc[(truth["entity_type"] == entity) & (truth["role"] != "victim"), "entity_id"])
    cases = [name for name in ids if name in culprits][:guilty]
    others = [name for name in ids if name not in culprits][:honest]
    chosen = cases[: max(1, round(known * len(cases)))] + others[: round(known * len(others))]
    return pd.DataFrame(
        {
            "entity_type": entity,
            "entity_id": chosen,
            "is_fraud": [int(name in culprits) for name in chosen],
            "scheme": "",
            "decided_on": pd.Timestamp("2023-09-30"),
            "origin": "random",
        }
    )


def scores(data: Path, entity: str) -> pd.DataFrame:
    return pd.read_parquet(data / "scores" / f"as_of={AS_OF}" / f"{entity}.parquet").set_index("entity_id")


def registry(models: Path, target: str) -> tuple[dict[str, str], str]:
    """Aliases in the registry, and the version on disk."""
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{models / 'mlflow.db'}", f"sqlite:///{models / 'mlflow.db'}")
    aliases = {name: str(number) for name, number in client.get_registered_model(f"fraudml-{target}").aliases.items()}
    return aliases, json.loads((models / target / "about.json").read_text())["version"]


def _is_tracked_whole(models: Path, target: str) -> None:
    """The run holds what the model came of: code, rules, data, configuration, figures, what moves it."""
    import mlflow
    import yaml

    client = mlflow.MlflowClient(f"sqlite:///{models / 'mlflow.db'}", f"sqlite:///{models / 'mlflow.db'}")
    run_id = client.get_model_version(f"fraudml-{target}", "1").run_id
    tags = client.get_run(run_id).data.tags
    assert all(tags[name] for name in ("dataset", "as_of", "target", "rules_version", "fraudml"))
    logged = Path(client.download_artifacts(run_id, ""))
    assert yaml.safe_load((logged / "config.yaml").read_text())["detector"]["least_positives"] == 5
    assert "uri" not in (logged / "config.yaml").read_text()
    moving = pd.read_csv(logged / "shap_summary.csv")
    assert moving["mean_abs"].is_monotonic_decreasing
    assert moving["mean_abs"].iloc[0] > 0
    assert {path.name for path in (logged / "curves").iterdir()} == {"curves.png", "shap_summary.png"}


def test_from_decisions_to_models_figures_scores_and_leads(data: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    decided = decisions(data, "patient", known=0.6)
    pd.concat([decided, decisions(data, "institution")]).to_parquet(data / "labels.parquet")
    assert run("train", data, models, "detector.least_positives=5") == 0
    for target in ("patient", "institution"):
        assert registry(models, target) == ({"candidate": "1", "champion": "1"}, f"{target}-1")
        assert {"README.md", "metrics.json", "about.json", "curves.png"} <= {path.name for path in (models / target).iterdir()}
        assert not list((models / target).rglob("__pycache__"))
    _is_tracked_whole(models, "patient")
    assert not (models / "claim").exists()

    assert run("score", data, models, "months=3") == 0
    patients = scores(data, "patient")
    assert set(patients["model_version"]) == {"patient-1"}
    assert set(scores(data, "doctor")["model_version"]) == {"none"}
    assert patients["supervised"].notna().all()  # of those whom nobody looked at too
    assert set(patients.index) - set(decided["entity_id"])
    settled = pd.read_parquet(data / "claims" / "claims.parquet").set_index("claim_id")["settled_on"]
    assert pd.to_datetime(settled.loc[scores(data, "claim").index]).min() > pd.Timestamp("2023-07-31")

    assert run("evaluate", data, models) == 0
    report = json.loads((data / "evaluation" / "patient.json").read_text())
    assert report["metrics"]["auc"] > 0.7
    assert {"total_amount.auc", "isolation_forest.auc", "rules.auc", "rules_by_amount.auc", "decided.auc", "ece"} <= set(report["metrics"])
    assert report["intervals"]["ece"][0] <= report["intervals"]["ece"][1]
    assert report["against_truth"]["risk"]["average_precision"] >= report["against_truth"]["rules"]["average_precision"] - 0.05
    about = json.loads((data / "evaluation" / "list.json").read_text())
    assert {each["attribute"] for each in about["fairness"]} >= {"kind", "level", "ownership", "region"}
    assert [each["as_of"] for each in about["steadiness"]] == [AS_OF]

    shutil.copytree(models, tmp_path / "other")
    assert run("evaluate", data, models, f"compare={tmp_path / 'other'}") == 0
    compared = json.loads((data / "evaluation" / "comparison.json").read_text())["targets"]["patient"]
    assert compared["in_use"] == compared["other"] == "patient-1"
    assert compared["metrics"]["decided.average_precision"]["difference"] == 0
    assert (data / "evaluation" / "comparison.html").is_file()
    assert run("evaluate", data, models, "compare=shipped") == 0
    assert (data / "evaluation" / "rules_comparison.html").is_file()
    assert run("evaluate", data, models, "compare=nothing") == 2
    ranked = json.loads((data / "evaluation" / "list.json").read_text())["against_truth"]
    assert set(ranked) == {"all", *ENTITY_TYPES}
    assert ranked["all"]["precision_at_50"] > 0.7
    assert {"patient.html", "institution.html", "schemes.html", "list.html"} <= {path.name for path in (data / "evaluation").iterdir()}

    reasons = pd.read_parquet(data / "scores" / f"as_of={AS_OF}" / "evidence" / "reasons.parquet")
    assert reasons["text_zh"].str.len().gt(3).all()
    assert reasons["text_en"].str.len().gt(3).all()
    assert not reasons["text_en"].str.contains("{", regex=False).any()
    for entity in ENTITY_TYPES:  # whoever rules speak against has a reason, and it comes first
        table = scores(data, entity)
        named = set(table.index[table["rules"].map(len) > 0])
        told = reasons[reasons["entity_type"] == entity].drop_duplicates("entity_id").set_index("entity_id")["feature"]
        screened = {name for name in named if name not in told.index}
        assert all(
            set(table.loc[name, "rules"]) <= {"high_cost", "high_frequency", "usage_surge", "abnormal_admission_rate"}
            or table.loc[name, "risk"] < 0.1
            for name in screened
        )
    numeric = reasons[~reasons["feature"].str.startswith("rule:") & reasons["value"].notna()]
    assert numeric["peer_median"].notna().mean() > 0.95
    assert numeric["peer_percentile"].notna().mean() > 0.95

    assert run("leads", data, models, "capacity=20") == 0
    leads = pd.read_parquet(data / "leads" / f"as_of={AS_OF}" / "leads.parquet")
    assert leads["reasons"].map(len).gt(0).all()


def test_a_worse_model_is_a_candidate_until_it_is_forced(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from fraudml.detectors import combine
    from fraudml.stages import train

    models = tmp_path / "models"
    decisions(data, "institution").to_parquet(data / "labels.parquet")
    keys = ("target=institution", "detector.least_positives=5")
    assert run("train", data, models, *keys) == 0
    good = train.fit

    def misled(config: Any, rows: train.LearningSet, boosting: Any = None) -> Any:
        from dataclasses import replace

        return good(config, replace(rows, y=1 - rows.y), boosting)

    monkeypatch.setattr(train, "fit", misled)
    nothing = dict.fromkeys(combine.PARTS, 0.0)
    believed = combine.Combiner(0.0, nothing | {"supervised": 1.0}, nothing)  # what rules say cannot save it
    monkeypatch.setattr(combine.Combiner, "fit", classmethod(lambda cls, *parts, **others: believed))
    assert run("train", data, models, *keys) == 0
    assert registry(models, "institution") == ({"candidate": "2", "champion": "1"}, "institution-1")
    assert run("promote", data, models, *keys) == 1
    assert "[promote.worse] institution-2 ranks worse than institution-1" in capsys.readouterr().err
    assert registry(models, "institution") == ({"candidate": "2", "champion": "1"}, "institution-1")
    assert run("promote", data, models, *keys, "tracking.promote=always") == 0
    assert registry(models, "institution") == ({"candidate": "2", "champion": "2"}, "institution-2")
    assert run("promote", data, models, *keys, "version=1") == 0  # back to the better one
    assert registry(models, "institution") == ({"candidate": "2", "champion": "1"}, "institution-1")
    assert run("promote", data, models, *keys, "version=9") == 1
    assert run("promote", data, models, "target=nurse") == 2
    assert run("train", data, models, *keys, "tracking.promote=always") == 0
    assert registry(models, "institution") == ({"candidate": "3", "champion": "3"}, "institution-3")
    assert not [path for path in models.iterdir() if path.name.endswith(".part")]


def test_without_decisions_or_with_too_few_nothing_is_trained_and_scores_come_all_the_same(data: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    assert run("train", data, models) == 0
    decisions(data, "institution", guilty=3, honest=7).to_parquet(data / "labels.parquet")
    assert run("train", data, models) == 0
    assert not (models / "institution").exists()
    assert run("score", data, models) == 0
    assert run("evaluate", data, models) == 0
    for entity in ENTITY_TYPES:
        table = scores(data, entity)
        assert set(table["model_version"]) == {"none"}
        assert table["supervised"].isna().all()
        quiet = table[(table["rules"].map(len) == 0) & (table["graph"] == 0)]
        assert quiet["risk"].max() < 0.2  # being unusual alone brings nobody near the top


@pytest.mark.parametrize("confirmed", [True, False])
def test_decisions_of_one_kind_about_everybody_teach_nothing(
    data: Path, tmp_path: Path, confirmed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    decisions(data, "institution").assign(is_fraud=int(confirmed)).to_parquet(data / "labels.parquet")
    with caplog.at_level(logging.INFO, logger="fraudml"):
        assert run("train", data, tmp_path / "models", "target=institution") == 0
    assert not (tmp_path / "models" / "institution").exists()
    assert "not trained" in caplog.text


def test_decisions_about_unknown_entities_or_of_later_teach_nothing(data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    decided = decisions(data, "institution")
    keys = ("target=institution", "detector.least_positives=5")
    for given, said in ((decided.assign(entity_id="X" + decided["entity_id"]), "have no behaviour"), (late(decided), "0 confirmed cases")):
        given.to_parquet(data / "labels.parquet")
        caplog.clear()
        with caplog.at_level(logging.INFO, logger="fraudml"):
            assert run("train", data, tmp_path / "models", *keys) == 0
        assert said in caplog.text
        assert not (tmp_path / "models" / "institution").exists()


def late(decided: pd.DataFrame) -> pd.DataFrame:
    return decided.assign(decided_on=pd.Timestamp("2024-01-31"))


def test_a_column_that_is_gone_is_unknown_and_named_once(data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    models = tmp_path / "models"
    decisions(data, "institution").to_parquet(data / "labels.parquet")
    assert run("train", data, models, "target=institution", "detector.least_positives=5") == 0
    used = json.loads((models / "institution" / "about.json").read_text())["features"]
    gone = next(name for name in used if name.endswith("_12m"))
    import duckdb

    path = data / "features" / "institution.parquet"
    note = duckdb.sql(f"select decode(value) from parquet_kv_metadata('{path}') where key = 'fraudml'").fetchall()
    duckdb.sql(f"copy (select * exclude ({gone}) from '{path}') to '{path}.new' (format parquet, kv_metadata {{fraudml: '{note[0][0]}'}})")
    Path(f"{path}.new").replace(path)
    with caplog.at_level(logging.WARNING, logger="fraudml"):
        assert run("score", data, models) == 0
    assert sum(gone in record.getMessage() for record in caplog.records) == 1
    assert np.isfinite(scores(data, "institution")["supervised"]).all()


def test_rules_run_once_for_a_day(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("score", data, tmp_path / "models") == 0
    first = {entity: scores(data, entity) for entity in ENTITY_TYPES}

    def again(*_: Any, **__: Any) -> None:
        raise AssertionError("rules ran a second time")

    monkeypatch.setattr("fraudml.rules.run_rules", again)
    assert run("score", data, tmp_path / "models") == 0
    for entity in ENTITY_TYPES:
        pd.testing.assert_frame_equal(first[entity], scores(data, entity))


def test_what_is_asked_wrongly_is_refused_and_what_is_missing_is_named(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("train", data, tmp_path / "models", "tracking.promote=never") == 2
    assert run("train", data, tmp_path / "models", "target=nurse") == 2
    assert run("score", data, tmp_path / "models", "months=0") == 2
    shutil.rmtree(data / "features")
    assert run("score", data, tmp_path / "models") == 1
    assert "fraudml features" in capsys.readouterr().err


def test_drift_is_shown_and_strict_fails_after_writing(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    models = tmp_path / "models"
    decisions(data, "patient", known=0.6).to_parquet(data / "labels.parquet")
    assert run("train", data, models, "target=patient", "detector.least_positives=5") == 0
    assert run("score", data, models, "--strict") == 0  # the day of training itself
    page = data / "scores" / f"as_of={AS_OF}" / "drift.html"
    assert "patient-1" in page.read_text(encoding="utf-8")

    path = data / "features" / "patient.parquet"
    table = pq.read_table(path)
    heavy = {name: np.full(len(table), 1e6) for name in table.column_names if name.startswith(("visit", "total", "claim", "fund", "drug"))}
    for name, values in heavy.items():
        table = table.set_column(table.column_names.index(name), name, pa.array(values))
    pq.write_table(table, path)
    page.unlink()
    with caplog.at_level(logging.WARNING, "fraudml"):
        assert run("score", data, models) == 0
    assert "have shifted" in caplog.text
    assert run("score", data, models, "--strict") == 1
    assert "[score.drift]" in capsys.readouterr().err
    assert page.is_file()
    assert len(scores(data, "patient"))


def test_a_day_may_be_a_date_and_what_is_no_day_is_said(data: Path) -> None:
    import datetime as dt

    table = fm.model_table("institution", data, as_of=AS_OF)
    kept = sorted(path.name for path in (data / "evidence").iterdir())
    for same in (dt.date.fromisoformat(AS_OF), pd.Timestamp(AS_OF)):
        pd.testing.assert_frame_equal(fm.model_table("institution", data, as_of=same), table)
    assert sorted(path.name for path in (data / "evidence").iterdir()) == kept  # not once more under another name of the day
    with pytest.raises(FraudmlError, match=r"\[as_of.format\] “yesterday” is no day"):
        fm.model_table("institution", data, as_of="yesterday")
    with pytest.raises(FraudmlError, match=r"\[features.data_dir\] Claims is no path"):
        fm.model_table("institution", fm.open_claims(data), as_of=AS_OF)  # type: ignore[arg-type]


def test_one_table_holds_behaviour_graph_and_rule_hits(data: Path) -> None:
    """What a data scientist takes is what the models take: every column worded, counts equal to the evidence's claims."""
    from fraudml.reasons import counted_rules, worded_features
    from fraudml.rules import load_rules
    from fraudml.vectors import load_catalogue

    words = counted_rules(load_rules())
    for entity in ENTITY_TYPES:
        table = fm.model_table(entity, data, as_of=AS_OF)
        catalogue = load_catalogue(entity)
        told = worded_features(catalogue)
        vectors = pd.read_parquet(data / "features" / f"{entity}.parquet")
        assert list(table.index) == sorted(vectors["entity_id"])
        unworded = [name for name in table if name not in told and name not in catalogue.attributes and ":" not in name]
        assert not unworded
        assert entity == "claim" or table["ring_score"].notna().any()
        counts = table.filter(like="rule_count:")
        assert set(counts) <= set(words)
        assert counts.to_numpy().sum() > 0
        hits = pd.read_parquet(data / "evidence" / f"as_of={AS_OF}.parquet")
        hits = hits[hits["claim_id"].notna() & ((hits["entity_type"] == entity) | (entity == "claim"))]
        for name in counts:
            mine = hits[hits["rule"] == name.removeprefix("rule_count:")]
            if entity != "claim" and len(mine):
                claims = mine.groupby("entity_id")["claim_id"].nunique().reindex(table.index).fillna(0.0)
                assert (counts[name] >= claims).all(), name  # what names no claim counts as a piece of its own
                assert counts[name][claims > 0].gt(0).all()
    beside = fm.model_table("doctor", data, as_of=AS_OF, peers=True)
    features = [name for name in fm.model_table("doctor", data, as_of=AS_OF) if name in load_catalogue("doctor").features]
    assert set(beside) >= {f"{kind}:{name}" for name in features for kind in ("peer_z", "peer_percentile")}
    high = beside["claim_count_12m"].idxmax()
    assert beside.loc[high, "peer_z:claim_count_12m"] > 0
    assert beside.loc[high, "peer_percentile:claim_count_12m"] > 50
    sentence = words["rule_count:split_admission"].sentence("en", 2.0, 0.0)
    assert sentence == "2 claims in the last 12 months with evidence of split admission (peers' median 0)"
