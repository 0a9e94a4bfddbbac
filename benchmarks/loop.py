"""Does the loop learn? Leads of the first year, a simulated inspection that errs, import, labels, train, leads of the months after.

    python -m benchmarks.loop [--persons 20000] [--capacity 200] [--folder /tmp/loop-benchmark]

Two bureaus inspect the same lists and keep the same ledger; one trains on its decisions, the other stands still (rules, outliers, graph).
The city's own labels are put away: what is learnt comes from the workbooks. The second table draws the random share of one list again
and again and asks how often the interval of the selection-corrected estimate holds the truth, and how often that of the naive one does.
"""

from __future__ import annotations

import argparse
import datetime as dt
import random
import shutil
from pathlib import Path

import openpyxl
import pandas as pd

from benchmarks import write_result
from fraudml.cli import main as fraudml

LISTS, TRAIN, LATER = ("2023-09-30", "2023-12-31"), "2024-03-31", ("2024-03-31", "2024-06-30")
MISSED, WRONG, BLANK, SLIPS = 0.05, 0.01, 0.05, 0.02
"""Shares of the guilty who are cleared, of the innocent who are found guilty, of rows not filled in, of cells that are mistyped."""


class Truth:
    """Who cheats, from the city's ``truth.parquet``."""

    def __init__(self, data: Path) -> None:
        truth = pd.read_parquet(data / "truth.parquet")
        guilty = truth[truth["role"].isin(["perpetrator", "accomplice"])]
        self.entities = set(zip(guilty["entity_type"], guilty["entity_id"], strict=True))
        self.claims = set(truth["claim_id"])

    def is_guilty(self, entity_type: str, entity_id: str, members: list[dict[str, str]] | None = None) -> bool:
        """Of a ring: whether one of its members cheats."""
        if entity_type == "claim":
            return entity_id in self.claims
        if entity_type == "ring":
            return any((each["entity_type"], each["entity_id"]) in self.entities for each in members or [])
        return (entity_type, entity_id) in self.entities


def inspect(folder: Path, truth: Truth, seed: int) -> Path:
    """Fills in a day's workbook as inspectors would, slips included, and saves it as ``returned.xlsx``."""
    chance = random.Random(f"{seed} {folder.name}")
    leads = pd.read_parquet(folder / "leads.parquet").set_index("lead_id")
    book = openpyxl.load_workbook(folder / "leads.xlsx")
    sheet = next(each for each in book if each["A1"].value == "lead_id")
    column = {cell.value: cell.column for cell in sheet[1]}
    first = dt.date.fromisoformat(folder.name.removeprefix("as_of="))
    for row in range(3, sheet.max_row + 1):
        lead = leads.loc[sheet.cell(row=row, column=1).value]
        if chance.random() < BLANK:
            continue
        guilty = truth.is_guilty(lead["entity_type"], lead["entity_id"], list(lead["members"]))
        says = chance.random() > MISSED if guilty else chance.random() < WRONG
        found = {"state": "已销号" if says else "不属实", "date": first + dt.timedelta(days=chance.randrange(10, 70)), "person": "核查员"}
        if says:
            found |= {"outcome": "追回", "amount": round(float(lead["amount_at_risk"]) * chance.uniform(0.5, 1.0), 2)}
        if chance.random() < SLIPS:
            found |= chance.choice([{"date": "上周"}, {"state": "待定"}, {"amount": "若干"}])
        for name, value in found.items():
            sheet.cell(row=row, column=column[f"finding_{name}"]).value = value
    book.save(folder / "returned.xlsx")
    return folder / "returned.xlsx"


def city(folder: Path, persons: int, seed: int) -> Path:
    """A city with vectors and graph on every day that is needed; its labels are put away."""
    data = folder / "data"
    days = ",".join(dict.fromkeys((*LISTS, TRAIN, *LATER)))
    if not (data / "graph").is_dir():
        run("simulate", f"city.persons={persons}", "city.months=18", f"seed={seed}", f"data_dir={data}")
        run("ingest", f"data_dir={data}")
        run("features", f"as_of={days}", f"data_dir={data}")
        run("graph", f"as_of={days}", f"data_dir={data}")
    (data / "labels.parquet").unlink(missing_ok=True)
    return data


def run(*arguments: str, fails: bool = False) -> None:
    """One command; ``fails`` says that lines may be refused (slips are)."""
    code = fraudml(list(arguments))
    if code and not fails:
        raise SystemExit(f"fraudml {' '.join(arguments)}: {code}")


def judged(folder: Path, truth: Truth, capacity: int) -> dict[str, str | int]:
    """Ranked leads, how many are guilty, and as a share: of the first hundred, of the ranked, of the inspections that there are.

    A list is not filled up with noise, so lists of one capacity differ in length: the last share compares them.
    """
    leads = pd.read_parquet(folder / "leads.parquet")
    ranked = leads[leads["drawn"] == "ranked"]
    hits = [truth.is_guilty(row.entity_type, row.entity_id, list(row.members)) for row in ranked.itertuples()]
    return {
        "ranked": len(hits),
        "guilty": sum(hits),
        "of the first 100": f"{sum(hits[:100]) / max(len(hits[:100]), 1):.3f}",
        "of the ranked": f"{sum(hits) / max(len(hits), 1):.3f}",
        f"of {capacity} inspections": f"{sum(hits) / capacity:.3f}",
    }


