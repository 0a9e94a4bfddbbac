"""The simulated city: the adding-up laws, determinism, truth, and that the honest are honest."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from fraudml.city import CityOptions, city_options, scheme_ids, simulate
from fraudml.city.medicine import load_medicine
from fraudml.errors import UsageError

SMALL = {"persons": 2_000, "months": 12, "seed": 5}


class City:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.truth, self.alike, self.labels = (pd.read_parquet(folder / f"{name}.parquet") for name in ("truth", "lookalikes", "labels"))

    def __getitem__(self, table: str) -> pd.DataFrame:
        return pd.read_parquet(self.folder / "raw" / f"{table}.parquet")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    folder = tmp_path_factory.mktemp("city")
    simulate(CityOptions(**SMALL), folder)
    return City(folder)


@pytest.fixture(scope="module")
def honest(city: City) -> pd.DataFrame:
    """Settlements that are neither guilty nor look so, and no refunds."""
    claims = city["setl_d"]
    marked = set(city.truth["claim_id"]) | set(city.alike["claim_id"])
    return claims[~claims["setl_id"].isin(marked) & (claims["refd_setl_flag"] == "0")]


def share(claims: pd.Series, honest: pd.DataFrame) -> float:
    return claims[claims.isin(honest["setl_id"])].nunique() / len(honest)


def test_lines_add_up_to_the_settlement(city: City) -> None:
    claims, lines = city["setl_d"].set_index("setl_id"), city["fee_list_d"]
    sums = lines.groupby("setl_id")["det_item_fee_sumamt"].sum()
    assert set(sums.index) == set(claims.index)
    assert (sums - claims["medfee_sumamt"]).abs().max() < 1e-6
    assert (lines.groupby("setl_id")["inscp_scp_amt"].sum() - claims["inscp_scp_amt"]).abs().max() < 1e-6


def test_payers_add_up_to_the_total(city: City) -> None:
    claims = city["setl_d"]
    paid = claims["fund_pay_sumamt"] + claims["acct_pay"] + claims["psn_cash_pay"]
    assert (paid - claims["medfee_sumamt"]).abs().max() < 1e-6
    plain = claims[claims["refd_setl_flag"] == "0"]
    assert (plain[["medfee_sumamt", "fund_pay_sumamt", "acct_pay", "psn_cash_pay"]] >= 0).all().all()


def test_keys_are_unique_and_found(city: City) -> None:
    claims, lines, diagnoses = city["setl_d"], city["fee_list_d"], city["setl_diag_list_d"]
    assert claims["setl_id"].is_unique
    assert lines["bkkp_sn"].is_unique
    assert not diagnoses.duplicated(["setl_id", "diag_code"]).any()
    assert set(claims["psn_no"]) <= set(city["psn_info_b"]["psn_no"])
    assert set(claims["mdtrt_id"]) == set(city["mdtrt_d"]["mdtrt_id"])
    assert set(claims["bilg_dr_codg"].dropna()) <= set(city["dr_b"]["dr_codg"])
    assert set(lines["hilist_code"]) <= set(city["hilist_b"]["hilist_code"])
    # only what was reimbursed by hand comes from houses that the city does not know
    away = ~claims["fixmedins_code"].isin(city["fixmedins_b"]["fixmedins_code"])
    assert set(claims.loc[away, "manl_reim_flag"]) == {"1"}


def test_refunds_mirror_their_originals(city: City) -> None:
    claims = city["setl_d"].set_index("setl_id")
    back = claims[claims["refd_setl_flag"] == "1"]
    assert len(back)
    assert (back["medfee_sumamt"] <= 0).all()
    noted = back[back["init_setl_id"].notna()]
    original = claims.loc[noted["init_setl_id"]]
    assert (original["mdtrt_id"].to_numpy() == noted["mdtrt_id"].to_numpy()).all()
    assert (original["medfee_sumamt"].to_numpy() + noted["medfee_sumamt"].to_numpy() > -1e-6).all()
    assert (original["setl_time"].to_numpy() < noted["setl_time"].to_numpy()).all()
    quantity = city["fee_list_d"].set_index("setl_id").loc[back.index, "cnt"]
    assert (quantity < 0).all()


def test_all_settlements_lie_in_the_period(city: City) -> None:
    claims = city["setl_d"]
    assert claims["setl_time"].min() >= pd.Timestamp("2023-01-01")
    assert claims["setl_time"].max() < pd.Timestamp("2024-01-01")
    assert set(claims["setl_time"].dt.month) == set(range(1, 13))


def test_same_seed_same_bytes(city: City, tmp_path: Path) -> None:
    def digests(folder: Path) -> dict[str, str]:
        return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.rglob("*.parquet"))}

    simulate(CityOptions(**SMALL), tmp_path)
    assert digests(tmp_path) == digests(city.folder)
    other = tmp_path / "other"
    simulate(CityOptions(**{**SMALL, "months": 2, "seed": 6}), other)
    assert digests(other)["raw/setl_d.parquet"] != digests(tmp_path)["raw/setl_d.parquet"]


def test_every_scheme_has_its_file_and_plants_itself_and_its_look_alike(city: City) -> None:
    """R01–R33."""
    assert len(scheme_ids()) == 33
    assert set(city.truth["scheme"]) == set(scheme_ids())
    # a death and a late settlement may be too rare for so small a city
    assert set(scheme_ids()) - set(city.alike["scheme"]) <= {"service_after_death"}


def test_truth_and_look_alikes_are_disjoint_by_scheme(city: City) -> None:
    guilty = set(zip(city.truth["claim_id"], city.truth["scheme"], strict=True))
    assert not guilty & set(zip(city.alike["claim_id"], city.alike["scheme"], strict=True))
    assert set(city.truth["claim_id"]) | set(city.alike["claim_id"]) <= set(city["setl_d"]["setl_id"])


def test_truth_names_perpetrators_that_exist(city: City) -> None:
    known = {
        "patient": set(city["psn_info_b"]["psn_no"]),
        "doctor": set(city["dr_b"]["dr_codg"]),
        "institution": set(city["fixmedins_b"].query("fixmedins_type == '1'")["fixmedins_code"]),
        "pharmacy": set(city["fixmedins_b"].query("fixmedins_type == '2'")["fixmedins_code"]),
    }
    for kind, rows in city.truth.groupby("entity_type"):
        assert set(rows["entity_id"]) <= known[kind]
    assert set(city.truth["role"]) <= {"perpetrator", "accomplice", "victim"}
    assert set(city.truth.query("role == 'perpetrator'")["claim_id"]) | set(city.truth.query("role == 'accomplice'")["claim_id"]) == set(
        city.truth["claim_id"]
    )


@pytest.mark.parametrize("scheme", ["phantom_bed", "drug_resale", "trace_code_reuse"])
def test_a_scheme_plants_alone(scheme: str, tmp_path: Path) -> None:
    simulate(CityOptions(persons=600, months=8, schemes=(scheme,), seed=2), tmp_path)
    assert set(pd.read_parquet(tmp_path / "truth.parquet")["scheme"]) == {scheme}


def test_without_prevalence_nobody_is_guilty_but_look_alikes_remain(tmp_path: Path) -> None:
    simulate(CityOptions(persons=600, months=6, prevalence=0.0, seed=2), tmp_path)
    assert pd.read_parquet(tmp_path / "truth.parquet").empty
    assert len(pd.read_parquet(tmp_path / "lookalikes.parquet"))


def test_labels_are_late_partial_and_of_the_contracts_form(city: City) -> None:
    labels = city.labels
    assert set(labels["entity_type"]) <= {"patient", "doctor", "institution", "pharmacy", "claim"}
    assert set(labels["origin"]) <= {"lead", "random", "report", "self"}
    assert set(labels["is_fraud"]) == {0, 1}
    assert (labels.loc[labels["is_fraud"] == 0, "scheme"] == "").all()
    assert labels["decided_on"].max() <= "2023-12-31"
    claims = labels[labels["entity_type"] == "claim"].merge(city["setl_d"], left_on="entity_id", right_on="setl_id")
    assert (pd.to_datetime(claims["decided_on"]) > claims["setl_time"]).all()
    guilty = city.truth[["entity_type", "entity_id"]].drop_duplicates()
    assert 0 < len(guilty.merge(labels, on=["entity_type", "entity_id"])) < len(guilty)


def test_options_are_checked() -> None:
    plain = {"persons": 500, "months": 2, "start": "2023-01-01", "schemes": None, "prevalence": 1.0, "subtlety": "default"}
    assert city_options(SimpleNamespace(**plain), 3).last_day == 19_416
    for wrong in ({"persons": 3}, {"months": 0}, {"subtlety": "loud"}, {"prevalence": -1}, {"start": "2023-01-05"}, {"start": "soon"}):
        with pytest.raises(UsageError):
            city_options(SimpleNamespace(**{**plain, **wrong}), 3)


def test_an_unknown_scheme_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no_such"):
        simulate(CityOptions(persons=300, months=1, schemes=("no_such",)), tmp_path)
    assert not (tmp_path / "raw").exists()


# ---------------------------------------------------------------------------------- the honest are honest (at most one in a thousand)
def test_drugs_cover_the_diseases_they_are_given_for() -> None:
    medicine = load_medicine()
    for disease in medicine.diseases:
        if disease.key == "chemotherapy":  # the tumour is the second diagnosis
            continue
        for setting in range(5):
            template = medicine.template(disease.number, setting)
            for slot in range(medicine.slots.start[template], medicine.slots.start[template + 1]):
                item = medicine.items[medicine.slots.item[slot]]
                assert not item.covers or all(code.startswith(item.covers) for code in disease.codes), (disease.key, item.name)
    for item in medicine.items:
        if item.is_drug and not item.options.get("iv"):
            days = medicine.days_per_pack[item.number]
            assert item.pack * item.dose / days <= item.max_dose * 1.001, item.name


def test_honest_patients_are_in_one_place_and_alive(city: City, honest: pd.DataFrame) -> None:
    """R01, R18, R21."""
    claims = city["setl_d"].query("refd_setl_flag == '0'").merge(city["psn_info_b"][["psn_no", "die_date"]], on="psn_no")
    assert share(claims.loc[pd.to_datetime(claims["begndate"]) > pd.to_datetime(claims["die_date"]), "setl_id"], honest) == 0
    stays = claims[claims["enddate"] > claims["begndate"]]
    both = claims.merge(stays, on="psn_no", suffixes=("", "_stay")).query("setl_id != setl_id_stay")
    inside = (both["begndate"] > both["begndate_stay"]) & (both["begndate"] < both["enddate_stay"])
    assert share(both.loc[inside, "setl_id"], honest) <= 0.001
    ordered = claims[claims["enddate"] == claims["begndate"]].sort_values(["psn_no", "setl_time"])
    soon = ordered.groupby("psn_no")["setl_time"].diff() < pd.Timedelta(hours=1)
    elsewhere = ordered["fixmedins_code"] != ordered.groupby("psn_no")["fixmedins_code"].shift()
    assert share(ordered.loc[soon & elsewhere, "setl_id"], honest) <= 0.001


def test_honest_lines_keep_caps_limits_and_validity(city: City, honest: pd.DataFrame) -> None:
    """R06, R07, R08, R11, R12, R14, R29."""
    catalogue = city["hilist_b"].drop_duplicates("hilist_code").set_index("hilist_code")
    lines = city["fee_list_d"].merge(city["setl_d"].query("refd_setl_flag == '0'")[["setl_id", "psn_no"]], on="setl_id")
    lines = lines.join(catalogue[["sex_limit", "max_daily_dose", "dose_per_unit", "valid_days"]], on="hilist_code")
    lines = lines.merge(city["psn_info_b"][["psn_no", "gend"]], on="psn_no")
    lines["day"] = lines["fee_ocur_time"].dt.normalize()
    broken = {
        "cap": lines["pric"] > lines["pric_uplmt_amt"] + 1e-9,
        "amount": (lines["cnt"] * lines["pric"] - lines["det_item_fee_sumamt"]).abs() > 0.0101,
        "twice": lines.duplicated(["psn_no", "hilist_code", "fee_ocur_time"], keep=False),
        "sex": lines["sex_limit"].notna() & (lines["sex_limit"] != lines["gend"]),
        "dose": lines["cnt"] * lines["dose_per_unit"] / lines["prd_days"] > lines["max_daily_dose"] * 1.001,
        "days": lines["prd_days"] > 31,
    }
    tests = lines.dropna(subset="valid_days").sort_values(["psn_no", "hilist_code", "fee_ocur_time"])
    since = tests.groupby(["psn_no", "hilist_code"])["day"].diff().dt.days
    broken["validity"] = (since < tests["valid_days"]).reindex(lines.index, fill_value=False)
    for name, rows in broken.items():
        assert share(lines.loc[rows, "setl_id"], honest) <= 0.001, name


def test_honest_drugs_have_an_indication(city: City, honest: pd.DataFrame) -> None:
    """R13: where a diagnosis was written down at all."""
    catalogue = city["hilist_b"].drop_duplicates("hilist_code").set_index("hilist_code")
    lines = city["fee_list_d"][city["fee_list_d"]["setl_id"].isin(honest["setl_id"])]
    lines = lines.join(catalogue["covered_diagnoses"], on="hilist_code").dropna(subset="covered_diagnoses")
    pairs = lines[["setl_id", "covered_diagnoses"]].drop_duplicates().merge(city["setl_diag_list_d"], on="setl_id")
    covers = np.array(
        [code.startswith(tuple(label.split("|"))) for code, label in zip(pairs["diag_code"], pairs["covered_diagnoses"], strict=True)]
    )
    covered = pairs.assign(covers=covers).groupby(["setl_id", "covered_diagnoses"])["covers"].any()
    assert (~covered).mean() <= 0.001


def test_honest_stays_have_something_every_day(city: City, honest: pd.DataFrame) -> None:
    """R01, R02."""
    stays = honest[honest["enddate"] > honest["begndate"]]
    lines = city["fee_list_d"][city["fee_list_d"]["setl_id"].isin(stays["setl_id"]) & (city["fee_list_d"]["med_chrgitm_type"] != "01")]
    days = lines.assign(day=lines["fee_ocur_time"].dt.normalize()).groupby("setl_id")["day"].nunique()
    nights = (pd.to_datetime(stays["enddate"]) - pd.to_datetime(stays["begndate"])).dt.days
    assert (days.reindex(stays["setl_id"], fill_value=0).to_numpy() >= nights.to_numpy()).all()


def test_stock_follows_sales(city: City, honest: pd.DataFrame) -> None:
    """R10: closings follow openings; what honest houses sold had been there."""
    stock = city["inventory_d"].sort_values(["fixmedins_code", "hilist_code", "period"])
    same = stock.groupby(["fixmedins_code", "hilist_code"])
    assert (same["closing"].shift() - stock["opening"]).abs().max() < 0.01
    assert (stock[["opening", "purchased", "returned", "closing"]] >= 0).all().all()
