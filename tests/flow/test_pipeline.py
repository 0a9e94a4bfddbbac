"""The whole way of a claim on a small city, through the command line, held against the contract."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from fraudml.cli import main
from fraudml.contracts import ENTITY_TYPES, LEAD_ENTITY_TYPES, LEADS, SCORE_COLUMNS

AS_OF = "2024-02-29"
CAPACITY = 60


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder after all stages ran: 2,000 persons, 14 months from January 2023."""
    folder = tmp_path_factory.mktemp("city")
    common = [f"data_dir={folder / 'data'}", f"models_dir={folder / 'models'}"]
    for stage in (
        ["simulate", "city.persons=2000", "city.months=14", "seed=3"],
        ["ingest"],
        ["features", f"as_of=2023-10-31,{AS_OF}"],
        ["graph", f"as_of=2023-10-31,{AS_OF}"],
        ["train", f"as_of={AS_OF}"],
        ["evaluate", f"as_of={AS_OF}"],
        ["score", f"as_of={AS_OF}", "months=2"],
        ["leads", f"as_of={AS_OF}", f"capacity={CAPACITY}", "lang=zh"],
    ):
        assert main([*stage, *common]) == 0, stage
    return folder / "data"


@pytest.fixture(scope="module")
def leads(city: Path) -> pd.DataFrame:
    return pd.read_parquet(city / "leads" / f"as_of={AS_OF}" / "leads.parquet")


def types_of(path: Path) -> dict[str, str]:
    # DuckDB puts quotes around field names that are words of its own
    return {name: type_.replace('"', "") for name, type_, *_ in duckdb.sql(f"describe select * from '{path}'").fetchall()}


def test_ingest_adds_up(city: Path) -> None:
    report = json.loads((city / "ingest.json").read_text())
    assert report["tables"]
    for name, counts in report["tables"].items():
        assert counts["read"] == counts["accepted"] + counts["quarantined"], name


@pytest.mark.parametrize("entity", ENTITY_TYPES)
def test_vectors_have_their_grain(city: Path, entity: str) -> None:
    vectors = pd.read_parquet(city / "features" / f"{entity}.parquet")
    assert len(vectors) > 0
    assert not vectors.duplicated(["entity_id", "as_of"]).any()
    numeric = vectors.select_dtypes("number").columns
    assert len(numeric) >= 20
    assert sum(vectors[name].nunique() > 1 for name in numeric) >= 15


