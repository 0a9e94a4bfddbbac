"""A simulated city in the national-standard format, with known truth, to try, test and teach on."""

from fraudml.city.options import CityOptions, city_options
from fraudml.city.schemes import scheme_ids
from fraudml.city.simulate import simulate

__all__ = ["CityOptions", "city_options", "scheme_ids", "simulate"]
