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
from importlib import import_module
from pathlib import Path

import matplotlib.pyplot as plt
import networkx as nx
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
# What each scheme copies from life, what only looks like it, and how much of both stands in this city.

# %%
pages = {scheme: import_module(f"fraudml.city.schemes.{scheme}").__doc__.split("Look-alike:") for scheme in scheme_ids()}
overview = pd.DataFrame(
    {
        "copies": {scheme: " ".join(copied.split()) for scheme, (copied, *_) in pages.items()},
        "looks like it": {scheme: " ".join("".join(benign).split()) for scheme, (_, *benign) in pages.items()},
        "guilty claims": truth.groupby("scheme")["claim_id"].nunique(),
        "perpetrators": truth[truth["role"] == "perpetrator"].groupby("scheme")["entity_id"].nunique(),
        "look-alike claims": alike.groupby("scheme")["claim_id"].nunique(),
    }
).fillna(0)
overview.style.set_properties(**{"white-space": "normal", "text-align": "left"}).format(precision=0)

# %% [markdown]
# One perpetrator of each scheme beside one who only looks so: three claims of both, with their diagnoses and first lines.

# %%
names = raw["hilist_b"].drop_duplicates("hilist_code").set_index("hilist_code")["hilist_name"]
lines = raw["fee_list_d"].assign(
    text=lambda t: t["hilist_code"].map(names).fillna(t["hilist_code"]) + " " + t["cnt"].map("{:g}".format) + "×" + t["pric"].map("{:g}".format)
)
by_id = claims.set_index("setl_id", drop=False).assign(
    diagnoses=raw["setl_diag_list_d"].groupby("setl_id")["diag_code"].agg(" ".join),
    lines=lines.groupby("setl_id")["text"].agg(lambda texts: "; ".join(texts.iloc[:4]) + (" …" if len(texts) > 4 else "")),
)
column = {"patient": "psn_no", "doctor": "bilg_dr_codg", "institution": "fixmedins_code", "pharmacy": "fixmedins_code"}
shown = ["setl_id", "psn_no", "fixmedins_code", "bilg_dr_codg", "kind", "begndate", "enddate", "medfee_sumamt", "diagnoses", "lines", "memo"]


def one_of_each(scheme: str) -> tuple[str, dict[str, tuple[str, set[str]]]]:
    """Entity type, and who (id, claims in question) is guilty and who only looks so: whoever has most such claims."""
    guilty = truth[(truth["scheme"] == scheme) & (truth["role"] == "perpetrator")]
    of_type = guilty["entity_type"].mode()[0]
    pairs = {
        "guilty": guilty.loc[guilty["entity_type"] == of_type, ["entity_id", "claim_id"]],
        "look-alike": by_id.loc[alike.loc[alike["scheme"] == scheme, "claim_id"], [column[of_type], "setl_id"]].dropna(),
    }
    found = {}
    for who, pair in pairs.items():
        entity, claim = pair.columns
        most = pair[entity].mode()[0]
        found[who] = (most, set(pair.loc[pair[entity] == most, claim]))
    return of_type, found


def side_by_side(scheme: str) -> pd.DataFrame:
    """Three claims of the guilty one above three of the look-alike."""
    parts = {who: by_id.loc[sorted(ids), shown].sort_values(["psn_no", "begndate"])[:3].reset_index(drop=True) for who, (_, ids) in one_of_each(scheme)[1].items()}
    return pd.concat({(scheme, who): part for who, part in parts.items()}, names=["scheme", "who"])


pd.concat([side_by_side(scheme) for scheme in scheme_ids()])

# %% [markdown]
# The same two as their year goes: every claim is a grey point, the ones in question are red (guilty) or blue (only looks so).

# %%
ids = scheme_ids()
figure, panels = plt.subplots(len(ids), 2, figsize=(11, 1.3 * len(ids)), sharex=True)
for scheme, row in zip(ids, panels, strict=True):
    of_type, found = one_of_each(scheme)
    for axes, colour, (who, (entity, asked)) in zip(row, ("tab:red", "tab:blue"), found.items(), strict=True):
        own = by_id[(by_id[column[of_type]] == entity) & (by_id["medfee_sumamt"] > 0)]
        chosen = own["setl_id"].isin(asked)
        for some, shade, size in ((own[~chosen], "0.75", 6), (own[chosen], colour, 14)):
            axes.scatter(pd.to_datetime(some["begndate"]), some["medfee_sumamt"], s=size, color=shade)
        axes.set(yscale="log")
        axes.set_title(f"{scheme}: {of_type} {entity} ({who})", fontsize=8, loc="left")
        axes.tick_params(labelsize=7)
figure.tight_layout()

# %% [markdown]
# ## Networks
# Who meets whom: a ring of doctors, patients and a pharmacy, and the families and villages that keep to one clinic as faithfully.

# %%
ring = truth[truth["scheme"] == "collusive_group"]["claim_id"].unique()
alike_ones = alike[alike["scheme"] == "collusive_group"]["claim_id"].unique()
figure, panels = plt.subplots(1, 2, figsize=(12, 5))
for axes, title, some in zip(panels, ("ring", "look-alikes"), (ring, alike_ones), strict=True):
    rows = by_id.loc[some].dropna(subset=["bilg_dr_codg"])
    graph = nx.Graph()
    for other in ("bilg_dr_codg", "fixmedins_code"):
        graph.add_weighted_edges_from(rows.groupby(["psn_no", other]).size().reset_index().itertuples(index=False, name=None))
    kinds_of = {"psn_no": "0.6", "bilg_dr_codg": "tab:blue", "fixmedins_code": "tab:orange"}
    shades = {node: shade for name, shade in kinds_of.items() for node in rows[name].unique()}
    nx.draw(graph, nx.spring_layout(graph, seed=1), axes, node_size=30, node_color=[shades[node] for node in graph], edge_color="0.85")
    axes.set_title(f"{title}: patients grey, doctors blue, places orange")

# %% [markdown]
# ## What the bureau knows
# Decisions: late, partial, and a few of them wrong.

# %%
labels.assign(month=labels["decided_on"].str[:7]).groupby(["month", "origin"]).size().unstack(fill_value=0)