@pytest.mark.parametrize("entity", ENTITY_TYPES)
def test_scores_have_their_columns(city: Path, entity: str) -> None:
    path = city / "scores" / f"as_of={AS_OF}" / f"{entity}.parquet"
    assert SCORE_COLUMNS.items() <= types_of(path).items()
    scores = pd.read_parquet(path)
    assert len(scores) > 0
    assert scores["entity_id"].is_unique
    assert scores["risk"].between(0, 1).all()
    assert scores["risk"].nunique() > min(30, len(scores) // 3)


def test_scored_claims_are_those_settled_in_the_months(city: Path) -> None:
    claims = pd.read_parquet(city / "claims" / "claims.parquet") if (city / "claims" / "claims.parquet").exists() else None
    scored = set(pd.read_parquet(city / "scores" / f"as_of={AS_OF}" / "claim.parquet")["entity_id"])
    if claims is None:
        claims = pd.concat(pd.read_parquet(part) for part in sorted((city / "claims" / "claims").rglob("*.parquet")))
    settled = pd.to_datetime(claims.set_index("claim_id")["settled_on"])
    assert settled.loc[sorted(scored)].between("2024-01-01", AS_OF).all()


def test_leads_have_their_columns(city: Path) -> None:
    assert types_of(city / "leads" / f"as_of={AS_OF}" / "leads.parquet") == LEADS


def test_leads_are_a_ranked_list_of_distinct_matters(leads: pd.DataFrame) -> None:
    assert 0 < len(leads) <= CAPACITY
    assert leads["rank"].tolist() == list(range(1, len(leads) + 1))
    assert leads["lead_id"].is_unique
    assert not leads.duplicated(["entity_type", "entity_id"]).any()
    assert set(leads["entity_type"]) <= set(LEAD_ENTITY_TYPES)
    assert set(leads["drawn"]) <= {"ranked", "random"}


def test_every_lead_can_be_acted_on(leads: pd.DataFrame, city: Path) -> None:
    known = (
        {row[0] for row in duckdb.sql(f"select claim_id from read_parquet('{city}/claims/claims*/**/*.parquet')").fetchall()}
        if not (city / "claims" / "claims.parquet").exists()
        else set(pd.read_parquet(city / "claims" / "claims.parquet")["claim_id"])
    )
    for lead in leads.itertuples():
        assert len(lead.schemes) > 0
        assert "unexplained" not in list(lead.schemes)[1:]
        assert len(lead.reasons) > 0, lead.lead_id
        assert all(reason["text"] for reason in lead.reasons)
        assert set(lead.evidence_claim_ids) <= known
        assert lead.amount_at_risk >= 0
        assert (
            lead.period_end <= pd.Timestamp(AS_OF).date()
            if not isinstance(lead.period_end, pd.Timestamp)
            else lead.period_end <= pd.Timestamp(AS_OF)
        )
        assert (len(lead.members) > 0) == (lead.entity_type == "ring")
    ranked = leads[leads["drawn"] == "ranked"]
    assert ranked["check_steps"].map(len).gt(0).all()


def test_a_pharmacy_is_only_ever_a_pharmacy(leads: pd.DataFrame, city: Path) -> None:
    kinds = pd.read_parquet(city / "claims" / "institutions.parquet").set_index("institution_id")["kind"]
    of_places = leads[leads["entity_type"].isin(["institution", "pharmacy"])]
    assert (kinds.loc[of_places["entity_id"]].eq("pharmacy").to_numpy() == of_places["entity_type"].eq("pharmacy").to_numpy()).all()


def test_the_top_of_the_list_is_guilty(leads: pd.DataFrame, city: Path) -> None:
    """A third by chance would be a miracle: planted claims are a few per cent."""
    guilty = set(pd.read_parquet(city / "truth.parquet")["claim_id"])
    top = leads[leads["drawn"] == "ranked"].head(20)
    hit = [bool(guilty & set(ids)) for ids in top["evidence_claim_ids"]]
    assert sum(hit) >= 0.7 * len(hit)


def test_workbook_and_page_lie_beside(city: Path) -> None:
    folder = city / "leads" / f"as_of={AS_OF}"
    assert {"leads.parquet", "leads.xlsx", "leads.html", "manifest.json"} <= {each.name for each in folder.iterdir()}
    assert "http://" not in (folder / "leads.html").read_text().replace("http://www.w3.org/", "")


def test_a_second_run_gives_the_same_list(city: Path, leads: pd.DataFrame) -> None:
    common = [f"data_dir={city}", f"models_dir={city.parent / 'models'}"]
    assert main(["score", f"as_of={AS_OF}", "months=2", *common]) == 0
    assert main(["leads", f"as_of={AS_OF}", f"capacity={CAPACITY}", *common]) == 0
    again = pd.read_parquet(city / "leads" / f"as_of={AS_OF}" / "leads.parquet")
    assert again["lead_id"].tolist() == leads["lead_id"].tolist()


def test_without_labels_and_models_the_list_still_comes(city: Path, tmp_path: Path) -> None:
    data, models = tmp_path / "data", tmp_path / "models"
    data.mkdir()
    for name in ("claims", "features", "graph", "ingest.json"):
        (data / name).symlink_to(city / name)
    common = [f"data_dir={data}", f"models_dir={models}"]
    assert main(["train", f"as_of={AS_OF}", *common]) == 0
    assert main(["score", f"as_of={AS_OF}", *common]) == 0
    assert main(["leads", f"as_of={AS_OF}", "capacity=20", "lang=en", *common]) == 0
    found = pd.read_parquet(data / "leads" / f"as_of={AS_OF}" / "leads.parquet")
    assert 0 < len(found) <= 20
