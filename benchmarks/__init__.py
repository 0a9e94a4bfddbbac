"""Side by side with peers: each module is one question, `python -m benchmarks.<name>` answers it and keeps the answer as a table
with machine and versions in `benchmarks/results/`. Seconds depend on the machine: compare ratios within one table.
"""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

RESULTS = Path(__file__).parent / "results"
NAMED = ("duckdb", "lightgbm", "pandas", "polars", "pyod", "scikit-learn")


def write_result(name: str, table: pd.DataFrame, about: str) -> None:
    """Prints a table and keeps it as ``results/<name>.md``."""
    import psutil

    found = [f"{each} {version(each)}" for each in NAMED if _installed(each)]
    machine = (
        f"{os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GB, {platform.machine()}, Python {platform.python_version()}"
    )
    columns = [str(each) for each in table.columns]
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(str(value) for value in row) + " |" for row in table.itertuples(index=False)]
    text = f"# {name}\n\n{about}\n\n" + "\n".join(lines) + f"\n\n{machine}; {', '.join(found)}.\n"
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text, encoding="utf-8")
    print(text)


def _installed(name: str) -> bool:
    from importlib.metadata import PackageNotFoundError

    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True
