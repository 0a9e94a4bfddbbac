"""The catalogue as people read it: lines for the terminal, and the page ``docs/features.md``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from fraudml.contracts import ENTITY_TYPES
from fraudml.vectors.catalogue import load_catalogue
from fraudml.vectors.declared import UNITS, Catalogue, Feature

_TITLES = {"claim": "结算", "patient": "参保人", "doctor": "医师", "institution": "医疗机构", "pharmacy": "药店"}
_ABOUT = """\
# Behaviour vectors: the catalogue

Made by `fraudml features --page > docs/features.md` from `features/*.yaml`; a test holds the two together. One row per declared feature.
A feature with windows `1, 3, 12` is the columns `<name>_1m`, `_3m`, `_12m`: the months before the snapshot's day. *Direction* is the side
that is suspicious; *rows* are those of the requirements that it serves; *otherwise* is what else could explain a value. `…` stands for
the entity's figure, or its peers' median.
"""


def listing(conf_dir: str | Path | None, lang: str) -> str:
    """One line per column."""
    lines = []
    for entity in ENTITY_TYPES:
        catalogue = load_catalogue(entity, conf_dir)
        lines += [f"{entity}: {len(catalogue.features)} features, peers: {' x '.join(catalogue.peers)}"]
        for feature in catalogue.features.values():
            unit = UNITS[feature.unit][0 if lang == "zh" else 1] or feature.unit
            lines.append(f"  {feature.name:<40} {unit:<8} {feature.direction:<5} {','.join(feature.serves):<16} {feature.pattern(lang)}")
    return "\n".join(lines)


def page(conf_dir: str | Path | None = None) -> str:
    """The whole catalogue in Markdown, a table per entity."""
    return "\n".join([_ABOUT, *(_section(load_catalogue(entity, conf_dir)) for entity in ENTITY_TYPES)])


def _section(catalogue: Catalogue) -> str:
    bases: dict[str, list[Feature]] = {}
    for feature in catalogue.features.values():
        bases.setdefault(feature.base, []).append(feature)
    lines = [
        f"## {catalogue.entity} ({_TITLES[catalogue.entity]})",
        "",
        f"{len(bases)} features in {len(catalogue.features)} columns. Peers: {' × '.join(catalogue.peers)}.",
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
