"""Stage ``features``: files that accumulate snapshots."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from fraudml.claims import open_claims
from fraudml.config import compose
from fraudml.contracts import ENTITY_TYPES
from fraudml.stages import features
from fraudml.vectors import behaviour


@pytest.fixture
def data_dir(make_claims, random_rows, tmp_path) -> Path:
    make_claims(**random_rows(seed=2, count=200))
    (tmp_path / "data" / "ingest.json").write_text('{"dataset": "a"}')
    return tmp_path / "data"


def run(data_dir: Path, *overrides: str) -> dict[str, pd.DataFrame]:
    features.run(compose([f"data_dir={data_dir}", *overrides]))
    return {entity: pd.read_parquet(data_dir / "features" / f"{entity}.parquet") for entity in ENTITY_TYPES}


def test_snapshots_accumulate_and_a_claim_has_one_row(data_dir):
    first = run(data_dir, "as_of=2024-04-30")
    both = run(data_dir, "as_of=2024-05-31,2024-04-30")
    for entity in ENTITY_TYPES:
        assert set(map(str, pd.to_datetime(both[entity].as_of).dt.date)) == {"2024-04-30", "2024-05-31"}
        assert not both[entity].duplicated(["entity_id", "as_of"]).any()
        april = both[entity][both[entity].as_of == both[entity].as_of.min()]
        pd.testing.assert_frame_equal(april.reset_index(drop=True)[first[entity].columns], first[entity])
    claim = both["claim"]
    assert not claim.entity_id.duplicated().any()
    # judged alone, after an earlier snapshot, a claim gets the same vector as among all
    alone = behaviour("claim", open_claims(data_dir), "2024-05-31").reset_index()
    may = claim[claim.as_of == claim.as_of.max()].reset_index(drop=True)
    assert len(may)
    again = alone[alone.entity_id.isin(may.entity_id)].reset_index(drop=True)
    numbers = alone.select_dtypes("number").columns
    pd.testing.assert_frame_equal(may[numbers], again[numbers])
    # asked for in the other order, the outcome is the same
    backwards = run(data_dir, "as_of=2024-03-31")["claim"]
    assert not backwards.entity_id.duplicated().any()
    assert set(claim.entity_id) <= set(backwards.entity_id)


def test_several_days_in_one_run_give_what_each_gives_alone(data_dir, tmp_path):
    days = ["2024-04-15", "2024-05-31"]
    together = run(data_dir, f"as_of={','.join(days)}")
    for number, day in enumerate(days):
        alone = tmp_path / f"day{number}"
        alone.mkdir()
        for name in ("claims", "ingest.json"):
            (alone / name).symlink_to(data_dir / name)
        for entity, frame in run(alone, f"as_of={day}").items():
            found = together[entity][pd.to_datetime(together[entity].as_of) == pd.Timestamp(day)]
            assert len(found), entity
            if entity == "claim":  # judged once, on the first day
                assert len(found) < len(frame) or number == 0
                frame = frame[frame.entity_id.isin(found.entity_id)]
            columns = [name for name in together[entity] if name in frame]
            assert found.drop(columns=columns).isna().all(axis=None)  # what only other days know
            pd.testing.assert_frame_equal(found[columns].reset_index(drop=True), frame[columns].reset_index(drop=True))
    assert not together["claim"].entity_id.duplicated().any()
    assert not (data_dir / "features" / ".parts").exists()


def test_rows_of_another_data_set_are_dropped(data_dir):
    run(data_dir, "as_of=2024-04-30")
    (data_dir / "ingest.json").write_text(json.dumps({"dataset": "b"}))
    assert run(data_dir, "as_of=2024-05-31")["patient"].as_of.nunique() == 1


def test_the_last_complete_month_is_the_default_day(data_dir):
    assert set(map(str, pd.to_datetime(run(data_dir)["patient"].as_of).dt.date)) == {"2024-06-30"}


def test_the_list_needs_no_data(tmp_path, capsys):
    features.run(compose([f"data_dir={tmp_path / 'nowhere'}", "features.list=true", "lang=en"]))
    told = capsys.readouterr().out
    assert "pharmacy_count_3m" in told
    assert "bought at … pharmacies in the last 3 months" in told


def test_the_page_of_the_catalogue_is_current(capsys):
    features.run(compose(["features.page=true"]))
    page = Path(__file__).parents[3] / "docs" / "features.md"
    assert capsys.readouterr().out == page.read_text(encoding="utf-8"), "run `fraudml features --page > docs/features.md`"
