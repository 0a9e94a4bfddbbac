# %% [markdown]
# # Reading and questioning a lead
# A lead is a question, not a finding. Here one is taken apart: why it is on the list, what proves it, what would explain it.

# %%
import tempfile
from pathlib import Path

import pandas as pd

import fraudml as fm
from fraudml.cli import main

folder = Path(tempfile.mkdtemp())
data, models = f"data_dir={folder / 'data'}", f"models_dir={folder / 'models'}"
as_of = "as_of=2023-12-31"
for command in (
    ["simulate", "city.persons=1500", "city.months=12", "seed=3", data],
    ["ingest", data],
    ["features", as_of, data],
    ["graph", as_of, data],
    ["score", as_of, data, models],
    ["leads", as_of, "capacity=30", "lang=en", data],
):
    assert main(command) == 0

# %% [markdown]
# ## The list

# %%
leads = pd.read_parquet(folder / "data" / "leads" / "as_of=2023-12-31" / "leads.parquet")
leads[["rank", "lead_id", "entity_type", "entity_id", "schemes", "risk", "amount_at_risk", "drawn"]].head(10)

# %% [markdown]
# ## One lead, as the page shows it
# In Jupyter the last expression draws itself; here is what it holds.

# %%
lead = fm.explain(folder / "data", leads["lead_id"][0])
lead

# %%
print(lead)
print(list(lead.pictures))

# %% [markdown]
# ## Do the amounts add up?
# Every piece of evidence carries its part of the amount at risk: no line and no claim counts twice.

# %%
print(lead.evidence.groupby("rule")["amount"].agg(["size", "sum"]))
print(lead.evidence["amount"].sum(), lead.lead["amount_at_risk"])

# %% [markdown]
# ## Back to the claims
# The claims themselves, as they were known on the day.

# %%
claims = fm.open_claims(folder / "data")
with claims.at("2023-12-31") as known:
    known.engine.register("asked", lead.evidence[["claim_id"]].drop_duplicates())
    print(known.query("select visit_type, count(*) as claims, sum(total_amount) as amount from claims semi join asked using (claim_id) group by all"))

# %% [markdown]
# ## Another list
# `fm.rank_leads` ranks any scores; here institutions and doctors alone, without a random share.

# %%
scores = {kind: pd.read_parquet(folder / "data" / "scores" / "as_of=2023-12-31" / f"{kind}.parquet") for kind in ("institution", "doctor")}
evidence = pd.read_parquet(folder / "data" / "scores" / "as_of=2023-12-31" / "evidence" / "hits.parquet")
fm.rank_leads(scores, capacity=5, evidence=evidence, claims=claims, explore=0, lang="en")[["entity_id", "schemes", "risk", "amount_at_risk"]]
