"""How a scheme plants: whom it may choose, the encounters it adds, the bills it changes, and the record of who did it.

A scheme is a module of :mod:`fraudml.city.schemes` with ``plant(ground)``. It says what it does in the terms of this module and
knows nothing of other schemes; what it adds goes through the same bills, prices and tables as everything honest.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from fraudml.city.chance import generator
from fraudml.city.encounters import DAY, DEFAULTS, INPATIENT, SHOP, VISIT, companions, encounter_table, hour
from fraudml.city.medicine import OUTPATIENT, SELF_CARE, STAY
from fraudml.city.month import Culprit, Month, Tag
from fraudml.city.options import SUBTLETIES
from fraudml.city.people import NEVER
from fraudml.city.places import OUTSIDE, PHARMACY
from fraudml.city.world import World


@dataclass
class Ground:
    """What one scheme plants on."""

    world: World
    scheme: str
    stays: pd.DataFrame
    used: dict[str, np.ndarray]
    tags: list[Tag]
    changes: list[Callable[[Month], None]] = field(default_factory=list)
    facts: list[Callable[[dict[str, pd.DataFrame]], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = generator(self.world.options.seed, "scheme", self.scheme)
        self._numbers: dict[Tag, int] = {}
        self._parts: list[tuple[int, dict[str, Any]]] = []
        self._named = 0

    # ------------------------------------------------------------------ sizes
    @property
    def first_day(self) -> int:
        return self.world.options.first_day

    @property
    def last_day(self) -> int:
        return self.world.options.last_day

    def perpetrators(self, per_city: float) -> int:
        """How many commit it in this city: ``per_city`` at 20 000 persons, times prevalence, at least one where prevalence allows."""
        options = self.world.options
        if options.prevalence == 0:
            return 0
        return max(1, round(per_city * options.prevalence * (options.persons / 20_000) ** 0.6))

    def lookalikes(self, per_city: float) -> int:
        """How many look as if: independent of prevalence."""
        return max(1, round(per_city * (self.world.options.persons / 20_000) ** 0.6))

    def amount(self, count: float) -> int:
        """A number of patients or acts that suits the city's size: ``count`` at 20 000 persons and above, fewer in a small one."""
        return max(3, round(count * min(1.0, (self.world.options.persons / 20_000) ** 0.4)))

    def boldness(self) -> float:
        """How crudely one perpetrator goes about it, in (0, 1]."""
        low, high = SUBTLETIES[self.world.options.subtlety]
        return float(self.rng.uniform(low, high))

    def span(self, least: int = 6) -> tuple[int, int]:
        """First and last day of a perpetrator's activity: at least ``least`` months or all there are, more often lately."""
        total = self.world.options.months
        months = min(total, least + int(self.rng.integers(0, max(1, total - least + 1))))
        starts = self.world.options.month_starts
        last = total if self.rng.random() < 0.7 else int(self.rng.integers(months, total + 1))
        return int(starts[last - months]), int(starts[last]) - 1

    # ------------------------------------------------------------------ choosing
    def choose_institutions(self, count: int, *classes: int, where: np.ndarray | None = None) -> list[int]:
        """Houses of these classes for perpetrators: none that another scheme has chosen while there are others."""
        taken, quiet = self._taken("institution"), self._taken("quiet")
        chosen = self._rank(self._houses(classes, where), 2 * taken + quiet, count)
        taken[chosen] = True
        return chosen.tolist()

    def quiet_institutions(self, count: int, *classes: int, where: np.ndarray | None = None) -> list[int]:
        """Houses of these classes for look-alikes: no perpetrators while there are others."""
        chosen = self._rank(self._houses(classes, where), self._taken("institution"), count)
        self._taken("quiet")[chosen] = True
        return chosen.tolist()

    def busy(self) -> np.ndarray:
        """Mask of houses with more usual patients than half of their class."""
        kind = self.world.institution("class")
        seen = np.zeros(len(kind))
        for name in ("clinic", "primary", "secondary", "tertiary", "pharmacy"):
            seen += np.bincount(self.world.person(f"usual_{name}"), minlength=len(kind))
        middle = pd.Series(seen).groupby(kind).transform("median").to_numpy()
        return seen >= middle

    def _houses(self, classes: tuple[int, ...], where: np.ndarray | None) -> np.ndarray:
        pool = self.world.places.of(*classes)
        return pool if where is None else pool[where[pool]]

    def _taken(self, kind: str) -> np.ndarray:
        """Which ones of a kind are chosen already, by all schemes together."""
        sizes = {"patient": self.world.people.persons, "doctor": self.world.places.doctors}
        return self.used.setdefault(kind, np.zeros(len(sizes.get(kind, self.world.places.institutions)), dtype=bool))

    def _rank(self, pool: np.ndarray, avoid: np.ndarray, count: int) -> np.ndarray:
        """``count`` of the pool at random, those to avoid last (the higher, the later)."""
        order = self.rng.permutation(pool)
        return order[np.argsort(avoid[order].astype(np.int64), kind="stable")][:count]

    def choose_people(self, count: int, where: np.ndarray | None = None) -> np.ndarray:
        """Persons alive and insured throughout, unused so far; ``where`` narrows (a mask over persons)."""
        person = self.world.person
        pool = (person("death") == NEVER) & (person("insurance_until") == NEVER) & (person("birth") < self.first_day - 400)
        pool &= person("mother") < 0
        return self._choose("patient", np.flatnonzero(pool if where is None else pool & where), count)

    def choose_doctors(self, count: int, where: np.ndarray | None = None) -> list[int]:
        """Doctors that no other scheme has chosen."""
        pool = ~self.world.places.doctors["is_pharmacist"].to_numpy()
        return self._choose("doctor", np.flatnonzero(pool if where is None else pool & where), count).tolist()

    def _choose(self, kind: str, pool: np.ndarray, count: int) -> np.ndarray:
        taken = self._taken(kind)
        chosen = self._rank(pool, taken, count)
        taken[chosen] = True
        return chosen

    def patients_of(self, institution: int) -> np.ndarray:
        """Mask of persons who usually go there or live in its district."""
        near = self.world.person("district") == self.world.institution("district")[institution]
        for name in ("clinic", "primary", "secondary", "tertiary", "pharmacy"):
            near |= self.world.person(f"usual_{name}") == institution
        return near

    def doctors_of(self, institution: int) -> np.ndarray:
        """Numbers of the people registered at an institution (pharmacists at a pharmacy)."""
        return np.flatnonzero(self.world.places.doctors["institution"].to_numpy() == institution)

    def code(self, institution: int) -> str:
        """An institution's national code."""
        return str(self.world.institution("code")[institution])

    def age(self) -> np.ndarray:
        """Age of every person in the middle of the period."""
        return self.world.people.age(np.arange(len(self.world.people.persons)), (self.first_day + self.last_day) // 2)

    def has(self, *diseases: str) -> np.ndarray:
        """Mask of persons with one of these chronic diseases."""
        pairs = self.world.people.ailments
        mask = np.zeros(len(self.world.people.persons), dtype=bool)
        mask[pairs["person"][pairs["disease"].isin([self.world.medicine.disease[each] for each in diseases])]] = True
        return mask

    def registered(self, disease: str) -> np.ndarray:
        """Mask of persons for whom this disease is registered."""
        pairs = self.world.people.ailments
        mask = np.zeros(len(self.world.people.persons), dtype=bool)
        mask[pairs["person"][pairs["is_registered"] & (pairs["disease"] == self.disease(disease))]] = True
        return mask

    def item(self, key: str) -> int:
        return self.world.medicine.item[key]

    def chronic(self, people: np.ndarray) -> np.ndarray:
        """The first chronic disease of each of these persons, -1 where there is none."""
        return companions(self.world, people, np.full(len(people), -2))[0]

    def any_of(self, keys: tuple[str, ...], count: int) -> np.ndarray:
        """Diseases drawn from ``keys``."""
        return np.array([self.disease(key) for key in keys])[self.rng.integers(0, len(keys), count)]

    def disease(self, key: str) -> int:
        return self.world.medicine.disease[key]

    # ------------------------------------------------------------------ planting
    def tag(self, culprits: Iterable[Culprit] = (), *, ring: str = "", lookalike: bool = False, free: bool = False) -> int:
        """A new tag: guilt of ``culprits``, or a look-alike. ``free``: its repetitions are meant and stand."""
        if not lookalike and not self.world.options.prevalence:
            raise AssertionError("guilt in an honest city")
        self.tags.append(Tag(self.scheme, tuple(culprits), f"{self.scheme}-{ring}" if ring else "", lookalike, free))
        return len(self.tags) - 1

    def tag_of(self, culprits: Iterable[Culprit], *, ring: str = "", free: bool = False) -> int:
        """The tag of exactly these culprits, a new one where there is none."""
        wanted = Tag(self.scheme, tuple(culprits), f"{self.scheme}-{ring}" if ring else "", False, free)
        if wanted not in self._numbers:
            self._numbers[wanted] = self.tag(culprits, ring=ring, free=free)
        return self._numbers[wanted]

    def visits(self, tag: int, **columns: Any) -> None:
        """Adds encounters (see :data:`fraudml.city.encounters.DEFAULTS`). Department, doctor and companions follow where left out."""
        size = max((len(value) for value in columns.values() if np.ndim(value)), default=1)
        self._parts.append((size, {**columns, "tag": tag, "companions": int("disease2" not in columns)}))

    def encounters(self) -> pd.DataFrame:
        """All encounters added so far, completed."""
        sizes = [size for size, _ in self._parts]
        given: dict[str, np.ndarray] = {}
        for name, usual in {**DEFAULTS, "companions": 0}.items():
            parts = [np.broadcast_to(np.asarray(columns.get(name, usual), dtype=np.int64), size) for size, columns in self._parts]
            given[name] = np.concatenate(parts) if sizes else np.array([], dtype=np.int64)
        with_companions = given.pop("companions") == 1
        frame = encounter_table(sum(sizes), **given)
        disease = frame["disease"].to_numpy()
        known = np.where(disease >= 0, self.world.department_of[disease], 0)
        frame["department"] = np.where(frame["department"] < 0, known, frame["department"])
        keeps_none = np.isin(self.world.institution("class")[frame["institution"]], (PHARMACY, OUTSIDE))
        found = self.world.doctor_for(frame["patient"], frame["institution"], frame["department"], self.rng.random(len(frame)))
        frame["doctor"] = np.where((frame["doctor"] < 0) & ~keeps_none, found, frame["doctor"])
        lies = with_companions & (frame["setting"] == STAY).to_numpy()
        second, third = companions(self.world, frame["patient"].to_numpy(), disease)
        frame["disease2"] = np.where(lies, second, frame["disease2"])
        frame["disease3"] = np.where(lies & (frame["disease3"] < 0), third, frame["disease3"])
        overnight = frame["end"] // DAY > frame["start"] // DAY
        frame["settled"] = np.where((frame["settled"] < 0) & overnight, frame["end"] + 30, frame["settled"])
        return frame

    def bills(self, count: int) -> np.ndarray:
        """Values of ``uid`` for encounters that are planted twice and bring the same lines each time."""
        first = (1 << 52) + (zlib.crc32(self.scheme.encode()) << 18) + self._named
        self._named += count
        return first + np.arange(count)

    def admit(self, tag: int, patient: Any, institution: Any, disease: Any, day: Any, nights: Any, **columns: Any) -> None:
        """Adds stays from ``day`` over ``nights``."""
        size = np.broadcast(*(np.asarray(each) for each in (patient, institution, disease, day, nights))).shape[0]
        start = np.asarray(day) * DAY + 8 * 60 + self.rng.integers(0, 420, size)
        end = (np.asarray(day) + np.asarray(nights)) * DAY + 9 * 60 + self.rng.integers(0, 300, size)
        self.visits(tag, **{"patient": patient, "institution": institution, "disease": disease, "start": start, "end": end,
                            "kind": INPATIENT, "setting": STAY} | columns)  # fmt: skip

    def attend(self, tag: int, patient: Any, institution: Any, disease: Any, day: Any, **columns: Any) -> None:
        """Adds outpatient visits or purchases on ``day``, at an hour when the house is open."""
        size = np.broadcast(*(np.asarray(each) for each in (patient, institution, disease, day))).shape[0]
        kind = self.world.institution("class")[np.broadcast_to(np.asarray(institution), size)]
        shop = kind == PHARMACY
        usual = {"kind": np.where(shop, SHOP, VISIT), "setting": np.where(shop, SELF_CARE, OUTPATIENT)}
        start = np.asarray(day) * DAY + hour(kind, self.rng)
        self.visits(tag, **{"patient": patient, "institution": institution, "disease": disease, "start": start} | usual | columns)

    def days_in(self, span: tuple[int, int], count: int, margin: int = 0) -> np.ndarray:
        """``count`` days of a span, drawn at random, at least ``margin`` days before its end."""
        return self.rng.integers(span[0], max(span[0] + 1, span[1] - margin), count)

    def each_month(self, change: Callable[[Month], None]) -> None:
        """Calls ``change(month)`` on every month's bills, before they are priced."""
        self.changes.append(change)

    def afterwards(self, change: Callable[[dict[str, pd.DataFrame]], None]) -> None:
        """Calls ``change(tables)`` on the standing tables (persons, enrolments, inventory …) before they are written."""
        self.facts.append(change)
