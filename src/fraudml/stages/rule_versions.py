"""Two versions of the rule base on the same month: ``fraudml score rules.version=…``."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fraudml.claims import Claims
from fraudml.config import WHOLE
from fraudml.errors import UsageError
from fraudml.progress import step
from fraudml.stages.evidence import SAVED, WINDOW
from fraudml.stages.stored import as_table

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger("fraudml")

SHIPPED = "shipped"
"""``rules.version=shipped``: the rule base as it comes with the package."""


def other_version(config: Any) -> Path | str | None:
    """The conf folder that ``rules.version`` names: a folder, a version kept in ``data_dir``, or ``shipped``; none where it is not given.

    Raises
    ------
    UsageError
        ``rules.version`` with the versions that are kept.
    """
    named = config.rules.version
    if named is None or str(named) == SHIPPED:
        return named and SHIPPED
    kept = Path(config.data_dir) / SAVED
    for folder in (Path(str(named)), kept / str(named)):
        if any((folder / each).is_dir() for each in ("rules", "knowledge")):
            return folder
    versions = sorted(path.parent.name for path in kept.glob(f"*/{WHOLE}"))
    raise UsageError(
        "rules.version",
        f"{named} is neither a conf folder (with rules/ or knowledge/) nor a version kept in {kept}.",
        f"Kept: {', '.join(versions) or 'none yet'}; or give rules.version={SHIPPED}.",
    )


def compare_versions(config: Any, claims: Claims, as_of: str, hits: pd.DataFrame, folder: Path) -> None:
    """Writes ``rules_comparison.parquet`` and ``.html`` into ``folder``: what the present rule base finds otherwise than ``rules.version``.

    Only rules that are declared otherwise, or read other knowledge, are run again.

    Parameters
    ----------
    hits : the present evidence of the day.
    """
    from fraudml.evaluate.rule_versions import comparison_page, differences
    from fraudml.rules import load_rules, rule_base, run_rules
    from fraudml.rules.versions import COMPARISON, affected, compare, summary

    other = other_version(config)
    if other is None:
        return
    conf_dir = None if other == SHIPPED else other
    before, after = rule_base(conf_dir), rule_base(config.conf_dir)
    rules_before, rules_after = load_rules(conf_dir), load_rules(config.conf_dir)
    changed = affected(before, after, {**rules_before, **rules_after})
    with step(f"rules of version {before.version} as of {as_of}"):
        again = [name for name in changed if name in rules_before]
        earlier = run_rules(claims, as_of, again, months=WINDOW, conf_dir=conf_dir)
    present = hits[hits["rule"].isin(changed)]
    different = compare(earlier, present)
    engine = claims.engine
    engine.register("compared_rules", as_table(different, COMPARISON))
    path = folder / "rules_comparison.parquet"
    count = engine.write("select * from compared_rules", path, note=f"{before.version} -> {after.version}")
    log.info("%s: %d rows against version %s", path.name, count, before.version)
    page = comparison_page(
        summary(earlier, present, changed),
        differences(rules_before, rules_after, before, after, config.lang),
        (before.version, after.version),
        as_of,
        config.lang,
    )
    path.with_suffix(".html").write_text(page, encoding="utf-8")
