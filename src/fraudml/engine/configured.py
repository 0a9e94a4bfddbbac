"""The engine that the configuration names."""

from __future__ import annotations

from typing import Any

from fraudml.engine.base import Engine
from fraudml.engine.duck import open_engine
from fraudml.errors import UsageError


def configured_engine(settings: Any) -> Engine:
    """Opens the engine of ``conf/engine/<name>.yaml``; Spark is imported and started only where it is named.

    Raises
    ------
    UsageError
        For a kind that is neither ``duckdb`` nor ``spark``.
    """
    if settings.kind == "duckdb":
        return open_engine(settings.memory_limit, settings.threads, settings.temp_dir)
    if settings.kind == "spark":
        from fraudml.engine.spark import open_spark

        return open_spark(settings.master, settings.remote, settings.driver_limit, _pairs(settings.settings or ""), settings.memory_limit)
    raise UsageError("engine.kind", f"engine.kind={settings.kind} is unknown.", "Write engine=duckdb or engine=spark.")


def _pairs(text: str) -> dict[str, str]:
    """``key=value key=value`` as a mapping."""
    pairs = [each.partition("=") for each in text.split()]
    if wrong := [key for key, equals, _ in pairs if not equals]:
        raise UsageError("engine.settings", f"“{wrong[0]}” is not of the form key=value.", 'Write engine.settings="spark.x=1 spark.y=2".')
    return {key: value for key, _, value in pairs}