def compare(data: Path, folder: Path, capacity: int, seed: int) -> pd.DataFrame:
    """Both bureaus, list by list."""
    truth, rows = Truth(data), []
    models, none = folder / "models", folder / "no-models"
    for as_of in LISTS:
        run("score", f"as_of={as_of}", f"data_dir={data}", f"models_dir={none}")
        run("leads", f"as_of={as_of}", f"capacity={capacity}", f"data_dir={data}")
        out = data / "leads" / f"as_of={as_of}"
        rows.append({"list": as_of, "bureau": "both, no decision yet" if as_of == LISTS[0] else "both"} | judged(out, truth, capacity))
        run("ledger", "import", str(inspect(out, truth, seed)), f"data_dir={data}", fails=True)
    run("ledger", "labels", f"as_of={TRAIN}", f"data_dir={data}")
    still = folder / "still"
    shutil.rmtree(still, ignore_errors=True)
    shutil.copytree(data, still, ignore=shutil.ignore_patterns("raw", "quarantine"))
    run("train", f"as_of={TRAIN}", f"data_dir={data}", f"models_dir={models}")
    for as_of in LATER:
        for bureau, where, learnt in (("standing still", still, none), ("learning", data, models)):
            run("score", f"as_of={as_of}", f"data_dir={where}", f"models_dir={learnt}")
            run("leads", f"as_of={as_of}", f"capacity={capacity}", f"data_dir={where}")
            rows.append({"list": as_of, "bureau": bureau} | judged(where / "leads" / f"as_of={as_of}", truth, capacity))
    return pd.DataFrame(rows)


def coverage(data: Path, as_of: str, draws: int, repeats: int) -> list[dict[str, str]]:
    """How often the interval of the selection-corrected and of the naive estimate holds the share of the scored that is guilty."""
    from fraudml.contracts import ENTITY_TYPES
    from fraudml.leads.order import drawn
    from fraudml.ledger.precision import Stratum, of_sample, of_strata, together

    truth = Truth(data)
    leads = pd.read_parquet(data / "leads" / f"as_of={as_of}" / "leads.parquet")
    ranked = leads[leads["drawn"] == "ranked"]
    listed = set(zip(ranked["entity_type"], ranked["entity_id"], strict=True))
    listed |= {(each["entity_type"], each["entity_id"]) for members in ranked["members"] for each in members}
    parts = [pd.read_parquet(data / "scores" / f"as_of={as_of}" / f"{name}.parquet").assign(entity_type=name) for name in ENTITY_TYPES]
    scored = pd.concat(parts, ignore_index=True)[["entity_type", "entity_id", "risk", "outlier"]]
    scored["guilty"] = [truth.is_guilty(kind, one) for kind, one in zip(scored["entity_type"], scored["entity_id"], strict=True)]
    rest = scored[[key not in listed for key in zip(scored["entity_type"], scored["entity_id"], strict=True)]]
    sizes = rest.groupby("entity_type").size()
    hits = [truth.is_guilty(row.entity_type, row.entity_id, list(row.members)) for row in ranked.itertuples()]
    real = (sum(hits) + rest["guilty"].sum()) / (len(hits) + len(rest))
    corrected = naive = 0
    widths: list[float] = []
    of_listed = of_sample(sum(hits), len(hits))
    for seed in range(repeats):
        picked = drawn(rest, draws, seed, as_of)
        found = picked.groupby("entity_type")["guilty"].agg(["size", "sum"])
        strata = [Stratum(int(sizes[kind]), int(row["size"]), int(row["sum"])) for kind, row in found.iterrows()]
        estimate = together(len(hits), of_listed, int(sizes[found.index].sum()), of_strata(strata))
        plain = of_sample(sum(hits) + int(picked["guilty"].sum()), len(hits) + len(picked))
        assert estimate is not None and plain is not None
        corrected += estimate.low <= real <= estimate.high
        naive += plain.low <= real <= plain.high
        widths.append(estimate.high - estimate.low)
    return [
        {
            "random draws": str(draws),
            "runs": str(repeats),
            "truth": f"{real:.3f}",
            "corrected holds the truth": f"{corrected / repeats:.1%}",
            "naive holds the truth": f"{naive / repeats:.1%}",
            "corrected interval, mean width": f"{sum(widths) / repeats:.3f}",
        }
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons", type=int, default=20_000)
    parser.add_argument("--capacity", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/loop-benchmark"))
    given = parser.parse_args()
    data = city(given.folder, given.persons, given.seed)
    about = (__doc__ or "").split("\n")[0]
    write_result("loop", compare(data, given.folder, given.capacity, given.seed), about)
    table = pd.DataFrame([row for draws in (20, 60, 240) for row in coverage(data, LISTS[0], draws, 200)])
    write_result("loop_selection", table, "How often the interval holds the share of all scored that is guilty.")


if __name__ == "__main__":
    main()
