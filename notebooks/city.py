# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The simulated city
#
# A city in the national-standard format whose truth is known: who lives there, what it costs, how the year goes, and one perpetrator
# of each scheme beside its benign look-alike. Everything is drawn from one seed.

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from fraudml.city import CityOptions, scheme_ids, simulate

folder = Path(tempfile.mkdtemp())
rows = simulate(CityOptions(persons=3_000, months=12, seed=1), folder)
raw = {path.stem: pd.read_parquet(path) for path in sorted((folder / "raw").glob("*.parquet"))}
truth, alike, labels = (pd.read_parquet(folder / f"{name}.parquet") for name in ("truth", "lookalikes", "labels"))
pd.Series(rows, name="rows").to_frame()

# %% [markdown]
# ## Volumes and seasons
# Visits by kind and month, and the winter's flu wave against everything else.

# %%
claims = raw["setl_d"].assign(month=lambda t: t["setl_time"].dt.to_period("M").dt.to_timestamp())
kinds = {"11": "outpatient", "13": "emergency", "14": "chronic", "21": "inpatient", "28": "day surgery", "41": "pharmacy"}
claims["kind"] = claims["med_type"].str[:2].map(kinds)
figure, (left, right) = plt.subplots(1, 2, figsize=(12, 3.5))
claims.groupby(["month", "kind"]).size().unstack().plot(ax=left, title="settlements by kind")
flu = raw["setl_diag_list_d"].merge(claims[["setl_id", "month"]], on="setl_id")
flu[flu["diag_code"].str.startswith(("J10", "J11"))].groupby("month").size().plot(ax=right, title="influenza", marker="o")
figure.tight_layout()

# %% [markdown]
# ## Prices and payers
# What a stay and a visit cost at each level, and who pays: fund, account, cash add up to the total, to the cent.

# %%
houses = raw["fixmedins_b"][["fixmedins_code", "hosp_lv", "fixmedins_type", "admdvs", "lnt", "lat"]]
level = {**dict.fromkeys(["01", "02", "03", "04"], 3), **dict.fromkeys(["05", "06", "07"], 2), **dict.fromkeys(["08", "09", "10"], 1), "11": 0}
priced = claims.merge(houses, on="fixmedins_code").assign(level=lambda t: t["hosp_lv"].map(level))
priced.groupby(["level", "kind"])[["medfee_sumamt", "fund_pay_sumamt", "acct_pay", "psn_cash_pay"]].mean().round(1)

# %% [markdown]
# ## Doctors have long tails
# Claims per doctor, on logarithmic axes.

# %%
load = claims["bilg_dr_codg"].value_counts()
figure, axes = plt.subplots(figsize=(5, 3.5))
axes.loglog(range(1, len(load) + 1), load.to_numpy(), ".")
axes.set(xlabel="doctor, busiest first", ylabel="claims")
figure.tight_layout()

# %% [markdown]
# ## The map
# Homes (grey), hospitals and clinics (blue), pharmacies (orange).

# %%
people = raw["psn_info_b"].dropna(subset=["lnt"])
figure, axes = plt.subplots(figsize=(7, 4))
axes.scatter(people["lnt"], people["lat"], s=1, color="0.8")
for kind, colour in (("1", "tab:blue"), ("2", "tab:orange")):
    some = houses[houses["fixmedins_type"] == kind]
    axes.scatter(some["lnt"], some["lat"], s=16, color=colour)
axes.set(xlabel="longitude", ylabel="latitude")
figure.tight_layout()

# %% [markdown]
# ## Every scheme beside its look-alike
# Guilty claims and perpetrators, and the claims that only look so.

# %%
overview = pd.DataFrame(
    {
        "guilty claims": truth.groupby("scheme")["claim_id"].nunique(),
        "perpetrators": truth[truth["role"] == "perpetrator"].groupby("scheme")["entity_id"].nunique(),
        "look-alike claims": alike.groupby("scheme")["claim_id"].nunique(),
    }
).reindex(scheme_ids())
overview.fillna(0).astype(int)

# %% [markdown]
# One perpetrator of each scheme and one look-alike: a few of their claims, side by side.

# %%
shown = ["setl_id", "psn_no", "fixmedins_code", "med_type", "begndate", "enddate", "medfee_sumamt", "memo"]
by_id = raw["setl_d"].set_index("setl_id", drop=False)


def side_by_side(scheme: str) -> pd.DataFrame:
    """Three claims of the scheme's first perpetrator above three of its look-alikes."""
    guilty = truth[(truth["scheme"] == scheme) & (truth["role"] == "perpetrator")]
    one = guilty[guilty["entity_id"] == guilty["entity_id"].min()]["claim_id"].drop_duplicates().head(3)
    benign = alike.loc[alike["scheme"] == scheme, "claim_id"].head(3)
    parts = {"guilty": by_id.loc[one, shown], "look-alike": by_id.loc[benign, shown]}
    return pd.concat({(scheme, who): part.reset_index(drop=True) for who, part in parts.items()}, names=["scheme", "who"])


pd.concat([side_by_side(scheme) for scheme in scheme_ids()])

# %% [markdown]
# ## What the bureau knows
# Decisions: late, partial, and a few of them wrong.

# %%
labels.assign(month=labels["decided_on"].str[:7]).groupby(["month", "origin"]).size().unstack(fill_value=0)
