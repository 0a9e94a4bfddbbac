"""The simulated city: honest people and houses, schemes and look-alikes, as national tables with the truth apart."""

from __future__ import annotations

import shutil
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from fraudml.city.bills import draw_diagnoses, draw_lines, set_prices, settle
from fraudml.city.calendar import Recollection, clear_of, possible
from fraudml.city.chance import generator, keyed
from fraudml.city.encounters import DAY, INPATIENT, Refills, month_visits, plan_manual
from fraudml.city.finishing import blanks, case_groups, refunds, trace_codes
from fraudml.city.labels import decide
from fraudml.city.month import Month, Tag
from fraudml.city.options import CityOptions
from fraudml.city.places import PHARMACY
from fraudml.city.planting import Ground
from fraudml.city.schemes import load_schemes
from fraudml.city.standing import standing_tables
from fraudml.city.stays import plan_stays
from fraudml.city.stock import Stock
from fraudml.city.tables import Names, TableFiles, diagnosis_table, line_rows, settlement_table, visit_table
from fraudml.city.world import World, make_world
from fraudml.progress import track

TRUTH = ("claim_id", "scheme", "role", "ring", "entity_type", "entity_id")
LOOKALIKES = ("claim_id", "scheme")


def simulate(options: CityOptions, data_dir: Path) -> dict[str, int]:
    """Makes a city and writes ``raw/``, ``truth.parquet``, ``lookalikes.parquet`` and ``labels.parquet`` below ``data_dir``.

    Returns
    -------
    rows by table.

    Notes
    -----
    ``truth``: one row per guilty claim and culprit (entity_type, entity_id, role). ``lookalikes``: claims that only look like a scheme.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    beside = data_dir / ".raw.part"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    city = City(options, TableFiles(beside))
    try:
        for month in track(range(options.months), "months of the city"):
            city.write_month(month)
        city.write_standing()
    finally:
        city.files.close()
    truth, alike = city.truth()
    labels = decide(options, city.world, truth, alike, np.concatenate(city.settled))
    for name, frame in (("truth", truth), ("lookalikes", alike), ("labels", labels)):
        part = data_dir / f".{name}.parquet.part"
        frame.to_parquet(part, index=False, compression="zstd")
        part.replace(data_dir / f"{name}.parquet")
        city.files.rows[name] = len(frame)
    old = data_dir / ".raw.old"
    shutil.rmtree(old, ignore_errors=True)
    if (data_dir / "raw").exists():
        (data_dir / "raw").rename(old)
    beside.rename(data_dir / "raw")
    shutil.rmtree(old, ignore_errors=True)
    return city.files.rows


class City:
    """A city in the making: what has been planned, and what a month leaves for the next."""

    def __init__(self, options: CityOptions, files: TableFiles) -> None:
        self.options, self.files = options, files
        self.world: World = make_world(options)
        self.names: Names
        stays = plan_stays(self.world)
        stays["uid"] = np.arange(len(stays)) + (1 << 50)
        self.tags: list[Tag] = []
        used: dict[str, np.ndarray] = {}
        self.grounds = []
        for scheme, plant in load_schemes(options.schemes):
            ground = Ground(self.world, scheme, stays, used, self.tags)
            plant(ground)
            self.grounds.append(ground)
        self.names = Names(self.world)
        self.planted = self._planted()
        self.stays = clear_of(stays, self.planted)
        lying = pd.concat([self.stays, self.planted[self.planted["end"] // DAY > self.planted["start"] // DAY]])
        self.lying = lying[["patient", "start", "end"]]
        self.stock = Stock(self.world)
        self.beds = self._beds()
        self.refills = Refills(self.world)
        self.memory = Recollection(self.world)
        self.claims = self.line_count = self.serial = 0
        self.waiting: list[tuple[pd.DataFrame, pd.DataFrame]] = []
        self.records: list[pd.DataFrame] = []
        self.settled: list[np.ndarray] = []  # days, in order of the claims' numbers
        self.free = np.array([tag.free for tag in self.tags] + [False])

    def _planted(self) -> pd.DataFrame:
        away = plan_manual(self.world)
        away["uid"] = (1 << 49) + np.arange(len(away))
        parts = [away]
        for ground in self.grounds:
            frame = ground.encounters()
            own = (1 << 51) + (zlib.crc32(ground.scheme.encode()) << 18) + np.arange(len(frame))
            frame["uid"] = np.where(frame["uid"] < 0, own, frame["uid"])
            parts.append(frame)
        planted = pd.concat(parts, ignore_index=True)
        early = planted["settled"] < 0
        planted.loc[early, "settled"] = planted["start"] + 45 + (keyed(self.options.seed, planted["uid"], 29) * 40).astype(np.int64)
        inside = (planted["start"] // DAY >= self.options.first_day) & (planted["settled"] // DAY <= self.options.last_day)
        return planted[inside].reset_index(drop=True)

    def _beds(self) -> np.ndarray:
        """Approved beds: what the honest peak needs and a little more."""
        first, length = self.options.first_day, self.options.last_day - self.options.first_day + 2
        guilty = np.array([not tag.is_lookalike for tag in self.tags] + [False])[self.planted["tag"]]
        stays = pd.concat([self.stays, self.planted[~guilty]])
        stays = stays[stays["end"] // DAY > stays["start"] // DAY]
        change = np.zeros((len(self.world.places.institutions), length + 1), dtype=np.int64)
        np.add.at(change, (stays["institution"], stays["start"] // DAY - first), 1)
        np.add.at(change, (stays["institution"], stays["end"] // DAY - first), -1)
        peak = np.cumsum(change, axis=1).max(axis=1)
        level = self.world.institution("level")
        return np.where((level > 0) & (self.world.institution("class") != PHARMACY), np.ceil(peak * 1.15).astype(np.int64) + 2 + level, 0)

    # ------------------------------------------------------------------ months
    def write_month(self, number: int) -> None:
        """Draws, changes, prices and writes the settlements of one month."""
        first, after = self.options.month_starts[number : number + 2] * DAY
        planted = self.planted[(self.planted["settled"] >= first) & (self.planted["settled"] < after)]
        lying = self.stays[(self.stays["settled"] >= first) & (self.stays["settled"] < after)]
        begun = self.planted[(self.planted["start"] >= first) & (self.planted["start"] < after)]
        visits = month_visits(self.world, number, self.refills)
        visits["uid"] = np.arange(len(visits)) + ((number + 1) << 34)
        visits = possible(self.world, visits, self.lying, begun)
        visits["settled"] = visits["start"] + 45 + (keyed(self.options.seed, visits["uid"], 29) * 40).astype(np.int64)
        visits = visits[visits["settled"] < after]
        month = self._month(number, pd.concat([visits, lying, planted], ignore_index=True))
        for ground in self.grounds:
            for change in ground.changes:
                before = len(month.marks)
                change(month)
                for _, tag in month.marks[before:]:
                    assert tag.scheme == ground.scheme  # noqa: S101 - a scheme marks its own
        self.memory.remember(month.encounters, month.lines)
        self._finish(month, after)

    def _month(self, number: int, encounters: pd.DataFrame) -> Month:
        places = self.world.places
        # a doctor works in his own department; one who signs elsewhere takes the desk that the house has
        own = places.doctors["institution"].to_numpy()[encounters["doctor"]] == encounters["institution"]
        desk = places.desk_department[encounters["institution"], encounters["department"]]
        home = places.doctors["department"].to_numpy()[encounters["doctor"]]
        encounters["department"] = np.where((encounters["doctor"] >= 0) & own, home, desk)
        lines = draw_lines(self.world, encounters)
        allowed = self.memory.allowed(encounters, lines, self.free[encounters["tag"]])
        lines = lines[allowed]
        # a purchase of nothing is no bill
        kept = np.zeros(len(encounters), dtype=bool)
        kept[lines["bill"]] = True
        place = np.cumsum(kept) - 1
        encounters = encounters[kept].reset_index(drop=True)
        lines = lines.assign(bill=place[lines["bill"]]).reset_index(drop=True)
        return Month(self.world, number, encounters, lines, draw_diagnoses(self.world, encounters))

    def _finish(self, month: Month, after: int) -> None:
        """Prices, numbers and writes the month's bills, and the refunds that fall due."""
        encounters = month.encounters
        set_prices(self.world, encounters, month.lines)
        encounters[["total", "in_scope", "fund", "account", "cash"]] = settle(self.world, encounters, month.lines)
        encounters["refund"], encounters["original"] = 0, -1
        lodged = encounters["kind"] == INPATIENT
        encounters["bed"] = np.where(lodged, (keyed(self.options.seed, encounters["uid"], 33) * 400).astype(int) + 1, -1)
        case_groups(self.world, encounters)
        kept = np.zeros(len(encounters), dtype=bool)
        kept[month.lines["bill"]] = True
        order = np.flatnonzero(kept)
        order = order[np.lexsort((encounters["uid"].to_numpy()[order], encounters["settled"].to_numpy()[order]))]
        place = np.full(len(kept), -1)
        place[order] = np.arange(len(order))
        lines, diagnoses = _placed(month.lines, place, ["bill", "time", "item"]), _placed(month.diagnoses, place, ["bill", "code"])
        encounters = encounters.iloc[order].reset_index(drop=True)
        number = self.claims + np.arange(len(encounters))
        encounters["setl"], encounters["visit"] = number, number
        self.serial = trace_codes(self.world, encounters, lines, self.serial)
        self._remember(month, place, number)
        back, taken = refunds(month, encounters, lines, place)
        self._write(encounters, lines, diagnoses)
        self._wait(back, taken)
        due = [each for each in self.waiting if each[0]["settled"].iloc[0] < after]
        self.waiting = [each for each in self.waiting if each[0]["settled"].iloc[0] >= after]
        if due:
            self._write_refunds(due)

    def _wait(self, back: pd.DataFrame, taken: pd.DataFrame) -> None:
        """Puts refunds aside by their month of settlement."""
        starts = self.options.month_starts * DAY
        month = np.searchsorted(starts, back["settled"].to_numpy(), side="right")
        for each in np.unique(month):
            if each < len(starts):  # what is refunded after the last day is not known yet
                rows = np.flatnonzero(month == each)
                place = np.full(len(back), -1)
                place[rows] = np.arange(len(rows))
                self.waiting.append((back.iloc[rows].reset_index(drop=True), _placed(taken, place, ["bill", "time", "item"])))

    def _write_refunds(self, due: list[tuple[pd.DataFrame, pd.DataFrame]]) -> None:
        sizes = np.cumsum([0, *(len(each) for each, _ in due)])
        lines = pd.concat([taken.assign(bill=taken["bill"] + size) for (_, taken), size in zip(due, sizes, strict=False)])
        back = pd.concat([each for each, _ in due], ignore_index=True)
        order = np.lexsort((back["uid"].to_numpy(), back["settled"].to_numpy()))
        place = np.empty(len(back), dtype=np.int64)
        place[order] = np.arange(len(order))
        back = back.iloc[order].reset_index(drop=True)
        back["setl"] = self.claims + np.arange(len(back))
        self._write(back, _placed(lines, place, ["bill", "time", "item"]), None)

    def _write(self, encounters: pd.DataFrame, lines: pd.DataFrame, diagnoses: pd.DataFrame | None) -> None:
        if diagnoses is not None:
            blanks(self.world, encounters, lines)
            self.files.append("mdtrt_d", visit_table(self.world, self.names, encounters))
            self.files.append("setl_diag_list_d", diagnosis_table(self.names, diagnoses, encounters["setl"].to_numpy()))
        self.stock.sold(encounters, lines)
        self.files.append("setl_d", settlement_table(self.world, self.names, encounters))
        self.files.append("fee_list_d", line_rows(self.world, self.names, encounters, lines, self.line_count))
        self.settled.append((encounters["settled"].to_numpy() // DAY).astype(np.int32))
        self.claims += len(encounters)
        self.line_count += len(lines)

    def _remember(self, month: Month, place: np.ndarray, number: np.ndarray) -> None:
        """Keeps which settlement belongs to which tag."""
        own = np.flatnonzero((month.encounters["tag"] >= 0) & (place >= 0))
        self.records.append(pd.DataFrame({"setl": number[place[own]], "tag": month.encounters["tag"].to_numpy()[own]}))
        for bills, tag in month.marks:
            at = place[bills]
            self.records.append(pd.DataFrame({"setl": number[at[at >= 0]], "tag": self.tags.index(tag)}))

    # ------------------------------------------------------------------ the end
    def truth(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Guilt and look-alikes, by claim."""
        meanings = [
            (number, tag.scheme, tag.is_lookalike, role, tag.ring, kind, culprit)
            for number, tag in enumerate(self.tags)
            for kind, culprit, role in tag.culprits or (("", -1, ""),)
        ]
        columns = ["tag", "scheme", "alike", "role", "ring", "entity_type", "number"]
        all_records = pd.concat(self.records, ignore_index=True).merge(
            pd.DataFrame(meanings, columns=columns).astype({"tag": "int64", "alike": "bool"}), on="tag"
        )
        all_records["claim_id"] = "S" + (all_records["setl"] + 100_000_000_000).astype(str)
        names = {
            "patient": self.world.person("code"), "doctor": self.world.places.doctors["code"].to_numpy(),
            "institution": self.world.institution("code"), "pharmacy": self.world.institution("code"),
        }  # fmt: skip
        all_records["entity_id"] = ""
        for kind, codes in names.items():
            rows = all_records["entity_type"] == kind
            all_records.loc[rows, "entity_id"] = codes[all_records.loc[rows, "number"]]
        guilty = all_records[~all_records["alike"]].drop_duplicates(list(TRUTH))
        alike = all_records[all_records["alike"]].drop_duplicates(list(LOOKALIKES))
        pairs = pd.MultiIndex.from_frame(guilty[["claim_id", "scheme"]])
        alike = alike[~pd.MultiIndex.from_frame(alike[["claim_id", "scheme"]]).isin(pairs)]
        return (
            guilty.sort_values(list(TRUTH), kind="stable")[list(TRUTH)].reset_index(drop=True),
            alike.sort_values(list(LOOKALIKES), kind="stable")[list(LOOKALIKES)].reset_index(drop=True),
        )

    def write_standing(self) -> None:
        """Writes the tables that have no month."""
        inventory = self.stock.table(generator(self.options.seed, "inventory"))
        tables = standing_tables(self.world, inventory, self.beds)
        for ground in self.grounds:
            for change in ground.facts:
                change(tables)
        for name, frame in tables.items():
            self.files.append(name, pa.Table.from_pandas(frame, preserve_index=False))


def _placed(rows: pd.DataFrame, place: np.ndarray, order: list[str]) -> pd.DataFrame:
    """Rows with their bills renumbered by ``place``, in order; those without a place go."""
    rows = rows.assign(bill=place[rows["bill"]])
    return rows[rows["bill"] >= 0].sort_values(order, kind="stable").reset_index(drop=True)
