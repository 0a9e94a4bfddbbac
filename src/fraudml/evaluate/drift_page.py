"""Drift of all models of a day as one self-contained page, and in one line for the log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fraudml.evaluate.drift import Drift
from fraudml.evaluate.page import NAMES, figure, render

TEXTS = {
    "zh": {
        "title": "数据漂移",
        "subtitle": "截至{as_of}的数据与各模型训练时的数据比较。"
        "变动超出偶然范围且稳定性指标(PSI)达0.25,或缺失比例变动达一成,记为“已变动”。",
        "steady": "平稳",
        "watched": "关注",
        "shifted": "已变动",
        "trained": "模型{version}(截至{as_of}训练)",
        "nothing": "没有需要处理的变动。",
        "score": "模型评分的分布已变动(PSI {psi:.2f}):请核实数据,必要时重新训练。",
        "volume": "最近一个月结算{newest:,.0f}笔,训练期各月中位数{median:,.0f}笔,正常范围{low:,.0f}至{high:,.0f}笔:请核实数据是否完整。",
        "features": "{count}个特征已变动,占模型权重的{weight:.0%}(如{first}):请核实来源,必要时重新训练。",
        "model": "模型评分",
        "rest": "其余{count}个特征平稳。",
    },
    "en": {
        "title": "Drift of the data",
        "subtitle": "Data as of {as_of} beside those that each model was trained on. Shifted: a population stability index of 0.25 or more"
        " beyond what chance gives, or one tenth more or fewer values missing.",
        "steady": "steady",
        "watched": "watched",
        "shifted": "shifted",
        "trained": "model {version} (trained as of {as_of})",
        "nothing": "Nothing calls for action.",
        "score": "the model's scores have shifted (index {psi:.2f}): check the data, train anew if they are right.",
        "volume": "{newest:,.0f} claims in the newest month; the median of the training months is {median:,.0f}, usual are {low:,.0f} to"
        " {high:,.0f}: check that the data are complete.",
        "features": "{count} features with {weight:.0%} of the model's weight have shifted ({first}, …): check their source,"
        " train anew if they are right.",
        "model": "the model's scores",
        "rest": "The other {count} features are steady.",
    },
}
COLUMNS = {
    "zh": ("特征", "PSI", "偶然上限", "训练时缺失", "现在缺失", "模型权重", "状态"),
    "en": ("feature", "PSI", "by chance", "missing then", "missing now", "weight", "state"),
}


def alarm_lines(found: Drift, lang: str) -> list[str]:
    """What calls for action, a sentence each; empty where nothing does."""
    lines = []
    for code, figures in found.alarms.items():
        shown = dict(figures) | ({"first": ", ".join(figures["first"])} if "first" in figures else {})
        lines.append(TEXTS[lang][code].format(**shown))
    return lines


def drift_page(found: Mapping[str, tuple[Drift, Mapping[str, Any]]], as_of: str, lang: str) -> str:
    """The page.

    Parameters
    ----------
    found : target -> its drift, and ``version`` and ``as_of`` of its model.
    """
    say = TEXTS[lang]
    blocks = []
    for target, (drift, model) in found.items():
        moved = drift.features[drift.features["state"] != "steady"]
        rows = [_row(say["model"], drift.score, lang), *(_row(each.pop("feature"), each, lang) for each in moved.to_dict("records"))]
        blocks.append(
            {
                "heading": f"{NAMES[lang].get(target, target)}: {say['trained'].format(**model)}",
                "lines": alarm_lines(drift, lang) or [say["nothing"]],
                "columns": COLUMNS[lang],
                "rows": rows,
            }
        )
        blocks.append({"lines": [say["rest"].format(count=len(drift.features) - len(moved))]})
    return render(lang, say["title"], say["subtitle"].format(as_of=as_of), blocks)


def _row(name: str, change: Mapping[str, Any], lang: str) -> list[str]:
    return [
        name,
        *(figure(float(change[key])) for key in ("psi", "chance", "missing_before", "missing_now")),
        figure(float(change["importance"])) if "importance" in change else "–",
        TEXTS[lang][change["state"]],
    ]
