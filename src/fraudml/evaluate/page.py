"""Evaluation as self-contained pages."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from fraudml.evaluate.pictures import curves, svg

if TYPE_CHECKING:
    import pandas as pd

    from fraudml.evaluate.held_out import Assessment

TEXTS = {
    "zh": {
        "target": "模型评估",
        "schemes": "规则评估(按模式)",
        "as_of": "截至",
        "held_out": "以下为模型未见过的主体上的结果,与基线并列。",
        "truth": "与模拟城市真相对照",
        "ranking": "排序依据",
        "list": "名单评估(各类主体按风险混排)",
        "all": "全部",
        "of": "主体类别",
        "ece": "风险与实际的平均偏差(ECE)",
        "everyone": "全部主体(未查者视为无问题)",
        "decided": "已查主体",
    },
    "en": {
        "target": "Model evaluation",
        "schemes": "Rules by scheme",
        "as_of": "as of",
        "held_out": "Figures on entities that the model has not seen, beside baselines.",
        "truth": "Against the simulated city's truth",
        "ranking": "ranking",
        "list": "The list: all entities ranked by risk",
        "all": "all",
        "of": "entity type",
        "ece": "expected calibration error",
        "everyone": "everybody (those not looked at counted as no case)",
        "decided": "decided entities",
    },
}
CAPACITIES = (50, 100, 200, 500, 800)
SHOWN = ("auc", "average_precision", *(f"{kind}_at_{k}" for k in CAPACITIES for kind in ("precision", "recall")))
RANKINGS = ("", "supervised.", "rules.", "outlier.", "isolation_forest.", "total_amount.", "random.")
NAMES = {
    "zh": {
        "auc": "AUC",
        "average_precision": "平均精度",
        "risk": "综合风险",
        "supervised": "监督模型",
        "rules": "仅规则",
        "outlier": "仅离群",
        "isolation_forest": "孤立森林",
        "total_amount": "仅金额",
        "random": "随机",
        "claim": "结算单",
        "patient": "参保人",
        "doctor": "医师",
        "institution": "医疗机构",
        "pharmacy": "药店",
        "row": "编号",
        "scheme": "模式",
        "perpetrators": "行为人",
        "found": "被指出",
        "recall": "指出率",
        "cases_found": "可查获",
        "guilty_claims": "违规结算",
        "claim_recall": "结算查出率",
        "lookalikes": "疑似正常",
        "lookalikes_flagged": "其中误报",
        "lookalike_rate": "误报率",
        "evidence": "证据",
        "precision": "证据准确率",
    }
    | {f"precision_at_{k}": f"前{k}准确率" for k in CAPACITIES}
    | {f"recall_at_{k}": f"前{k}召回率" for k in CAPACITIES},
    "en": {"auc": "AUC", "risk": "risk (combined)", "rules": "rules alone", "outlier": "outlier alone", "total_amount": "amount alone"},
}
"""What columns and rows are called on the page; others by their own name, with spaces."""

_PAGE = """<!doctype html>
<html lang="{{ lang }}"><head><meta charset="utf-8"><title>{{ title }}</title>
<style>body{font:14px/1.5 system-ui,sans-serif;margin:2rem;max-width:96rem}table{border-collapse:collapse;margin:1rem 0}
td,th{border-bottom:1px solid #ddd;padding:.25rem .6rem;text-align:right;white-space:nowrap}
td:first-child,th:first-child{text-align:left}
svg{max-width:100%;height:auto}</style>
</head><body><h1>{{ title }}</h1><p>{{ subtitle }}</p>
{% for block in blocks %}{% if block.heading %}<h2>{{ block.heading }}</h2>{% endif %}
{% for line in block.lines or [] %}<p>{{ line }}</p>{% endfor %}
{% if block.picture %}{{ block.picture | safe }}{% endif %}
{% if block.rows %}<table><thead><tr>{% for cell in block.columns %}<th>{{ cell }}</th>{% endfor %}</tr></thead><tbody>
{% for row in block.rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>{% endfor %}</tbody></table>{% endif %}
{% endfor %}</body></html>
"""


def target_page(report: dict[str, Any], found: Assessment, lang: str) -> str:
    """One target's figures and curves as HTML."""
    say = TEXTS[lang]
    metrics = report["metrics"]
    shown = [name for name in SHOWN if name in metrics]
    rows = [
        [_name(prefix.rstrip(".") or "risk", lang), *(figure(metrics.get(prefix + name)) for name in shown)]
        for prefix in RANKINGS
        if f"{prefix}auc" in metrics
    ]
    blocks: list[dict[str, Any]] = [
        {"picture": svg(curves(report["target"], found.lines, found.calibrated))},
        {"columns": [say["ranking"], *(_name(each, lang) for each in shown)], "rows": rows},
        {
            "columns": ["", say["ece"]],
            "rows": [[say["everyone"], figure(metrics["ece"])], [say["decided"], figure(metrics["ece_decided"])]],
        },
    ]
    if report["against_truth"]:
        known = [name for name in SHOWN if name in report["against_truth"]["risk"]]
        truth = [[_name(name, lang), *(figure(figures[key]) for key in known)] for name, figures in report["against_truth"].items()]
        blocks.append({"heading": say["truth"], "columns": [say["ranking"], *(_name(each, lang) for each in known)], "rows": truth})
    subtitle = f"{report['model_version']}, {say['as_of']} {report['as_of']}. {say['held_out']}"
    return render(lang, f"{say['target']}: {_name(report['target'], lang)}", subtitle, blocks)


def list_page(report: dict[str, Any], lang: str) -> str:
    """Figures of the ranked scores, of all entities together and of each type, as HTML."""
    say = TEXTS[lang]
    shown = [name for name in SHOWN if any(name in figures for figures in report["against_truth"].values())]
    rows = [
        [say["all"] if kind == "all" else _name(kind, lang), *(figure(figures.get(name)) for name in shown)]
        for kind, figures in report["against_truth"].items()
    ]
    block = {"columns": [say["of"], *(_name(each, lang) for each in shown)], "rows": rows}
    return render(lang, say["list"], f"{say['truth']}, {say['as_of']} {report['as_of']}", [block])


def scheme_page(table: pd.DataFrame, as_of: str, lang: str) -> str:
    """The scheme table as HTML."""
    rows = [[figure(cell) for cell in row] for row in table.itertuples(index=False)]
    block = {"columns": [_name(each, lang) for each in table], "rows": rows}
    return render(lang, TEXTS[lang]["schemes"], f"{TEXTS[lang]['as_of']} {as_of}", [block])


def _name(column: str, lang: str) -> str:
    return NAMES[lang].get(column, column.replace("_", " "))


def figure(value: Any) -> str:
    """A number as the pages print it."""
    if isinstance(value, float):
        return "–" if math.isnan(value) else f"{value:.3f}".rstrip("0").rstrip(".")
    return "–" if value is None else str(value)


def render(lang: str, title: str, subtitle: str, blocks: list[dict[str, Any]]) -> str:
    """A page of blocks: each may have a heading, lines of text, a picture (SVG) and a table (columns, rows)."""
    from jinja2 import Environment

    return Environment(autoescape=True).from_string(_PAGE).render(lang=lang, title=title, subtitle=subtitle, blocks=blocks)
