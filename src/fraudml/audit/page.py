"""``NAME.html``: the programme on one self-contained page, with pictures; what comes from the data is never markup."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fraudml.audit.drawing import stratum_columns
from fraudml.audit.listed import Listed
from fraudml.audit.pictures import crossing_picture, grades_picture, histogram_picture
from fraudml.audit.programme import AuditResult
from fraudml.audit.words import heading, is_empty, overview, say, stratum_in_words, value_in_words
from fraudml.audit.workbook import HIDDEN
from fraudml.wording import number, percent

if TYPE_CHECKING:
    import pandas as pd

TEMPLATES = Path(__file__).with_name("templates")
SHOWN = 50
"""Rows of a list on the page; the workbook has all."""

PARAGRAPHS = 12


def write_page(result: AuditResult, path: Path) -> Path:
    """Writes the page."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    lang = result.lang
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
    sections = [_section(identity, listed, lang) for identity, listed in result.lists.items()]
    targets = None
    if result.programme.crossing:
        targets = _table(result.key_targets, {}, {"best_place": "share", "list_count": "count", "place_count": "count"}, lang)
        targets["picture"] = Markup(crossing_picture(result.key_targets, result.lists, lang).svg()) if len(result.key_targets) else ""  # noqa: S704 - our own SVG, escaped
    html = environment.get_template("audit.html").render(
        lang=lang,
        title=result.programme.name[lang],
        source=result.programme.source[lang],
        intro=say("page_intro", lang),
        overview=overview(result.as_of, [each.name for each in result.periods] if result.programme.uses_periods else [], result.seed, lang),
        css=Markup((TEMPLATES / "audit.css").read_text(encoding="utf-8")),  # noqa: S704 - our own file
        sections=sections,
        targets=targets,
        names={key: say(key, lang) for key in ("key_targets", "page_contents", "page_check", "page_no_key_targets", "sheet_protocol")},
        heads={key: heading(f"protocol_{key}", lang) for key in ("part", "item", "value")},
        protocol=[
            {"part": value_in_words("part", row.part, lang), "item": row.item, "value": row.value} for row in result.protocol.itertuples()
        ],
    )
    path.write_text(html, encoding="utf-8")
    return path


def _section(identity: str, listed: Listed, lang: str) -> dict[str, Any]:
    from markupsafe import Markup

    entry = listed.entry
    pictures = []
    if "histogram" in listed.pictures and entry.measure:
        name = entry.measure.name[lang]
        cuts = dict(zip(listed.strata["stratum"], listed.strata["cut_value"], strict=True))
        for stratum, bins in listed.pictures["histogram"]:
            said = stratum_in_words(stratum_columns(entry), stratum, lang)
            pictures.append(histogram_picture(name, said, bins, cuts.get(stratum), lang))
    if entry.kind == "grades" and len(listed.rows):
        pictures.append(grades_picture(listed.rows, list(entry["grades"]), lang))
    return {
        "id": identity,
        "row": entry.row,
        "name": entry.name[lang],
        "about": entry.about[lang],
        "check": entry.check[lang],
        "notes": listed.notes[:PARAGRAPHS],
        "pictures": [Markup(each.svg()) for each in pictures],  # noqa: S704 - our own SVG, escaped
        "count": number(len(listed.rows)),
        **_table(listed.rows, listed.headings, listed.units, lang),
    }


def _table(frame: pd.DataFrame, headings: dict[str, str], units: dict[str, str], lang: str) -> dict[str, Any]:
    """The first rows as text, with the columns that hold figures."""
    columns = [name for name in frame if name not in (*HIDDEN, "draw_key") or (name == "kind" and "week" in frame)]
    head = frame.head(SHOWN)
    rows = [
        [_text(name, value, units.get(name, ""), lang) for name, value in zip(columns, row, strict=True)]
        for row in head[columns].itertuples(index=False)
    ]
    figures = [str(frame[name].dtype).startswith(("int", "float", "Int", "Float")) for name in columns]
    return {
        "columns": [headings.get(name) or heading(name, lang) for name in columns],
        "figures": figures,
        "rows": rows,
        "more": say("page_more", lang, shown=SHOWN, count=len(frame)) if len(frame) > SHOWN else "",
    }


def _text(name: str, value: Any, unit: str, lang: str) -> str:
    value = value.item() if hasattr(value, "item") else value
    if is_empty(value):
        return ""
    if unit == "day" or hasattr(value, "isoformat"):
        return str(value)[:10]
    if isinstance(value, bool):
        return say("yes" if value else "no", lang)
    if isinstance(value, (int, float)):
        return percent(value) if unit == "share" else number(value, 2 if unit == "yuan" else 4)
    if isinstance(value, (list, tuple)):
        return "、".join(map(str, value))
    return value_in_words(name, value, lang)
