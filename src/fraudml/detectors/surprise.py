"""Members of the outlier ensemble. All work on standardised columns, in which missing values are zero and flagged."""

from __future__ import annotations

from typing import Protocol

import numpy as np

LANDMARKS, BAGS, NEAREST = 64, 4, 5
TREES = 100


class Member(Protocol):
    """A detector: higher scores are more unusual."""

    def score(self, Z: np.ndarray, missing: np.ndarray, training: bool) -> np.ndarray: ...


class Histogram:
    """Sum over columns of the negative log density of equal-width histograms."""

    def __init__(self, Z: np.ndarray, bins: tuple[int, ...], floor: float, squash: np.ndarray | None) -> None:
        self._bins, self._floor, self._squash = bins, floor, squash
        Z = self._view(Z)
        self._low, self._width = Z.min(0), Z.max(0) - Z.min(0)
        self._density = []
        for count in bins:
            place = self._place(Z, count)
            table = np.stack([np.bincount(place[:, column], minlength=count) for column in range(Z.shape[1])])
            per_unit = len(Z) * np.maximum(self._width, 1e-12)[:, None] / count if squash is None else len(Z) / count
            self._density.append(table / per_unit)

    @classmethod
    def linear(cls, Z: np.ndarray) -> Histogram:
        """Ten bins over the whole range: a far value has the range's other bins empty."""
        return cls(Z, (10,), 0.01, None)

    @classmethod
    def squashed(cls, Z: np.ndarray) -> Histogram:
        """Several widths over logarithmic distances from the median: heavy tails do not swallow the middle."""
        low, middle, high = np.percentile(Z, [25, 50, 75], axis=0)
        scale = np.where(high > low, (high - low) / 1.35, 1.0)
        return cls(Z, (5, 10, 20, 40), 0.1, np.stack([middle, scale]))

    def score(self, Z: np.ndarray, missing: np.ndarray, training: bool) -> np.ndarray:
        return self.by_column(Z, missing).sum(1)

    def by_column(self, Z: np.ndarray, missing: np.ndarray) -> np.ndarray:
        Z = self._view(Z)
        out = np.zeros(Z.shape)
        outside = (self._low > Z) | (self._low + self._width < Z)
        columns = np.arange(Z.shape[1])
        for count, density in zip(self._bins, self._density, strict=True):
            here = np.where(outside, 0.0, density[columns, self._place(Z, count)])
            out -= np.log(here + self._floor) / len(self._bins)
        return np.where(missing, 0.0, out)

    def _view(self, Z: np.ndarray) -> np.ndarray:
        return Z if self._squash is None else np.arcsinh((Z - self._squash[0]) / self._squash[1])

    def _place(self, Z: np.ndarray, count: int) -> np.ndarray:
        share = (Z - self._low) / np.maximum(self._width, 1e-12)
        return np.clip(np.clip(share, 0, 1) * count, 0, count - 1).astype(np.int64)


class Tails:
    """Sum over columns of the negative log tail probability, of the tail that the column's skewness points to or of both."""

    def __init__(self, Z: np.ndarray) -> None:
        self._sorted = np.sort(Z, axis=0)
        self._right = (np.clip(Z, -1e30, 1e30) ** 3).mean(0) >= 0

    def score(self, Z: np.ndarray, missing: np.ndarray, training: bool) -> np.ndarray:
        return self.by_column(Z, missing).sum(1)

    def by_column(self, Z: np.ndarray, missing: np.ndarray) -> np.ndarray:
        count = len(self._sorted)
        out = np.empty(Z.shape)
        for column in range(Z.shape[1]):
            known = self._sorted[:, column]
            left = -np.log(np.maximum(np.searchsorted(known, Z[:, column], side="right"), 0.5) / count)
            right = -np.log(np.maximum(count - np.searchsorted(known, Z[:, column], side="left"), 0.5) / count)
            out[:, column] = np.maximum(right if self._right[column] else left, (left + right) / 2)
        return np.where(missing, 0.0, out)


class Landmarks:
    """Mean distance to the nearest of a few rows drawn at random, over several draws."""

    def __init__(self, Z: np.ndarray, seed: int) -> None:
        random = np.random.default_rng(seed)
        self._draws = [np.sort(random.permutation(len(Z))[:LANDMARKS]) for _ in range(BAGS)]
        self._landmarks = [Z[draw] for draw in self._draws]

    def score(self, Z: np.ndarray, missing: np.ndarray, training: bool) -> np.ndarray:
        from sklearn.neighbors import NearestNeighbors

        total = np.zeros(len(Z))
        for draw, rows in zip(self._draws, self._landmarks, strict=True):
            wanted = min(NEAREST + 1, len(rows))
            distance, which = NearestNeighbors(n_neighbors=wanted).fit(rows).kneighbors(Z)
            if training:  # a landmark is not its own neighbour
                own = draw[which] == np.arange(len(Z))[:, None]
                distance = np.where(own, np.nan, distance)
                surplus = ~own.any(1)
            else:
                surplus = np.ones(len(Z), dtype=bool)
            if wanted > NEAREST:
                distance[surplus, -1] = np.nan
            total += np.nanmean(distance, axis=1)
        return total / BAGS


class Isolation:
    """How few random cuts set a row apart."""

    def __init__(self, Z: np.ndarray, seed: int, trees: int = TREES) -> None:
        from sklearn.ensemble import IsolationForest

        self._forest = IsolationForest(n_estimators=trees, random_state=seed).fit(np.clip(Z, -1e30, 1e30))

    def score(self, Z: np.ndarray, missing: np.ndarray, training: bool) -> np.ndarray:
        return -self._forest.score_samples(np.clip(Z, -1e30, 1e30))
