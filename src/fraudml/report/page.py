"""``leads.html``: one file, readable offline, with search, filters and a page for each lead."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fraudml.leads import schemes, wordings
from fraudml.report.activity import LANES
from fraudml.report.words import say, subtitle, words

TEMPLATES = Path(__file__).with_name("templates")


def write_page(
    path: Path,
    dossiers: Sequence[Mapping[str, Any]],
    *,
    as_of: dt.date,
    start: dt.date,
    scored: int,
    lang: str,
    conf_dir: str | Path | None = None,
) -> Path:
    """Writes the page.

    Parameters
    ----------
    dossiers : what :func:`fraudml.report.dossiers` gives.
    as_of, start : the day and the first day of the period looked at.
    scored : how many entities were judged.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
    own = {key: entry[lang] for key, entry in words().items() if isinstance(entry[lang], str)}
    names = {name: scheme.name for name, scheme in schemes(lang, conf_dir).items()}
    data = {
        "leads": [_packed(each) for each in dossiers],
        "items": {line["item"]: line["name"] for each in dossiers for claim in each["claims"] for line in claim["lines"] if line["name"]},
        "words": own,
        "types": {kind: entry[lang] for kind, entry in wordings()["entity_types"].items()},
        "schemes": names,
        "visits": {lane: say(f"visit_{lane}", lang) for lane in LANES},
        "lang": lang,
    }
    html = environment.get_template("leads.html").render(
        lang=lang,
        w=own,
        as_of=as_of.isoformat(),
        subtitle=subtitle(dossiers, start, as_of, lang),
        made=say("made", lang, as_of=as_of, scored=scored),
        css=Markup((TEMPLATES / "leads.css").read_text(encoding="utf-8")),  # noqa: S704 - our own file
        script=Markup((TEMPLATES / "leads.js").read_text(encoding="utf-8")),  # noqa: S704 - our own file
        data=Markup(embedded(data)),  # noqa: S704 - no < is left in it
    )
    path.write_text(html, encoding="utf-8")
    return path


def _packed(dossier: Mapping[str, Any]) -> dict[str, Any]:
    """A lead for the page: lines as rows of figures, because there are tens of thousands of them; item names stand apart, once each."""
    claims = [
        {
            **claim,
            "lines": [
                [line["item"], line["quantity"], line["price"], line["amount"], line["asked"] if line["flagged"] else None]
                for line in claim["lines"]
            ],
        }
        for claim in dossier["claims"]
    ]
    pictures = [{"name": each["name"], "caption": each["caption"], "svg": each["drawing"].svg()} for each in dossier["pictures"]]
    return {**dossier, "claims": claims, "pictures": pictures}


def embedded(data: Any) -> str:
    """JSON that cannot end the script element it stands in, nor begin a comment: ``<`` is written as an escape.

    >>> embedded({"a": "</script><!--"})
    '{"a":"\\\\u003c/script>\\\\u003c!--"}'
    """
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_plain).replace("<", "\\u003c")


def _plain(value: Any) -> Any:
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no JSON form")
