"""Where the shipped declarations (``conf/``, ``features/``) lie: inside the wheel, or at the root of a checkout."""

from __future__ import annotations

from pathlib import Path


def resource(name: str) -> Path:
    """Folder ``name`` (``conf`` or ``features``) of the installed package or of the checkout."""
    package = Path(__file__).parent
    inside = package / name
    return inside if inside.is_dir() else package.parents[1] / name
