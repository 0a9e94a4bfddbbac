"""The city before anybody falls ill: medicine, places and people, made once per simulation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fraudml.city.chance import generator, keyed
from fraudml.city.medicine import Medicine, load_medicine
from fraudml.city.options import CityOptions
from fraudml.city.people import People, add_newborns, choose_usual, make_people
from fraudml.city.places import NUMBER, Places, make_places


@dataclass
class World:
    """Everything that stands still."""

    options: CityOptions
    medicine: Medicine
    places: Places
    people: People

    def __post_init__(self) -> None:
        self.department_of = np.array([NUMBER[disease.department] for disease in self.medicine.diseases])

    def person(self, column: str) -> np.ndarray:
        return self.people.persons[column].to_numpy()

    def institution(self, column: str) -> np.ndarray:
        return self.places.institutions[column].to_numpy()

    def doctor_for(self, patient: Any, institution: Any, department: Any, chance: Any, loyalty: float = 0.75) -> np.ndarray:
        """A doctor of that department: the patient's usual one, or one by a long-tailed draw; ``chance`` is uniform in [0, 1)."""
        patient, institution = np.asarray(patient), np.asarray(institution)
        start, count = self.places.desk_start[institution, department], self.places.desk_count[institution, department]
        usual = keyed(self.options.seed, patient, institution, department, 7)
        other = chance / max(1e-9, 1 - loyalty)
        draw = np.where(other < 1, other, usual)
        return start + np.minimum(count - 1, (count * draw**1.8).astype(np.int64))


def make_world(options: CityOptions) -> World:
    """The world of these options."""
    medicine = load_medicine()
    places = make_places(options)
    people = make_people(options, medicine, places)
    choose_usual(options, people, places)
    add_newborns(options, people)
    return World(options, medicine, places, people)


def rng_of(world: World, *purpose: str | int) -> np.random.Generator:
    """A generator for one purpose in this world."""
    return generator(world.options.seed, *purpose)
