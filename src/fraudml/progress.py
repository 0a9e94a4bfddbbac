"""Progress of long work: a bar on a terminal, plain log lines elsewhere."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

log = logging.getLogger("fraudml")
T = TypeVar("T")


def track(items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """Yields the items and shows how many are done."""
    if total is None and hasattr(items, "__len__"):
        total = len(items)  # type: ignore[arg-type]
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import track as bar

        yield from bar(items, what, total=total, console=Console(stderr=True), transient=True)
        return
    every = max(1, (total or 10) // 4)
    for number, item in enumerate(items, 1):
        yield item
        if number % every == 0 or number == total:
            log.info("%s: %s of %s", what, number, total or "?")


@contextmanager
def step(what: str) -> Iterator[None]:
    """Names a piece of work and says how long it took."""
    start = time.perf_counter()
    if sys.stderr.isatty():
        from rich.console import Console

        with Console(stderr=True).status(what):
            yield
    else:
        yield
    log.info("%s: %.1f s", what, time.perf_counter() - start)
