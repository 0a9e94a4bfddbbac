"""How scores become a list: the parameters of ``conf/leads/``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from fraudml.config import read_yaml
from fraudml.errors import UsageError
from fraudml.resources import resource


@dataclass(frozen=True)
class Policy:
    """Parameters of fusing and ranking; what each means stands beside its default in ``conf/leads/default.yaml``."""

    explore: float
    months: int
    certainty: float
    contained: float
    weaker: float
    pattern: int
    lift: float
    evidence_claims: int
    page: int
    scheme_share: float
    institution_share: float
    give: float
    floor: float
    least: float
    keep: float
    odd_below: float
    odd_share: float

    @classmethod
    def read(cls, given: Mapping[str, Any] | None = None) -> Policy:
        """The policy of a composed ``config.leads``, the shipped one by default.

        Raises
        ------
        UsageError
            When a share is not one.
        """
        values = dict(given if given is not None else read_yaml(resource("conf") / "leads" / "default.yaml"))
        diversity = values.pop("diversity")
        values |= {"page": diversity["page"], "give": diversity["give"]}
        values |= {"scheme_share": diversity["scheme"], "institution_share": diversity["institution"]}
        odd = values.pop("odd")
        values |= {"odd_below": odd["below"], "odd_share": odd["share"]}
        policy = cls(**{each.name: values[each.name] for each in fields(cls)})
        for name in (
            "explore",
            "contained",
            "weaker",
            "scheme_share",
            "institution_share",
            "give",
            "floor",
            "keep",
            "odd_below",
            "odd_share",
        ):
            if not 0 <= getattr(policy, name) <= 1:
                raise UsageError("leads.share", f"leads.{name} = {getattr(policy, name)} is not a share of one.", "Give 0 … 1.")
        return policy
