"""Any numeric table as a matrix: categories to codes, infinities to the ends of the scale, rows to keys of their content."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fraudml.errors import FraudmlError

if TYPE_CHECKING:
    import pandas as pd

LARGEST = 1e300  # where infinities go: LightGBM's own limit, and finite


class TableError(FraudmlError, ValueError):
    """A table that an estimator cannot work on (a ``ValueError``, as scikit-learn expects)."""


class Categories:
    """Codes of the text and category columns of a DataFrame; other tables pass through unchanged.

    A value that was not seen at :meth:`learn` becomes missing.
    """

    def __init__(self, levels: dict[str, list[str]] | None = None) -> None:
        self.levels = levels or {}

    def learn(self, X: Any) -> Categories:
        """Notes the values of every text or category column, in sorted order."""
        self.levels = {}
        if hasattr(X, "select_dtypes"):
            if not X.columns.is_unique:
                twice = sorted({str(name) for name in X.columns[X.columns.duplicated()]})
                problem = f"{len(twice)} names stand over several columns (first: {', '.join(twice[:3])})."
                raise TableError("table.duplicate_names", problem, "Give every column a name of its own; equal values do not matter.")
            for name in X.select_dtypes(include=["object", "string", "category"]).columns:
                column = _numbers_or_text(X[name])
                if column.dtype.kind not in "fiub":
                    self.levels[str(name)] = _levels(column)
        return self

    def encode(self, X: Any) -> Any:
        """A DataFrame with codes in place of text, as floats; anything else is handed back."""
        if not hasattr(X, "select_dtypes") or (not self.levels and all(_plain(kind) for kind in X.dtypes)):
            return X
        import pandas as pd

        columns = {}
        for name in X.columns:
            if str(name) in self.levels:
                codes = {value: float(code) for code, value in enumerate(self.levels[str(name)])}
                columns[name] = X[name].astype(object).map(lambda value, codes=codes: codes.get(str(value), np.nan)).astype(float)
            elif X[name].dtype.kind in "mM":
                raise TableError(
                    "table.date_column",
                    f"column “{name}” holds dates.",
                    "Turn it into a number of days before some day, or leave it out.",
                )
            else:
                columns[name] = _as_floats(X[name])
        return pd.DataFrame(columns, index=X.index, columns=X.columns)


def _levels(column: pd.Series) -> list[str]:
    """Values of a text or category column as text, sorted."""
    try:
        return sorted({str(value) for value in column.dropna().unique()})
    except TypeError as error:  # lists and mappings cannot be told apart by their hash
        problem, hint = f"column “{column.name}” holds nested values.", "Turn it into columns of numbers or texts, or leave it out."
        raise TableError("table.nested_column", problem, hint) from error


def _plain(kind: Any) -> bool:
    return isinstance(kind, np.dtype) and kind.kind in "fiub"


def _as_floats(column: pd.Series) -> pd.Series:
    try:
        return _numbers_or_text(column).astype(float)
    except (TypeError, ValueError) as error:
        raise TableError(
            "table.text_column", f"column “{column.name}” holds text: {error}.", "It held numbers when the model was trained; give numbers."
        ) from error


def _numbers_or_text(column: pd.Series) -> pd.Series:
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.astype(object).astype("string").astype(object)
    if column.dtype == object or isinstance(column.dtype, pd.StringDtype):
        try:
            return pd.to_numeric(column)
        except (TypeError, ValueError):
            return column
    return column


def bounded(X: np.ndarray) -> np.ndarray:
    """The matrix with infinities at the ends of the scale and values to 24 significant bits; missing values stay.

    Sums over claims differ in their last bits with the order in which threads add them up. No split of a tree should depend on that.
    """
    if np.isinf(X).any():
        X = np.clip(X, -LARGEST, LARGEST)
    return _rounded(X, 24)


def row_keys(X: np.ndarray) -> np.ndarray:
    """A 64-bit key of each row's content (and of nothing else): equal rows have equal keys, whatever their order.

    Folds and sorting by these keys make a fit independent of the order in which rows come. Values count to 20 significant bits, about six
    digits: what differs in the last bits only is the same row.
    """
    keys = np.zeros(len(X), dtype=np.uint64)
    for position in range(X.shape[1]):
        column = _rounded(X[:, position], 20) + 0.0  # -0.0 and 0.0 are one value
        column = np.where(np.isnan(column), np.nan, column)  # so are all the ways to write a missing one
        keys = mix(keys * np.uint64(31) + column.view(np.uint64) + np.uint64(position + 1))
    return keys


def _rounded(X: np.ndarray, bits: int) -> np.ndarray:
    """Values to so many significant bits, halves away from zero; what needs fewer (whole numbers, halves) stays as it is.

    Of the 53 bits of a double's significand one is implied: adding half a unit of the last kept bit to the number's own bits rounds it, and
    carries into the exponent where it must.
    """
    dropped = 53 - bits
    raw = np.ascontiguousarray(X).view(np.int64)
    return ((raw + (1 << (dropped - 1))) & ~np.int64((1 << dropped) - 1)).view(np.float64)


def spaced(count: int, most: int) -> np.ndarray:
    """Places of at most so many of the rows, evenly spaced: sorted by content, what is common keeps its share."""
    return np.linspace(0, count - 1, min(count, most)).astype(np.int64)


def mix(keys: np.ndarray) -> np.ndarray:
    """Scatters 64-bit keys (the finaliser of splitmix64, Steele et al. 2014)."""
    keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return keys ^ (keys >> np.uint64(31))


def name_keys(names: Any) -> np.ndarray:
    """A 64-bit key of each name (entity id)."""
    import pandas as pd

    return pd.util.hash_array(np.asarray([str(name) for name in names], dtype=object))
