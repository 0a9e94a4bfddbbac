"""The catalogue as people read it: lines for the terminal, and the page ``docs/features.md``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from fraudml.contracts import ENTITY_TYPES
from fraudml.vectors.catalogue import load_catalogue, load_measures
from fraudml.vectors.declared import UNITS, Catalogue, Feature

_TITLES = {"claim": "结算", "patient": "参保人", "doctor": "医师", "institution": "医疗机构", "pharmacy": "药店"}
_ABOUT = """\
# Behaviour vectors: the catalogue

Made by `fraudml features --page > docs/features.md` from `features/*.yaml` and `conf/rules/*.yaml`; a test holds the two together. First
the behaviour vectors (`features/<entity>.parquet`, `fm.behaviour`), then the measures of the graph (`graph/measures.parquet`), then the
rule hits. `fm.model_table` gives all three of an entity as one table, the one that models read; with `peers=True` also the robust z-score
and the percentile of every feature inside the peer group (small groups are widened from the right). One row per declared feature.
A feature with windows `1, 3, 12` is the columns `<name>_1m`, `_3m`, `_12m`: the months before the snapshot's day. *Direction* is the side
that is suspicious; *rows* are those of the requirements that it serves; *otherwise* is what else could explain a value. `…` stands for
the entity's figure, or its peers' median.
"""


def listing(conf_dir: str | Path | None, lang: str, rules: Mapping[str, Feature]) -> str:
    """One line per column: of each entity its vectors and graph measures, then the counts of rule hits."""
    lines: list[str] = []
    for entity in ENTITY_TYPES:
        catalogue = load_catalogue(entity, conf_dir)
        lines.append(f"{entity}: {len(catalogue.features)} features, peers: {' x '.join(catalogue.peers)}")
        lines += _listed(catalogue.features.values(), lang)
        if measures := _further(catalogue, conf_dir):
            lines.append(f"{entity}: {len(measures)} graph measures")
            lines += _listed(measures.values(), lang)
    lines.append(f"rule hits: {len(rules)} counts, of whichever entities and claims the evidence names")
    return "\n".join([*lines, *_listed(rules.values(), lang)])


def _listed(features: Iterable[Feature], lang: str) -> list[str]:
    lines = []
    for feature in features:
        unit = UNITS[feature.unit][0 if lang == "zh" else 1] or feature.unit
        lines.append(f"  {feature.name:<40} {unit:<8} {feature.direction:<5} {','.join(feature.serves):<16} {feature.pattern(lang)}")
    return lines


def _further(catalogue: Catalogue, conf_dir: str | Path | None) -> dict[str, Feature]:
    """Graph measures; what the vectors declare under the same name is theirs."""
    return {name: each for name, each in load_measures(catalogue.entity, conf_dir).items() if name not in catalogue.features}


def page(conf_dir: str | Path | None, rules: Mapping[str, Feature]) -> str:
    """The whole catalogue in Markdown, a table per entity, one of its graph measures, and one of the rule hits."""
    sections = []
    for entity in ENTITY_TYPES:
        catalogue = load_catalogue(entity, conf_dir)
        peers = f" Peers: {' × '.join(catalogue.peers)}."
        sections.append(_section(f"{entity} ({_TITLES[entity]})", catalogue.features, "features", peers))
        if measures := _further(catalogue, conf_dir):
            sections.append(_section(f"{entity} in the graph ({_TITLES[entity]}关系网络)", measures, "measures"))
    told = " A count is there for each entity that the rule's evidence speaks against, and for the claims that bear it."
    return "\n".join([_ABOUT, *sections, _section("rule hits (规则命中)", rules, "counts", told)])


def _section(title: str, features: Mapping[str, Feature], noun: str, told: str = "") -> str:
    bases: dict[str, list[Feature]] = {}
    for feature in features.values():
        bases.setdefault(feature.base, []).append(feature)
    lines = [
        f"## {title}",
        "",
        f"{len(bases)} {noun} in {len(features)} columns.{told}",
        "",
        "| feature | months | unit | direction | rows | 说明 | in words | 其他可能 | otherwise |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for base, columns in bases.items():
        last = columns[-1]
        cells: Iterable[str] = (
            f"`{base}`",
            ", ".join(str(each.window) for each in columns if each.window),
            last.unit,
            last.direction,
            ", ".join(last.serves),
            last.pattern("zh"),
            last.pattern("en"),
            last.benign["zh"],
            last.benign["en"],
        )
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"
