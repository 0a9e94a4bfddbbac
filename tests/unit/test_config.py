"""The configuration: composition, overrides, days, a bureau's own folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from fraudml.config import as_of_days, compose, declarations, quote, read_yaml
from fraudml.errors import FraudmlError, UsageError


def test_defaults_compose() -> None:
    config = compose()
    assert (config.data_dir, config.models_dir, config.capacity, config.lang) == ("data", "models", 200, "zh")


def test_several_days_are_sorted_and_unique() -> None:
    assert as_of_days(compose(["as_of=2024-06-30,2024-05-31,2024-06-30"])) == ["2024-05-31", "2024-06-30"]


def test_no_day_is_no_day() -> None:
    assert as_of_days(compose()) == []


@pytest.mark.parametrize("value", ["2024-13-01", "June", "2024-02-30"])
def test_what_is_no_day_is_refused(value: str) -> None:
    with pytest.raises(UsageError, match=r"as_of\.format"):
        as_of_days(compose([f"as_of={value}"]))


@pytest.mark.parametrize("value", ["postgresql://a:b@c:5432/d?x=1", "/some dir/with, comma", "C:\\x", "it's"])
def test_paths_and_addresses_arrive_as_typed(value: str) -> None:
    assert compose([f"input={value}"]).input == value


def test_other_values_keep_hydras_grammar() -> None:
    assert quote("city.schemes=[phantom_bed]") == "city.schemes=[phantom_bed]"
    assert list(compose(["city.schemes=[phantom_bed,drug_resale]"]).city.schemes) == ["phantom_bed", "drug_resale"]


def test_unknown_key_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="nonsense"):
        compose(["nonsense=1"])


@pytest.mark.parametrize(
    "override",
    [
        "capacity=abc",
        "capacity=1.5",
        "capacity=-1",
        "months=0",
        "seed=abc",
        "tuning.trials=-3",
        "engine.threads=two",
        "engine.memory_limit=much",
        "city.persons=abc",
        "leads.explore=null",
        "score.strict=perhaps",
    ],
)
def test_values_of_another_kind_are_wrong_usage(override: str) -> None:
    with pytest.raises(UsageError, match=r"config\.value"):
        compose([override])


@pytest.mark.parametrize("override", ["leads.certainty=2.5", "engine.memory_limit=800MB", "engine.threads=1", "capacity=0", "engine=spark"])
def test_values_of_the_same_kind_pass(override: str) -> None:
    assert compose([override])


def test_a_bureaus_file_wins_over_the_shipped_one(tmp_path: Path) -> None:
    shipped = declarations("tracking")[0]
    own = tmp_path / "tracking" / shipped.name
    own.parent.mkdir()
    own.write_text("uri: null\n")
    assert own in declarations("tracking", tmp_path)
    assert shipped not in declarations("tracking", tmp_path)


def test_a_bureaus_settings_are_laid_over_the_shipped_ones(tmp_path: Path) -> None:
    """Hydra finds the shipped file first: the bureau's own was passed over without a word."""
    for name, content in {
        "ledger/default.yaml": "units: {R1: 一科}\ndays: 60\n",
        "source/nhsa.yaml": "name: nhsa\ntables: {claims: {from: ours, columns: {claim_id: id}}}\n",
        "engine/spark.yaml": "driver_limit: 7\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
    shipped = compose()
    config = compose([f"conf_dir={tmp_path}"])
    assert dict(config.ledger.units) == {"R1": "一科"}
    assert (config.ledger.days, list(config.ledger.bands)) == (60, list(shipped.ledger.bands))
    assert list(config.source.tables) == ["claims"]
    assert config.engine == shipped.engine  # another engine's file
    config = compose([f"conf_dir={tmp_path}", "ledger.days=30", '+ledger.units.R2="二科"', "engine=spark"])
    assert (config.ledger.days, dict(config.ledger.units)) == (30, {"R1": "一科", "R2": "二科"})
    assert (config.engine.kind, config.engine.driver_limit) == ("spark", 7)
    (tmp_path / "ledger" / "default.yaml").write_text("unit_of: {R1: a}\n")
    with pytest.raises(FraudmlError, match=r"\[config.key\] .*ledger/default.yaml.*unit_of"):
        compose([f"conf_dir={tmp_path}"])


@pytest.mark.parametrize("override", ["ledger.units={R1: 一科}", "capacity=("])
def test_what_hydra_cannot_read_is_told_with_the_remedy(override: str) -> None:
    with pytest.raises(UsageError, match=r"\[config.value\] .* cannot be read.*quotes"):
        compose([override])


def test_broken_yaml_names_file_and_line(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: 1\nb: [1, 2\n")
    with pytest.raises(FraudmlError, match=r"broken\.yaml:\d"):
        read_yaml(broken)


def test_a_folder_that_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError, match="conf_dir"):
        compose(["conf_dir=/nowhere/at/all"])


GROUPS = ("source", "engine", "city", "detector", "leads", "tracking", "experiment")
CHOICES = [(group, path.stem) for group in GROUPS for path in declarations(group)]


@pytest.mark.parametrize(("group", "name"), CHOICES)
def test_every_shipped_choice_composes(group: str, name: str) -> None:
    assert compose([f"{group}={name}"]).seed == 0


def test_an_experiment_holds_only_differences() -> None:
    small, usual = compose(["experiment=small_city"]), compose()
    assert small.city.persons < usual.city.persons
    assert small.leads == usual.leads


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"name: ours\ntables: {claims: {{from: a}}\n", r"\[config.yaml\] ours.yaml:3"),
        (b"name: ours\nname: twice\n", r"\[config.yaml\] ours.yaml:2: found duplicate key name"),
        ("name: 医保\n".encode("gb18030"), r"\[config.yaml\].*UTF-8"),
    ],
)
def test_a_bureaus_broken_yaml_is_told_and_no_defect_of_ours(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "ours.yaml").write_bytes(content)
    with pytest.raises(FraudmlError, match=told):
        compose([f"conf_dir={tmp_path}", "source=ours"])
