"""``fm.explain``: one lead with its reasons and pictures, as the page shows them, in a notebook."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from fraudml.claims import open_claims
from fraudml.engine import open_engine
from fraudml.errors import MissingInput
from fraudml.leads import EVIDENCE_OF_LEADS, Ranking, wordings
from fraudml.leads.table import typed
from fraudml.report.dossier import dossiers
from fraudml.report.drawing import FONT
from fraudml.report.page import TEMPLATES
from fraudml.report.words import words
from fraudml.wording import number


@dataclass(frozen=True)
class LeadExplanation:
    """A lead as people read it; in Jupyter it shows itself.

    Attributes
    ----------
    lead : the row of ``leads.parquet``.
    evidence : its rows of ``evidence.parquet``, heaviest claim first.
    dossier : everything that page and workbook show of it.
    """

    lead: pd.Series
    evidence: pd.DataFrame
    dossier: Mapping[str, Any]
    lang: str

    @property
    def reasons(self) -> pd.DataFrame:
        """The frozen reasons, most important first."""
        return pd.DataFrame(list(self.lead["reasons"]))

    @property
    def claims(self) -> pd.DataFrame:
        """The evidence claims as the page lists them."""
        return pd.DataFrame(self.dossier["claims"])

    @property
    def pictures(self) -> dict[str, str]:
        """SVG by name; a second picture of one kind is numbered."""
        out: dict[str, str] = {}
        for each in self.dossier["pictures"]:
            name, count = each["name"], 2
            while name in out:
                name, count = f"{each['name']} {count}", count + 1
            out[name] = each["drawing"].svg()
        return out

    def _repr_html_(self) -> str:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
        from markupsafe import Markup

        environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
        own = {key: entry[self.lang] for key, entry in words().items() if isinstance(entry[self.lang], str)}
        pictures = [{**each, "svg": Markup(each["drawing"].svg())} for each in self.dossier["pictures"]]  # noqa: S704 - escaped when drawn
        return environment.get_template("lead.html").render(
            lead=self.dossier,
            pictures=pictures,
            w=own,
            font=FONT.replace('"', "'"),
            type=wordings()["entity_types"][self.dossier["type"]][self.lang],
            amount=number(self.dossier["amount"]),
        )

    def __repr__(self) -> str:
        lines = [f"{self.dossier['id']}  {self.dossier['title']}  {self.dossier['type']} {self.dossier['entity']}"]
        return "\n".join(lines + [f"- {each['text']}" for each in self.dossier["reasons"]])


def explain(data_dir: str | Path, lead_id: str, *, as_of: str | None = None, lang: str | None = None) -> LeadExplanation:
    """One lead with its reasons, evidence and pictures.

    Parameters
    ----------
    data_dir : the folder that the stages write to.
    lead_id : as in ``leads.parquet``.
    as_of : the day of the list; default the newest that has the lead.
    lang : ``zh`` or ``en``; default the list's own. Reasons stay in the language they were frozen in.

    Raises
    ------
    MissingInput
        When no list has the lead.

    Examples
    --------
    >>> fm.explain("data", "L-7F3K2Q-90ABCD")  # doctest: +SKIP
    """
    engine = open_engine()
    folders = sorted((Path(data_dir) / "leads").glob(f"as_of={as_of or '*'}"), reverse=True)
    for folder in folders:
        if not (folder / "leads.parquet").is_file():
            continue
        engine.parquet("listed", folder / "leads.parquet")
        found = engine.arrow("select * from listed where lead_id = ?", [lead_id]).to_pylist()
        if not found:
            continue
        engine.parquet("proven", folder / "evidence.parquet")
        evidence = EVIDENCE_OF_LEADS.frame(engine.query("select * from proven where lead_id = ? order by place", [lead_id]))
        about = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        spoken = lang or str(about["parameters"]["lang"])
        ranking = Ranking(typed(found), evidence, about["counts"])
        with open_claims(data_dir, engine).at(str(about["as_of"]), months=int(about["parameters"]["months"])) as snapshot:
            dossier = dossiers(snapshot, ranking, lang=spoken)[0]
        return LeadExplanation(ranking.leads.iloc[0], evidence, dossier, spoken)
    raise MissingInput("leads.unknown", f"no list below {Path(data_dir) / 'leads'} has {lead_id}.", "Look the id up in leads.parquet.")
