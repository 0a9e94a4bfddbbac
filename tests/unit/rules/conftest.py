"""What all rule tests ask: which claims does a rule put into question, and for how much?"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fraudml.claims import Claims
from fraudml.rules import load_rules, run_rules


@pytest.fixture
def questioned() -> Callable[..., dict[str, float]]:
    """``questioned(claims, rule, as_of, entity_type=None, **parameters)``: claim -> amount in question; checks all wordings."""

    def run(claims: Claims, rule: str, as_of: str = "2024-06-30", entity_type: str | None = None, **parameters: float) -> dict[str, float]:
        found = run_rules(claims, as_of, rules=[rule], parameters={rule: parameters})
        for facts in found.facts:
            for lang in ("zh", "en"):
                assert load_rules()[rule].text(facts, lang)
        if entity_type:
            found = found[found.entity_type == entity_type]
        return {str(claim): float(amount) for claim, amount in found.groupby("claim_id").amount_in_question.sum().items()}

    return run
