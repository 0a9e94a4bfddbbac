"""The whole pipeline on simulated cities of several seeds, against their truth and beside rules alone.

    python -m benchmarks.models [persons] [seeds] [working folder]

A lead is right when its entity (of a ring: a member) is behind a guilty claim of the last twelve months, or is such a claim. Rules alone
are the entities that evidence speaks against (screens aside), by amount in question: cut where the list ends, and among the first 200.
The city is ours: a test of machinery, not a promise.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import write_result
from fraudml.cli import main as command

AS_OF = "2024-06-30"
SNAPSHOTS = "2023-12-31,2024-03-31,2024-06-30"
CAPACITY = 200


def pipeline(folder: Path, persons: int, seed: int) -> Path:
    """A city from nothing to evaluated leads; stages that are done are not run again."""
    data, models = folder / f"city_{persons}_{seed}", folder / f"models_{persons}_{seed}"
    common = [f"data_dir={data}", f"models_dir={models}", "engine.threads=1"]
    stages = [
        (data / "truth.parquet", ["simulate", f"seed={seed}", f"city.persons={persons}"]),
        (data / "ingest.json", ["ingest"]),
        (data / "features" / "pharmacy.parquet", ["features", f"as_of={SNAPSHOTS}"]),
        (data / "graph" / "rings.parquet", ["graph", f"as_of={SNAPSHOTS}"]),
        (models / "patient" / "about.json", ["train", f"as_of={AS_OF}"]),
        (data / "scores" / f"as_of={AS_OF}", ["score", f"as_of={AS_OF}"]),
        (data / "leads" / f"as_of={AS_OF}", ["leads", f"as_of={AS_OF}", f"capacity={CAPACITY}"]),
        (data / "evaluation" / "list.json", ["evaluate", f"as_of={AS_OF}"]),
    ]
    for made, stage in stages:
        if not made.exists() and command([*stage, *common]):
            raise SystemExit(1)
    return data


def figures(data: Path) -> dict[str, Any]:
    """What one city's leads, scores and models are worth."""
    truth = pd.read_parquet(data / "truth.parquet")
    settled = pd.read_parquet(data / "claims" / "claims.parquet", columns=["claim_id", "settled_on"]).set_index("claim_id")["settled_on"]
    day = pd.to_datetime(truth["claim_id"].map(settled))
    truth = truth[(day > pd.Timestamp(AS_OF) - pd.DateOffset(months=12)) & (day <= pd.Timestamp(AS_OF))]
    acting = truth[truth["role"] != "victim"]
    culprits = set(zip(acting["entity_type"], acting["entity_id"], strict=True)) | {("claim", claim) for claim in truth["claim_id"]}
    leads = pd.read_parquet(data / "leads" / f"as_of={AS_OF}" / "leads.parquet")
    ranked = leads[leads["drawn"] == "ranked"].sort_values("rank")
    right = [
        (lead.entity_type, lead.entity_id) in culprits
        or any((one["entity_type"], one["entity_id"]) in culprits for one in (lead.members if lead.members is not None else ()))
        for lead in ranked.itertuples()
    ]
    schemes = acting.groupby(["entity_type", "entity_id"])["scheme"].agg(set).to_dict()
    schemes |= {("claim", claim): {scheme} for claim, scheme in zip(truth["claim_id"], truth["scheme"], strict=True)}
    named = [(lead.schemes[0], set().union(*(schemes.get((kind, one), set()) for kind, one in _who(lead)))) for lead in ranked.itertuples()]
    hits = pd.read_parquet(data / "scores" / f"as_of={AS_OF}" / "evidence" / "hits.parquet")
    hits = hits[hits["severity"] != "screen"]
    by_amount = hits.groupby(["entity_type", "entity_id"])["amount_in_question"].sum().sort_values(ascending=False, kind="stable")
    alone = [key in culprits for key in by_amount.index[:CAPACITY]]
    listed = json.loads((data / "evaluation" / "list.json").read_text(encoding="utf-8"))["against_truth"]
    unseen = data / "evaluation" / "unseen.json"
    mean = json.loads(unseen.read_text(encoding="utf-8"))["mean"] if unseen.is_file() else {}
    return {
        "leads": len(ranked),
        "precision at 50": np.mean(right[:50]),
        "precision of all": np.mean(right),
        "scheme right": np.mean([scheme in truly for scheme, truly in named if truly]),
        "rules by amount": np.mean(alone[: len(ranked)]),
        "rules at 200": np.mean(alone),
        "lift": np.mean(right) / max(np.mean(alone[: len(ranked)]), 1e-9),
        "lift at 200": np.mean(right) / max(np.mean(alone), 1e-9),
        "unseen in 400": mean.get("recall", np.nan),
        "and no rule": mean.get("recall_without_rule", np.nan),
        **{f"ECE {name}": figure["ece"] for name, figure in listed.items()},
        **{f"by chance {name}": figure["ece_by_chance"] for name, figure in listed.items()},
    }


def _who(lead: Any) -> list[tuple[str, str]]:
    """The entity of a lead, or its members."""
    members = [(each["entity_type"], each["entity_id"]) for each in lead.members if each["entity_type"] != "patient"]
    return members or [(lead.entity_type, lead.entity_id)]


def main(persons: int, seeds: int, folder: Path) -> None:
    rows = [{"seed": seed} | figures(pipeline(folder, persons, seed)) for seed in range(1, seeds + 1)]
    table = pd.DataFrame(rows)
    mean, spread = table.drop(columns="seed").mean(), table.drop(columns="seed").std(ddof=0)
    written = table.round(3).astype(str)
    written.loc[len(written)] = {"seed": "mean ± sd"} | {name: f"{mean[name]:.3f} ± {spread[name]:.3f}" for name in mean.index}
    write_result(
        "models",
        written,
        f"Simulated cities of {persons:,} persons and 18 months, default subtlety, as of {AS_OF}, capacity {CAPACITY}; three snapshots"
        " learnt from. Lists may be shorter than the capacity: they end where nine inspections in ten would be in vain. Rules by amount"
        " are cut at the same length, and at 200. By chance: the ECE that right risks of so few"
        " entities show on the average. Scheme right: of right leads, the first scheme is the planted one.",
    )


if __name__ == "__main__":
    given = [int(each) for each in sys.argv[1:3]]
    with tempfile.TemporaryDirectory() as scratch:
        main(given[0] if given else 10_000, given[1] if len(given) > 1 else 3, Path(sys.argv[3] if len(sys.argv) > 3 else scratch))
