# %% [markdown]
# # The loop: leads come back as facts
# A small city, a list, an inspection that answers in the workbook (and errs now and then), the ledger, labels, a model, the next list.
# `python -m benchmarks.loop` does the same at full size and measures it: see `benchmarks/results/loop.md`.

# %%
import datetime as dt
import random
import tempfile
from pathlib import Path

import openpyxl
import pandas as pd

from fraudml.cli import main
from fraudml.ledger import open_ledger
from fraudml.ledger.precision import precision

folder = Path(tempfile.mkdtemp())
data, models = folder / "data", folder / "models"
where = [f"data_dir={data}", f"models_dir={models}"]
main(["simulate", "city.persons=2500", "city.months=15", "city.prevalence=2", "seed=3", *where])
main(["ingest", *where])
main(["features", "as_of=2023-12-31,2024-03-31", *where])
main(["graph", "as_of=2023-12-31,2024-03-31", *where])
(data / "labels.parquet").unlink()  # what is learnt here comes from the workbooks alone

# %% [markdown]
# ## The first list: rules, outliers and graph, no decision yet

# %%
first = data / "leads" / "as_of=2023-12-31"
main(["score", "as_of=2023-12-31", *where])
main(["leads", "as_of=2023-12-31", "capacity=80", "lang=en", *where])
main(["ledger", "list", "as_of=2024-01-05", "lang=en", *where])

# %% [markdown]
# ## The inspection
# It looks up the truth, misses one in twenty of the guilty, and writes a word where an amount should stand.

# %%
truth = pd.read_parquet(data / "truth.parquet")
guilty = truth[truth["role"].isin(["perpetrator", "accomplice"])]
accused, claims = set(zip(guilty["entity_type"], guilty["entity_id"])), set(truth["claim_id"])


def is_guilty(lead):
    if lead.entity_type == "ring":
        return any((each["entity_type"], each["entity_id"]) in accused for each in lead.members)
    return lead.entity_id in claims if lead.entity_type == "claim" else (lead.entity_type, lead.entity_id) in accused


chance = random.Random(1)
leads = pd.read_parquet(first / "leads.parquet").set_index("lead_id")
book = openpyxl.load_workbook(first / "leads.xlsx")
sheet = book["Leads"]
column = {cell.value: cell.column for cell in sheet[1]}
for row in range(3, sheet.max_row + 1):
    lead = leads.loc[sheet.cell(row=row, column=1).value]
    found = {"state": "not confirmed", "date": dt.date(2024, 1, 10) + dt.timedelta(days=chance.randrange(60))}
    if is_guilty(lead) and chance.random() > 0.05:
        found |= {"state": "closed", "outcome": "recovered", "amount": round(lead["amount_at_risk"] * 0.8, 2)}
    if row == 7:
        found |= {"state": "confirmed", "amount": "a lot"}
    for name, value in found.items():
        sheet.cell(row=row, column=column[f"finding_{name}"]).value = value
book.save(folder / "returned.xlsx")

# %% [markdown]
# ## Import: what is wrong is named with its cell, the rest is recorded; the same file again changes nothing

# %%
for _ in range(2):
    main(["ledger", "import", str(folder / "returned.xlsx"), "lang=en", *where])

# %% [markdown]
# ## Statistics, with the paragraph for the report

# %%
main(["ledger", "stats", "as_of=2024-03-31", "lang=en", *where])
with open_ledger(data / "ledger.sqlite") as ledger:
    told = precision(ledger)
print("naive:", told.naive, "\ncorrected, of all that was scored:", told.scored)

# %% [markdown]
# ## Labels, a model, the next list
# What was settled does not come back without new evidence.

# %%
main(["ledger", "labels", *where])
print(pd.read_parquet(data / "labels.parquet").groupby(["entity_type", "is_fraud"]).size())
main(["train", "as_of=2024-03-31", *where])
main(["score", "as_of=2024-03-31", *where])
main(["leads", "as_of=2024-03-31", "capacity=80", "lang=en", *where])
for each in (first, data / "leads" / "as_of=2024-03-31"):
    table = pd.read_parquet(each / "leads.parquet")
    ranked = table[table["drawn"] == "ranked"]
    print(each.name, len(ranked), "ranked, guilty:", round(sum(is_guilty(lead) for lead in ranked.itertuples()) / max(len(ranked), 1), 3))
