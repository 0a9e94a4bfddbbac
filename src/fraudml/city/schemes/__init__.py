"""One file per scheme of the requirements: what it copies, how it is planted, and what only looks like it."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import TYPE_CHECKING

from fraudml.errors import UsageError

if TYPE_CHECKING:
    from fraudml.city.planting import Ground


def scheme_ids() -> list[str]:
    """Ids of all schemes that the city can plant, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load_schemes(ids: Iterable[str] | None = None) -> list[tuple[str, Callable[[Ground], None]]]:
    """``(id, plant)`` of the schemes asked for, all by default, in a fixed order.

    Raises
    ------
    UsageError
        For an id that no file bears.
    """
    known = scheme_ids()
    wanted = known if ids is None else sorted(set(ids))
    unknown = [each for each in wanted if each not in known]
    if unknown:
        raise UsageError("city.schemes", f"no scheme {', '.join(unknown)}.", f"Known: {', '.join(known)}.")
    return [(each, import_module(f"{__name__}.{each}").plant) for each in wanted]
