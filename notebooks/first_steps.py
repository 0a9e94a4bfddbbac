# %% [markdown]
# # First steps
# From claims to explained leads in Python. Everything here runs on a small simulated city; with your own claims only the folder changes.

# %%
import tempfile
from pathlib import Path

import pandas as pd

import fraudml as fm
from fraudml.cli import main

folder = Path(tempfile.mkdtemp())
data, models = f"data_dir={folder / 'data'}", f"models_dir={folder / 'models'}"
main(["simulate", "city.persons=2000", "city.months=12", "seed=2", data])
main(["ingest", data])

# %% [markdown]
# ## Claims, as they were known on a day
# A snapshot hides what came later; its tables are plain SQL views.

# %%
claims = fm.open_claims(folder / "data")
with claims.at("2023-12-31") as known:
    print(known.query("select visit_type, count(*) as claims, round(sum(total_amount)) as amount from claims group by all order by all"))

# %% [markdown]
# ## Behaviour vectors
# One row per doctor; `fraudml features --list` says what every column means.

# %%
doctors = fm.behaviour("doctor", claims, as_of="2023-12-31")
doctors.filter(like="_12m").describe().T.head(10)

# %% [markdown]
# ## What is unusual, without any label

# %%
numbers = doctors.select_dtypes("number")
outlier = fm.OutlierEnsemble().fit(numbers)
unusual = pd.Series(outlier.decision_function(numbers), index=doctors.index, name="score").sort_values(ascending=False)
unusual.head()

# %% [markdown]
# ## What the rules find: evidence, not verdicts

# %%
hits = fm.run_rules(claims, as_of="2023-12-31", rules=["overpriced_charge", "duplicate_charge", "service_after_death"])
hits.groupby(["rule", "entity_type"])["amount_in_question"].agg(["size", "sum"])

# %% [markdown]
# ## The graph

# %%
graph = fm.claim_graph(claims, as_of="2023-12-31")
ego = graph.ego(unusual.index[0])
print(ego)

# %% [markdown]
# ## Learning from decided cases
# Labels of the simulated bureau: late, partial, a few wrong.

# %%
labels = pd.read_parquet(folder / "data" / "labels.parquet")
known_cases = labels[labels["entity_type"] == "doctor"].drop_duplicates("entity_id").set_index("entity_id")["is_fraud"]
both = doctors.index.intersection(known_cases.index)
if known_cases.loc[both].nunique() == 2:
    model = fm.EntityScorer().fit(doctors.loc[both], known_cases.loc[both].astype(int))
    print(pd.Series(model.predict_proba(doctors)[:, 1], index=doctors.index).nlargest(5))
    model.explain(doctors.head(3)).T.abs().max(axis=1).nlargest(5)

# %% [markdown]
# ## The list
# The same as `fraudml features`, `graph`, `score`, `leads` on the command line.

# %%
for stage in (["features"], ["graph"], ["score"], ["leads", "capacity=20", "lang=en"]):
    main([*stage, "as_of=2023-12-31", data, models])
leads = pd.read_parquet(folder / "data" / "leads" / "as_of=2023-12-31" / "leads.parquet")
leads[["rank", "entity_type", "schemes", "risk", "amount_at_risk"]].head(10)

# %%
fm.explain(folder / "data", leads["lead_id"].iloc[0])
