"""The browser opens what the unit tests of the report write: one small city of leads for both."""

from __future__ import annotations

import importlib.util
from pathlib import Path

_path = Path(__file__).parents[1] / "unit" / "report" / "conftest.py"
_spec = importlib.util.spec_from_file_location("small_city_of_leads", _path)
assert _spec is not None
assert _spec.loader is not None
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)

ranked = _module.ranked
written = _module.written
