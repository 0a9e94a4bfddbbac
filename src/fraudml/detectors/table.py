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
            _check_names(X)
            for name in X.columns:
                if _may_be_text(X[name].dtype):
                    named = hasattr(X[name].dtype, "categories")  # as categories: whole numbers too are names then
                    column = X[name] if named else _numbers_or_text(X[name])
                    if named or column.dtype.kind not in "fiub":
                        _refuse_dates(X[name])
                        self.levels[str(name)] = _levels(column)
        return self

    def encode(self, X: Any, hint: str = "It held numbers when the model was trained; give numbers.") -> Any:
        """A DataFrame with codes in place of text, as floats; anything else is handed back. ``hint``: what to do about other text."""
        if not hasattr(X, "select_dtypes"):
            return X
        _check_names(X)
        if not self.levels and all(_plain(kind) for kind in X.dtypes):
            return X
        import pandas as pd

        columns = {}
        for name in X.columns:
            if str(name) in self.levels:
                codes = {value: float(code) for code, value in enumerate(self.levels[str(name)])}
                columns[name] = X[name].astype(object).map(lambda value, codes=codes: codes.get(_as_text(value), np.nan)).astype(float)
            else:
                _refuse_dates(X[name])
                columns[name] = _as_floats(X[name], hint)
        return pd.DataFrame(columns, index=X.index, columns=X.columns)


def numbers(X: Any) -> Any:
    """A DataFrame as floats, for estimators that have no use for text; anything else is handed back.

    Raises
    ------
    TableError
        That names the column, where one holds text, dates or nested values.
    """
    return Categories().encode(X, "Turn it into numbers (counts, shares, indicators), or leave it out.")


def _check_names(X: pd.DataFrame) -> None:
    if not len(X.columns):
        raise TableError("table.no_columns", "the table has no columns.", "Give at least one feature.")
    if not X.columns.is_unique:
        twice = sorted({str(name) for name in X.columns[X.columns.duplicated()]})
        problem = f"{len(twice)} names stand over several columns (first: {', '.join(twice[:3])})."
        raise TableError("table.duplicate_names", problem, "Give every column a name of its own; equal values do not matter.")


def _refuse_dates(column: pd.Series) -> None:
    """Days as such are no measure, and as text each would be a category of its own that no later row has.

    DATE columns come as objects from most databases, as periods from monthly tables.
    """
    import datetime

    import pandas as pd

    if _plain(column.dtype):  # the many columns of numbers need no look at what they hold
        return
    first = column.dropna().head(1)
    held = first.iloc[0] if len(first) else None
    if column.dtype.kind in "mM" or isinstance(held, datetime.date | datetime.timedelta | pd.Period):
        raise TableError(
            "table.date_column",
            f"column “{column.name}” holds dates.",
            "Turn it into a number of days before some day, or leave it out.",
        )


def _as_text(value: Any) -> str:
    """A value as the name of its category: 1.0 is 1, which a column of whole numbers becomes as soon as one of them is missing."""
    return str(int(value)) if isinstance(value, float | np.floating) and float(value).is_integer() else str(value)


def _levels(column: pd.Series) -> list[str]:
    """Values of a text or category column as text, sorted."""
    try:
        return sorted({_as_text(value) for value in column.dropna().unique()})
    except TypeError as error:  # lists and mappings cannot be told apart by their hash
        problem, hint = f"column “{column.name}” holds nested values.", "Turn it into columns of numbers or texts, or leave it out."
        raise TableError("table.nested_column", problem, hint) from error


def _plain(kind: Any) -> bool:
    return isinstance(kind, np.dtype) and kind.kind in "fiub"


def _may_be_text(kind: Any) -> bool:
    """Not only pandas' own text: a string of Arrow (``dtype_backend="pyarrow"``) says kind U, a decimal or nested value of Arrow kind O."""
    return kind.kind in "OSU"


def _as_floats(column: pd.Series, hint: str) -> pd.Series:
    if column.dtype.kind == "c":
        raise TableError("table.complex_column", f"column “{column.name}” holds complex numbers.", "Give real numbers.")
    try:
        return _numbers_or_text(column).astype(float)
    except (TypeError, ValueError):
        problem = f"column “{column.name}” holds text or nested values."
        raise TableError("table.text_column", problem, hint) from None  # the error behind it shows a value


def _numbers_or_text(column: pd.Series) -> pd.Series:
    import pandas as pd

    if not _may_be_text(column.dtype):
        return column
    column = column.astype(object)
    try:
        found = pd.to_numeric(column)
        return found.astype(float) if found.dtype == object else found  # whole numbers beyond 64 bits stay objects
    except (TypeError, ValueError):
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
