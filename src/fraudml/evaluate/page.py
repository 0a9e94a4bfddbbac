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
    },
}
SHOWN = ("auc", "average_precision", *(f"{kind}_at_{k}" for k in (50, 100, 200, 500, 800) for kind in ("precision", "recall")))
RANKINGS = ("", "supervised.", "rules.", "outlier.", "isolation_forest.", "total_amount.", "random.")

_PAGE = """<!doctype html>
<html lang="{{ lang }}"><head><meta charset="utf-8"><title>{{ title }}</title>
<style>body{font:14px/1.5 system-ui,sans-serif;margin:2rem;max-width:70rem}table{border-collapse:collapse;margin:1rem 0}
td,th{border-bottom:1px solid #ddd;padding:.25rem .6rem;text-align:right}
td:first-child,th:first-child{text-align:left}
svg{max-width:100%;height:auto}</style>
</head><body><h1>{{ title }}</h1><p>{{ subtitle }}</p>
{% for block in blocks %}{% if block.heading %}<h2>{{ block.heading }}</h2>{% endif %}
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
        [prefix.rstrip(".") or "risk", *(_figure(metrics.get(prefix + name)) for name in shown)]
        for prefix in RANKINGS
        if f"{prefix}auc" in metrics
    ]
    blocks: list[dict[str, Any]] = [
        {"picture": svg(curves(report["target"], found.lines, found.calibrated))},
        {"columns": [say["ranking"], *shown], "rows": rows},
        {"columns": ["", "ECE"], "rows": [["risk", _figure(metrics["ece"])], ["decided", _figure(metrics["ece_decided"])]]},
    ]
    if report["against_truth"]:
        known = [name for name in SHOWN if name in report["against_truth"]["risk"]]
        truth = [[name, *(_figure(figures[key]) for key in known)] for name, figures in report["against_truth"].items()]
        blocks.append({"heading": say["truth"], "columns": [say["ranking"], *known], "rows": truth})
    subtitle = f"{report['model_version']}, {say['as_of']} {report['as_of']}. {say['held_out']}"
    return _render(lang, f"{say['target']}: {report['target']}", subtitle, blocks)


def list_page(report: dict[str, Any], lang: str) -> str:
    """Figures of the ranked scores, of all entities together and of each type, as HTML."""
    say = TEXTS[lang]
    shown = [name for name in SHOWN if any(name in figures for figures in report["against_truth"].values())]
    rows = [[say.get(kind, kind), *(_figure(figures.get(name)) for name in shown)] for kind, figures in report["against_truth"].items()]
    return _render(lang, say["list"], f"{say['truth']}, {say['as_of']} {report['as_of']}", [{"columns": [say["of"], *shown], "rows": rows}])


def scheme_page(table: pd.DataFrame, as_of: str, lang: str) -> str:
    """The scheme table as HTML."""
    rows = [[_figure(cell) for cell in row] for row in table.itertuples(index=False)]
    return _render(lang, TEXTS[lang]["schemes"], f"{TEXTS[lang]['as_of']} {as_of}", [{"columns": list(table), "rows": rows}])


def _figure(value: Any) -> str:
    if isinstance(value, float):
        return "–" if math.isnan(value) else f"{value:.3f}".rstrip("0").rstrip(".")
    return "–" if value is None else str(value)


def _render(lang: str, title: str, subtitle: str, blocks: list[dict[str, Any]]) -> str:
    from jinja2 import Environment

    return Environment(autoescape=True).from_string(_PAGE).render(lang=lang, title=title, subtitle=subtitle, blocks=blocks)
