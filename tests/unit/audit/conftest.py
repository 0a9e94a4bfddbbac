"""Programmes for tests: a bureau's conf folder from a few lines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml


@pytest.fixture
def conf_dir(tmp_path: Path) -> Callable[..., Path]:
    """``conf_dir(*lists, **programme)``: a conf folder whose programme ``own`` has these lists (names, or mappings with an id)."""

    def make(*lists: Any, **programme: Any) -> Path:
        folder = tmp_path / "conf"
        (folder / "audit").mkdir(parents=True, exist_ok=True)
        content = {"id": "own", "name": {"zh": "自定", "en": "own"}, "lists": list(lists)} | programme
        (folder / "audit" / "own.yaml").write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
        return folder

    return make


@pytest.fixture
def visits() -> Callable[..., list[dict[str, Any]]]:
    """``visits(patient, count, **row)``: so many visits of a patient, one a day from 1 January 2024."""

    def make(patient: str, count: int, first: str = "2024-01", **row: Any) -> list[dict[str, Any]]:
        return [
            {"claim_id": f"{patient}-{row.get('insurance_type', '')}{row.get('visit_type', '')}{first}-{day}", "patient_id": patient}
            | {"started_on": f"{first}-{day:02}"}
            | row
            for day in range(1, count + 1)
        ]

    return make
