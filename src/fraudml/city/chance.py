"""Seeded chance: generators by purpose, and draws that depend on keys alone, whatever order they are made in."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np


def generator(seed: int, *purpose: str | int) -> np.random.Generator:
    """A generator for one purpose: the same seed and purpose give the same numbers, other purposes do not disturb them."""
    return np.random.default_rng([seed, *(zlib.crc32(part.encode()) if isinstance(part, str) else part for part in purpose)])


def keyed(seed: int, *keys: Any) -> np.ndarray:
    """Uniform draws in [0, 1), one per row of the integer keys (splitmix64 of their mixture)."""
    with np.errstate(over="ignore"):
        state = np.full(np.broadcast(*[np.asarray(key) for key in keys]).shape, np.uint64(seed * 2 + 1), dtype=np.uint64)
        for key in keys:
            state = (state ^ np.asarray(key).astype(np.int64).astype(np.uint64)) + np.uint64(0x9E3779B97F4A7C15)
            state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            state ^= state >> np.uint64(31)
    return (state >> np.uint64(11)).astype(np.float64) * 2.0**-53
