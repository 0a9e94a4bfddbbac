"""Two versions of the rule base on the same month, as a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fraudml.evaluate.page import render

if TYPE_CHECKING:
    import pandas as pd

    from fraudml.rules import Rule, RuleBase

TEXTS: dict[str, dict[str, Any]] = {
    "zh": {
        "title": "规则库两个版本的比较",
        "subtitle": "截至{as_of},同一批结算数据:版本{before}与现行版本{after}",
        "declared": "规则与知识的变动",
        "found": "证据的变动(金额每一明细行只计一次,单位:元)",
        "same": "两个版本的规则与知识完全相同。",
        "only_before": "仅原版本有此规则",
        "only_after": "新增规则",
        "sql": "查询有变动",
        "words": "文字或分类有变动",
        "knowledge": "知识表有变动",
        "all": "合计",
        "columns": ["规则", "原证据", "现证据", "新增", "消失", "改变", "新增主体", "消失主体", "原金额", "现金额"],
    },
    "en": {
        "title": "Two versions of the rule base",
        "subtitle": "the same claims as of {as_of}: version {before} and the present version {after}",
        "declared": "What was declared otherwise",
        "found": "What is found otherwise (amounts in CNY, each line counted once)",
        "same": "Rules and knowledge of both versions are the same.",
        "only_before": "only in the earlier version",
        "only_after": "a new rule",
        "sql": "its query was changed",
        "words": "wording or class was changed",
        "knowledge": "knowledge table changed",
        "all": "all",
        "columns": ["rule", "evidence before", "after", "added", "gone", "changed", "entities added", "gone", "amount before", "after"],
    },
}


def differences(
    before: Mapping[str, Rule], after: Mapping[str, Rule], base_before: RuleBase, base_after: RuleBase, lang: str = "zh"
) -> list[str]:
    """What was declared otherwise in two versions: one line per rule or knowledge table, parameters with both values."""
    say, lines = TEXTS[lang], []
    for name in sorted(base_before.rules.keys() | base_after.rules.keys()):
        if base_before.rules.get(name) == base_after.rules.get(name):
            continue
        if name not in after or name not in before:
            lines.append(f"{name}: {say['only_before'] if name in before else say['only_after']}")
            continue
        old, new = before[name], after[name]
        moved = [
            f"{key} {old.parameters[key].default} → {new.parameters[key].default} ({new.parameters[key].unit})"
            for key in new.parameters
            if key in old.parameters and old.parameters[key].default != new.parameters[key].default
        ]
        moved += [say["sql"]] if old.sql != new.sql else []
        lines.append(f"{name}: {'; '.join(moved) or say['words']}")
    tables = base_before.knowledge.keys() | base_after.knowledge.keys()
    moved = sorted(name for name in tables if base_before.knowledge.get(name) != base_after.knowledge.get(name))
    return lines + [f"{say['knowledge']}: {name}" for name in moved]


def comparison_page(summary: pd.DataFrame, declared: list[str], versions: tuple[str, str], as_of: str, lang: str = "zh") -> str:
    """The comparison as HTML.

    Parameters
    ----------
    summary : one row per rule and a last row ``all`` (:func:`fraudml.rules.versions.summary`).
    declared : lines of :func:`differences`.
    versions : ids of the earlier and of the present version.
    """
    say = TEXTS[lang]
    rows = [
        [say["all"] if row[0] == "all" else row[0], *(f"{cell:,.2f}" if isinstance(cell, float) else f"{cell:,}" for cell in row[1:])]
        for row in summary.itertuples(index=False)
    ]
    blocks: list[dict[str, Any]] = [
        {"heading": say["declared"], "lines": declared or [say["same"]]},
        {"heading": say["found"], "columns": say["columns"], "rows": rows},
    ]
    subtitle = say["subtitle"].format(as_of=as_of, before=versions[0], after=versions[1])
    return render(lang, say["title"], subtitle, blocks)
