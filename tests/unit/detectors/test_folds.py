"""Which rows of a table cross-fitting keeps together."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fraudml.detectors.folds import blocks_of


def test_claims_of_an_institution_stay_together_where_cases_come_from_many() -> None:
    places = pd.Series([f"H{number % 12}" for number in range(60)] + [None, None], index=[f"S{number}" for number in range(62)])
    y = np.array([1.0] * 24 + [0.0] * 38)
    blocks = blocks_of(places, y)
    assert blocks is not None
    assert len(set(blocks[:60])) == 12
    assert (blocks[0] == blocks[12], blocks[0] == blocks[1], blocks[60] == blocks[61]) == (True, False, False)
    assert blocks_of(places, np.arange(62) < 5) is None  # cases of five institutions
    assert blocks_of(places, np.where(places == "H0", 1.0, np.arange(62) % 16 == 1)) is None  # most of them of one
