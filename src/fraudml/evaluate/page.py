"""Evaluation as self-contained pages."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from fraudml.evaluate.metrics import CAPACITIES
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
        "lower_bound": "未经检查的主体(如有)按不属实计,故准确率与平均精度为下限;综合各部分的权重由同一批案件学得,其数字略偏乐观。",
        "among_decided": "仅已决定者",
        "truth": "与模拟城市真相对照",
        "ranking": "排序依据",
        "list": "名单评估(各类主体按风险混排)",
        "all": "全部",
        "of": "主体类别",
        "ece": "风险与实际的平均偏差(ECE)",
        "interval": "95%区间",
        "forward": "按时间外推(只用较早的决定学习,检验其后决定的主体)",
        "random_draws": "仅随机抽查者(不受选案方式影响)",
        "measure": "指标",
        "value": "数值",
        "unseen": "未见过的模式(学习时去掉该模式的全部案件,看其主体有多少排进前{first}名)",
        "mean": "平均",
        "fairness": "按机构类型、级别、所有制、地区:谁被列入更多,是否属实",
        "steadiness": "逐月稳定性(前{first}名)",
        "difference": "两个模型在同一批主体上的比较",
        "in_use": "现用",
        "other": "对照",
        "apart": "差值",
    },
    "en": {
        "target": "Model evaluation",
        "schemes": "Rules by scheme",
        "as_of": "as of",
        "held_out": "Figures on entities that the model has not seen, beside baselines.",
        "lower_bound": "Entities that nobody looked at, where there are any, count as no case: precision is then a lower bound. "
        "How the risk weighs its parts was learnt from the same cases, which flatters its own figures a little.",
        "among_decided": "among the decided only",
        "truth": "Against the simulated city's truth",
        "ranking": "ranking",
        "list": "The list: all entities ranked by risk",
        "all": "all",
        "of": "entity type",
        "ece": "expected calibration error",
        "interval": "95 % interval",
        "forward": "forward in time (learnt from earlier decisions, judged on entities decided later)",
        "random_draws": "random checks only (not bent by what inspectors choose)",
        "measure": "figure",
        "value": "value",
        "unseen": "Schemes never seen (all cases of the scheme taken out of learning: how many stand among the first {first})",
        "mean": "mean",
        "fairness": "By kind, level, ownership and region of institution: who is listed more, and is it borne out",
        "steadiness": "Stability from month to month (first {first})",
        "difference": "Two models on the same entities",
        "in_use": "in use",
        "other": "other",
        "apart": "difference",
    },
}
SHOWN = ("auc", "average_precision", *(f"{kind}_at_{k}" for k in CAPACITIES for kind in ("precision", "recall", "amount_per_inspection")))
LIFTS = {"rules_by_amount": "规则按金额排序", "total_amount": "总金额排序", "random": "随机"}
CALIBRATED = ("ece", "ece_by_chance")
RANKINGS = ("", "supervised.", "rules.", "rules_by_amount.", "outlier.", "isolation_forest.", "total_amount.", "random.")
NAMES = {
    "zh": {
        "auc": "AUC",
        "average_precision": "平均精度",
        "ece": "ECE",
        "ece_by_chance": "风险完全准确时仅因数量少而有的ECE",
        "risk": "综合风险",
        "supervised": "监督模型",
        "rules": "仅规则",
        "rules_by_amount": "规则命中按金额",
        "attribute": "属性",
        "value": "取值",
        "entities": "主体数",
        "flagged": "列入",
        "share_flagged": "列入率",
        "mean_risk": "平均风险",
        "decided": "已决定",
        "cases": "属实",
        "case_share": "属实率",
        "case_low": "下限",
        "case_high": "上限",
        "as_of": "截至",
        "kept": "与上月重合",
        "correlation": "风险秩相关",
        "recall_without_rule": "且无该规则",
        "recall_learnt": "学过时",
        "kind": "类型",
        "level": "级别",
        "ownership": "所有制",
        "region": "地区",
        "outlier": "仅离群",
        "isolation_forest": "孤立森林",
        "total_amount": "仅金额",
        "random": "随机",
        "claim": "结算单",
        "patient": "参保人",
        "doctor": "医师",
        "institution": "医疗机构",
        "pharmacy": "药店",
        "hospital": "医院",
        "public": "公立",
        "private": "民营",
        "unknown": "不详",
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
    | {f"recall_at_{k}": f"前{k}召回率" for k in CAPACITIES}
    | {f"amount_per_inspection_at_{k}": f"前{k}名平均每次查获金额(元)" for k in CAPACITIES}
    | {f"lift_over_{name}_at_{k}": f"前{k}名查获金额为{text}的倍数" for k in CAPACITIES for name, text in LIFTS.items()},
    "en": {
        "auc": "AUC",
        "ece": "ECE",
        "ece_by_chance": "ECE of right risks, by chance alone",
        "risk": "risk (combined)",
        "rules": "rules alone",
        "outlier": "outlier alone",
        "total_amount": "amount alone",
    },
}
"""What columns and rows are called on the page; others by their own name, with spaces."""

_PAGE = """<!doctype html>
<html lang="{{ lang }}"><head><meta charset="utf-8"><title>{{ title }}</title>
<style>body{font:14px/1.5 system-ui,sans-serif;margin:2rem;max-width:96rem}table{border-collapse:collapse;margin:1rem 0}
td,th{border-bottom:1px solid #ddd;padding:.25rem .6rem;text-align:right;white-space:nowrap}
td:first-child,th:first-child{text-align:left}.table{overflow-x:auto}
svg{max-width:100%;height:auto}</style>
</head><body><h1>{{ title }}</h1><p>{{ subtitle }}</p>
{% for block in blocks %}{% if block.heading %}<h2>{{ block.heading }}</h2>{% endif %}
{% for line in block.lines or [] %}<p>{{ line }}</p>{% endfor %}
{% if block.picture %}{{ block.picture | safe }}{% endif %}
{% if block.rows %}<div class="table"><table><thead><tr>{% for cell in block.columns %}<th>{{ cell }}</th>{% endfor %}</tr></thead><tbody>
{% for row in block.rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>{% endfor %}</tbody></table></div>{% endif %}
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
        upright([say["ranking"], *(_name(each, lang) for each in shown)], rows),
        {"columns": [say["measure"], say["value"], say["interval"]], "rows": _measures(report, lang)},
    ]
    if report["against_truth"]:
        known = [name for name in (*SHOWN, *CALIBRATED) if name in report["against_truth"]["risk"]]
        truth = [[_name(name, lang), *(figure(figures.get(key)) for key in known)] for name, figures in report["against_truth"].items()]
        blocks.append({"heading": say["truth"]} | upright([say["ranking"], *(_name(each, lang) for each in known)], truth))
    subtitle = f"{report['model_version']}, {say['as_of']} {report['as_of']}. {say['held_out']} {say['lower_bound']}"
    return render(lang, f"{say['target']}: {_name(report['target'], lang)}", subtitle, blocks)


def list_page(report: dict[str, Any], lang: str) -> str:
    """Figures of the ranked scores, of all entities together and of each type, as HTML."""
    say = TEXTS[lang]
    shown = [name for name in (*SHOWN, *CALIBRATED) if any(name in figures for figures in report["against_truth"].values())]
    rows = [
        [say["all"] if kind == "all" else _name(kind, lang), *(figure(figures.get(name)) for name in shown)]
        for kind, figures in report["against_truth"].items()
    ]
    blocks = [{"heading": say["truth"]} | upright([say["of"], *(_name(each, lang) for each in shown)], rows)] if rows else []
    blocks += [_block(say[name].format(first=report["first"]), report[name], lang) for name in ("steadiness", "fairness") if report[name]]
    return render(lang, say["list"], f"{say['as_of']} {report['as_of']}", blocks)


def unseen_page(report: dict[str, Any], lang: str) -> str:
    """Recall of schemes that were left out of learning, as HTML."""
    say = TEXTS[lang]
    rows = [*report["schemes"], {"scheme": say["mean"], "cases": sum(each["cases"] for each in report["schemes"])} | report["mean"]]
    block = _block("", rows, lang)
    return render(lang, say["unseen"].format(first=report["first"]), f"{say['as_of']} {report['as_of']}", [block])


def comparison_page(report: dict[str, Any], lang: str) -> str:
    """Two models of each target side by side, as HTML."""
    say = TEXTS[lang]
    blocks = []
    for target, found in report["targets"].items():
        rows = [
            [_name(name, lang), figure(one["in_use"]), figure(one["other"]), figure(one["difference"]), _interval(one.get("interval"))]
            for name, one in found["metrics"].items()
        ]
        columns = [say["measure"], f"{say['in_use']} {found['in_use']}", f"{say['other']} {found['other']}", say["apart"], say["interval"]]
        blocks.append({"heading": _name(target, lang), "columns": columns, "rows": rows})
    return render(lang, say["difference"], f"{say['as_of']} {report['as_of']}. {say['held_out']}", blocks)


def _measures(report: dict[str, Any], lang: str) -> list[list[str]]:
    """Calibration, money, what carries over in time and what random checks show: name, value, interval."""
    say, metrics, intervals = TEXTS[lang], report["metrics"], report["intervals"]
    names = {"ece": say["ece"], "average_precision": _name("average_precision", lang)}
    names |= {name: _name(name, lang) for name in metrics if name.startswith("lift_")}
    for prefix, text in (("decided", "among_decided"), ("forward", "forward"), ("random_draws", "random_draws")):
        names |= {f"{prefix}.{key}": f"{say[text]}: {_name(key, lang)}" for key in (*SHOWN[:2], "entities", "cases", "mean_risk")}
    return [[text, figure(metrics[name]), _interval(intervals.get(name))] for name, text in names.items() if name in metrics]


def _interval(bounds: Any) -> str:
    return f"{figure(bounds[0])} – {figure(bounds[1])}" if bounds else ""


def upright(columns: list[str], rows: list[list[str]]) -> dict[str, Any]:
    """A table with many columns turned on its side: what was compared side by side, its figures from top to bottom."""
    turned = [list(each) for each in zip(columns, *rows, strict=True)]
    return {"columns": turned[0], "rows": turned[1:]}


def _block(heading: str, records: list[dict[str, Any]], lang: str) -> dict[str, Any]:
    columns = list(records[0])
    rows = [[_name(cell, lang) if isinstance(cell := each.get(name), str) else figure(cell) for name in columns] for each in records]
    return {"heading": heading, "columns": [_name(name, lang) for name in columns], "rows": rows}


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
