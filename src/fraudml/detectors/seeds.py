"""One number from whatever scikit-learn allows as ``random_state``."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from fraudml.detectors.table import TableError

SEEDS = 2**30  # what the members make of a seed (some multiples, some next ones) fits 32 bits


def seed_of(random_state: Any) -> int:
    """A seed: the number itself, or one drawn from a generator (None: the global one, so that two fits differ)."""
    if isinstance(random_state, int | np.integer) and not isinstance(random_state, bool) and random_state >= 0:
        return int(random_state) % SEEDS
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(SEEDS))
    if random_state is None or isinstance(random_state, np.random.RandomState):
        return int(check_random_state(random_state).randint(SEEDS))
    raise TableError("estimator.random_state", f"random_state is {random_state!r}.", "Give a number from 0 on, a RandomState, or None.")
